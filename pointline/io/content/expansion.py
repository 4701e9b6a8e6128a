"""How far a file may expand when it is decompressed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from msgspec import Struct

from pointline.errors import Rejected

FREE_BYTES = 64 << 20
"""Expansion is not judged before this many bytes: small files of equal rows are no attack."""


class Limits(Struct, frozen=True, kw_only=True):
    """What a file may cost. ``max_line_bytes`` bounds memory, ``max_expansion_ratio`` refuses decompression bombs."""

    max_expansion_ratio: float
    max_line_bytes: int


def check_expansion(decoded_bytes: int, read_bytes: int, path: str, limits: Limits) -> None:
    """Raise Rejected where so few bytes of a file have become so many."""
    if decoded_bytes > FREE_BYTES and decoded_bytes > limits.max_expansion_ratio * read_bytes:
        raise Rejected(
            f"{path} expands more than {limits.max_expansion_ratio:g} times",
            subject=path,
            hint="if genuine, raise ingest.max_expansion_ratio and run `pointline retry --rule max_expansion_ratio`",
        )


class Expansion:
    """Counts what one file has become so far, content that is not used included."""

    def __init__(self, file: BinaryIO, path: str, limits: Limits) -> None:
        self._file = file
        self._path = path
        self._limits = limits
        self._decoded_bytes = 0

    def add(self, decoded_bytes: int) -> None:
        """Count so many bytes more. Raises Rejected beyond the limit."""
        self._decoded_bytes += decoded_bytes
        check_expansion(self._decoded_bytes, self._file.tell(), self._path, self._limits)

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the chunks as they are counted."""
        for chunk in chunks:
            self.add(len(chunk))
            yield chunk
