"""What the commits of a table say of one file, as long as their log entries are there.

Maintenance checkpoints the log and drops old entries: a version whose entry is gone cannot be opened any more either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pointline.io.protocols.file_version import Move
from pointline.io.protocols.tables import CommitNote
from pointline.io.translate import storage_errors

OUTCOMES, MOVES, FOUND = "pointline_outcomes", "pointline_moves", "pointline_found"
"""Under these names a commit lists what became of files, ``[file_id, status, ...]``, their moves, ``[file_id, from,
to]``, and what found those that got an id, ``[first file_id, last file_id, by]``."""

FIELDS = "pointline_fields"
"""Under this name a commit says what the values in each list of outcomes are."""
FIRST_FIELDS = (
    "file_id",
    "status",
    "content_hash",
    "rows_read",
    "rows_written",
    "rows_quarantined",
    "first_local_us",
    "last_local_us",
    "warnings",
    "error",
    "superseded_by",
    "symbols",
    "vendor",
    "exchange",
    "data_type",
    "symbol",
    "date",
    "bronze_file_path",
    "file_size_bytes",
    "last_modified_ts",
    "changed_us",
    "inode",
    "created_at_us",
    "feed",
    "receive_clock",
    "days",
    "checksum",
)
"""What they are where a commit does not say: before format version 1 the place of a value said what it is."""


def outcomes_in(info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the facts of each outcome that a commit tells of, by name."""
    names = info.get(FIELDS, FIRST_FIELDS)
    return [dict(zip(names, values, strict=False)) for values in info.get(OUTCOMES, [])]


def notes_on(table: Path, file_id: int) -> list[CommitNote]:
    """Return the outcomes of a file that the table's commits made true, oldest first."""
    return [
        CommitNote(version=version, at_us=info["timestamp"] * 1000, status=str(outcome["status"]))
        for version, info in _infos_with(table, _naming(file_id))
        for outcome in outcomes_in(info)
        if outcome["file_id"] == file_id
    ]


def moves_of(ledger: Path, file_id: int) -> list[Move]:
    """Return the moves of a file that the ledger's commits tell of, oldest first."""
    return [
        Move(at_us=info["timestamp"] * 1000, origin=origin, target=target)
        for _, info in _infos_with(ledger, _naming(file_id))
        for moved, origin, target in info.get(MOVES, [])
        if moved == file_id and origin != target  # after a copy of the lake it is another file at the same path
    ]


def found_by(ledger: Path, file_id: int) -> str | None:
    """Return what found a file, by the commit of the ledger that gave it its id; None where that is not known."""
    for _, info in _infos_with(ledger, FOUND.encode()):
        for first, last, by in info.get(FOUND, []):
            if first <= file_id <= last:
                return by if by is None else str(by)
    return None


def oldest_entry(table: Path) -> int | None:
    """Return the oldest version whose log entry is still there."""
    entries = _entries(table)
    return int(entries[0].stem) if entries else None


def _infos_with(table: Path, name: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield version and commit info of the entries that hold the bytes; only these are taken apart."""
    with storage_errors(table.name):
        for entry in _entries(table):
            try:
                text = entry.read_bytes()
            except FileNotFoundError:
                continue  # dropped this moment
            if name not in text:
                continue
            for line in text.splitlines():
                if line.startswith(b'{"commitInfo"'):
                    yield int(entry.stem), json.loads(line)["commitInfo"]


def _naming(file_id: int) -> bytes:
    return b'[%d,"' % file_id


def _entries(table: Path) -> list[Path]:
    return sorted((table / "_delta_log").glob("[0-9]*.json"))
