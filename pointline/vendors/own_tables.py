"""Tables of a user's own, as a description has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pointline.parse.feed import IN_USE, is_reserved
from pointline.tables import checks
from pointline.tables.schema import COMMON, Check, Column, EventTable, Kind, unheld_words
from pointline.vendors.language import TableText
from pointline.vendors.misshapen import Misshapen, shaped

COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
TABLE_EXISTS = "there is a table of this name already"
CHECKS: dict[str, Callable[[Sequence[str]], Check]] = {
    "time_backwards": lambda _columns: checks.time_backwards(),
    "negative_latency": lambda _columns: checks.negative_latency(),
    "equal_rows": lambda columns: checks.equal_rows("symbol", "timestamp", *columns),
}
"""The checks that a table of the user's own may name, each made of its own columns."""


def own_tables(
    written: object, tables: Mapping[str, EventTable], where: str, problems: list[str]
) -> tuple[dict[str, EventTable], set[str]]:
    """Return the tables of the user's own by name, and the names of those in which something is wrong."""
    own: dict[str, EventTable] = {}
    broken: set[str] = set()
    for number, raw in enumerate(written if isinstance(written, list) else [written], 1):
        name = str(raw.get("name", "") if isinstance(raw, dict) else "")
        try:
            made = _table(shaped(raw, TableText), tables, where, problems)
        except Misshapen as error:
            problems.append(f"{where}: table {name or number}: {error}")
            made = None
        if made is None:
            broken.add(name)
        else:
            own[made.name] = made
    return own, broken - tables.keys()


def _table(text: TableText, tables: Mapping[str, EventTable], where: str, problems: list[str]) -> EventTable | None:
    place = f"{where}: table {text.name}"
    before = len(problems)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", text.name):
        problems.append(f"{place}: a name is lower-case letters, digits and _, a letter first")
    if text.name in tables:
        problems.append(f"{place}: {TABLE_EXISTS}")
    common = {column.name for column in COMMON} | {"date", "file_id", "file_seq"}
    names = [column.name for column in text.columns]
    plain = [name.casefold() for name in names]
    problems += [f"{place}: every table has a column {name} already" for name in names if name.casefold() in common]
    twice = [name for at, name in enumerate(names) if plain[at] in plain[:at]]
    problems += [f"{place}: it has {name} twice, in capitals or not" for name in twice]
    problems += [
        f"{place}: {name!r} is no name of a column: letters, digits and _, a letter first"
        for name in names
        if not COLUMN.fullmatch(name)
    ]
    problems += [f"{place}: {IN_USE.format(name)}" for name in names if is_reserved(name)]
    problems += [
        f"{place}: there is no check {name!r}; there are {', '.join(CHECKS)}"
        for name in text.checks
        if name not in CHECKS
    ]
    problems += [f"{place}: it has no column {name!r} to be a series of" for name in text.series if name not in names]
    problems += [
        f"{place}: {one.name} is a choice without choices"
        for one in text.columns
        if one.kind == "choice" and not one.choices
    ]
    problems += [
        f"{place}: {one.name}: {odd[0]!r} is not a word that a cell can hold"
        for one in text.columns
        if (odd := unheld_words(one.choices))
    ]
    if len(problems) > before:
        return None
    own = tuple(
        Column(name=one.name, kind=Kind(one.kind), required=one.required, choices=tuple(one.choices))
        for one in text.columns
    )
    return EventTable(
        name=text.name,
        columns=(*COMMON, *own),
        checks=tuple(CHECKS[name]([column.name for column in own]) for name in text.checks),
        series=tuple(text.series),
    )
