"""Files of which rows are missing: whether bronze has what they were read from, and what is left where it has not.

A path may hold another version by now, one that was refused perhaps: to read that again would bring back nothing, and
take out what is left. A copy elsewhere in bronze will do.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from msgspec import Struct, field

from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import ROWS_LOST, Outcome
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.services.files.identity.ledger_row import LedgerRow, has_left, is_version, ledger_rows
from pointline.tables.ingest_manifest import CLOSED, Status, stands_at, with_digests

LOST = "its rows were lost, and bronze no longer has this version of it"


class ByBronze(Struct, frozen=True, kw_only=True):
    """Files of which rows are missing, by what can be done about them. By file id."""

    reread: dict[int, str] = field(default_factory=dict)
    """Paths of files that can be read again: their own, or copies of others."""
    copied: dict[int, int] = field(default_factory=dict)
    """Files whose copy is read again in their place, and the copy."""
    lost: dict[int, str] = field(default_factory=dict)
    """Paths of files of which bronze has no such version any more."""
    replaced: dict[int, str] = field(default_factory=dict)
    """The same, where the path holds a version that the ledger does not know yet: that may take its place."""


def sort_by_bronze(rows: pl.DataFrame, manifest: IngestionManifestRepository, reader: BronzeReader) -> ByBronze:
    """Sort rows of the ledger by whether bronze still has what they were read from."""
    found = ByBronze()
    away: list[LedgerRow] = []
    for row in ledger_rows(with_digests(rows)):
        if _has_lost(row, reader):
            away.append(row)
        else:
            found.reread[row.file_id] = row.path
    copies, at_path = _relatives(away, manifest)
    for row in away:
        there = (one for one in copies.get(row.file_id, []) if not has_left(one, reader))
        copy = next((one for one in there if _is_read(one, reader)), None)
        meta = reader.look(row.path)
        if copy is not None:
            found.copied[row.file_id] = copy.file_id
            found.reread[copy.file_id] = copy.path
        elif meta is None or any(is_version(meta, one) for one in at_path.get(row.path, [])):
            found.lost[row.file_id] = row.path
        else:
            found.replaced[row.file_id] = row.path
    return found


def _has_lost(row: LedgerRow, reader: BronzeReader) -> bool:
    """Tell whether bronze does not have a version any more. One that was refused has nothing to lose in silver."""
    return has_left(row, reader) if row.status == Status.SUCCESS else reader.is_gone(row.path)


def _is_read(row: LedgerRow, reader: BronzeReader) -> bool:
    """Tell whether one feed reads what is at a path, as it would have to."""
    meta = reader.look(row.path)
    return meta is not None and not meta.problem


def _relatives(
    rows: Sequence[LedgerRow], manifest: IngestionManifestRepository
) -> tuple[dict[int, list[LedgerRow]], dict[str, list[LedgerRow]]]:
    """Return copies by file id, and other versions by path."""
    ids, paths = [row.file_id for row in rows], [row.path for row in rows]
    copies: dict[int, list[LedgerRow]] = defaultdict(list)
    at_path: dict[str, list[LedgerRow]] = defaultdict(list)
    if rows:
        entries = manifest.entries().filter(~stands_at(*CLOSED), ~pl.col("file_id").is_in(ids))
        duplicates = entries.filter(stands_at(Status.DUPLICATE), pl.col("superseded_by").is_in(ids))
        for of, row in zip(duplicates["superseded_by"], ledger_rows(duplicates), strict=True):
            copies[of].append(row)
        for row in ledger_rows(entries.filter(pl.col("bronze_file_path").is_in(paths))):
            at_path[row.path].append(row)
    return copies, at_path


def gone(file_id: int) -> Outcome:
    """Say that nothing is left of a file."""
    return Outcome.left(file_id, Status.GONE, error=LOST)


def what_is_left(row: Mapping[str, Any], held: Mapping[dt.date, int], aside: int | None) -> Outcome:
    """Say what a file stands at whose missing rows will not come back. What is left of them stays, and is traced.

    ``held``: rows that are there, of the dates of which some are missing; ``aside``: rows in quarantine, where some
    are missing.
    """
    days = {one["date"]: one["rows"] for one in row["days"] or ()} or {row["date"]: row["rows_written"] or 0}
    days = {date: rows for date, rows in {**days, **held}.items() if rows}
    kept_aside = (row["rows_quarantined"] or 0) if aside is None else aside
    written = sum(days.values())
    if row["status"] != Status.SUCCESS or not written:
        return gone(row["file_id"])
    lost = (row["rows_read"] or 0) - written - kept_aside
    warnings: dict[str, int] = json.loads(row["warnings"] or "{}")
    return Outcome(
        file_id=row["file_id"],
        status=Status.SUCCESS,
        rows_read=written + kept_aside,
        rows_written=written,
        rows_quarantined=kept_aside,
        days=None if row["days"] is None else {str(date): rows for date, rows in days.items()},
        warnings={**warnings, ROWS_LOST: lost + warnings.get(ROWS_LOST, 0)},
        error=f"{lost:,} of {row['rows_read']:,} rows were lost, and bronze no longer has this version",
    )
