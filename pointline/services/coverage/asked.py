"""What is asked of coverage, and the words of its answers: series, selections of them, states of a day."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Final

import polars as pl
from msgspec import Struct

PAIR: Final = ("exchange", "data_type")
SERIES: Final = (*PAIR, "symbol")
DAY: Final = dt.timedelta(days=1)

FEW_SHARE: Final = 0.1
FEW_AROUND_DAYS: Final = 45
FEW_NEEDS_DAYS: Final = 8
FEW_NEEDS_ROWS: Final = 100
REST_NEEDS_DAYS: Final = 28
RULE: Final = (
    f"few: under {FEW_SHARE:.0%} of the median of the symbol's days from {FEW_AROUND_DAYS} before to as many after; "
    f"not judged with less than {FEW_NEEDS_DAYS} days or a median under {FEW_NEEDS_ROWS} rows"
)


class State(StrEnum):
    """What became of a day."""

    PRESENT = "present"
    EMPTY = "empty"
    """The vendor's file says that there was no data."""
    FEW = "few"
    """Far fewer rows than usual: see ``RULE``."""
    PENDING = "pending"
    MISSING = "missing"
    """No file came, or only one with the content of another."""
    QUARANTINED = "quarantined"
    FAILED = "failed"


GAPS: Final = (State.FAILED, State.QUARANTINED, State.MISSING, State.FEW, State.PENDING)
"""States that are worth a look, the most urgent first."""


class Selection(Struct, frozen=True, kw_only=True):
    """What is asked for; None means all. ``first`` and ``last`` are days, both included."""

    exchange: str | None = None
    table: str | None = None
    symbol: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None

    def series(self) -> pl.Expr:
        """True for rows of the series that are meant."""
        wanted = zip(SERIES, (self.exchange, self.table, self.symbol), strict=True)
        return pl.all_horizontal(pl.lit(value=True), *(pl.col(name) == one for name, one in wanted if one is not None))

    def reach(self, first: pl.Expr, last: pl.Expr) -> pl.Expr:
        """True for spans of days that reach into those that are meant."""
        return (last >= (self.first or dt.date.min)) & (first <= (self.last or dt.date.max))

    def days(self, column: str) -> pl.Expr:
        """True for rows whose day is meant."""
        date = pl.col(column)
        return date.is_between(self.first or dt.date.min, self.last or dt.date.max)


def urgency() -> pl.Expr:
    """Rank gaps by their state, the most urgent first."""
    return pl.col("state").replace_strict([state.value for state in GAPS], list(range(len(GAPS))), return_dtype=pl.Int8)
