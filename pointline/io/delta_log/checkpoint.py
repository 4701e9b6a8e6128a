"""The checkpoints of a table's log: which there are, and what of a checkpoint a reader has no use for.

Format: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#checkpoints
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pyarrow.parquet as pq

from pointline.io.checksums import CHECKSUM, checksum_of
from pointline.io.delta.table_path import LOG, forget_name, open_table, read_data_file
from pointline.io.delta_log.entries import entry_name
from pointline.io.durable import flush_file, flush_folder, replace_file

POINTER = "_last_checkpoint"
ASIDE = ".checkpoint"
"""The folder in a table in which a checkpoint is made."""


def newest_checkpoint(log: Path) -> int:
    """Return the version that the newest checkpoint is of, -1 where there is none."""
    return max(checkpoint_versions(log), default=-1)


def checkpoint_versions(log: Path) -> set[int]:
    """Return the versions that have a checkpoint."""
    # By the files: a power cut may leave a checkpoint without the pointer to it, and delta-rs makes no other.
    versions = (path.name[:20] for path in log.glob("*.checkpoint*.parquet"))
    return {int(version) for version in versions if version.isdecimal()}


def checkpoint_files(log: Path, version: int) -> list[Path]:
    """Return the files of the checkpoint of a version."""
    return sorted(log.glob(f"{version:020}.checkpoint*.parquet"))


def entries_after(log: Path, version: int) -> list[Path]:
    """Return the entries that a reader reads besides the checkpoint of a version, oldest first."""
    entries = []
    while (entry := log / entry_name(version := version + 1)).exists():
        entries.append(entry)
    return entries


def removed_in(checkpoint: Path) -> dict[str, int]:
    """Return the removed files that a checkpoint names, and when they were removed, milliseconds since the epoch."""
    removed = _removals(checkpoint).drop_nulls().struct.unnest()
    paths, times = removed["path"], removed["deletionTimestamp"].fill_null(0)
    return {unquote(path): at for path, at in zip(paths, times, strict=True)}


def altered_files(log: Path) -> Iterator[str]:
    """Yield the names of the newest checkpoint's files that do not hold what was written; none where nobody knows."""
    if not (log / POINTER).is_file():
        return
    try:
        told = json.loads((log / POINTER).read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        yield POINTER
        return
    checksums = told.get(CHECKSUM) if isinstance(told, dict) else None
    for name, checksum in (checksums or {}).items():
        with suppress(FileNotFoundError):  # another has taken its place
            if (log / name).is_file() and checksum_of(log / name) != checksum:
                yield name


def write_checkpoint(table: Path, version: int) -> None:
    """Checkpoint the newest version of a table, without the names of removed files; on disk when this returns.

    A reader that was told how long a file of the log is fails where another has taken its place. So delta-rs makes the
    checkpoint in a second log, of links to the files that it needs, and it comes to the log once, as it stays.
    """
    log, aside = table / LOG, table / ASIDE
    newest = newest_checkpoint(log)
    if version == newest:
        return
    shutil.rmtree(aside, ignore_errors=True)
    (aside / LOG).mkdir(parents=True)
    pointer = [log / POINTER] if (log / POINTER).exists() else []
    for file in (*pointer, *checkpoint_files(log, newest), *entries_after(log, newest)):
        _link_or_copy(file, aside / LOG / file.name)
    open_table(aside).create_checkpoint()
    forget_name(aside)
    _leave_out_removed(aside / LOG, version)
    for file in checkpoint_files(aside / LOG, version):
        file.replace(log / file.name)
    flush_folder(log)
    if (aside / LOG / POINTER).exists():
        replace_file(log / POINTER, (aside / LOG / POINTER).read_bytes())
    shutil.rmtree(aside)


def _link_or_copy(file: Path, to: Path) -> None:
    try:
        to.hardlink_to(file)
    except OSError:  # not every file system has links
        shutil.copyfile(file, to)


def _leave_out_removed(log: Path, version: int) -> None:
    """Write the checkpoint of a version again without the names of removed files, flushed."""
    files = checkpoint_files(log, version)
    rows = [_rewrite(checkpoint) for checkpoint in files]
    pointer = log / POINTER
    if pointer.exists():  # delta-rs makes none where the checkpoint was there before
        told = json.loads(pointer.read_text())
        told |= {"size": sum(rows), "sizeInBytes": sum(checkpoint.stat().st_size for checkpoint in files)}
        told[CHECKSUM] = {checkpoint.name: checksum_of(checkpoint) for checkpoint in files}
        replace_file(pointer, json.dumps(told, separators=(",", ":")).encode())


def _rewrite(checkpoint: Path) -> int:
    """Do it for one file; return the rows it has then."""
    is_needed = _removals(checkpoint).is_null()
    if is_needed.all():
        flush_file(checkpoint)
        return len(is_needed)
    with pq.ParquetFile(checkpoint) as file:
        actions = file.read()
    needed = actions.filter(is_needed.to_arrow())
    content = io.BytesIO()
    pq.write_table(needed, content)
    replace_file(checkpoint, content.getvalue())
    return int(needed.num_rows)


def _removals(checkpoint: Path) -> pl.Series:
    """Return what each row of a checkpoint says of a removed file, null where it is about something else."""
    return read_data_file(checkpoint, ["remove"])["remove"]
