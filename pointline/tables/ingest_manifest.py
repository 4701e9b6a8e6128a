"""``ingest_manifest``: the ledger, one row per file version."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import polars as pl

from pointline.tables.schema import UTC_TIME, no_rows

NAME = "ingest_manifest"
NO_DATE = dt.date(1970, 1, 1)
"""The date of a file whose path names none."""
NO_ROWS = "no_rows"
"""The warning of a file without rows that does not say that there were none: an empty gzip does."""


class Status(StrEnum):
    """Where a file version stands."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"
    """Trouble that might pass did not, and the tries are used up."""
    QUARANTINED = "quarantined"
    """The content cannot be accepted."""
    SUPERSEDED = "superseded"
    """A newer version of the same path has replaced it."""
    DUPLICATE = "duplicate"
    """The same content is in the lake under another path."""
    WITHDRAWN = "withdrawn"
    """A person took its rows out of the lake."""
    GONE = "gone"
    """It never got in, or its rows were lost, and the file is no longer in bronze."""


CLOSED = (Status.SUPERSEDED, Status.GONE)
"""Versions that are history: the file may come back, and is a new version then."""
OUT = (*CLOSED, Status.WITHDRAWN)
"""Versions that have no rows, and are not read again by themselves."""


DAYS = pl.List(pl.Struct({"date": pl.Date(), "rows": pl.Int64()}))
"""How many rows of a file are of each UTC date."""

SCHEMA: dict[str, pl.DataType] = {
    "file_id": pl.Int64(),
    "vendor": pl.String(),
    "exchange": pl.String(),
    "data_type": pl.String(),
    "symbol": pl.String(),
    "date": pl.Date(),
    "bronze_file_path": pl.String(),
    "file_size_bytes": pl.Int64(),
    "last_modified_ts": UTC_TIME,
    "content_hash": pl.String(),
    "status": pl.String(),
    "attempts": pl.Int64(),
    "rows_read": pl.Int64(),
    "rows_written": pl.Int64(),
    "rows_quarantined": pl.Int64(),
    "first_local_timestamp": UTC_TIME,
    "last_local_timestamp": UTC_TIME,
    "warnings": pl.String(),
    "error": pl.String(),
    "created_at_us": pl.Int64(),
    "updated_at_us": pl.Int64(),
    "superseded_by": pl.Int64(),
    "symbols": pl.List(pl.String()),
    "changed_ts": UTC_TIME,
    "inode": pl.Int64(),
    "feed": pl.String(),
    "receive_clock": pl.Boolean(),
    "days": DAYS,
    "checksum": pl.String(),
}
"""``bronze_file_path`` is relative to bronze, POSIX style; ``warnings`` is a JSON object of check name to count.
``symbols`` are those found in the rows; ``changed_ts`` is the file's ctime; ``feed`` is null for files that have the
columns of their table; ``days`` is null where all rows are of ``date``; ``receive_clock`` is false where
``local_timestamp`` only repeats ``timestamp``; ``checksum`` is a ``Checksum`` where the vendor publishes one
beside each file."""


ADDED = ("symbols", "changed_ts", "inode", "feed", "receive_clock", "days", "checksum")
"""Columns that the first release did not have."""


class Checksum(StrEnum):
    """What the checksum beside a file says of it."""

    OK = "ok"
    MISMATCH = "mismatch"
    MISSING = "missing"


HASH, DIGEST = "content_hash", "content_digest"
"""The hash in hexadecimal, on disk, and its bytes, in memory. By two names nobody compares the one with the other."""

CONTENT_FACTS = (
    "content_hash",
    "rows_read",
    "rows_written",
    "rows_quarantined",
    "first_local_timestamp",
    "last_local_timestamp",
    "warnings",
    "symbols",
    "days",
    "checksum",
)
"""What reading the file told. A later outcome that says nothing about them leaves them as they are."""

STANDING = ("status", "attempts", "error", "updated_at_us", "superseded_by")
"""Where the file version stands now. With ``CONTENT_FACTS`` all that an outcome may change; the rest is known at
discovery and stays."""


def warns_of(name: str) -> pl.Expr:
    """True for rows whose warnings count something of this name."""
    return pl.col("warnings").str.contains(f'"{name}"', literal=True).fill_null(value=False)


NEVER_NULL = ("file_id", "exchange", "data_type", "symbol", "bronze_file_path", "status")


def senseless() -> pl.Expr:
    """True for rows that no release has written: another program has changed the ledger."""
    no_status = ~stands_at(*Status)
    return pl.any_horizontal(no_status, *(pl.col(name).is_null() for name in NEVER_NULL)).fill_null(value=True)


def empty() -> pl.DataFrame:
    """Return a manifest without rows."""
    return no_rows(SCHEMA)


KEEPS_BAD_ROWS = (Status.SUCCESS, Status.QUARANTINED)
"""The quarantined rows of such files are in ``silver/quarantine``."""


def rows_in_quarantine() -> pl.Expr:
    """Sum the quarantined rows of files that are in, and of those that are refused now."""
    return pl.col("rows_quarantined").filter(stands_at(*KEEPS_BAD_ROWS)).sum()


def rows_by_day(ledger: pl.DataFrame | pl.LazyFrame) -> pl.LazyFrame:
    """Return the files of the ledger that have rows, once for each UTC date, with its ``date, rows_written``."""
    there = ledger.lazy().filter(pl.col("rows_written") > 0)
    one = there.filter(pl.col("days").is_null()).drop("days")
    more = there.filter(pl.col("days").is_not_null()).drop("date", "rows_written").explode("days").unnest("days")
    more = more.rename({"rows": "rows_written"})
    return pl.concat([one, more.select(one.collect_schema().names())])


def ends() -> tuple[pl.Expr, pl.Expr]:
    """The UTC dates of a file's first and last row."""
    return pl.col("first_local_timestamp").dt.date(), pl.col("last_local_timestamp").dt.date()


def may_have_rows_of(day: dt.date) -> pl.Expr:
    """True for files that may have rows of a UTC date: it is theirs, or lies between their first and last row."""
    first, last = ends()
    return (pl.col("date") == day) | pl.lit(day).is_between(first, last).fill_null(value=False)


def with_hashes(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the ledger in memory as they are on disk: with the hash in the place of its bytes."""
    return rows.with_columns(pl.col(DIGEST).bin.encode("hex")).rename({DIGEST: HASH})


def with_digests(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the ledger as they are in memory: with the bytes of the content hash, which has another name."""
    return rows.with_columns(pl.col(HASH).str.decode("hex")).rename({HASH: DIGEST}) if HASH in rows.columns else rows


def stands_at(*statuses: Status) -> pl.Expr:
    """True for rows with one of these statuses; works on text and on categories."""
    return pl.any_horizontal([pl.col("status") == status.value for status in statuses])
