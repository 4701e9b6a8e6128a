"""How the machine and the files of a lake are. Nothing here changes anything."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from pointline.io.checksums import checksum_in_name, checksum_of, is_altered
from pointline.io.delta_log.checkpoint import altered_files, newest_checkpoint
from pointline.io.delta_log.entries import entry_name
from pointline.io.delta_log.mend import ENTRY, fault_of, newest_entry
from pointline.io.delta_log.wrong_kinds import wrong_kinds
from pointline.io.lake_links import links_in
from pointline.io.mount_table import MOUNTS, mounted
from pointline.io.protocols.tables import Part
from pointline.io.translate import from_os_error, one_line

NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "ncpfs",
        "virtiofs",
        "fuse.sshfs",
        "fuse.s3fs",
    ]
)
INOTIFY = Path("/proc/sys/fs/inotify")
BATCHES_OF_HEADROOM = 2
NLINK_WITHOUT_FOLDERS = 2
"""File systems that do not count the folders in a folder say 1, and those that count all entries say more."""


SHUT = "part_shut"
"""A data file that this process may not read."""
ALTERED = "altered: it is not what its checksum says"


class LogFault(Struct, frozen=True, kw_only=True):
    """An entry of a table's log that is not whole or not there."""

    table: str
    entry: str
    reason: str
    is_newest: bool
    is_mendable: bool = False
    """A start, or ``doctor --fix``, moves it away."""


class PartFiles:
    """The parts of a lake's tables as files; ``silver`` is the folder of the tables, ``state`` that of the daemon."""

    def __init__(self, silver: Path, state: Path) -> None:
        self._silver = silver
        self._state = state

    def fault_of(self, table: str, part: Part) -> tuple[str, str] | None:
        """Return ``(kind, what)`` of a live part that is not the file that was committed; reads its footer only."""
        path = self._silver / table / part.path
        try:
            size = path.stat().st_size
        except OSError as error:
            return _unless_shut(error, "part_missing", "the file is gone")
        if size != part.size_bytes:
            return "part_size", f"the file has {size:,} bytes, committed were {part.size_bytes:,}"
        try:
            rows = pq.read_metadata(path).num_rows
        except (pa.ArrowException, OSError) as error:
            return _unless_shut(error, "part_unreadable", f"the footer cannot be read: {one_line(error)}")
        if rows != part.rows:
            return "part_replaced", f"the file has {rows:,} rows, committed were {part.rows:,}"
        return None

    def absence_of(self, table: str, part: Part) -> tuple[str, str] | None:
        """Say the same by the file's size alone. Of one in a folder that may not be entered nothing is known."""
        try:
            size = (self._silver / table / part.path).stat().st_size
        except PermissionError:
            return None
        except OSError:
            return "part_missing", "the file is gone"
        return None if size == part.size_bytes else ("part_size", f"the file has {size:,} bytes")

    def content_fault_of(self, table: str, part: Part) -> tuple[str, str] | None:
        """Return ``(kind, what)`` of a data file that does not hold what was written; reads the whole of it.

        By the checksum in its name. A file without one is decoded: its pages may have checksums of their own.
        """
        path = self._silver / table / part.path
        wanted = checksum_in_name(path.name)
        try:
            if wanted is None:
                read_pages(path)
            elif (found := checksum_of(path)) != wanted:
                return "part_damaged", f"the checksum of its {part.size_bytes:,} bytes is {found}, not {wanted}"
        except (pa.ArrowException, OSError) as error:
            return _unless_shut(error, "part_damaged", f"it cannot be read: {one_line(error)}")
        return None

    def any_fault_of(self, table: str, part: Part) -> tuple[str, str] | None:
        """Return what is wrong with a data file at all; reads the whole of it."""
        return self.fault_of(table, part) or self.content_fault_of(table, part)

    def damage_of(self, table: str, part: Part) -> tuple[str, str] | None:
        """Return the same; raises NoAccess where the file may not be read: it may be sound."""
        found = self.any_fault_of(table, part)
        if found is not None and found[0] == SHUT:
            path = self._silver / table / part.path
            raise from_os_error(PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)), table)
        return found

    def has_checksum(self, part: Part) -> bool:
        """Tell whether the name of the file carries its checksum; files of older releases have none."""
        return checksum_in_name(Path(part.path).name) is not None

    def links(self) -> Iterator[tuple[str, str]]:
        """Yield ``(path, target)`` of the symbolic links in the lake, the path relative to the lake."""
        return links_in(self._silver, self._state)

    def wrong_kinds(self, table: str) -> Iterator[tuple[str, str]]:
        """Yield ``(path, what)`` of what is a folder in the place of a file of a table, or the other way round."""
        for one in wrong_kinds(self._silver / table):
            yield one.path.relative_to(self._silver.parent).as_posix(), one.what

    def log_faults(self, table: str) -> Iterator[tuple[str, str]]:
        """Yield ``(name, reason)`` of what is not as it was written of a table's log: entries and checkpoint."""
        log = self._silver / table / "_delta_log"
        for entry in filter(Path.is_file, sorted(log.glob("[0-9]*.json"))):
            with suppress(FileNotFoundError):  # dropped this moment: a checkpoint holds it
                if reason := _fault_of_entry(entry.read_bytes()):
                    yield entry.name, reason
        for name in altered_files(log):
            yield name, ALTERED


def _unless_shut(error: Exception, kind: str, what: str) -> tuple[str, str]:
    return (SHUT, f"it may not be read: {one_line(error)}") if isinstance(error, PermissionError) else (kind, what)


def read_pages(path: Path) -> None:
    """Decode every page of a Parquet file, a row group at a time; raises where one cannot be right."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for group in range(file.num_row_groups):
            file.read_row_group(group)


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the type of the file system a path is on, None where the system does not tell."""
    try:
        points = mounted(mounts)
    except OSError:
        return None
    target = f"{path}/"
    best, found = "", None
    for one in points:
        point = one.point.rstrip("/") + "/"
        if target.startswith(point) and len(point) >= len(best):
            best, found = point, one.file_system
    return found


def inotify_limits(folder: Path = INOTIFY) -> dict[str, int]:
    """Return the limits by name; empty where the system has none."""
    names = ("max_user_watches", "max_user_instances", "max_queued_events")
    try:
        return {name: int((folder / name).read_text()) for name in names}
    except (OSError, ValueError):
        return {}


def count_folders(root: Path) -> int:
    """Count a folder and all below it; one watch each."""
    if not root.is_dir():
        return 0
    found, todo = 1, [str(root)]
    while todo:
        with suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    found += 1
                    # Two names and no more: its own, and its own within; a folder in it would add one.
                    if entry.stat(follow_symlinks=False).st_nlink != NLINK_WITHOUT_FOLDERS:
                        todo.append(entry.path)
    return found


def free_inodes(path: Path) -> int | None:
    """Return how many files may still be made, None where the file system has no such limit."""
    status = os.statvfs(path)
    return status.f_favail if status.f_files else None


def log_faults(table: Path, *, recorded_batch: int = -1) -> list[LogFault]:
    """Return the entries of a table's log that are empty, torn, cut short, or missing between others."""
    log = table / "_delta_log"
    if not log.is_dir():
        return [LogFault(table=table.name, entry="_delta_log", reason="missing", is_newest=False)]
    entries = sorted(entry for entry in log.iterdir() if ENTRY.fullmatch(entry.name) and entry.is_file())
    first = newest_checkpoint(log) + 1
    there = {int(entry.stem) for entry in entries}
    faults = [
        LogFault(table=table.name, entry=entry_name(version), reason="missing", is_newest=False)
        for version in range(first, max(there, default=-1))
        if version not in there
    ]
    if not entries and not first:
        faults.append(LogFault(table=table.name, entry=entry_name(0), reason="missing", is_newest=False))
    newest = newest_entry(log)
    for entry in entries:
        mendable = fault_of(table, entry, recorded_batch) if entry == newest else None
        reason = mendable or _fault_of_entry(entry.read_bytes())
        if reason:
            faults.append(
                LogFault(
                    table=table.name,
                    entry=entry.name,
                    reason=reason,
                    is_newest=entry == newest,
                    is_mendable=mendable is not None,
                )
            )
    return faults


def _fault_of_entry(content: bytes) -> str | None:
    if not content:
        return "empty"
    if is_altered(content):
        return ALTERED
    try:
        for line in content.splitlines():
            msgspec.json.decode(line, type=msgspec.Raw)  # looks at it all and builds nothing
    except ValueError:
        return "torn"
    return None


def newest_write(tables: Sequence[Path]) -> float:
    """Return when a log was last written to, seconds since the epoch; 0 where there is none."""
    logs = [table / "_delta_log" for table in tables]
    return max((entry.stat().st_mtime for log in logs for entry in log.glob("*.json")), default=0.0)


def headroom(batch_bytes: int, total: int, batches: int = BATCHES_OF_HEADROOM) -> int:
    """Return how many bytes of a disk should be free for some batches: on a small one a twentieth of it will do."""
    return min(batches * batch_bytes, total // 20)


def disk_usage(path: Path) -> tuple[int, int]:
    """Return free and total bytes."""
    usage = shutil.disk_usage(path)
    return usage.free, usage.total
