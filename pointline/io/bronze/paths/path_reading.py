"""What one part of a path says about a file, and whether two parts say the same. Pure string work.

A path often says a thing twice: in its folders and in the file's name. Where the two differ nobody can know which is
right, so the file is held, and both are named.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from pointline.tables.spelling import symbol_key

_DATE = re.compile(r"([0-9]{4})([-/_.]?)([0-9]{2})\2([0-9]{2})")
WAY_OUT = "move or rename the file so that both agree"


class Reading(NamedTuple):
    """What one part of a path says. A field that it says nothing of is empty.

    ``said_by`` is the subject of a sentence: ``the folder``.
    """

    said_by: str
    exchange: str = ""
    data_type: str = ""
    date_text: str = ""
    symbol: str = ""


def percent_decoded(text: str) -> str:
    """Undo the escapes of hive paths (``BTC%2FUSD``); what they do not spell in UTF-8 stays as it is."""
    if "%" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


@lru_cache(maxsize=8192)
def read_date(text: str) -> dt.date | None:
    """The day that ``2024-08-09``, ``2024/08/09`` or ``20240809`` names, if there is one."""
    parts = _DATE.fullmatch(text)
    if parts is None:
        return None
    try:
        return dt.date(int(parts[1]), int(parts[3]), int(parts[4]))
    except ValueError:
        return None


def contradiction(first: Reading, others: Sequence[Reading]) -> str | None:
    """Say where others differ from the first in what both say, and the way out; None where all agree."""
    found = [text for other in others if (text := _difference(first, other))]
    return f"{'; '.join(found)}; {WAY_OUT}" if found else None


def _difference(first: Reading, other: Reading) -> str | None:
    if first[1:] == other[1:]:
        return None  # as nearly always
    differing = [
        (name, mine, theirs)
        for name, mine, theirs in (
            ("exchange", first.exchange, other.exchange),
            ("type", first.data_type, other.data_type),
            ("date", first.date_text, other.date_text),
            ("symbol", first.symbol, other.symbol),
        )
        if mine and theirs and not _is_same(name, mine, theirs)
    ]
    if not differing:
        return None
    mine = ", ".join(f"{name}={value}" for name, value, _ in differing)
    theirs = ", ".join(f"{name}={value}" for name, _, value in differing)
    return f"{first.said_by} says {mine}, {other.said_by} says {theirs}"


def _is_same(name: str, mine: str, theirs: str) -> bool:
    if mine == theirs:
        return True
    if name == "exchange":
        return mine.lower() == theirs.lower()
    if name == "symbol":
        return symbol_key(mine) == symbol_key(theirs)
    return name == "date" and read_date(mine) is not None and read_date(mine) == read_date(theirs)
