"""Decompression with limits: gzip and zstd streams as chunks of bytes, checked to their end."""

from __future__ import annotations

import io
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
READ_BYTES = 1 << 20
"""Measured with two threads: calls on 64 KiB each spend half their time waiting for the interpreter."""
MOST_OUT_BYTES = 1 << 22
GZIP_WRAPPED = 31
FREE_BYTES = 64 << 20
"""Expansion is not judged before this many bytes: small files of equal rows are no attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may cost. ``max_line_bytes`` bounds memory, ``max_expansion_ratio`` refuses decompression bombs."""

    max_expansion_ratio: float
    max_line_bytes: int


def decoded(file: BinaryIO, path: str, limits: Limits) -> Iterator[bytes]:
    """Yield the content of ``file``, decompressed by what its first bytes say it is.

    Raises Unfinished where a stream ends early or fails its checksum, Rejected where bytes follow it or it expands
    beyond the limit.
    """
    first = file.read(READ_BYTES)
    if not first:
        raise Unfinished(f"{path} is empty", subject=path, hint="copy it again; an empty day is an empty gzip")
    if first.startswith(GZIP_MAGIC):
        chunks = _gunzip(file, first, path)
    elif GZIP_MAGIC.startswith(first):
        raise _cut(path, "gzip ends in its first bytes")
    elif first.startswith(ZSTD_MAGIC):
        chunks = _unzstd(file, path)
    else:
        chunks = _plain(file, first)
    return _limited(chunks, file, path, limits)


def _plain(file: BinaryIO, first: bytes) -> Iterator[bytes]:
    yield first
    while chunk := file.read(READ_BYTES):
        yield chunk


def _gunzip(file: BinaryIO, first: bytes, path: str) -> Iterator[bytes]:
    stream: Any = inflate.decompressobj(GZIP_WRAPPED)
    pending = first
    while True:
        try:
            out = stream.decompress(pending, MOST_OUT_BYTES)
        except Exception as error:  # isal and zlib share no base class for a stream that does not decode
            raise _cut(path, f"gzip does not decode ({error})") from error
        if out:
            yield out
        if stream.eof:
            pending = stream.unused_data or file.read(READ_BYTES)
            if not pending:
                return
            if not pending.startswith(GZIP_MAGIC[: len(pending)]):
                raise Rejected(
                    f"{path}: bytes follow the end of the gzip stream", subject=path, hint="download the file again"
                )
            stream = inflate.decompressobj(GZIP_WRAPPED)
            continue
        pending = stream.unconsumed_tail or (file.read(READ_BYTES) if len(out) < MOST_OUT_BYTES else b"")
        if not pending and not out:
            raise _cut(path, "gzip ends before its end mark")


def _unzstd(file: BinaryIO, path: str) -> Iterator[bytes]:
    file.seek(0)
    try:
        with pa.CompressedInputStream(pa.PythonFile(_Borrowed(file), mode="r"), "zstd") as stream:
            while chunk := stream.read(MOST_OUT_BYTES):
                yield chunk
    except (OSError, pa.ArrowException) as error:
        raise _cut(path, f"zstd does not decode ({error})") from error


class _Borrowed(io.RawIOBase):
    """A file that stays open when Arrow closes what it has read from."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


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
