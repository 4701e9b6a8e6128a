"""What compaction costs at 1, 10 and 100 times: counts and bytes, which are the same on every machine.

``python -m tests.bench.scale_compaction`` prints one JSON object a line.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from msgspec.structs import replace
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.process.maintenance.thread import Maintenance
from pointline_daemon.process.maintenance.upkeep import Upkeep

from pointline.config import load_config
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log.checkpoint import entries_after, newest_checkpoint
from pointline.io.delta_log.entries import entry_name
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.io.protocols.file_version import Outcome
from pointline.io.protocols.tables import Part
from pointline.services.compaction import COLD, while_hot
from pointline.services.ingest.change import Change, commit_change
from pointline.settings import MaintenanceSettings
from pointline.tables.ingest_manifest import Status
from tests.support.maintained import compact_partition
from tests.support.tiers import Tiers

SCALES = (1, 10, 100)
FILES, DAY_FILES, REAL_FILES, PARTITIONS, PER_PARTITION = 200, 864, 20, 10, 3
SMALL_ROWS = 90
DAY = dt.date(2024, 5, 1)
Row = dict[str, object]
SETTINGS = MaintenanceSettings()


def rows(scales: Sequence[int] = SCALES) -> Iterator[Row]:
    """Yield ``what, n, total, per_item``."""
    for scale in scales:
        yield from _files_one_by_one(FILES * scale, "files one by one")
        yield from _files_one_by_one(DAY_FILES * scale, "a day, a file at a time")
        with _lake() as lake:
            yield from _real_files(lake, REAL_FILES * scale)
        with _lake() as lake:
            yield from _pass(lake, PARTITIONS * scale)


def _row(what: str, n: int, total: float) -> Row:
    return {"what": what, "n": n, "total": total, "per_item": total / n}


def _action(what: str, n: int, cost: float) -> Row:
    """Return what one action costs in a lake of ``n`` files."""
    return {"what": what, "n": n, "total": None, "per_item": cost}


def _files_one_by_one(n: int, what: str) -> Iterator[Row]:
    """By the planner alone: sizes, and nothing on a disk."""
    tiers = Tiers(full_bytes=SETTINGS.target_file_bytes)
    hot = while_hot(SETTINGS.min_small_files)
    tiers.take(n, lambda _: SMALL_ROWS, look_every=2 * SETTINGS.min_small_files, ratio=hot.ratio, most=hot.most)
    tiers.merge(ratio=COLD.ratio, most=COLD.most)
    yield _row(f"{what}: bytes ingested", n, tiers.ingested_bytes)
    yield _row(f"{what}: bytes written, rewritten ones included", n, tiers.ingested_bytes + tiers.rewritten_bytes)
    yield _row(f"{what}: most data files at a time", n, tiers.most_files)
    yield _row(f"{what}: data files once it has cooled", n, len(tiers.files))


def _real_files(lake: Lake, n: int) -> Iterator[Row]:
    """One partition, a commit for each file, and then a file of it replaced."""
    trades = lake.events["trades"]
    place = {"exchange": "binance", "date": str(DAY)}
    arguments = {"target_bytes": int(SETTINGS.target_file_bytes)}
    ingested = rewritten = 0
    for number in range(1, n + 1):
        parts = trades.write_parts(_rows(trades, number, SMALL_ROWS))
        ingested += sum(part.size_bytes for part in parts)
        trades.commit(number, add=parts, remove=(), outcomes=())
        if number % (2 * SETTINGS.min_small_files) == 0:
            done = compact_partition(trades, place, while_hot(SETTINGS.min_small_files), **arguments)
            rewritten += done.bytes_after if done else 0
    done = compact_partition(trades, place, COLD, **arguments)
    rewritten += done.bytes_after if done else 0
    yield _row("real files one by one: bytes ingested", n, ingested)
    yield _row("real files one by one: bytes written, rewritten ones included", n, ingested + rewritten)
    new = trades.write_parts(_rows(trades, n + 1, SMALL_ROWS))
    outcome = Outcome(file_id=n + 1, status=Status.SUCCESS)
    leaving = {tuple(place.items()): [n // 2]}
    written = commit_change(trades, n + 1, Change(add=new, leaving=leaving, outcomes=[outcome]))
    yield _action("one of the files replaced: bytes written", n, sum(part.size_bytes for part in written))
    done = compact_partition(trades, place, COLD, **arguments)
    yield _action("then compacted: bytes rewritten", n, done.bytes_after if done else 0)


def _pass(lake: Lake, n: int) -> Iterator[Row]:
    """A pass over partitions of a few small files each."""
    trades = lake.events["trades"]
    _spread(trades, n)
    counts = _Counts(trades)
    maintenance = Maintenance(lake, oldest_batch_seconds=lambda: 0.0)
    maintenance._noted.note_old(Upkeep(lake).partitions(), seconds=7200)
    maintenance._maintain(threading.Event())
    yield _row("a pass over partitions: data files listed", n, counts.listed)
    yield _row("a pass over partitions: commits", n, counts.commits)
    yield _row("a pass over partitions: bytes of the log and its checkpoints", n, counts.log_bytes)
    yield _row("a pass over partitions: most entries beside a checkpoint", n, counts.most_entries)
    yield _row("a pass over partitions: most bytes beside a checkpoint", n, counts.most_entry_bytes)


class _Counts:
    """Watches the commits, listings and checkpoints of one table."""

    def __init__(self, table: DeltaTableRepository) -> None:
        self.listed = self.commits = self.log_bytes = self.most_entries = self.most_entry_bytes = 0
        self._log = table.path / "_delta_log"
        newest, commit, checkpoint = table._newest_parts, table.commit_parts, TableUpkeep.checkpoint

        def listing() -> object:
            before = table._parts
            found = newest()
            self.listed += len(found.paths) if found is not before else 0
            return found

        def committing(**arguments: object) -> None:
            self.commits += 1
            commit(**arguments)  # type: ignore[arg-type]
            self.log_bytes += (self._log / entry_name(table.version())).stat().st_size
            entries = entries_after(self._log, newest_checkpoint(self._log))
            self.most_entries = max(self.most_entries, len(entries))
            self.most_entry_bytes = max(self.most_entry_bytes, sum(entry.stat().st_size for entry in entries))

        def checkpointing(upkeep: TableUpkeep) -> int:
            version = checkpoint(upkeep)
            if upkeep.repository is table:
                files = self._log.glob(f"{version:020}.checkpoint*.parquet")
                self.log_bytes += sum(file.stat().st_size for file in files)
            return version

        table._newest_parts, table.commit_parts = listing, committing  # type: ignore[method-assign, assignment]
        TableUpkeep.checkpoint = checkpointing  # type: ignore[method-assign]


def _spread(table: DeltaTableRepository, partitions: int) -> None:
    """Give each partition the same small files, which are links to a few."""
    parts: list[Part] = []
    for file_id in range(1, PER_PARTITION + 1):
        [made] = table.write_parts(_rows(table, file_id, 5))
        for number in range(partitions):
            day = str(DAY + dt.timedelta(number))
            folder = table.path / "exchange=binance" / f"date={day}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"part-{file_id}-{number}.parquet"
            path.hardlink_to(table.path / made.path)
            partition = {"exchange": "binance", "date": day}
            parts.append(replace(made, path=path.relative_to(table.path).as_posix(), partition=partition))
    table.commit_parts(add=parts, remove=())


def _rows(table: DeltaTableRepository, file_id: int, count: int) -> pl.DataFrame:
    at = pl.datetime_range(
        dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
        dt.datetime(2024, 5, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=7 * (count - 1)),
        "7s",
        time_unit="us",
        eager=True,
    )
    known = pl.DataFrame({"file_seq": range(1, count + 1), "timestamp": at, "local_timestamp": at}).with_columns(
        exchange=pl.lit("binance"),
        date=pl.lit(DAY),
        symbol=pl.lit(f"S{file_id}"),
        id=pl.int_range(pl.len()).cast(pl.String),
        side=pl.lit("buy"),
        price=pl.lit(100.0),
        amount=pl.lit(1.0),
        file_id=pl.lit(file_id),
    )
    return known.select(pl.col(name).cast(kind) for name, kind in table.schema.items())


class _lake:  # noqa: N801 - used as a function
    """A lake in a folder of its own, for as long as it is used."""

    def __enter__(self) -> Lake:
        self._root = Path(tempfile.mkdtemp(prefix="pointline-scale-"))
        lake = open_lake(load_config(self._root, environ={}))
        lake.create()
        return lake

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root, ignore_errors=True)


def main() -> None:
    for row in rows():
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
