"""Pointline: a folder of vendor files becomes a market-data lake of Delta tables.

What is there to read, as Polars frames::

    pointline.tables()      the tables, with their rows, days and size
    pointline.symbols()     the symbols of each exchange and table
    pointline.files()       the ledger: each file, and what became of it
    pointline.coverage()    which days of each symbol are in the lake, and which are missing

The rows themselves::

    trades = pointline.scan("trades", exchange="deribit", start="2024-05-01", columns=["local_timestamp", "price"])
    trades.collect()

``pointline.with_symbols(frame)`` adds what each symbol was at the time of the row: its tick size, lot size and so on.
Every failure is a ``pointline.PointlineError``. The lake is the argument ``lake_root``, or else ``LAKE_ROOT``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from pointline.errors import PointlineError

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from pointline.overview import coverage, files, symbols, tables
    from pointline.point_in_time import NoVersion, with_symbols
    from pointline.reading import scan

__all__ = ["NoVersion", "PointlineError", "coverage", "files", "scan", "symbols", "tables", "with_symbols"]

_MODULES = {
    **dict.fromkeys(("coverage", "files", "symbols"), "pointline.overview"),
    **dict.fromkeys(("NoVersion", "with_symbols"), "pointline.point_in_time"),
    "scan": "pointline.reading",
}
"""Loaded when one of their names is asked for: commands that do not read start without them."""


class _Tables(ModuleType):
    """``pointline.tables`` is a package of this program, and for those who read a lake a function."""

    def __call__(self, *, lake_root: str | Path | None = None) -> pl.DataFrame:
        """Return the tables of a lake as a Polars frame, those with the most rows first.

        >>> import pointline
        >>> pointline.tables().filter(pl.col("rows") > 0)  # doctest: +SKIP

        See ``pointline.overview.tables``.
        """
        from pointline.overview import tables as overview  # noqa: PLC0415 - as _MODULES says

        return overview(lake_root=lake_root)


class _Pointline(ModuleType):
    """The package itself: what the import system sets as its ``tables`` can be called."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "tables" and isinstance(value, ModuleType):
            value.__class__ = _Tables
            value.__doc__ = _Tables.__call__.__doc__  # what `help` and `?` show
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Pointline

if not TYPE_CHECKING:  # a type checker that sees it takes every misspelled name for an object

    def __getattr__(name: str) -> object:
        import importlib  # noqa: PLC0415 - as _MODULES says

        if name == "tables":
            return importlib.import_module("pointline.tables")
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
        return getattr(importlib.import_module(_MODULES[name]), name)

    def __dir__() -> list[str]:
        return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
