"""The tests that every vendor has: each feed has a form, comes back as it was written, and is broken without harm."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vendor_files import Form, check_round_trip
from tests.support.vendor_matrix import MATRIX, check_mutation, feeds_of


def checks_of(forms: Sequence[Form], *vendors: str, examples: int = 10) -> tuple[Callable[..., None], ...]:
    """The three tests, to be given names beginning with ``test_`` by a module; ``examples`` are files of each form."""
    by_feed = pytest.mark.parametrize("form", forms, ids=lambda form: f"{form.feed}-{form.span}")

    def every_feed_has_a_form() -> None:
        assert {form.feed for form in forms} == feeds_of(*vendors)

    @by_feed
    @pytest.mark.examples(3)
    @settings(deadline=None, max_examples=examples)
    @given(data=st.data())
    def comes_back(form: Form, data: st.DataObject) -> None:
        check_round_trip(form, data.draw(form.any_rows()))

    @by_feed
    @pytest.mark.parametrize("mutation", MATRIX)
    @pytest.mark.share(3)
    def is_broken(form: Form, mutation: str) -> None:
        check_mutation(form, mutation)

    return every_feed_has_a_form, comes_back, is_broken
