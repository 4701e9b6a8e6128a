"""The rows of the ledger, made of what was found and of what became of it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa

from pointline.io.protocols.file_version import BronzeFileMetadata, Outcome
from pointline.tables.ingest_manifest import CONTENT_FACTS, DAYS, SCHEMA, STANDING, Status

OUTCOME_SCHEMA = {"file_id": SCHEMA["file_id"], **{name: SCHEMA[name] for name in (*CONTENT_FACTS, *STANDING)}}
VERSION_KEY = ("bronze_file_path", "file_size_bytes", "last_modified_ts", "changed_ts", "inode")
"""What tells one version of a file from another."""


def pending_rows(minted: Sequence[tuple[int, BronzeFileMetadata]], now: int) -> pl.DataFrame:
    """Return the rows of versions that have just got their ids. ``now`` is microseconds since the epoch, UTC."""
    facts = [
        {
            "file_id": file_id,
            "vendor": meta.vendor,
            "exchange": meta.exchange,
            "data_type": meta.data_type,
            "symbol": meta.symbol,
            "date": meta.date,
            "bronze_file_path": meta.bronze_file_path,
            "file_size_bytes": meta.file_size_bytes,
            "last_modified_ts": meta.last_modified_ts,
            "changed_ts": meta.changed_us or None,
            "inode": meta.inode or None,
            "feed": meta.feed or None,
            "receive_clock": meta.receive_clock,
            "status": Status.PENDING.value,
            "attempts": 1,  # noted before it is made, see ``services.attempts``
            "created_at_us": now,
            "updated_at_us": now,
        }
        for file_id, meta in minted
    ]
    times = ("last_modified_ts", "changed_ts")
    rows = pl.DataFrame(facts, schema={**SCHEMA, **dict.fromkeys(times, pl.Int64())}, orient="row")
    return rows.with_columns(pl.col(times).cast(SCHEMA[times[0]]))


def outcome_rows(outcomes: Sequence[Outcome], tried: Mapping[int, int], now: int) -> pl.DataFrame:
    """Return what outcomes change of the rows. ``tried`` says how often the files were, of which they do not."""
    facts: dict[str, list[object] | pl.Series] = {
        "file_id": [one.file_id for one in outcomes],
        "content_hash": [one.content_hash for one in outcomes],
        "status": [one.status.value for one in outcomes],
        "attempts": [tried.get(one.file_id, 0) if one.attempts is None else one.attempts for one in outcomes],
        "rows_read": [one.rows_read for one in outcomes],
        "rows_written": [one.rows_written for one in outcomes],
        "rows_quarantined": [one.rows_quarantined for one in outcomes],
        "first_local_timestamp": [one.first_local_us for one in outcomes],
        "last_local_timestamp": [one.last_local_us for one in outcomes],
        "symbols": _lists([one.symbols for one in outcomes]),
        "days": _days([one.days for one in outcomes]),
        "checksum": [one.checksum for one in outcomes],
        "warnings": [None if one.warnings is None else _as_json(one.warnings) for one in outcomes],
        "error": [one.error for one in outcomes],
        "updated_at_us": [now] * len(outcomes),
        "superseded_by": [one.superseded_by for one in outcomes],
    }
    times = ("first_local_timestamp", "last_local_timestamp")
    rows = pl.DataFrame(facts, schema={**OUTCOME_SCHEMA, **dict.fromkeys(times, pl.Int64())})
    return rows.with_columns(pl.col(times).cast(SCHEMA[times[0]]))


def versions_of(metas: Sequence[BronzeFileMetadata]) -> pl.DataFrame:
    """Return the ``VERSION_KEY`` of each file."""
    integers = {name: pl.String() if name == "bronze_file_path" else pl.Int64() for name in VERSION_KEY}
    versions = pl.DataFrame([version_of(meta) for meta in metas], schema=integers, orient="row")
    return versions.with_columns(pl.col("last_modified_ts", "changed_ts").cast(SCHEMA["last_modified_ts"]))


def version_of(meta: BronzeFileMetadata) -> tuple[str, int, int, int | None, int | None]:
    """Return the values of ``VERSION_KEY``."""
    changed_us, inode = meta.changed_us or None, meta.inode or None
    return meta.bronze_file_path, meta.file_size_bytes, meta.last_modified_ts, changed_us, inode


def _lists(values: Sequence[Sequence[str] | None]) -> pl.Series:
    """By way of Arrow, which takes lists of lists a hundred times as fast, and of a table: less is imported for one."""
    return pl.DataFrame(pa.table({"values": pa.array(values, pa.list_(pa.large_string()))})).to_series()


def _days(values: Sequence[Mapping[str, int] | None]) -> pl.Series:
    if all(days is None for days in values):
        return pl.Series([None] * len(values), dtype=DAYS)
    lists = [
        None if days is None else [{"date": dt.date.fromisoformat(date), "rows": rows} for date, rows in days.items()]
        for days in values
    ]
    return pl.Series(lists, dtype=DAYS)


def _as_json(warnings: Mapping[str, int]) -> str:
    return json.dumps(dict(warnings)) if warnings else "{}"
