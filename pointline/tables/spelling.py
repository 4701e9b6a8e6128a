"""Symbols as people and vendors spell them: which spellings mean the same, and which names stand for many symbols."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

GROUPS = ("SPOT", "FUTURES", "PERPETUALS", "OPTIONS")
"""Names of files that hold all symbols of a kind. Source: Tardis, grouped symbols."""

_AS_IN_NAMES = str.maketrans("/:", "--")


@lru_cache(maxsize=65_536)
def symbol_key(text: str) -> str:
    """Return what equal symbols have in common: file names cannot hold ``/`` and ``:``, and case says nothing."""
    return text.upper().translate(_AS_IN_NAMES)


def is_group(symbol: str, groups: Collection[str] = ()) -> bool:
    """Tell whether a name stands for many symbols; ``groups`` are names beyond those that Tardis uses."""
    key = symbol_key(symbol)
    return key in GROUPS or any(key == symbol_key(group) for group in groups)
