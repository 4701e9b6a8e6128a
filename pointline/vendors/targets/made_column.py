"""One column of the table as it was made from a line of the map, and what it is made with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
from msgspec import Struct

from pointline.parse.feed import Finer
from pointline.parse.rules import Belonging
from pointline.tables.schema import Column
from pointline.vendors.language import FeedText

Report = Callable[[str], None]
Value = Callable[[Belonging], pl.Expr]
Clocks = Callable[[Belonging], dict[str, pl.Expr]]


def always(value: pl.Expr) -> Value:
    """Return what a file's path has no part in."""
    return lambda _: value


def no_clocks(_belonging: Belonging) -> dict[str, pl.Expr]:
    """Nothing is known of clocks that are set."""
    return {}


class MadeColumn(Struct, frozen=True, kw_only=True):
    """One column of the table: its value, the source columns it takes and as what."""

    column: Column
    value: Value
    sources: tuple[Column, ...] = ()
    rule: str = "unparseable"
    says_nothing: pl.Expr | None = None
    """True for cells that are not empty and stand for nothing all the same."""
    wanted: str = ""
    """What its cells have to be, in words."""
    clocks: Clocks = no_clocks
    zone: str = ""
    finer: Finer | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """A feed, the source columns that it has in any of its lists, and the fields that all of its paths have."""

    text: FeedText
    named: set[str]
    fields: Sequence[str]
    report: Report
    is_whole: bool = False
    """Of several forms that cells may have only whole numbers are asked for."""
