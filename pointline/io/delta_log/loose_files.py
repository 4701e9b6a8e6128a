"""Files in a lake that nothing needs: parts that no version names, and what a killed process left half written."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from pointline.io.delta_log.checkpoint import ASIDE
from pointline.io.delta_log.mend import staged_files
from pointline.io.delta_log.removed import removed_files
from pointline.io.durable import flush_folder
from pointline.io.lake_links import link_on_the_way

ABANDONED_SECONDS = 3600.0
"""Beside a running writer only what is older counts as left over: no write takes that long."""


class LooseFile(Struct, frozen=True, kw_only=True):
    """A file that nothing needs. ``path`` is relative to the lake."""

    table: str
    path: str
    size_bytes: int


def part_files(table: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield path relative to the table and entry of each Parquet file outside the log, whoever names it or not."""
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(table / folder) as entries:
            for entry in entries:
                if entry.name.endswith(".parquet") and entry.is_file(follow_symlinks=False):
                    yield f"{folder}{entry.name}", entry
                elif entry.name not in {"_delta_log", ASIDE} and entry.is_dir(follow_symlinks=False):
                    folders.append(f"{folder}{entry.name}/")


def orphans(
    table: Path,
    live: Collection[str],
    *,
    now: float | None = None,
    writer: bool = False,
    writer_since: float = math.inf,
) -> list[LooseFile]:
    """Return the Parquet files of a table that no version mentions: left by a crash, or put there by someone.

    ``live`` are the paths of the newest version's parts. Files that a commit removed wait for the vacuum and are no
    orphans. Beside a ``writer``, young files are its own, and those written since it began, by whichever clock.
    """
    now = time.time() if now is None else now
    mentioned = {*live, *removed_files(table)}
    found = []
    for name, entry in part_files(table):
        if name in mentioned:
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if not writer or _is_abandoned(status, now, writer_since):
            found.append(LooseFile(table=table.name, path=f"silver/{table.name}/{name}", size_bytes=status.st_size))
    return sorted(found, key=lambda file: file.path)


def _is_abandoned(status: os.stat_result, now: float, writer_since: float) -> bool:
    return now - status.st_mtime > ABANDONED_SECONDS and status.st_mtime < writer_since


def leftovers(
    root: Path, state: Path, tables: Sequence[Path], *, writer: bool, writer_since: float = math.inf
) -> list[LooseFile]:
    """Return files that a killed process left half written: state, requests, staged log entries."""
    now = time.time()
    found = []
    for table, path in _half_written(state, tables):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if not writer or _is_abandoned(status, now, writer_since):
            name = path.relative_to(root).as_posix()
            found.append(LooseFile(table=table, path=name, size_bytes=status.st_size))
    return found


def _half_written(state: Path, tables: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    for folder, names in ((state, ".*.tmp"), (state / "requests", "*")):
        if not link_on_the_way(state, folder):
            yield from (("", path) for path in sorted(folder.glob(names)) if path.is_file())
    for table in tables:
        log = table / "_delta_log"
        is_ours = log.is_dir() and not link_on_the_way(table, log)
        with suppress(PermissionError):  # the owners and modes are named by others
            yield from ((table.name, path) for path in (staged_files(log) if is_ours else []))
            yield from ((table.name, path) for path in sorted((table / ASIDE).rglob("*")) if path.is_file())


def remove_leftovers(root: Path, found: Sequence[LooseFile]) -> None:
    """Remove what ``leftovers`` found. For the holder of the writer's lock."""
    for file in found:
        path = root / file.path
        path.unlink(missing_ok=True)
        flush_folder(path.parent)
