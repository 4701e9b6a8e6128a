"""Files of other vendors: typed by their descriptions, and by a line of Polars that someone would write for them.

Both get the same bytes and make the same columns. ``bare`` is what it costs to read that one form and check nothing.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from pointline.io.descriptions import read_feeds
from pointline.parse import fast_path
from pointline.parse.feed import Feed, Header
from pointline.parse.rules import Belonging
from pointline.tables.spelling import EVERY_SYMBOL
from tests.bench.measure import Bench, Measure
from tests.bench.process import BenchmarkFailed

DAY = dt.date(2024, 1, 2)
FIRST_MS = 1_704_153_600_000
BLOCK_ROWS = 100_000


@dataclass(frozen=True, kw_only=True)
class Case:
    """One feed: a path of it, columns of ``rows`` rows, and how bare Polars makes the table's columns of them."""

    path: str
    rows: Callable[[int], pl.DataFrame]
    bare: list[pl.Expr]


def _frame(rows: int, /, **columns: pl.Expr) -> pl.DataFrame:
    return pl.select(row=pl.int_range(rows)).select(**columns)


ROW = pl.col("row")
PRICE = (40_000 + (ROW % 1000) / 10).round(1)
AMOUNT = ((ROW % 77) / 1000 + 0.001).round(3)


def _side(column: str, word: str) -> pl.Expr:
    return pl.when(pl.col(column).cast(pl.String) == word).then(pl.lit("sell")).otherwise(pl.lit("buy"))


def _time(column: str, unit: str) -> pl.Expr:
    return pl.from_epoch(column, unit).dt.cast_time_unit("us")  # type: ignore[arg-type]


CASES = {
    "Binance aggTrades": Case(
        path="data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-02.zip",
        rows=lambda count: _frame(
            count,
            agg_trade_id=ROW + 10**9,
            price=PRICE,
            quantity=AMOUNT,
            first_trade_id=ROW * 2,
            last_trade_id=ROW * 2 + 1,
            transact_time=FIRST_MS + ROW * 80,
            is_buyer_maker=pl.when(ROW % 3 == 0).then(pl.lit("true")).otherwise(pl.lit("false")),
        ),
        bare=[
            pl.lit("binance-futures").alias("exchange"),
            pl.lit("BTCUSDT").alias("symbol"),
            _time("transact_time", "ms").alias("timestamp"),
            _time("transact_time", "ms").alias("local_timestamp"),
            pl.col("agg_trade_id").cast(pl.String).alias("id"),
            pl.col("first_trade_id", "last_trade_id"),
            _side("is_buyer_maker", "true").alias("side"),
            pl.col("price").cast(pl.Float64),
            pl.col("quantity").cast(pl.Float64).alias("amount"),
        ],
    ),
    "Binance klines": Case(
        path="data/futures/um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-02.zip",
        rows=lambda count: _frame(
            count,
            open_time=FIRST_MS + ROW * 80,
            open=PRICE,
            high=PRICE + 1,
            low=PRICE - 1,
            close=PRICE,
            volume=AMOUNT,
            close_time=FIRST_MS + ROW * 80 + 79,
            quote_volume=AMOUNT,
            count=ROW % 900,
            taker_buy_volume=AMOUNT,
            taker_buy_quote_volume=AMOUNT,
            ignore=pl.lit(0),
        ),
        bare=[
            pl.lit("binance-futures").alias("exchange"),
            pl.lit("BTCUSDT").alias("symbol"),
            _time("open_time", "ms").alias("timestamp"),
            _time("open_time", "ms").alias("local_timestamp"),
            pl.lit("1m").alias("interval"),
            pl.lit("trade").alias("price_type"),
            pl.col("open", "high", "low", "close", "volume", "quote_volume").cast(pl.Float64),
            pl.col("count").alias("trade_count"),
            pl.col("taker_buy_volume", "taker_buy_quote_volume").cast(pl.Float64),
        ],
    ),
    "Bybit trades": Case(
        path="trading/BTCUSDT/BTCUSDT2024-01-02.csv.gz",
        rows=lambda count: _frame(
            count,
            timestamp=(FIRST_MS / 1000 + ROW * 0.08).round(4),
            symbol=pl.lit("BTCUSDT"),
            side=pl.when(ROW % 3 == 0).then(pl.lit("Sell")).otherwise(pl.lit("Buy")),
            size=AMOUNT,
            price=PRICE,
            tickDirection=pl.lit("ZeroPlusTick"),
            trdMatchID=pl.format("{}-b2a4-5b3c-8f1e-000000000000", ROW + 10**7),
            grossValue=pl.lit("4.50554e+08"),
            homeNotional=AMOUNT,
            foreignNotional=AMOUNT,
        ),
        bare=[
            pl.lit("bybit").alias("exchange"),
            pl.col("symbol"),
            (pl.col("timestamp") * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us")).alias("at"),
            (pl.col("timestamp") * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us")).alias("local"),
            pl.col("trdMatchID").alias("id"),
            _side("side", "Sell").alias("taker"),
            pl.col("price").cast(pl.Float64),
            pl.col("size").cast(pl.Float64).alias("amount"),
        ],
    ),
    "Databento trades": Case(
        path="glbx-mdp3-20240102.trades.csv.zst",
        rows=lambda count: _frame(
            count,
            ts_recv=(FIRST_MS + ROW * 80) * 10**6 + 1000,
            ts_event=(FIRST_MS + ROW * 80) * 10**6,
            rtype=pl.lit(0),
            publisher_id=pl.lit(1),
            instrument_id=pl.lit(5482),
            action=pl.lit("T"),
            side=pl.when(ROW % 3 == 0).then(pl.lit("A")).otherwise(pl.lit("B")),
            depth=pl.lit(0),
            price=(3702 + ROW % 100) * 10**9 + 750_000_000,
            size=ROW % 9 + 1,
            flags=pl.lit(129),
            ts_in_delta=pl.lit(19251),
            sequence=ROW + 1170352,
            symbol=pl.lit("ESH1"),
        ),
        bare=[
            pl.lit("glbx-mdp3").alias("exchange"),
            pl.col("symbol"),
            _time("ts_event", "ns").alias("at"),
            _time("ts_recv", "ns").alias("local"),
            pl.col("sequence").cast(pl.String).alias("id"),
            _side("side", "A").alias("taker"),
            (pl.col("price") / 1e9).alias("worth"),
            pl.col("size").cast(pl.Float64).alias("amount"),
        ],
    ),
}


def feeds(bench: Bench) -> Iterator[Measure]:
    """Rows typed by a description, against bare Polars on the same bytes, one core each; block by block."""
    known = read_feeds(Path("no lake"))
    for name, case in CASES.items():
        [claim] = known.claims(case.path)
        feed = claim.description.feed
        symbol = None if claim.symbol == EVERY_SYMBOL else claim.symbol
        belonging = known.belonging(
            case.path, claim.feed, exchange=claim.exchange, symbol=symbol, date=DAY, escalated=frozenset()
        )
        rows = case.rows(bench.size(1_000_000, 100_000))
        header = tuple(rows.columns)
        feed = feed.under(header)
        assert feed.header is not Header.ABSENT
        blocks = [part.write_csv(include_header=False).encode() for part in rows.iter_slices(BLOCK_ROWS)]

        ours = partial(_by_description, name, feed, header, blocks, belonging)
        bare = partial(_by_polars, case, header, blocks)
        ratios, rates = [], []
        for _ in range(bench.runs):
            described, plain = _processor_time(ours), _processor_time(bare)
            ratios.append(plain / described)
            rates.append(rows.height / described / 1e6)
        note = f"{rows.height:,} rows; {sorted(rates)[len(rates) // 2]:.1f} M rows a second of processor time"
        yield Measure.median(
            f"feeds, {name}", "of bare Polars", "x", ratios, must=1.0, more_is_better=True, notes=[note]
        )


def _by_description(name: str, feed: Feed, header: Sequence[str], blocks: Sequence[bytes], on: Belonging) -> None:
    for block in blocks:
        if fast_path.parse(feed, header, block, on) is None:
            raise BenchmarkFailed(f"{name}: the fast path did not take a block")


def _by_polars(case: Case, header: Sequence[str], blocks: Sequence[bytes]) -> None:
    for block in blocks:
        pl.read_csv(block, has_header=False, new_columns=list(header)).select(case.bare)


def _processor_time(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
