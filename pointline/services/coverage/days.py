"""Which days of which symbol are in the lake, and which ought to be: pure arithmetic over the ledger.

A symbol here means one series: exchange, data type and symbol. Its span reaches from the first to the last day with a
file that is in or may still come in; a file that was refused does not widen it, since its date may be what is wrong.
Days are never filled in between two dates, so a name that claims the year 9999 costs nothing: gaps are ranges.
"""

from __future__ import annotations

from typing import Final

import polars as pl
from msgspec import Struct

from pointline.services.coverage.asked import (
    FEW_AROUND_DAYS,
    FEW_NEEDS_DAYS,
    FEW_NEEDS_ROWS,
    FEW_SHARE,
    SERIES,
    Selection,
    State,
)
from pointline.services.coverage.claims import PeriodOf, claimed_days
from pointline.services.coverage.gaps import cut, gaps, missing, rests
from pointline.services.coverage.series import COLUMNS, by_day, by_symbol, without_copies
from pointline.tables.ingest_manifest import NO_DATE, NO_ROWS, OUT, Status, stands_at

_STANDING: Final = {Status.DUPLICATE: 0, Status.SUCCESS: 1, Status.PENDING: 2, Status.QUARANTINED: 3, Status.FAILED: 4}
"""If a day has several files, the worst status counts."""
OPEN: Final = (Status.PENDING, Status.QUARANTINED, Status.FAILED)


class Coverage(Struct, frozen=True, kw_only=True):
    """``days``: one row per series and day with a file.

    Its columns are ``state, files, is_covered, rows, rows_quarantined, usual, file_id, error``: ``is_covered`` where a
    file of the day is in, whatever became of another one. ``rows`` and ``rows_quarantined`` are null where a file holds
    several symbols: how many it has of each is not known. Nor is on which of its days: such a file counts for each of
    its symbols on all of them.

    ``spans``: ``first, last`` per series, cut to what was asked for. ``gaps``: ``state, first, last, days`` and what is
    known of the day, the most urgent first; days that never came are one range each. ``rests``: exchanges that do not
    trade on ``saturday`` or ``sunday``. ``undated``: files that are not in, and whose name
    holds no date, or none that exists.
    """

    days: pl.DataFrame
    spans: pl.DataFrame
    gaps: pl.DataFrame
    rests: pl.DataFrame
    undated: int


def survey(ledger: pl.LazyFrame, wanted: Selection, period_of: PeriodOf = lambda _path, _feed: None) -> Coverage:
    """Return what a ledger covers. Spans and usual counts are those of the whole ledger, whatever days are asked for.

    A file that is not in, or not yet, counts for all days that its path claims and nothing else has.

    An exchange with files of every day from Monday to Friday, but over four weeks none of a Saturday, rests then; so
    for Sunday. Everywhere else weekends are days like others.
    """
    exchange = pl.lit(value=True) if wanted.exchange is None else pl.col("exchange") == wanted.exchange
    says_nothing = stands_at(Status.SUCCESS) & pl.col("warnings").str.contains(f'"{NO_ROWS}"', literal=True)
    standing = ledger.filter(exchange, ~stands_at(*OUT), ~says_nothing.fill_null(value=False))
    files = without_copies(standing.select(*COLUMNS, "days", "superseded_by").collect())
    files = by_symbol(by_day(files).with_columns(pl.when(pl.col("date") != NO_DATE).then("date").alias("date")))
    is_open = stands_at(*OPEN)
    claimed = claimed_days(files.filter(is_open), standing.filter(is_open), period_of)
    files = pl.concat([files, claimed.join(files, on=[*SERIES, "date"], how="anti")])
    undated = files.filter(pl.col("date").is_null(), is_open, wanted.series()).height
    files = files.filter(pl.col("date").is_not_null())
    resting = rests(files)
    days = _judge(_days(files.filter(wanted.series())))
    spans = days.filter(_widens()).group_by(SERIES).agg(first=pl.col("date").min(), last=pl.col("date").max())
    never = missing(days, spans, resting, wanted)
    days = days.filter(wanted.days("date")).drop("series", "standing")
    spans = cut(spans, wanted).sort(SERIES)
    return Coverage(days=days, spans=spans, gaps=gaps(days, never), rests=resting, undated=undated)


def _days(files: pl.DataFrame) -> pl.DataFrame:
    standing = pl.col("status").replace_strict(
        [status.value for status in _STANDING], list(_STANDING.values()), return_dtype=pl.Int8
    )
    landed = stands_at(Status.SUCCESS)
    number = pl.struct(SERIES).rank("dense")  # in the order of the names; sorts and groups three times as fast
    return (
        files.with_columns(number.alias("series"), standing.alias("standing"))
        .sort("series", "date", "standing", "file_id")
        .group_by("series", "date", maintain_order=True)
        .agg(
            pl.col(SERIES).first(),
            pl.len().cast(pl.Int64).alias("files"),
            known_sum(pl.col("rows_written").filter(landed)).alias("rows"),
            landed.any().alias("is_covered"),
            known_sum(pl.col("rows_quarantined").filter(landed)),
            pl.col("standing", "file_id", "error").last(),
        )
    )


def known_sum(counts: pl.Expr) -> pl.Expr:
    """Return the sum; null where one of the counts is not known."""
    return pl.when(counts.null_count() == 0).then(counts.sum())


def _judge(days: pl.DataFrame) -> pl.DataFrame:
    """Add ``usual``, the median of the days around, and ``state``. The frame is sorted by series and date."""
    landed = pl.col("standing") == _STANDING[Status.SUCCESS]
    usual = (
        pl.when("is_covered")
        .then(pl.col("rows"))
        .rolling_median(2 * FEW_AROUND_DAYS + 1, min_samples=FEW_NEEDS_DAYS, center=True)
        .over("series")
    )
    few = (pl.col("usual") >= FEW_NEEDS_ROWS) & (pl.col("rows") < FEW_SHARE * pl.col("usual"))
    state = (
        pl.when(pl.col("standing") == _STANDING[Status.DUPLICATE])
        .then(pl.lit(State.MISSING.value))
        .when(~landed)
        .then(pl.col("standing").replace_strict(list(_STANDING.values()), [status.value for status in _STANDING]))
        .when(few)
        .then(pl.lit(State.FEW.value))
        .when(pl.col("rows") == 0)
        .then(pl.lit(State.EMPTY.value))
        .otherwise(pl.lit(State.PRESENT.value))
    )
    return days.with_columns(usual.cast(pl.Float64).alias("usual")).with_columns(state.alias("state"))


def _widens() -> pl.Expr:
    """True for days with a file that widens a span: one that is in does, whatever became of another one."""
    return pl.col("is_covered") | ~pl.col("state").is_in([State.QUARANTINED.value, State.MISSING.value])
