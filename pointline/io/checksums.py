"""Checksums of files that Pointline writes: a CRC-32 over every byte, so that one flipped bit anywhere is found.

A data file carries it at the end of its name, ``part-<uuid>-<crc32>.parquet``: it is there in every copy of the lake
and in every checkpoint of the log, and other writers do not lose it. Parquet's own checksums cover the pages, and
neither their headers nor the footer; they are written as well, because they are verified wherever a page is read.

A log entry carries it in its ``commitInfo``, whose fields other readers of Delta pass over: that of the whole entry,
with zeros in the place of the checksum. That there is one, ``engineInfo`` says too, so that a flipped bit in the name
of the field is no way out.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

try:
    from isal.isal_zlib import crc32  # 20 GB/s against 5 GB/s
except ImportError:
    from zlib import crc32  # no wheel for this machine

NAME = re.compile(r"(?P<stem>(?:part|compacted)-[0-9a-f]{32})-(?P<checksum>[0-9a-f]{8})\.parquet")
CHUNK_BYTES = 1 << 20
"""Stays in the processor's cache between being copied and being summed."""

ENGINE = "pointline/2"
"""What ``engineInfo`` of an entry with a checksum is."""
CHECKSUM = "pointline_crc32"
ZEROS = "00000000"
_FIELD = re.compile(rb'(?<="pointline_crc32":")[0-9a-f]{8}(?=")')


def checksum_of(path: Path) -> str:
    """Return the checksum of a whole file, as eight hexadecimal digits."""
    found = 0
    buffer = memoryview(bytearray(CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            found = crc32(buffer[:count], found)
    return f"{found:08x}"


def checksum_in_name(name: str) -> str | None:
    """Return the checksum that the name of a data file carries; None where it carries none."""
    found = NAME.fullmatch(name)
    return found["checksum"] if found else None


def stem_of(name: str) -> str:
    """Return the name of a data file without its checksum, which it has from its first byte on."""
    return name[: -len(".parquet")].removesuffix(f"-{checksum_in_name(name)}")


def sealed(entry: bytes) -> bytes:
    """Return a log entry with its checksum in the place of the zeros."""
    return _FIELD.sub(f"{zlib.crc32(entry):08x}".encode(), entry, count=1)


def is_altered(entry: bytes) -> bool:
    """Tell whether a log entry is not as it was written; one without a checksum never is."""
    first, feed, rest = entry.partition(b"\n")
    found = _FIELD.search(first)
    if found is None:
        # Old entries carry neither the field nor the engine, damaged ones never lack both.
        return f'"{ENGINE}"'.encode() in first or CHECKSUM.encode() in first
    blank = _FIELD.sub(ZEROS.encode(), first, count=1) + feed + rest
    return f"{zlib.crc32(blank):08x}".encode() != found[0]
