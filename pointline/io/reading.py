"""A table for those who query it: only the parts that can hold what is wanted, by the Delta log's own statistics."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pointline.io.table_path import data_files, is_table, open_table, scan_data_files
from pointline.io.translate import storage_errors

JUST_BEFORE = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows of a table; None: all. ``start`` and ``end`` are of ``local_timestamp``, UTC, half open."""

    exchanges: Collection[str] | None = None
    symbols: Collection[str] | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None

    def columns(self) -> list[str]:
        """Return the columns that a table must have for this to mean anything."""
        asked = {"exchange": self.exchanges, "symbol": self.symbols, "local_timestamp": self.start or self.end}
        return [name for name, value in asked.items() if value is not None]

    def rows(self) -> list[pl.Expr]:
        """Return what holds for each wanted row."""
        time = pl.col("local_timestamp")
        named = (("exchange", self.exchanges), ("symbol", self.symbols))
        found = [pl.col(name).is_in(list(values)) for name, values in named if values is not None]
        if self.start is not None:
            found.append(time >= self.start)
        if self.end is not None:
            found.append(time < self.end)
        return found


def scan_wanted(
    table: Path, schema: Mapping[str, pl.DataType], partition_by: Collection[str], wanted: Wanted
) -> pl.LazyFrame:
    """Return the wanted rows of the newest version, lazily; none where there is no table."""
    return scan_data_files(table, parts_with(table, wanted), schema, partition_by).filter(*wanted.rows())


def parts_with(table: Path, wanted: Wanted) -> list[str]:
    """Return the live parts that can hold wanted rows, relative to the table; by partition, then the oldest first.

    ``dim_symbol``, whose rows are of no file, comes in its own order.

    A file of rows belongs to the day of their ``local_timestamp``, so that times choose partitions too.
    """
    with storage_errors(table.name):
        if not is_table(table):
            return []
        parts = data_files(open_table(table), flatten=True)
    unknown = [name for name in _LOOKED_AT if name not in parts.columns]
    known = parts.with_columns(pl.lit(None, _LOOKED_AT[name]).alias(name) for name in unknown)
    order = ["partition.exchange", "partition.date", "min.file_id", "min.exchange", "min.symbol", "path"]
    return known.filter(_may_hold(wanted)).sort(order)["path"].to_list()


_LOOKED_AT: Mapping[str, pl.DataType] = {
    "partition.exchange": pl.String(),
    "partition.date": pl.Date(),
    "min.file_id": pl.Int64(),
    **dict.fromkeys(("min.exchange", "max.exchange", "min.symbol", "max.symbol"), pl.String()),
    **dict.fromkeys(("min.local_timestamp", "max.local_timestamp"), pl.Datetime("us", "UTC")),
}


def _may_hold(wanted: Wanted) -> pl.Expr:
    """What is not known of a part says nothing against it."""
    low, high = pl.col("min.local_timestamp"), pl.col("max.local_timestamp")
    day = pl.col("partition.date")
    said = [pl.lit(value=True)]
    if wanted.exchanges is not None:
        said += [pl.col("partition.exchange").is_in(list(wanted.exchanges)), _holds_one("exchange", wanted.exchanges)]
    if wanted.symbols is not None:
        said.append(_holds_one("symbol", wanted.symbols))
    if wanted.start is not None:
        said += [high >= wanted.start, day >= wanted.start.date()]
    if wanted.end is not None:
        said += [low < wanted.end, day <= (wanted.end - JUST_BEFORE).date()]
    return pl.all_horizontal(one.fill_null(value=True) for one in said)


def _holds_one(column: str, values: Collection[str]) -> pl.Expr:
    bounds = (f"min.{column}", f"max.{column}")
    return pl.any_horizontal(pl.lit(value=False), *(pl.lit(value).is_between(*bounds) for value in values))
