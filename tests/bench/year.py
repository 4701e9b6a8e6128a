"""A year as Binance's own script leaves it, daily and monthly zips with checksums, against as many rows of Tardis."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import polars as pl
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

    def day(self, number: int) -> bytes:
        """The lines of a day without their header; ids and times go on from day to day."""
        return self._frame(number).write_csv(include_header=False).encode()

    @property
    def header(self) -> bytes:
        return self._frame(0).head(0).write_csv().encode()

    def _frame(self, day: int) -> pl.DataFrame:
        first = int(dt.datetime.combine(FIRST, dt.time(), dt.UTC).timestamp() * 1000)
        time = first + (ROW + day * ROWS_A_DAY) * MINUTE_MS
        return pl.select(**self.columns(time))


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
    lakes: dict[str, BenchLake] = {}
    for name, make in sources.items():
        if not (kept := bench.scratch / "inputs" / f"year-1-{name}-{days}").exists():
            progress(f"input {kept.name} is made")
            shutil.rmtree(begun := kept.with_suffix(".begun"), ignore_errors=True)
            make(begun, days)
            begun.rename(kept)
        lakes[name] = BenchLake(bench.folder("year") / name)
    costs: dict[str, list[Cost]] = {name: [] for name in lakes}
    for turn in range(1, bench.runs + 1):
        for name, lake in lakes.items():
            lake.renew()
            shutil.copytree(bench.scratch / "inputs" / f"year-1-{name}-{days}", lake.bronze, dirs_exist_ok=True)
            costs[name].append(lake.once())
            progress(f"{turn}/{bench.runs} {name}: {costs[name][-1].wall_seconds:.2f} s")
            _check(lake, name, days)
    ratios = [ours.wall_seconds / plain.wall_seconds for ours, plain in zip(*costs.values(), strict=True)]
    notes = [
        f"{name}: {sorted(cost.wall_seconds for cost in taken)[len(taken) // 2]:.2f} s, "
        f"{sum(1 for path in lakes[name].bronze.rglob('*') if path.is_file()):,} files in bronze"
        for name, taken in costs.items()
    ]
    yield Measure.median("year", "of Tardis's time", "x", ratios, must=1.2, notes=notes)
    shutil.rmtree(bench.folder("year"))


def _binance(folder: Path, days: int) -> None:
    for feed in FEEDS:
        for symbol in SYMBOLS:
            lines = {FIRST + dt.timedelta(days=number): feed.day(number) for number in range(days)}
            below = f"data/futures/um/{{}}/{feed.folder.format(symbol)}"
            for date, content in lines.items():
                name = f"{symbol}-{feed.name}-{date}"
                _zip(folder / below.format("daily"), name, feed.header + content)
            for month, dates in groupby(lines, lambda date: f"{date:%Y-%m}"):
                name = f"{symbol}-{feed.name}-{month}"
                _zip(folder / below.format("monthly"), name, feed.header + b"".join(lines[date] for date in dates))


def _zip(folder: Path, name: str, content: bytes) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{name}.csv", content)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.zip").write_bytes(held.getvalue())
    digest = hashlib.sha256(held.getvalue()).hexdigest()
    (folder / f"{name}.zip.CHECKSUM").write_text(f"{digest}  {name}.zip\n")


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
