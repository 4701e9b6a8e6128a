"""Start-up repair after a power cut: a newest commit that did not reach the disk whole is set aside.

Every commit is flushed before the next one to the same table begins, and its parts before it. So only the newest entry
of a log can be empty, torn, or name a part that is not whole; what it committed was not yet recorded anywhere else, and
is ingested again. A torn checkpoint is only a shortcut: without it the log is read entry by entry.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from pointline.io.durable import flush_folder, make_folder

ENTRY = re.compile(r"\d{20}\.json")
OWN_PART = re.compile(r"part-[0-9a-f]{32}\.parquet")
LAST_CHECKPOINT = "_last_checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A file of a table's log that was moved away, and why."""

    table: str
    file: str
    reason: str
    kept_at: Path


def mend_table(table: Path, keep_in: Path) -> list[SetAside]:
    """Make a table readable after a power cut; what is unreadable is moved to ``keep_in``, never deleted."""
    log = table / "_delta_log"
    if not log.is_dir():
        return []
    done = _mend_checkpoint(table, log, keep_in)
    while (newest := _newest_entry(log)) is not None:
        reason = _fault_of(table, newest)
        if reason is None:
            break
        done.append(_set_aside(table, newest, reason, keep_in))
    return done


def _newest_entry(log: Path) -> Path | None:
    return max((entry for entry in log.iterdir() if ENTRY.fullmatch(entry.name)), default=None)


def _fault_of(table: Path, entry: Path) -> str | None:
    """Say why a commit cannot have reached the disk whole, or None where it did."""
    actions = _actions(entry.read_bytes())
    if actions is None:
        return "empty" if not entry.stat().st_size else "torn"
    for action in actions:
        added = action.get("add")
        if added is not None and (fault := _fault_of_part(table / unquote(added["path"]), added["size"])):
            return f"names a part that is {fault}: {added['path']}"
    return None


def _actions(content: bytes) -> list[dict[str, Any]] | None:
    if not content.endswith(b"\n") and not content.endswith(b"}"):
        return None
    try:
        actions = [json.loads(line) for line in content.splitlines() if line.strip()]
    except ValueError:
        return None
    return actions if actions and all(isinstance(action, dict) for action in actions) else None


def _fault_of_part(part: Path, size: int) -> str | None:
    if not part.is_file():
        return "missing"
    if part.stat().st_size != size:
        return "cut short"
    try:
        pq.read_metadata(part)
        if not OWN_PART.fullmatch(part.name):
            # Written by delta-rs, which does not flush before it commits: only reading all of it tells.
            pq.read_table(part)
    except (pa.ArrowException, OSError):
        return "unreadable"
    return None


def _mend_checkpoint(table: Path, log: Path, keep_in: Path) -> list[SetAside]:
    pointer = log / LAST_CHECKPOINT
    done = []
    for checkpoint in log.glob("*.checkpoint*.parquet"):
        try:
            pq.read_table(checkpoint)
        except (pa.ArrowException, OSError):
            done.append(_set_aside(table, checkpoint, "unreadable", keep_in))
    if pointer.exists() and (done or not _points_somewhere(pointer)):
        done.append(_set_aside(table, pointer, "points to nothing", keep_in))
    return done


def _points_somewhere(pointer: Path) -> bool:
    try:
        version = json.loads(pointer.read_text())["version"]
    except (ValueError, KeyError, TypeError):
        return False
    return any(pointer.parent.glob(f"{version:020}.checkpoint*.parquet"))


def _set_aside(table: Path, file: Path, reason: str, keep_in: Path) -> SetAside:
    make_folder(keep_in)
    kept_at = keep_in / f"{table.name}-{time.time_ns()}-{file.name}"
    file.rename(kept_at)
    flush_folder(keep_in)
    flush_folder(file.parent)
    return SetAside(table=table.name, file=file.name, reason=reason, kept_at=kept_at)
