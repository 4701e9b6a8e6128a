"""Rows of small files that lie end to end in one frame: which of them are whose.

Whole columns are compared here, never by a query: a query costs as much as thousands of rows do.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate

import polars as pl


class EndToEnd:
    """Files one after the other. ``rows`` are those that each has, at least one."""

    def __init__(self, rows: Sequence[int]) -> None:
        self.rows = rows
        self.starts = [0, *accumulate(rows[:-1])]
        self.height = sum(rows)
        places = (place.to_bytes(8, sys.byteorder) * count for place, count in enumerate(rows))
        self._places = pl.Series(array("q", b"".join(places)))

    def of(self, frame: pl.DataFrame, place: int) -> pl.DataFrame:
        """Return the rows of one file."""
        return frame.slice(self.starts[place], self.rows[place])

    def each_of(self, values: Sequence[object]) -> pl.Series:
        """Return for each row the value of its file."""
        return pl.Series(values)[self._places]

    def numbers(self) -> pl.Series:
        """Return for each row its number in its file, from 1 on."""
        return pl.int_range(1, self.height + 1, eager=True) - self.each_of(self.starts)

    def inside(self, turns: pl.Series) -> set[int]:
        """Return the rows at which something turns inside a file; ``turns`` tells it of each row but the first."""
        at_starts = sum(bool(turns[start - 1]) for start in self.starts[1:])
        if turns.sum() == at_starts:
            return set()
        return {place + 1 for place in turns.arg_true()}.difference(self.starts)


def neighbours(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return each value but the first, and those before them; there is one at least."""
    return values.slice(1), values.slice(0, len(values) - 1)
