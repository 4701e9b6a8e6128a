"""Candidates looked up in the ledger: as a frame to join with it, and the rows of it that may matter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.files.identity.ledger_row import LedgerRow, ledger_rows
from pointline.tables.ingest_manifest import ends
from pointline.tables.schema import UTC_TIME

MOST_DAYS = dt.timedelta(days=31)
"""Of a file with the longest time that others are published beside: a month."""


def as_frame(metas: Sequence[BronzeFileMetadata]) -> pl.DataFrame:
    """Return the candidates as rows that can be joined with the ledger's, each with its ``position`` among them."""
    schema = {
        "exchange": pl.String,
        "data_type": pl.String,
        "symbol": pl.String,
        "date": pl.Date,
        "bronze_file_path": pl.String,
        "file_size_bytes": pl.Int64,
        "last_modified_ts": pl.Int64,
        "feed": pl.String,
    }
    columns: dict[str, list[object]] = {name: [getattr(meta, name) for meta in metas] for name in schema}
    schema["has_days"] = pl.Boolean
    columns["has_days"] = [not meta.is_one_day for meta in metas]
    frame = pl.DataFrame(columns, schema=schema).with_row_index("position")
    words = [pl.col(name).cast(pl.Categorical) for name in ("exchange", "data_type", "symbol")]
    return frame.with_columns(pl.col("last_modified_ts").cast(UTC_TIME), *words)


def may_matter(asked: pl.DataFrame) -> pl.Expr:
    """True for versions of the same paths, and for all of the partitions that the candidates belong to, or more."""
    partition = [
        pl.col(name).is_in(asked[name].unique().cast(pl.String).to_list()) for name in ("exchange", "data_type")
    ]
    dates = asked["date"].drop_nulls()
    in_partition = pl.all_horizontal(*partition, pl.col("date").is_in(dates.unique().to_list()))
    if (asked["feed"] != "").any() and len(dates):
        near = pl.col("feed").is_not_null() & has_days()
        if asked["has_days"].any():
            near |= pl.col("feed").is_not_null() & pl.col("date").is_between(
                pl.lit(dates.min()), pl.lit(dates.max()) + MOST_DAYS
            )
        in_partition |= pl.all_horizontal(*partition, near)
    return in_partition | pl.col("bronze_file_path").is_in(asked["bronze_file_path"].to_list())


def has_days() -> pl.Expr:
    """True for files of the ledger whose rows are of several days, or of another than they are filed under."""
    first, last = ends()
    return ((first != pl.col("date")) | (last != pl.col("date"))).fill_null(value=True).alias("has_days")


def with_feed(entries: pl.DataFrame) -> pl.DataFrame:
    """The feed, with its series, as candidates have it: bars of another interval are another claim."""
    return entries.with_columns(pl.col("feed").cast(pl.String).fill_null(""))


def rows_by_position(asked: pl.DataFrame, entries: pl.DataFrame, on: list[str]) -> dict[int, list[LedgerRow]]:
    """Return the ledger rows that agree with each candidate in ``on``, oldest first."""
    rows = entries.join(asked, on=on, how="inner").sort("file_id")
    by_position: dict[int, list[LedgerRow]] = {}
    for position, row in zip(rows["position"], ledger_rows(rows), strict=True):
        by_position.setdefault(position, []).append(row)
    return by_position
