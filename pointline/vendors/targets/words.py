"""Columns of choices and flags: a word of the vendor, or the sign of a number."""

from __future__ import annotations

import polars as pl

from pointline.tables.schema import Column, Kind
from pointline.vendors import values
from pointline.vendors.language import FeedText, Mapping
from pointline.vendors.targets.made_column import MadeColumn, always
from pointline.vendors.targets.numbers import is_scaled


def make_word(column: Column, mapping: Mapping, name: str, text: FeedText) -> MadeColumn:
    """Make a column of choices or flags. Raises ValueError where its line of the map cannot be meant."""
    if column.kind is Kind.FLAG and not mapping.words:
        return MadeColumn(column=column, value=always(pl.col(name)), sources=(Column(name=name, kind=Kind.FLAG),))
    if mapping.sign:
        scaled = [one for one in text.map.values() if not isinstance(one, str) and one.from_ == name and is_scaled(one)]
        return _signed(column, mapping, Column(name=name, kind=Kind.INTEGER if scaled else Kind.NUMBER))
    if "" in mapping.words:
        raise ValueError('words: an empty cell is no word; say beside from what it stands for: value = "..."')
    meaning = mapping.words or {word: word for word in column.choices}
    wrong = [word for word in meaning.values() if column.kind is Kind.CHOICE and word not in column.choices]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is none of {', '.join(column.choices)}")
    if odd := [word for word in meaning.values() if isinstance(word, bool) is not (column.kind is Kind.FLAG)]:
        wanted = "true or false, without quotes," if column.kind is Kind.FLAG else "a word in quotes"
        raise ValueError(f"words: {wanted} is wanted, not {odd[0]!r}")
    source = Column(name=name, kind=Kind.CHOICE, choices=tuple(meaning))
    value = values.words(name, pl.Enum(list(meaning)), meaning, column.dtype)
    return MadeColumn(column=column, value=always(value), sources=(source,), rule="unknown_value")


def _signed(column: Column, mapping: Mapping, source: Column) -> MadeColumn:
    words = [mapping.sign.get("plus", ""), mapping.sign.get("minus", "")]
    wrong = [word for word in words if word not in column.choices]
    if wrong:
        raise ValueError(f"sign: {wrong[0]!r} is none of {', '.join(column.choices)}; say plus and minus")
    plus, minus = (pl.lit(word, column.dtype) for word in words)
    number = pl.col(source.name)
    value = pl.when(number > 0).then(plus).when(number < 0).then(minus)
    return MadeColumn(
        column=column,
        value=always(value),
        sources=(source,),
        rule="unknown_value",
        wanted="a number above or below zero is wanted",
    )
