"""The clocks of `python -m tests.bench --profile` are put round functions by name: each has to be there."""

from __future__ import annotations

import pytest

from tests.bench.clocks import CLI, STEPS, find


@pytest.mark.parametrize("place", [*(place for _, place in STEPS), f"{CLI}:main"])
def test_what_is_timed_is_there(place):
    owner, name = find(place)
    assert callable(getattr(owner, name))
