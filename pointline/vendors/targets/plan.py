"""Which source columns a feed reads, as what, and how the columns of its table come from them."""

from __future__ import annotations

import math
import re
from collections import abc
from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec
import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.parse.feed import REPEATED, SKIPPED, Target
from pointline.parse.rules import Belonging
from pointline.parse.text_path import with_point
from pointline.tables.schema import Column, EventTable, Kind
from pointline.vendors import values
from pointline.vendors.decoded import column_lists
from pointline.vendors.language import FeedText, Mapping
from pointline.vendors.values import Clock

PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
LEVEL = re.compile(r"(asks|bids)\[(\d+)\]\.(price|amount)")
SINCE_START = "since start"
CONSTANTS = 256
"""Values of paths of which the column is kept, such as symbols."""
WAYS = '"epoch", "seconds", "since midnight", "since start"'
Report = Callable[[str], None]
Value = Callable[[Belonging], pl.Expr]
Clocks = Callable[[Belonging], dict[str, pl.Expr]]


def _always(value: pl.Expr) -> Value:
    """Return what a file's path has no part in."""
    return lambda _: value


def _unless(nothing: pl.Expr, value: Value) -> Value:
    """Return a value where the cell does not stand for nothing."""
    return lambda belonging: pl.when(~nothing).then(value(belonging))


def no_clocks(_belonging: Belonging) -> dict[str, pl.Expr]:
    """Nothing is known of clocks that are set."""
    return {}


class Plan(Struct, frozen=True, kw_only=True):
    """What is read of a feed, and what becomes of it."""

    columns: tuple[Column, ...]
    headers: tuple[tuple[str, ...], ...]
    targets: Callable[[Belonging], Sequence[Target]]
    whole: Plan | None = None
    """The same for files, and blocks of them, with whole numbers in all columns that may have another form too."""


class _Made(Struct, frozen=True, kw_only=True):
    """One column of the table: its value, the source columns it takes and as what."""

    column: Column
    value: Value
    sources: tuple[Column, ...] = ()
    rule: str = "unparseable"
    says_nothing: pl.Expr | None = None
    """True for cells that are not empty and stand for nothing all the same."""
    wanted: str = ""
    """What its cells have to be, in words."""
    clocks: Clocks = no_clocks
    zone: str = ""


class _Asked(Struct, frozen=True, kw_only=True):
    """A feed, the source columns that it has in any of its lists, and the fields that all of its paths have."""

    text: FeedText
    named: set[str]
    fields: Sequence[str]
    report: Report
    is_whole: bool = False
    """Of several forms that cells may have only whole numbers are asked for."""


def plan(text: FeedText, table: EventTable, fields: Sequence[str], report: Report) -> Plan | None:
    """Work out a feed; tell ``report`` of everything that cannot be. None where it is of no use then."""
    lists = column_lists(text)
    if not lists:
        report('it names no columns: write columns = ["..."] in the order of the file')
        return None
    named = {name for columns in lists for name in columns if name}
    maps = {name: Mapping(from_=one) if isinstance(one, str) else one for name, one in text.map.items()}
    wrong_levels: list[str] = []

    def report_levels(problem: str) -> None:
        wrong_levels.append(problem)
        report(problem)

    maps |= {
        level: one
        for name, mapping in list(maps.items())
        if mapping.levels
        for level, one in _levels(name, mapping, table, report_levels)
    }
    known = {column.name for column in table.columns}
    for name in maps:
        if name not in known and not maps[name].levels:
            report(f"map: table {table.name} has no column {name!r}; it has {', '.join(sorted(known))}")
    asked = _Asked(text=text, named=named, fields=fields, report=report)
    columns, targets = _planned(maps, table, asked)
    used = {column.name for column in columns} | {*text.drop, *text.where} | set(_named_by(maps))
    unused = [
        name for name in dict.fromkeys(name for columns in lists for name in columns) if name and name not in used
    ]
    if unused and not wrong_levels:
        report(f"nothing is said of the columns {', '.join(unused)}: map them, or name them in drop")
    unknown = [name for name in (*text.drop, *text.where, *text.aliases.values()) if name not in named]
    if unknown:
        report(f"there is no column {', '.join(unknown)} in columns")
    if odd := [name for name in text.leave_out if name not in text.where]:
        report(f"leave_out: say in where which values of {odd[0]} are meant")
    if both := [(name, one) for name, out in text.leave_out.items() for one in out if one in text.where.get(name, [])]:
        report(f"leave_out: {both[0][1]!r} of {both[0][0]} is meant, by where")
    headers = tuple(map(tuple, lists))
    whole = None
    if any(mapping.when_integer or _may_be_epoch(mapping) for mapping in maps.values()):
        clashes: list[str] = []  # a column may be needed as text all the same
        whole_columns, whole_targets = _planned(maps, table, replace(asked, is_whole=True, report=clashes.append))
        whole = None if clashes else Plan(columns=whole_columns, headers=headers, targets=whole_targets)
    return Plan(columns=columns, headers=headers, targets=targets, whole=whole)


def _named_by(maps: abc.Mapping[str, Mapping]) -> list[str]:
    """Return the source columns that a map names, in lines that are wrong too."""
    return [name for one in maps.values() for name in ([one.from_] if isinstance(one.from_, str) else one.from_)]


def _may_be_epoch(mapping: Mapping) -> bool:
    """Tell whether a time is an epoch or text."""
    return isinstance(mapping.time, list) and values.EPOCH in mapping.time


def _planned(
    maps: abc.Mapping[str, Mapping], table: EventTable, asked: _Asked
) -> tuple[tuple[Column, ...], Callable[[Belonging], Sequence[Target]]]:
    made = [_made(column, maps.get(column.name), asked) for column in table.columns]
    complete = [one for one in made if one is not None]
    columns = _sources(complete, asked.text, asked.named, asked.report)

    def targets(belonging: Belonging) -> list[Target]:
        return [
            Target(
                name=one.column.name,
                value=one.value(belonging),
                sources=tuple(source.name for source in one.sources),
                rule=one.rule,
                says_nothing=one.says_nothing,
                wanted=one.wanted,
                clocks=one.clocks(belonging),
                zone=one.zone,
            )
            for one in complete
        ]

    return tuple(columns), targets


def _levels(name: str, mapping: Mapping, table: EventTable, report: Report) -> list[tuple[str, Mapping]]:
    """``"asks.price" = { levels = "ask_px_{00..09}" }``: one mapping per level."""
    side, _, what = name.partition(".")
    places = [
        column.name
        for column in table.columns
        if (found := LEVEL.fullmatch(column.name)) and found[1] == side and found[3] == what
    ]
    if not places:
        report(f"map: table {table.name} has no levels {name!r}")
        return []
    places.sort(key=lambda place: int(re.sub(r"\D", "", place)))
    try:
        columns = values.levels(mapping.levels, len(places))
    except ValueError as error:
        report(f"map.{name}: {error}")
        return []
    return [
        (place, msgspec.structs.replace(mapping, from_=column, levels=""))
        for place, column in zip(places, columns, strict=True)
    ]


def _made(column: Column, mapping: Mapping | None, asked: _Asked) -> _Made | None:
    text, named, fields, report = asked.text, asked.named, asked.fields, asked.report
    if mapping is None:
        mapping = _default(column, text, named)
        if mapping is None:
            return _Made(column=column, value=_always(pl.lit(None, column.dtype)))
    sources = [mapping.from_] if isinstance(mapping.from_, str) else mapping.from_
    if wrong := _why_not(column, mapping, sources, named):
        report(wrong)
        return None
    said = msgspec.structs.replace(mapping, words={}) if sources else mapping
    constant = _constant(column, said, fields, report) if mapping.value else None
    if not sources or (constant is None and mapping.value):
        return constant
    try:
        made = _from_sources(column, mapping, sources, asked)
    except ValueError as error:
        report(f"map.{column.name}: {error}")
        return None
    return made if constant is None else _or_else(made, constant)


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


def _or_else(made: _Made, constant: _Made) -> _Made:
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


def constant_of(mapping: Mapping, says: abc.Mapping[str, str]) -> str | None:
    """Return a value of a path, such as an interval; None where it is none of the words that there are."""
    filled = PLACE.sub(lambda place: says.get(place[1], ""), mapping.value)
    if not mapping.words or mapping.from_:
        return filled
    return str(mapping.words[filled]) if filled in mapping.words else None


def _constant(column: Column, mapping: Mapping, fields: Sequence[str], report: Report) -> _Made | None:
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

    @lru_cache(maxsize=CONSTANTS)
    def of(said: str | None) -> pl.Expr:
        return pl.lit(said).cast(column.dtype)

    if plain:
        return _Made(column=column, value=_always(of(constant_of(mapping, {}))))
    return _Made(column=column, value=lambda one: of(constant_of(mapping, {**one.says, "symbol": one.symbol or ""})))


def _from_sources(column: Column, mapping: Mapping, sources: Sequence[str], asked: _Asked) -> _Made:
    name = sources[0]
    if len(sources) > 1 and column.kind is not Kind.TIME:
        raise ValueError("only a time comes from several columns")
    if column.kind is Kind.TIME:
        if asked.is_whole and _may_be_epoch(mapping):
            mapping = msgspec.structs.replace(mapping, time=values.EPOCH)
        return _time(column, mapping, sources, asked.text)
    if column.kind in (Kind.CHOICE, Kind.FLAG):
        return _word(column, mapping, name, asked.text)
    if mapping.words:
        raise ValueError(f"words are for choices and flags; {column.name} is a {column.kind.value}")
    return _number_or_text(column, mapping, name, asked)


def _number_or_text(column: Column, mapping: Mapping, name: str, asked: _Asked) -> _Made:
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
    elif _is_scaled(mapping):
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
    return _Made(column=column, value=_always(value), sources=(source,), says_nothing=nothing, wanted=wanted)


def _kind_of_cells(column: Column, mapping: Mapping, *, is_whole: bool) -> Kind:
    """Return as what cells are read that become a number or a text: as text where words stand among numbers."""
    if mapping.when_integer:
        return Kind.INTEGER if is_whole else Kind.TEXT
    if _is_scaled(mapping):
        return Kind.INTEGER if all(one.lstrip("-").isdigit() for one in mapping.null) else Kind.TEXT
    return Kind.TEXT if any(not values.is_number(one) for one in mapping.null) else column.kind


def _is_scaled(mapping: Mapping) -> bool:
    """Tell whether cells are whole numbers of a small unit; one with a decimal point is in another unit then."""
    return mapping.divide != 1 and not (mapping.when_integer or mapping.decimals)


def _word(column: Column, mapping: Mapping, name: str, text: FeedText) -> _Made:
    if column.kind is Kind.FLAG and not mapping.words:
        return _Made(column=column, value=_always(pl.col(name)), sources=(Column(name=name, kind=Kind.FLAG),))
    if mapping.sign:
        scaled = [
            one for one in text.map.values() if not isinstance(one, str) and one.from_ == name and _is_scaled(one)
        ]
        return _signed(column, mapping, Column(name=name, kind=Kind.INTEGER if scaled else Kind.NUMBER))
    if "" in mapping.words:
        raise ValueError('words: an empty cell is no word; say beside from what it stands for: value = "..."')
    meaning = mapping.words or {word: word for word in column.choices}
    wrong = [word for word in meaning.values() if column.kind is Kind.CHOICE and word not in column.choices]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is none of {', '.join(column.choices)}")
    source = Column(name=name, kind=Kind.CHOICE, choices=tuple(meaning))
    value = values.words(name, pl.Enum(list(meaning)), meaning, column.dtype)
    return _Made(column=column, value=_always(value), sources=(source,), rule="unknown_value")


def _signed(column: Column, mapping: Mapping, source: Column) -> _Made:
    words = [mapping.sign.get("plus", ""), mapping.sign.get("minus", "")]
    wrong = [word for word in words if word not in column.choices]
    if wrong:
        raise ValueError(f"sign: {wrong[0]!r} is none of {', '.join(column.choices)}; say plus and minus")
    plus, minus = (pl.lit(word, column.dtype) for word in words)
    number = pl.col(source.name)
    value = pl.when(number > 0).then(plus).when(number < 0).then(minus)
    return _Made(
        column=column,
        value=_always(value),
        sources=(source,),
        rule="unknown_value",
        wanted="a number above or below zero is wanted",
    )


def _time(column: Column, mapping: Mapping, sources: Sequence[str], text: FeedText) -> _Made:
    zone = mapping.zone or text.day_zone
    values.zone_of(zone)
    value, kind = _time_value(mapping, sources, Clock(zone, mapping.ambiguous))
    nothing = values.one_of(sources[0], mapping.null, kind) if mapping.null else None

    return _Made(
        column=column,
        value=value if nothing is None else _unless(nothing, value),
        sources=tuple(Column(name=one, kind=kind) for one in sources),
        says_nothing=nothing,
        wanted=_wanted_time(mapping),
        clocks=_clocks(mapping, sources, zone) if values.has_summer_time(zone) else no_clocks,
        zone=zone,
    )


def _clocks(mapping: Mapping, sources: Sequence[str], zone: str) -> Clocks:
    """Where a local time has no value because clocks are set, by the rule that its row breaks."""
    refused, earlier, by_utc = (
        _time_value(mapping, sources, clock)[0] for clock in (Clock(zone), Clock(zone, values.EARLIER), Clock("UTC"))
    )

    def clocks(of: Belonging) -> dict[str, pl.Expr]:
        return {
            REPEATED: refused(of).is_null() & earlier(of).is_not_null(),
            SKIPPED: earlier(of).is_null() & by_utc(of).is_not_null(),
        }

    return clocks


def _time_value(mapping: Mapping, sources: Sequence[str], clock: Clock) -> tuple[Value, Kind]:
    name = sources[0]
    match mapping.time:
        case "epoch":
            return _always(values.epoch(pl.col(name), mapping.unit)), Kind.INTEGER
        case "seconds":
            return _always(values.decimal_seconds(name)), Kind.NUMBER
        case "since midnight":
            unit = "s" if mapping.unit == "auto" else mapping.unit
            return lambda belonging: values.since_midnight(name, unit, belonging.date, clock), Kind.NUMBER
        case "since start":
            unit = "s" if mapping.unit == "auto" else mapping.unit
            return lambda belonging: values.since_start(name, unit, belonging.first_us), Kind.NUMBER
        case "" | []:
            raise ValueError(f"say how the time is written: time = {WAYS}, or formats")
        case _:
            formats = [mapping.time] if isinstance(mapping.time, str) else mapping.time
            if odd := [one for one in formats if "%" not in one and one != values.EPOCH]:
                raise ValueError(f"{odd[0]!r} is not a way to write a time: {WAYS}, or a format with %")
            for one in formats:
                values.check_format(one)
            return lambda of: values.written(sources, formats, clock, mapping.unit, of.date), Kind.TEXT


def needs_day(mapping: Mapping) -> bool:
    """Tell whether a time is of the day that the path names."""
    formats = [mapping.time] if isinstance(mapping.time, str) else mapping.time
    return formats == ["since midnight"] or any(
        not values.is_dated(one) for one in formats if one not in ("", "seconds", "since midnight", SINCE_START)
    )


def is_timed_by_path(text: FeedText) -> bool:
    """Tell whether rows count from the beginning of the time that the path names."""
    return any(not isinstance(one, str) and one.time == SINCE_START for one in text.map.values())


def _wanted_time(mapping: Mapping) -> str:
    """Say how a time is written."""
    match mapping.time:
        case "epoch" if mapping.unit == "auto":
            return "a time of 10 digits (s), 13 (ms), 16 (us) or 19 (ns) is wanted"
        case "epoch":
            return f"a whole number of {mapping.unit} since 1970 is wanted"
        case "seconds":
            return "seconds since 1970, such as 1714521600.25, are wanted"
        case "since midnight" | "since start":
            return f"a time {mapping.time} is wanted"
        case str():
            return f"a time written as {mapping.time} is wanted"
        case _:
            return f"a time written as {' or '.join(mapping.time)} is wanted"


def _sources(made: Sequence[_Made], text: FeedText, named: set[str], report: Report) -> list[Column]:
    found: dict[str, Column] = {}
    for one in made:
        for source in one.sources:
            other = found.setdefault(source.name, source)
            if (other.kind, other.choices) != (source.kind, source.choices):
                report(f"column {source.name!r} is read as {other.kind.value} and as {source.kind.value}: say one")
    for name in (*text.where, *(sorted(named) if text.distinct else ())):
        found.setdefault(name, Column(name=name, kind=Kind.TEXT))
    names = dict.fromkeys(name for columns in column_lists(text) for name in columns)
    order = {name: place for place, name in enumerate(names)}
    return sorted(found.values(), key=lambda column: order.get(column.name, len(order)))
