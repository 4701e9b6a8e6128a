"""The directory at the end of a zip archive, which has to say what was streamed before it."""

from __future__ import annotations

import struct
import zlib

from pointline.errors import Rejected
from pointline.io.content.byte_source import ByteSource
from pointline.io.content.packed.members import Members

CENTRAL_MARK = b"PK\x01\x02"
CENTRAL = struct.Struct("<4x12xIIIHHH8xI")
WIDE_END_MARK, WIDE_PLACE_MARK, END_MARK = b"PK\x06\x06", b"PK\x06\x07", b"PK\x05\x06"
WIDE_END = struct.Struct("<4xQ4xIIQQQQ")
WIDE_PLACE = struct.Struct("<4xIQI")
END = struct.Struct("<4xHHHHIIH")
WIDE_SIZES = 1
"""The extra field with sizes of 8 bytes each, of which there are only those that need them."""
SHORT_NO_SIZE, NO_SIZE = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
NO_COUNT = 0xFFFF
MARK_BYTES = 4
WIDE_END_COUNTED_FROM = 12
MOST_END_BYTES = 1 << 16
AGAIN = "download it again, or unpack it and put the .csv or .csv.gz in its place"


def sizes_of(source: ByteSource, extra: bytes, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes (and the offset) of a member, those that need 8 bytes taken from the extra field."""
    if SHORT_NO_SIZE not in sizes:
        return sizes
    while len(extra) >= MARK_BYTES:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == WIDE_SIZES:
            wide = extra[MARK_BYTES : MARK_BYTES + size]
            count = sizes.count(SHORT_NO_SIZE)
            if len(wide) < 8 * count:
                break
            found = iter(struct.unpack_from(f"<{count}Q", wide))
            return tuple(next(found) if one == SHORT_NO_SIZE else one for one in sizes)
        extra = extra[MARK_BYTES + size :]
    raise source.cut(f"zip is damaged before byte {source.taken}: a member has no size")


class Directory:
    """What the members were, by where each began; then compared with what the archive says at its end."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._seen: dict[int, tuple[int, int, int, int]] = {}

    def add(self, begin: int, name: bytes, crc: int, packed_bytes: int, size_bytes: int) -> None:
        """Note a member."""
        self._seen[begin] = (zlib.crc32(name), crc, packed_bytes, size_bytes)

    def check(self, source: ByteSource) -> None:
        """Read to the end of the file. Raises Unfinished where it ends early, Rejected where it says otherwise."""
        begin, count = source.taken, len(self._seen)
        while (mark := source.peek(MARK_BYTES)) == CENTRAL_MARK:
            self._check_member(source)
        size = source.taken - begin
        told = None
        if mark == WIDE_END_MARK:
            told = self._read_wide_end(source)
            mark = source.peek(MARK_BYTES)
        if mark != END_MARK:
            ends = len(mark) < MARK_BYTES
            raise source.cut("zip ends before its end mark" if ends else f"zip is damaged at byte {source.taken}")
        if self._seen:
            raise self._differs(f"does not list {len(self._seen)} of the {count} members that are in it")
        self._check_end(source, (count, size, begin), told)
        if source.more():
            raise source.bytes_behind()

    def _check_member(self, source: ByteSource) -> None:
        crc, packed, size, name_bytes, extra_bytes, comment_bytes, begin = CENTRAL.unpack(source.exactly(CENTRAL.size))
        name = source.exactly(name_bytes)
        size, packed, begin = sizes_of(source, source.exactly(extra_bytes), (size, packed, begin))
        source.exactly(comment_bytes)
        seen = self._seen.pop(begin, None)
        if seen is None:
            raise self._differs(f"lists a member at byte {begin}, where none begins")
        if seen != (zlib.crc32(name), crc, packed, size):
            raise self._differs(f"lists another member at byte {begin} than the one that is there")

    def _read_wide_end(self, source: ByteSource) -> tuple[int, int, int]:
        at = source.taken
        length, disk, first_disk, here, count, size, begin = WIDE_END.unpack(source.exactly(WIDE_END.size))
        rest = length + WIDE_END_COUNTED_FROM - WIDE_END.size
        if not 0 <= rest <= MOST_END_BYTES or disk or first_disk or here != count:
            raise source.cut(f"zip is damaged at byte {at}")
        source.exactly(rest)
        if source.peek(MARK_BYTES) == WIDE_PLACE_MARK and WIDE_PLACE.unpack(source.exactly(WIDE_PLACE.size))[1] != at:
            raise self._differs(f"does not have its end at byte {at}, where it is")
        return count, size, begin

    def _check_end(self, source: ByteSource, found: tuple[int, int, int], wide: tuple[int, int, int] | None) -> None:
        disk, first_disk, here, *told, comment_bytes = END.unpack(source.exactly(END.size))
        source.exactly(comment_bytes)
        if (disk and disk != NO_COUNT) or (first_disk and first_disk != NO_COUNT) or here != told[0]:
            raise self._members.refused("is one part of several", "put the parts together, unpack them")
        if wide is not None:
            limits = (NO_COUNT, SHORT_NO_SIZE, SHORT_NO_SIZE)
            told = [long if short == limit else short for short, limit, long in zip(told, limits, wide, strict=True)]
        if tuple(told) != found:
            raise self._differs(f"is said to be {_said(tuple(told))}, and is {_said(found)}")

    def _differs(self, what: str) -> Rejected:
        return self._members.refused(f"contradicts itself: its directory {what}", AGAIN)


def _said(end: tuple[int, ...]) -> str:
    count, size, begin = end
    return f"of {count} members in {size} bytes at byte {begin}"
