"""Bronze files as blocks of CSV lines, read once for their hash and once for their rows, by one descriptor."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import BinaryIO, Self, TypeAlias, cast

from pointline.errors import ChangedWhileRead, PointlineError, Rejected
from pointline.io.decode import Limits, decoded
from pointline.io.parquet_input import parquet_blocks
from pointline.io.protocols import BronzeFileMetadata
from pointline.io.translate import storage_errors

BLOCK_BYTES = 8 << 20
"""Text per block. Measured: 1 MB costs a third more to parse, 16 MB gains nothing and holds four times the memory."""
HASH_CHUNK_BYTES = 1 << 20
MOST_WAITING_BYTES = 64 << 20
"""Blank lines are held back until it is known whether rows follow; so many of them never make a file."""
MOST_WHOLE_BYTES = 512 << 20
"""A file that is read as a whole. All instruments of a large exchange, with their history, are a few MB."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LINE_END = b"\r\n"
FEW_BYTES = 64
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

Look: TypeAlias = Callable[[str], BronzeFileMetadata | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file that is being read: how far, in bytes of the file as it lies in bronze."""

    path: str
    bytes: int
    read_bytes: int


class FileContent:
    """One opened bronze file version. Not thread-safe; use it as a context manager."""

    def __init__(
        self,
        file: BinaryIO,
        meta: BronzeFileMetadata,
        limits: Limits,
        *,
        on_step: Callable[[], None],
        on_close: Callable[[FileContent], None],
    ) -> None:
        self._on_step = on_step
        self._on_close = on_close
        self._file = file
        self._meta = meta
        self._limits = limits
        self._stat = os.fstat(file.fileno())
        self._lines: Iterator[bytes] = iter(())
        self._header: tuple[str, ...] | None = None
        self.content_hash = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._on_close(self)
        self._file.close()

    def reading(self) -> Reading:
        """Tell how far its rows are read, from any thread while the file is open. Taking the hash does not count."""
        read = os.lseek(self._file.fileno(), 0, os.SEEK_CUR) if self.content_hash else 0
        return Reading(path=self._meta.bronze_file_path, bytes=self._meta.file_size_bytes, read_bytes=read)

    def take_hash(self) -> None:
        """Read the file once and keep its SHA-256."""
        self._unchanged_since_seen()
        digest = hashlib.sha256()
        with storage_errors(self._meta.bronze_file_path):
            while chunk := self._file.read(HASH_CHUNK_BYTES):
                digest.update(chunk)
                self._on_step()
            self._file.seek(0)
        self.content_hash = digest.hexdigest()

    def header(self) -> tuple[str, ...]:
        """Return the column names; empty where the file holds no data at all."""
        if self._header is None:
            with storage_errors(self._meta.bronze_file_path):
                is_parquet = self._meta.bronze_file_path.lower().endswith(".parquet")
                self._lines = (
                    parquet_blocks(self._file, self._meta.bronze_file_path, self._limits)
                    if is_parquet
                    else self._csv_blocks()
                )
                self._header = self._parse_header(next(self._lines, b""))
        return self._header

    def blocks(self) -> Iterator[bytes]:
        """Yield the data rows as blocks of whole CSV lines, in file order."""
        self.header()
        with storage_errors(self._meta.bronze_file_path):
            for block in self._lines:
                self._on_step()
                yield block
        self._unchanged_since_opened()

    def whole(self) -> bytes:
        """Return all of the content, decompressed: for files that are not lines of rows."""
        path = self._meta.bronze_file_path
        chunks: list[bytes] = []
        size = 0
        with storage_errors(path):
            for chunk in decoded(self._file, path, self._limits):
                self._on_step()
                chunks.append(chunk)
                size += len(chunk)
                if size > MOST_WHOLE_BYTES:
                    raise Rejected(
                        f"{path} holds more than {MOST_WHOLE_BYTES} bytes of symbols", subject=path, hint="split it"
                    )
        self._unchanged_since_opened()
        return b"".join(chunks)

    def _csv_blocks(self) -> Iterator[bytes]:
        """Yield the header line, then blocks of whole lines; blank lines at the very end are no rows."""
        path = self._meta.bronze_file_path
        waiting: list[bytes] = []
        size = unbroken = 0
        header_seen = False
        for chunk in decoded(self._file, path, self._limits):
            waiting.append(chunk)
            size += len(chunk)
            cut = chunk.rfind(b"\n") + 1
            unbroken = len(chunk) - cut if cut else unbroken + len(chunk)
            if unbroken > self._limits.max_line_bytes or size > MOST_WAITING_BYTES:
                raise self._line_too_long()
            if size < BLOCK_BYTES or not cut:
                continue
            lines = b"".join([*waiting[:-1], chunk[:cut]])  # of nothing but bytes: other threads run meanwhile
            block, blank = _split_blank_end(lines)
            waiting, size = [blank + chunk[cut:]], len(blank) + len(chunk) - cut
            self._check_lines(block)
            if not header_seen and block:
                header, block = _split_header(block)
                yield header
                header_seen = True
            if block:
                yield block
        last = b"".join(waiting)
        self._check_lines(last)
        if not header_seen:
            header, last = _split_header(last)
            yield header
        last = last.rstrip(b"\r\n")
        if last:
            yield last + b"\n"

    def _check_lines(self, block: bytes) -> None:
        """Raise Rejected where a line is longer than allowed: such a line covers one of a few places in the block."""
        limit = self._limits.max_line_bytes
        for place in range(limit // 2, len(block), limit // 2):
            start, end = block.rfind(b"\n", 0, place) + 1, block.find(b"\n", place)
            if (len(block) if end < 0 else end) - start > limit:
                raise self._line_too_long()

    def _line_too_long(self) -> Rejected:
        path = self._meta.bronze_file_path
        return Rejected(
            f"{path} has a line of more than {self._limits.max_line_bytes} bytes",
            subject=path,
            hint="if it is genuine, raise ingest.max_line_bytes and run `pointline retry`",
        )

    def _parse_header(self, line: bytes) -> tuple[str, ...]:
        path = self._meta.bronze_file_path
        if line.startswith(UTF16_MARKS) or line[:2].count(0) == 1:
            raise Rejected(f"{path} is UTF-16 text", subject=path, hint="save it as UTF-8")
        line = line.removeprefix(BYTE_ORDER_MARK).strip(b"\r\n")
        if not line:
            return ()
        try:
            return tuple(cell.strip('"') for cell in line.decode("ascii").split(","))
        except UnicodeDecodeError as error:
            raise Rejected(
                f"{path} does not begin with a CSV header", subject=path, hint="look at the file: is it this vendor's?"
            ) from error

    def _unchanged_since_seen(self) -> None:
        seen = (self._meta.file_size_bytes, self._meta.last_modified_ts)
        if (self._stat.st_size, self._stat.st_mtime_ns // 1000) != seen:
            raise self._changed()

    def _unchanged_since_opened(self) -> None:
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._stat.st_size, self._stat.st_mtime_ns):
            raise self._changed()

    def _changed(self) -> ChangedWhileRead:
        path = self._meta.bronze_file_path
        return ChangedWhileRead(
            f"{path} changed while it was read", subject=path, hint="nothing to do: it is read again"
        )


def _split_header(text: bytes) -> tuple[bytes, bytes]:
    line, _, rest = text.partition(b"\n")
    return line, rest


def _split_blank_end(block: bytes) -> tuple[bytes, bytes]:
    """Hold back blank lines: whether they are rows or the end of the file is known when more comes, or nothing."""
    few = block[-FEW_BYTES:].rstrip(LINE_END)  # nearly always there are none; to strip the block would copy it
    text = len(block) - len(block[-FEW_BYTES:]) + len(few) if few else len(block.rstrip(LINE_END))
    end = block.find(b"\n", text) + 1 if text else 0
    return block[:end], block[end:]


class FileReader:
    """Opens bronze files; ``open_file`` does so safely (never a FIFO, never outside bronze)."""

    def __init__(self, open_file: Callable[[str], BinaryIO], look: Look, limits: Limits) -> None:
        self._open_file = open_file
        self._look = look
        self._limits = limits
        self.steps = 0
        """Rises while files are being read. Evidence of work, no count: threads may step on each other."""
        self._lock = threading.Lock()
        self._open: set[FileContent] = set()

    def reading(self) -> list[Reading]:
        """Return the files that are open at the moment."""
        with self._lock:  # none of them is closed meanwhile
            return [content.reading() for content in self._open]

    def _closing(self, content: FileContent) -> None:
        with self._lock:
            self._open.discard(content)

    def open(self, meta: BronzeFileMetadata) -> FileContent:
        """Open the file and take its content hash. Raises Rejected, Unfinished, Transient."""
        path = meta.bronze_file_path
        with storage_errors(path):
            content = FileContent(self._open_file(path), meta, self._limits, on_step=self._step, on_close=self._closing)
        with self._lock:
            self._open.add(content)
        try:
            content.take_hash()
        except BaseException:
            content.__exit__()
            raise
        return content

    def _step(self) -> None:
        self.steps += 1

    def content_hash(self, path: str) -> str | None:
        """Return the SHA-256 of the file's content now, or None where it cannot be read."""
        try:
            with self._open_file(path) as file:
                return hashlib.file_digest(cast("BufferedReader", file), "sha256").hexdigest()
        except (OSError, PointlineError):
            return None

    def look(self, path: str) -> BronzeFileMetadata | None:
        """Return what is at ``path`` (relative to bronze) now; None where there is no market-data file."""
        return self._look(path)
