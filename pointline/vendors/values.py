"""Cells of vendors as values of a table's columns: times of every form, words, scaled numbers, levels.

Every expression gives null where a cell says nothing that fits; the caller turns that into a quarantined row.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar, cast
from zoneinfo import ZoneInfo

import polars as pl

from pointline.tables.schema import Kind

US_PER_SECOND = 1_000_000
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Ticks of an epoch per second."""
LAST_INTEGER = 2**63 - 1
LAST_SECOND = 9e12
DIGITS = {"s": (10**9, 10**10), "ms": (10**12, 10**13), "us": (10**15, 10**16), "ns": (10**18, LAST_INTEGER)}
"""The ticks that have 10, 13, 16 and 19 digits: times from 2001 on."""
Ticks = TypeVar("Ticks", pl.Expr, pl.Series)
OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):?([0-5]\d)")
NO_ZONES = ("localtime", "Factory", "posix/", "right/")
"""Names that Python knows and Polars does not, or that mean another zone on each machine."""
EPOCH = "epoch"
DECIMAL = r"^-?[0-9]+\.[0-9]+$"
EXPONENT = r"[eE]([+-]?[0-9]+)$"
EXACT = 2**53
"""Whole numbers up to here are floats of the same value."""


REFUSE, EARLIER = "refuse", "earlier"
AMBIGUOUS: Mapping[str, Literal["null", "earliest", "latest"]] = {
    REFUSE: "null",
    EARLIER: "earliest",
    "later": "latest",
}
"""What is taken of a local time that clocks show twice, in words of the language and of Polars."""


class Clock(NamedTuple):
    """A clock on the wall: its zone, and which is meant of the times that it shows twice."""

    zone: str
    ambiguous: str = REFUSE


def is_number(text: str) -> bool:
    """Tell whether a cell is a number as Python reads one."""
    try:
        float(text)
    except ValueError:
        return False
    return True


UTC_NAMES = ("UTC", "Z")


def zone_of(text: str) -> dt.tzinfo:
    """Return a zone by its IANA name, or as ``+08:00``. Raises ValueError for another text."""
    if text in UTC_NAMES:
        return dt.UTC
    found = OFFSET.fullmatch(text)
    if found is not None:
        minutes = int(found[2]) * 60 + int(found[3])
        return dt.timezone(dt.timedelta(minutes=-minutes if found[1] == "-" else minutes))
    unknown = f"there is no zone {text!r}: write a name such as America/New_York, or +08:00"
    if text.startswith(NO_ZONES):
        raise ValueError(unknown)
    try:
        return ZoneInfo(text)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(unknown) from error


def epoch(ticks: pl.Expr, unit: str) -> pl.Expr:
    """Microseconds from an integer epoch; ``auto`` decides by the number of digits, anything else is pinned.

    Null where the number of digits is that of no unit.
    """
    if unit != "auto":
        most = LAST_INTEGER // max(US_PER_SECOND // UNITS[unit], 1)
        return _from_ticks(ticks.clip(-most, most), unit)  # a time beyond all of them stays one, and is no other
    return ticks.map_batches(_by_digits, return_dtype=pl.Int64(), is_elementwise=True)


def _by_digits(ticks: pl.Series) -> pl.Series:
    """Nearly always all of them have as many digits: then two comparisons settle it."""
    least, most = ticks.min(), ticks.max()
    for unit, (low, end) in DIGITS.items():
        if isinstance(least, int) and isinstance(most, int) and low <= least and most < end:
            return _from_ticks(ticks, unit)
    each = pl.col(ticks.name)
    whens = [
        pl.when(each.is_between(low, end, closed="left")).then(_from_ticks(each, unit))
        for unit, (low, end) in DIGITS.items()
    ]
    return ticks.to_frame().select(pl.coalesce(whens).alias(ticks.name)).to_series()


def _from_ticks(ticks: Ticks, unit: str) -> Ticks:
    per_second = UNITS[unit]
    return (
        ticks * (US_PER_SECOND // per_second) if per_second <= US_PER_SECOND else ticks // (per_second // US_PER_SECOND)
    )


def decimal_seconds(seconds: pl.Expr) -> pl.Expr:
    """Microseconds from seconds with a decimal point; exact for six decimals, of finer ones the nearest."""
    seconds = seconds.clip(-LAST_SECOND, LAST_SECOND)  # a time beyond all of them stays one, and is no other
    microseconds = (seconds % 1.0 * 1e6).round()
    return (seconds.floor().cast(pl.Int64, strict=False) * US_PER_SECOND) + microseconds.cast(pl.Int64, strict=False)


def since_midnight(ticks: pl.Expr, unit: str, day: dt.date, clock: Clock) -> pl.Expr:
    """Microseconds from ``s`` (with decimals), ``ms``, ``us`` or ``ns`` since midnight by the clock on the wall.

    On a day on which clocks are set that is not the time since the day began. Exact for nine decimals of a second.
    """
    nanoseconds = (ticks * (UNITS["ns"] / UNITS[unit])).round().cast(pl.Int64, strict=False)
    wall_us = (day - dt.date(1970, 1, 1)).days * 86_400 * US_PER_SECOND + nanoseconds // 1000
    return from_wall(wall_us.cast(pl.Datetime("us")), clock)


def since_start(ticks: pl.Expr, unit: str, first_us: int) -> pl.Expr:
    """Microseconds from ``s`` (with decimals), ``ms``, ``us`` or ``ns`` since the beginning of a file's time."""
    nanoseconds = (ticks * (UNITS["ns"] / UNITS[unit])).round().cast(pl.Int64, strict=False)
    return first_us + nanoseconds // 1000


def has_summer_time(zone: str) -> bool:
    """Tell whether clocks of a zone may be set; of one that is an offset they never are."""
    return zone not in UTC_NAMES and OFFSET.fullmatch(zone) is None


def from_wall(moments: pl.Expr, clock: Clock) -> pl.Expr:
    """Microseconds since the epoch of what a clock on the wall of a zone shows; a part of one is cut.

    What clocks skip is no time; nor is what they show twice, unless ``clock`` says which of the two is meant.
    """
    zone = clock.zone
    if zone in UTC_NAMES:
        return moments.dt.timestamp("us")
    fixed = OFFSET.fullmatch(zone)
    if fixed is not None:
        seconds = (int(fixed[2]) * 3600 + int(fixed[3]) * 60) * (-1 if fixed[1] == "-" else 1)
        return moments.dt.timestamp("us") - seconds * US_PER_SECOND
    local = moments.dt.replace_time_zone(zone, ambiguous=AMBIGUOUS[clock.ambiguous], non_existent="null")
    return local.dt.convert_time_zone("UTC").dt.timestamp("us")


def words(column: str, source: pl.Enum, meaning: Mapping[str, object], kind: pl.DataType) -> pl.Expr:
    """Return what each word means, by its place among the words of the source."""
    values = pl.Series([meaning[word] for word in source.categories], dtype=kind)
    return pl.lit(values).gather(pl.col(column).to_physical())


def scaled(numbers: pl.Expr, divisor: float) -> pl.Expr:
    """The nearest float to a quotient: by division, which gives it where a product does not.

    Of a number with a decimal point that is so for 10, 100, 0.1 and so on; another quotient of it is rounded twice.
    """
    return numbers.map_batches(lambda series: _divided(series, divisor), return_dtype=pl.Float64)


def whole_or_decimal(text: pl.Expr, divisor: float) -> pl.Expr:
    """A number from text: divided where it is a whole number, as it is where it has a decimal point, else null.

    Each is the nearest float to what is written.
    """
    whole = scaled(text.cast(pl.Int64, strict=False), divisor)
    decimal = pl.when(text.str.contains(DECIMAL)).then(text.cast(pl.Float64, strict=False))
    return pl.coalesce([whole, decimal])


def _divided(numbers: pl.Series, divisor: float) -> pl.Series:
    places = _power_of_ten(divisor)
    if places is not None and not numbers.dtype.is_integer():
        return _shifted(numbers, -places)
    high, low = cast("float | None", numbers.max()) or 0, cast("float | None", numbers.min()) or 0
    if not numbers.dtype.is_integer() or max(high, -low) <= EXACT:
        # By a column: Polars divides by one number as if it were a product, and then 3702.7500000000005 comes of it.
        divisors = pl.Series([divisor]).new_from_index(0, len(numbers))
        return numbers.cast(pl.Float64) / divisors
    # A larger number is not exact as a float: Python divides whole numbers without that step.
    by = int(divisor) if divisor == int(divisor) else divisor
    exact = [None if number is None else number / by for number in numbers]
    return pl.Series(numbers.name, exact, dtype=pl.Float64)


def _power_of_ten(number: float) -> int | None:
    """Return the exponent where the number is 1, 10, 100, 0.1 and so on."""
    exponent = round(math.log10(number)) if number > 0 else 0
    return exponent if float(f"1e{exponent}") == number else None


def _shifted(numbers: pl.Series, places: int) -> pl.Series:
    """Move the decimal point, in the shortest text of each number."""
    text = numbers.cast(pl.String)
    exponent = text.str.extract(EXPONENT, 1).cast(pl.Int64).fill_null(0) + places
    moved = text.str.replace(EXPONENT, "") + "e" + exponent.cast(pl.String)
    return moved.cast(pl.Float64, strict=False).zip_with(numbers.is_finite().fill_null(value=False), numbers)


def one_of(column: str, tokens: Sequence[str], kind: Kind) -> pl.Expr:
    """True where the cell is one of these tokens."""
    match kind:
        case Kind.TEXT:
            return pl.col(column).is_in(list(tokens))
        case Kind.INTEGER:  # a greater one is no cell of the column
            wholes = [int(token) for token in tokens if token.lstrip("-").isdigit()]
            return pl.col(column).is_in([one for one in wholes if abs(one) < 2**63])
        case _:
            return pl.col(column).is_in([float(token) for token in tokens])


def levels(pattern: str, depth: int) -> list[str]:
    """Return the columns of a pattern such as ``bid_px_{00..09}``, ``bid_{0..19}_price``."""
    found = re.fullmatch(r"(.*)\{(\d+)\.\.(\d+)\}(.*)", pattern)
    if found is None:
        raise ValueError(f"{pattern!r} has no place for the level: write it as bid_px_{{00..09}}")
    before, first, last, after = found.groups()
    numbers = range(int(first), int(last) + 1)
    if len(numbers) != depth:
        raise ValueError(f"{pattern!r} has {len(numbers)} levels, the table has {depth}")
    return [f"{before}{number:0{len(first)}}{after}" for number in numbers]
