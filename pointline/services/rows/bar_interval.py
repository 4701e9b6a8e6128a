"""The interval that the bars of a file are said to be of, held against how far apart they are."""

from __future__ import annotations

import polars as pl
from msgspec import Struct

from pointline.parse.feed import Feed
from pointline.parse.rules import Belonging
from pointline.services.rows.steps import INTERVAL, Steps, has_bars

SUBSECOND = ("ms", "us")
"""Units of steps that no bars have."""


class WrongInterval(Struct, frozen=True, kw_only=True):
    """Why the interval cannot be right, and what to do."""

    what: str
    hint: str
    accepted_as: str = ""
    """The interval as which the rows may be taken all the same; empty where the file has to be moved."""
    rows: int = 0
    """How many come too early for it."""
    is_rare: bool = False
    """So few that the rows are taken, and said."""


class BarInterval:
    """The intervals of one file. Bars may be further apart than theirs, for some are left out, but not nearer."""

    def __init__(self, feed: Feed, belonging: Belonging) -> None:
        self._feed = feed
        self._belonging = belonging
        self._steps = Steps(feed.table)
        self._first = ""

    def add(self, bars: pl.DataFrame) -> None:
        """Add the next bars of the file."""
        self._first = self._first or bars[INTERVAL][0]
        self._steps.add(bars)

    def wrong(self) -> WrongInterval | None:
        """Return what is wrong with the interval, when there are no more bars."""
        if not self._first:
            return None
        found = self._unnamed() if self._feed.has_steps and not self._belonging.says.get(INTERVAL) else None
        return found or (self._too_long() if has_bars(self._feed.table) else None)

    def far(self) -> tuple[str, int] | None:
        """Return an interval whose bars look like those of a longer one, and how many steps tell so."""
        return self._steps.far() if has_bars(self._feed.table) else None

    def _unnamed(self) -> WrongInterval | None:
        """Where no folder names the interval, the rows have to show that it is the usual one."""
        found = self._steps.least()
        if found == self._first:
            return None
        what = "it has one bar, which does not tell its interval" if found is None else f"its bars are {found} apart"
        where = "after it, such as 1h" if found is None else found
        return WrongInterval(
            what=f"{what}; where no folder names an interval it is {self._first}",
            hint=f"put it into a folder that is called {where}",
        )

    def _too_long(self) -> WrongInterval | None:
        short = self._steps.short()
        if short is None:
            return None
        found, interval, rows = short.least, short.interval, short.rows
        is_named = any(one.name == INTERVAL and not one.sources for one in self._feed.tell(self._belonging))
        right = "put the right file in its place"
        if found.endswith(SUBSECOND):
            right = f"are its times in another unit than this feed has? {right}"
        elif is_named:
            right = f"if they are bars of {found}, rename or move the file so that its path says {found}; else {right}"
        says = f"the name says {interval}" if is_named else f"they say {interval}"
        early = "1 row comes" if rows == 1 else f"{rows:,} rows come"
        return WrongInterval(
            what=f"its rows are {found} apart, {says}; {early} too early for bars of {interval}",
            hint=right,
            accepted_as=interval,
            rows=rows,
            is_rare=short.is_rare,
        )
