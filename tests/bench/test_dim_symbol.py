"""A small update of a large dimension. ``nice -n 19 pytest -n 0 -s -m bench tests/bench/test_dim_symbol.py``."""

from __future__ import annotations

import resource
import time
from contextlib import contextmanager

import polars as pl
import pytest

from pointline.tables import dim_symbol
from pointline.tables.dim_symbol_checks import violations

pytestmark = pytest.mark.bench

SYMBOLS = 1_000_000
VERSIONS = 10
UPDATES = 10_000
DAY_US = 86_400_000_000


def table() -> pl.DataFrame:
    """Ten versions of each symbol, ten days each, sorted by key and time; built without the code under test."""
    rows = pl.int_range(SYMBOLS * VERSIONS, dtype=pl.Int64, eager=True).alias("row")
    symbol, version = pl.col("row") // VERSIONS, pl.col("row") % VERSIONS
    starts = 1_500_000_000_000_000 + version * 10 * DAY_US
    last = version == VERSIONS - 1
    keys = pl.select(
        pl.format("exchange-{}", pl.int_range(SYMBOLS) // 50_000 + 10).alias("exchange"),
        pl.format("SYM{}USDT", pl.int_range(SYMBOLS) + 1_000_000).alias("symbol"),
    )
    values = {
        "base_asset": pl.format("SYM{}", symbol + 1_000_000),
        "quote_asset": pl.lit("USDT"),
        "market_type": pl.lit("spot"),
        "tick_size": 0.01 * (1 + version % 2),
        "lot_size": pl.lit(0.001),
        "min_order_size": pl.lit(0.001),
    }
    frame = pl.DataFrame(rows).select(
        *(keys[name].gather(rows // VERSIONS).alias(name) for name in dim_symbol.KEY),
        *(values.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in dim_symbol.ATTRIBUTES.items()),
        starts.cast(dim_symbol.UTC_TIME).alias("valid_from"),
        pl.when(~last).then(starts + 10 * DAY_US).cast(dim_symbol.UTC_TIME).alias("valid_until"),
        last.alias("is_current"),
    )
    return frame.with_columns(symbol_id=dim_symbol.symbol_ids(frame)).select(list(dim_symbol.SCHEMA))


def updates(current: pl.DataFrame) -> pl.DataFrame:
    """Of every hundredth symbol a new tick size, a third of them late; one in ten is a new symbol."""
    picked = current.gather_every(SYMBOLS * VERSIONS // UPDATES).with_row_index("row")
    late = pl.col("row") % 3 == 0
    return picked.select(
        "exchange",
        pl.when(pl.col("row") % 10 == 0).then(pl.col("symbol") + "N").otherwise("symbol").alias("symbol"),
        *dim_symbol.ATTRIBUTES,
        (1_500_000_000_000_000 + pl.when(late).then(5).otherwise(200) * DAY_US)
        .cast(dim_symbol.UTC_TIME)
        .alias("valid_from"),
    ).with_columns(tick_size=pl.lit(0.5))


@contextmanager
def timed(what: str):
    taken = {}
    began, cpu_began = time.perf_counter(), time.process_time()
    yield taken
    taken["seconds"], cpu = time.perf_counter() - began, time.process_time() - cpu_began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what:<34}{taken['seconds']:6.2f} s   of the processors {cpu:5.2f} s   peak {peak:.1f} GB")


def test_upsert_of_ten_thousand_into_ten_million():
    with timed("build the table, ids included"):
        current = table()
    batch = updates(current)
    print(f"{'size of the table':<34}{current.estimated_size() / 1e9:6.2f} GB")
    with timed("upsert 10,000 updates") as upsert:
        after = dim_symbol.scd2_upsert(current, batch)
    with timed("the same again"):
        assert dim_symbol.scd2_upsert(after, batch) is after
    with timed("validate"):
        assert violations(after) == []
    assert after.height == current.height + UPDATES
    assert upsert["seconds"] < 3
