"""The folder against the ledger: which files in bronze still have to enter the lake."""

from __future__ import annotations

import polars as pl

from pointline.tables.ingest_manifest import Status, stands_at

VERSION = ["bronze_file_path", "file_size_bytes", "last_modified_ts"]


def backlog(survey: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return ``path, size, mtime_us, attempts, updated_at_us`` of versions that are new or still pending.

    ``survey`` has ``path, size, mtime_us`` of every file in bronze, ``entries`` the ledger's rows. For new versions
    ``attempts`` is null.
    """
    # A superseded version may come back: the file was restored, with its old time stamp. It is new then.
    ledger = (
        entries.lazy()
        .filter(~stands_at(Status.SUPERSEDED))
        .select(
            pl.col("bronze_file_path").alias("path"),
            pl.col("file_size_bytes").alias("size"),
            pl.col("last_modified_ts").to_physical().alias("mtime_us"),
            "attempts",
            "updated_at_us",
            (stands_at(Status.PENDING)).alias("pending"),
        )
    )
    key = ["path", "size", "mtime_us"]
    new = (
        survey.lazy()
        .join(ledger, on=key, how="anti")
        .select(*key, pl.lit(None, pl.Int64).alias("attempts"), pl.lit(None, pl.Int64).alias("updated_at_us"))
    )
    settled = ledger.filter(~pl.col("pending")).select(key)
    waiting = (
        survey.lazy()
        .join(ledger.filter("pending").drop("pending"), on=key, how="inner")
        .join(settled, on=key, how="anti")
        .select(*key, "attempts", "updated_at_us")
    )
    return pl.concat([new, waiting]).collect()
