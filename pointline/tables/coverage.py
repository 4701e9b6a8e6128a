"""Which days of which symbol are in the lake, and which ought to be: pure arithmetic over the ledger.

A symbol here means one series: exchange, data type and symbol. Its span reaches from the first to the last day with a
file that is in or may still come in; a file that was refused does not widen it, since its date may be what is wrong.
Days are never filled in between two dates, so a name that claims the year 9999 costs nothing: gaps are ranges.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Final

import polars as pl
from msgspec import Struct

from pointline.tables.coverage_claims import PeriodOf, claimed_days
from pointline.tables.ingest_manifest import NO_DATE, NO_ROWS, OUT, Status, stands_at
from pointline.tables.spelling import symbol_key

PAIR: Final = ("exchange", "data_type")
SERIES: Final = (*PAIR, "symbol")
COLUMNS: Final = (*SERIES, "symbols", "date", "file_id", "status", "rows_written", "rows_quarantined", "error")
"""What of the ledger is needed."""

FEW_SHARE: Final = 0.1
FEW_AROUND_DAYS: Final = 45
FEW_NEEDS_DAYS: Final = 8
FEW_NEEDS_ROWS: Final = 100
REST_NEEDS_DAYS: Final = 28
RULE: Final = (
    f"few: under {FEW_SHARE:.0%} of the median of the symbol's days from {FEW_AROUND_DAYS} before to as many after; "
    f"not judged with less than {FEW_NEEDS_DAYS} days or a median under {FEW_NEEDS_ROWS} rows"
)


class State(StrEnum):
    """What became of a day."""

    PRESENT = "present"
    EMPTY = "empty"
    """The vendor's file says that there was no data."""
    FEW = "few"
    """Far fewer rows than usual: see ``RULE``."""
    PENDING = "pending"
    MISSING = "missing"
    """No file came, or only one with the content of another."""
    QUARANTINED = "quarantined"
    FAILED = "failed"


GAPS: Final = (State.FAILED, State.QUARANTINED, State.MISSING, State.FEW, State.PENDING)
"""States that are worth a look, the most urgent first."""

_STANDING: Final = {Status.DUPLICATE: 0, Status.SUCCESS: 1, Status.PENDING: 2, Status.QUARANTINED: 3, Status.FAILED: 4}
"""If a day has several files, the worst status counts."""
OPEN: Final = (Status.PENDING, Status.QUARANTINED, Status.FAILED)
DAY: Final = dt.timedelta(days=1)


class Selection(Struct, frozen=True, kw_only=True):
    """What is asked for; None means all. ``first`` and ``last`` are days, both included."""

    exchange: str | None = None
    table: str | None = None
    symbol: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None

    def series(self) -> pl.Expr:
        """True for rows of the series that are meant."""
        wanted = zip(SERIES, (self.exchange, self.table, self.symbol), strict=True)
        return pl.all_horizontal(pl.lit(value=True), *(pl.col(name) == one for name, one in wanted if one is not None))

    def reach(self, first: pl.Expr, last: pl.Expr) -> pl.Expr:
        """True for spans of days that reach into those that are meant."""
        return (last >= (self.first or dt.date.min)) & (first <= (self.last or dt.date.max))

    def days(self, column: str) -> pl.Expr:
        """True for rows whose day is meant."""
        date = pl.col(column)
        return date.is_between(self.first or dt.date.min, self.last or dt.date.max)


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
    files = _without_copies(standing.select(*COLUMNS, "days", "superseded_by").collect())
    files = _by_symbol(_by_day(files).with_columns(pl.when(pl.col("date") != NO_DATE).then("date").alias("date")))
    is_open = stands_at(*OPEN)
    claimed = claimed_days(files.filter(is_open), standing.filter(is_open), period_of)
    files = pl.concat([files, claimed.join(files, on=[*SERIES, "date"], how="anti")])
    undated = files.filter(pl.col("date").is_null(), is_open, wanted.series()).height
    files = files.filter(pl.col("date").is_not_null())
    rests = _rests(files)
    days = _judge(_days(files.filter(wanted.series())))
    spans = days.filter(_widens()).group_by(SERIES).agg(first=pl.col("date").min(), last=pl.col("date").max())
    missing = _missing(days, spans, rests, wanted)
    days = days.filter(wanted.days("date")).drop("series", "standing")
    spans = _cut(spans, wanted).sort(SERIES)
    return Coverage(days=days, spans=spans, gaps=_gaps(days, missing), rests=rests, undated=undated)


def _without_copies(files: pl.DataFrame) -> pl.DataFrame:
    """Leave out copies of files of several days: the day of their name is where the time begins, and says nothing."""
    several = files.filter(stands_at(Status.SUCCESS), pl.col("days").is_not_null())
    named = several.select(*SERIES, "date", superseded_by="file_id")
    copies = files.filter(stands_at(Status.DUPLICATE)).join(named, on=[*SERIES, "date", "superseded_by"], how="semi")
    return files.filter(~pl.col("file_id").is_in(copies["file_id"].implode()))


def _by_day(files: pl.DataFrame) -> pl.DataFrame:
    """One row per file and day that it has rows of; a file without rows has the day of its name."""
    several = files.filter(pl.col("days").is_not_null()).drop("date", "rows_written")
    days = several.explode("days", empty_as_null=False).unnest("days").rename({"rows": "rows_written"})
    return pl.concat([files.filter(pl.col("days").is_null()).select(COLUMNS), days.select(COLUMNS)])


def _by_symbol(files: pl.DataFrame) -> pl.DataFrame:
    """One row per file and symbol found in it, spelled as in the rows; a file without rows has the one of its name.

    How many rows a file of many symbols has of each is not known.
    """
    found = pl.col("symbols").list.len().fill_null(0)
    files = files.with_columns(
        pl.when(found > 0).then("symbols").otherwise(pl.concat_list(pl.col("symbol").cast(pl.String))).alias("symbol"),
        (found > 0).alias("is_found"),
        pl.when(found <= 1).then("rows_written").alias("rows_written"),
        pl.when(found <= 1).then("rows_quarantined").alias("rows_quarantined"),
    ).explode("symbol", empty_as_null=False)
    keys = {name: symbol_key(name) for name in files["symbol"].unique()}
    files = files.with_columns(pl.col("symbol").replace_strict(keys, return_dtype=pl.String).alias("key"))
    spelled = files.filter("is_found").group_by(*PAIR, "key").agg(pl.col("symbol").min().alias("spelling"))
    files = files.join(spelled, on=[*PAIR, "key"], how="left", maintain_order="left")
    return files.with_columns(pl.coalesce("spelling", "symbol").alias("symbol")).drop("symbols", "key", "is_found")


def urgency() -> pl.Expr:
    """Rank gaps by their state, the most urgent first."""
    return pl.col("state").replace_strict([state.value for state in GAPS], list(range(len(GAPS))), return_dtype=pl.Int8)


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


def _rests(files: pl.DataFrame) -> pl.DataFrame:
    weekday = pl.col("date").dt.weekday()
    always = (weekday.filter(weekday <= 5).n_unique() == 5) & (
        pl.col("date").max() - pl.col("date").min() >= REST_NEEDS_DAYS * DAY
    )
    return (
        files.group_by("exchange")
        .agg((always & ~(weekday == number).any()).alias(name) for number, name in ((6, "saturday"), (7, "sunday")))
        .sort("exchange")
    )


def is_rest(date: pl.Expr) -> pl.Expr:
    """True for a day on which an exchange rests; the frame has ``saturday`` and ``sunday``."""
    weekday = date.dt.weekday()
    return ((weekday == 6) & pl.col("saturday")) | ((weekday == 7) & pl.col("sunday"))


def _missing(days: pl.DataFrame, spans: pl.DataFrame, rests: pl.DataFrame, wanted: Selection) -> pl.DataFrame:
    """Return the ranges between two days with a file, without the days on which the exchange rests."""
    before = pl.col("date").shift(1).over("series")
    inside = days.join(spans, on=SERIES, maintain_order="left").filter(pl.col("date").is_between("first", "last"))
    ranges = inside.select(*SERIES, first=before + DAY, last=pl.col("date") - DAY)
    ranges = _cut(ranges.drop_nulls(), wanted).join(rests, on="exchange", how="left")
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


def _cut(ranges: pl.DataFrame, wanted: Selection) -> pl.DataFrame:
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


def _gaps(days: pl.DataFrame, missing: pl.DataFrame) -> pl.DataFrame:
    facts = ("files", "rows", "usual", "file_id", "error")
    found = days.filter(pl.col("state").is_in([state.value for state in GAPS])).select(
        *SERIES, "state", first="date", last="date", days=pl.lit(1, pl.Int64), **{name: pl.col(name) for name in facts}
    )
    found = _joined(found)
    never = missing.with_columns(state=pl.lit(State.MISSING.value), files=pl.lit(0, pl.Int64), rows=pl.lit(0, pl.Int64))
    return pl.concat([found, never], how="diagonal").sort(urgency(), *SERIES, "first")
