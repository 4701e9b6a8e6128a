"""What lies in a table in the place of something of another kind: a folder where a file has to be, or the other way.

Nothing that it could hold is of the table, and whoever reads or writes there fails, or waits without end at a FIFO. It
is named, and moved away by whoever mends the table; what is missing then is mended as what is lost otherwise.
Symbolic links are named by ``lake_links``.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

LOG, ASIDE = "_delta_log", ".checkpoint"
FILES = re.compile(r"\.?\d{20}\..*|\.?_last_checkpoint.*|\.?_(told|removed).*\.parquet(\.tmp)?|_commit_.*\.tmp")
"""Names of files in a log."""
PARTITION_LEVELS = 2
WORDS = {stat.S_IFDIR: "a folder", stat.S_IFREG: "a file", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}


class WrongKind(Struct, frozen=True, kw_only=True):
    """Something of the wrong kind. ``is_of_log``: without it the table cannot be opened."""

    path: Path
    found: str
    wanted: str
    is_of_log: bool = True

    @property
    def what(self) -> str:
        """Say it, without the path."""
        return f"{self.found}, and {self.wanted} has to be here"


def wrong_kinds(table: Path) -> Iterator[WrongKind]:
    """Yield what is of the wrong kind in a table's folder, its log, and the folders of its partitions."""
    yield from wrong_in_log(table)
    yield from _as_folder(table / ASIDE, is_of_log=False)
    yield from _partitions(table, PARTITION_LEVELS)


def wrong_in_log(table: Path) -> Iterator[WrongKind]:
    """Yield what keeps a table from being opened."""
    for folder in (table, table / LOG):
        if found := [*_as_folder(folder)]:
            yield from found
            return
    for entry in _entries(table / LOG):
        if FILES.fullmatch(entry.name) and not (entry.is_file(follow_symlinks=False) or entry.is_symlink()):
            yield WrongKind(path=Path(entry.path), found=_word(Path(entry.path)), wanted="a file")


def _partitions(folder: Path, levels: int) -> Iterator[WrongKind]:
    for entry in _entries(folder):
        if "=" not in entry.name or entry.is_symlink():
            continue
        if not entry.is_dir(follow_symlinks=False):
            yield from _as_folder(Path(entry.path), is_of_log=False)
        elif levels > 1:
            yield from _partitions(Path(entry.path), levels - 1)


def _as_folder(path: Path, *, is_of_log: bool = True) -> Iterator[WrongKind]:
    """Yield it where it is there and no folder."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not (stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            yield WrongKind(path=path, found=_word(path), wanted="a folder", is_of_log=is_of_log)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a folder; nothing where it is gone, no folder, a link, or shut, which others name."""
    if folder.is_symlink():
        return
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as entries:
        yield from entries


def _word(path: Path) -> str:
    with suppress(OSError):
        return WORDS.get(stat.S_IFMT(path.lstat().st_mode), "a device")
    return "something else"
