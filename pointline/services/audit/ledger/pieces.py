"""Millions of rows, kept small and taken in order: all of them in one frame would have to be copied to be sorted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

ROWS_PER_PIECE = 262_144
MOST_LOOSE = 1024
"""Frames of a few rows take far more than their rows do."""


class Pieces:
    """Rows, sorted by one column within pieces of some hundred thousand, each integer in as few bytes as it needs."""

    def __init__(self, schema: Mapping[str, pl.DataType], by: str) -> None:
        """``by``: the column in whose order they are taken; rows that lack it come first."""
        self._schema = pl.Schema(schema)
        self._by = by
        self._loose: list[pl.DataFrame] = []
        self._loose_rows = 0
        self._pieces: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows that have all the columns."""
        self._loose.append(rows.select(list(self._schema)))
        self._loose_rows += rows.height
        if self._loose_rows >= ROWS_PER_PIECE:
            self._sort()
        elif len(self._loose) >= MOST_LOOSE:
            self._loose = [pl.concat(self._loose, rechunk=True)]

    def values(self) -> list[pl.Series]:
        """Return the column in whose order they are taken, piece by piece."""
        self._sort()
        return [piece[self._by] for piece in self._pieces]

    def take_before(self, end: int | dt.date | None) -> pl.DataFrame:
        """Return the rows below a value, all that are left where there is none. They are forgotten."""
        self._sort()
        taken: list[pl.DataFrame] = []
        left: list[pl.DataFrame] = []
        for piece in self._pieces:
            keys = piece[self._by]
            is_whole = end is None or keys[-1] is None or keys[-1] < end
            rows = piece.height if is_whole else int(keys.search_sorted(end))
            taken.append(piece.head(rows).cast(self._schema))
            if rows < piece.height:
                left.append(piece.slice(rows))
        self._pieces = left
        return pl.concat([pl.DataFrame(schema=self._schema), *taken])

    def _sort(self) -> None:
        if any(one.height for one in self._loose):
            rows = pl.concat(self._loose).sort(self._by)
            self._pieces.append(pl.DataFrame([_slim(column) for column in rows.iter_columns()]))
        self._loose = []
        self._loose_rows = 0


def find_in(values: pl.Series, wanted: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return where each of them would stand among ``values``, which are sorted, and whether it does."""
    if values.is_empty():
        return pl.Series([0] * len(wanted), dtype=pl.UInt32), pl.Series([False] * len(wanted), dtype=pl.Boolean)
    places = values.search_sorted(wanted).clip(upper_bound=len(values) - 1)
    return places, values.gather(places) == wanted


def _slim(column: pl.Series) -> pl.Series:
    return column.shrink_dtype() if column.dtype.is_integer() else column
