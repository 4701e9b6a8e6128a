"""Bronze files as blocks of CSV lines, read once: the content hash is of the bytes that the lines were made of."""

from __future__ import annotations

import csv
import hashlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader
from typing import BinaryIO, Protocol, Self, cast

from msgspec import Struct

from pointline.errors import ChangedWhileRead, PointlineError, Rejected, Stopping, Unfinished
from pointline.io.content.containers import (
    BYTE_ORDER_MARK,
    SNIFFED_BYTES,
    refuse_container,
    refuse_nul_block,
    shown_bytes,
)
from pointline.io.content.decode import Decoded, Limits, decode
from pointline.io.content.hashed import HashedFile, Version
from pointline.io.content.packed.members import ANY_NAME, Naming
from pointline.io.content.parquet_input import ParquetInput
from pointline.io.decoders.decoder import BLOCK_BYTES
from pointline.io.decoders.known import DECODERS, EMPTY_IS_WHOLE
from pointline.io.protocols import BronzeFileMetadata
from pointline.io.translate import storage_errors
from pointline.parse import text_path
from pointline.phrases import CR_ENDS, CR_HINT, plural

HASH_CHUNK_BYTES = 1 << 20
MOST_COMPANION_BYTES = 4096
"""Of a file that says what another one should be."""
MOST_WAITING_BYTES = 64 << 20
"""Blank lines are held back until it is known whether rows follow; so many of them never make a file."""
MOST_WHOLE_BYTES = 512 << 20
"""A file that is read as a whole. All instruments of a large exchange, with their history, are a few MB."""
PARQUET_MAGIC = b"PAR1"
LINE_END = b"\r\n"
FEW_BYTES = 64


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


class Reading(Struct, frozen=True, kw_only=True):
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
        on_step: Callable[[str], None],
        on_close: Callable[[FileContent], None],
        open_beside: Callable[[str], FileContent | None],
    ) -> None:
        self._on_step = on_step
        self._on_close = on_close
        self._open_beside = open_beside
        self._file = file
        self._meta = meta
        self._limits = limits
        self._version = Version.of(os.fstat(file.fileno()))
        self._hashed = HashedFile(file, self._version.size)
        self._parquet: ParquetInput | None = None
        self._lines: Iterator[bytes] = iter(())
        self._first_line: bytes | None = None
        self._header: tuple[str, ...] | None = None
        self._naming = Naming(ANY_NAME)
        self._says: Mapping[str, str] = {}
        self._content_hash: str | None = None
        self._width = 1
        """Cells of a line, by the first one."""
        self._warnings: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._on_close(self)
        self._file.close()

    @property
    def content_hash(self) -> str:
        """SHA-256 of the file. It is not known before all of the content was read: RuntimeError."""
        if self._content_hash is None:
            raise RuntimeError(f"{self._meta.bronze_file_path} is not read to its end")
        return self._content_hash

    @property
    def warnings(self) -> Mapping[str, int]:
        """What is odd about the file; complete when all of it was read."""
        cut = self._parquet.nanoseconds_cut if self._parquet is not None else 0
        return {**self._warnings, "nanoseconds_cut": cut} if cut else self._warnings

    def _step(self) -> None:
        self._on_step(self._meta.bronze_file_path)

    def reading(self) -> Reading:
        """Tell how far its rows are read, from any thread while the file is open. To take a hash does not count."""
        is_hashed_only = self._meta.bronze_file_path.lower().endswith(".parquet") and self._parquet is None
        read = 0 if is_hashed_only else os.lseek(self._file.fileno(), 0, os.SEEK_CUR)
        return Reading(path=self._meta.bronze_file_path, bytes=self._meta.file_size_bytes, read_bytes=read)

    def check_seen(self) -> None:
        """Raise ChangedWhileRead where the file is not the version that was seen in bronze."""
        if not self._version.is_as_seen(self._meta):
            raise self._changed()

    @property
    def says(self) -> Mapping[str, str]:
        """What a decoded file, or the name of an archive's member, says of all rows; see ``BronzeContent``."""
        return {**self._naming.says, **self._says}

    def first_line(self, member: str = "", decoder: str = "", skip: int = 0) -> bytes:
        """Return the first line as it is in the file, without its end; empty for Parquet and without lines.

        ``member``: a pattern of the name of the one file in an archive that is meant, where others lie beside it.
        ``decoder``: what reads a file that is no text; it has no first line, and the decoder names the columns.
        ``skip``: so many lines before it are left out; see ``BronzeContent``.
        """
        if self._first_line is None:
            path = self._meta.bronze_file_path
            with storage_errors(path):
                if decoder:
                    self._first_line = b""
                    self._open_decoded(decoder, member)
                elif path.lower().endswith(".parquet"):
                    self._first_line = b""
                    self._header = self._open_parquet().names
                else:
                    self._lines = self._line_blocks(member, is_csv=True, skip=skip)
                    self._first_line = next(self._lines, b"").removeprefix(BYTE_ORDER_MARK).strip(LINE_END)
        return self._first_line

    def header(self) -> tuple[str, ...]:
        """Return the column names, separated by commas; empty where the file holds no data at all."""
        line = self.first_line()
        if self._header is None:
            self._header = self._parse_header(line)
        return self._header

    def blocks(self, wanted: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """Yield the data rows as blocks of whole CSV lines, in file order; see ``BronzeContent``."""
        self.first_line()
        with storage_errors(self._meta.bronze_file_path):
            for block in self._lines if self._parquet is None else self._parquet.blocks(wanted):
                self._step()
                yield block
        self._end()

    def lines(self, member: str = "") -> Iterator[bytes]:
        """Yield blocks of whole lines, the first line too, whatever stands in them; see ``BronzeContent``."""
        start = BYTE_ORDER_MARK
        with storage_errors(self._meta.bronze_file_path):
            for block in self._line_blocks(member, is_csv=False):
                self._step()
                yield block.removeprefix(start)
                start = b""
        self._end()

    def beside(self, path: str) -> FileContent | None:
        """Open a file that belongs to this one; see ``BronzeContent``."""
        return self._open_beside(path)

    def whole(self) -> bytes:
        """Return all of the content, decompressed: for files that are not lines of rows."""
        path = self._meta.bronze_file_path
        chunks: list[bytes] = []
        size = 0
        with storage_errors(path):
            content = self._decode()
            is_parquet = path.lower().endswith(".parquet")
            for chunk in content.chunks if is_parquet else self._checked(content, is_csv=False):
                self._step()
                chunks.append(chunk)
                size += len(chunk)
                if size > MOST_WHOLE_BYTES:
                    raise Rejected(
                        f"{path} holds more than {MOST_WHOLE_BYTES} bytes of symbols", subject=path, hint="split it"
                    )
        self._end()
        return b"".join(chunks)

    def _decode(self, member: str = "") -> Decoded:
        """Begin to read the file, decompressed, and take its hash on the way."""
        self._naming = Naming(member)
        return decode(cast("BinaryIO", self._hashed), self._meta.bronze_file_path, self._limits, self._naming)

    def _open_decoded(self, decoder: str, member: str) -> None:
        chunks: Iterator[bytes] = iter(())
        if self._version.size or decoder not in EMPTY_IS_WHOLE:
            chunks = self._decode(member).chunks
        records = DECODERS[decoder](chunks, self._meta.bronze_file_path)
        self._header, self._says, self._lines = records.names, records.says, records.blocks

    def _open_parquet(self) -> ParquetInput:
        """Take the hash, then read the footer: the rows of a Parquet file are not read from first byte to last."""
        path = self._meta.bronze_file_path
        first = self._hashed.read(HASH_CHUNK_BYTES)
        if not first:
            raise Unfinished(f"{path} is empty", subject=path, hint="copy it again")
        if not first.startswith(PARQUET_MAGIC):
            raise Rejected(
                f"{path} is not a Parquet file: it begins with {shown_bytes(first)}",
                subject=path,
                hint="give the file the name of what it is, such as .csv or .csv.gz",
            )
        while self._hashed.read(HASH_CHUNK_BYTES):
            self._step()
        self._file.seek(0)
        self._parquet = ParquetInput(self._file, path, self._limits)
        return self._parquet

    def _end(self) -> None:
        """Keep the hash, if the file is still the version that was opened."""
        with storage_errors(self._meta.bronze_file_path):
            while self._parquet is None and self._hashed.read(HASH_CHUNK_BYTES):
                self._step()
            now = Version.of(os.fstat(self._file.fileno()))
        if now != self._version or self._hashed.bytes_read != self._version.size:
            raise self._changed()
        self._content_hash = self._hashed.hexdigest()

    def _checked(self, content: Decoded, *, is_csv: bool) -> Iterator[bytes]:
        """Yield the chunks, the first one so long that what it begins with tells what it is."""
        start = b""
        for chunk in content.chunks:
            start += chunk
            if len(start) >= SNIFFED_BYTES:
                break
        first = start[:SNIFFED_BYTES]
        if is_csv or content.packed_as or not first.startswith(PARQUET_MAGIC):  # symbols may be Parquet, under any name
            refuse_container(first, self._meta.bronze_file_path, content.packed_as, is_csv=is_csv)
        if start:
            yield start
        yield from content.chunks

    def _line_blocks(self, member: str, *, is_csv: bool, skip: int = 0) -> Iterator[bytes]:
        """Yield blocks of whole lines, of CSV the header line before them; blank lines at the very end are no rows.

        The first ``skip`` lines are left out, of CSV.
        """
        content = self._decode(member)
        waiting: list[bytes] = []
        size = unbroken = offset = 0
        header_seen = not is_csv
        for chunk in self._checked(content, is_csv=is_csv):
            waiting.append(chunk)
            size += len(chunk)
            cut = chunk.rfind(b"\n") + 1
            unbroken = len(chunk) - cut if cut else unbroken + len(chunk)
            if unbroken > self._limits.max_line_bytes or size > MOST_WAITING_BYTES:
                raise self._line_too_long(b"".join(waiting), offset)
            if size < BLOCK_BYTES or not cut or (skip and not header_seen and _line_count(waiting) <= skip):
                continue
            lines = b"".join([*waiting[:-1], chunk[:cut]])  # of nothing but bytes: other threads run meanwhile
            block, rest = _split_blank_end(lines)
            self._check_lines(block, offset)
            offset += len(block)
            if not header_seen and block:
                header, block = _split_header(self._without_first(block, skip))
                self._width = len(text_path.split_cells(text_path.readable(header)))
                yield header
                header_seen = True
            block, still_open = text_path.split_open_row(block, self._width) if is_csv else (block, b"")
            if still_open:
                rest = still_open + rest
                offset -= len(still_open)
            waiting = [rest + chunk[cut:]]
            size = len(waiting[0])
            if block:
                yield block
        last = b"".join(waiting)
        self._check_lines(last, offset)
        if last and not last.endswith(b"\n") and not content.packed_as:
            self._warnings["no_final_line_end"] = 1
        if not header_seen:
            header, last = _split_header(self._without_first(last, skip))
            yield header
        last = last.rstrip(LINE_END)
        if last:
            yield last + b"\n"

    def _without_first(self, text: bytes, skip: int) -> bytes:
        """Leave out the first lines. Raises Rejected where there are no more of them."""
        if not skip or not text:
            return text
        lines = text.split(b"\n", skip)
        if len(lines) <= skip or not lines[skip].strip(LINE_END):
            path = self._meta.bronze_file_path
            what = f"{path} has nothing after the {plural(skip, 'line')} that its feed skips"
            raise Rejected(what, subject=path, hint="is it a whole file, of this kind?")
        return lines[skip]

    def _check_lines(self, block: bytes, offset: int) -> None:
        """Raise Rejected where text is missing or a line is longer than allowed: it covers one of a few places."""
        refuse_nul_block(block, offset, self._meta.bronze_file_path)
        limit = self._limits.max_line_bytes
        for place in range(limit // 2, len(block), limit // 2):
            start, end = block.rfind(b"\n", 0, place) + 1, block.find(b"\n", place)
            if (len(block) if end < 0 else end) - start > limit:
                raise self._line_too_long(block, offset)

    def _line_too_long(self, text: bytes, offset: int) -> Rejected:
        path = self._meta.bronze_file_path
        refuse_nul_block(text, offset, path)
        if not offset and b"\r" in text and b"\n" not in text:
            return Rejected(
                f"{path}: {CR_ENDS}",
                subject=path,
                hint=CR_HINT,
            )
        return Rejected(
            f"{path} has a line of more than {self._limits.max_line_bytes} bytes",
            subject=path,
            hint="if it is genuine, raise ingest.max_line_bytes and run `pointline retry --rule max_line_bytes`",
        )

    def _parse_header(self, line: bytes) -> tuple[str, ...]:
        path = self._meta.bronze_file_path
        if not line:
            return ()
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise Rejected(
                f"{path} does not begin with a CSV header but with {shown_bytes(line)}",
                subject=path,
                hint="look at the file: is it this vendor's?",
            ) from error
        if '"' in text and len(rows := list(csv.reader([text]))) == 1:
            return tuple(rows[0])
        return tuple(cell.strip('"') for cell in text.split(","))

    def _changed(self) -> ChangedWhileRead:
        path = self._meta.bronze_file_path
        return ChangedWhileRead(
            f"{path} changed while it was read", subject=path, hint="nothing to do: it is read again"
        )


def _line_count(texts: list[bytes]) -> int:
    return sum(text.count(b"\n") for text in texts)


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
            last_modified_ts=status.modified_ns // 1000,
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

    def content_hash(self, path: str) -> str | None:
        """Return the SHA-256 of the file's content now, or None where it cannot be read."""
        try:
            with self._source.open(path) as file:
                return hashlib.file_digest(cast("BufferedReader", file), "sha256").hexdigest()
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
