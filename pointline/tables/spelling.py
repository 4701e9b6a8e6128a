"""How names of symbols are compared: a path cannot spell every symbol as the exchange does."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

GROUPS: Final = frozenset({"SPOT", "FUTURES", "PERPETUALS", "OPTIONS"})
"""Names that stand for all symbols of a kind, where a path has the place of a symbol."""
_SAME: Final = str.maketrans("/:", "--")


def symbol_key(text: str) -> str:
    """Return what is equal for two spellings of one symbol: upper case, with ``/`` and ``:`` as ``-``."""
    return text.upper().translate(_SAME)


def is_group(symbol: str, groups: Collection[str] = ()) -> bool:
    """Tell whether a name stands for a group of symbols: one of ``GROUPS``, or one of ``groups``, without case."""
    name = symbol.upper()
    return name in GROUPS or any(name == group.upper() for group in groups)
