"""How symbols are spelled: when two spellings mean the same symbol, and which names mean a group of symbols."""

from __future__ import annotations

from collections.abc import Collection

GROUPS = frozenset({"spot", "futures", "perpetuals", "options"})
"""What a vendor calls a file of many symbols, without case."""
SAME_AS_DASH = str.maketrans("/:", "--")


def symbol_key(text: str) -> str:
    """Return what all spellings of a symbol share: without case, and with ``/`` and ``:`` equal to ``-``."""
    return text.casefold().translate(SAME_AS_DASH)


def is_group(symbol: str, groups: Collection[str]) -> bool:
    """Tell whether a file of that name may hold any symbol. ``groups`` are names beyond the usual ones."""
    key = symbol.casefold()
    return key in GROUPS or any(key == name.casefold() for name in groups)
