"""How a lake is read from Python, beside a running daemon or without one. Lazy: nothing is read before ``collect``."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import overload

import polars as pl

from pointline.config import LakePaths, load_config
from pointline.errors import PointlineError
from pointline.io.lake_frame import of_lake
from pointline.io.reading import Wanted, scan_wanted
from pointline.tables import dim_symbol, ingest_manifest, quarantine, symbol_observations
from pointline.tables.registry import event_tables
from pointline.tables.schema import PARTITION_COLUMNS, UTC_TIME

ORDER = ("local_timestamp", "file_id", "file_seq")
"""The order in which events arrived, the same in every run."""
WANTED_TYPES = (
    *((name, (pl.String, pl.Categorical, pl.Enum), "text") for name in dim_symbol.KEY),
    ("local_timestamp", (pl.Datetime,), "times"),
)
PLACE = "__place_of_version"
"""A column that is there only while symbols are joined."""

Time = dt.date | dt.datetime


def scan(
    table: str,
    *,
    exchange: str | Collection[str] | None = None,
    symbol: str | Collection[str] | None = None,
    start: Time | None = None,
    end: Time | None = None,
    columns: Sequence[str] | None = None,
    lake_root: str | Path | None = None,
    in_order: bool = False,
) -> pl.LazyFrame:
    """Return the rows of a table as it is now, lazily.

    ``start`` and ``end`` are of ``local_timestamp``, half open: dates, or datetimes, which count as UTC where they have
    no zone. ``exchange`` (upper or lower case) and ``symbol`` name one or several. Only parts that can hold such rows
    are opened. Without ``in_order`` the rows of a file stand in its order, but files in none; with it all are sorted by
    ``ORDER``. The lake is ``lake_root``, or else ``LAKE_ROOT``.

    What is returned keeps to the version of now. Its parts stay for ``maintenance.vacuum_retention_hours``; collecting
    it later raises PointlineError, which says so.
    Raises PointlineError for an unknown table or column, and for a filter on a column that the table has not.
    """
    schema, partition_by = _described(table)
    wanted = Wanted(
        exchanges=_exchange_ids(exchange),
        symbols=_words(symbol),
        start=_instant("start", start),
        end=_instant("end", end),
    )
    for name in [*(columns or ()), *wanted.columns(), *(ORDER if in_order else ())]:
        if name not in schema:
            raise PointlineError(f"{table} has no column {name!r}", subject=table, hint=f"it has {', '.join(schema)}")
    if wanted.start is not None and wanted.end is not None and wanted.end < wanted.start:
        raise PointlineError(f"end {wanted.end} is before start {wanted.start}", hint="the other way round?")
    rows = scan_wanted(_paths(lake_root).table(table), schema, partition_by, wanted)
    if in_order:
        rows = rows.sort(ORDER)
    return of_lake(rows if columns is None else rows.select(list(columns)))


@overload
def with_symbols(frame: pl.LazyFrame, *, lake_root: str | Path | None = None) -> pl.LazyFrame: ...


@overload
def with_symbols(frame: pl.DataFrame, *, lake_root: str | Path | None = None) -> pl.DataFrame: ...


def with_symbols(
    frame: pl.LazyFrame | pl.DataFrame, *, lake_root: str | Path | None = None
) -> pl.LazyFrame | pl.DataFrame:
    """Add what the symbol of each row was at the row's ``local_timestamp``: ``symbol_id`` and its attributes.

    A row whose symbol had no version then keeps its place, with nulls, and a ``NoVersion`` warning says how many there
    are: of a lazy frame, in each piece that is read. Rows stay in their order. A column that the frame has already
    keeps its name; the symbol's then ends in ``_of_symbol``.

    Raises PointlineError at once where the frame lacks ``exchange``, ``symbol`` or ``local_timestamp``, or these are
    not texts and times.
    """
    rows = frame.lazy()
    given = rows.collect_schema()
    if missing := [name for name in (*dim_symbol.KEY, "local_timestamp") if name not in given]:
        raise PointlineError(f"with_symbols needs the column {', '.join(missing)}", hint="select it too")
    for name, kinds, wanted in WANTED_TYPES:
        if not isinstance(given[name], kinds):
            raise PointlineError(f"with_symbols needs {wanted} in {name}, and it holds {given[name]}", hint="cast it")
    if "symbol_id" in given:
        raise PointlineError("the frame has a column symbol_id already", hint="drop it to join the symbols again")
    versions = scan(dim_symbol.NAME, lake_root=lake_root).collect()
    windows = Windows(versions, warns=isinstance(frame, pl.LazyFrame))
    time = pl.col("local_timestamp")
    if given["local_timestamp"].time_zone is None:  # type: ignore[attr-defined]
        time = time.dt.replace_time_zone("UTC")
    key = pl.struct(*(pl.col(name).cast(pl.String) for name in dim_symbol.KEY), time.cast(UTC_TIME))
    placed = rows.with_columns(
        key.map_batches(windows.places, return_dtype=pl.UInt32(), is_elementwise=True).alias(PLACE)
    )
    # A look-up by place: to join them on an id and keep the order of the rows costs five times as much.
    held = [
        pl.col(PLACE)
        .map_batches(versions[name].gather, return_dtype=versions.schema[name], is_elementwise=True)
        .alias(f"{name}_of_symbol" if name in given else name)
        for name in ("symbol_id", *dim_symbol.ATTRIBUTES)
    ]
    joined = placed.with_columns(held).drop(PLACE)
    if isinstance(frame, pl.LazyFrame):
        return joined
    done = joined.collect()
    windows.warn_of(done.select(*dim_symbol.KEY, "local_timestamp"), done["symbol_id"])
    return done


class NoVersion(UserWarning):
    """Rows whose symbol had no version at their time."""


class Windows:
    """Finds the version of a symbol that held at a time.

    Each row is looked up by itself, so that a query may hand over its rows in pieces, on several threads, and push
    filters and the choice of columns past this.
    """

    def __init__(self, versions: pl.DataFrame, *, warns: bool) -> None:
        self._warns = warns
        self._windows = versions.with_row_index(PLACE).select(*dim_symbol.KEY, "valid_from", "valid_until", PLACE)
        self._windows = self._windows.sort("valid_from")

    def places(self, rows: pl.Series) -> pl.Series:
        """Return the place among the versions for each struct of exchange, symbol and ``local_timestamp``.

        Null where no version held.
        """
        keys = rows.struct.unnest()
        times = keys["local_timestamp"]
        if times.is_sorted():
            found = self._in_order(keys)
        else:
            order = times.arg_sort()
            found = self._in_order(keys[order])[order.arg_sort()]
        if self._warns:
            self.warn_of(keys, found)
        return found

    def warn_of(self, keys: pl.DataFrame, found: pl.Series) -> None:
        """Say how many rows had no version."""
        if missing := found.null_count():
            exchange, symbol, at = keys.row(int(found.is_null().arg_max() or 0))
            first = (
                f"the first is {exchange} {symbol} at {at}" if self._windows.height else "the lake has no symbols yet"
            )
            told = f"{missing:,} of {len(found):,} rows had no version of their symbol: {first}"
            warnings.warn(told, NoVersion, stacklevel=3)

    def _in_order(self, keys: pl.DataFrame) -> pl.Series:
        found = keys.join_asof(
            self._windows,
            left_on="local_timestamp",
            right_on="valid_from",
            by=dim_symbol.KEY,
            check_sortedness=False,
        )
        open_ = pl.col("valid_until").is_null() | (pl.col("local_timestamp") < pl.col("valid_until"))
        return found.select(pl.when(open_).then(PLACE)).to_series()


def _described(table: str) -> tuple[Mapping[str, pl.DataType], tuple[str, ...]]:
    """Return a table's columns and what it is partitioned by."""
    if table in event_tables():
        return event_tables()[table].silver_schema, PARTITION_COLUMNS
    others = {module.NAME: module.SCHEMA for module in (dim_symbol, ingest_manifest, quarantine, symbol_observations)}
    others[symbol_observations.STATES_NAME] = symbol_observations.STATES_SCHEMA
    if table in others:
        return others[table], ()
    known = ", ".join([*event_tables(), *others])
    raise PointlineError(f"there is no table {table!r}", subject=table, hint=f"there is {known}")


def _paths(lake_root: str | Path | None) -> LakePaths:
    paths = load_config(lake_root, needs=()).paths  # reading makes no use of settings
    if not paths.silver.is_dir():
        raise PointlineError(
            f"there is no lake at {paths.root}", subject=str(paths.root), hint="name another: lake_root, or LAKE_ROOT"
        )
    return paths


def _words(given: str | Collection[str] | None) -> list[str] | None:
    return [given] if isinstance(given, str) else None if given is None else list(given)


def _exchange_ids(given: str | Collection[str] | None) -> list[str] | None:
    """Ids stand in lower case in the tables; a symbol's file or an older lake may hold one as it was spelled."""
    words = _words(given)
    return None if words is None else list(dict.fromkeys(one for word in words for one in (word.lower(), word)))


def _instant(name: str, given: Time | None) -> dt.datetime | None:
    if given is None:
        return None
    if not isinstance(given, dt.date):
        raise PointlineError(
            f"{name} is {given!r}, neither a date nor a datetime", hint=f"such as {name}=datetime.date(2024, 5, 1)"
        )
    if not isinstance(given, dt.datetime):
        return dt.datetime(given.year, given.month, given.day, tzinfo=dt.UTC)
    return given.replace(tzinfo=dt.UTC) if given.tzinfo is None else given.astimezone(dt.UTC)
