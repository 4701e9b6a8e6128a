"""Days that are worth a look: those that never came, and those of which something is wrong."""

from __future__ import annotations

from typing import Final

import polars as pl

from pointline.services.coverage.asked import DAY, GAPS, SERIES, Selection, State, urgency

REST_NEEDS_DAYS: Final = 28
REST_NEEDS_WORKDAYS: Final = 20


def rests(files: pl.DataFrame) -> pl.DataFrame:
    """Return which exchanges never trade on Saturdays, and on Sundays: of enough other days there are files."""
    weekday = pl.col("date").dt.weekday()
    week = weekday.filter(weekday <= 5)
    days = pl.col("date").filter(weekday <= 5).n_unique()
    span = pl.col("date").max() - pl.col("date").min()
    always = (week.n_unique() == 5) & (days >= REST_NEEDS_WORKDAYS) & (span >= REST_NEEDS_DAYS * DAY)
    return (
        files.group_by("exchange")
        .agg((always & ~(weekday == number).any()).alias(name) for number, name in ((6, "saturday"), (7, "sunday")))
        .sort("exchange")
    )


def is_rest(date: pl.Expr) -> pl.Expr:
    """True for a day on which an exchange rests; the frame has ``saturday`` and ``sunday``."""
    weekday = date.dt.weekday()
    return ((weekday == 6) & pl.col("saturday")) | ((weekday == 7) & pl.col("sunday"))


def missing(days: pl.DataFrame, spans: pl.DataFrame, rests: pl.DataFrame, wanted: Selection) -> pl.DataFrame:
    """Return the ranges between two days with a file, without the days on which the exchange rests."""
    before = pl.col("date").shift(1).over("series")
    inside = days.join(spans, on=SERIES, maintain_order="left").filter(pl.col("date").is_between("first", "last"))
    ranges = inside.select(*SERIES, first=before + DAY, last=pl.col("date") - DAY)
    ranges = cut(ranges.drop_nulls(), wanted).join(rests, on="exchange", how="left")
    rest_days = sum(
        (_weekdays_until(pl.col("last"), number) - _weekdays_until(pl.col("first") - DAY, number))
        * pl.col(name).cast(pl.Int64)
        for number, name in ((6, "saturday"), (7, "sunday"))
    )
    length = (pl.col("last") - pl.col("first")).dt.total_days() + 1
    return ranges.select(*SERIES, "first", "last", (length - rest_days).alias("days")).filter(pl.col("days") > 0)


def _weekdays_until(date: pl.Expr, number: int) -> pl.Expr:
    """How many such weekdays lie between a fixed one and the date, itself included; 1970-01-01 was a Thursday, 4."""
    return (date.to_physical().cast(pl.Int64) + 4 - number).floordiv(7)


def cut(ranges: pl.DataFrame, wanted: Selection) -> pl.DataFrame:
    first = pl.max_horizontal("first", pl.lit(wanted.first, pl.Date))
    last = pl.min_horizontal("last", pl.lit(wanted.last, pl.Date))
    return ranges.with_columns(first, last.alias("last")).filter(pl.col("first") <= pl.col("last"))


def _joined(gaps: pl.DataFrame) -> pl.DataFrame:
    """Join days after each other that one file claims and has no rows of."""
    gaps = gaps.sort(*SERIES, "first")
    same = [pl.col(name) == pl.col(name).shift() for name in (*SERIES, "state", "file_id")]
    goes_on = pl.all_horizontal(*same, pl.col("first") == pl.col("first").shift() + DAY, pl.col("state") != State.FEW)
    run = (~goes_on.fill_null(value=False)).cum_sum().alias("run")
    others = pl.exclude("last", "days", "run").first()
    joined = (
        gaps.with_columns(run)
        .group_by("run", maintain_order=True)
        .agg(others, pl.col("last").last(), pl.col("days").sum())
    )
    return joined.select(gaps.columns)


def gaps(days: pl.DataFrame, missing: pl.DataFrame) -> pl.DataFrame:
    facts = ("files", "rows", "usual", "file_id", "error")
    found = days.filter(pl.col("state").is_in([state.value for state in GAPS])).select(
        *SERIES, "state", first="date", last="date", days=pl.lit(1, pl.Int64), **{name: pl.col(name) for name in facts}
    )
    found = _joined(found)
    never = missing.with_columns(state=pl.lit(State.MISSING.value), files=pl.lit(0, pl.Int64), rows=pl.lit(0, pl.Int64))
    return pl.concat([found, never], how="diagonal").sort(urgency(), *SERIES, "first")
