"""Ten million rows and their symbols. ``nice -n 19 pytest -n 0 -s -m bench tests/bench/test_with_symbols.py``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import polars as pl
import pytest

import pointline
from pointline.tables import dim_symbol
from tests.support.small_lake import add_symbols, at

pytestmark = pytest.mark.bench

ROWS = 10_000_000
SYMBOLS = 300
VERSIONS = 10
RUNS = 3
DAY_US = 86_400_000_000


def rows(*, in_order: bool) -> pl.DataFrame:
    """Trades of one day: as they arrived, or symbol by symbol as their files stand in a table."""
    number = pl.int_range(ROWS)
    symbol = number % SYMBOLS if in_order else number // (ROWS // SYMBOLS + 1)
    step = number if in_order else number % (ROWS // SYMBOLS + 1) * SYMBOLS
    start = at("2024-05-01")
    return pl.select(
        pl.lit("binance").alias("exchange"),
        pl.format("SYM{}USDT", symbol).alias("symbol"),
        (pl.lit(start).cast(pl.Datetime("us", "UTC")) + pl.duration(microseconds=step * 8000)).alias("local_timestamp"),
        number.cast(pl.Float64).alias("price"),
        pl.lit(1.0).alias("amount"),
    )


def by_hand(frame: pl.DataFrame, versions: pl.DataFrame, *, in_order: bool) -> pl.DataFrame:
    """The join that a person would write who knows whether the rows are in order of time."""
    windows = versions.sort("valid_from").select(
        "symbol_id", *dim_symbol.KEY, *dim_symbol.ATTRIBUTES, "valid_from", "valid_until"
    )
    ordered = frame if in_order else frame.with_row_index("row").sort("local_timestamp")
    found = ordered.lazy().join_asof(
        windows.lazy(),
        left_on="local_timestamp",
        right_on="valid_from",
        by=["exchange", "symbol"],
        check_sortedness=False,
    )
    open_ = pl.col("valid_until").is_null() | (pl.col("local_timestamp") < pl.col("valid_until"))
    names = ["symbol_id", *dim_symbol.ATTRIBUTES]
    held = found.with_columns(pl.when(open_).then(name).alias(name) for name in names)
    held = held if in_order else held.sort("row").drop("row")
    return held.drop("valid_from", "valid_until").select(*frame.columns, *names).collect()


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


@pytest.mark.parametrize("in_order", [True, False], ids=["in order of time", "symbol by symbol"])
def test_ten_million_rows(tmp_path, in_order):
    changes = [
        ("binance", f"SYM{symbol}USDT", at(f"2024-05-01 {2 * version:02}:30:00"), 0.01 * (1 + version % 2))
        for symbol in range(SYMBOLS)
        for version in range(VERSIONS)
    ]
    add_symbols(tmp_path, changes)
    frame = rows(in_order=in_order)
    versions = pointline.scan("dim_symbol", lake_root=tmp_path).collect()
    assert pointline.with_symbols(frame, lake_root=tmp_path).equals(by_hand(frame, versions, in_order=in_order))
    ours, hand = [], []
    for _ in range(RUNS):
        ours.append(seconds(lambda: pointline.with_symbols(frame, lake_root=tmp_path)))
        hand.append(seconds(lambda: by_hand(frame, versions, in_order=in_order)))
    ratio = statistics.median(ours) / statistics.median(hand)
    print(f"with_symbols {statistics.median(ours):.2f} s, by hand {statistics.median(hand):.2f} s: {ratio:.2f} times")
    assert ratio < 1.2
