"""The ledger's files as rows per series and day: what holds several days or symbols counts for each of them."""

from __future__ import annotations

from typing import Final

import polars as pl

from pointline.services.coverage.asked import PAIR, SERIES
from pointline.tables.ingest_manifest import Status, stands_at
from pointline.tables.spelling import symbol_key

COLUMNS: Final = (*SERIES, "symbols", "date", "file_id", "status", "rows_written", "rows_quarantined", "error")
"""What of the ledger is needed."""


def without_copies(files: pl.DataFrame) -> pl.DataFrame:
    """Leave out copies of files of several days: the day of their name is where the time begins, and says nothing."""
    several = files.filter(stands_at(Status.SUCCESS), pl.col("days").is_not_null())
    named = several.select(*SERIES, "date", superseded_by="file_id")
    copies = files.filter(stands_at(Status.DUPLICATE)).join(named, on=[*SERIES, "date", "superseded_by"], how="semi")
    return files.filter(~pl.col("file_id").is_in(copies["file_id"].implode()))


def by_day(files: pl.DataFrame) -> pl.DataFrame:
    """One row per file and day that it has rows of; a file without rows has the day of its name."""
    several = files.filter(pl.col("days").is_not_null()).drop("date", "rows_written")
    days = several.explode("days", empty_as_null=False).unnest("days").rename({"rows": "rows_written"})
    return pl.concat([files.filter(pl.col("days").is_null()).select(COLUMNS), days.select(COLUMNS)])


def by_symbol(files: pl.DataFrame) -> pl.DataFrame:
    """One row per file and symbol found in it, spelled as in the rows; a file without rows has the one of its name.

    How many rows a file of many symbols has of each is not known.
    """
    found = pl.col("symbols").list.len().fill_null(0)
    files = files.with_columns(
        pl.when(found > 0).then("symbols").otherwise(pl.concat_list(pl.col("symbol").cast(pl.String))).alias("symbol"),
        (found > 0).alias("is_found"),
        pl.when(found <= 1).then("rows_written").alias("rows_written"),
        pl.when(found <= 1).then("rows_quarantined").alias("rows_quarantined"),
    ).explode("symbol", empty_as_null=False)
    keys = {name: symbol_key(name) for name in files["symbol"].unique()}
    files = files.with_columns(pl.col("symbol").replace_strict(keys, return_dtype=pl.String).alias("key"))
    spelled = files.filter("is_found").group_by(*PAIR, "key").agg(pl.col("symbol").min().alias("spelling"))
    files = files.join(spelled, on=[*PAIR, "key"], how="left", maintain_order="left")
    return files.with_columns(pl.coalesce("spelling", "symbol").alias("symbol")).drop("symbols", "key", "is_found")
