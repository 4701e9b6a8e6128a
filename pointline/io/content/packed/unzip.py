"""A zip archive read as a stream, from its first byte to its last: nothing is looked up in it and nothing is unpacked.

Layout: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from msgspec import Struct

from pointline.io.content.byte_source import ByteSource
from pointline.io.content.containers import UNPACK, shown_bytes
from pointline.io.content.expansion import Expansion
from pointline.io.content.packed.members import Members, Naming, shown
from pointline.io.content.packed.streams import LEAST_FED_BYTES, RAW, crc32, inflated
from pointline.io.content.packed.zip_directory import CENTRAL_MARK, NO_SIZE, SHORT_NO_SIZE, Directory, sizes_of

LOCAL_MARK = b"PK\x03\x04"
LOCAL = struct.Struct("<4x2xHH4xIIIHH")
DESCRIPTOR_MARK = b"PK\x07\x08"
DESCRIPTORS = tuple((mark, struct.Struct(form)) for mark in (DESCRIPTOR_MARK, b"") for form in ("<IQQ", "<III"))
MARK_BYTES = 4
LONGEST_DESCRIPTOR_BYTES = 24
STORED, DEFLATED = 0, 8
METHODS = {
    1: "shrink",
    6: "implode",
    9: "deflate64",
    12: "bzip2",
    14: "LZMA",
    20: "zstd",
    93: "zstd",
    95: "xz",
    98: "PPMd",
    99: "AES encryption",
}
ENCRYPTED, DESCRIBED_BEHIND, UTF8 = 1, 1 << 3, 1 << 11


class _Header(Struct, frozen=True, kw_only=True):
    name: bytes
    text: str
    flags: int
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int

    @property
    def knows_sizes(self) -> bool:
        return not self.flags & DESCRIBED_BEHIND or self.packed_bytes > 0


class _Seen(Struct):
    """What was streamed of a member."""

    crc: int = 0
    packed_bytes: int = 0
    size_bytes: int = 0

    def add(self, data: bytes) -> None:
        self.crc = crc32(data, self.crc)
        self.size_bytes += len(data)


def unzipped(source: ByteSource, expansion: Expansion, naming: Naming) -> Iterator[bytes]:
    """Yield the content of the one data member; whether it was the only one is known, and checked, at the end."""
    members = Members(source.path, "zip", naming)
    directory = Directory(members)
    while (mark := source.peek(MARK_BYTES)) == LOCAL_MARK:
        begin = source.taken
        header = _read_header(source)
        seen = _Seen()
        if members.meet(header.text):
            _check_readable(header, members)
            yield from _content(source, header, seen)
        elif not header.flags & DESCRIBED_BEHIND:
            for _ in source.pieces(header.packed_bytes):
                pass
            seen = _Seen(header.crc, header.packed_bytes, header.size_bytes)
        else:
            _check_readable(header, members)
            for chunk in _content(source, header, seen):
                expansion.add(len(chunk))
        if header.flags & DESCRIBED_BEHIND:
            _take_descriptor(source, header, seen)
        directory.add(begin, header.name, seen.crc, seen.packed_bytes, seen.size_bytes)
    if mark != CENTRAL_MARK and len(mark) == MARK_BYTES:
        raise source.cut(f"zip is damaged at byte {source.taken}: no member begins there, but {shown_bytes(mark)}")
    directory.check(source)
    members.check_one()


def _read_header(source: ByteSource) -> _Header:
    flags, method, crc, packed, size, name_bytes, extra_bytes = LOCAL.unpack(source.exactly(LOCAL.size))
    name = source.exactly(name_bytes)
    size, packed = sizes_of(source, source.exactly(extra_bytes), (size, packed))
    return _Header(
        name=name,
        text=name.decode("utf-8", "backslashreplace") if flags & UTF8 else name.decode("cp437"),
        flags=flags,
        method=method,
        crc=crc,
        packed_bytes=packed,
        size_bytes=size,
    )


def _check_readable(header: _Header, members: Members) -> None:
    if header.flags & ENCRYPTED:
        raise members.refused(f"is encrypted: {shown(header.text)} needs a password", UNPACK)
    if header.method not in {STORED, DEFLATED}:
        method = METHODS.get(header.method, f"method {header.method}")
        raise members.refused(f"is packed with {method}: {shown(header.text)} is not stored or deflated", UNPACK)


def _content(source: ByteSource, header: _Header, seen: _Seen) -> Iterator[bytes]:
    """Yield the content of a member, which has to be what its header says, where it says anything."""
    begin = source.taken
    most = header.packed_bytes if header.knows_sizes else None
    chunks = (
        inflated(source, LEAST_FED_BYTES if most is None else min(most, source.read_bytes), window_bits=RAW, most=most)
        if header.method == DEFLATED
        else source.pieces(header.packed_bytes)
        if header.knows_sizes
        else _stored_until_descriptor(source, seen)
    )
    for chunk in chunks:
        seen.add(chunk)
        yield chunk
    seen.packed_bytes = source.taken - begin
    told = _Seen(header.crc, header.packed_bytes, header.size_bytes)
    if not header.flags & DESCRIBED_BEHIND and seen != told:
        raise source.cut(f"zip fails its checksum: {shown(header.text)} is not what it was when it was packed")


def _stored_until_descriptor(source: ByteSource, seen: _Seen) -> Iterator[bytes]:
    """Yield stored bytes up to the descriptor that has their own checksum and size, which no other place has."""
    while True:
        if _descriptor_bytes(source, seen, packed_bytes=seen.size_bytes, marked=True):
            return
        data = bytes(source.take(source.read_bytes))
        if not data:
            raise source.cut("zip ends before its end mark")
        at = data.find(DESCRIPTOR_MARK, 1)
        if at < 0:  # it may begin in the last bytes
            at = max(len(data) - MARK_BYTES + 1, 1)
        source.give_back(len(data) - at)
        yield data[:at]


def _take_descriptor(source: ByteSource, header: _Header, seen: _Seen) -> None:
    size = _descriptor_bytes(source, seen, packed_bytes=seen.packed_bytes)
    if not size:
        if len(source.peek(LONGEST_DESCRIPTOR_BYTES + MARK_BYTES)) < LONGEST_DESCRIPTOR_BYTES + MARK_BYTES:
            raise source.cut("zip ends before its end mark")
        raise source.cut(f"zip fails its checksum: {shown(header.text)} is not what it was when it was packed")
    source.exactly(size)


def _descriptor_bytes(source: ByteSource, seen: _Seen, *, packed_bytes: int, marked: bool = False) -> int:
    """Return how long the descriptor is that comes next and says what was seen; 0 where there is none.

    Writers differ: with a mark or without, sizes of 8 bytes or of 4. What was seen tells which, with what follows.
    """
    head = source.peek(LONGEST_DESCRIPTOR_BYTES + MARK_BYTES)
    for mark, form in DESCRIPTORS[:2] if marked else DESCRIPTORS:
        end = len(mark) + form.size
        if not head.startswith(mark) or head[end : end + MARK_BYTES] not in {LOCAL_MARK, CENTRAL_MARK}:
            continue
        most = SHORT_NO_SIZE if form.size == 12 else NO_SIZE
        crc, packed, size = form.unpack_from(head, len(mark))
        if (crc, packed, size) == (seen.crc, packed_bytes & most, seen.size_bytes & most):
            return end
    return 0
