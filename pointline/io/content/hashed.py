"""A file whose hash is taken from the bytes as they are read, and which version of it that was."""

from __future__ import annotations

import hashlib
import os
from typing import BinaryIO, NamedTuple, Self

from pointline.io.bronze.file_system import INODE_BITS, microseconds
from pointline.io.protocols.file_version import BronzeFileMetadata


class Version(NamedTuple):
    """What tells versions of a file apart; times in nanoseconds."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the version that the file system shows."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino & INODE_BITS)

    def is_as_seen(self, meta: BronzeFileMetadata) -> bool:
        """Tell whether this is the version that was seen; what was not looked at then (0) is not compared."""
        return (
            (self.size, microseconds(self.modified_ns)) == (meta.file_size_bytes, meta.last_modified_ts)
            and meta.changed_us in {0, microseconds(self.changed_ns)}
            and meta.inode in {0, self.inode}
        )


class HashedFile:
    """Reads a file of ``size`` bytes from its beginning to its end and keeps the SHA-256 of what it read."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._digest = hashlib.sha256()
        self.bytes_read = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. A file that has grown since ends where it did: it is another version now."""
        if self.bytes_read >= self._size:
            return b""
        data = self._file.read(size)
        self._digest.update(data)
        self.bytes_read += len(data)
        return data

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self.bytes_read

    def hexdigest(self) -> str:
        """Return the hash of the bytes read so far."""
        return self._digest.hexdigest()
