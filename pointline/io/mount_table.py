"""What is mounted where, as Linux says it; other systems do not."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

MOUNTS = Path("/proc/self/mountinfo")
OCTAL = re.compile(rb"\\([0-7]{3})")
POINT = 4
"""The field of a line that says where something is mounted."""


class Mounted(NamedTuple):
    """Where a file system is mounted, and its type."""

    point: str
    file_system: str


def mounted(table: Path = MOUNTS) -> list[Mounted]:
    """Return what is mounted, in the order of the table: what is behind may cover what is before.

    Raises OSError where the system has no such table.
    """
    found = []
    for line in table.read_bytes().splitlines():
        before, _, behind = line.partition(b" - ")
        fields, described = before.split(b" "), behind.split()
        if len(fields) > POINT and described:
            point = os.fsdecode(OCTAL.sub(_byte, fields[POINT]))
            found.append(Mounted(point, os.fsdecode(described[0])))
    return found


def _byte(escaped: re.Match[bytes]) -> bytes:
    return bytes([int(escaped[1], 8) & 0xFF])
