"""What rows of the ledger say of their files, as the commits of silver tell it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from pointline.io.protocols.file_version import BronzeFileMetadata, Discovery, Outcome
from pointline.tables.ingest_manifest import Status


def outcomes_of(ledger: pl.DataFrame) -> list[Outcome]:
    """Return what rows of the ledger say became of their files."""
    times = pl.col("first_local_timestamp", "last_local_timestamp").to_physical()
    return [
        Outcome(
            file_id=facts["file_id"],
            status=Status(str(facts["status"])),
            content_hash=facts["content_hash"],
            rows_read=facts["rows_read"],
            rows_written=facts["rows_written"],
            rows_quarantined=facts["rows_quarantined"],
            first_local_us=facts["first_local_timestamp"],
            last_local_us=facts["last_local_timestamp"],
            symbols=None if facts["symbols"] is None else tuple(facts["symbols"]),
            checksum=facts["checksum"],
            days=None if facts["days"] is None else {str(one["date"]): one["rows"] for one in facts["days"]},
            warnings=json.loads(facts["warnings"] or "{}"),
            error=facts["error"],
        )
        for facts in ledger.with_columns(times).iter_rows(named=True)
    ]


def discoveries_of(ledger: pl.DataFrame) -> dict[int, Discovery]:
    """Return what rows of the ledger say of their files as they were when they got their ids."""
    times = pl.col("last_modified_ts", "changed_ts").to_physical()
    return {
        facts["file_id"]: Discovery(
            meta=described_as(
                facts,
                size=facts["file_size_bytes"],
                modified_us=facts["last_modified_ts"],
                changed_us=facts["changed_ts"] or 0,
                inode=facts["inode"] or 0,
                receive_clock=facts["receive_clock"] is not False,
            ),
            created_at_us=facts["created_at_us"],
        )
        for facts in ledger.with_columns(times).iter_rows(named=True)
    }


def described_as(
    row: Mapping[str, Any],
    *,
    size: int,
    modified_us: int,
    changed_us: int = 0,
    inode: int = 0,
    receive_clock: bool = True,
) -> BronzeFileMetadata:
    """Describe a file by what its path said when it came, as a row of the ledger has it, and by how it is seen now.

    Times are microseconds since the epoch, UTC.
    """
    return BronzeFileMetadata(
        exchange=row["exchange"],
        data_type=row["data_type"],
        symbol=row["symbol"],
        date=row["date"],
        bronze_file_path=row["bronze_file_path"],
        file_size_bytes=size,
        last_modified_ts=modified_us,
        changed_us=changed_us,
        inode=inode,
        vendor=row["vendor"],
        feed=row["feed"] or "",
        receive_clock=receive_clock,
    )
