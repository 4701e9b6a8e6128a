"""Files of days in another zone: two of them make up a UTC day, and a file of many days may lack the rows of one.

What their paths claim does not tell then who has the rows. They are counted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, TypeGuard

import polars as pl
from msgspec import Struct

from pointline.parse.rules import DAY_US
from pointline.services.files.place.case import Case, RowsOn
from pointline.services.files.place.days_left import Absent
from pointline.services.files.place.overlap import Day, Held
from pointline.services.files.place.preference import claims_all_of, is_part_of_day, on_day


class Claimant(NamedTuple):
    """A file that has rows of a UTC day. ``period`` is what its path claims of that day: first, and first after.

    ``rows``: how many, of a file that left them to another one; None where they can be counted.
    """

    file_id: int
    symbols: AbstractSet[str]
    period: tuple[int, int]
    rows: int | None = None

    @property
    def is_whole_day(self) -> bool:
        """It claims all of the day."""
        first, end = self.period
        return end - first >= DAY_US


class PartsOfDays(Struct, frozen=True):
    """Decides over two files of one feed of which one claims a part of a day that the other claims all of."""

    case: Case

    def who_leaves(
        self,
        day: Day,
        whole: Held,
        part: Held,
        *,
        others: Iterable[Held],
        versions: Collection[int],
        leaving: Collection[int],
    ) -> set[int] | None:
        """Return the files that leave the day; None where neither claims a part alone.

        ``others``: files that may have a part too. ``versions``: ``whole``, and what it takes the place of: what left
        the day to these had a part of it, and gets that back where ``whole`` leaves. Files of ``leaving`` do not count.
        """
        claims_all, claims_part = self._claimant(whole, day), self._claimant(part, day)
        if claims_part is None or claims_all is None or claims_part.is_whole_day:
            return None
        parts = {part.file_id: claims_part}
        for held in others:
            if held.file_id in {whole.file_id, *leaving, *parts} or held.feed != whole.feed:
                continue
            one = self._claimant(held, day)
            if _is_part(one, claims_all) and self.case.occupied.has_rows_on(held, day):
                parts[held.file_id] = one
        for absent in self.case.left_to(versions, day):
            rank = self.case.rank_of(absent.path, absent.feed)
            if rank is None or absent.feed != whole.feed or absent.file_id in {*leaving, *parts}:
                continue
            period = on_day(dt.date.fromisoformat(day[2]), rank.period)
            one = Claimant(absent.file_id, frozenset({absent.symbol}), period, absent.rows)
            if _is_part(one, claims_all):
                parts[absent.file_id] = one
        return who_leaves(self.case.rows_on, day, claims_all, list(parts.values()))

    def free_again(self, day: Day, versions: Collection[int], path: str, feed: str) -> Iterator[Absent]:
        """Yield the files that left a part of a day to these versions, of which the file at ``path`` claims not all."""
        on = dt.date.fromisoformat(day[2])
        rank = self.case.rank_of(path, feed)
        if rank is None or not is_part_of_day(on, rank):
            return
        for one in self.case.left_to(versions, day):
            if not claims_all_of(on, rank, self.case.rank_of(one.path, one.feed)):
                yield one

    def _claimant(self, held: Held, day: Day) -> Claimant | None:
        if (rank := self.case.rank_of(held.path, held.feed)) is None:
            return None
        on = dt.date.fromisoformat(day[2])
        return Claimant(held.file_id, self.case.occupied.spans(held, day).keys(), on_day(on, rank.period))


def _is_part(one: Claimant | None, whole: Claimant) -> TypeGuard[Claimant]:
    return one is not None and not one.is_whole_day and one.symbols <= whole.symbols


def who_leaves(rows_on: RowsOn, day: Day, whole: Claimant, parts: Sequence[Claimant]) -> set[int]:
    """Return the files that leave a day, so that as few rows as can be are lost: ``whole``, or some of ``parts``.

    ``whole`` claims all of the times that ``parts`` do. Of those where it has no row both stay.
    """
    of_whole = rows_on(whole.file_id, day)
    has = {one.file_id: _count(rows_on(one.file_id, day), one) if one.rows is None else one.rows for one in parts}
    shared = {one.file_id: _count(of_whole, one) for one in parts}
    lost_by_parts = sum(max(0, has[one] - rows) for one, rows in shared.items() if rows)
    lost_by_whole = max(0, of_whole.height - sum(shared.values()))
    lost_by_whole += sum(max(0, rows - has[one]) for one, rows in shared.items())
    if lost_by_whole < lost_by_parts:
        return {whole.file_id}
    return {one for one, rows in shared.items() if rows}


def _count(rows: pl.DataFrame, one: Claimant) -> int:
    first, end = one.period
    within = pl.col("time").is_between(first, end, closed="left")
    return rows.filter(within, pl.col("symbol").is_in(list(one.symbols))).height
