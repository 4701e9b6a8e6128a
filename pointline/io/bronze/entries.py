"""A folder, and what the file system says of each thing in it: by a compiled function, or else one by one.

The compiled one does it without the interpreter, in half of the time; ``c/listing.c`` is its source.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

Found: TypeAlias = tuple[str, int, int, int, int, int]
"""Name, mode, size in bytes, mtime and ctime in microseconds since the epoch, inode.

The mode is ``UNKNOWN`` where the file system does not say, and the size is the error number then.
"""
TELLS = "name mode size modified_us changed_us inode"
"""What a compiled function has to tell: it may be that of another release."""
UNKNOWN = 0
INODE_BITS = 0x7FFF_FFFF_FFFF_FFFF
"""Some file systems use the last bit, which no table column has."""


def version_of(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return size, mtime and ctime (microseconds since the epoch), inode: what tells versions of a file apart."""
    return status.st_size, status.st_mtime_ns // 1000, status.st_ctime_ns // 1000, status.st_ino & INODE_BITS


def one_by_one(descriptor: int) -> list[Found]:
    """Return what is in an open folder, in no order; links are not followed. Raises OSError."""
    with os.scandir(descriptor) as found:
        return [_seen(entry) for entry in found]


def _seen(entry: os.DirEntry[str]) -> Found:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return entry.name, UNKNOWN, error.errno or 0, 0, 0, 0
    return entry.name, status.st_mode, *version_of(status)


entries: Callable[[int], list[Found]] = one_by_one
with suppress(ImportError, AttributeError):  # there may have been no compiler when this was installed
    from pointline.io.bronze import _listing

    if _listing.TELLS == TELLS:
        entries = _listing.entries
