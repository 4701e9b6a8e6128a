"""What must hold for a broken file of any vendor: it is refused, or what is wrong is quarantined, with words."""

from __future__ import annotations

import re

import pytest

from tests.support.vendor_files import MUTATIONS, Form, broken, expected, shipped

MATRIX = list(MUTATIONS)


def check_mutation(form: Form, mutation: str) -> None:
    """Break a made file; nothing of it may be in silver but rows as they were written before it was broken."""
    made = broken(form, mutation)
    if made is None:
        pytest.skip(form.unproved.get(mutation, "the feed has no such thing, or no content can show it"))
    taken = form.take(made.path, made.data)
    assert re.search(made.says, taken.said), taken.said
    if not taken.is_success:
        assert taken.silver.is_empty()
        return
    whole = expected(form.plain_rows())
    rows = taken.rows()
    assert len(rows) < len(whole)
    assert all(row in whole for row in rows), "rows with other values are in silver"


def feeds_of(*vendors: str, decoded: bool = False) -> set[str]:
    """The feeds that ship of these vendors: those of text, or those of files that are none."""
    descriptions = [one for vendor in shipped().vendors if vendor.name in vendors for one in vendor.descriptions]
    return {one.name for one in descriptions if bool(one.feed.decoder) == decoded}
