"""What the words for the length of a bar mean: ``1m``, ``60min``, ``4h``, ``1d``, ``1w``, ``1mo``."""

from __future__ import annotations

import re
from functools import lru_cache

US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
WRITTEN = re.compile(r"([1-9][0-9]{0,4}) ?([A-Za-z]+)")
WORDS = {
    "s": ("s", "sec", "second", "seconds"),
    "m": ("m", "min", "minute", "minutes"),
    "h": ("h", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
    "mo": ("mo", "mon", "month", "months"),
}
UNITS = {word: unit for unit, words in WORDS.items() for word in words}
SHIFTED = 4 * US["h"]
"""Bars of this length and more may begin by clocks that are set: one day of the year has 23 hours then."""
CALENDAR = {"w": 5 * US["d"], "mo": 25 * US["d"]}
"""Bars of a week or a month may be dated by its first or last day of trade, which holidays move."""


def interval_of(us: int) -> str:
    """Return a length as an interval, in the largest unit that it is a whole number of."""
    if us > US["s"] and us % US["s"]:
        return f"{us / US['s']:.3g}s"
    unit = next(unit for unit in reversed(US) if us % US[unit] == 0)
    return f"{us // US[unit]}{unit}"


@lru_cache(maxsize=4096)
def least_step(interval: str) -> int:
    """Return how many microseconds two bars of an interval are apart at least; 0 where its word is not known."""
    count, unit = _read(interval)
    if unit in CALENDAR:
        return count * CALENDAR[unit]
    length = count * US.get(unit, 0)
    return length - US["h"] if length >= SHIFTED else length


def is_calendar(interval: str) -> bool:
    """Tell whether an interval is of weeks or months: single bars of those may be nearer to each other."""
    return _read(interval)[1] in CALENDAR


def _read(interval: str) -> tuple[int, str]:
    """Return the number and the unit of an interval; ``1M`` is a month, any other word is read without case."""
    found = WRITTEN.fullmatch(interval)
    if found is None:
        return 0, ""
    return int(found[1]), "mo" if found[2] == "M" else UNITS.get(found[2].lower(), "")
