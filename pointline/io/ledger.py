"""The ledger for those who only read it: commands that answer at once, beside a running daemon or without one."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from pointline.errors import PointlineError
from pointline.io.translate import storage_errors
from pointline.tables.ingest_manifest import NAME, SCHEMA


def scan_ledger(path: Path) -> pl.LazyFrame:
    """Return the manifest's newest version, lazily, one row per file version.

    Reads the parts themselves: Polars' own Delta reader would first load pyarrow, which takes longer than the answer.
    Raises PointlineError where there is no lake.
    """
    with storage_errors(NAME):
        if not DeltaTable.is_deltatable(str(path)):
            root = path.parent.parent
            raise PointlineError(
                f"there is no lake at {root}",
                subject=str(root),
                hint=f"`pointline run --lake-root {root}` makes one; `pointline demo` makes one with data to try",
            )
        parts = DeltaTable(path).file_uris()
        return pl.scan_parquet(parts, schema=SCHEMA) if parts else pl.LazyFrame(schema=SCHEMA)
