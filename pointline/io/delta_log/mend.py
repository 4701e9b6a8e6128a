"""Start-up repair after a power cut: a newest commit that did not reach the disk whole is moved away.

Every commit is flushed before the next one to the same table begins, and its parts before it. So only the newest entry
of a log can be empty, torn, or name a part that is not whole; what it committed was not yet recorded in the manifest,
and is ingested again. An entry of a batch that is recorded there is never touched: something else befell it. A torn
checkpoint is only a shortcut: without it the log is read entry by entry.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from pointline.io.checksums import checksum_in_name, checksum_of, is_altered
from pointline.io.delta.parts import COMPACTED, WRITTEN
from pointline.io.delta_log.checkpoint import POINTER, checkpoint_files, entries_after, newest_checkpoint
from pointline.io.delta_log.entries import ADDED, BATCH, REMOVED
from pointline.io.delta_log.told import PIECE
from pointline.io.delta_log.wrong_kinds import wrong_kinds
from pointline.io.durable import flush_folder, make_folder
from pointline.io.lake_links import link_on_the_way, refuse_links
from pointline.io.translate import storage_errors

ENTRY = re.compile(r"\d{20}\.json")
OWN_PART = re.compile(rf"({WRITTEN}|{COMPACTED})-[0-9a-f]{{32}}(-[0-9a-f]{{8}})?\.parquet")
STAGED = re.compile(
    r"(\.\d{20}\.json\.tmp"
    r"|\.(_(removed|told)(-\d{20}-\d{20})?|\d{20}\.checkpoint.*)\.parquet\.tmp|\._last_checkpoint\.tmp"
    r"|\d{20}\.json#\d+|_commit_.*\.json\.tmp|.*\.checkpoint.*\.parquet#\d+|_last_checkpoint#\d+)"
)
"""What has not got its name in a log yet: an entry of ours, or what delta-rs writes."""
TOLD_BATCH = re.compile(rb'"%s":(\d+)' % BATCH.encode())
"""The batch number of an entry that cannot be taken apart."""
MOST_UNFLUSHED = 3
"""Ours is one. A vacuum by other hands makes two commits; one more for whatever came before."""


class MovedAway(Struct, frozen=True, kw_only=True):
    """A file of a table's log that was moved away, and why."""

    table: str
    file: str
    reason: str
    kept_at: Path
    path: str
    """Where it was, relative to silver."""


def mend_table(
    table: Path, keep_in: Path, *, recorded_batch: int = -1, is_made_up_for: bool = False
) -> list[MovedAway]:
    """Make a table readable after a power cut; what is unreadable is moved to ``keep_in``, never deleted.

    ``recorded_batch`` is the newest batch whose outcomes are in the manifest. ``is_made_up_for``: others tell what an
    older version of the table lacks, and one whose log was copied later than its data files becomes such a version.
    A log that a symbolic link leads to is left as it is.
    """
    log = table / "_delta_log"
    with storage_errors(table.name):
        if not log.is_dir() or link_on_the_way(table, log):
            return []
        done = _mend(table, log, keep_in, recorded_batch)
        return [*done, *(_undo_what_was_not_copied(table, log, keep_in, recorded_batch) if is_made_up_for else [])]


def move_wrong_kinds(table: Path, keep_in: Path) -> list[MovedAway]:
    """Move away what is a folder in the place of a file of a table, or the other way round. To be called first."""
    with storage_errors(table.name):
        return [
            _move_away(table, one.path, f"{one.found} in the place of {one.wanted}", keep_in)
            for one in [*wrong_kinds(table)]
        ]


def _mend(table: Path, log: Path, keep_in: Path, recorded_batch: int) -> list[MovedAway]:
    _remove_staged(log)
    done = _mend_checkpoint(table, log, keep_in)
    for _ in range(MOST_UNFLUSHED):
        newest = newest_entry(log)
        reason = None if newest is None else fault_of(table, newest, recorded_batch)
        if newest is None or reason is None or int(newest.stem) <= newest_checkpoint(log):
            break  # what a checkpoint stands for was whole once
        done.append(_move_away(table, newest, reason, keep_in))
    return done


def _undo_what_was_not_copied(table: Path, log: Path, keep_in: Path, recorded_batch: int) -> list[MovedAway]:
    """Move away the newest entries of a copy whose log was copied later than its data files, down to a whole version.

    Not where that would undo a batch that is recorded, or takes a version that a checkpoint stands for: then something
    else befell it. Newest first, so that it can be cut short and done again.
    """
    checkpoint = newest_checkpoint(log)
    entries = entries_after(log, checkpoint)
    actions = [_actions(entry.read_bytes()) or [] for entry in entries]
    tops = range(len(entries), -1 if checkpoint >= 0 else 0, -1)
    whole = next((top for top in tops if _is_whole(table, actions, top)), None)
    undone = actions[whole:]
    infos = [info for entry in undone for info in _all(entry, "commitInfo")]
    is_recorded = any(info.get(BATCH, recorded_batch + 1) <= recorded_batch for info in infos)
    if whole is None or is_recorded or not all(undone):
        return []
    reason = "names a data file that is not there"
    return [_move_away(table, entry, reason, keep_in) for entry in reversed(entries[whole:])]


def _is_whole(table: Path, entries: list[list[dict[str, Any]]], top: int) -> bool:
    """Tell whether all data files of a version are there, as far as they came or went since the checkpoint."""
    before, after = entries[:top], entries[top:]
    live = _paths(before, "add") - _paths(before, "remove")
    back = _paths(after, "remove") - _paths(after, "add")
    return not any(_is_gone(table / unquote(path)) for path in live | back)


def _is_gone(file: Path) -> bool:
    """Tell whether a file is not there, for certain: behind a folder that may not be read it may well be."""
    try:
        return not file.is_file()
    except OSError:
        return False


def _paths(entries: list[list[dict[str, Any]]], kind: str) -> set[str]:
    return {one["path"] for actions in entries for one in _all(actions, kind)}


def staged_files(log: Path) -> list[Path]:
    """Return what a log holds that has no name in it yet: beside no writer, what a killed one left."""
    return sorted(path for path in log.iterdir() if STAGED.fullmatch(path.name))


def _remove_staged(log: Path) -> None:
    """First of all: a staged entry may be a second name of one that is moved away, and is written over next time."""
    staged = staged_files(log)
    for path in staged:
        path.unlink(missing_ok=True)
    if staged:
        flush_folder(log)


def newest_entry(log: Path) -> Path | None:
    """Return the newest entry of a table's log."""
    return max((entry for entry in log.iterdir() if ENTRY.fullmatch(entry.name) and entry.is_file()), default=None)


def fault_of(table: Path, entry: Path, recorded_batch: int) -> str | None:
    """Say why a commit cannot have reached the disk whole, or None where it did, or where it cannot be undone."""
    content = entry.read_bytes()
    actions = _actions(content)
    if actions is None:
        told = TOLD_BATCH.search(content)
        is_recorded = told is not None and int(told[1]) <= recorded_batch
        return None if is_recorded else "torn" if content else "empty"
    if not _is_complete(actions, first=int(entry.stem) == 0):
        return "cut short"
    info = _all(actions, "commitInfo")[0]
    is_recorded = BATCH in info and info[BATCH] <= recorded_batch
    # What took files out that a vacuum has removed since was whole once, and the table needs it, damaged or not.
    return None if is_recorded or not _can_be_undone(table, actions) else _damage_of(table, content, actions)


def _damage_of(table: Path, content: bytes, actions: list[dict[str, Any]]) -> str | None:
    if is_altered(content) and BATCH in _all(actions, "commitInfo")[0]:
        return "altered"
    for added in _all(actions, "add"):
        if fault := _fault_of_part(table / unquote(added["path"]), added["size"]):
            return f"names a part that is {fault}: {added['path']}"
    return None


def _actions(content: bytes) -> list[dict[str, Any]] | None:
    if not content.endswith(b"}"):  # delta-rs ends no entry with a line feed: that would be a cut between two lines
        return None
    try:
        actions = [json.loads(line) for line in content.splitlines()]
    except ValueError:
        return None
    return actions if all(isinstance(action, dict) for action in actions) else None


def _is_complete(actions: list[dict[str, Any]], *, first: bool) -> bool:
    """Tell by what a commit says of itself whether all of its actions are there."""
    infos, adds, removes = _all(actions, "commitInfo"), _all(actions, "add"), _all(actions, "remove")
    if not infos or (first and not (_all(actions, "metaData") and _all(actions, "protocol"))):
        return False
    info = infos[0]
    if BATCH in info and not _all(actions, "txn"):
        return False
    told = info.get("operationMetrics") or {}
    added = info.get(ADDED, told.get("num_target_files_added"))
    removed = info.get(REMOVED, told.get("num_target_files_removed"))
    return added in {None, len(adds)} and removed in {None, len(removes)}


def _can_be_undone(table: Path, actions: list[dict[str, Any]]) -> bool:
    """Tell whether all that a commit took out is still there: a vacuum may have been since."""
    return all((table / unquote(removed["path"])).is_file() for removed in _all(actions, "remove"))


def _all(actions: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [action[kind] for action in actions if kind in action]


def _fault_of_part(part: Path, size: int) -> str | None:
    if not part.is_file():
        return "missing"
    if part.stat().st_size != size:
        return "cut short"
    try:
        wanted = checksum_in_name(part.name)
        if wanted is not None and checksum_of(part) != wanted:
            return "damaged"
        pq.read_metadata(part)
        if not OWN_PART.fullmatch(part.name):
            # Written by delta-rs, which does not flush before it commits: only reading all of it tells.
            _read_all(part)
    except (pa.ArrowException, OSError):
        return "unreadable"
    return None


def _read_all(file: Path) -> None:
    """Without ``pq.read_table``, which first loads a tenth of a second of code for folders of files."""
    with pq.ParquetFile(file) as opened:
        opened.read()


def _mend_checkpoint(table: Path, log: Path, keep_in: Path) -> list[MovedAway]:
    pointer = log / POINTER
    done = []
    for summary in log.glob("*.parquet"):  # checkpoints, and the record of removed parts
        if PIECE.fullmatch(summary.name):
            continue  # read when the ledger has to be made again; there may be as much of it as of the ledger
        try:
            _read_all(summary)
        except (pa.ArrowException, OSError):
            done.append(_move_away(table, summary, "unreadable", keep_in))
    if pointer.exists() and (done or not _points_somewhere(pointer)):
        done.append(_move_away(table, pointer, "points to nothing", keep_in))
    return done


def _points_somewhere(pointer: Path) -> bool:
    try:
        version = json.loads(pointer.read_text())["version"]
    except (ValueError, KeyError, TypeError):
        return False
    return bool(checkpoint_files(pointer.parent, version))


def _move_away(table: Path, file: Path, reason: str, keep_in: Path) -> MovedAway:
    refuse_links(keep_in.parent, keep_in)
    make_folder(keep_in)
    kept_at = keep_in / f"{table.name}-{time.time_ns()}-{file.name}"
    file.rename(kept_at)
    flush_folder(keep_in)
    flush_folder(file.parent)
    path = file.relative_to(table.parent).as_posix()
    return MovedAway(table=table.name, file=file.name, reason=reason, kept_at=kept_at, path=path)
