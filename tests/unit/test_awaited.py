"""Which refused files are read again because the file beside them has come."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest

from pointline.parse.feed import Beside
from pointline.phrases import NOT_BESIDE
from pointline.services.files.awaited import no_longer_awaiting
from pointline.tables.ingest_manifest import SCHEMA

PAIR = Beside(here="_book", there="_clock", widths=(2,), widths_there=(3,))
WAITED = f"a/x_book.csv: each of its lines goes on in x_clock.csv, {NOT_BESIDE}; put x_clock.csv there"
ENTRY = {
    "file_id": 7,
    "data_type": "quotes",
    "exchange": "mine",
    "feed": "tops",
    "bronze_file_path": "a/x_book.csv",
    "status": "quarantined",
    "error": WAITED,
}


def found(*entries: dict[str, object], there: tuple[str, ...] = ("a/x_clock.csv",)) -> dict[int, str]:
    ledger = pl.DataFrame(list(entries), schema={name: SCHEMA[name] for name in ENTRY})
    reader = SimpleNamespace(is_gone=lambda path: path not in there)
    return no_longer_awaiting(
        ledger.drop("error"),
        lambda ids: ledger.filter(pl.col("file_id").is_in(ids)),
        reader,
        lambda _path, feed: PAIR if feed == "tops" else None,
    )


def test_a_file_that_was_refused_for_want_of_another_is_read_when_that_is_there():
    assert found(ENTRY, {**ENTRY, "file_id": 8, "feed": "trades"}) == {7: "a/x_book.csv"}


@pytest.mark.parametrize(
    ("change", "there"),
    [
        ({}, ()),
        ({"error": "12 of 20 rows cannot be kept"}, ("a/x_clock.csv",)),
        ({"error": None}, ("a/x_clock.csv",)),
        ({"status": "success"}, ("a/x_clock.csv",)),
        ({"status": "gone"}, ("a/x_clock.csv",)),
        ({"feed": ""}, ("a/x_clock.csv",)),
    ],
)
def test_others_are_left_alone(change, there):
    assert found({**ENTRY, **change}, there=there) == {}
