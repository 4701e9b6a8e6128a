"""Which rows cannot be kept: rules on typed rows. The first rule a row breaks names it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import cast

import polars as pl
from msgspec import Struct, field

from pointline.tables.schema import Check, EventTable, Kind
from pointline.tables.spelling import symbol_key

DAY_US = 86_400_000_000
EPOCH = dt.date(1970, 1, 1)

# 2000-01-01 and 2200-01-01 in seconds. A time written in another unit than microseconds falls outside by far,
# and the four ranges do not touch, so the unit can be named.
FIRST_SECOND, LAST_SECOND = 946_684_800, 7_258_118_400
PLAUSIBLE_US = (FIRST_SECOND * 10**6, LAST_SECOND * 10**6)
IMPLAUSIBLE = "implausible_time"
INVISIBLE = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|[\p{Zs}&&[^ ]]|^ | $"
"""What nobody sees in a name: control and format characters, blanks other than a plain one, blanks at its ends."""
STRAY = r"^\x{FEFF}"
"""What files that were joined leave in a text."""
UNITS_PER_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


class Belonging(Struct, frozen=True, kw_only=True):
    """What a file says about its rows before they are read, and which checks quarantine rows."""

    exchange: str
    date: dt.date
    symbol: str | None = None
    """None: a group, whose rows may be of any symbol."""
    escalated: frozenset[str] = frozenset()
    period: tuple[int, int] | None = None
    """First microsecond of the file's time and first one after it, since the epoch. None: the UTC day of ``date``."""
    says: Mapping[str, str] = field(default_factory=dict)
    """What else the path says, such as an interval."""
    zone: str = "UTC"
    """That by which the file's time was cut."""

    @property
    def first_us(self) -> int:
        """First microsecond of the file's time, since the epoch."""
        return (self.date - EPOCH).days * DAY_US if self.period is None else self.period[0]

    @property
    def end_us(self) -> int:
        """First microsecond after the file's time."""
        return self.first_us + DAY_US if self.period is None else self.period[1]

    @property
    def is_one_day(self) -> bool:
        """Tell whether the file's time is one UTC day, that of ``date``."""
        first_us = (self.date - EPOCH).days * DAY_US
        return self.period is None or self.period == (first_us, first_us + DAY_US)

    def owns_exchange(self, exchange: str) -> bool:
        """Tell whether rows of that exchange belong to the file."""
        return exchange.casefold() == self.exchange.casefold()

    def owns_symbol(self, symbol: str) -> bool:
        """Tell whether rows of that symbol belong to the file."""
        return self.symbol is None or symbol_key(symbol) == symbol_key(self.symbol)


class Rule(Struct, frozen=True, kw_only=True):
    """``broken`` is true for rows to quarantine; null counts as kept."""

    name: str
    column: str
    broken: pl.Expr


def rules(table: EventTable, belonging: Belonging, rows: pl.DataFrame, *, names_units: bool) -> Iterator[Rule]:
    """Yield the rules of ``table`` for a file, most telling first, over typed raw columns, to judge ``rows``.

    ``names_units``: times are as the file has them; else they were made of other units, and which is wrong is not told.
    """
    for column in table.columns:
        if column.required:
            yield Rule(name="missing", column=column.name, broken=pl.col(column.name).is_null())
    for column in table.columns:
        if column.kind is Kind.NUMBER:
            yield Rule(name="non_finite", column=column.name, broken=~pl.col(column.name).is_finite())
    yield from _unseen(table)
    other_exchange = _is_foreign(rows["exchange"], belonging.owns_exchange)
    yield Rule(name="other_exchange", column="exchange", broken=other_exchange)
    yield Rule(name="other_symbol", column="symbol", broken=_is_foreign(rows["symbol"], belonging.owns_symbol))
    for column in table.columns:
        if column.kind is Kind.TIME and column.required:
            yield from _time_rules(column.name, names_units=names_units)
    local_us = pl.col("local_timestamp")
    in_day = local_us.is_between(belonging.first_us, belonging.end_us, closed="left")
    yield Rule(name="outside_day", column="local_timestamp", broken=~in_day)
    many = belonging.symbol is None
    for check in table.checks:
        if check.name in belonging.escalated:
            yield Rule(name=check.name, column=check.column, broken=check.found_among(many_symbols=many))


def _is_foreign(names: pl.Series, is_own: Callable[[str], bool]) -> pl.Expr:
    foreign = [name for name in names.unique() if name is not None and not is_own(name)]
    return pl.col(names.name).is_in(foreign) if foreign else pl.lit(value=False)


def _unseen(table: EventTable) -> Iterator[Rule]:
    """Characters that nobody sees, in names and, as far as no vendor means them, in other texts."""
    texts = [column.name for column in table.columns if column.kind is Kind.TEXT]
    patterns = dict.fromkeys(texts, STRAY) | {"exchange": INVISIBLE, "symbol": INVISIBLE}
    for name in ("exchange", "symbol", *(text for text in texts if patterns[text] == STRAY)):
        yield Rule(name="invisible_character", column=name, broken=pl.col(name).str.contains(patterns[name]))


def _time_rules(column: str, *, names_units: bool) -> Iterator[Rule]:
    value = pl.col(column)
    for unit, per_second in UNITS_PER_SECOND.items() if names_units else ():
        if unit != "microseconds":
            in_range = value.is_between(FIRST_SECOND * per_second, LAST_SECOND * per_second, closed="left")
            yield Rule(name=f"time_in_{unit}", column=column, broken=in_range)
    yield Rule(name=IMPLAUSIBLE, column=column, broken=~value.is_between(*PLAUSIBLE_US, closed="left"))


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
            or (column.kind is Kind.TIME and column.required and _any_outside(values, *PLAUSIBLE_US))
        ):
            return True
    if _any_outside(frame["local_timestamp"], belonging.first_us, belonging.end_us):
        return True
    if any_foreign(frame["exchange"], belonging.owns_exchange):
        return True
    many = belonging.symbol is None
    escalated = [
        check.found_among(many_symbols=many).any() for check in table.checks if check.name in belonging.escalated
    ]
    return bool(escalated) and bool(frame.select(pl.any_horizontal(escalated)).item())


def any_foreign(names: pl.Series, is_own: Callable[[str], bool]) -> bool:
    """Tell whether any of the names, none of them null, is not the file's own or has characters that nobody sees.

    Nearly always all of them are spelled alike: one comparison with the first settles it.
    """
    if names.is_empty():
        return False
    first = names[0]
    found = names.unique().to_list() if (names != first).any() else [first]
    return not all(is_own(name) and is_visible(name) for name in found)


@lru_cache(maxsize=4096)
def is_visible(name: str) -> bool:
    """Tell whether every character of a name can be seen."""
    if name.isascii() and name.isprintable():
        return name == name.strip(" ")
    return not pl.Series([name]).str.contains(INVISIBLE).item()


def doubtful_times(table: EventTable, frame: pl.DataFrame) -> list[str]:
    """Return the optional columns of times in which a cell cannot be right, such as 0."""
    return [
        column.name
        for column in table.columns
        if column.kind is Kind.TIME and not column.required and _any_outside(frame[column.name], *PLAUSIBLE_US)
    ]


def is_doubtful(column: str) -> pl.Expr:
    """True for times that cannot be right."""
    return ~pl.col(column).is_between(*PLAUSIBLE_US, closed="left")


def without_doubtful(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Return the rows with null for the times in ``columns`` that cannot be right."""
    return frame.with_columns(pl.when(~is_doubtful(name)).then(pl.col(name)) for name in columns) if columns else frame


def _any_outside(values: pl.Series, low: int, high: int) -> bool:
    first, last = cast("int | None", values.min()), cast("int | None", values.max())
    return (first is not None and first < low) or (last is not None and last >= high)


def quarantining(checks: Mapping[str, str]) -> frozenset[str]:
    """Return the checks whose rows are quarantined, by the setting of each."""
    return frozenset(name for name, action in checks.items() if action == "quarantine")


def counted(table: EventTable, checks: Mapping[str, str]) -> list[Check]:
    """Return the checks of a table whose rows are kept and counted; that is the default."""
    return [check for check in table.checks if checks.get(check.name, "count") == "count"]
