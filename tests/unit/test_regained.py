"""``regained``: a file is read again for a day that it had left to another one, once that one has it no more."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import polars as pl
import pytest

from pointline.io.protocols.file_version import LEFT_TO
from pointline.parse.rules import DAY_US
from pointline.services.files import regained as regained_module
from pointline.services.files.place.preference import RankOf
from pointline.services.files.regained import days_left, left_to, regained
from pointline.tables.ingest_manifest import SCHEMA
from pointline.vendors.claim import Rank

MONTH, DAILY = 1, 2
DAY, OTHER_DAY = dt.date(2024, 5, 7), dt.date(2024, 5, 8)
SHARED = {"exchange": "binance", "data_type": "trades", "symbol": "BTCUSDT", "feed": "futures"}


def warned(*days: tuple[int, dt.date]) -> str:
    return json.dumps({f"{LEFT_TO}{by}:{day}": 12 for by, day in days} | {"unknown_column:fee": 3})


def file(file_id: int, path: str, status: str = "success", **facts: Any) -> dict[str, Any]:
    return {**SHARED, "file_id": file_id, "bronze_file_path": path, "status": status, "date": DAY, **facts}


def month(*days: tuple[int, dt.date], **facts: Any) -> dict[str, Any]:
    return file(MONTH, "month", warnings=warned(*(days or [(DAILY, DAY)])), date=dt.date(2024, 5, 1), **facts)


def daily(status: str = "success", **facts: Any) -> dict[str, Any]:
    return file(DAILY, "daily", status, **facts)


def asked(
    *rows: dict[str, Any],
    present: tuple[str, ...] = ("month", "daily"),
    rank_of: RankOf = lambda _path, _feed: None,
) -> set[int]:
    """What is to be read again."""
    entries = pl.DataFrame(
        [dict.fromkeys(SCHEMA) | row for row in rows],
        schema={**SCHEMA, "first_local_timestamp": pl.Datetime("us"), "last_local_timestamp": pl.Datetime("us")},
        orient="row",
    )
    thinned = entries.filter(pl.col("warnings").is_not_null())
    words = [pl.col(name).cast(pl.Categorical) for name in ("exchange", "data_type", "symbol", "status", "feed")]
    found = regained(
        thinned, entries.with_columns(words).drop("warnings"), pl.Series(present, dtype=pl.String), rank_of
    )
    paths = {row["file_id"]: row["bronze_file_path"] for row in rows}
    assert all(paths[file_id] == path for file_id, path in found.items())
    return set(found)


def moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(13))


ELSEWHERE = {"first_local_timestamp": moment(OTHER_DAY), "last_local_timestamp": moment(OTHER_DAY)}


@pytest.mark.parametrize(
    ("by", "is_asked"),
    [
        ([daily()], False),
        ([daily("pending")], False),
        ([daily("withdrawn")], True),
        ([daily("quarantined")], True),
        ([daily("failed")], True),
        ([daily("gone")], True),
        ([], True),
    ],
    ids=["in", "being read", "withdrawn", "quarantined", "failed", "gone", "unknown"],
)
def test_a_day_is_wanted_back_where_the_other_file_has_it_no_more(by, is_asked):
    assert asked(month(), *by) == ({MONTH} if is_asked else set())


HEIRS = [
    ({}, False),
    ({"status": "pending", **ELSEWHERE}, False),
    ({"status": "quarantined"}, True),
    ({"status": "withdrawn"}, True),
    ({"symbol": "ETHUSDT"}, True),
    ({"symbol": "BTC/USDT"}, True),
    ({"symbol": "btcusdt"}, False),
    ({"feed": "spot"}, True),
    ({"exchange": "okx"}, True),
    ({"data_type": "quotes"}, True),
    ({"date": OTHER_DAY}, True),
    (ELSEWHERE, True),
    ({"date": OTHER_DAY, "first_local_timestamp": moment(DAY), "last_local_timestamp": moment(OTHER_DAY)}, False),
    ({"first_local_timestamp": moment(dt.date(2024, 5, 6)), "last_local_timestamp": moment(DAY)}, False),
    ({"first_local_timestamp": moment(dt.date(2024, 5, 1)), "last_local_timestamp": moment(dt.date(2024, 5, 6))}, True),
]


@pytest.mark.parametrize("how", ["superseded", "duplicate"])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(("heir", "is_asked"), HEIRS)
def test_what_took_its_place_may_have_the_day(heir, is_asked, steps, how):
    """A new issue, a copy, or a chain of them: it counts what the last of them has."""
    chain = [daily(how, superseded_by=DAILY + 1)]
    chain += [file(DAILY + step, "daily", how, superseded_by=DAILY + step + 1) for step in range(1, steps)]
    last = file(DAILY + steps, "daily", **{"status": "success", **heir})
    assert asked(month(), *chain, last) == ({MONTH} if is_asked else set())


def test_one_of_many_days_is_enough():
    both = month((DAILY, DAY), (3, OTHER_DAY))
    other = file(3, "other", date=OTHER_DAY)
    assert asked(both, daily(), other) == set()
    assert asked(both, daily(), other | {"status": "withdrawn"}) == {MONTH}
    assert asked(both, daily("withdrawn"), other) == {MONTH}


def test_what_is_not_there_or_not_the_newest_is_not_read_again():
    assert asked(month(), daily("withdrawn"), present=("daily",)) == set()
    newer = file(5, "month", "pending")
    assert asked(month(), daily("withdrawn"), newer) == set(), "it waits for what becomes of that one"
    for closed in ("superseded", "gone"):
        assert asked(month(), daily("withdrawn"), newer | {"status": closed}) == {MONTH}
    assert asked(month(), daily("withdrawn"), file(5, "elsewhere", "pending")) == {MONTH}


def test_a_file_that_left_its_day_to_itself_is_no_reason():
    """Its rows may have been moved to another place since; it is itself that stands there."""
    assert asked(month((MONTH, OTHER_DAY))) == set()


def test_a_ring_of_replacements_has_an_end(monkeypatch):
    monkeypatch.setattr(regained_module, "MOST_STEPS", 7)
    ring = [daily("superseded", superseded_by=3), file(3, "x", "superseded", superseded_by=DAILY)]
    assert asked(month(), *ring) == {MONTH}


def test_what_was_left_is_read_from_the_warnings():
    assert list(days_left(warned((7, DAY), (8, OTHER_DAY)))) == [(7, DAY, 12), (8, OTHER_DAY, 12)]
    assert list(days_left(None)) == []
    thinned = pl.DataFrame([dict.fromkeys(SCHEMA) | month((7, DAY), (8, OTHER_DAY))], schema=SCHEMA, orient="row")
    assert [(row["file_id"], day, rows) for row, day, rows in left_to(thinned, {8, 9})] == [(MONTH, OTHER_DAY, 12)]


@pytest.mark.parametrize(("is_part", "again"), [(True, {3}), (False, set())], ids=["a part", "all of it"])
def test_a_file_that_left_its_day_too_has_it_no_more(is_part, again):
    """``first`` left the day to the month, which left it to ``second``: that one may be of another part of the day."""
    start = int(moment(DAY).replace(hour=0, tzinfo=dt.UTC).timestamp()) * 1_000_000
    noon, end = start + DAY_US // 2, start + DAY_US
    of_second = (noon, end) if is_part else (start, end)
    ranks = {"first": Rank(0, (start, noon)), "second": Rank(0, of_second), "month": Rank(1, (start, end))}
    first = file(3, "first", warnings=warned((MONTH, DAY)))
    rows = [first, month((DAILY, DAY)), file(DAILY, "second")]
    assert asked(*rows, present=tuple(ranks), rank_of=lambda path, _feed: ranks[path]) == again
