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


def claimed_days(files: pl.DataFrame, ledger: pl.LazyFrame, period_of: PeriodOf) -> pl.DataFrame:
    """Return a row of ``files`` for each day of the periods that their paths in the ledger claim."""
    described = ledger.filter(pl.col("feed").cast(pl.String).fill_null("") != "")
    rows = described.select("file_id", "bronze_file_path", pl.col("feed").cast(pl.String)).collect()
    periods = [(file_id, *period) for file_id, path, feed in rows.iter_rows() if (period := period_of(path, feed))]
    claimed = pl.DataFrame(periods, schema={"file_id": pl.Int64, "first": pl.Int64, "end": pl.Int64}, orient="row")
    first, last = pl.from_epoch("first", "us").dt.date(), pl.from_epoch(pl.col("end") - 1, "us").dt.date()
    claimed = claimed.filter((last - first) < LONGEST_CLAIM)
    days = claimed.select("file_id", pl.date_ranges(first, last).alias("date")).explode("date", empty_as_null=False)
    return files.drop("date").join(days, on="file_id").select(files.columns)
