"""Days that files which are not in, or not yet, claim by their paths: a month that was refused is a month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

import polars as pl

LONGEST_CLAIM: Final = dt.timedelta(days=400)
"""A path may claim more, up to the year 9999."""
PeriodOf = Callable[[str, str], tuple[int, int] | None]
"""Path and feed to the times that the path says its rows are of: first, and first after; microseconds, UTC."""


def claimed_spans(files: pl.DataFrame, period_of: PeriodOf) -> pl.DataFrame:
    """Return ``file_id, claims_first, claims_last`` (UTC dates) of files whose paths claim more than their ``date``.

    ``files`` has ``file_id, bronze_file_path, feed``.
    """
    facts = files.select("file_id", "bronze_file_path", pl.col("feed").cast(pl.String).fill_null("")).iter_rows()
    found = [(file_id, *period) for file_id, path, feed in facts if feed and (period := period_of(path, feed))]
    schema = {"file_id": pl.Int64, "claims_first": pl.Int64, "claims_last": pl.Int64}
    first, last = pl.from_epoch("claims_first", "us"), pl.from_epoch(pl.col("claims_last") - 1, "us")
    return pl.DataFrame(found, schema=schema, orient="row").with_columns(first.dt.date(), last.dt.date())


def claimed_days(files: pl.DataFrame, ledger: pl.LazyFrame, period_of: PeriodOf) -> pl.DataFrame:
    """Return a row of ``files`` for each day of the periods that their paths in the ledger claim."""
    if files.is_empty():
        return files
    spans = claimed_spans(ledger.select("file_id", "bronze_file_path", "feed").collect(), period_of)
    spans = spans.filter((pl.col("claims_last") - pl.col("claims_first")) < LONGEST_CLAIM)
    days = spans.select("file_id", date=pl.date_ranges("claims_first", "claims_last"))
    return files.drop("date").join(days.explode("date", empty_as_null=False), on="file_id").select(files.columns)
