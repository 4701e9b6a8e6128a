"""A table for those who query it: only the files that can hold what is wanted, by the Delta log's own statistics."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from pathlib import Path

import polars as pl
from msgspec import Struct

from pointline.errors import PointlineError
from pointline.io.delta.table_path import data_files, is_table, open_table, scan_data_files
from pointline.io.translate import storage_errors

JUST_BEFORE = dt.timedelta(microseconds=1)
STATS_CUT = dt.timedelta(milliseconds=1)
"""Other writers of Delta cut the times of their statistics to milliseconds: the last row may be so much later."""


class Wanted(Struct, frozen=True, kw_only=True):
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


class Parts:
    """The live data files of one version of a table, with what the Delta log says of each."""

    def __init__(self, table: Path, version: int | None = None) -> None:
        """Read the log: the newest version, or the one that is named. Where there is no table there are no files.

        Raises PointlineError for a version that is not there.
        """
        self.table = table
        self._version = version
        self.files = pl.DataFrame(schema=_LOOKED_AT)
        """``path``, relative to the table, ``partition.…``, ``min.…`` and ``max.…``: null where it is not known."""
        with storage_errors(table.name):
            if is_table(table):
                files = data_files(open_table(table, version), flatten=True)
                unknown = [name for name in _LOOKED_AT if name not in files.columns]
                self.files = files.with_columns(pl.lit(None, _LOOKED_AT[name]).alias(name) for name in unknown)
            elif version is not None:
                raise PointlineError(f"{table.name} has no version {version}: it holds nothing yet", subject=table.name)

    def with_rows(self, wanted: Wanted) -> list[str]:
        """Return the paths of the files that can hold wanted rows; by partition, then the oldest first.

        ``dim_symbol``, whose rows are of no file, comes in its own order. A file of rows belongs to the day of their
        ``local_timestamp``, so that times choose partitions too.
        """
        order = ["partition.exchange", "partition.date", "min.file_id", "min.exchange", "min.symbol", "path"]
        return self.files.filter(_may_hold(wanted)).sort(order)["path"].to_list()

    def scan(self, schema: Mapping[str, pl.DataType], partition_by: Collection[str], wanted: Wanted) -> pl.LazyFrame:
        """Return the wanted rows, lazily.

        Raises PointlineError where files of a named version were removed meanwhile.
        """
        paths = self.with_rows(wanted)
        if self._version is not None and (gone := [path for path in paths if not (self.table / path).exists()]):
            raise PointlineError(
                f"version {self._version} of {self.table.name} needs {len(paths)} data files and {len(gone)} of them "
                f"are removed, such as {gone[0]}",
                subject=self.table.name,
                hint="read a newer version: what is replaced stays for `maintenance.vacuum_retention_hours`",
            )
        return scan_data_files(self.table, paths, schema, partition_by).filter(*wanted.rows())

    def exchanges(self) -> set[str]:
        """Return the exchanges that have rows, by the partitions."""
        return set(self.files["partition.exchange"].drop_nulls().to_list())

    def values(self, column: str) -> set[str]:
        """Return what stands in a column, none where the files have it not. For tables that are small."""
        rows = scan_data_files(self.table, self.files["path"].to_list(), {column: pl.String()})
        return set(rows.select(pl.col(column).unique()).collect()[column].drop_nulls().to_list())

    @property
    def is_of_old_version(self) -> bool:
        """A version was named."""
        return self._version is not None

    def surely_hold(self, symbol: str, exchanges: Collection[str] | None) -> bool:
        """Tell whether a file has rows of that symbol alone."""
        only = (pl.col("min.symbol") == symbol) & (pl.col("max.symbol") == symbol)
        return not self._of(exchanges).filter(only).is_empty()

    def may_hold(self, symbol: str, exchanges: Collection[str] | None) -> list[str]:
        """Return the files that may have rows of a symbol, whatever else is in them."""
        maybe = _holds_one("symbol", [symbol]).fill_null(value=True)
        return self._of(exchanges).filter(maybe)["path"].to_list()

    def _of(self, exchanges: Collection[str] | None) -> pl.DataFrame:
        return self.files if exchanges is None else self.files.filter(pl.col("partition.exchange").is_in(exchanges))


_LOOKED_AT: Mapping[str, pl.DataType] = {
    "path": pl.String(),
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
        said += [high + STATS_CUT >= wanted.start, day >= wanted.start.date()]
    if wanted.end is not None:
        said += [low < wanted.end, day <= (wanted.end - JUST_BEFORE).date()]
    return pl.all_horizontal(one.fill_null(value=True) for one in said)


def _holds_one(column: str, values: Collection[str]) -> pl.Expr:
    bounds = (f"min.{column}", f"max.{column}")
    return pl.any_horizontal(pl.lit(value=False), *(pl.lit(value).is_between(*bounds) for value in values))
