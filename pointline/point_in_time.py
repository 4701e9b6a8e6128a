"""What symbols were, beside the rows of a lake: each row sees what held at its own time."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import overload

import polars as pl

from pointline.errors import PointlineError
from pointline.reading import scan
from pointline.tables import dim_symbol
from pointline.tables.schema import UTC_TIME
from pointline.tables.symbols.updates import in_venue_case

WANTED_TYPES = (
    *((name, (pl.String, pl.Categorical, pl.Enum), "text") for name in dim_symbol.KEY),
    ("local_timestamp", (pl.Datetime,), "times"),
)
PLACE = "__place_of_version"
"""A column that is there only while symbols are joined."""


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
    keeps its name; the symbol's then ends in ``_of_symbol``. Of a frame with ``symbol_id``, which was joined before,
    a PointlineError says to drop it.

    Raises PointlineError at once where the frame lacks ``exchange``, ``symbol`` or ``local_timestamp``, or these are
    not texts and times.
    """
    asked: object = frame  # people give what no type allows
    if not isinstance(asked, pl.LazyFrame | pl.DataFrame):
        what = f"with_symbols needs a frame of Polars, and got {type(asked).__name__}"
        raise PointlineError(what, hint="give it what scan returned, or pl.from_pandas(frame)")
    rows = frame.lazy()
    given = rows.collect_schema()
    if missing := [name for name in (*dim_symbol.KEY, "local_timestamp") if name not in given]:
        noun, them = ("column", "it") if len(missing) == 1 else ("columns", "them")
        raise PointlineError(f"with_symbols needs the {noun} {', '.join(missing)}", hint=f"select {them} too")
    for name, kinds, wanted in WANTED_TYPES:
        if not isinstance(given[name], kinds):
            raise PointlineError(f"with_symbols needs {wanted} in {name}, and it holds {given[name]}", hint="cast it")
    if "symbol_id" in given:
        raise PointlineError("the frame has a column symbol_id already", hint="drop it to join the symbols again")
    names = {name: f"{name}_of_symbol" if name in given else name for name in ("symbol_id", *dim_symbol.ATTRIBUTES)}
    if taken := [name for name, other in names.items() if name in given and other in given]:
        what = f"the frame has both {taken[0]} and {names[taken[0]]}, and the symbol's is called one of these"
        raise PointlineError(what, hint="rename one of the two")
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
        .alias(other)
        for name, other in names.items()
    ]
    joined = placed.with_columns(held).drop(PLACE)
    if isinstance(frame, pl.LazyFrame):
        return joined
    done = joined.collect()
    windows.warn_of(done.select(*dim_symbol.KEY, "local_timestamp"), done["symbol_id"])
    return done


TO_LIST = "a file of instruments in bronze, or `pointline symbols update`, says what a symbol was, and since when"


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
        names = keys.select(pl.col("symbol").unique()).with_columns(cased=in_venue_case(pl.col("symbol")))
        small = names.filter(pl.col("symbol") != pl.col("cased"))
        if small.height:  # no version has such a spelling
            keys = keys.with_columns(pl.col("symbol").replace(small["symbol"], small["cased"]))
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
            told = f"{missing:,} of {len(found):,} rows had no version of their symbol: {first}; {TO_LIST}"
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
