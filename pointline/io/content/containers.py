"""Files that are something else than their name says, told by their first bytes, and what to do about each."""

from __future__ import annotations

import re

from pointline.errors import Rejected

SNIFFED_BYTES = 512
SHOWN_BYTES = 12
NUL_BLOCK = b"\0" * 16
"""So many NUL bytes in a row are no text: a block that was never written. A single one is a bad cell."""
UNPACK = "unpack it and put the .csv or .csv.gz in its place"
CONVERT = "write its rows as CSV or Parquet and put that in its place"
NAME_DBN = "give it the name that the vendor gives, such as glbx-mdp3-20240101.trades.dbn.zst"
ANSWER = "download the file again: a server sent this instead of it"
LINES = """download the file again if a server sent this instead of it; if it is lines of JSON, describe it with \
`decoder = "json"`: `pointline vendors help`"""
NAME_PARQUET = "if files of its kind may be Parquet, give it a name that ends in .parquet; else write it again as CSV"
MAGICS = (
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"PK\x05\x06", "an empty zip archive", "download the file again"),
    (b"PK\x07\x08", "one part of a split zip archive", "put its parts together, " + UNPACK),
    (b"PK00PK", "a zip archive that was to be split", UNPACK),
    (b"MZ\x90\0", "a Windows program, such as an archive that unpacks itself", UNPACK),
    (b"\x7fELF", "a program, such as an archive that unpacks itself", UNPACK),
    (b"BZh", "bzip2", UNPACK),
    (b"\xfd7zXZ\0", "xz", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a rar archive", UNPACK),
    (b"\x1f\x8b", "gzip", UNPACK),
    (b"\x28\xb5\x2f\xfd", "zstd", UNPACK),
    (b"\x04\x22\x4d\x18", "lz4", UNPACK),
    (b"\x02\x21\x4c\x18", "lz4 in its old form", UNPACK),
    (b"\xff\x06\0\0sNaPpY", "snappy", UNPACK),
    (b"\x1f\x9d", "compress (.Z)", UNPACK),
    *((b"DBN%c" % version, "Databento's DBN", NAME_DBN) for version in (1, 2, 3)),
    (
        b"PAR1",
        "Parquet",
        NAME_PARQUET,
    ),
    (b"ARROW1", "an Arrow file", CONVERT),
    (b"ORC", "an ORC file", CONVERT),
    (b"Obj\x01", "an Avro file", CONVERT),
    (b"\x89HDF", "an HDF5 file", CONVERT),
    (b"\x93NUMPY", "a NumPy file", CONVERT),
    (b"SQLite format 3\0", "an SQLite database", CONVERT),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", CONVERT),
    (b"%PDF", "a PDF", ANSWER),
)
EXCEL = (b"[Content_Types].xml", b"xl/")
TAR_AT, TAR = 257, b"ustar"
TEXTS = (
    (b"<!doctype html", "a web page (HTML)", ANSWER),
    (b"<html", "a web page (HTML)", ANSWER),
    (b"<", "XML", ANSWER),
    (b"{", "JSON", LINES),
    (b"[", "JSON", ANSWER),
    (b"version https://git-lfs", "a Git LFS pointer", "run `git lfs pull` where it came from, then copy the file"),
)
BRACKETED_NAMES = re.compile(rb"<[a-z_ ]{1,30}>[\t,;|]<")
"""The header of MetaTrader: ``<DATE>``, a tab, ``<TIME>``."""
UTF_MARKS = ((b"\xff\xfe\0\0", "UTF-32"), (b"\0\0\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UNLIKE_CSV = re.compile(
    rb"(?:%b)|\0|.\0|..\0|...\0|\xff\xfe|\xfe\xff|\s*[<{\[]|\s*version https|%b|.{%d}%b"
    % (b"|".join(re.escape(magic) for magic, _, _ in MAGICS), BYTE_ORDER_MARK, TAR_AT, TAR),
    re.DOTALL | re.IGNORECASE,
)
"""How anything begins that is none of it for certain: nearly all files are past the closer look with one match."""


def refuse_container(first: bytes, path: str, packed_as: str, *, is_csv: bool = True) -> None:
    """Raise Rejected where a file, by the first bytes of its content, is something else than text.

    ``packed_as`` is what the content was packed as, empty where it was not. ``is_csv``: JSON and the like are not
    expected either.
    """
    if not UNLIKE_CSV.match(first):
        return
    found = _container(first) or (_other_text(first) if is_csv else None)
    if found is None:
        return
    name, hint = found
    what = f"is {packed_as} with {name} inside" if packed_as else f"is {name}"
    raise Rejected(f"{path} {what}, not a CSV: it begins with {shown_bytes(first)}", subject=path, hint=hint)


def refuse_nul_block(text: bytes, offset: int, path: str) -> None:
    """Raise Rejected where a block of NUL bytes shows that a part of the file was never written.

    ``offset`` is where ``text`` stands in the decompressed file, in bytes.
    """
    if b"\0" not in text or (place := text.find(NUL_BLOCK)) < 0:
        return
    rest = text[place:]
    count = len(rest) - len(rest.lstrip(b"\0"))
    more = "at least " if count == len(rest) else ""
    raise Rejected(
        f"{path} is damaged: {more}{count} NUL bytes at offset {offset + place}, where text should be",
        subject=path,
        hint="download or copy the file again: that part of it was never written",
    )


def shown_bytes(first: bytes) -> str:
    """Return the first bytes in quotes, those that cannot be printed escaped."""
    text = first[:SHOWN_BYTES].decode("latin-1")
    return f"'{''.join(one if one.isascii() and one.isprintable() else _escaped(one) for one in text)}'"


def _escaped(one: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(one, f"\\x{ord(one):02x}")


def _container(first: bytes) -> tuple[str, str] | None:
    for magic, name, hint in MAGICS:
        if first.startswith(magic):
            is_excel = any(part in first for part in EXCEL) and magic.startswith(b"PK")
            return ("an Excel workbook", CONVERT) if is_excel else (name, hint)
    if first[TAR_AT : TAR_AT + len(TAR)] == TAR:
        return "a tar archive", UNPACK
    for mark, name in UTF_MARKS:
        if first.startswith(mark):
            return f"{name} text", "save it as UTF-8"
    few = first[:4]
    if few.count(0) == 3:
        return "UTF-32 text", "save it as UTF-8"
    if few[:2].count(0) == 1 and few[2:].count(0) == 1:
        return "UTF-16 text", "save it as UTF-8"
    return None


def _other_text(first: bytes) -> tuple[str, str] | None:
    text = first.removeprefix(BYTE_ORDER_MARK).lstrip().lower()
    if BRACKETED_NAMES.match(text):
        return None
    return next(((name, hint) for start, name, hint in TEXTS if text.startswith(start)), None)
