"""A tar archive read as a stream: ustar, with the long names of GNU tar and the records of POSIX pax."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from pointline.io.content.byte_source import ByteSource
from pointline.io.content.containers import TAR, TAR_AT, UNPACK
from pointline.io.content.packed.members import Members, Naming, shown

BLOCK_BYTES = 512
CHECKSUM = slice(148, 156)
OLD_CHECKSUM = re.compile(rb" *([0-7]+)[\0 ]{1,2}")
FILE = {b"0", b"\0", b"7"}
LONG_NAME, LONG_LINK = b"L", b"K"
PAX = {b"x", b"X"}
PAX_FOR_ALL = b"g"
SPARSE, SPARSE_PAX = b"S", "GNU.sparse."
NO_CONTENT = {b"1", b"2", b"3", b"4", b"5", b"6"}
"""Links, devices, directories, pipes: whatever size they say, none of it follows."""
MOST_RECORD_BYTES = 1 << 20
PAX_RECORD = re.compile(rb"(\d{1,9}) ")


def is_tar(first: bytes) -> bool:
    """Tell whether a file that begins so is a tar archive; one older than POSIX is known by its checksum alone."""
    if first[TAR_AT : TAR_AT + len(TAR)] == TAR:
        return True
    digits = OLD_CHECKSUM.fullmatch(first[CHECKSUM])
    return digits is not None and int(digits[1], 8) == _checksum(first[:BLOCK_BYTES])


class _Said(Struct):
    """What records before the header of a member say about it."""

    name: str | None = None
    size: int | None = None
    is_sparse: bool = False


def untarred(source: ByteSource, naming: Naming) -> Iterator[bytes]:
    """Yield the content of the one data member; whether it was the only one is known, and checked, at the end."""
    members = Members(source.path, "tar", naming)
    said = _Said()
    while any(block := source.exactly(BLOCK_BYTES)):
        _check_header(source, block)
        kind, size = block[156:157], _number(source, block[124:136])
        if kind in {LONG_NAME, LONG_LINK, PAX_FOR_ALL} | PAX:
            _read_record(source, kind, size, said)
            continue
        name = _name(block) if said.name is None else said.name
        if kind == SPARSE or said.is_sparse:
            raise members.refused(f"has a file with holes: {shown(name)}", UNPACK)
        # whatever is no file counts as a directory does
        is_read = members.meet(name if kind in FILE else name.rstrip("/") + "/")
        size = 0 if kind in NO_CONTENT else size if said.size is None else said.size
        for piece in source.pieces(size):
            if is_read:
                yield piece
        source.exactly(-size % BLOCK_BYTES)
        said = _Said()
    if not source.is_zero_to_the_end():
        raise source.bytes_behind()
    if source.taken % BLOCK_BYTES:
        raise source.cut("tar ends within a block")
    members.check_one()


def _check_header(source: ByteSource, block: bytes) -> None:
    if _checksum(block) != _number(source, block[CHECKSUM]):
        raise source.cut(f"tar is damaged: the header before byte {source.taken} fails its checksum")


def _checksum(block: bytes) -> int:
    return sum(block) - sum(block[CHECKSUM]) + 8 * ord(" ")


def _number(source: ByteSource, digits: bytes) -> int:
    """Return a number in octal digits or, where they are too few for it, as GNU tar and others write it."""
    if digits[0] == 0x80:
        return int.from_bytes(digits[1:], "big")
    try:
        return int(digits.strip(b"\0 ") or b"0", 8)
    except ValueError as error:
        raise source.cut(f"tar is damaged: the header before byte {source.taken} has no number") from error


def _name(block: bytes) -> str:
    name = _text(block[:100])
    prefix = _text(block[345:500]) if block[TAR_AT:].startswith(TAR + b"\0") else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _read_record(source: ByteSource, kind: bytes, size: int, said: _Said) -> None:
    if size > MOST_RECORD_BYTES:
        raise source.cut(f"tar is damaged: a record of {size} bytes stands before byte {source.taken}")
    data = source.exactly(size)
    source.exactly(-size % BLOCK_BYTES)
    if kind == LONG_NAME:
        said.name = _text(data)
    while kind in PAX and data:
        length = PAX_RECORD.match(data)
        if length is None or not length.end() < int(length[1]) <= len(data):
            raise source.cut(f"tar is damaged: the pax record before byte {source.taken} cannot be read")
        key, _, value = data[length.end() : int(length[1])].removesuffix(b"\n").partition(b"=")
        data = data[int(length[1]) :]
        _say(source, key.decode("utf-8", "backslashreplace"), value, said)


def _say(source: ByteSource, key: str, value: bytes, said: _Said) -> None:
    if key == "path":
        said.name = _text(value)
    elif key == "size":
        if not value.isdigit():
            raise source.cut(f"tar is damaged: the pax record before byte {source.taken} has no size")
        said.size = int(value)
    elif key.startswith(SPARSE_PAX):
        said.is_sparse = True
