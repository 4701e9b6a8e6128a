"""Which files are read again because of the file in which their lines go on."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest

from pointline.parse.feed import Beside
from pointline.phrases import NOT_BESIDE
from pointline.services.files.awaited import ByTheOther, told_by_the_other
from pointline.tables.ingest_manifest import SCHEMA

PAIR = Beside(here="_book", there="_clock", widths=(2,), widths_there=(3,))
BOOK, CLOCK = "a/x_book.csv", "a/x_clock.csv"
WAITED = f"{BOOK}: each of its lines goes on in x_clock.csv, {NOT_BESIDE}; put x_clock.csv there"
JUDGED_US = 1_000
ENTRY = {
    "file_id": 7,
    "data_type": "quotes",
    "exchange": "mine",
    "feed": "tops",
    "bronze_file_path": BOOK,
    "status": "quarantined",
    "error": WAITED,
    "created_at_us": 0,
    "updated_at_us": JUDGED_US,
}
UNEVEN = {**ENTRY, "error": "x_clock.csv has fewer lines than it"}
IN = {**ENTRY, "status": "success", "error": None}
BEFORE, AFTER = JUDGED_US - 1, JUDGED_US + 1


def found(*entries: dict[str, object], there: dict[str, int]) -> ByTheOther:
    """``there``: when each file in bronze was changed."""
    ledger = pl.DataFrame(list(entries), schema={name: SCHEMA[name] for name in ENTRY})
    reader = SimpleNamespace(
        is_gone=lambda path: path not in there,
        changed_at=there.get,
    )
    return told_by_the_other(
        ledger.drop("error"),
        lambda ids: ledger.filter(pl.col("file_id").is_in(ids)),
        reader,
        lambda _path, feed: PAIR if feed == "tops" else None,
    )


@pytest.mark.parametrize(
    ("entry", "there", "is_again"),
    [
        (ENTRY, {CLOCK: BEFORE}, True),
        (ENTRY, {CLOCK: AFTER}, True),
        (ENTRY, {}, False),
        (UNEVEN, {CLOCK: BEFORE}, False),
        (UNEVEN, {CLOCK: AFTER}, True),
        (UNEVEN, {}, False),
        (IN, {BOOK: BEFORE, CLOCK: BEFORE}, False),
        (IN, {BOOK: BEFORE, CLOCK: AFTER}, True),
        (IN, {BOOK: BEFORE}, False),
        (IN, {CLOCK: AFTER}, False),
    ],
)
def test_by_what_the_other_one_is_now(entry, there, is_again):
    again = {7: BOOK} if is_again else {}
    is_in = entry["status"] == "success"
    assert found(entry, there=there) == ByTheOther({} if is_in else again, again if is_in else {})


@pytest.mark.parametrize(
    ("status", "met_us", "is_again"), [("success", 1, True), ("success", -1, False), ("gone", 1, False)]
)
def test_the_other_one_became_a_new_version_by_a_move(status, met_us, is_again):
    """Its ctime is of before: the ledger knows since when it is another one."""
    clock = {**IN, "file_id": 8, "data_type": "trades", "feed": "trades", "bronze_file_path": CLOCK, "status": status}
    other = {**clock, "created_at_us": JUDGED_US + met_us}
    again = {7: BOOK} if is_again else {}
    assert found(IN, other, there={BOOK: BEFORE, CLOCK: BEFORE}) == ByTheOther({}, again)


@pytest.mark.parametrize("change", [{"status": "gone"}, {"status": "superseded"}, {"feed": ""}, {"feed": "trades"}])
def test_others_are_left_alone(change):
    assert found({**ENTRY, **change}, there={CLOCK: AFTER}) == ByTheOther({}, {})
