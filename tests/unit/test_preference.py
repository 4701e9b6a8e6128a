"""Which of two files has a day, and what is left of the other one, in the ledger too."""

from __future__ import annotations

import datetime as dt

import pytest

from pointline.io.protocols import LEFT_TO, Outcome
from pointline.services.files.preference import preferred, thinned
from pointline.tables.ingest_manifest import Status
from pointline.vendors.feeds import Rank

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
