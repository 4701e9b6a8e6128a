"""One bronze file as header and blocks of CSV lines, read once: its hash is of the bytes that these were made of."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Self, cast

from msgspec import Struct

from pointline.errors import ChangedWhileRead, Rejected, Unfinished
from pointline.io.content.containers import BYTE_ORDER_MARK, SNIFFED_BYTES, refuse_container, shown_bytes
from pointline.io.content.decode import Decoded, Limits, decode
from pointline.io.content.hashed import HashedFile, Version
from pointline.io.content.line_blocks import LINE_END, LineCutter
from pointline.io.content.packed.members import ANY_NAME, Naming
from pointline.io.content.parquet_input import ParquetInput
from pointline.io.decoders.known import DECODERS, EMPTY_IS_WHOLE
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.io.translate import storage_errors
from pointline.phrases import BLANK_HINT, BLANK_START

HASH_CHUNK_BYTES = 1 << 20
MOST_WHOLE_BYTES = 512 << 20
"""A file that is read as a whole. All instruments of a large exchange, with their history, are a few MB."""
PARQUET_MAGIC = b"PAR1"


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
        self.is_packed = False
        self._naming = Naming(ANY_NAME)
        self._says: Mapping[str, str] = {}
        self._content_hash: str | None = None
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

    def first_line(self, member: str = "", decoder: str = "", skip: int = 0, separator: str = ",") -> bytes:
        """Return the first line as it is in the file, without its end; empty for Parquet, and where no line has text.

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
                    self._lines = self._line_blocks(member, is_csv=True, skip=skip, separator=separator)
                    self._first_line = next(self._lines, b"").removeprefix(BYTE_ORDER_MARK).strip(LINE_END)
                    if not self._first_line and any(block.strip() for block in self._lines):
                        raise Rejected(f"{path}: {BLANK_START}", subject=path, hint=BLANK_HINT)
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

    def _line_blocks(self, member: str, *, is_csv: bool, skip: int = 0, separator: str = ",") -> Iterator[bytes]:
        content = self._decode(member)
        chunks, self.is_packed = self._checked(content, is_csv=is_csv), bool(content.packed_as)
        cutter = LineCutter(self._meta.bronze_file_path, self._limits.max_line_bytes, self._warnings, separator)
        return cutter.blocks(chunks, is_csv=is_csv, is_packed=self.is_packed, skip=skip)

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
