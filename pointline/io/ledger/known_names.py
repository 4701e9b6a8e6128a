"""Which exchanges and symbols a lake knows: by its ledger, which keeps the symbols that were found in the rows."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl
from msgspec import Struct

from pointline.io.ledger.reader import scan_rows
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import Status, stands_at


class KnownNames(Struct, frozen=True, kw_only=True):
    """``held``: ``exchange, table, symbol`` once each, of the files whose rows are in silver.

    ``claimed``: the same by the names of files that have no rows there. ``untold`` are the ``exchange, table`` of files
    whose symbols are not known, or not yet: what is not held there may be there all the same.
    """

    held: pl.DataFrame
    claimed: pl.DataFrame
    untold: frozenset[tuple[str, str]]

    def exchanges(self) -> set[str]:
        """Return the exchanges of all files, whatever became of them."""
        return {*self.held["exchange"], *self.claimed["exchange"], *(exchange for exchange, _ in self.untold)}

    def symbols(self) -> set[str]:
        """Return the symbols of all files, whatever became of them."""
        return {*self.held["symbol"], *self.claimed["symbol"]}

    def symbols_of(self, table: str, exchanges: Collection[str] | None) -> set[str]:
        """Return the symbols that a table has rows of."""
        return set(self.held.filter(table=table).filter(_of(exchanges))["symbol"].to_list())

    def places_of(self, symbol: str) -> list[str]:
        """Return where rows of a symbol are, as ``exchange table``."""
        found = self.held.filter(symbol=symbol).sort("exchange", "table").select("exchange", "table")
        return [" ".join(row) for row in found.iter_rows()]

    def is_claimed(self, table: str, symbol: str, exchanges: Collection[str] | None) -> bool:
        """Tell whether files that have no rows in the table claim to be of the symbol."""
        return not self.claimed.filter(table=table, symbol=symbol).filter(_of(exchanges)).is_empty()

    def is_untold(self, table: str, exchanges: Collection[str] | None) -> bool:
        """Tell whether the table may have more symbols than are known."""
        return any(name == table and (exchanges is None or one in exchanges) for one, name in self.untold)


def known_names(silver: Path) -> KnownNames:
    """Read the ledger; where there is none, no name is known."""
    ledger = scan_rows(silver / ingest_manifest.NAME, ingest_manifest.SCHEMA)
    names = [pl.col("exchange"), pl.col("data_type").alias("table")]
    count = pl.col("symbols").list.len().fill_null(0)
    landed, coming = stands_at(Status.SUCCESS), stands_at(Status.PENDING)
    files = ledger.filter(pl.col("exchange") != "")
    held = files.filter(landed, count > 0).select(*names, symbol="symbols").explode("symbol", empty_as_null=False)
    claimed = files.filter(~landed | (count == 0)).select(*names, "symbol")
    untold = files.filter(coming | (landed & (count == 0) & (pl.col("rows_written") > 0))).select(names)
    found = pl.collect_all([held.unique(), claimed.unique(), untold.unique()])
    return KnownNames(held=found[0], claimed=found[1], untold=frozenset(found[2].iter_rows()))


def _of(exchanges: Collection[str] | None) -> pl.Expr:
    return pl.lit(value=True) if exchanges is None else pl.col("exchange").is_in(list(exchanges))
