"""Vendor files to measure with, and the sums of their rows: made once, kept in the scratch folder between runs.

Prices walk at random and times fill the day, the same on every machine; gzip at level 6, as the vendor has it.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from pointline_daemon.samples import Sample, csv_bytes, gzip_bytes, sample_frame

from tests.bench.report import progress
from tests.bench.sums import Sums

EDITION = f"1-polars-{pl.__version__}"
"""Sums hold hashes, which another release of Polars may compute otherwise."""
FIRST_DAY = dt.date(2021, 1, 1)
EXCHANGES = ("binance", "bybit", "deribit", "okex")
SLICE_ROWS = 500_000
GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A folder laid out like bronze, all files of one data type."""

    folder: Path
    data_type: str
    sums: Sums
    gzip_bytes: int

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*.csv.gz"))

    def link_into(self, bronze: Path) -> None:
        """Hard-link every file below bronze: the time stamps stay, and nothing is copied."""
        for path in self.files():
            target = bronze / path.relative_to(self.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)


def whole_files(scratch: Path, data_type: str, *, files: int, rows: int) -> Input:
    """``files`` files of ``rows`` rows, each a whole day: up to ten symbols, then the next day."""
    samples = [
        Sample(
            exchange="binance-futures",
            data_type=data_type,
            symbol=f"{('BTC', 'ETH', 'SOL')[number % 3]}USDT{number % 10}",
            date=FIRST_DAY + dt.timedelta(days=number // 10),
            rows=rows,
        )
        for number in range(files)
    ]

    def make(folder: Path) -> Iterable[Sums]:
        def write(sample: Sample) -> Sums:
            frame = sample_frame(sample)
            write_file(frame, folder / sample.file_name)
            return Sums.of_raw(frame, files=1)

        with ThreadPoolExecutor(2) as pool:
            yield from pool.map(write, samples)

    return _kept(scratch, f"{data_type}-{files}x{rows}", data_type, make)


def small_files(scratch: Path, *, folders: int, symbols: int, rows: int) -> Input:
    """Trades of ``symbols`` symbols a folder, a folder for each exchange and day, ``rows`` rows a file."""

    def make(folder: Path) -> Iterable[Sums]:
        for number in range(folders):
            date = FIRST_DAY + dt.timedelta(days=number // len(EXCHANGES))
            exchange = EXCHANGES[number % len(EXCHANGES)]
            sample = Sample(
                exchange=exchange, data_type="trades", symbol="SYMBOL", date=date, rows=symbols * rows, seed=number
            )
            frame = _dealt(sample_frame(sample), symbols)
            below = folder / exchange / "trades" / f"{date:%Y/%m/%d}"
            below.mkdir(parents=True)
            for position in range(symbols):
                content = csv_bytes(frame.slice(position * rows, rows))
                (below / f"{symbol_name(position)}.csv.gz").write_bytes(gzip_bytes(content, GZIP_LEVEL))
            yield Sums.of_raw(frame, files=symbols)

    return _kept(scratch, f"trades-{folders}x{symbols}x{rows}", "trades", make)


def symbol_name(position: int) -> str:
    return f"S{position:04}USDT"


def write_file(frame: pl.DataFrame, path: Path) -> None:
    """Write one vendor file without ever holding all of its text."""
    with path.open("wb") as target, gzip.GzipFile("", "wb", GZIP_LEVEL, target, mtime=0) as packed:
        for number, rows in enumerate(frame.iter_slices(SLICE_ROWS)):
            packed.write(rows.write_csv(include_header=number == 0).encode())


def _dealt(frame: pl.DataFrame, symbols: int) -> pl.DataFrame:
    """Deal the rows of a day out to symbols, like cards, one symbol after the other: each has all of the day."""
    names = pl.Series("symbol", [symbol_name(position) for position in range(symbols)])
    turn = pl.int_range(pl.len()) % symbols
    return frame.with_columns(pl.lit(names).gather(turn).alias("symbol")).sort("symbol", maintain_order=True)


def _kept(scratch: Path, name: str, data_type: str, make: Callable[[Path], Iterable[Sums]]) -> Input:
    """Take an input from the scratch folder, or make it. Its facts are written last: without them it is not there."""
    folder = scratch / "inputs" / EDITION / name
    facts = folder / "facts.json"
    if not facts.exists():
        progress(f"input {name} is made")
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "bronze").mkdir(parents=True)
        sums = Sums.total(make(folder / "bronze"))
        size = sum(path.stat().st_size for path in (folder / "bronze").rglob("*.csv.gz"))
        facts.write_text(json.dumps({"sums": asdict(sums), "gzip_bytes": size}))
    known = json.loads(facts.read_text())
    sums = Sums(**known["sums"])
    return Input(folder=folder / "bronze", data_type=data_type, sums=sums, gzip_bytes=known["gzip_bytes"])
