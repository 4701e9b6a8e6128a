"""What a table remembers of its removed files: in a record beside its checkpoints, and not in them.

Readers of the newest version have no use for the name of a removed file, but a checkpoint carries it for a week, and
whoever opens the table reads it (50,000 names: 60 ms). The record tells the vacuum when a part was removed, and
`doctor` a part that waits for the vacuum from one that nobody knows.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from pointline.errors import LakeDamaged
from pointline.io.checkpoint import checkpoint_files, entries_after, newest_checkpoint, removed_in
from pointline.io.durable import replace_file
from pointline.io.table_path import read_data_file
from pointline.io.translate import one_line, storage_errors

RECORD = "_removed.parquet"
"""In the table's log, so that a copy of the table has it. Readers of Delta pass over names that they do not know."""

SCHEMA = {"path": pl.String(), "removed_ms": pl.Int64()}


def removed_files(table: Path) -> dict[str, int]:
    """Return the parts that a version named and a later one removed, and when: milliseconds since the epoch, UTC.

    Paths are relative to the table. A log that cannot be read is an error: a part that counts as forgotten may go.
    """
    log = table / "_delta_log"
    newest = newest_checkpoint(log)
    with storage_errors(table.name):
        try:
            removed = _recorded(log)
            for checkpoint in checkpoint_files(log, newest):
                removed |= removed_in(checkpoint)
            for entry in entries_after(log, newest):
                removed |= _removed_by(entry)
        except pl.exceptions.PolarsError as error:
            what = f"what the log keeps of removed files cannot be read: {one_line(error)}"
            raise LakeDamaged(what, subject=table.name, hint="`pointline doctor --fix` moves it away") from error
    return removed


def record_removed(table: Path, removed: dict[str, int]) -> None:
    """Let the record name these and no others; on disk when this returns."""
    frame = pl.DataFrame({"path": list(removed), "removed_ms": list(removed.values())}, schema=SCHEMA)
    content = io.BytesIO()
    frame.write_parquet(content)
    replace_file(table / "_delta_log" / RECORD, content.getvalue())


def _recorded(log: Path) -> dict[str, int]:
    record = log / RECORD
    return dict(read_data_file(record).iter_rows()) if record.exists() else {}


def _removed_by(entry: Path) -> Iterator[tuple[str, int]]:
    for line in entry.read_bytes().splitlines():
        if b'"remove"' in line[:16]:  # most lines are of parts that come, and have long statistics
            action = json.loads(line)["remove"]
            yield unquote(action["path"]), action.get("deletionTimestamp") or 0
