"""Columns that are the same for all rows of a file: a text, or what its path says."""

from __future__ import annotations

import math
import re
from collections import abc
from collections.abc import Sequence
from functools import lru_cache

import polars as pl

from pointline.tables.schema import Column, Kind
from pointline.vendors.language import Mapping
from pointline.vendors.targets.made_column import MadeColumn, Report, always

PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
FLAGS = {"true": True, "false": False}
MOST = 2**63
CONSTANTS = 256
"""Values of paths of which the column is kept, such as symbols."""


def constant_of(mapping: Mapping, says: abc.Mapping[str, str]) -> str | None:
    """Return a value of a path, such as an interval; None where it is none of the words that there are."""
    filled = PLACE.sub(lambda place: says.get(place[1], ""), mapping.value)
    if not mapping.words or mapping.from_:
        return filled
    return str(mapping.words[filled]) if filled in mapping.words else None


def make_constant(column: Column, mapping: Mapping, fields: Sequence[str], report: Report) -> MadeColumn | None:
    """Make a column of a value; None where that cannot be, and ``report`` was told why."""
    text = mapping.value
    unknown = [name for name in PLACE.findall(text) if name not in {*fields, "symbol"} and "" not in mapping.words]
    if unknown:
        report(f"map.{column.name}: no path names {{{unknown[0]}}}")
        return None
    plain = [] if PLACE.search(text) else [text]
    wrong = [
        word for word in mapping.words.values() or plain if column.kind is Kind.CHOICE and word not in column.choices
    ]
    if wrong:
        report(f"map.{column.name}: {wrong[0]!r} is none of {', '.join(column.choices)}")
        return None

    misfits = [word for word in mapping.words.values() or plain if _literal(column, word) is None]
    if misfits:
        report(f"map.{column.name}: {str(misfits[0])!r} is no value of a column of {column.kind.value}")
        return None

    @lru_cache(maxsize=CONSTANTS)
    def of(said: str | None) -> pl.Expr:
        value = None if said is None else _literal(column, said)
        return pl.lit(value, column.dtype)

    if plain:
        return MadeColumn(column=column, value=always(of(constant_of(mapping, {}))))
    return MadeColumn(
        column=column, value=lambda one: of(constant_of(mapping, {**one.says, "symbol": one.symbol or ""}))
    )


def _literal(column: Column, said: object) -> object:
    """Return the value of a column that a text stands for; None where it stands for none."""
    if not isinstance(said, str):
        return said if column.kind is Kind.FLAG else None
    match column.kind:
        case Kind.FLAG:
            return FLAGS.get(said.lower())
        case Kind.NUMBER | Kind.INTEGER:
            try:
                number = float(said) if column.kind is Kind.NUMBER else int(said)
            except ValueError:
                return None
            return number if math.isfinite(number) and (column.kind is Kind.NUMBER or abs(number) < MOST) else None
        case Kind.TIME:
            return None
        case _:
            return said
