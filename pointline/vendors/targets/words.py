"""Columns of choices and flags: a word of the vendor, or the sign of a number."""

from __future__ import annotations

import math

import polars as pl

from pointline.parse.text_path import FLAGS
from pointline.tables.schema import Column, Kind
from pointline.vendors import values
from pointline.vendors.language import FeedText, Mapping
from pointline.vendors.targets.cells import Cells, numeric_cells
from pointline.vendors.targets.made_column import MadeColumn, always
from pointline.vendors.targets.numbers import is_scaled


def make_word(column: Column, mapping: Mapping, name: str, text: FeedText) -> MadeColumn:
    """Make a column of choices or flags. Raises ValueError where its line of the map cannot be meant."""
    if mapping.sign:
        scaled = [one for one in text.map.values() if not isinstance(one, str) and one.from_ == name and is_scaled(one)]
        kind = Kind.INTEGER if scaled else Kind.NUMBER
        return _signed(column, mapping, numeric_cells(name, kind, mapping.null, text.decimal))
    if column.kind is Kind.FLAG and not mapping.words and not mapping.null:
        return MadeColumn(column=column, value=always(pl.col(name)), sources=(Column(name=name, kind=Kind.FLAG),))
    if "" in mapping.words:
        raise ValueError('words: an empty cell is no word; say beside from what it stands for: value = "..."')
    meaning = mapping.words or (FLAGS if column.kind is Kind.FLAG else {word: word for word in column.choices})
    wrong = [word for word in meaning.values() if column.kind is Kind.CHOICE and word not in column.choices]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is none of {', '.join(column.choices)}")
    if odd := [word for word in meaning.values() if isinstance(word, bool) is not (column.kind is Kind.FLAG)]:
        wanted = "true or false, without quotes," if column.kind is Kind.FLAG else "a word in quotes"
        raise ValueError(f"words: {wanted} is wanted, not {odd[0]!r}")
    if both := [word for word in mapping.null if word in meaning]:
        raise ValueError(f"null: {both[0]!r} is a word with a meaning too")
    if odd_words := [word for word in (*meaning, *mapping.null) if set(word) & {",", text.separator, "\n", "\r"}]:
        raise ValueError(f"the word {odd_words[0]!r} holds a separator")
    every = {**meaning, **dict.fromkeys(mapping.null)}
    return MadeColumn(
        column=column,
        value=always(values.words(name, pl.Enum(list(every)), every, column.dtype)),
        sources=(Column(name=name, kind=Kind.CHOICE, choices=tuple(every)),),
        rule="unknown_value",
        says_nothing=pl.col(name).cast(pl.String).is_in(mapping.null) if mapping.null else None,
    )


def _signed(column: Column, mapping: Mapping, cells: Cells) -> MadeColumn:
    words = [mapping.sign.get("plus", ""), mapping.sign.get("minus", "")]
    wrong = [word for word in words if word not in column.choices]
    if wrong:
        raise ValueError(f"sign: {wrong[0]!r} is none of {', '.join(column.choices)}; say plus and minus")
    plus, minus = (pl.lit(word, column.dtype) for word in words)
    number = cells.number  # what is not finite is above and below of nothing
    is_plus, is_minus = (number > 0) & (number < math.inf), (number < 0) & (number > -math.inf)
    value = pl.when(is_plus).then(plus).when(is_minus).then(minus)
    return MadeColumn(
        column=column,
        value=always(value if cells.nothing is None else pl.when(~cells.nothing).then(value)),
        sources=(cells.source,),
        rule="unknown_value",
        says_nothing=cells.nothing,
        wanted="a number above or below zero is wanted",
    )
