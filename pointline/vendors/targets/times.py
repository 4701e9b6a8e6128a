"""Columns of times: how a cell, or several, and the day or the begin that a path names make a moment."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pointline.parse.feed import REPEATED, SKIPPED
from pointline.parse.rules import Belonging
from pointline.tables.schema import Column, Kind
from pointline.vendors import time_formats, values
from pointline.vendors.language import FeedText, Mapping
from pointline.vendors.targets.cells import Cells, numeric_cells
from pointline.vendors.targets.finer import finer_of
from pointline.vendors.targets.made_column import Clocks, MadeColumn, Value, always, no_clocks
from pointline.vendors.values import Clock

SINCE_START = "since start"
NUMBERS = ("epoch", "seconds", "since midnight", SINCE_START)
WAYS = '"epoch", "seconds", "since midnight", "since start"'


def make_time(column: Column, mapping: Mapping, sources: Sequence[str], text: FeedText) -> MadeColumn:
    """Make a column of times. Raises ValueError where its line of the map cannot be meant."""
    if len(sources) > 1 and mapping.time in NUMBERS:
        raise ValueError("several columns are joined to be read by formats: an epoch, seconds and such stand in one")
    if mapping.zone and mapping.time in ("epoch", "seconds", SINCE_START):
        raise ValueError(f"zone: a time that is written as {mapping.time} is of no zone: leave zone out")
    zone = mapping.zone or text.day_zone
    cells = _cells(mapping, sources[0], text.decimal)
    value = _time_value(mapping, sources, Clock(zone, mapping.ambiguous), cells.number)
    if mapping.zone:  # the feed's own is looked at with the feed
        values.zone_of(zone)
    nothing = cells.nothing if len(sources) == 1 else _all_say_nothing(sources, mapping.null)
    return MadeColumn(
        column=column,
        value=value if nothing is None else _unless(nothing, value),
        sources=tuple(Column(name=one, kind=cells.source.kind) for one in sources),
        says_nothing=nothing,
        wanted=_wanted_time(mapping),
        clocks=_clocks(mapping, sources, zone, cells.number) if values.has_summer_time(zone) else no_clocks,
        zone=zone,
        finer=finer_of(mapping, sources),
    )


def _all_say_nothing(sources: Sequence[str], null: Sequence[str]) -> pl.Expr | None:
    """A time that stands in several cells is none only where none of them says anything: half a time is no time."""
    if not null:
        return None
    return pl.all_horizontal(pl.col(one).is_null() | pl.col(one).is_in(list(null)) for one in sources)


def _unless(nothing: pl.Expr, value: Value) -> Value:
    """Return a value where the cell does not stand for nothing."""
    return lambda belonging: pl.when(~nothing).then(value(belonging))


def _clocks(mapping: Mapping, sources: Sequence[str], zone: str, number: pl.Expr) -> Clocks:
    """Where a local time has no value because clocks are set, by the rule that its row breaks."""
    refused, earlier, by_utc = (
        _time_value(mapping, sources, clock, number)
        for clock in (Clock(zone), Clock(zone, values.EARLIER), Clock("UTC"))
    )

    def clocks(of: Belonging) -> dict[str, pl.Expr]:
        return {
            REPEATED: refused(of).is_null() & earlier(of).is_not_null(),
            SKIPPED: earlier(of).is_null() & by_utc(of).is_not_null(),
        }

    return clocks


def _cells(mapping: Mapping, name: str, decimal: str) -> Cells:
    match mapping.time:
        case "epoch":
            return numeric_cells(name, Kind.INTEGER, mapping.null)
        case "seconds" | "since midnight" | "since start":
            return numeric_cells(name, Kind.SECONDS, mapping.null, decimal)
    nothing = values.one_of(name, mapping.null, Kind.TEXT) if mapping.null else None
    return Cells(source=Column(name=name, kind=Kind.TEXT), number=pl.col(name), nothing=nothing)


def _time_value(mapping: Mapping, sources: Sequence[str], clock: Clock, number: pl.Expr) -> Value:
    """``number`` is what the first cell holds, for times that are one."""
    unit = "s" if mapping.unit == "auto" else mapping.unit
    match mapping.time:
        case "epoch":
            return always(values.epoch(number, mapping.unit))
        case "seconds":
            return always(values.decimal_seconds(number))
        case "since midnight":
            return lambda belonging: values.since_midnight(number, unit, belonging.date, clock)
        case "since start":
            return lambda belonging: values.since_start(number, unit, belonging.first_us)
        case "" | []:
            raise ValueError(f"say how the time is written: time = {WAYS}, or formats")
        case _:
            formats = [mapping.time] if isinstance(mapping.time, str) else mapping.time
            if odd := [one for one in formats if "%" not in one and one != values.EPOCH]:
                raise ValueError(f"{odd[0]!r} is not a way to write a time: {WAYS}, or a format with %")
            for one in formats:
                time_formats.check_format(one)
            return lambda of: time_formats.written(sources, formats, clock, mapping.unit, of.date)


def _wanted_time(mapping: Mapping) -> str:
    """Say how a time is written."""
    match mapping.time:
        case "epoch" if mapping.unit == "auto":
            return "a time of 10 digits (s), 13 (ms), 16 (us) or 19 (ns) is wanted"
        case "epoch":
            return f"a whole number of {mapping.unit} since 1970 is wanted"
        case "seconds":
            return "seconds since 1970, such as 1714521600.25, are wanted"
        case "since midnight" | "since start":
            return f"a time {mapping.time} is wanted"
        case str():
            zone = ", where %z is an offset such as +0000: write Z in its place where times end in Z"
            return f"a time written as {mapping.time} is wanted{zone if mapping.time.endswith('%z') else ''}"
        case _:
            return f"a time written as {' or '.join(mapping.time)} is wanted"


def may_be_epoch(mapping: Mapping) -> bool:
    """Tell whether a time is an epoch or text, and a whole number for certain an epoch."""
    others = [one for one in mapping.time if one != values.EPOCH] if isinstance(mapping.time, list) else []
    return values.EPOCH in mapping.time and bool(others) and not any(map(time_formats.is_all_digits, others))


def needs_day(mapping: Mapping) -> bool:
    """Tell whether a time is of the day that the path names."""
    formats = [mapping.time] if isinstance(mapping.time, str) else mapping.time
    return formats == ["since midnight"] or any(
        not time_formats.is_dated(one) for one in formats if one not in ("", "seconds", "since midnight", SINCE_START)
    )


def is_timed_by_path(text: FeedText) -> bool:
    """Tell whether rows count from the beginning of the time that the path names."""
    return any(not isinstance(one, str) and one.time == SINCE_START for one in text.map.values())
