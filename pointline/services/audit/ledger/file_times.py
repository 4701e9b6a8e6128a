"""When the files in silver begin and end, taken from the ledger run by run, given back by days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

import polars as pl

from pointline.services.audit.ledger.pieces import Pieces
from pointline.tables.ingest_manifest import SCHEMA, Status, stands_at
from pointline.tables.spelling import which_hold_many

TIMES = ("first_local_timestamp", "last_local_timestamp")
COLUMNS = ("file_id", "status", "exchange", "data_type", "symbol", "feed", "date", "days", "symbols", *TIMES)
"""Of the ledger: what is needed of it."""
WORDS = ("exchange", "data_type", "symbol", "feed")
OF_ONE_DAY = {name: SCHEMA[name] for name in ("file_id", "date", *TIMES)} | dict.fromkeys(WORDS, pl.Categorical())
FILES_AT_ONCE = 50_000


class FileTimes:
    """The times of all files in silver, in some forty bytes each."""

    def __init__(self, groups: Collection[str]) -> None:
        """``groups``: names of files that hold many symbols, beyond the usual ones."""
        self._groups = groups
        self._once = Pieces(OF_ONE_DAY, by="date")
        """Of files of one symbol and one day, which nearly all are: without the columns that say more of others."""
        self._others: list[pl.DataFrame] = []

    def add(self, ledger: pl.DataFrame) -> None:
        """Take note of a run of rows, with ``COLUMNS`` at least."""
        files = ledger.filter(stands_at(Status.SUCCESS), pl.col(TIMES[0]).is_not_null()).select(COLUMNS)
        files = files.drop("status").with_columns(pl.col(name).cast(pl.Categorical) for name in WORDS)
        has_more = hold_many(files, self._groups) | pl.col("days").is_not_null()
        is_more = files.select(has_more.fill_null(value=False).alias("is_more")).to_series()
        self._once.add(files.filter(~is_more))
        self._others.append(files.filter(is_more))

    def some_days(self, without: Collection[int]) -> Iterator[pl.DataFrame]:
        """Yield the files of whole days, some days at a time, with ``bronze_file_path``, empty, besides ``COLUMNS``.

        What is known of them is forgotten.
        """
        if not self._others:
            return
        is_left = ~pl.col("file_id").is_in(list(without))
        others = pl.concat(self._others).filter(is_left)
        self._others = []
        single, several = others.filter(pl.col("days").is_null()), others.filter(pl.col("days").is_not_null())
        portions = _portions([*self._once.values(), single["date"], several["days"].explode().struct.field("date")])
        for days, end in portions:
            is_wanted = pl.element().struct.field("date").is_in(days.implode())
            reaching = several.with_columns(pl.col("days").list.eval(pl.element().filter(is_wanted)))
            found = [
                self._once.take_before(end).filter(is_left),
                single.filter(pl.col("date").is_in(days.implode(), nulls_equal=True)),
                reaching.filter(pl.col("days").list.len() > 0),
            ]
            both = pl.concat(found, how="diagonal")
            yield both.with_columns(status=pl.lit(Status.SUCCESS.value), bronze_file_path=pl.lit(""))


def hold_many(files: pl.DataFrame, groups: Collection[str]) -> pl.Expr:
    """True for files of many symbols, by what they are called now, or by what they were found to hold."""
    return which_hold_many(files, groups) | (pl.col("symbols").list.len() > 1).fill_null(value=False)


def _portions(dates: list[pl.Series]) -> Iterator[tuple[pl.Series, dt.date | None]]:
    """Yield days that have some ten thousand files together, each time with the first day behind them."""
    counts = pl.concat([one.value_counts() for one in dates]).group_by("date").agg(pl.col("count").sum()).sort("date")
    portion = (pl.col("count").cum_sum() - pl.col("count")) // FILES_AT_ONCE
    portions = [days["date"] for _, days in counts.group_by(portion, maintain_order=True)]
    for days, behind in zip(portions, [*portions[1:], None], strict=False):
        yield days, None if behind is None else behind[0]
