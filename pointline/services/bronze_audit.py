"""Bronze against the ledger, by size and time; a hash only where the time alone differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from pointline.io.protocols import BronzeFileMetadata, BronzeReader
from pointline.services.audited import Parties
from pointline.services.findings import Checked, Finding
from pointline.tables.ingest_manifest import CLOSED, Status, stands_at


def audit_bronze(
    to: Parties, ledger: pl.DataFrame, flying: set[int], checked: Checked, *, settled_before_us: int | None
) -> tuple[list[Finding], pl.DataFrame]:
    """Compare sizes and times; return the findings, and the ledger's rows of files that are in and unchanged.

    These have the columns of ``survey`` besides: ``size`` (bytes), ``mtime_us`` (microseconds since the epoch, UTC) ...
    """
    survey = to.bronze.survey().rename({"path": "bronze_file_path", "inode": "inode_now"})
    alive = ledger.filter(~stands_at(*CLOSED)).sort("file_id")
    newest = alive.group_by("bronze_file_path", maintain_order=True).last()
    both = newest.join(survey, on="bronze_file_path", how="left").with_columns(_is_as_known().alias("is_as_known"))
    checked.bronze_files = survey.height
    checked.bronze_gone = both.filter(stands_at(Status.SUCCESS), pl.col("size").is_null()).height
    new = survey.join(newest, on="bronze_file_path", how="anti")
    checked.bronze_waiting = sum(to.bronze.describe(*row) is not None for row in new.iter_rows())
    checked.bronze_unrecognised = new.height - checked.bronze_waiting
    settled = both.filter(
        pl.col("size").is_not_null(), ~stands_at(Status.PENDING), ~pl.col("file_id").is_in(sorted(flying))
    )
    if settled_before_us is not None:  # what is fresh and changed is a new version, on its way in
        settled = settled.filter(pl.col("is_as_known") | (pl.col("mtime_us") <= settled_before_us))
    findings = []
    for row in settled.filter(~pl.col("is_as_known")).iter_rows(named=True):
        if what := _change_of(row, to.reader):
            path, table = row["bronze_file_path"], row["data_type"]
            findings.append(Finding(kind="bronze_changed", table=table, file_id=row["file_id"], path=path, what=what))
    changed = [finding.file_id for finding in findings]
    there = settled.filter(stands_at(Status.SUCCESS), pl.col("date").is_not_null(), ~pl.col("file_id").is_in(changed))
    return findings, there


def as_found(row: Mapping[str, Any]) -> BronzeFileMetadata:
    """Describe a file of ``audit_bronze`` as it is in bronze now."""
    return BronzeFileMetadata(
        exchange=row["exchange"],
        data_type=row["data_type"],
        symbol=row["symbol"],
        date=row["date"],
        bronze_file_path=row["bronze_file_path"],
        file_size_bytes=row["size"],
        last_modified_ts=row["mtime_us"],
        vendor=row["vendor"],
        feed=row["feed"] or "",
    )


def _is_as_known() -> pl.Expr:
    same_time = pl.col("last_modified_ts").dt.epoch("us") == pl.col("mtime_us")
    return (pl.col("size") == pl.col("file_size_bytes")) & same_time


def _change_of(row: Mapping[str, Any], reader: BronzeReader) -> str | None:
    """Say how a bronze file differs from its newest version; a touched one with its old content does not."""
    if row["size"] != row["file_size_bytes"]:
        return f"the file has {row['size']:,} bytes, the ledger knows {row['file_size_bytes']:,}"
    if row["content_hash"] and reader.content_hash(row["bronze_file_path"]) == row["content_hash"]:
        return None
    return "the file was modified after it was ingested"
