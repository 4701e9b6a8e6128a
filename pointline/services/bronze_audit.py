"""Bronze against the ledger, by size and time; a hash only where the time alone differs."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pointline.io.protocols import BronzeFileMetadata, BronzeReader
from pointline.services.audited import Parties
from pointline.services.findings import Checked, Finding
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import Status, stands_at


def audit_bronze(
    to: Parties, ledger: pl.DataFrame, flying: set[int], checked: Checked, *, settled_before_us: int | None
) -> tuple[list[Finding], dict[int, BronzeFileMetadata]]:
    """Compare sizes and times; return what is there of the files that are in, as it is now."""
    survey = to.bronze.survey().rename({"path": "bronze_file_path"})
    alive = ledger.filter(~stands_at(Status.SUPERSEDED)).sort("file_id")
    newest = alive.group_by("bronze_file_path", maintain_order=True).last()
    both = newest.join(survey, on="bronze_file_path", how="left")
    checked.bronze_files = survey.height
    checked.bronze_gone = both.filter(stands_at(Status.SUCCESS), pl.col("size").is_null()).height
    new = survey.join(newest, on="bronze_file_path", how="anti")
    checked.bronze_waiting = sum(to.bronze.describe(*row) is not None for row in new.iter_rows())
    findings: list[Finding] = []
    there: dict[int, BronzeFileMetadata] = {}
    for row in both.filter(pl.col("size").is_not_null(), ~stands_at(Status.PENDING)).iter_rows(named=True):
        if row["file_id"] in flying:
            continue
        is_fresh = settled_before_us is not None and row["mtime_us"] > settled_before_us
        if is_fresh and not _is_as_known(row):
            continue  # a new version, on its way in
        if what := _change_of(row, to.reader):
            path, table = row["bronze_file_path"], row["data_type"]
            findings.append(Finding(kind="bronze_changed", table=table, file_id=row["file_id"], path=path, what=what))
        elif row["status"] == Status.SUCCESS.value and row["date"] is not None:
            there[row["file_id"]] = BronzeFileMetadata(
                exchange=row["exchange"],
                data_type=row["data_type"],
                symbol=row["symbol"],
                date=row["date"],
                bronze_file_path=row["bronze_file_path"],
                file_size_bytes=row["size"],
                last_modified_ts=row["mtime_us"],
            )
    return findings, there


def _change_of(row: Mapping[str, object], reader: BronzeReader) -> str | None:
    """Say how a bronze file differs from its newest version; a touched one with its old content does not."""
    if row["size"] != row["file_size_bytes"]:
        return f"the file has {row['size']:,} bytes, the ledger knows {row['file_size_bytes']:,}"
    if _is_as_known(row):
        return None
    if row["content_hash"] and reader.content_hash(str(row["bronze_file_path"])) == row["content_hash"]:
        return None
    return "the file was modified after it was ingested"


def _is_as_known(row: Mapping[str, object]) -> bool:
    return row["size"] == row["file_size_bytes"] and _microseconds(row["last_modified_ts"]) == row["mtime_us"]


def _microseconds(value: object) -> int:
    series = pl.Series([value], dtype=ingest_manifest.SCHEMA["last_modified_ts"])
    return int(series.to_physical()[0])
