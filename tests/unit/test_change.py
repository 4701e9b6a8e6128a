"""One change of a table: where rows of files may be, and what a data file keeps when some of them leave."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pointline.errors import LakeDamaged
from pointline.io.protocols.tables import Part
from pointline.services.ingest.change import Change, commit_change, places_of
from pointline.tables.registry import event_tables
from tests.support.fakes import MemoryEventTable
from tests.unit.test_compaction import PLACE, rows

WHERE = tuple(PLACE.items())
DAY = dt.date(2024, 5, 1)


def at(day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2024, 5, day, hour, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("feed", "first", "last", "days"),
    [
        ("binance_trades", at(1, 23), at(3), [1, 2, 3]),
        ("binance_trades", at(2), at(2, 5), [2]),
        ("binance_trades", None, None, [1]),
        (None, at(1, 23), at(3), [1]),
        (None, None, None, [1]),
    ],
)
def test_the_partitions_of_a_file(feed, first, last, days):
    """The path of a file of Tardis claims the day of all its rows; of a described feed the rows say it."""
    row = {
        "file_id": 7,
        "data_type": "trades",
        "exchange": "binance",
        "date": DAY,
        "feed": feed,
        "first_local_timestamp": first,
        "last_local_timestamp": last,
    }
    known = pl.DataFrame([row], schema_overrides={"feed": pl.String, "first_local_timestamp": pl.Datetime("us", "UTC"),
                                                  "last_local_timestamp": pl.Datetime("us", "UTC")})  # fmt: skip
    places = [(7, "trades", (("exchange", "binance"), ("date", f"2024-05-0{day}"))) for day in days]
    assert list(places_of(known)) == places


class InPieces(MemoryEventTable):
    """Of which a data file is read in row groups of a row, and not at all behind ``breaks_at``."""

    breaks_at = 99

    def rows_without(self, part, file_ids):
        for number, rows_of_group in enumerate(self._stored[part.path].iter_slices(1)):
            if number == self.breaks_at:
                raise LakeDamaged("a page is damaged")
            yield rows_of_group.filter(~pl.col("file_id").is_in(list(file_ids)))


@pytest.fixture
def table() -> InPieces:
    """Files 1 and 2 in one data file, 3 in another."""
    table = InPieces(event_tables()["trades"])
    for ids in ((1, 2), (3,)):
        table.append(pl.concat([rows(file_id, 2) for file_id in ids]))
    return table


def part(table: InPieces, file_id: int) -> Part:
    return table.store(rows(file_id, 2).drop("exchange", "date"), PLACE)


def held(table: InPieces) -> dict[int, int]:
    return dict(table.read_all().group_by("file_id").len().sort("file_id").iter_rows())


@pytest.mark.parametrize(
    ("leaving", "parts", "left"),
    [
        ([1], 2, {2: 2, 3: 2, 4: 2}),
        ([2], 2, {1: 2, 3: 2, 4: 2}),
        ([3], 1, {1: 2, 2: 2, 4: 2}),
        ([1, 2], 1, {3: 2, 4: 2}),
        ([1, 3], 2, {2: 2, 4: 2}),
        ([1, 2, 3], 1, {4: 2}),
        ([9], 1, {1: 2, 2: 2, 3: 2, 4: 2}),
    ],
)
def test_a_data_file_keeps_what_it_holds_of_others(table, leaving, parts, left):
    come = commit_change(table, 0, Change(add=[part(table, 4)], leaving={WHERE: leaving}))
    assert len(come) == parts
    assert all(one.rows for one in come)
    assert held(table) == left
    assert table.spare() == set()


@pytest.mark.parametrize("number", [4, 5])
def test_what_is_in_is_not_done_again(table, number):
    commit_change(table, 5, Change(add=[part(table, 4)]))
    before = held(table)
    assert commit_change(table, number, Change(add=[part(table, 6)], leaving={WHERE: [1]})) == []
    assert held(table) == before
    assert len(commit_change(table, 6, Change(add=[part(table, 6)], leaving={WHERE: [1]}))) == 2


@pytest.mark.parametrize("breaks_at", [0, 1, 2, 3])
def test_one_that_cannot_be_read_leaves_nothing_half_written(table, breaks_at):
    table.breaks_at = breaks_at
    with pytest.raises(LakeDamaged):
        commit_change(table, 0, Change(leaving={WHERE: [1]}))
    assert table.spare() == set()
    assert held(table) == {1: 2, 2: 2, 3: 2}
