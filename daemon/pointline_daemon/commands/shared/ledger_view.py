"""What ``pointline status`` tells of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct

from pointline.io.ledger.reader import scan_ledger
from pointline.phrases import AGAIN, WAIT_OR_AGAIN
from pointline.services.files.companion import DISPUTED, disputed, settle_dispute
from pointline.services.telling.oddities import is_odd
from pointline.tables.ingest_manifest import Status, stands_at

SHOWN = 3
HOUR_US = 3_600_000_000
CORRECTED = "fix the cause; a file that is changed, moved or replaced is read again by itself"
NEXT_STEPS = {
    Status.PENDING: "nothing to do; the file is tried again automatically",
    Status.FAILED: "fix the cause, then `pointline retry --status failed`",
    Status.QUARANTINED: CORRECTED,
}

Errors = list[dict[str, Any]]


class LedgerView(Struct, frozen=True, kw_only=True):
    """Plain values, ready for JSON. ``tables`` has one entry per table and status that occur."""

    tables: list[dict[str, Any]]
    last_hour: dict[str, int]
    commits: list[dict[str, Any]]
    errors: Errors
    odd: int
    """How many files in the lake have warnings."""

    def files_at(self, status: str) -> int:
        """How many files stand at a status."""
        return sum(int(one["files"]) for one in self.tables if one["status"] == status)


def view_ledger(path: Path, now: float) -> LedgerView:
    """Read the manifest once. Raises PointlineError where there is no lake."""
    ledger = scan_ledger(path)
    rows, set_aside = pl.col("rows_written").sum(), pl.col("rows_quarantined").sum()
    landed = ledger.filter(stands_at(Status.SUCCESS))
    by_status = (
        ledger.group_by(pl.col("data_type").alias("table"), "status")
        .agg(pl.len().alias("files"), rows.alias("rows"), set_aside)
        .sort("table", "status")
    )
    lately = landed.filter(pl.col("updated_at_us") > int(now * 1_000_000) - HOUR_US).select(
        pl.len().alias("files"), rows.alias("rows")
    )
    commits = (  # the outcomes of a batch are recorded at one moment
        landed.group_by(pl.col("updated_at_us").alias("at_us"))
        .agg(pl.len().alias("files"), rows.alias("rows"), pl.col("data_type").unique().sort().alias("tables"))
        .top_k(SHOWN, by="at_us")
        .sort("at_us", descending=True)
    )
    errors = (
        ledger.filter((pl.col("error").is_not_null() & stands_at(*NEXT_STEPS)) | disputed())
        .top_k(SHOWN, by=["updated_at_us", "file_id"])
        .sort("updated_at_us", "file_id", descending=True)
        .select("file_id", "status", "error", "superseded_by", path="bronze_file_path", at_us="updated_at_us")
    )
    found = pl.collect_all([by_status, lately, commits, errors, ledger.select(is_odd().sum())])
    return LedgerView(
        tables=found[0].to_dicts(),
        last_hour=found[1].to_dicts()[0],
        commits=found[2].to_dicts(),
        errors=[_told(error) for error in found[3].iter_rows(named=True)],
        odd=int(found[4].item() or 0),
    )


def _told(file: dict[str, Any]) -> dict[str, Any]:
    other = file.pop("superseded_by")
    status = Status(file["status"])
    if status is Status.SUCCESS:
        return {**file, "error": DISPUTED, "next_step": settle_dispute(file["file_id"])}
    step = NEXT_STEPS[status]
    if status is Status.PENDING and AGAIN in file["error"]:
        step = WAIT_OR_AGAIN
    elif status is Status.QUARANTINED and other is not None:
        step = f"`pointline explain {file['file_id']}` says what can be done"
    return {**file, "next_step": step}
