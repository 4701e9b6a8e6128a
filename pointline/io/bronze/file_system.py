"""What bronze asks the file system: by compiled functions, or else by those of the interpreter.

The compiled ones ask several things in one call: a look at a folder of many files takes half of the time, and threads
that open files wait less for each other. ``c/file_system.c`` is their source.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Version: TypeAlias = tuple[int, int, int, int]
"""Size in bytes, mtime and ctime in microseconds since the epoch, inode: what tells versions of a file apart."""
Seen: TypeAlias = tuple[int, int, int, int, int]
"""Mode and version."""
Found: TypeAlias = tuple[str, int, int, int, int, int]
"""Name, mode and version. The mode is ``UNKNOWN`` where the file system does not say, the size an error number then."""
EDITION = "3"
"""Of the compiled functions, which go on living when the sources beside them change."""
UNKNOWN = 0
INODE_BITS = 0x7FFF_FFFF_FFFF_FFFF
"""Some file systems use the last bit, which no table column has."""
FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_000_000
"""The years 1 to 9999. Some file systems keep other times too, such as milliseconds that somebody took for seconds."""

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def version_of(status: os.stat_result) -> Version:
    """Return what tells versions of a file apart. Times outside of the years 1 to 9999 are the nearest one in them."""
    modified_us, changed_us = microseconds(status.st_mtime_ns), microseconds(status.st_ctime_ns)
    return status.st_size, modified_us, changed_us, status.st_ino & INODE_BITS


def microseconds(time_ns: int) -> int:
    """Return a time of a file in microseconds since the epoch, within the years that a timestamp can have."""
    return min(max(time_ns // 1000, FIRST_US), LAST_US)


class ByInterpreter:
    """The same as the compiled functions."""

    @staticmethod
    def entries(descriptor: int) -> list[Found]:
        """Return what is in an open folder, in no order; links are not followed. Raises OSError."""
        with os.scandir(descriptor) as found:
            return [_seen(entry) for entry in found]

    @staticmethod
    def status_below(root: str, path: str) -> Seen:
        """Return what is at a path below a folder. Raises OSError, also where a link is on the way."""
        with _folder_of(root, path) as (folder, name):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            return status.st_mode, *version_of(status)

    @staticmethod
    def open_below(root: str, path: str) -> int | None:
        """Return a descriptor of the file at a path below a folder; None where that is no regular file.

        Raises OSError, also where a link is on the way. The file is looked at before it is opened, because opening a
        device can have effects, and again after.
        """
        with _folder_of(root, path) as (folder, name):
            if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                return None
            descriptor = os.open(name, _OPEN_FLAGS | os.O_NONBLOCK, dir_fd=folder)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        return None


def _seen(entry: os.DirEntry[str]) -> Found:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return entry.name, UNKNOWN, error.errno or 0, 0, 0, 0
    return entry.name, status.st_mode, *version_of(status)


@contextmanager
def _folder_of(root: str, path: str) -> Iterator[tuple[int, str]]:
    """The open folder that ``path`` lies in, below ``root``, and the file's name there.

    Goes down folder by folder without following links, so that nobody can swap one in between a check and its use.
    """
    *folders, name = path.split("/")
    above = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, _OPEN_FLAGS | os.O_DIRECTORY, dir_fd=above)
            os.close(above)
            above = below
        yield above, name
    finally:
        os.close(above)


entries: Callable[[int], list[Found]] = ByInterpreter.entries
status_below: Callable[[str, str], Seen] = ByInterpreter.status_below
open_below: Callable[[str, str], int | None] = ByInterpreter.open_below
LISTING, STALE = "python", ""
"""Which of them are used, and the file of compiled ones that are left alone: they are those of another release."""
try:
    from pointline.io.bronze import _file_system
except ImportError:  # there was no compiler when this was installed
    pass
else:
    if getattr(_file_system, "EDITION", "") == EDITION:
        entries, status_below, open_below = _file_system.entries, _file_system.status_below, _file_system.open_below
        LISTING = "compiled"
    else:
        STALE = str(_file_system.__file__)
