"""Which of two files has a day, and what is left of the other one, in the ledger too."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pointline.io.protocols.file_version import LEFT_TO, BronzeFileMetadata, Outcome
from pointline.services.files.place.preference import foreseen, may_leave, preferred, thinned
from pointline.tables.ingest_manifest import Status
from pointline.tables.schema import UTC_TIME
from pointline.vendors.claim import Rank

MONTH = Outcome(
    file_id=1,
    status=Status.SUCCESS,
    rows_read=12,
    rows_written=10,
    rows_quarantined=2,
    days={"2024-05-01": 4, "2024-05-02": 5, "2024-05-03": 1},
    warnings={"known": 1},
)


@pytest.mark.parametrize(
    ("given_up", "days", "rows_left"),
    [
        ({"2024-05-01": 7}, {"2024-05-02": 5, "2024-05-03": 1}, 4),
        ({"2024-05-01": 7, "2024-05-03": 8}, {"2024-05-02": 5}, 5),
        ({"2024-05-09": 7}, MONTH.days, 0),
        ({}, MONTH.days, 0),
    ],
)
def test_a_file_of_several_days(given_up, days, rows_left):
    left = thinned(MONTH, given_up)
    assert (left.days, left.rows_read, left.rows_written, left.rows_quarantined) == (
        days,
        12 - rows_left,
        10 - rows_left,
        2,
    )
    assert left.rows_read == left.rows_written + left.rows_quarantined
    told = {f"{LEFT_TO}{by}:{date}": MONTH.days[date] for date, by in given_up.items() if date in MONTH.days}
    assert left.warnings == {"known": 1, **told}
    assert (left.file_id, left.status) == (1, Status.SUCCESS)
    assert len(MONTH.days) == 3, "what was read is not changed"


@pytest.mark.parametrize(("read", "written", "left"), [(10, 10, 0), (12, 10, 2), (0, 0, 0), (None, None, 0)])
def test_a_file_of_one_day_leaves_all(read, written, left):
    one_day = Outcome(file_id=1, status=Status.SUCCESS, rows_read=read, rows_written=written, warnings=None)
    found = thinned(one_day, {"2024-05-01": 7})
    assert (found.days, found.rows_read, found.rows_written) == ({}, left, 0)
    assert found.warnings == {f"{LEFT_TO}7:2024-05-01": written or 0}


HOUR_US = 3_600_000_000
TENTH = dt.date(2024, 5, 10)
BEGINS = (TENTH - dt.date(1970, 1, 1)).days * 24


def of_hours(place: int, first: float, end: float, symbols: str = "A") -> tuple[Rank, frozenset[str]]:
    """A file of these hours, counted from the start of the day."""
    return Rank(place, (int((BEGINS + first) * HOUR_US), int((BEGINS + end) * HOUR_US))), frozenset(symbols)


DAILY = of_hours(0, 0, 24)


class TestWhoHasADay:
    """The preferred file, unless rows of the other one would be lost with the day that it leaves."""

    @pytest.mark.parametrize(
        ("preferred_one", "other", "wins"),
        [
            (DAILY, of_hours(1, -240, 500), "preferred"),
            (DAILY, of_hours(1, 0, 24), "preferred"),
            (of_hours(0, -8, 16), of_hours(1, -240, 500), "other"),  # days of UTC+8: the month has all of it
            (of_hours(0, 16, 40), of_hours(1, 16, 700), "preferred"),  # the first of that month
            (of_hours(0, -24, 0.01), of_hours(1, -240, 500), "other"),  # a file that ends with 00:00 of the next day
            (of_hours(0, 0, 16), of_hours(1, 8, 24), "nobody"),
            (of_hours(0, 0, 24, "AB"), of_hours(1, 0, 24, "A"), "preferred"),
            (of_hours(0, 0, 24, "A"), of_hours(1, 0, 24, "AB"), "other"),
            (of_hours(0, 0, 24, "AC"), of_hours(1, 0, 24, "AB"), "nobody"),
            (of_hours(0, 0, 24, "A"), of_hours(1, 1, 23, "AB"), "nobody"),
        ],
    )
    def test_of_two(self, preferred_one, other, wins):
        said = {"preferred": -1, "other": 1, "nobody": 0}[wins]
        assert preferred(TENTH, preferred_one, other) == said
        assert preferred(TENTH, other, preferred_one) == -said

    def test_without_an_order(self):
        for one, two in ((DAILY, DAILY), ((None, {"A"}), DAILY), (DAILY, (None, {"A"}))):
            assert preferred(TENTH, one, two) == 0


PATHS = {
    "month": (1, "2024-05-01", "2024-06-01"),
    "day 9": (0, "2024-05-09", "2024-05-10"),
    "day 10": (0, "2024-05-10", "2024-05-11"),
    "day of June": (0, "2024-06-01", "2024-06-02"),
    "day of UTC+8": (0, "2024-05-09T16", "2024-05-10T16"),
    "another month": (1, "2024-05-01", "2024-06-01"),
}
"""Place, first and end of the time of each."""


class TestForeseen:
    """Which days a file will leave, as far as the ledger and its own batch tell."""

    def rank(self, path: str, _feed: str) -> Rank | None:
        if path not in PATHS:
            return None
        place, *ends = PATHS[path]
        first, end = (int(dt.datetime.fromisoformat(f"{one}+00:00").timestamp()) * 1_000_000 for one in ends)
        return Rank(place, (first, end))

    def meta(self, path: str, **facts: object) -> BronzeFileMetadata:
        rank = self.rank(path, "")
        first = dt.date(2024, 5, 1) if rank is None else dt.date.fromisoformat(PATHS[path][1][:10])
        usual = {"exchange": "binance", "data_type": "trades", "symbol": "BTCUSDT", "feed": "trades", "date": first}
        return BronzeFileMetadata(
            bronze_file_path=path, file_size_bytes=1, last_modified_ts=0, **{**usual, "vendor": "binance", **facts}
        )

    def ledger(self, *files: tuple[BronzeFileMetadata, Status, int | None]) -> pl.DataFrame:
        names = ["exchange", "data_type", "feed", "symbol", "date", "bronze_file_path"]
        known = [
            [*(getattr(meta, name) for name in names), status.value, None if first is None else first]
            for meta, status, first in files
        ]
        types = {**dict.fromkeys([*names, "status"], pl.String), "date": pl.Date, "first_local_timestamp": UTC_TIME}
        return pl.DataFrame(known, schema=types, orient="row")

    @pytest.mark.parametrize(
        ("path", "status", "first", "left"),
        [
            ("day 9", Status.SUCCESS, 1, {"2024-05-09"}),
            ("day 9", Status.SUCCESS, None, set()),  # it has no rows
            ("day 9", Status.PENDING, None, {"2024-05-09"}),
            ("day 9", Status.QUARANTINED, 1, set()),
            ("day 9", Status.WITHDRAWN, 1, set()),
            ("day of June", Status.SUCCESS, 1, set()),
            ("day of UTC+8", Status.SUCCESS, 1, set()),  # the month has more of both days
            ("another month", Status.SUCCESS, 1, set()),
            ("unranked", Status.SUCCESS, 1, set()),
        ],
    )
    def test_by_the_ledger(self, path, status, first, left):
        known = self.ledger((self.meta(path), status, first))
        assert foreseen({7: self.meta("month")}, known, self.rank) == ({7: left} if left else {})

    @pytest.mark.parametrize("name", ["exchange", "data_type", "feed", "symbol"])
    def test_of_the_same_series_alone(self, name):
        known = self.ledger((self.meta("day 9", **{name: "other"}), Status.SUCCESS, 1))
        assert foreseen({7: self.meta("month")}, known, self.rank) == {}
        assert foreseen({7: self.meta("month", **{name: "other"})}, known, self.rank) == {7: {"2024-05-09"}}

    def test_by_the_batch(self):
        files = {1: self.meta("month"), 2: self.meta("day 9"), 3: self.meta("day 10")}
        assert foreseen(files, self.ledger(), self.rank) == {1: {"2024-05-09", "2024-05-10"}}

    @pytest.mark.parametrize(("symbol", "left"), [("*", {}), ("SPOT", {1: {"2024-05-09"}})])
    def test_not_of_many_symbols(self, symbol, left):
        files = {1: self.meta("month", symbol=symbol), 2: self.meta("day 9", symbol=symbol)}
        assert foreseen(files, self.ledger(), self.rank) == left


@pytest.mark.parametrize(
    ("place", "first", "end", "may"), [(0, 0, 24, False), (0, -240, 500, False), (0, -8, 16, True), (1, 0, 24, True)]
)
def test_who_may_ever_leave_a_day(place, first, end, may):
    rank, _ = of_hours(place, first, end)
    assert may_leave(TENTH, rank) == may
    assert not may_leave(TENTH, None)
