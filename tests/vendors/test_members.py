"""A file in an archive that is named as files of its feed are, and for another symbol than the archive."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from tests.support.vendor_files import Form, claim_of, feed_of, shipped, take
from tests.vendors.test_lake import one_of_each

DESCRIBED = {one.name: one.text for vendor in shipped().vendors for one in vendor.descriptions}
SYMBOL = re.compile(r"(?:DAT_ASCII_)?([A-Z][A-Z0-9]+(?:[-_](?:USDT?|PERP|SWAP|[0-9]+))*)(?=[-_])")


def zipped(form: Form) -> tuple[str, str]:
    """Return the path of the form's file as a zip, and the symbol as the path spells it; nothing where rows name it."""
    path = re.sub(r"\.(csv|txt|data)(\.gz|\.zst)?$", ".zip", form.path_of(form.day))
    symbol = SYMBOL.match(path.rpartition("/")[2])
    mapped = DESCRIBED[form.feed].map.get("symbol")
    is_by_path = mapped is None or not (isinstance(mapped, str) or (mapped.from_ and not mapped.value))
    known = path.endswith(".zip") and feed_of(path) == form.feed and getattr(claim_of(path), "symbol", "*") != "*"
    return (path, symbol[1]) if known and is_by_path and symbol is not None else ("", "")


FORMS = [form for form in one_of_each() if zipped(form)[0]]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.feed)
@pytest.mark.parametrize("is_other", [True, False], ids=["another symbol", "its own"])
def test_it_is_taken_for_its_own_symbol_alone(form, is_other):
    path, symbol = zipped(form)
    name = path.rpartition("/")[2].replace(".zip", ".csv")
    member = name.replace(symbol, f"XYZ{symbol[3:]}") if is_other else name
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(member, form.file(form.written(form.plain_rows(20))))
    taken = take((path, content.getvalue()))
    assert taken.is_success is not is_other, taken.said
    if is_other:
        assert f"the symbol in the file is 'XYZ{symbol[3:]}" in taken.said, taken.said


def test_most_feeds_of_archives_are_here():
    assert len(FORMS) > 20
