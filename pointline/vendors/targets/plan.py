"""Which source columns a feed reads, as what, and how the columns of its table come from them."""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from pointline.parse.feed import Target
from pointline.parse.rules import Belonging
from pointline.tables.schema import Column, EventTable, Kind
from pointline.vendors import values
from pointline.vendors.decoded import column_lists
from pointline.vendors.language import FeedText, Mapping
from pointline.vendors.targets.column import make_column
from pointline.vendors.targets.made_column import Asked, MadeColumn, Report
from pointline.vendors.targets.times import may_be_epoch

LEVEL = re.compile(r"(asks|bids)\[(\d+)\]\.(price|amount)")


class Plan(Struct, frozen=True, kw_only=True):
    """What is read of a feed, and what becomes of it."""

    columns: tuple[Column, ...]
    headers: tuple[tuple[str, ...], ...]
    targets: Callable[[Belonging], Sequence[Target]]
    by_local_clock: frozenset[str]
    """Columns of times by a clock on a wall that does not show UTC."""
    whole: Plan | None = None
    """The same for files, and blocks of them, with whole numbers in all columns that may have another form too."""


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
    asked = Asked(text=text, named=named, fields=fields, report=report)
    columns, targets, local = _planned(maps, table, asked)
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
    if any(mapping.when_integer or may_be_epoch(mapping) for mapping in maps.values()):
        clashes: list[str] = []  # a column may be needed as text all the same
        whole_columns, whole_targets, _ = _planned(maps, table, replace(asked, is_whole=True, report=clashes.append))
        whole = (
            None
            if clashes
            else Plan(columns=whole_columns, headers=headers, targets=whole_targets, by_local_clock=local)
        )
    return Plan(columns=columns, headers=headers, targets=targets, by_local_clock=local, whole=whole)


def _named_by(maps: abc.Mapping[str, Mapping]) -> list[str]:
    """Return the source columns that a map names, in lines that are wrong too."""
    return [name for one in maps.values() for name in ([one.from_] if isinstance(one.from_, str) else one.from_)]


def _planned(
    maps: abc.Mapping[str, Mapping], table: EventTable, asked: Asked
) -> tuple[tuple[Column, ...], Callable[[Belonging], Sequence[Target]], frozenset[str]]:
    made = [make_column(column, maps.get(column.name), asked) for column in table.columns]
    complete = [one for one in made if one is not None]
    same = {"local_timestamp": "timestamp"} if "timestamp" in maps and "local_timestamp" not in maps else {}
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
                finer=one.finer,
                same_as=same.get(one.column.name, ""),
            )
            for one in complete
        ]

    local = (source.name for one in complete if one.zone not in ("", *values.UTC_NAMES) for source in one.sources)
    return tuple(columns), targets, frozenset(local)


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
    return [(place, replace(mapping, from_=column, levels="")) for place, column in zip(places, columns, strict=True)]


def _sources(made: Sequence[MadeColumn], text: FeedText, named: set[str], report: Report) -> list[Column]:
    found: dict[str, Column] = {}
    for one in made:
        for source in one.sources:
            other = found.setdefault(source.name, source)
            if {other.kind, source.kind} == {Kind.SECONDS, Kind.NUMBER}:
                found[source.name] = other if other.kind is Kind.SECONDS else source
            elif (other.kind, other.choices) != (source.kind, source.choices):
                report(f"column {source.name!r} is read as {other.kind.value} and as {source.kind.value}: say one")
    for name in (*text.where, *(sorted(named) if text.distinct else ())):
        found.setdefault(name, Column(name=name, kind=Kind.TEXT))
    names = dict.fromkeys(name for columns in column_lists(text) for name in columns)
    order = {name: place for place, name in enumerate(names)}
    return sorted(found.values(), key=lambda column: order.get(column.name, len(order)))
