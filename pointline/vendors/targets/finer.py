"""Which times have digits beyond the microsecond. These are cut, and the warnings of a file say of how many times."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import cache

import polars as pl

from pointline.parse.feed import Finer
from pointline.vendors.language import Mapping
from pointline.vendors.values import DIGITS, EPOCH, UNITS

FRACTION = re.compile(r"%(\.|\.9|9)f")
"""What a format has that reads more than six digits of a second."""
NOT_ZEROS = r"(?:[1-9][0-9]{2}|[0-9][1-9][0-9]|[0-9]{2}[1-9])"
BEHIND_POINT, OF_NINE, OF_EPOCH = (
    r"\.[0-9]{6}[0-9]*[1-9]",
    rf"[0-9]{{6}}{NOT_ZEROS}$",
    rf"^[0-9]{{16}}{NOT_ZEROS}$",
)
FIXED = re.compile(r"(?:[^%]|%[YmdHMSTF])*")
"""What takes as many characters in every time."""


def finer_of(mapping: Mapping, sources: Sequence[str]) -> Finer | None:
    """Return what tells of cells whether they have such digits; None where no cell can, or nobody could tell."""
    name = sources[0]
    is_ns = mapping.unit in {"auto", "ns"}
    match mapping.time:
        case "epoch":
            return (lambda frame: _of_ticks(frame[name].cast(pl.Int64, strict=False))) if is_ns else None
        case "since midnight" | "since start":
            ticks = UNITS["ns"] / UNITS["s" if mapping.unit == "auto" else mapping.unit]
            return lambda _: (
                (pl.col(name).cast(pl.Float64, strict=False) * ticks).round().cast(pl.Int64, strict=False) % 1000 != 0
            )
    formats = [mapping.time] if isinstance(mapping.time, str) else mapping.time
    if (pattern := _pattern(formats, is_ns=is_ns)) is None:
        return None
    fixed = _fixed(formats[0]) if len(formats) == len(sources) == 1 else None
    return lambda frame: _of_texts([frame[one] for one in sources], pattern, fixed)


def _of_ticks(ticks: pl.Series) -> pl.Expr | None:
    least = DIGITS["ns"][0]
    most = ticks.max()
    if not isinstance(most, int) or most < least:
        return None
    number = pl.col(ticks.name).cast(pl.Int64, strict=False)
    return (number >= least) & (number % 1000 != 0)


def _pattern(formats: Sequence[str], *, is_ns: bool) -> str | None:
    """Return what finds such digits in times of these formats."""
    found = {OF_EPOCH} if EPOCH in formats and is_ns else set()
    fractions = [one[1] for one in map(FRACTION.search, formats) if one is not None]
    found |= {BEHIND_POINT if one.startswith(".") else OF_NINE for one in fractions}
    return "|".join(sorted(found)) or None


@cache
def _fixed(format_: str) -> tuple[int, int] | None:
    """Return how long a time with six digits of a second is, and what follows them; None where times differ in that."""
    if (fraction := FRACTION.search(format_)) is None:
        return None
    before, behind = format_[: fraction.start()], format_[fraction.end() :]
    if not (FIXED.fullmatch(before) and FIXED.fullmatch(behind)):
        return None
    lengths = [len(dt.datetime(2024, 5, 1, tzinfo=dt.UTC).strftime(one)) for one in (before, behind)]
    return sum(lengths) + len(fraction[1].strip("9")) + 6, lengths[1]


def _of_texts(texts: Sequence[pl.Series], pattern: str, fixed: tuple[int, int] | None) -> pl.Expr | None:
    if fixed is not None:  # a search in each text takes as long as reading the time
        (text,), (usual, behind) = texts, fixed
        lengths = text.str.len_bytes()
        shortest, longest = lengths.min(), lengths.max()
        if not isinstance(longest, int) or longest <= usual:
            return None
        if shortest == longest == usual + 3:
            return pl.col(text.name).str.slice(-3 - behind, 3) != "000"
    return pl.any_horizontal(pl.col(one.name).str.contains(pattern) for one in texts)
