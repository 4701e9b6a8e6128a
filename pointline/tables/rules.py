"""Which rows cannot be kept: rules on typed rows. The first rule a row breaks names it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import polars as pl

from pointline.tables.schema import EventTable, Kind

DAY_US = 86_400_000_000
EPOCH = dt.date(1970, 1, 1)

# 2000-01-01 and 2200-01-01 in seconds. A time written in another unit than microseconds falls outside by far,
# and the four ranges do not touch, so the unit can be named.
FIRST_SECOND, LAST_SECOND = 946_684_800, 7_258_118_400
PLAUSIBLE_US = (FIRST_SECOND * 10**6, LAST_SECOND * 10**6)
UNITS_PER_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """What a file says about its rows before they are read, and which checks set rows aside."""

    exchange: str
    date: dt.date
    escalated: frozenset[str] = frozenset()

    @property
    def first_us(self) -> int:
        """First microsecond of the file's UTC day, since the epoch."""
        return (self.date - EPOCH).days * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """``broken`` is true for rows to set aside; null counts as kept."""

    name: str
    column: str
    broken: pl.Expr


def rules(table: EventTable, belonging: Belonging) -> Iterator[Rule]:
    """Yield the rules of ``table`` for a file, most telling first, over its typed raw columns."""
    for column in table.columns:
        if column.required:
            yield Rule(name="missing", column=column.name, broken=pl.col(column.name).is_null())
    for column in table.columns:
        if column.kind is Kind.NUMBER:
            yield Rule(name="non_finite", column=column.name, broken=~pl.col(column.name).is_finite())
    yield Rule(name="other_exchange", column="exchange", broken=pl.col("exchange") != belonging.exchange)
    for column in table.columns:
        if column.kind is Kind.TIME:
            yield from _time_rules(column.name)
    local_us = pl.col("local_timestamp")
    in_day = local_us.is_between(belonging.first_us, belonging.first_us + DAY_US, closed="left")
    yield Rule(name="outside_day", column="local_timestamp", broken=~in_day)
    for check in table.checks:
        if check.name in belonging.escalated:
            yield Rule(name=check.name, column=check.column, broken=check.found)


def _time_rules(column: str) -> Iterator[Rule]:
    value = pl.col(column)
    for unit, per_second in UNITS_PER_SECOND.items():
        in_range = value.is_between(FIRST_SECOND * per_second, LAST_SECOND * per_second, closed="left")
        if unit == "microseconds":
            plausible = in_range
        else:
            yield Rule(name=f"time_in_{unit}", column=column, broken=in_range)
    yield Rule(name="implausible_time", column=column, broken=~plausible)


def any_broken(frame: pl.DataFrame, table: EventTable, belonging: Belonging) -> bool:
    """Tell whether any row may break any rule. False is certain. The fast path asks only this.

    Sums and bounds of whole columns cost half of what a look at each value does, and asked one by one a third of what
    a plan of them all does; a sum of finite numbers that is not finite itself only costs a closer look.
    """
    for column in table.columns:
        values = frame[column.name]
        if (
            (column.required and values.null_count())
            or (column.kind is Kind.NUMBER and not math.isfinite(values.sum()))
            or (column.kind is Kind.TIME and _any_outside(values, *PLAUSIBLE_US))
        ):
            return True
    if _any_outside(frame["local_timestamp"], belonging.first_us, belonging.first_us + DAY_US):
        return True
    if (frame["exchange"] != belonging.exchange).any():
        return True
    escalated = [check.found.any() for check in table.checks if check.name in belonging.escalated]
    return bool(escalated) and bool(frame.select(pl.any_horizontal(escalated)).item())


def _any_outside(values: pl.Series, low: int, high: int) -> bool:
    first, last = cast("int | None", values.min()), cast("int | None", values.max())
    return (first is not None and first < low) or (last is not None and last >= high)
