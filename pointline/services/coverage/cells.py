"""Coverage as a calendar: how many series have which state on which day of a month."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pointline.services.coverage.asked import DAY, SERIES, State
from pointline.services.coverage.days import Coverage
from pointline.services.coverage.gaps import is_rest


def cells(coverage: Coverage, by: Sequence[str]) -> pl.DataFrame:
    """Return a row per group (``PAIR`` or ``SERIES``) and day of each month in which the group has a file.

    A group of which no file came has its first month.

    Beside ``rows`` it has a count of symbols per state, ``expected``, their sum (0 where no symbol spans the day), and
    ``covered``, those of which a file is in.
    """
    month = pl.col("date").dt.month_start()
    months = coverage.days.select(*by, month.alias("month")).unique()
    begun = coverage.spans.group_by(by).agg(pl.col("first").min().dt.month_start().alias("month"))
    months = pl.concat([months, begun.join(months, on=by, how="anti").select(months.columns)])
    dates = pl.date_ranges("month", pl.col("month").dt.month_end()).alias("date")
    grid = months.select(*by, dates).explode("date", empty_as_null=False).sort("date")
    counts = [(pl.col("state") == state.value).sum().cast(pl.Int64).alias(state.value) for state in State]
    inside = coverage.days.join(coverage.spans, on=SERIES, how="left")
    outside = (~pl.col("date").is_between("first", "last")).fill_null(value=True).sum().cast(pl.Int64).alias("outside")
    covered = pl.col("is_covered").sum().cast(pl.Int64).alias("covered")
    came = inside.group_by(*by, "date").agg(*counts, covered, outside, pl.col("rows").sum())
    expected = (pl.col("begun") - pl.col("ended")).fill_null(0)
    grid = _running(grid, coverage.spans, by, pl.col("first"), "begun")
    grid = _running(grid, coverage.spans, by, pl.col("last") + DAY, "ended")
    grid = grid.join(coverage.rests, on="exchange", how="left").select(
        *by, "date", pl.when(is_rest(pl.col("date"))).then(0).otherwise(expected).alias("expected")
    )
    numbers = pl.col(*State, "covered", "outside", "rows")
    grid = grid.join(came, on=[*by, "date"], how="left").with_columns(numbers.fill_null(0))
    grid = grid.with_columns(pl.col("expected") + pl.col("outside")).drop("outside")
    others = pl.sum_horizontal(state.value for state in State if state is not State.MISSING)
    return grid.with_columns((pl.col("expected") - others).alias(State.MISSING.value)).sort(*by, "date")


def never_came(coverage: Coverage, by: Sequence[str]) -> dict[tuple[object, ...], int]:
    """Return how many days of symbols never came, by group (``PAIR`` or ``SERIES``), in whatever month they are."""
    gaps = coverage.gaps.filter(pl.col("state") == State.MISSING.value)
    return {tuple(names): days for *names, days in gaps.group_by(by).agg(pl.col("days").sum()).iter_rows()}


def _running(grid: pl.DataFrame, spans: pl.DataFrame, by: Sequence[str], day: pl.Expr, name: str) -> pl.DataFrame:
    """Add how many spans have passed that day; both sides rise by date."""
    steps = spans.group_by(*by, day.alias("date")).agg(pl.len().cast(pl.Int64).alias(name)).sort("date")
    steps = steps.with_columns(pl.col(name).cum_sum().over(by))
    joined = grid.join_asof(steps, on="date", by=list(by), check_sortedness=False)
    return joined.with_columns(pl.col(name).fill_null(0))
