"""Cells of numbers and times among which words may stand that say nothing."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from msgspec import Struct

from pointline.parse.text_path import unrounded, with_point
from pointline.tables.schema import Column, Kind
from pointline.vendors import values


class Cells(Struct, frozen=True, kw_only=True):
    """The cells of one source column."""

    source: Column
    number: pl.Expr
    """What they hold; null where that is no number."""
    nothing: pl.Expr | None
    """True where they hold a word that says nothing; None where there is no such word."""


def numeric_cells(name: str, kind: Kind, null: Sequence[str], decimal: str = ".") -> Cells:
    """Return how cells of numbers or integers are read: as text where any of ``null`` is no such number."""
    fits = is_integer if kind is Kind.INTEGER else values.is_number
    if all(map(fits, null)):
        read, number = kind, pl.col(name)
    else:
        read, text = Kind.TEXT, pl.col(name).str.strip_chars_start(" ")
        text = with_point(text) if decimal == "," and kind is not Kind.INTEGER else text
        text = unrounded(text) if kind is Kind.SECONDS else text
        number = text.cast(Column(name=name, kind=kind).dtype, strict=False)
    nothing = values.one_of(name, null, read) if null else None
    return Cells(source=Column(name=name, kind=read), number=number, nothing=nothing)


def is_integer(text: str) -> bool:
    """Tell whether a cell is a whole number."""
    return text.removeprefix("-").isdigit() and text.isascii()
