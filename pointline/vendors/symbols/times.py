"""Times in files of symbols, by their digits and by what is plausible: a number that means another unit is refused.

A time is text in ISO 8601, UTC where no offset is stated, a column of times, or whole microseconds since the epoch.
"""

from __future__ import annotations

import datetime as dt
import re

import polars as pl

from pointline.tables.schema import UTC_TIME

EARLIEST = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
"""Nothing that is listed in electronic form began before, and nothing ends later; 2100 stands for never."""

HINT = "write times as 2024-05-01T00:00:00Z, or as whole microseconds since the epoch"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FORMAT = "%Y-%m-%dT%H:%M:%S%.f%z"
_UNITS = ((1, "seconds"), (1_000, "milliseconds"), (1_000_000, "microseconds"), (1_000_000_000, "nanoseconds"))


def typed_times(column: pl.Series) -> pl.Series:
    """Return the times of a column, null where a value is none: ``fault_of`` says why."""
    if isinstance(column.dtype, pl.Datetime):
        zoned = column if column.dtype.time_zone else column.dt.replace_time_zone("UTC")
        return _plausible(zoned.cast(UTC_TIME))
    if column.dtype == pl.Date:
        return _plausible(column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    if column.dtype == pl.String:
        return _plausible(pl.select(_from_text(pl.lit(column))).to_series())
    if column.dtype.is_integer():
        return _plausible(column.cast(pl.Int64, strict=False).cast(UTC_TIME))
    return pl.Series(column.name, [None] * len(column), UTC_TIME)


def fault_of(value: object) -> str:
    """Say what a value is that is no time."""
    if isinstance(value, bool):
        return "a boolean"
    text = str(value).strip()
    if re.fullmatch(r"-?\d+(\.0*)?", text):
        return _fault_of_number(int(text.partition(".")[0]), text)
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return "no time"
    return f"not between {EARLIEST:%Y} and {LATEST:%Y}"


def read_time(value: object) -> dt.datetime:
    """Read one time as JSON has it: text in ISO 8601. Raises ValueError, saying what it is instead."""
    if not isinstance(value, str) or re.fullmatch(r"\s*-?[\d.]+\s*", value):
        raise ValueError(fault_of(value))
    try:
        time = dt.datetime.fromisoformat(value)
        time = time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(fault_of(value)) from None
    if not EARLIEST <= time < LATEST:
        raise ValueError(fault_of(value))
    return time


def read_milliseconds(value: object) -> dt.datetime:
    """Read one time in milliseconds since the epoch. Raises ValueError, saying what it is instead."""
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,18}", text):
        raise ValueError(fault_of(value))
    number = int(text)
    if _is_plausible(number, 1_000):
        return _EPOCH + dt.timedelta(milliseconds=number)
    raise ValueError(f"{_fault_of_number(number, text)}; milliseconds are wanted")


def _from_text(text: pl.Expr) -> pl.Expr:
    iso = text.str.replace(" ", "T", literal=True).str.replace(r"[zZ]$", "+0000")
    iso = pl.when(iso.str.contains("T")).then(iso).otherwise(iso + "T00:00:00")
    iso = pl.when(iso.str.contains(r"[+-]\d\d:?\d\d$")).then(iso).otherwise(iso + "+0000")
    time = iso.str.to_datetime(_FORMAT, time_unit="us", time_zone="UTC", strict=False)
    digits = pl.when(text.str.contains(r"^\d{1,18}$")).then(text).cast(pl.Int64(), strict=False)
    return pl.coalesce(digits.cast(UTC_TIME), time)


def _plausible(times: pl.Series) -> pl.Series:
    there = times.is_between(EARLIEST, LATEST, closed="left")
    return times.to_frame().select(pl.when(there).then(pl.first())).to_series()


def _fault_of_number(number: int, text: str) -> str:
    if not number:
        return "zero, which stands for no time"
    for per_second, unit in _UNITS:
        if _is_plausible(number, per_second):
            return f"{unit} since the epoch"
    for written, form in (("yyyymmddHHMMSS", "%Y%m%d%H%M%S"), ("yyyymmdd", "%Y%m%d")):
        if len(text) == len(written):
            try:
                if EARLIEST <= dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC) < LATEST:
                    return f"written as {written}"
            except ValueError:
                continue
    return f"no time between {EARLIEST:%Y} and {LATEST:%Y} in any unit"


def _is_plausible(number: int, per_second: int) -> bool:
    return EARLIEST.timestamp() * per_second <= number < LATEST.timestamp() * per_second
