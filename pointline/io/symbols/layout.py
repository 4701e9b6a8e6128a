"""How ``dim_symbol`` lies in data files: by exchange and by the time at which versions end, those without an end last.

What is said of symbols today ends versions that had no end, and begins others. It rewrites the files of these, not what
was known of the years before; what is said late rewrites what ended after that time. So each file holds versions of one
exchange that end within a stretch of time, and files share no such time; only where more versions end at one time than
a file should have do several files hold them, by symbol.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise

import polars as pl
from msgspec import Struct

from pointline.io.delta.live_parts import Bounds
from pointline.io.protocols.tables import Part
from pointline.tables.dim_symbol import Scope
from pointline.tables.schema import UTC_TIME

BOUNDED = ("exchange", "symbol", "valid_until")
"""The columns whose bounds tell where a data file belongs."""
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)
"""The end of a version that has none."""


class SymbolFile(Struct, frozen=True, kw_only=True):
    """A data file of one exchange: versions that end from ``start`` to ``end``.

    Their symbols are from ``first`` to ``last``; all four are included.
    """

    part: Part
    first: str
    last: str
    start: dt.datetime
    end: dt.datetime

    def shares_end_with(self, other: SymbolFile) -> bool:
        """Tell whether all versions in both end at the same time."""
        return self.start == self.end == other.start == other.end


def end_or_never() -> pl.Expr:
    """Return when a version ends."""
    return pl.col("valid_until").fill_null(pl.lit(NEVER, UTC_TIME))


Layout = dict[str, list[SymbolFile]]
"""The files of each exchange, by time and symbol."""


def laid_out(files: Sequence[tuple[Part, Bounds]]) -> Layout | None:
    """Return files by exchange, time and symbol, given the bounds of ``BOUNDED``; None where they lie otherwise.

    So it is with what an earlier release or another program wrote.
    """
    found: Layout = {}
    for part, (exchange, symbol, until) in files:
        is_told = all(bound.is_known(part.rows) for bound in (exchange, symbol, until))
        if not is_told or exchange.low is None or exchange.low != exchange.high or symbol.low is None:
            return None
        file = SymbolFile(
            part=part,
            first=symbol.low,
            last=symbol.high,
            start=NEVER if until.low is None else until.low,
            end=NEVER if until.nulls else until.high,
        )
        found.setdefault(exchange.low, []).append(file)
    for of_exchange in found.values():
        of_exchange.sort(key=lambda file: (file.start, file.end, file.first))
        if not all(_follows(other, one) for one, other in pairwise(of_exchange)):
            return None
    return {exchange: found[exchange] for exchange in sorted(found)}


def _follows(file: SymbolFile, before: SymbolFile) -> bool:
    return before.end < file.start or (before.shares_end_with(file) and before.last < file.first)


def files_of(layout: Layout, scope: Scope) -> list[SymbolFile]:
    """Return the files that may hold versions that are meant."""
    found = []
    for exchange in sorted(scope.exchanges & layout.keys()):
        symbols = None if scope.keys is None else scope.keys.filter(exchange=exchange)["symbol"].sort()
        found += [file for file in layout[exchange] if _may_hold(file, symbols)]
    return found


def _may_hold(file: SymbolFile, symbols: pl.Series | None) -> bool:
    if symbols is None:
        return True
    place = int(symbols.search_sorted(file.first))
    return place < len(symbols) and bool(symbols[place] <= file.last)
