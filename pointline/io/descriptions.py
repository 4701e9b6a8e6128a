"""Vendor descriptions as files: those that ship with the package, and a lake's own in ``<LAKE_ROOT>/vendors``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from pointline.errors import ConfigurationError
from pointline.io.translate import storage_errors
from pointline.tables.registry import event_tables
from pointline.tables.schema import EventTable
from pointline.vendors.describe import Vendor, describe
from pointline.vendors.feeds import Feeds

FOLDER = "vendors"
ENDING = ".toml"


@cache
def shipped_vendors() -> tuple[Vendor, ...]:
    """Return the vendors that ship. Raises ConfigurationError where one of them does not make sense."""
    tables = event_tables()
    files = [one for one in resources.files("pointline.vendors").iterdir() if one.name.endswith(ENDING)]
    vendors = [describe(one.read_bytes(), one.name, tables) for one in sorted(files, key=lambda one: one.name)]
    problems = [problem for vendor in vendors for problem in vendor.problems]
    if problems:
        raise ConfigurationError(problems)
    return tuple(vendors)


def own_vendors(root: Path, tables: Mapping[str, EventTable]) -> tuple[Vendor, ...]:
    """Return what a lake's own descriptions say. Raises ConfigurationError with all that is wrong with them."""
    folder = root / FOLDER
    known = dict(tables)
    vendors = []
    with storage_errors(FOLDER):
        files = sorted(folder.glob(f"*{ENDING}")) if folder.is_dir() else []
        for file in files:
            vendor = describe(file.read_bytes(), f"{FOLDER}/{file.name}", known)
            known |= vendor.tables
            vendors.append(vendor)
    problems = [problem for vendor in vendors for problem in vendor.problems]
    names = [vendor.name for vendor in vendors]
    problems += [
        f"two files describe the vendor {name!r}" for name in sorted({one for one in names if names.count(one) > 1})
    ]
    if problems:
        raise ConfigurationError(problems)
    return tuple(vendors)


def read_feeds(root: Path) -> Feeds:
    """Return the feeds of a lake."""
    return Feeds(event_tables(), own_vendors(root, event_tables()), shipped_vendors)
