"""Plain CSV typed by ``_parser``, a parser that knows the kinds of cells there are; its source is in ``c``."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pointline.parse.cells import _parser
from pointline.parse.cells.asked import Columns
from pointline.parse.cells.edition import EDITION, StaleParser
from pointline.tables.schema import Column, Kind

if getattr(_parser, "EDITION", "") != EDITION:  # it may understand cells, or what it is asked, in another way
    raise StaleParser(_parser.__file__)

LETTERS = {
    Kind.TEXT: b"t",
    Kind.NUMBER: b"n",
    Kind.SECONDS: b"s",
    Kind.TIME: b"i",
    Kind.INTEGER: b"i",
    Kind.FLAG: b"f",
    Kind.CHOICE: b"c",
}
SKIPPED = b"-"
MOST_WORDS = 16
"""Among more of them a hash is faster than one comparison after the other: they are read as text."""


def typed(table: Columns, header: Sequence[str], data: bytes) -> pl.DataFrame | None:
    """Return the columns of ``table`` from whole lines of plain CSV, or None where a cell needs a closer look."""
    known = {column.name: column for column in table.columns}
    cells = [known.get(name) for name in header]
    letters, words = zip(*map(_told, cells), strict=True)
    parsed = _parser.parse(data, b"".join(letters), words)
    if parsed is None:
        return None
    arrays, is_ascii = parsed
    if not is_ascii and not _is_utf8(data):
        return None
    columns = [cell for cell in cells if cell is not None]
    try:
        frame = pl.DataFrame([_series(*pair) for pair in zip(columns, arrays, strict=True)])
    except pl.exceptions.InvalidOperationError:  # no such word
        return None
    return frame if columns == list(table.columns) else frame[list(known)]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _told(column: Column | None) -> tuple[bytes, tuple[bytes, ...]]:
    """Return what the parser is told of a cell: its letter, and the words to choose from."""
    if column is None:
        return SKIPPED, ()
    if column.kind is not Kind.CHOICE:
        return LETTERS[column.kind], ()
    if len(column.choices) > MOST_WORDS:
        return LETTERS[Kind.TEXT], ()
    return LETTERS[Kind.CHOICE], tuple(word.encode() for word in column.choices)


def _series(column: Column, array: _parser.Capsules) -> pl.Series:
    values = pl.Series(_Exported(array))
    if column.kind is Kind.CHOICE:  # a word, or its place among them
        values = values.cast(column.dtype) if values.dtype == pl.String else values.cat.to(column.dtype)
    return values.alias(column.name)


class _Exported:
    """What offers an array by the protocol of Arrow."""

    def __init__(self, array: _parser.Capsules) -> None:
        self._array = array

    def __arrow_c_array__(self, requested_schema: object = None) -> _parser.Capsules:
        return self._array
