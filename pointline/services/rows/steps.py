"""Bars that follow one another at their interval: how far apart those of a file are."""

from __future__ import annotations

import polars as pl

US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}


def interval_of(us: int) -> str:
    """Return a length as an interval, in the largest unit that it is a whole number of."""
    unit = next((unit for unit in reversed(US) if us % US[unit] == 0), None)
    return f"{us / 1e6:g}s" if unit is None else f"{us // US[unit]}{unit}"


class Steps:
    """The smallest time between two bars of a file, of any symbol."""

    def __init__(self) -> None:
        self._smallest: int | None = None
        self._last = pl.Series("timestamp", [], pl.Int64)

    def add(self, frame: pl.DataFrame) -> None:
        """Add the next rows of the file, with ``timestamp``."""
        times = pl.concat([self._last, frame["timestamp"]])
        steps = times.unique().sort().diff().drop_nulls()
        if not steps.is_empty():
            least = int(steps.min())  # type: ignore[arg-type]
            self._smallest = least if self._smallest is None else min(self._smallest, least)
        self._last = times.tail(1)

    def found(self) -> str | None:
        """Return the interval; None where there are not two bars."""
        return None if self._smallest is None else interval_of(self._smallest)
