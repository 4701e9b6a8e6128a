"""Files that people write for the program: settings and descriptions."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 4 << 20
KINDS: Final = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


def why_unreadable(error: OSError | ValueError | RecursionError) -> str:
    """Return what keeps such a file from being read, in words for who wrote it."""
    match error:
        case OSError():
            return error.strerror or str(error)
        case UnicodeDecodeError():
            return f"it is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        case RecursionError():
            return "its values lie too deep in each other"
    return str(error)


def read_small_file(path: Path) -> bytes:
    """Return the content of a file, behind links too. What is no file is not waited for.

    Raises OSError, and ValueError where it is no file, or larger than people write.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
        if kind != stat.S_IFREG:
            raise ValueError(f"it is {KINDS.get(kind, 'a device')}, not a file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES >> 20} MiB")
    return content
