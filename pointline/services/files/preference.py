"""What is left of a file whose feed prefers another one for some of its days, such as a daily file to a monthly one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from pointline.io.protocols import LEFT_TO, Outcome
from pointline.parse.rules import DAY_US, EPOCH
from pointline.vendors.feeds import Rank


def preferred(
    date: dt.date, ours: tuple[Rank | None, AbstractSet[str]], theirs: tuple[Rank | None, AbstractSet[str]]
) -> int:
    """Return -1 where the first of two files is to have a UTC day, 1 where the other one is, else 0.

    A file that leaves a day loses all of its rows there. So the day goes to a file only where that one is of all the
    symbols and of all the time of the day that the other is of, whichever its feed prefers: of days in another zone,
    two make up a UTC day.
    """
    if ours[0] is None or theirs[0] is None or ours[0].place == theirs[0].place:
        return 0
    order = -1 if ours[0].place < theirs[0].place else 1
    for winner in (order, -order):
        (rank, symbols), (other_rank, other_symbols) = (ours, theirs) if winner < 0 else (theirs, ours)
        assert rank is not None
        assert other_rank is not None
        (first, end), (other_first, other_end) = (_on(date, one.period) for one in (rank, other_rank))
        if first <= other_first and other_end <= end and other_symbols <= symbols:
            return winner
    return 0


def _on(date: dt.date, period: tuple[int, int]) -> tuple[int, int]:
    begins = (date - EPOCH).days * DAY_US
    return max(period[0], begins), min(period[1], begins + DAY_US)


def thinned(outcome: Outcome, given_up: Mapping[str, int]) -> Outcome:
    """Return an outcome without the rows of some days; ``given_up`` is the other file by date."""
    days = dict(outcome.days if outcome.days is not None else dict.fromkeys(given_up, outcome.rows_written or 0))
    left = {f"{LEFT_TO}{by}:{date}": days.pop(date) for date, by in given_up.items() if date in days}
    rows = sum(left.values())
    return replace(
        outcome,
        days=days,
        rows_read=(outcome.rows_read or 0) - rows,
        rows_written=(outcome.rows_written or 0) - rows,
        warnings={**(outcome.warnings or {}), **left},
    )
