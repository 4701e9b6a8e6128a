"""Which data files the rows of files go into, and which rows are counted alone."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import polars as pl
import pytest

from pointline.services.loading.days import Days
from pointline.tables.schema import UTC_TIME

DAYS = (dt.date(2024, 5, 1), dt.date(2024, 5, 2), dt.date(2024, 5, 3))


class Writer:
    def __init__(self, date: str) -> None:
        self.place = DAYS.index(dt.date.fromisoformat(date))
        self.rows: list[int] = []

    def write(self, rows: pl.DataFrame) -> None:
        assert "date" not in rows.columns
        self.rows += rows["file_id"].to_list()

    def close(self) -> Writer:
        return self


def silver(file_id: int, *days: dt.date) -> pl.DataFrame:
    """Two rows of a file for each day."""
    moments = [dt.datetime.combine(day, dt.time(hour), dt.UTC) for day in days for hour in (1, 23)]
    return pl.DataFrame({"local_timestamp": moments}, schema={"local_timestamp": UTC_TIME}).with_columns(
        file_id=pl.lit(file_id, pl.Int64)
    )


@pytest.mark.parametrize(
    ("leaving", "written"),
    [
        ({}, {0: {7: 2, 8: 2}, 1: {7: 2}, 2: {7: 2, 8: 2}}),
        ({7: {0, 2}}, {0: {8: 2}, 1: {7: 2}, 2: {8: 2}}),
        ({7: {1}}, {0: {7: 2, 8: 2}, 2: {7: 2, 8: 2}}),
        ({7: {0, 1, 2}, 8: {0, 1, 2}}, {}),
        ({8: {1}}, {0: {7: 2, 8: 2}, 1: {7: 2}, 2: {7: 2, 8: 2}}),
    ],
)
@pytest.mark.parametrize("is_by_day", [False, True], ids=["at once", "by day"])
def test_days_that_are_left_are_counted_and_not_written(leaving, written, is_by_day):
    days = Days(Writer, "")
    ids = {file_id: frozenset(str(DAYS[place]) for place in leaving.get(file_id, ())) for file_id in (7, 8)}
    ends = silver(7, *DAYS), silver(8, DAYS[0], DAYS[2])
    blocks = [pl.concat(ends)] if not is_by_day else [silver(one, day) for one in (7, 8) for day in DAYS[:: one - 6]]
    for block in blocks:
        there = set(block["file_id"])
        days.write(block, {one: left for one, left in ids.items() if one in there}, is_one_day=False)
    assert days.rows_by_day(7) == dict.fromkeys(map(str, DAYS), 2)
    assert days.rows_by_day(8) == {str(DAYS[0]): 2, str(DAYS[2]): 2}
    found = {writer.place: {one: writer.rows.count(one) for one in ids} for writer, _, ids in days.close()}
    assert found == written


def test_a_file_of_one_day():
    days = Days(Writer, str(DAYS[0]))
    days.write(pl.concat([silver(7, DAYS[0]), silver(8, DAYS[0])]), {7: {str(DAYS[0])}, 8: set()}, is_one_day=True)
    ((writer, _, ids),) = days.close()
    assert (writer.rows, ids) == ([8, 8], {8})


@pytest.mark.parametrize("most", [1, 10_000])
def test_rows_of_mixed_days_stay_in_order(most, monkeypatch):
    monkeypatch.setattr("pointline.services.loading.days.MOST_RUNS", most)
    mixed = (
        pl.concat([silver(one, *DAYS) for one in (7, 8)])
        .with_row_index("number")
        .sample(fraction=1, shuffle=True, seed=3)
    )
    written: dict[str, list[int]] = {}

    class Numbers(Writer):
        def write(self, rows: pl.DataFrame) -> None:
            written.setdefault(str(DAYS[self.place]), []).extend(rows["number"].to_list())

    days = Days(Numbers, "")
    days.write(mixed, {7: set(), 8: set()}, is_one_day=False)
    date = pl.col("local_timestamp").dt.date()
    assert written == {str(day): mixed.filter(date == day)["number"].to_list() for day in DAYS}
    assert days.rows_by_day(7) == days.rows_by_day(8) == dict.fromkeys(map(str, DAYS), 2)


class Counted(Writer):
    """One that knows how many are open."""

    open_now: ClassVar[set[Counted]] = set()
    most: ClassVar[int] = 0

    def __init__(self, date: str) -> None:
        super().__init__(date)
        self.is_there = True
        self.open_now.add(self)
        type(self).most = max(self.most, len(self.open_now))

    def close(self) -> Counted:
        self.open_now.remove(self)
        return self

    def discard(self) -> None:
        self.open_now.discard(self)
        self.is_there = False


@pytest.mark.parametrize("most_open", [1, 2, 3])
@pytest.mark.parametrize("ending", ["kept", "discarded"])
def test_no_more_are_open_than_may_be(most_open, ending):
    """A file of years has a data file for each of its days, and a process may open a thousand."""
    Counted.most = 0
    days = Days(Counted, "", most_open)
    order = (0, 1, 1, 2, 0, 2, 1, 0)
    for place in order:
        days.write(silver(7, DAYS[place]), {7: frozenset()}, is_one_day=False)
    if ending == "discarded":
        gone = list(days.discard())
        assert not any(writer.is_there for writer in gone)
        assert sum(len(writer.rows) for writer in gone) == 2 * len(order)
    else:
        found = list(days.close())
        assert all(ids == {7} for _, _, ids in found)
        for place in range(3):
            rows = sum(len(part.rows) for part, _, _ in found if part.place == place)
            assert rows == 2 * order.count(place)
    assert Counted.most == most_open
    assert not Counted.open_now
    assert not list(days.close())
    assert days.rows_by_day(7) == {str(DAYS[place]): 2 * order.count(place) for place in range(3)}
