"""How far apart the bars of a file are, held against the interval that they are said to be of."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import polars as pl
from msgspec import Struct

from pointline.services.rows.end_to_end import EndToEnd, neighbours
from pointline.tables.interval import interval_of, is_calendar, least_step
from pointline.tables.schema import EventTable

INTERVAL = "interval"
RARE_SHARE = 0.2
FAR, LEAST_FAR_STEPS = 5, 12
"""How many intervals bars are apart that may be of a longer one, and how many steps have to be multiples of that one.

By chance that is so once in 5^12 files of bars of which most are left out.
"""


def has_bars(table: EventTable) -> bool:
    """Tell whether rows of a table are bars: of a symbol and a series they follow one another at their interval."""
    return INTERVAL in table.series


def series_of(table: EventTable) -> tuple[str, ...]:
    """Return the columns in which bars are alike that follow one another."""
    return tuple(dict.fromkeys(("symbol", *table.series, INTERVAL)))


def varying_of(bars: pl.DataFrame, series: Sequence[str]) -> list[str]:
    """Return which of these columns are not the same in all bars: mostly none, and one comparison settles it."""
    return [name for name in series if bars[name].null_count() or (bars[name] != bars[name][0]).any()]


def steps_of(bars: pl.DataFrame, varying: Sequence[str], by: Sequence[str] = ()) -> pl.DataFrame:
    """Return ``interval, steps, least, short`` of bars with a ``timestamp``, a series for each value of ``varying``.

    ``steps`` counts pairs of bars of one series that follow one another in time, ``least`` is the smallest step in
    microseconds, and ``short`` counts those that are shorter than two bars of the interval can be apart. Bars of the
    same time are the same bar. Bars may be in any order: they are sorted, which costs next to nothing if they are.
    ``by``: those of ``varying`` that are told apart, and come first.
    """
    found = _steps(bars, varying)
    least = {interval: least_step(interval) for interval in found[INTERVAL].unique().drop_nulls()}
    least_of_each = pl.col(INTERVAL).first().replace_strict(least, default=0, return_dtype=pl.Int64)
    return found.group_by(*by, INTERVAL).agg(
        pl.len().alias("steps"),
        pl.col("step").min().alias("least"),
        (pl.col("step") < least_of_each).sum().alias("short"),
    )


def _steps(bars: pl.DataFrame, varying: Sequence[str]) -> pl.DataFrame:
    """Return the columns ``varying``, ``interval`` and ``step``, in microseconds."""
    step = pl.col("timestamp").sort().diff()
    if varying:
        found = bars.group_by(varying).agg(step.alias("step")).explode("step")
    else:
        found = bars.select(step.alias("step"))
    if INTERVAL not in varying:
        found = found.with_columns(pl.lit(bars[INTERVAL][0]).alias(INTERVAL))
    return found.filter(pl.col("step") > 0).with_columns(pl.col(INTERVAL).cast(pl.String))


def may_be_odd(bars: pl.DataFrame, laid: EndToEnd) -> bool:
    """Tell whether bars may come too early for their interval, or be far apart for it. False is certain.

    Each of the files has bars of one series alone, and all of them are of one interval.
    """
    times = bars["timestamp"]
    if times.null_count():
        return True
    later, earlier = neighbours(times)
    steps, least = later - earlier, _least_of(bars[INTERVAL][0])
    if laid.inside((steps < least) & (steps != 0)):
        return True
    is_near = (steps < FAR * least) & (steps > -FAR * least) & (steps != 0)
    at_starts = sum(not is_near[start - 1] for start in laid.starts[1:])
    if len(steps) - int(is_near.sum() or 0) - at_starts < LEAST_FAR_STEPS:
        return False  # as nearly always
    places = zip(laid.starts, laid.rows, strict=True)
    return any(rows > LEAST_FAR_STEPS and not is_near.slice(start, rows - 1).any() for start, rows in places)


def has_odd_file(bars: pl.DataFrame, table: EventTable, laid: EndToEnd, *, has_groups: bool) -> bool:
    """Tell whether bars of one file, by ``file_id``, come too early for their interval, or may be of a longer one."""
    varying = varying_of(bars, series_of(table))
    if not has_groups and {*varying} <= {"symbol"} and not may_be_odd(bars, laid):
        return False
    found = steps_of(bars, ["file_id", *varying], by=["file_id"])
    return any(
        short or (steps >= LEAST_FAR_STEPS and _is_far(interval, least))
        for _, interval, steps, least, short in found.iter_rows()
    )


class Short(Struct, frozen=True, kw_only=True):
    """Bars that come too early for their interval."""

    least: str
    """How far apart the nearest two are, as an interval."""
    interval: str
    """What they are said to be of."""
    rows: int
    is_rare: bool
    """The others are as far apart as they should be: a session begins at half past, or a time is odd."""


class Steps:
    """The steps of one file, whose bars come in blocks."""

    def __init__(self, table: EventTable) -> None:
        self._series = series_of(table)
        self._last: pl.DataFrame | None = None
        self._common: dict[str, int] = {}
        """What all steps of an interval are multiples of, where these are long; else a length that is too short."""
        self._found: pl.DataFrame | None = None

    def add(self, bars: pl.DataFrame) -> None:
        """Add the next bars of the file; the last of each series so far is beside the first of them."""
        new = bars.select(*self._series, "timestamp")
        rows = new if self._last is None else pl.concat([self._last, new])
        varying = varying_of(rows, self._series)
        found = steps_of(rows, varying)
        for interval, _, least, _ in found.iter_rows():
            self._common[interval] = gcd(
                self._common.get(interval, 0), self._common_step(rows, varying, interval, least)
            )
        self._found = found if self._found is None else _joined(pl.concat([self._found, found]))
        self._last = rows.unique(varying, keep="last") if varying else rows[-1:]

    def least(self) -> str | None:
        """Return how far apart the nearest two bars are, as an interval; None where there are not two bars."""
        found = [] if self._found is None else self._found["least"].to_list()
        return interval_of(min(found)) if found else None

    def short(self) -> Short | None:
        """Return what comes too early; None where nothing does.

        Of weeks and months that has to be most of the bars: holidays move single ones.
        """
        for interval, steps, least, short in () if self._found is None else self._found.iter_rows():
            if short * 2 > steps or (short and not is_calendar(interval)):
                is_rare = short <= RARE_SHARE * steps
                return Short(least=interval_of(least), interval=interval, rows=short, is_rare=is_rare)
        return None

    def far(self) -> tuple[str, int] | None:
        """Return an interval whose bars look like those of a longer one, and how many steps tell so."""
        for interval, steps, *_ in () if self._found is None else self._found.iter_rows():
            if steps >= LEAST_FAR_STEPS and _is_far(interval, self._common[interval]):
                return interval, steps
        return None

    @staticmethod
    def _common_step(bars: pl.DataFrame, varying: Sequence[str], interval: str, least: int) -> int:
        if not _is_far(interval, least):
            return least  # as nearly always
        steps = _steps(bars, varying)
        return gcd(*steps.filter(pl.col(INTERVAL).eq_missing(interval))["step"].unique())


def _joined(found: pl.DataFrame) -> pl.DataFrame:
    return found.group_by(INTERVAL).agg(pl.col("steps").sum(), pl.col("least").min(), pl.col("short").sum())


def _least_of(interval: str | None) -> int:
    return least_step(interval or "")


def _is_far(interval: str | None, step: int) -> bool:
    return 0 < FAR * _least_of(interval) <= step
