"""A year as Binance's own script leaves it, daily and monthly zips with checksums, against as many rows of Tardis."""

from __future__ import annotations

import datetime as dt
import shutil
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import polars as pl
from pointline_daemon.commands.demo.binance import BinanceFile
from pointline_daemon.samples import Sample, csv_bytes, gzip_bytes, sample_frame

from tests.bench.inputs import GZIP_LEVEL
from tests.bench.lake import BenchLake
from tests.bench.measure import Bench, Measure
from tests.bench.process import BenchmarkFailed, Cost
from tests.bench.report import progress
from tests.bench.sums import check_rows

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
FIRST = dt.date(2023, 1, 1)
ROWS_A_DAY = 1440
"""Bars of a minute fill a day; the other feeds get as many rows."""
MINUTE_MS = 60_000
ROW = pl.int_range(ROWS_A_DAY)
PRICE = (40_000 + (ROW % 1000) / 10).round(1)
AMOUNT = ((ROW % 77) / 1000 + 0.001).round(3)


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One of Binance's: its folder, the middle of its names, its table, its columns; and the like of it at Tardis."""

    folder: str
    name: str
    table: str
    columns: Callable[[pl.Expr], dict[str, pl.Expr]]
    tardis: tuple[str, str]

    def day(self, number: int) -> pl.DataFrame:
        """The rows of a day; ids and times go on from day to day."""
        first = int(dt.datetime.combine(FIRST, dt.time(), dt.UTC).timestamp() * 1000)
        return pl.select(**self.columns(first + (ROW + number * ROWS_A_DAY) * MINUTE_MS))


def _trades(time: pl.Expr) -> dict[str, pl.Expr]:
    buyer = pl.when(ROW % 3 == 0).then(pl.lit("true")).otherwise(pl.lit("false"))
    return {"id": time // MINUTE_MS, "price": PRICE, "qty": AMOUNT, "quote_qty": PRICE, "time": time} | {
        "is_buyer_maker": buyer
    }


def _quotes(time: pl.Expr) -> dict[str, pl.Expr]:
    bid = {"update_id": time, "best_bid_price": PRICE, "best_bid_qty": AMOUNT}
    return {**bid, "best_ask_price": PRICE + 1, "best_ask_qty": AMOUNT, "transaction_time": time, "event_time": time}


def _bars(time: pl.Expr) -> dict[str, pl.Expr]:
    prices = {"open_time": time, "open": PRICE, "high": PRICE + 1, "low": PRICE - 1, "close": PRICE, "volume": AMOUNT}
    taker = {"taker_buy_volume": AMOUNT, "taker_buy_quote_volume": AMOUNT, "ignore": pl.lit(0)}
    return {**prices, "close_time": time + MINUTE_MS - 1, "quote_volume": AMOUNT, "count": ROW % 900, **taker}


FEEDS = (
    Feed(folder="trades/{}", name="trades", table="trades", columns=_trades, tardis=("binance-futures", "trades")),
    Feed(
        folder="bookTicker/{}",
        name="bookTicker",
        table="book_ticker",
        columns=_quotes,
        tardis=("binance-futures", "quotes"),
    ),
    Feed(folder="klines/{}/1m", name="1m", table="bars", columns=_bars, tardis=("binance", "trades")),
)


def year(bench: Bench) -> Iterator[Measure]:
    """The same rows twice over: each day's file and the month's, of which every row must be in once."""
    days = bench.size(365, 31)
    sources = {"binance": _binance, "tardis": _tardis}
    kept = {name: bench.scratch / "inputs" / f"year-1-{name}-{days}" for name in sources}
    for name, make in sources.items():
        if not kept[name].exists():
            progress(f"input {kept[name].name} is made")
            shutil.rmtree(begun := kept[name].with_suffix(".begun"), ignore_errors=True)
            make(begun, days)
            begun.rename(kept[name])
    lakes = {name: BenchLake(bench.folder("year") / name) for name in sources}
    costs: dict[str, list[Cost]] = {name: [] for name in lakes}
    for turn in range(1, bench.runs + 1):
        for name, lake in lakes.items():
            lake.renew()
            shutil.copytree(kept[name], lake.bronze, dirs_exist_ok=True)
            costs[name].append(lake.once())
            progress(f"{turn}/{bench.runs} {name}: {costs[name][-1].wall_seconds:.2f} s")
            _check(lake, name, days)
    ratios = [ours.wall_seconds / plain.wall_seconds for ours, plain in zip(*costs.values(), strict=True)]
    notes = [
        f"{name}: {statistics.median(cost.wall_seconds for cost in taken):.2f} s, "
        f"{sum(1 for path in lakes[name].bronze.rglob('*') if path.is_file()):,} files in bronze"
        for name, taken in costs.items()
    ]
    yield Measure.median("year", "of Tardis's time", "x", ratios, must=1.2, notes=notes)
    shutil.rmtree(bench.folder("year"))


def _binance(folder: Path, days: int) -> None:
    for feed in FEEDS:
        for symbol in SYMBOLS:
            rows = {FIRST + dt.timedelta(days=number): feed.day(number) for number in range(days)}
            files = {f"daily/{{}}-{date}": frame for date, frame in rows.items()}
            for month, dates in groupby(rows, lambda date: f"{date:%Y-%m}"):
                files[f"monthly/{{}}-{month}"] = pl.concat([rows[date] for date in dates])
            below = f"{feed.folder.format(symbol)}/{symbol}-{feed.name}"
            for name, frame in files.items():
                path = f"data/futures/um/{name.format(below)}.zip"
                BinanceFile(table=feed.table, path=path, frame=frame).write(folder)


def _tardis(folder: Path, days: int) -> None:
    for feed in FEEDS:
        exchange, data_type = feed.tardis
        for symbol in SYMBOLS:
            for number in range(days):
                date = FIRST + dt.timedelta(days=number)
                sample = Sample(exchange=exchange, data_type=data_type, symbol=symbol, date=date, rows=ROWS_A_DAY)
                path = folder / exchange / data_type / f"{date:%Y/%m/%d}" / f"{symbol}.csv.gz"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(gzip_bytes(csv_bytes(sample_frame(sample)), GZIP_LEVEL))


def _check(lake: BenchLake, name: str, days: int) -> None:
    """Each day of each series is in once."""
    tables = [feed.table if name == "binance" else feed.tardis[1] for feed in FEEDS]
    for table in dict.fromkeys(tables):
        rows = pl.scan_delta(str(lake.table(table)))
        found = rows.group_by("exchange", "symbol", "date").len().collect()
        check_rows(found.height, tables.count(table) * len(SYMBOLS) * days, f"the list of days in {table}")
        if wrong := found.filter(pl.col("len") != ROWS_A_DAY).rows():
            raise BenchmarkFailed(f"{table}: {wrong[:3]} in place of {ROWS_A_DAY} rows each")
