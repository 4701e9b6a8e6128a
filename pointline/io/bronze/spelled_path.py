"""How the path of a file is written in tables and logs, and how the file system spells it."""

from __future__ import annotations

import os
import re

NOT_UTF8 = r"file name is not valid UTF-8, or spells such a byte out, as \xff does: rename it"
ESCAPED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")


def written_path(path: str) -> str:
    """How a path is written in tables and logs: bytes that are not UTF-8 become backslash escapes."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


def spelled_path(root: str, path: str) -> str:
    """The inverse of ``written_path``: how the file system spells a path. A real backslash in the name wins."""
    if ESCAPED_BYTE.search(path) and not os.path.lexists(f"{root}/{path}"):
        return ESCAPED_BYTE.sub(lambda byte: chr(0xDC00 + int(byte[1], 16)), path)
    return path
