"""A file that starts again from its beginning: it was appended to itself, or a download was resumed at the wrong place.

Equal rows alone prove nothing: two fills may share everything, and a book repeats itself at a reconnect. But when the
clock has left the first instant, onward or back (some vendors write the newest row first), the first row does not come
a second time, least of all with the rows that followed it. A clock that went back alone may only have dipped: then more
rows have to come again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

COMPARED_ROWS = 32
LEAST_ROWS, LEAST_UNSORTED = 2, 8
"""So many have to come again. Where rows are in no order, as many as no chance repeats in theirs."""
MOST_PLACES = 64
EMPTY = pl.DataFrame()


def least_rows(*, is_sorted: bool) -> int:
    """Return how many of a feed's first rows have to come again."""
    return LEAST_ROWS if is_sorted else LEAST_UNSORTED


class _Place(Struct, frozen=True, kw_only=True):
    """Where a file may have started again: its row number, how many rows agree so far and how many have to."""

    seq: int
    agreed: int
    wanted: int
    least: int


class Beginning(Struct):
    """The first kept rows of a file, and whether they come again among the later ones."""

    least: int = LEAST_ROWS
    _rows: pl.DataFrame = field(default_factory=lambda: EMPTY)
    _seen: int = 0
    _has_moved: bool = False
    """The clock has left the first instant."""
    _has_gone_on: bool = False
    """It has gone beyond it."""
    _open: _Place | None = None
    """Where the rows went on agreeing until there were no more of them."""

    def find(self, frame: pl.DataFrame, seq: Sequence[int] | pl.Series) -> int | None:
        """Return the number of the row at which the file starts again, from the next kept rows and their numbers."""
        if frame.is_empty():
            return None
        if not self._seen:
            self._rows = frame.head(COMPARED_ROWS)
        elif self._seen < COMPARED_ROWS:
            self._rows = pl.concat([self._rows, frame.head(COMPARED_ROWS - self._seen)])
        found = self._go_on(frame)
        local = frame["local_timestamp"]
        first_us = self._rows["local_timestamp"][0]
        least, most = cast("int", local.min()), cast("int", local.max())
        if found is None and least <= first_us <= most:
            found = self._look(frame, seq, local, first_us)
        self._has_moved = self._has_moved or least != first_us or most != first_us
        self._has_gone_on = self._has_gone_on or most > first_us
        self._seen += frame.height
        return found

    def at_end(self) -> int | None:
        """Return the same for what the end of the file left open."""
        return self._open.seq if self._open is not None and self._open.agreed >= self._open.least else None

    def _look(self, frame: pl.DataFrame, seq: Sequence[int] | pl.Series, local: pl.Series, first_us: int) -> int | None:
        start = 0 if self._has_moved else _first(local != first_us)
        gone_on_at = 0 if self._has_gone_on else _first(local > first_us)
        first = self._rows.row(0, named=True)
        later = frame.slice(start)
        if not (later["local_timestamp"] == first_us).any():
            return None
        same = [pl.col(name).eq_missing(pl.lit(value, frame.schema[name])) for name, value in first.items()]
        places = later.select(pl.all_horizontal(same).arg_true()).to_series()
        for place in places.head(MOST_PLACES) + start:
            wanted = self._rows.head(self._seen + place)
            rows = frame.slice(place, wanted.height)
            least = self.least if place >= gone_on_at else max(self.least, LEAST_UNSORTED)
            if wanted.height < least or not rows.equals(wanted.head(rows.height)):
                continue
            if rows.height == wanted.height:
                return int(seq[place])
            self._open = _Place(seq=int(seq[place]), agreed=rows.height, wanted=wanted.height, least=least)
        return None

    def _go_on(self, frame: pl.DataFrame) -> int | None:
        """Compare the rows after a place at the end of the block before."""
        place, self._open = self._open, None
        if place is None:
            return None
        wanted = self._rows.slice(place.agreed, place.wanted - place.agreed)
        rows = frame.head(wanted.height)
        if not rows.equals(wanted.head(rows.height)):
            return None
        if rows.height == wanted.height:
            return place.seq
        self._open = replace(place, agreed=place.agreed + rows.height)
        return None


def _first(flags: pl.Series) -> int:
    """Return the place of the first that is true; the number of all where none is."""
    places = flags.arg_true()
    return len(flags) if places.is_empty() else int(places[0])
