"""Everyday accidents: two good files of trades, then one thing that happens to people, and what should be there after.

The steps of an accident change the folder; after each of them the tool is run. ``wanted`` are the rows that a careful
person would have kept. Nothing here knows any tool.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pointline_daemon.samples import Sample, csv_bytes, sample_frame

ROWS = 20_000
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
KEPT = ("symbol", "id", "price")
Step = Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accident:
    """``before`` are rows that were true once and are not any more."""

    title: str
    steps: tuple[Step, ...]
    wanted: pl.DataFrame
    before: pl.DataFrame | None = None


def accidents(rows: int = ROWS) -> list[Accident]:
    """All of them, with files of so many rows."""
    first, second, third = (_frame(symbol, rows) for symbol in SYMBOLS)
    both = _kept(first, second)
    good = _put(first), _put(second)
    bad = second.with_columns(pl.col("price").cast(pl.String)).with_columns(
        price=pl.when(pl.int_range(pl.len()) == rows // 2).then(pl.lit("abc")).otherwise("price")
    )
    other = first.with_columns(pl.col("price") + 1)
    wide = third.with_columns(fee=pl.lit(0.5))
    return [
        Accident(
            title="the second of three gzips is cut in the middle",
            steps=(_all(good[0], _cut(second), _put(third)),),
            wanted=_kept(first, third),
        ),
        Accident(
            title="one price is no number",
            steps=(_all(good[0], _put(bad, named_by=second)),),
            wanted=_kept(first, second.filter(pl.int_range(pl.len()) != rows // 2)),
        ),
        Accident(title="the same folder again", steps=(_all(*good), _nothing), wanted=both),
        Accident(title="a copy in another folder", steps=(_all(*good), _put(first, name="copy/{}")), wanted=both),
        Accident(
            title="a day is re-issued",
            steps=(_all(*good), _put(other)),
            wanted=_kept(other, second),
            before=_kept(first, second),
        ),
        Accident(
            title="a file with one more column",
            steps=(_all(*good), _put(wide)),
            wanted=_kept(first, second, third),
        ),
        Accident(
            title="read while it is written, then whole",
            steps=(_all(good[0], _cut(second)), good[1]),
            wanted=both,
        ),
    ]


def _frame(symbol: str, rows: int) -> pl.DataFrame:
    day = dt.date(2024, 5, 1)
    return sample_frame(Sample(exchange="binance-futures", data_type="trades", symbol=symbol, date=day, rows=rows))


def _kept(*frames: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame.select(pl.col("symbol", "id").cast(pl.String), "price") for frame in frames])


def _path(bronze: Path, frame: pl.DataFrame, name: str = "{}") -> Path:
    return bronze / name.format(f"binance-futures_trades_2024-05-01_{frame['symbol'][0]}.csv.gz")


def _put(frame: pl.DataFrame, *, named_by: pl.DataFrame | None = None, name: str = "{}") -> Step:
    def step(bronze: Path) -> None:
        content = gzip.compress(csv_bytes(frame), 6, mtime=0)
        path = _path(bronze, frame if named_by is None else named_by, name)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(".part")
        partial.write_bytes(content)
        partial.replace(path)

    return step


def _cut(frame: pl.DataFrame) -> Step:
    def step(bronze: Path) -> None:
        content = gzip.compress(csv_bytes(frame), 6, mtime=0)
        _path(bronze, frame).write_bytes(content[: len(content) // 2])

    return step


def _all(*steps: Step) -> Step:
    def step(bronze: Path) -> None:
        for one in steps:
            one(bronze)

    return step


def _nothing(_bronze: Path) -> None:
    pass
