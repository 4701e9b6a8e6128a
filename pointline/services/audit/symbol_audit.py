"""The windows of ``dim_symbol`` against the checks that hold for them at all times."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import polars as pl

from pointline.services.telling.findings import Finding
from pointline.tables import dim_symbol
from pointline.tables.symbols import observations as symbol_observations
from pointline.tables.symbols.checks import violations


def audit_symbols(versions: pl.DataFrame) -> Iterator[Finding]:
    """Yield a finding for each check that does not hold."""
    for broken in violations(versions):
        what = f"{broken.rows:,} of {versions.height:,} rows break {broken.check}, such as {broken.example}"
        yield Finding(kind="symbol_windows", table=dim_symbol.NAME, path=f"silver/{dim_symbol.NAME}", what=what)


def audit_history(versions: pl.DataFrame, computed: pl.DataFrame) -> Iterator[Finding]:
    """Yield a finding where the table is not what the observations make of it."""
    compared = [name for name in dim_symbol.SCHEMA if name != "is_current"]  # the time that passes changes that
    told, found = versions.select(compared), computed.select(compared)
    extra = told.join(found, on=compared, how="anti", nulls_equal=True)
    missing = found.join(told, on=compared, how="anti", nulls_equal=True)
    if extra.height or missing.height:
        exchange, symbol, since = pl.concat([missing, extra]).select(*dim_symbol.KEY, "valid_from").row(0)
        what = (
            f"{extra.height:,} of {versions.height:,} versions are not what was observed, and {missing.height:,} are "
            f"missing, such as {exchange} {symbol} from {since}"
        )
        yield Finding(kind="symbol_history", table=dim_symbol.NAME, path=f"silver/{dim_symbol.NAME}", what=what)


def audit_observations(heads: pl.DataFrame, files: Collection[int]) -> Iterator[Finding]:
    """Yield a finding for each file of instruments that is in, and of which nothing is kept."""
    for file_id in sorted(set(files) - set(heads["file_id"])):
        yield Finding(
            kind="symbol_observation_missing",
            table=symbol_observations.NAME,
            file_id=file_id,
            path=f"silver/{symbol_observations.NAME}",
            what="the ledger says it is in, but what it said of symbols is not kept",
        )
