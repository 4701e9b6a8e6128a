"""Pointline: a folder of vendor files becomes a market-data lake of Delta tables.

``pointline.scan`` reads a table of a lake, ``pointline.with_symbols`` joins what the symbols were at the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointline.reading import scan, with_symbols

__all__ = ["scan", "with_symbols"]


def __getattr__(name: str) -> object:
    """Load the reading side when it is asked for: commands that do not read start without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pointline import reading  # noqa: PLC0415 - as said above

    return getattr(reading, name)
