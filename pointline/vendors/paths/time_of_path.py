"""The time that a path says: the parts of it that its folders and its name have, put together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

FROM_ZERO = "%0m"
DIGITS = {"%Y": r"[0-9]{4}", "%m": r"[0-9]{2}", "%d": r"[0-9]{2}", "%H": r"[0-9]{1,2}"}


class Span(Enum):
    """How much time one file covers."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    NONE = "none"
    """The path names no time."""


SPANS = {Span.DAY: "daily", Span.MONTH: "monthly", Span.YEAR: "yearly"}
"""Words of folders for how much time a file covers. The file's own name knows better, in whichever folder it lies, and
where no folder says it: vendors give files out under bare names too."""


class Match(Struct, frozen=True):
    """What a path says: the fields by name, and when the file's time begins, without a zone."""

    fields: dict[str, str]
    begins: dt.datetime | None
    problem: str = ""
    """Why the path cannot be right though it fits."""
    last: dt.datetime | None = None
    """The last day, month or year, where the path names it beside the first."""


def read_times(values: dict[str, str], times: Sequence[str], formats: Sequence[str]) -> Match:
    """Return what a path says with the time that its parts make, each in its format."""
    if FROM_ZERO not in formats:
        return _with_time(values, times, formats)
    times = [f"{int(one) + 1:02}" if how == FROM_ZERO else one for one, how in zip(times, formats, strict=True)]
    made = _with_time(values, times, ["%m" if how == FROM_ZERO else how for how in formats])
    if not made.problem:
        return made
    return replace(made, problem=f"{made.problem}; its months are counted from 00, so that 11 is December")


def _with_time(values: dict[str, str], times: Sequence[str], formats: Sequence[str]) -> Match:
    """Read the time: each part with a year begins one; where a path says it twice, both have to agree."""
    found: dt.datetime | None = None
    if not formats:
        return Match(values, None)
    known = ""
    starts = [number for number, format_ in enumerate(formats) if "%Y" in format_]
    for start, end in pairwise([*starts, len(formats)]):
        text, format_ = " ".join(times[start:end]), " ".join(formats[start:end])
        begins = _read(text, format_)
        if begins is None:
            return Match(values, None, _no_date(text))
        both = "".join(letter for letter in DIGITS if letter in known and letter in format_)
        if found is not None and begins.strftime(both) != found.strftime(both):
            two = f"{found:%Y-%m-%d} and {begins:%Y-%m-%d}"
            return Match(values, None, f"it names two dates, {two}: rename what is wrong")
        if len(format_) >= len(known):
            found, known = begins, format_
    return Match(values, found)


def with_last(made: Match, text: str, format_: str) -> Match:
    """Add the last day of a file of several."""
    last = _read(text, format_)
    if made.problem or made.begins is None:
        return made
    if last is None:
        return Match(made.fields, None, _no_date(text))
    if last < made.begins:
        return Match(made.fields, None, f"it ends on {last:%Y-%m-%d}, before it begins: rename what is wrong")
    return Match(made.fields, made.begins, last=last)


@lru_cache(maxsize=4096)
def _read(text: str, format_: str) -> dt.datetime | None:
    try:
        read = dt.datetime.strptime(text, format_)  # noqa: DTZ007 - its zone is the feed's
    except ValueError:
        return None
    return read if dt.MINYEAR < read.year < dt.MAXYEAR else None  # the end of its time, in any zone, is a time too


def _no_date(text: str) -> str:
    return f"the date {text!r} does not exist, or is of no year of ours: rename it to the right one"
