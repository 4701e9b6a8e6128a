"""Columns of numbers and texts: a cell as it is, divided, without its sign, or empty for a word."""

from __future__ import annotations

import math

import polars as pl

from pointline.parse.text_path import with_point
from pointline.tables.schema import Column, Kind
from pointline.vendors import values
from pointline.vendors.language import Mapping
from pointline.vendors.targets.cells import is_integer
from pointline.vendors.targets.made_column import Asked, MadeColumn, always


def make_number_or_text(column: Column, mapping: Mapping, name: str, asked: Asked) -> MadeColumn:
    """Make a column of numbers or texts. Raises ValueError where its line of the map cannot be meant."""
    if not (math.isfinite(mapping.divide) and mapping.divide):
        raise ValueError(f"divide is {mapping.divide:g}: no number can be divided by it")
    if (mapping.divide != 1 or mapping.when_integer or mapping.absolute) and column.kind is not Kind.NUMBER:
        raise ValueError("only a number can be divided, or lose its sign")
    if mapping.decimals and (mapping.divide == 1 or mapping.when_integer):
        raise ValueError("decimals: say by what numbers with a decimal point are divided too, without when_integer")
    kind = _kind_of_cells(column, mapping, is_whole=asked.is_whole)
    value, wanted = pl.col(name), ""
    if asked.text.decimal == "," and kind is Kind.TEXT and column.kind is Kind.NUMBER:
        value = with_point(value)
    if mapping.when_integer:
        is_whole = asked.is_whole
        value = values.scaled(value, mapping.divide) if is_whole else values.whole_or_decimal(value, mapping.divide)
        wanted = f"a number with a decimal point, or a whole one of {1 / mapping.divide:g}, is wanted"
    elif is_scaled(mapping):
        value = values.scaled(value.cast(pl.Int64, strict=False), mapping.divide)
        wanted = f"a whole number, such as 1234 for {1234 / mapping.divide:g}, is wanted"
    else:
        value = value.cast(column.dtype, strict=False) if kind is not column.kind else value
        value = values.scaled(value, mapping.divide) if mapping.divide != 1 else value
        wanted = f"a number such as 1234{asked.text.decimal}5 is wanted" if kind is not column.kind else ""
    value = value.abs() if mapping.absolute else value
    nothing = values.one_of(name, mapping.null, kind) if mapping.null else None
    if nothing is not None:
        value = pl.when(~nothing).then(value)
    source = Column(name=name, kind=kind)
    return MadeColumn(column=column, value=always(value), sources=(source,), says_nothing=nothing, wanted=wanted)


def _kind_of_cells(column: Column, mapping: Mapping, *, is_whole: bool) -> Kind:
    """Return as what cells are read that become a number or a text: as text where words stand among numbers."""
    if mapping.when_integer:
        return Kind.INTEGER if is_whole else Kind.TEXT
    if is_scaled(mapping):
        return Kind.INTEGER if all(map(is_integer, mapping.null)) else Kind.TEXT
    fits = is_integer if column.kind is Kind.INTEGER else values.is_number
    return column.kind if all(map(fits, mapping.null)) else Kind.TEXT


def is_scaled(mapping: Mapping) -> bool:
    """Tell whether cells are whole numbers of a small unit; one with a decimal point is in another unit then."""
    return mapping.divide != 1 and not (mapping.when_integer or mapping.decimals)
