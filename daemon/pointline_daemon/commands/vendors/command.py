"""``pointline vendors list``, ``show`` and ``help``: which files of whom are read, and as what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pointline.errors import WrongUse
from pointline.io.descriptions import FOLDER, language_reference
from pointline.phrases import LEAVE_ONE_OUT, plural
from pointline.tables.registry import event_tables
from pointline.unknown import no_such
from pointline.vendors.describe import Vendor
from pointline_daemon.commands.help import print_document
from pointline_daemon.commands.shared.present import (
    Column,
    print_json,
    print_labelled,
    print_lines,
    print_table,
)
from pointline_daemon.commands.shared.settings import settings_with_or_without, warn
from pointline_daemon.commands.vendors.said import becomes, columns, facts, feed_json
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
SHIPPED = "shipped"
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
        feeds = [feed_json(one) for one in vendor.descriptions]
        own = {table.name: columns(table) for table in vendor.tables.values()}
        told = {"url": vendor.url, "feeds": feeds, "own_tables": own, "not_read": _unread(vendor)}
        print_json({**_summary(vendor), **told})
    else:
        _show(vendor)
    return EXIT_OK


def show_language() -> int:
    """Print the reference of the language that descriptions are written in."""
    tables = [f"- `{table.name}`: {', '.join(columns(table))}" for table in event_tables().values()]
    print_document("\n".join([language_reference().rstrip(), "", "## Tables and their columns", "", *tables]))
    return EXIT_OK


def _tables(vendor: Vendor) -> list[str]:
    return sorted({one.table.name for one in vendor.descriptions})


def _verified(vendor: Vendor) -> str:
    if not vendor.descriptions or _origin(vendor) != SHIPPED:
        return ""
    verified = sum(one.text.verified for one in vendor.descriptions)
    if verified == len(vendor.descriptions):
        return "yes"
    return f"{verified} of {len(vendor.descriptions)}" if verified else "no"


def _origin(vendor: Vendor) -> str:
    return vendor.where if vendor.where.startswith(f"{FOLDER}/") else SHIPPED


def _summary(vendor: Vendor) -> dict[str, Any]:
    return {
        "vendor": vendor.name,
        "title": vendor.title,
        "feeds": len(vendor.descriptions),
        "tables": _tables(vendor),
        "unverified": [one.text.name for one in vendor.descriptions if not one.text.verified],
        "from": _origin(vendor),
    }


def _show(vendor: Vendor) -> None:
    print_lines([f"{vendor.name}: {vendor.title or 'no title'}", *([vendor.url] if vendor.url else [])])
    print_lines([f"from {_origin(vendor)}, {plural(len(vendor.descriptions), 'feed')}"])
    for one in vendor.descriptions:
        text = one.text
        verified = "" if text.verified else ", unverified: written from documents, not from files"
        print_lines(["", f"{text.name} -> {one.table.name}, exchange {text.exchange or 'from the rows'}{verified}"])
        for path in one.paths:
            print_labelled("   path    ", path.text)
        for label, said in facts(one):
            print_labelled(f"   {label:<8}", said)
        print_table(BECOMES, [[f"   {column}", what] for column, what in becomes(one).items()])
    for table in vendor.tables.values():
        print_lines([""])
        print_labelled(f"table {table.name}: ", ", ".join(columns(table)))
    for unread in _unread(vendor):
        print_lines(["", f"not read: {unread['what']}"])
        print_labelled("   path    ", ", ".join(unread["path"]))
        print_labelled("   try     ", unread["advice"])


def _unread(vendor: Vendor) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for template, one in vendor.unread:
        entry = found.setdefault(one.what, {"what": one.what, "advice": one.advice, "path": []})
        entry["path"].append(template.text)
    return list(found.values())
