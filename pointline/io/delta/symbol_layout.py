"""How ``dim_symbol`` lies in data files: each holds symbols of one exchange, and files follow each other by symbol.

A change rewrites the files whose symbols it concerns, and small neighbours with them: of two files that follow each
other in an exchange one holds at least half of ``rows_per_file``. Which rows share a file depends on what was written
when; the rows in order of their files do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from pointline.io.protocols import Part
from pointline.tables.dim_symbol import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolFile:
    """A data file of one exchange: all versions of its symbols from ``first`` to ``last``, both included."""

    part: Part
    first: str
    last: str


Layout = dict[str, list[SymbolFile]]
"""The files of each exchange, by symbol."""


def laid_out(files: Sequence[tuple[Part, tuple[str | None, ...]]]) -> Layout | None:
    """Return files by exchange and symbol, given the bounds of both; None where they are not written like that.

    So it is with what an earlier release or another program wrote.
    """
    found: Layout = {}
    for part, (exchange, last_exchange, first, last) in files:
        if exchange is None or exchange != last_exchange or first is None or last is None:
            return None
        found.setdefault(exchange, []).append(SymbolFile(part=part, first=first, last=last))
    for of_exchange in found.values():
        of_exchange.sort(key=lambda file: file.first)
        if any(one.last >= other.first for one, other in pairwise(of_exchange)):
            return None
    return {exchange: found[exchange] for exchange in sorted(found)}


def files_of(layout: Layout, scope: Scope) -> list[SymbolFile]:
    """Return the files that may hold versions that are meant."""
    meant = {exchange: symbols_meant(scope, exchange) for exchange in sorted(scope.exchanges & layout.keys())}
    return [file for exchange, symbols in meant.items() for file in layout[exchange] if _may_hold(file, symbols)]


def symbols_meant(scope: Scope, exchange: str) -> pl.Series | None:
    """Return the symbols of an exchange that are meant, in order; None for all of them."""
    if scope.keys is None:
        return None if exchange in scope.exchanges else pl.Series("symbol", [], pl.String)
    return scope.keys.filter(exchange=exchange)["symbol"].sort()


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The files of one exchange as they are, and what comes: ``rows`` in the place of those of ``symbols``.

    ``rows`` stand in order, and ``symbols`` too; None stands for all symbols.
    """

    files: Sequence[SymbolFile]
    rows: pl.DataFrame
    symbols: pl.Series | None
    rows_per_file: int
    read: Callable[[SymbolFile], pl.DataFrame]

    def written(self, removed: list[Part]) -> Iterator[pl.DataFrame]:
        """Yield the rows of each file to be written, in order; ``removed`` is told which files they replace."""
        waiting = [] if self.files else [self.rows]
        before: SymbolFile | None = None
        """The file in front, where it stays as it is so far."""
        for file, changed in self._renewed():
            if changed is None and not (waiting and _height(waiting) + file.part.rows <= self.rows_per_file):
                yield from self._cut(waiting)
                waiting, before = [], file
                continue
            rows = self.read(file) if changed is None else changed
            if before is not None and before.part.rows + rows.height <= self.rows_per_file:
                waiting.append(self.read(before))
                removed.append(before.part)
            before = None
            waiting.append(rows)
            removed.append(file.part)
            if _height(waiting) >= 2 * self.rows_per_file:  # a long run need not be in memory as a whole
                *whole, rest = self._cut(waiting)
                yield from whole
                waiting = [rest]
        yield from self._cut(waiting)

    def _renewed(self) -> Iterator[tuple[SymbolFile, pl.DataFrame | None]]:
        """Yield each file with its rows as they will be, None where they stay as they are."""
        ends = [None, *(file.first for file in self.files[1:]), None]  # what comes before the first file belongs to it
        for file, (low, high) in zip(self.files, pairwise(ends), strict=False):
            coming = _between(self.rows, low, high)
            meant = None if self.symbols is None else _between(self.symbols.to_frame(), low, high)["symbol"]
            if meant is not None and meant.is_empty() and coming.is_empty():
                yield file, None
                continue
            old = self.read(file)
            kept = old.clear() if meant is None else old.filter(~pl.col("symbol").is_in(meant.implode()))
            # No symbol is on both sides. `merge_sorted` takes twice as long.
            rows = pl.concat([kept, coming]).sort("symbol", maintain_order=True) if coming.height else kept
            yield file, None if rows.equals(old) else rows

    def _cut(self, frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
        """Return rows in even pieces, each with all versions of its symbols."""
        rows = pl.concat(frames) if frames else self.rows.clear()
        pieces = -(-rows.height // self.rows_per_file)
        cuts = [
            0,
            *(_start_of_symbol(rows, number * rows.height // pieces) for number in range(1, pieces)),
            rows.height,
        ]
        return [rows[start:end] for start, end in pairwise(sorted(set(cuts)))]


def _start_of_symbol(rows: pl.DataFrame, place: int) -> int:
    """Return the place from which on the rows of the symbol at ``place`` stand."""
    return int(rows["symbol"].search_sorted(rows["symbol"][place]))


def _between(ordered: pl.DataFrame, low: str | None, high: str | None) -> pl.DataFrame:
    """Return the rows of symbols from ``low`` on and before ``high``."""
    symbols = ordered["symbol"]
    start = 0 if low is None else int(symbols.search_sorted(low))
    end = ordered.height if high is None else int(symbols.search_sorted(high))
    return ordered[start:end]


def _may_hold(file: SymbolFile, symbols: pl.Series | None) -> bool:
    if symbols is None:
        return True
    place = int(symbols.search_sorted(file.first))
    return place < len(symbols) and bool(symbols[place] <= file.last)


def _height(frames: Sequence[pl.DataFrame]) -> int:
    return sum(frame.height for frame in frames)
