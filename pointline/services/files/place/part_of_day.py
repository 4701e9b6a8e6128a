"""Files of days in another zone: two of them make up a UTC day, and a file of many days may lack the rows of one.

What their paths claim does not tell then who has the rows. They are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import polars as pl

from pointline.parse.rules import DAY_US
from pointline.services.audit.silver.row_counts import ROWS_ON
from pointline.services.files.place.overlap import Day

RowsOn = Callable[[int, Day], pl.DataFrame]
"""``symbol`` (a key) and ``time`` (microseconds since the epoch, UTC) of the rows of a file on a day."""


class Claimant(NamedTuple):
    """A file that has rows of a UTC day. ``period`` is what its path claims of that day: first, and first after."""

    file_id: int
    symbols: AbstractSet[str]
    period: tuple[int, int]

    @property
    def is_whole_day(self) -> bool:
        """It claims all of the day."""
        first, end = self.period
        return end - first >= DAY_US


def no_rows_on(_file_id: int, _day: Day) -> pl.DataFrame:
    """Return no rows."""
    return pl.DataFrame(schema=ROWS_ON)


def who_leaves(rows_on: RowsOn, day: Day, whole: Claimant, parts: Sequence[Claimant]) -> set[int]:
    """Return the files that leave a day, so that as few rows as can be are lost: ``whole``, or some of ``parts``.

    ``whole`` claims all of the times that ``parts`` do. Of those where it has no row both stay.
    """
    of_whole = rows_on(whole.file_id, day)
    has = {one.file_id: _count(rows_on(one.file_id, day), one) for one in parts}
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
