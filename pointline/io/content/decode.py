"""Decompression with limits: what a file is packed as is told by its first bytes, and it is read to its last."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO

import pyarrow as pa
from msgspec import Struct

from pointline.errors import Rejected, Unfinished
from pointline.io.content.byte_source import ByteSource, cut
from pointline.io.content.expansion import FREE_BYTES, Expansion, Limits, check_expansion
from pointline.io.content.packed.members import ANY_NAME, Naming
from pointline.io.content.packed.streams import BZIP2, GZIP, LZMA, MOST_OUT_BYTES, XZ, Streams, read_streams, small_gzip
from pointline.io.content.packed.untar import BLOCK_BYTES, is_tar, untarred
from pointline.io.content.packed.unzip import LOCAL_MARK, unzipped
from pointline.phrases import AGAIN

__all__ = ["FREE_BYTES", "Decoded", "Limits", "check_expansion", "decode", "decoded"]

HINT_EMPTY = f"{AGAIN}; a vendor marks a day without data by a gzip with nothing in it"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""A zstd frame that holds no content, such as the index of a seekable file; others follow it."""
LZ4_MAGIC = b"\x04\x22\x4d\x18"
BZIP2_START = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
LZMA_START = re.compile(rb"\x5d\0\0.[\0-\x08](?:\xff{8}|.{5}\0\0\0)\0", re.DOTALL)
"""The usual properties, a dictionary of up to 128 MiB, the size or none, and the first byte of the coder: always 0."""
CUT_STARTS = (
    (GZIP.magic, GZIP.name),
    (LOCAL_MARK, "zip"),
    (XZ.magic, XZ.name),
    (ZSTD_MAGIC, "zstd"),
    (LZ4_MAGIC, "lz4"),
    (LZMA.magic, LZMA.name),
    *((b"BZh%d%b" % (level, mark), BZIP2.name) for level in range(1, 10) for mark in (b"1AY&SY", b"\x17rE8P\x90")),
)
"""A file that is no longer than this may be the start of anything; the first that fits is said."""
LONGEST_START_BYTES = max(len(magic) for magic, _ in CUT_STARTS)
LZMA_START_BYTES = 14
TARRED = {"": "tar", "gzip": "tar.gz", "bzip2": "tar.bz2", "zstd": "tar.zst"}
WINDOW_WORDS = ("too much memory", "window")
READ_BYTES = 1 << 20
"""Measured with two threads: calls on 64 KiB each spend half their time waiting for the interpreter."""


class Decoded(Struct, frozen=True, kw_only=True):
    """The content of a file: what it was packed as (gzip, zip, tar.gz, …, or nothing), and its bytes in chunks."""

    packed_as: str
    chunks: Iterator[bytes]


def decoded(file: BinaryIO, path: str, limits: Limits) -> Iterator[bytes]:
    """Yield the content of ``file``, decompressed; see ``decode``."""
    return decode(file, path, limits).chunks


def decode(file: BinaryIO, path: str, limits: Limits, naming: Naming | None = None) -> Decoded:
    """Read ``file`` from its first byte to its last, decompressed by what its first bytes say it is.

    Of an archive it is the content of its one data member, as ``naming`` says; what the member's name says is known
    there when the first chunk is.

    Raises Unfinished where a stream ends early or fails its checksum, Rejected where bytes follow it, it expands
    beyond the limit, or an archive is not of one data member.
    """
    naming = naming or Naming(ANY_NAME)
    first = _start(lambda: file.read(READ_BYTES))
    if not first:
        raise Unfinished(f"{path} is empty", subject=path, hint=HINT_EMPTY)
    expansion = Expansion(file, path, limits)
    if len(first) < READ_BYTES and first.startswith(GZIP.magic) and (content := small_gzip(first)):
        rest = file.read(READ_BYTES)
        if not rest and not is_tar(content):  # one file in two is all there is, and small
            expansion.add(len(content))
            return Decoded(packed_as=GZIP.name, chunks=iter((content,)))
        first += rest
    if first.startswith(LOCAL_MARK):
        zipped = unzipped(_source(lambda: file.read(READ_BYTES), first, path, "zip"), expansion, naming)
        return Decoded(packed_as="zip", chunks=expansion.counted(zipped))
    packed_as, chunks = _decompressed(file, first, path)
    chunks = expansion.counted(chunks)
    start = _start(lambda: next((chunk for chunk in chunks if chunk), b""))
    if is_tar(start):
        tarred = _source(lambda: next((chunk for chunk in chunks if chunk), b""), start, path, "tar")
        return Decoded(packed_as=TARRED.get(packed_as, f"tar.{packed_as}"), chunks=untarred(tarred, naming))
    return Decoded(packed_as=packed_as, chunks=chain((start,) if start else (), chunks))


def _start(read: Callable[[], bytes]) -> bytes:
    """Return what comes first, so much of it that it tells what it is; less only where that is all."""
    start = read()
    while len(start) < BLOCK_BYTES and (more := read()):
        start += more
    return start


def _source(read: Callable[[], bytes], first: bytes, path: str, name: str) -> ByteSource:
    return ByteSource(read, first, path=path, name=name, read_bytes=READ_BYTES)


def _decompressed(file: BinaryIO, first: bytes, path: str) -> tuple[str, Iterator[bytes]]:
    for magic, name in CUT_STARTS if len(first) < LONGEST_START_BYTES else ():
        if len(first) < len(magic) and magic.startswith(first):
            raise cut(path, f"{name} ends in its first bytes")
    if first.startswith(ZSTD_MAGIC) or SKIPPABLE.match(first):
        return "zstd", _through_arrow(file, first, path, "zstd")
    if first.startswith(LZ4_MAGIC):
        return "lz4", _through_arrow(file, first, path, "lz4")
    if (kind := _streams(first, path)) is not None:
        return kind.name, read_streams(_source(lambda: file.read(READ_BYTES), first, path, kind.name), kind)
    return "", _plain(file, first)


def _streams(first: bytes, path: str) -> Streams | None:
    if first.startswith(GZIP.magic):
        return GZIP
    if first.startswith(XZ.magic):
        return XZ
    if BZIP2_START.match(first):
        return BZIP2
    if first.startswith(LZMA.magic) and len(first) < LZMA_START_BYTES:
        raise cut(path, "lzma ends in its first bytes")
    return LZMA if LZMA_START.match(first) else None


def _plain(file: BinaryIO, first: bytes) -> Iterator[bytes]:
    yield first
    while chunk := file.read(READ_BYTES):
        yield chunk


def _through_arrow(file: BinaryIO, first: bytes, path: str, name: str) -> Iterator[bytes]:
    try:
        with pa.CompressedInputStream(pa.PythonFile(_Borrowed(file, first), mode="r"), name) as stream:
            while chunk := stream.read(MOST_OUT_BYTES):
                yield chunk
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's trouble, not the file's
        if any(word in str(error).lower() for word in WINDOW_WORDS):
            raise Rejected(
                f"{path}: its {name} window is too large ({error})",
                subject=path,
                hint="compress it again without --long and --ultra: a window of up to 128 MiB can be read",
            ) from error
        raise cut(path, f"{name} does not decode ({error})") from error


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
