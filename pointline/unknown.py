"""A name that nothing has: the error says so, names those that are nearly it, and what there is instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

from pointline.errors import UnknownValue

NEAR: Final = 0.6
"""How alike two names have to be, where 1 is equal."""
SHORTEST_PART: Final = 3
"""Characters of a name that are enough to find it by."""
MOST_NEAR: Final = 3
MOST_LISTED: Final = 30


def near_names(value: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names that are nearly this one, compared without case, the nearest first."""
    by_key: dict[str, str] = {}
    for name in known:
        by_key.setdefault(name.casefold(), name)
    key = value.casefold()
    if key in by_key:
        return [by_key[key]]
    found = difflib.get_close_matches(key, by_key, n=MOST_NEAR, cutoff=NEAR)
    found += sorted(one for one in by_key if len(key) >= SHORTEST_PART and key in one and one not in found)
    return [by_key[one] for one in found[:MOST_NEAR]]


def meant(near: Sequence[str]) -> str:
    """Return the question whether one of these names is meant; empty where there are none."""
    return f"did you mean {' or '.join(near)}?" if near else ""


def no_such(what: str, value: str, known: Iterable[str], *, hint: str = "") -> UnknownValue:
    """Return the error for a name of a kind of thing (``what``: table, rule, ...) that does not exist.

    Up to 30 known names are listed; ``hint`` is what else to do, such as the command that lists all of them.
    """
    names = list(known)
    near = near_names(value, names)
    told = [meant(near)] if near else []
    if names and len(names) <= MOST_LISTED:
        told.append(f"one of: {', '.join(names)}")
    elif not near and names:
        told.append(f"such as {', '.join(names[:MOST_NEAR])}")
    told += [hint] if hint else []
    return UnknownValue(f"there is no {what} {value!r}", subject=value, hint="; ".join(told).replace("?;", "?"))
