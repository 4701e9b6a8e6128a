"""Plain CSV typed by the parser of Polars: twice the work of ``_cells``, for machines where that was not built.

The parser alone is not proof. Polars fills a short row with nulls, drops a carriage return inside a cell and reads
``1e400`` as infinity, all unexpectedly: what could be any of that is not plain.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pointline.parse.cells.asked import Columns
from pointline.tables.schema import ROUNDED, Column, Kind


def typed(table: Columns, header: Sequence[str], data: bytes) -> pl.DataFrame | None:
    """Return the columns of ``table`` from whole lines of plain CSV, or None where a cell needs a closer look."""
    if not _is_plain(data):
        return None
    raw = table.raw_schema
    cast = {column.name: _cast(column) for column in table.columns if column.kind in {Kind.CHOICE, Kind.SECONDS}}
    schema = {name: pl.String() if name in cast else raw.get(name, pl.String()) for name in header}
    texts = pl.scan_csv(data, has_header=False, schema=schema, quote_char=None)
    try:  # the parser takes three times as long to look up a word as a cast does
        cells = texts.with_columns(cast.values()).collect()
    except pl.exceptions.PolarsError:
        return None
    # A short row ends in nulls. Where the last cell is never null no row is short; else the separators are counted.
    if cells[header[-1]].null_count() and data.count(b",") != (len(header) - 1) * cells.height:
        return None
    return cells if cells.columns == list(raw) else cells.select(list(raw))


def _cast(column: Column) -> pl.Expr:
    text = pl.col(column.name)
    if column.kind is Kind.SECONDS:
        text = text.str.replace(ROUNDED, "no number")
    return text.cast(column.dtype)


def _is_plain(data: bytes) -> bool:
    """No quoting, no NUL, nothing the parser skips: white space, a byte order mark, a carriage return in a line."""
    if any(byte in data for byte in (b'"', b"\0", b" ", b"\t")) or data.startswith(b"\xef\xbb\xbf"):
        return False
    return b"\r" not in data or data.count(b"\r") == data.count(b"\r\n")
