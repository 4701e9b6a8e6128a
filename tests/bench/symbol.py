"""One symbol of one day out of three hundred, after maintenance, beside a file laid out for that question alone."""

from __future__ import annotations

import datetime as dt
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
from deltalake import DeltaTable

from pointline.io.delta.event_table import DeltaEventTable
from pointline.services.compaction import DICTIONARY
from pointline.tables.registry import event_tables
from tests.bench.inputs import EXCHANGES, FIRST_DAY, small_files, symbol_name
from tests.bench.lake import BenchLake
from tests.bench.measure import Bench, Measure
from tests.bench.report import number
from tests.bench.sums import check_rows

SYMBOLS = 300
WANTED = symbol_name(SYMBOLS // 2)
READS_PER_RUN = 4
KB = 1000


def one_symbol(bench: Bench) -> Iterator[Measure]:
    rows = bench.size(100_000, 4_000)
    source = small_files(bench.scratch, folders=1, symbols=SYMBOLS, rows=rows)
    folder = bench.folder("symbol")
    lake = BenchLake(folder / "lake")
    lake.renew(source)
    lake.once()
    lake.command("maintain", "--compact")
    lake.check(source)
    table = lake.table("trades")
    ideal = _alone(folder / "ideal", _from_lake(table, FIRST_DAY).collect())
    opened = DeltaTable(table)
    readers = {
        "lake": lambda: _from_lake(table, FIRST_DAY).collect(),
        "table open already": lambda: _from_lake(opened, FIRST_DAY).collect(),
        "ideal": lambda: pl.scan_parquet(ideal).collect(),
    }
    seconds = _read_in_turns(readers, rows, bench.runs * READS_PER_RUN)
    parts = [Path(uri.removeprefix("file://")) for uri in DeltaTable(table).file_uris()]
    read, least = (sum(map(read_bytes, files)) for files in (parts, [ideal]))
    medians = ", ".join(f"{statistics.median(all_of) * 1000:.1f} ms {name}" for name, all_of in seconds.items())
    notes = [f"{rows:,} rows of {rows * SYMBOLS:,}, in {len(parts)} part(s); medians {medians}"]
    for name, what in (("lake", "time"), ("table open already", "time, table open already")):
        ratios = [mine / alone for mine, alone in zip(seconds[name], seconds["ideal"], strict=True)]
        yield Measure.median("symbol", f"{what}, of a file of its own", "x", ratios, must=1.5, notes=notes)
        notes = []
    notes = [f"{number(read / KB)} KB in the row groups that statistics do not rule out, {number(least / KB)} KB alone"]
    yield Measure.median("symbol", "bytes, of a file of its own", "x", [read / least], must=1.5, notes=notes)
    shutil.rmtree(folder)


def _alone(folder: Path, rows: pl.DataFrame) -> Path:
    """The same rows in a file of their own, by the product's own writer: what differs is the layout alone."""
    writer = DeltaEventTable(folder, event_tables()["trades"]).part_writer({}, DICTIONARY)
    writer.write(rows)
    return folder / writer.close().path


def read_bytes(part: Path) -> int:
    """Bytes of the column chunks in those row groups of a part that may hold the wanted symbol."""
    metadata = pq.read_metadata(part)
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    return sum(
        group.column(position).total_compressed_size
        for group in groups
        if _may_hold(group)
        for position in range(group.num_columns)
    )


def _may_hold(group: pq.RowGroupMetaData) -> bool:
    columns = [group.column(position) for position in range(group.num_columns)]
    bounds = next(column.statistics for column in columns if column.path_in_schema == "symbol")
    return bounds is None or not bounds.has_min_max or bounds.min <= WANTED <= bounds.max


def _from_lake(table: Path | DeltaTable, date: dt.date) -> pl.LazyFrame:
    """The query as people write it; a path is opened anew."""
    return pl.scan_delta(table if isinstance(table, DeltaTable) else str(table)).filter(
        pl.col("exchange") == EXCHANGES[0], pl.col("date") == date, pl.col("symbol") == WANTED
    )


def _read_in_turns(readers: dict[str, Callable[[], pl.DataFrame]], rows: int, turns: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for turn in range(turns + 1):
        for name, read in readers.items():
            begun = time.perf_counter()
            frame = read()
            if turn:  # the first warms the caches of both
                seconds[name].append(time.perf_counter() - begun)
            check_rows(frame.height, rows, f"{WANTED} in the {name}")
    return seconds
