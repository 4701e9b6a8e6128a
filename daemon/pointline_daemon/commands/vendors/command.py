"""``pointline vendors list``, ``show`` and ``help``: which files of whom are read, and as what."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pointline.errors import WrongUse
from pointline.io.descriptions import FOLDER, language_reference
from pointline.parse.feed import Header
from pointline.parse.json_lines import LIST
from pointline.phrases import LEAVE_ONE_OUT, plural
from pointline.tables.registry import event_tables
from pointline.tables.schema import EventTable, Kind
from pointline.unknown import no_such
from pointline.vendors.describe import Description, Vendor
from pointline.vendors.language import Mapping
from pointline.vendors.targets import LEVEL
from pointline_daemon.commands.shared.present import (
    Column,
    print_json,
    print_labelled,
    print_lines,
    print_table,
)
from pointline_daemon.commands.shared.settings import settings_with_or_without, warn
from pointline_daemon.exit_codes import EXIT_OK
from pointline_daemon.opening.bronze_access import make_feeds

LISTED = [
    Column(title="vendor"),
    Column(title="title", fold=True),
    Column(title="feeds", align="right"),
    Column(title="tables", fold=True),
    Column(title="verified"),
    Column(title="from"),
]
BECOMES = [Column(title="   column"), Column(title="becomes", fold=True)]
NO_TABLES = "formats that are known and not read"
BUILT_IN = {
    "tardis": "Tardis is built in: `pointline help vendors` has its layouts, `pointline help tables` its columns"
}


def list_vendors(lake_root: Path | None, *, as_json: bool) -> int:
    """Print all vendors that are described."""
    config = settings_with_or_without(lake_root)
    vendors = make_feeds(config, on_problem=warn).vendors
    if as_json:
        print_json([_summary(vendor) for vendor in vendors])
        return EXIT_OK
    rows = [
        [
            vendor.name,
            vendor.title,
            str(len(vendor.descriptions)),
            ", ".join(_tables(vendor)) or NO_TABLES,
            _verified(vendor),
            _origin(vendor),
        ]
        for vendor in vendors
    ]
    print_table(LISTED, rows)
    return EXIT_OK


def show_vendor(lake_root: Path | None, name: str, *, as_toml: bool, as_json: bool) -> int:
    """Print what a vendor's description says, or the description itself."""
    config = settings_with_or_without(lake_root)
    vendors = {vendor.name: vendor for vendor in make_feeds(config, on_problem=warn).vendors}
    if name not in vendors:
        raise no_such("vendor", name, vendors, hint=BUILT_IN.get(name.lower(), ""))
    if as_toml and as_json:
        raise WrongUse("--toml and --json exclude each other", hint=LEAVE_ONE_OUT)
    vendor = vendors[name]
    if as_toml:
        sys.stdout.write(vendor.content.decode())
    elif as_json:
        feeds = [_feed_json(one) for one in vendor.descriptions]
        print_json({**_summary(vendor), "url": vendor.url, "feeds": feeds, "not_read": _unread(vendor)})
    else:
        _show(vendor)
    return EXIT_OK


def show_language() -> int:
    """Print the reference of the language that descriptions are written in."""
    print_lines([*language_reference().splitlines(), "", "## Tables and their columns", ""])
    for table in event_tables().values():
        print_labelled(f"{table.name}: ", ", ".join(_columns(table)))
    return EXIT_OK


def _columns(table: EventTable) -> list[str]:
    """The columns that may be mapped, each with what it holds; * for those that a row has to have."""
    found = []
    for column in table.columns:
        name = LEVEL.sub(r"\1.\3", column.name)
        kind = "|".join(column.choices) if column.kind is Kind.CHOICE else column.kind.value
        found.append(f"{name}{'*' * column.required} ({'levels' if name != column.name else kind})")
    return list(dict.fromkeys(found))


def _tables(vendor: Vendor) -> list[str]:
    return sorted({one.feed.table.name for one in vendor.descriptions})


def _verified(vendor: Vendor) -> str:
    if not vendor.descriptions:
        return ""
    verified = sum(one.text.verified for one in vendor.descriptions)
    if verified == len(vendor.descriptions):
        return "yes"
    return f"{verified} of {len(vendor.descriptions)}" if verified else "no"


def _origin(vendor: Vendor) -> str:
    return vendor.where if vendor.where.startswith(f"{FOLDER}/") else "shipped"


def _summary(vendor: Vendor) -> dict[str, Any]:
    return {
        "vendor": vendor.name,
        "title": vendor.title,
        "feeds": len(vendor.descriptions),
        "tables": _tables(vendor),
        "unverified": [one.feed.name for one in vendor.descriptions if not one.text.verified],
        "from": _origin(vendor),
    }


def _show(vendor: Vendor) -> None:
    print_lines([f"{vendor.name}: {vendor.title or 'no title'}", *([vendor.url] if vendor.url else [])])
    print_lines([f"from {_origin(vendor)}, {plural(len(vendor.descriptions), 'feed')}"])
    for one in vendor.descriptions:
        text = one.text
        verified = "" if text.verified else ", unverified: written from documents, not from files"
        print_lines(
            ["", f"{text.name} -> {one.feed.table.name}, exchange {text.exchange or 'from the rows'}{verified}"]
        )
        for path in one.paths:
            print_labelled("   path    ", path.text)
        for label, said in _facts(one):
            print_labelled(f"   {label:<8}", said)
        print_table(BECOMES, [[f"   {column}", what] for column, what in _becomes(one).items()])
    for unread in _unread(vendor):
        print_lines(["", f"not read: {unread['what']}"])
        print_labelled("   path    ", ", ".join(unread["path"]))
        print_labelled("   try     ", unread["advice"])


def _facts(one: Description) -> Iterator[tuple[str, str]]:
    text = one.text
    header = {
        Header.REQUIRED: "the first line names the columns",
        Header.ABSENT: "there is no header",
        Header.AUTO: "with a header or without",
    }
    if one.feed.decoder:
        yield "header", f"the decoder {one.feed.decoder} names the columns"
    elif one.feed.json_lines is None:
        yield "header", header[one.feed.header]
    else:
        yield "lines", "objects of JSON"
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


def _becomes(one: Description) -> dict[str, str]:
    """What becomes of each source column, in the order of the file."""
    text = one.text
    found = {name: [] for names in one.feed.headers for name in names if name}  # type: dict[str, list[str]]
    for target, mapping in text.map.items():
        for source in _sources(mapping):
            found.setdefault(source, []).append(f"{target}{_how(mapping)}")
    own = {column.name for column in one.feed.table.columns} - set(text.map)
    left_out = {name: "not kept" if name in text.drop else "chooses rows" for name in found}
    said = {
        name: ", ".join([*targets, *([name] if name in own else [])]) or left_out[name]
        for name, targets in found.items()
    }
    constants = {
        target: mapping.value for target, mapping in text.map.items() if isinstance(mapping, Mapping) and mapping.value
    }
    return {**said, **{f"({value!r})": target for target, value in constants.items()}}


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
    if mapping.words:
        said.append(", ".join(f"{word} = {str(meaning).lower()}" for word, meaning in mapping.words.items()))
    if mapping.divide != 1:
        said.append(f"divided by {mapping.divide:g}")
    if mapping.null:
        said.append(f"{' or '.join(mapping.null)} = nothing")
    return f" ({'; '.join(said)})" if said else ""


def _feed_json(one: Description) -> dict[str, Any]:
    text = one.text
    return {
        "feed": text.name,
        "table": one.feed.table.name,
        "exchange": text.exchange,
        "paths": [path.text for path in one.paths],
        "header": None if text.decoder else text.header,
        "decoder": text.decoder or None,
        "columns": [list(names) for names in one.feed.headers],
        "becomes": _becomes(one),
        "zone": text.day_zone,
        "verified": text.verified,
        "note": text.note,
    }


def _unread(vendor: Vendor) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for template, one in vendor.unread:
        entry = found.setdefault(one.what, {"what": one.what, "advice": one.advice, "path": []})
        entry["path"].append(template.text)
    return list(found.values())
