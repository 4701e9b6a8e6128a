"""Columns of times: how a cell, or several, and the day or the begin that a path names make a moment."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pointline.parse.feed import REPEATED, SKIPPED
from pointline.parse.rules import Belonging
from pointline.tables.schema import Column, Kind
from pointline.vendors import values
from pointline.vendors.language import FeedText, Mapping
from pointline.vendors.targets.finer import finer_of
from pointline.vendors.targets.made_column import Clocks, MadeColumn, Value, always, no_clocks
from pointline.vendors.values import Clock

SINCE_START = "since start"
WAYS = '"epoch", "seconds", "since midnight", "since start"'


def make_time(column: Column, mapping: Mapping, sources: Sequence[str], text: FeedText) -> MadeColumn:
    """Make a column of times. Raises ValueError where its line of the map cannot be meant."""
    zone = mapping.zone or text.day_zone
    values.zone_of(zone)
    value, kind = _time_value(mapping, sources, Clock(zone, mapping.ambiguous))
    nothing = values.one_of(sources[0], mapping.null, kind) if mapping.null else None
    return MadeColumn(
        column=column,
        value=value if nothing is None else _unless(nothing, value),
        sources=tuple(Column(name=one, kind=kind) for one in sources),
        says_nothing=nothing,
        wanted=_wanted_time(mapping),
        clocks=_clocks(mapping, sources, zone) if values.has_summer_time(zone) else no_clocks,
        zone=zone,
        finer=finer_of(mapping, sources),
    )


def _unless(nothing: pl.Expr, value: Value) -> Value:
    """Return a value where the cell does not stand for nothing."""
    return lambda belonging: pl.when(~nothing).then(value(belonging))


def _clocks(mapping: Mapping, sources: Sequence[str], zone: str) -> Clocks:
    """Where a local time has no value because clocks are set, by the rule that its row breaks."""
    refused, earlier, by_utc = (
        _time_value(mapping, sources, clock)[0] for clock in (Clock(zone), Clock(zone, values.EARLIER), Clock("UTC"))
    )

    def clocks(of: Belonging) -> dict[str, pl.Expr]:
        return {
            REPEATED: refused(of).is_null() & earlier(of).is_not_null(),
            SKIPPED: earlier(of).is_null() & by_utc(of).is_not_null(),
        }

    return clocks


def _time_value(mapping: Mapping, sources: Sequence[str], clock: Clock) -> tuple[Value, Kind]:
    name = sources[0]
    match mapping.time:
        case "epoch":
            return always(values.epoch(pl.col(name), mapping.unit)), Kind.INTEGER
        case "seconds":
            return always(values.decimal_seconds(name)), Kind.NUMBER
        case "since midnight":
            unit = "s" if mapping.unit == "auto" else mapping.unit
            return lambda belonging: values.since_midnight(name, unit, belonging.date, clock), Kind.NUMBER
        case "since start":
            unit = "s" if mapping.unit == "auto" else mapping.unit
            return lambda belonging: values.since_start(name, unit, belonging.first_us), Kind.NUMBER
        case "" | []:
            raise ValueError(f"say how the time is written: time = {WAYS}, or formats")
        case _:
            formats = [mapping.time] if isinstance(mapping.time, str) else mapping.time
            if odd := [one for one in formats if "%" not in one and one != values.EPOCH]:
                raise ValueError(f"{odd[0]!r} is not a way to write a time: {WAYS}, or a format with %")
            for one in formats:
                values.check_format(one)
            return lambda of: values.written(sources, formats, clock, mapping.unit, of.date), Kind.TEXT


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
            return f"a time written as {mapping.time} is wanted"
        case _:
            return f"a time written as {' or '.join(mapping.time)} is wanted"


def may_be_epoch(mapping: Mapping) -> bool:
    """Tell whether a time is an epoch or text."""
    return isinstance(mapping.time, list) and values.EPOCH in mapping.time


def needs_day(mapping: Mapping) -> bool:
    """Tell whether a time is of the day that the path names."""
    formats = [mapping.time] if isinstance(mapping.time, str) else mapping.time
    return formats == ["since midnight"] or any(
        not values.is_dated(one) for one in formats if one not in ("", "seconds", "since midnight", SINCE_START)
    )


def is_timed_by_path(text: FeedText) -> bool:
    """Tell whether rows count from the beginning of the time that the path names."""
    return any(not isinstance(one, str) and one.time == SINCE_START for one in text.map.values())
