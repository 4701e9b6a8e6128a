"""What opens the files of bronze, tells how far those that are open are read, and stops all reading at once."""

from __future__ import annotations

import hashlib
import os
import threading
from io import BufferedReader
from typing import BinaryIO, Protocol, cast

from pointline.errors import PointlineError, Stopping
from pointline.io.bronze.file_system import microseconds
from pointline.io.content.expansion import Limits
from pointline.io.content.file_content import FileContent, Reading
from pointline.io.content.hashed import Version
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.io.translate import storage_errors

MOST_COMPANION_BYTES = 4096
"""Of a file that says what another one should be."""


class Folder(Protocol):
    """Where the files are: opens them safely, never a FIFO and never outside bronze."""

    def open(self, path: str) -> BinaryIO:
        """Open a regular file. Raises Rejected, Transient."""
        ...

    def look(self, path: str) -> BronzeFileMetadata | None:
        """Return what is at ``path`` now; None where no market-data file can be seen."""
        ...

    def is_gone(self, path: str) -> bool:
        """Tell whether no file is at ``path`` for certain."""
        ...

    def changed_at(self, path: str) -> int | None:
        """Return when what is at ``path`` last changed; see ``BronzeReader``."""
        ...

    def said_by(self, path: str) -> tuple[object, ...]:
        """Return what ``path`` says of rows; see ``BronzeReader``."""
        ...


class FileReader:
    """Opens bronze files; ``open_file`` does so safely (never a FIFO, never outside bronze)."""

    def __init__(self, source: Folder, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self.steps = 0
        """Rises while files are being read. Evidence of work, no count: threads may step on each other."""
        self._lock = threading.Lock()
        self._open: set[FileContent] = set()
        self._is_stopping = False

    def stop(self) -> None:
        """Read no further, on any thread: what is open, and what would be opened, raises Stopping at its next step."""
        self._is_stopping = True

    def reading(self) -> list[Reading]:
        """Return the files that are open at the moment."""
        with self._lock:  # none of them is closed meanwhile
            return [content.reading() for content in self._open]

    def _closing(self, content: FileContent) -> None:
        with self._lock:
            self._open.discard(content)

    def open(self, meta: BronzeFileMetadata) -> FileContent:
        """Open the file. Raises ChangedWhileRead where it is not the version that was seen, Rejected, Transient."""
        path = meta.bronze_file_path
        self._step(path)
        with storage_errors(path):
            return self._opened(self._source.open(path), meta)

    def open_beside(self, path: str) -> FileContent | None:
        """Open a file as it is now, because another one needs it; None where it is not there. Raises as ``open``."""
        if self._source.is_gone(path):
            return None
        with storage_errors(path):
            file = self._source.open(path)
            status = Version.of(os.fstat(file.fileno()))
        meta = BronzeFileMetadata(
            exchange="",
            data_type="",
            symbol="",
            date=None,
            bronze_file_path=path,
            file_size_bytes=status.size,
            last_modified_ts=microseconds(status.modified_ns),
        )
        return self._opened(file, meta)

    def _opened(self, file: BinaryIO, meta: BronzeFileMetadata) -> FileContent:
        content = FileContent(
            file, meta, self._limits, on_step=self._step, on_close=self._closing, open_beside=self.open_beside
        )
        with self._lock:
            self._open.add(content)
        try:
            content.check_seen()
        except BaseException:
            content.__exit__()
            raise
        return content

    def _step(self, path: str) -> None:
        self.steps += 1
        if self._is_stopping:
            raise Stopping(
                f"{path} was not read to its end: the daemon was told to stop",
                subject=path,
                hint="nothing to do: the next start reads it from its beginning",
            )

    def content_hash(self, path: str, algorithm: str = "sha256") -> str | None:
        """Return the SHA-256 of the file's content now, or its ``md5``; None where it cannot be read."""
        try:
            with self._source.open(path) as file:
                return hashlib.file_digest(cast("BufferedReader", file), algorithm).hexdigest()
        except (OSError, PointlineError):
            return None

    def beginning(self, path: str) -> bytes | None:
        """Return the first bytes of a small file at ``path``, whatever it is called; None where there is none."""
        try:
            with self._source.open(path) as file:
                return file.read(MOST_COMPANION_BYTES)
        except (OSError, PointlineError):
            return None

    def look(self, path: str) -> BronzeFileMetadata | None:
        """Return what is at ``path`` (relative to bronze) now; None where no market-data file can be seen."""
        return self._source.look(path)

    def is_gone(self, path: str) -> bool:
        """Tell whether no file is at ``path`` for certain; False where that cannot be told."""
        return self._source.is_gone(path)

    def changed_at(self, path: str) -> int | None:
        """Return when what is at ``path`` last changed; see ``BronzeReader``."""
        return self._source.changed_at(path)

    def said_by(self, path: str) -> tuple[object, ...]:
        """Return what ``path`` says of rows; see ``BronzeReader``."""
        return self._source.said_by(path)
