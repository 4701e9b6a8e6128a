"""The windows of ``dim_symbol`` against the checks that hold for them at all times."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pointline.services.findings import Finding
from pointline.tables import dim_symbol
from pointline.tables.dim_symbol_checks import violations


def audit_symbols(versions: pl.DataFrame) -> Iterator[Finding]:
    """Yield a finding for each check that does not hold."""
    for broken in violations(versions):
        what = f"{broken.rows:,} of {versions.height:,} rows break {broken.check}, such as {broken.example}"
        yield Finding(kind="symbol_windows", table=dim_symbol.NAME, path=f"silver/{dim_symbol.NAME}", what=what)
