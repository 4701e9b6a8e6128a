"""One column of the table, made from its line of the map, or from what stands for a line that is not there."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from msgspec.structs import replace

from pointline.parse.rules import Belonging
from pointline.tables.schema import Column, Kind
from pointline.vendors import values
from pointline.vendors.language import FeedText, Mapping
from pointline.vendors.targets.constants import make_constant
from pointline.vendors.targets.made_column import Asked, MadeColumn, always
from pointline.vendors.targets.numbers import make_number_or_text
from pointline.vendors.targets.times import make_time, may_be_epoch
from pointline.vendors.targets.words import make_word


def make_column(column: Column, mapping: Mapping | None, asked: Asked) -> MadeColumn | None:
    """Make a column by its line of the map; None where that cannot be, and ``asked.report`` was told why."""
    text, named, fields, report = asked.text, asked.named, asked.fields, asked.report
    if mapping is None:
        mapping = _default(column, text, named)
        if mapping is None:
            return MadeColumn(column=column, value=always(pl.lit(None, column.dtype)))
        if column.name == "local_timestamp" and "timestamp" in text.map:
            report = _said_of_timestamp
    sources = [mapping.from_] if isinstance(mapping.from_, str) else mapping.from_
    if wrong := _why_not(column, mapping, sources, named):
        report(wrong)
        return None
    said = replace(mapping, words={}) if sources else mapping
    constant = make_constant(column, said, fields, report) if mapping.value else None
    if not sources or (constant is None and mapping.value):
        return constant
    try:
        made = _from_sources(column, mapping, sources, asked)
    except ValueError as error:
        report(f"map.{column.name}: {error}")
        return None
    if column.name == "symbol" and (text.symbols or text.symbol_drops):
        made = _respelled(made, text)
    return made if constant is None else _or_else(made, constant)


def _respelled(made: MadeColumn, text: FeedText) -> MadeColumn:
    """Symbols of rows as the lake spells them, as those of paths are."""

    def value(belonging: Belonging) -> pl.Expr:
        cell = made.value(belonging)
        dropped = cell
        for part in text.symbol_drops:
            dropped = dropped.str.replace_all(part, "", literal=True)
        plain = pl.when(dropped.str.len_bytes() > 0).then(dropped).otherwise(cell)
        return pl.when(cell.is_in(list(text.symbols))).then(cell.replace(text.symbols)).otherwise(plain)

    return replace(made, value=value)


def _said_of_timestamp(problem: str) -> None:
    """A map without a line for the other time has the same one for both: what is wrong with it is said once."""


def _why_not(column: Column, mapping: Mapping, sources: Sequence[str], named: set[str]) -> str:
    """Return why nothing can be read by a line of a map; empty where it can."""
    if not sources:
        return "" if mapping.value else f"{column.name} is required: map it"
    if mapping.value and (column.kind not in (Kind.TEXT, Kind.CHOICE) or mapping.sign):
        return (
            f"map.{column.name}: say either from or value: both together, where value is what an empty cell stands "
            "for, are for texts and choices without sign"
        )
    missing = [name for name in sources if name not in named]
    return f"map.{column.name}: there is no column {', '.join(missing)} in columns" if missing else ""


def _or_else(made: MadeColumn, constant: MadeColumn) -> MadeColumn:
    """The value of a source, else what is the same for all rows."""

    def value(belonging: Belonging) -> pl.Expr:
        return pl.coalesce(made.value(belonging), constant.value(belonging))

    return replace(made, value=value)


def _default(column: Column, text: FeedText, named: set[str]) -> Mapping | None:
    if column.name == "exchange":
        return Mapping(value=text.exchange or "?")
    if column.name == "symbol":
        return Mapping(value="{symbol}")
    if column.name == "local_timestamp":
        given = text.map.get("timestamp")
        return Mapping(from_=given) if isinstance(given, str) else given
    if column.name in named and column.name not in text.drop:
        return Mapping(from_=column.name)
    return Mapping() if column.required else None


def _from_sources(column: Column, mapping: Mapping, sources: Sequence[str], asked: Asked) -> MadeColumn:
    name = sources[0]
    if len(sources) > 1 and column.kind is not Kind.TIME:
        raise ValueError("only a time comes from several columns")
    if column.kind is Kind.TIME:
        if asked.is_whole and len(sources) == 1 and may_be_epoch(mapping):
            mapping = replace(mapping, time=values.EPOCH)
        return make_time(column, mapping, sources, asked.text)
    if column.kind in (Kind.CHOICE, Kind.FLAG):
        return make_word(column, mapping, name, asked.text)
    if mapping.words:
        raise ValueError(f"words are for choices and flags; {column.name} is a {column.kind.value}")
    return make_number_or_text(column, mapping, name, asked)
