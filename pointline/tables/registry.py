"""Finds the event tables: every module of this package that defines ``TABLE`` as an ``EventTable``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from pointline.tables.schema import EventTable


def discover(search_path: Iterable[str], package: str) -> dict[str, EventTable]:
    """Return the event tables of the modules under ``search_path``, by table name."""
    found = {}
    for module in sorted(pkgutil.iter_modules(list(search_path)), key=lambda module: module.name):
        table = getattr(importlib.import_module(f"{package}.{module.name}"), "TABLE", None)
        if isinstance(table, EventTable):
            found[table.name] = table
    return found


@cache
def event_tables() -> Mapping[str, EventTable]:
    """Return all event tables by name."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    return MappingProxyType(discover(package.__path__, package.__name__))
