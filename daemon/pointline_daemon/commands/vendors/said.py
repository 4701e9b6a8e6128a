"""What a description says, in words: of the files of a feed, of its lines, and what becomes of each column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pointline.parse.feed import Header
from pointline.parse.json_lines import LIST
from pointline.tables.schema import EventTable, Kind
from pointline.vendors.describe import Description
from pointline.vendors.language import FeedText, Mapping
from pointline.vendors.targets.plan import LEVEL


def facts(one: Description) -> Iterator[tuple[str, str]]:
    """Yield what is said of a feed's files and lines, each with its label."""
    text = one.text
    header = {
        Header.REQUIRED: "the first line names the columns",
        Header.ABSENT: "there is no header",
        Header.AUTO: "with a header or without",
    }
    if one.feed.decoder:
        yield "header", f"the decoder {one.feed.decoder} names the columns"
    elif one.feed.json_lines is None:
        is_parquet = all(path.text.endswith((".parquet", "{parquet}")) for path in one.paths)
        yield "header", "the columns of the Parquet file have names" if is_parquet else header[one.feed.header]
    else:
        yield "lines", "objects of JSON"
    yield from (("lines", said) for said in _of_lines(text))
    for name, word in text.lists.items():
        yield "rows", f"one for each {', '.join(text.entry)} in the list {name}, where {LIST} is {word}"
    yield "zone", f"days are cut in {text.day_zone}"
    if text.where:
        said = " and ".join(f"{name} is {' or '.join(values)}" for name, values in text.where.items())
        yield "rows", f"only those where {said}"
    if text.prefer:
        yield "prefer", " before ".join(text.prefer)
    if text.note:
        yield "note", text.note


def _of_lines(text: FeedText) -> Iterator[str]:
    """Yield how lines are written where they are not plain CSV."""
    if text.skip:
        yield "the first line is left out" if text.skip == 1 else f"the first {text.skip} lines are left out"
    if text.separator != ",":
        yield f"cells are separated by {text.separator!r}"
    if text.decimal == ",":
        yield "numbers are written 1234,5"
    if text.encoding != "utf-8":
        yield f"text is {text.encoding}"
    if text.trim:
        yield "blanks around a cell do not count"
    if text.trailer:
        yield f"the last line begins with {text.trailer!r} and is no row"


def becomes(one: Description) -> dict[str, str]:
    """What becomes of each source column, in the order of the file."""
    text = one.text
    found = {name: [] for names in one.feed.headers for name in names if name}  # type: dict[str, list[str]]
    for target, mapping in text.map.items():
        for source in _sources(mapping):
            found.setdefault(source, []).append(f"{target}{_how(mapping)}")
    own = {column.name for column in one.table.columns} - set(text.map)
    left_out = {name: "not kept" if name in text.drop else "chooses rows" for name in found}
    said = {
        name: ", ".join([*targets, *([name] if name in own else [])]) or left_out[name]
        for name, targets in found.items()
    }
    constants = {
        target: mapping.value
        for target, mapping in text.map.items()
        if isinstance(mapping, Mapping) and mapping.value and not _sources(mapping)
    }
    return {**said, **{f"({_of_constant(value)} {value!r})": target for target, value in constants.items()}}


def _of_constant(value: str) -> str:
    """Say where a value comes from that no column has."""
    return "from the path:" if "{" in value else "always"


def _sources(mapping: str | Mapping) -> list[str]:
    if isinstance(mapping, str):
        return [mapping]
    named = [mapping.from_] if isinstance(mapping.from_, str) else list(mapping.from_)
    return named or ([mapping.levels] if mapping.levels else [])


def _how(mapping: str | Mapping) -> str:
    if isinstance(mapping, str):
        return ""
    said = []
    if mapping.time:
        formats = mapping.time if isinstance(mapping.time, str) else " or ".join(mapping.time)
        said.append(formats + ("" if mapping.unit == "auto" else f" in {mapping.unit}"))
        said += [mapping.zone] if mapping.zone else []
        said += [] if mapping.ambiguous == "refuse" else [f"the {mapping.ambiguous} one where clocks show it twice"]
    if mapping.words:
        said.append(", ".join(f"{word} = {str(meaning).lower()}" for word, meaning in mapping.words.items()))
    if mapping.divide != 1:
        said.append(f"divided by {mapping.divide:g}")
    if mapping.value:
        said.append(f"empty = {mapping.value}")
    if mapping.null:
        said.append(f"{' or '.join(mapping.null)} = nothing")
    return f" ({'; '.join(said)})" if said else ""


def columns(table: EventTable) -> list[str]:
    """The columns that may be mapped, each with what it holds; * for those that a row has to have."""
    found = []
    for column in table.columns:
        name = LEVEL.sub(r"\1.\3", column.name)
        kind = "|".join(column.choices) if column.kind is Kind.CHOICE else column.kind.value
        found.append(f"{name}{'*' * column.required} ({'levels' if name != column.name else kind})")
    return list(dict.fromkeys(found))


def feed_json(one: Description) -> dict[str, Any]:
    """Return all of it for a program."""
    text = one.text
    return {
        "feed": text.name,
        "table": one.table.name,
        "exchange": text.exchange,
        "paths": [path.text for path in one.paths],
        "header": None if text.decoder else text.header,
        "decoder": text.decoder or None,
        "columns": [list(names) for names in one.feed.headers],
        "becomes": becomes(one),
        "lines": list(_of_lines(text)),
        "zone": text.day_zone,
        "verified": text.verified,
        "note": text.note,
    }
