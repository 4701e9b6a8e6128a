"""Files of the demonstration as Binance's own script leaves them: a tree of zip archives, each with its checksum."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from msgspec import Struct

from pointline_daemon.samples import Sample, sample_frame

SYMBOLS = ("BTCUSDT", "ETHUSDT")
FIRST = dt.date(2024, 1, 30)
DAYS = 3
ROWS = 5000
ARCHIVED_AT = (2024, 2, 5, 0, 0, 0)
KLINES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


class BinanceFile(Struct, frozen=True, kw_only=True):
    """One archive on its way into bronze; ``frame`` has the columns of the vendor, under its names."""

    table: str
    path: str
    frame: pl.DataFrame

    def write(self, bronze: Path) -> None:
        """Write the checksum, and the archive under another name that is then the right one."""
        target = bronze / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            member = zipfile.ZipInfo(f"{target.stem}.csv", ARCHIVED_AT)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, self.frame.write_csv())
        digest = hashlib.sha256(content.getvalue()).hexdigest()
        target.with_name(f"{target.name}.CHECKSUM").write_text(f"{digest}  {target.name}\n")
        staged = target.with_name(f"{target.name}.part")
        staged.write_bytes(content.getvalue())
        staged.replace(target)


def binance_files(run: int) -> Iterator[BinanceFile]:
    """Yield the files of a run: of each symbol trades and klines by day, and klines of the month with the same rows."""
    days = [FIRST + dt.timedelta(days=DAYS * run + ahead) for ahead in range(DAYS)]
    for symbol in SYMBOLS:
        bars = {}
        for day in days:
            trades = _trades(symbol, day)
            bars[day] = _klines(trades)
            yield _file("trades", "daily", symbol, f"{symbol}-trades-{day}", trades)
            yield _file("bars", "daily", symbol, f"{symbol}-1m-{day}", bars[day])
        month = f"{days[0]:%Y-%m}"
        whole = pl.concat([frame for day, frame in bars.items() if f"{day:%Y-%m}" == month])
        yield _file("bars", "monthly", symbol, f"{symbol}-1m-{month}", whole)


def _file(table: str, span: str, symbol: str, name: str, frame: pl.DataFrame) -> BinanceFile:
    kind = "trades" if table == "trades" else "klines"
    interval = "" if table == "trades" else "/1m"
    return BinanceFile(table=table, path=f"data/futures/um/{span}/{kind}/{symbol}{interval}/{name}.zip", frame=frame)


def _trades(symbol: str, day: dt.date) -> pl.DataFrame:
    sample = Sample(exchange="binance-futures", data_type="trades", symbol=symbol, date=day, rows=ROWS)
    price, amount = pl.col("price").cast(pl.Float64), pl.col("amount").cast(pl.Float64)
    return sample_frame(sample).select(
        id=pl.int_range(pl.len()) + day.toordinal() * 10**6,
        price=price,
        qty=amount,
        quote_qty=(price * amount).round(4),
        time=pl.col("local_timestamp") // 1000,
        is_buyer_maker=pl.col("side") == "sell",
    )


def _klines(trades: pl.DataFrame) -> pl.DataFrame:
    minute, day = 60_000, 86_400_000
    begins = int(trades["time"][0]) // day * day
    every = pl.DataFrame({"open_time": pl.int_range(begins, begins + day, minute, eager=True)})
    bought = pl.col("qty").filter(~pl.col("is_buyer_maker")).sum()
    made = trades.group_by(open_time=pl.col("time") // minute * minute, maintain_order=True).agg(
        open=pl.col("price").first(),
        high=pl.col("price").max(),
        low=pl.col("price").min(),
        close=pl.col("price").last(),
        volume=pl.col("qty").sum().round(3),
        quote_volume=pl.col("quote_qty").sum().round(4),
        count=pl.len(),
        taker_buy_volume=bought.round(3),
        taker_buy_quote_volume=pl.col("quote_qty").filter(~pl.col("is_buyer_maker")).sum().round(4),
    )
    last = pl.col("close").forward_fill().fill_null(pl.col("open").backward_fill())  # of a minute without trades
    whole = every.join(made, on="open_time", how="left", maintain_order="left").with_columns(
        last.alias("close"), pl.col("open", "high", "low").fill_null(last)
    )
    whole = whole.with_columns(close_time=pl.col("open_time") + minute - 1, ignore=0).fill_null(0)
    return whole.select(KLINES.split(","))
