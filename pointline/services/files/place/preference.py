"""Which of two files of a feed has a day, such as a daily file and a monthly one, and what is left of the other.

Days that a file will leave are foreseen before it is read: their rows are checked and counted, and none is written,
since the verdict would take them out again. The verdict decides all the same. Where such a day comes to be the file's
own after all, because the other one is refused, the file is read again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import polars as pl
from msgspec.structs import replace

from pointline.io.protocols.file_version import LEFT_TO, BronzeFileMetadata, Outcome
from pointline.parse.rules import DAY_US, EPOCH
from pointline.services.files.dates import days_between, moment
from pointline.tables.ingest_manifest import Status, stands_at
from pointline.tables.spelling import holds_many
from pointline.vendors.claim import Rank

RankOf = Callable[[str, str], Rank | None]
"""Path and feed to a place among files of the same rows; None where it has none."""
PeriodOf = Callable[[str, str], tuple[int, int] | None]
"""Path and feed to the times, ``[first, end)``, that the path says its rows are of; None where it says a day."""
LONGEST = dt.timedelta(days=366)
"""Of the time that one file is of: a year."""


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
        if claims_all_of(date, rank, other_rank) and other_symbols <= symbols:
            return winner
    return 0


def claims_all_of(date: dt.date, one: Rank | None, other: Rank | None) -> bool:
    """Tell whether a file claims all of the time of a UTC day that another one does; True where that is not known."""
    if one is None or other is None:
        return True
    (first, end), (other_first, other_end) = (on_day(date, rank.period) for rank in (one, other))
    return first <= other_first and other_end <= end


def is_part_of_day(date: dt.date, rank: Rank) -> bool:
    """Tell whether a file claims less than all of a UTC day."""
    first, end = on_day(date, rank.period)
    return end - first < DAY_US


def may_leave(date: dt.date, rank: Rank | None) -> bool:
    """Tell whether a file may ever leave a UTC day: not the one that comes first and is of all of the day."""
    if rank is None:
        return False
    return rank.place > 0 or is_part_of_day(date, rank)


def on_day(date: dt.date, period: tuple[int, int]) -> tuple[int, int]:
    """Return what lies on a UTC day of a time."""
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


class _Series(NamedTuple):
    """Files of one series may have rows of the same days."""

    exchange: str
    data_type: str
    feed: str
    symbol: str

    @classmethod
    def of(cls, meta: BronzeFileMetadata) -> _Series:
        return cls(meta.exchange, meta.data_type, meta.feed, meta.symbol)


def foreseen(
    entering: Mapping[int, BronzeFileMetadata], ledger: pl.DataFrame, rank_of: RankOf
) -> dict[int, AbstractSet[str]]:
    """Return the days, as ISO dates, that files are likely to leave to others that their feed prefers, by file.

    ``ledger`` tells which files are in, and which are on their way. Files of many symbols are passed over: what they
    hold is not known before they are read.
    """
    ranked = {
        file_id: (_Series.of(meta), rank)
        for file_id, meta in entering.items()
        if meta.feed and not holds_many(meta.symbol, meta.feed)
        if (rank := rank_of(meta.bronze_file_path, meta.feed)) is not None
    }
    asking = {file_id: (series, rank) for file_id, (series, rank) in ranked.items() if rank.place}
    if not asking:
        return {}
    there: dict[_Series, list[Rank]] = {}
    for series, rank in [*ranked.values(), *_in_ledger(list(asking.values()), ledger, rank_of)]:
        there.setdefault(series, []).append(rank)
    days = {file_id: frozenset(_left(rank, there[series])) for file_id, (series, rank) in asking.items()}
    return {file_id: left for file_id, left in days.items() if left}


def _in_ledger(
    asking: Sequence[tuple[_Series, Rank]], ledger: pl.DataFrame, rank_of: RankOf
) -> Iterator[tuple[_Series, Rank]]:
    """Yield the files of these series that are in the ledger for the times that are asked for."""
    wanted = {series for series, _ in asking}
    first = moment(min(rank.period[0] for _, rank in asking)).date() - LONGEST
    last = moment(max(rank.period[1] for _, rank in asking)).date()
    has_rows = stands_at(Status.SUCCESS) & pl.col("first_local_timestamp").is_not_null()
    rows = ledger.filter(
        pl.col("date").is_between(first, last),
        *(pl.col(name).is_in(list({one[place] for one in wanted})) for place, name in enumerate(_Series._fields)),
        has_rows | stands_at(Status.PENDING),
    ).select(*(pl.col(name).cast(pl.String) for name in _Series._fields), "bronze_file_path")
    for *facts, path in rows.iter_rows():
        series = _Series(*facts)
        if series in wanted and (rank := rank_of(path, series.feed)) is not None:
            yield series, rank


def _left(ours: Rank, others: Sequence[Rank]) -> Iterator[str]:
    symbols: frozenset[str] = frozenset()  # the same for all of a series
    for theirs in others:
        first, end = max(ours.period[0], theirs.period[0]), min(ours.period[1], theirs.period[1])
        if theirs.place < ours.place and first < end:
            for date in days_between(moment(first), moment(end - 1)):
                # Of a part of a day the verdict counts the rows.
                if not is_part_of_day(date, ours) and preferred(date, (ours, symbols), (theirs, symbols)) > 0:
                    yield str(date)
