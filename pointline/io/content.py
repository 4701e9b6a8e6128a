"""Bronze files as blocks of CSV lines, read once for their hash and once for their rows, by one descriptor."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import BinaryIO, Self, cast

import polars as pl
import polars.selectors as cs
import pyarrow.parquet as pq
from polars.exceptions import PanicException, PolarsError
from pyarrow import ArrowException

from pointline.errors import ChangedWhileRead, PointlineError, Rejected, Unfinished
from pointline.io.decode import Limits, check_expansion, decoded
from pointline.io.protocols import BronzeFileMetadata
from pointline.io.translate import storage_errors

BLOCK_BYTES = 4 << 20
"""Text per block. Measured: 1 MB costs a third more to parse, 16 MB gains nothing and holds four times the memory."""
HASH_CHUNK_BYTES = 1 << 20
PARQUET_ROWS = 16_384
LONGEST_HEADER_BYTES = 1 << 16
NOT_IN_A_NAME = frozenset('",\r\n')
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class FileContent:
    """One opened bronze file version. Not thread-safe; use it as a context manager."""

    def __init__(self, file: BinaryIO, meta: BronzeFileMetadata, limits: Limits) -> None:
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
        self._file.close()

    def take_hash(self) -> None:
        """Read the file once and keep its SHA-256."""
        self._unchanged_since_seen()
        digest = hashlib.sha256()
        with storage_errors(self._meta.bronze_file_path):
            while chunk := self._file.read(HASH_CHUNK_BYTES):
                digest.update(chunk)
            self._file.seek(0)
        self.content_hash = digest.hexdigest()

    def header(self) -> tuple[str, ...]:
        """Return the column names; empty where the file holds no data at all."""
        if self._header is None:
            with storage_errors(self._meta.bronze_file_path):
                is_parquet = self._meta.bronze_file_path.lower().endswith(".parquet")
                self._lines = self._parquet_blocks() if is_parquet else self._csv_blocks()
                self._header = self._parse_header(next(self._lines, b""))
        return self._header

    def blocks(self) -> Iterator[bytes]:
        """Yield the data rows as blocks of whole CSV lines, in file order."""
        self.header()
        with storage_errors(self._meta.bronze_file_path):
            yield from self._lines
        self._unchanged_since_opened()

    def _csv_blocks(self) -> Iterator[bytes]:
        """Yield the header line, then blocks of whole lines; blank lines at the very end are no rows."""
        path = self._meta.bronze_file_path
        waiting: list[bytes] = []
        size = 0
        header_seen = False
        for chunk in decoded(self._file, path, self._limits):
            waiting.append(chunk)
            size += len(chunk)
            if size < BLOCK_BYTES or (cut := chunk.rfind(b"\n") + 1) == 0:
                if size > BLOCK_BYTES + self._limits.max_line_bytes:
                    raise Rejected(
                        f"{path} has a line of more than {self._limits.max_line_bytes} bytes",
                        subject=path,
                        hint="if it is genuine, raise ingest.max_line_bytes and run `pointline retry`",
                    )
                continue
            waiting[-1] = chunk[:cut]
            block, blank = _split_blank_end(b"".join(waiting))
            waiting, size = [blank + chunk[cut:]], len(blank) + len(chunk) - cut
            if not header_seen:
                header, block = _split_header(block)
                yield header
                header_seen = True
            if block:
                yield block
        last = b"".join(waiting)
        if not header_seen:
            header, last = _split_header(last)
            yield header
        last = last.rstrip(b"\r\n")
        if last:
            yield last + b"\n"

    def _parquet_blocks(self) -> Iterator[bytes]:
        """Yield a Parquet file as the CSV it stands for: the header line, then a block per batch of rows."""
        path, size = self._meta.bronze_file_path, self._meta.file_size_bytes
        try:
            file = pq.ParquetFile(self._file)
            names = file.schema_arrow.names
            if any(set(name) & NOT_IN_A_NAME for name in names):
                raise Rejected(f"{path} has column names that no CSV could have", subject=path, hint="rename them")
            yield ",".join(names).encode()
            total = 0
            for batch in file.iter_batches(batch_size=PARQUET_ROWS):
                total += batch.nbytes
                check_expansion(total, size, path, self._limits)
                yield _as_csv(pl.DataFrame(batch))
        except (ArrowException, PolarsError, PanicException, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise  # the disk's trouble, not the file's
            raise Unfinished(
                f"{path}: not a readable Parquet file ({_one_line(error)})",
                subject=path,
                hint="copy the file again; its columns must be those of the vendor's CSV",
            ) from error

    def _parse_header(self, line: bytes) -> tuple[str, ...]:
        path = self._meta.bronze_file_path
        if line.startswith(UTF16_MARKS) or line[:2].count(0) == 1:
            raise Rejected(f"{path} is UTF-16 text", subject=path, hint="save it as UTF-8")
        line = line.removeprefix(BYTE_ORDER_MARK).strip(b"\r\n")
        if not line:
            return ()
        if len(line) > LONGEST_HEADER_BYTES:
            raise Rejected(f"{path} has a header of {len(line)} bytes", subject=path, hint="is it this vendor's file?")
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


def _as_csv(frame: pl.DataFrame) -> bytes:
    times = [pl.col(name).dt.cast_time_unit("us").to_physical() for name in frame.select(cs.datetime()).columns]
    return frame.with_columns(times).write_csv(include_header=False).encode()


def _split_header(text: bytes) -> tuple[bytes, bytes]:
    line, _, rest = text.partition(b"\n")
    return line, rest


def _split_blank_end(block: bytes) -> tuple[bytes, bytes]:
    """Hold back blank lines: whether they are rows or the end of the file is known when more comes, or nothing."""
    end = block.find(b"\n", len(block.rstrip(b"\r\n"))) + 1
    return block[:end], block[end:]


def _one_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


class FileReader:
    """Opens bronze files; ``open_file`` does so safely (never a FIFO, never outside bronze)."""

    def __init__(self, open_file: Callable[[str], BinaryIO], exists: Callable[[str], bool], limits: Limits) -> None:
        self._open_file = open_file
        self._exists = exists
        self._limits = limits

    def open(self, meta: BronzeFileMetadata) -> FileContent:
        """Open the file and take its content hash. Raises Rejected, Unfinished, Transient."""
        path = meta.bronze_file_path
        with storage_errors(path):
            content = FileContent(self._open_file(path), meta, self._limits)
        try:
            content.take_hash()
        except BaseException:
            content.__exit__()
            raise
        return content

    def content_hash(self, path: str) -> str | None:
        """Return the SHA-256 of the file's content now, or None where it cannot be read."""
        try:
            with self._open_file(path) as file:
                return hashlib.file_digest(cast("BufferedReader", file), "sha256").hexdigest()
        except (OSError, PointlineError):
            return None

    def exists(self, path: str) -> bool:
        """Tell whether a file is at ``path`` (relative to bronze)."""
        return self._exists(path)
