"""No row of a day is in silver twice: files that hold a symbol on one day must not overlap in time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import polars as pl

from pointline.parse.rules import DAY_US
from pointline.services.audit.ledger.file_times import TIMES, hold_many
from pointline.services.files.place.overlap import Day
from pointline.services.telling.findings import Finding
from pointline.tables.ingest_manifest import Status, stands_at
from pointline.tables.spelling import symbol_key

WHOLE = ("whole_first", "whole_last")
"""When a file begins and ends, on whatever day."""
SERIES = ("exchange", "data_type", "date", "series", "key")

ReadSpans: TypeAlias = Callable[[Day, Sequence[int]], pl.DataFrame]
"""``file_id, symbol, first, last`` of the rows that these files have on a day, read from silver; times as integers."""


def audit_overlap(ledger: pl.DataFrame, groups: Collection[str], read_spans: ReadSpans) -> Iterator[Finding]:
    """Compare the times of files symbol by symbol.

    The ledger has the times of a file that holds one symbol. Of a group file it has the symbols; its rows are read only
    where another file holds one of them and the times of the two files, over all symbols, overlap.
    """
    files = ledger.filter(stands_at(Status.SUCCESS), pl.col("first_local_timestamp").is_not_null())
    files = _by_day(files.with_columns(hold_many(files, groups).alias("is_many")))
    is_many = pl.col("is_many")
    day = SERIES[:-1]
    crowded = files.filter(is_many).select(day).unique()
    plain = _keyed(files.drop("symbols").join(crowded, on=day, how="anti"))
    for row in _meeting(plain).iter_rows(named=True):
        if _is_so(row, plain, read_spans):
            yield _finding(row)
    for (exchange, table, date, _), of_day in (
        files.join(crowded, on=day, how="semi").sort(day).group_by(day, maintain_order=True)
    ):
        listed = _keyed(of_day.filter(is_many).drop("symbol").rename({"symbols": "symbol"}).explode("symbol"))
        singles = _keyed(of_day.filter(~is_many).drop("symbols"))
        exact = _exact(listed.select(singles.columns), singles, (str(exchange), str(table), str(date)), read_spans)
        for row in _meeting(exact).iter_rows(named=True):
            yield _finding(row)


def _is_so(row: Mapping[str, Any], files: pl.DataFrame, read_spans: ReadSpans) -> bool:
    """Tell whether the rows of two files overlap: one of several days may have none of the time of the other."""
    day = (row["exchange"], row["data_type"], row["date"])
    is_on_day = pl.all_horizontal(pl.col(name) == one for name, one in zip(SERIES[:3], day, strict=True))
    pair = files.filter(is_on_day, pl.col("file_id").is_in([row["file_id"], row["other"]]))
    goes_on = pl.any_horizontal(pl.col(one) != pl.col(here) for one, here in zip(WHOLE, TIMES, strict=True))
    if pair.filter(goes_on).is_empty():
        return True
    return not _meeting(_exact(pair, pair.clear(), day, read_spans)).is_empty()


def _by_day(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the files of the ledger once for each day that they have rows of, with their times cut to it."""
    day_us = pl.col("date").cast(pl.Datetime("us")).to_physical()
    first, last = (pl.col(name).to_physical() for name in TIMES)
    here = pl.max_horizontal(first, day_us), pl.min_horizontal(last, day_us + (DAY_US - 1))
    here_first, here_last = _beyond_day(*here, (first, last), day_us)
    is_described = pl.col("feed").is_not_null()
    several = ledger.filter(pl.col("days").is_not_null()).drop("date").explode("days").unnest("days").drop("rows")
    once = ledger.filter(pl.col("days").is_null()).drop("days")
    return pl.concat([once, several.select(once.columns)]).select(
        "file_id",
        "bronze_file_path",
        *(pl.col(name).cast(pl.String) for name in ("exchange", "data_type", "symbol")),
        "symbols",
        "is_many",
        pl.col("date").cast(pl.String),
        pl.col("feed")
        .cast(pl.String)
        .fill_null("")
        .str.splitn(" ", 2)
        .struct.field("field_1")
        .fill_null("")
        .alias("series"),
        pl.when(is_described).then(here_first).otherwise(first).alias(TIMES[0]),
        pl.when(is_described).then(here_last).otherwise(last).alias(TIMES[1]),
        *(one.alias(name) for name, one in zip(WHOLE, (first, last), strict=True)),
    )


def _exact(listed: pl.DataFrame, singles: pl.DataFrame, day: Day, read_spans: ReadSpans) -> pl.DataFrame:
    """Return the files of a day by symbol with the times of their rows of it, as far as that can matter.

    ``listed`` are the group files, with the times over all their symbols; without a symbol where none were noted.
    """
    met = _meeting(pl.concat([listed, singles]), is_rough=True)["key"].unique().to_list()
    is_alone = listed["file_id"].n_unique() + singles.height < 2
    doubtful = pl.col("key").is_in(met) | (pl.col("key").is_null() & (not is_alone))
    if not (ids := listed.filter(doubtful)["file_id"].unique().sort().to_list()):
        return singles
    found = read_spans(day, ids).rename({"first": TIMES[0], "last": TIMES[1]})
    facts = listed.drop("symbol", "key", *TIMES).unique("file_id")
    day_us = pl.col("date").str.to_date().cast(pl.Datetime("us")).to_physical()
    own_first, own_last = _beyond_day(pl.col(TIMES[0]), pl.col(TIMES[1]), (pl.col(WHOLE[0]), pl.col(WHOLE[1])), day_us)
    exact = found.join(facts, on="file_id").with_columns(own_first.alias(TIMES[0]), own_last.alias(TIMES[1]))
    return pl.concat([_keyed(exact).select(singles.columns), singles])


def _beyond_day(first: pl.Expr, last: pl.Expr, whole: tuple[pl.Expr, pl.Expr], day_us: pl.Expr) -> tuple[pl.Expr, ...]:
    """Do the same as ``beyond_day`` for times of one day."""
    is_instant = first == last
    return (
        pl.when(is_instant & (first == day_us)).then(pl.max_horizontal(first - 1, whole[0])).otherwise(first),
        pl.when(is_instant & (last == day_us + (DAY_US - 1)))
        .then(pl.min_horizontal(last + 1, whole[1]))
        .otherwise(last),
    )


def _keyed(files: pl.DataFrame) -> pl.DataFrame:
    names = files["symbol"].drop_nulls().unique().to_list()
    keys = {name: symbol_key(name) for name in names}
    return files.with_columns(pl.col("symbol").replace_strict(keys, return_dtype=pl.String).alias("key"))


def _meeting(files: pl.DataFrame, *, is_rough: bool = False) -> pl.DataFrame:
    """Return the files whose times overlap those of an earlier one of their series, and that one as ``other``.

    To share the one instant at which one ends and the other begins is no overlap, unless it is all that one of them
    has; which cannot be known of ``is_rough`` times.
    """
    first, last = (pl.col(name) for name in TIMES)
    latest = last.cum_max()
    in_order = files.sort(*SERIES, *TIMES, "file_id").with_columns(
        latest.shift(1).over(SERIES).alias("before"),
        ((first == last).shift(1) & (first.shift(1) == first)).over(SERIES).alias("after_instant"),
        pl.when(last == latest).then("file_id").forward_fill().shift(1).over(SERIES).alias("other"),
    )
    shares_instant = (first == pl.col("before")) & ((first == last) | pl.col("after_instant"))
    met = first <= pl.col("before") if is_rough else (first < pl.col("before")) | shares_instant
    return in_order.filter(met, pl.col("other") != pl.col("file_id"))  # symbols of one file may differ in case alone


def _finding(row: dict[str, object]) -> Finding:
    file_id = row["file_id"]
    assert isinstance(file_id, int)
    return Finding(
        kind="rows_overlap",
        table=str(row["data_type"]),
        file_id=file_id,
        path=str(row["bronze_file_path"]),
        what=f"its times of {row['symbol']} overlap those of file {row['other']}: rows may be in silver twice",
    )
