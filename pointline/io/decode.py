"""Decompression with limits: gzip and zstd streams as chunks of bytes, checked to their end."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa

from pointline.errors import Rejected, Unfinished

try:
    from isal import isal_zlib as inflate  # twice as fast as zlib here: 0.19 s against 0.51 s for 87 MB of CSV
except ImportError:  # no wheel for this machine
    inflate = zlib  # type: ignore[misc]

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""A zstd frame that holds no content, such as the index of a seekable file; others follow it."""
WINDOW_WORDS = ("too much memory", "window")
READ_BYTES = 1 << 20
"""Measured with two threads: calls on 64 KiB each spend half their time waiting for the interpreter."""
MOST_OUT_BYTES = 1 << 22
LEAST_FED_BYTES = 256
"""Of what is fed to a gzip member, the rest is copied when it ends: members may be smaller than a read by far."""
GZIP_WRAPPED = 31
FREE_BYTES = 64 << 20
"""Expansion is not judged before this many bytes: small files of equal rows are no attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may cost. ``max_line_bytes`` bounds memory, ``max_expansion_ratio`` refuses decompression bombs."""

    max_expansion_ratio: float
    max_line_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The content of a file: what it was packed as (gzip, zstd, or nothing), and its bytes in chunks."""

    packed_as: str
    chunks: Iterator[bytes]


def decoded(file: BinaryIO, path: str, limits: Limits) -> Iterator[bytes]:
    """Yield the content of ``file``, decompressed; see ``decode``."""
    return decode(file, path, limits).chunks


def decode(file: BinaryIO, path: str, limits: Limits) -> Decoded:
    """Read ``file`` from its first byte to its last, decompressed by what its first bytes say it is.

    Raises Unfinished where a stream ends early or fails its checksum, Rejected where bytes follow it or it expands
    beyond the limit.
    """
    first = file.read(READ_BYTES)
    if not first:
        raise Unfinished(f"{path} is empty", subject=path, hint="copy it again; an empty day is an empty gzip")
    packed_as = ""
    if first.startswith(GZIP_MAGIC):
        packed_as, chunks = "gzip", _gunzip(file, first, path)
    elif GZIP_MAGIC.startswith(first):
        raise _cut(path, "gzip ends in its first bytes")
    elif first.startswith(ZSTD_MAGIC) or SKIPPABLE.match(first):
        packed_as, chunks = "zstd", _unzstd(file, first, path)
    else:
        chunks = _plain(file, first)
    return Decoded(packed_as=packed_as, chunks=_limited(chunks, file, path, limits))


def _plain(file: BinaryIO, first: bytes) -> Iterator[bytes]:
    yield first
    while chunk := file.read(READ_BYTES):
        yield chunk


def _gunzip(file: BinaryIO, first: bytes, path: str) -> Iterator[bytes]:
    """Yield the content of all members. Zeros after the last one are padding, as of a tape or a reserved file."""
    source, fed = _Source(file, first), READ_BYTES
    while source.more():
        start = source.next_bytes(len(GZIP_MAGIC))
        if source.taken and start.startswith(b"\0"):
            if source.is_zero_to_the_end():
                return
            raise _behind_gzip(path)
        if not GZIP_MAGIC.startswith(start):
            raise _behind_gzip(path)
        before = source.taken
        yield from _member(source, fed, path)
        fed = min(max(2 * (source.taken - before), LEAST_FED_BYTES), READ_BYTES)


def _member(source: _Source, fed: int, path: str) -> Iterator[bytes]:
    stream: Any = inflate.decompressobj(GZIP_WRAPPED)
    pending: bytes | memoryview = b""
    is_full = False
    while True:
        if not pending and not is_full:
            pending, fed = source.take(fed), min(fed * 2, READ_BYTES)
        try:
            out = stream.decompress(pending, MOST_OUT_BYTES)
        except Exception as error:  # isal and zlib share no base class for a stream that does not decode
            raise _cut(path, f"gzip does not decode ({error})") from error
        if out:
            yield out
        if stream.eof:
            source.give_back(len(stream.unused_data))
            return
        if not pending and not out:
            raise _cut(path, "gzip ends before its end mark")
        pending, is_full = stream.unconsumed_tail, len(out) == MOST_OUT_BYTES


class _Source:
    """The bytes of a file in order, some of which may be given back."""

    def __init__(self, file: BinaryIO, first: bytes) -> None:
        self._file = file
        self._chunk = memoryview(first)
        self._at = 0
        self.taken = 0

    def more(self) -> bool:
        """Tell whether there is another byte."""
        if self._at == len(self._chunk):
            self._chunk, self._at = memoryview(self._file.read(READ_BYTES)), 0
        return self._at < len(self._chunk)

    def take(self, size: int) -> memoryview:
        """Return the next bytes, at most ``size``; none at the end of the file."""
        self.more()
        taken = self._chunk[self._at : self._at + size]
        self._at += len(taken)
        self.taken += len(taken)
        return taken

    def give_back(self, size: int) -> None:
        """Make the last ``size`` bytes of what ``take`` returned the next ones again."""
        self._at -= size
        self.taken -= size

    def next_bytes(self, size: int) -> bytes:
        """Return the next bytes without taking them; they may be fewer where a read ended."""
        return bytes(self._chunk[self._at : self._at + size])

    def is_zero_to_the_end(self) -> bool:
        """Take all that is left; tell whether every byte of it is 0."""
        while chunk := bytes(self.take(READ_BYTES)):
            if chunk.count(0) != len(chunk):
                return False
        return True


def _behind_gzip(path: str) -> Rejected:
    return Rejected(f"{path}: bytes follow the end of the gzip stream", subject=path, hint="download the file again")


def _unzstd(file: BinaryIO, first: bytes, path: str) -> Iterator[bytes]:
    try:
        with pa.CompressedInputStream(pa.PythonFile(_Borrowed(file, first), mode="r"), "zstd") as stream:
            while chunk := stream.read(MOST_OUT_BYTES):
                yield chunk
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's trouble, not the file's
        if any(word in str(error).lower() for word in WINDOW_WORDS):
            raise Rejected(
                f"{path}: its zstd window is too large ({error})",
                subject=path,
                hint="compress it again without --long and --ultra: a window of up to 128 MiB can be read",
            ) from error
        raise _cut(path, f"zstd does not decode ({error})") from error


class _Borrowed(io.RawIOBase):
    """A file that stays open when Arrow closes what it has read from; ``first`` was read from it already."""

    def __init__(self, file: BinaryIO, first: bytes) -> None:
        super().__init__()
        self._file = file
        self._first = first

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._first:
            return self._file.read(size)
        end = len(self._first) if size < 0 else size
        data, self._first = self._first[:end], self._first[end:]
        return data


def _cut(path: str, what: str) -> Unfinished:
    return Unfinished(f"{path}: {what}", subject=path, hint="copy or download the file again")


def _limited(chunks: Iterator[bytes], file: BinaryIO, path: str, limits: Limits) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        check_expansion(total, file.tell(), path, limits)
        yield chunk


def check_expansion(decoded_bytes: int, read_bytes: int, path: str, limits: Limits) -> None:
    """Raise Rejected where so few bytes of a file have become so many."""
    if decoded_bytes > FREE_BYTES and decoded_bytes > limits.max_expansion_ratio * read_bytes:
        raise Rejected(
            f"{path} expands more than {limits.max_expansion_ratio:g} times",
            subject=path,
            hint="if the file is genuine, raise ingest.max_expansion_ratio and run `pointline retry`",
        )
