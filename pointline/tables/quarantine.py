"""``quarantine``: every quarantined row, with the rule it broke and its original line."""

from __future__ import annotations

import polars as pl

from pointline.tables.schema import no_rows

NAME = "quarantine"

SCHEMA: dict[str, pl.DataType] = {
    "file_id": pl.Int64(),
    "file_seq": pl.Int64(),
    "exchange": pl.String(),
    "date": pl.Date(),
    "data_type": pl.String(),
    "rule": pl.String(),
    "column": pl.String(),
    "raw": pl.String(),
}


def empty() -> pl.DataFrame:
    """Return a quarantine frame without rows."""
    return no_rows(SCHEMA)
