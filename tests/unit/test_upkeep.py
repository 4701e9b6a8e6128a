"""What maintenance does when it is asked, and what it says it did."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import polars as pl
import pytest
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.opening.requests import Maintain
from pointline_daemon.process.maintenance import thread as maintenance_module
from pointline_daemon.process.maintenance import upkeep as upkeep_module
from pointline_daemon.process.maintenance.compactions import Compactions
from pointline_daemon.process.maintenance.thread import Maintenance
from pointline_daemon.process.maintenance.upkeep import Upkeep

from pointline.config import load_config
from pointline.io.clock import Clock
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log.dead_files import DeadFiles
from pointline.io.delta_log.upkeep import TableUpkeep

PARTITIONS = [
    ("quotes", "binance", "2024-05-01"),
    ("trades", "binance", "2024-05-01"),
    ("trades", "binance", "2024-05-02"),
    ("trades", "deribit", "2024-05-01"),
]


@pytest.fixture
def lake(tmp_path):
    return open_lake(load_config(tmp_path, environ={"POINTLINE_MAINTENANCE__VACUUM_INTERVAL_HOURS": "0.01"}))


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        (Maintain(vacuum=False), PARTITIONS),
        (Maintain(vacuum=False, table="trades"), PARTITIONS[1:]),
        (Maintain(vacuum=False, table="trades", partition="binance/2024-05-02"), PARTITIONS[2:3]),
        (Maintain(vacuum=False, partition="binance/2024-05-01"), PARTITIONS[:2]),
        (Maintain(vacuum=False, compact=False), []),
    ],
    ids=["all", "a table", "a partition of a table", "a partition", "none"],
)
def test_only_what_was_asked_for_is_compacted(lake, monkeypatch, wish, wanted):
    compacted = []
    upkeep = Upkeep(lake)
    monkeypatch.setattr(upkeep, "partitions", lambda: PARTITIONS)
    monkeypatch.setattr(Compactions, "merge", lambda _self, partition, _effort: compacted.append(partition))
    monkeypatch.setattr(upkeep, "compact_and_checkpoint", lambda table, **_: iter(()))
    upkeep.fulfil(wish)
    assert compacted == wanted


def test_a_stop_does_not_wait_for_the_vacuum_of_all_tables(lake, monkeypatch):
    stopping = threading.Event()
    vacuumed = []

    class Stub:
        def __init__(self, _lake) -> None:
            pass

        def tables(self) -> list[str]:
            return ["a", "b", "c"]

        def has_too_much_dead(self, table: str) -> bool:
            return False

        def vacuum(self, table: str) -> dict[str, object]:
            vacuumed.append(table)
            if len(vacuumed) == 2:
                stopping.set()
            return {"files": 0}

    monkeypatch.setattr(maintenance_module, "Upkeep", Stub)
    monkeypatch.setattr(maintenance_module.time, "monotonic", lambda: 0.0)
    maintenance = Maintenance(lake, oldest_batch_seconds=lambda: 0.0)
    maintenance._vacuum_when_due(stopping)
    assert vacuumed == [], "it is not due"
    monkeypatch.setattr(maintenance_module.time, "monotonic", lambda: 36.0)
    maintenance._vacuum_when_due(stopping)
    assert vacuumed == ["a", "b"]


def test_a_table_in_which_too_much_is_dead_is_vacuumed_before_its_time(tmp_path, monkeypatch):
    """What no version needs takes more than half of what readers do: the oldest goes, once it is dead for an hour."""
    lake = open_lake(load_config(tmp_path, environ={}))
    lake.create()
    passed = [0.0]
    began = time.time()
    trades = lake.events["trades"]
    trades.clock = Clock(wall=lambda: began + passed[0], steady=lambda: passed[0])
    trades.dead = DeadFiles(trades.clock)
    rows = pl.DataFrame({name: [None] for name in trades.schema}, schema=trades.schema)
    trades.append(rows.with_columns(exchange=pl.lit("e"), date=pl.lit("2024-05-01").str.to_date()))
    monkeypatch.setattr(upkeep_module, "LEAST_DEAD_BYTES", 0)
    maintenance = Maintenance(lake, oldest_batch_seconds=lambda: 0.0)
    maintenance._measure()

    def files_after(seconds: float) -> int:
        passed[0] += seconds
        monkeypatch.setattr(maintenance_module.time, "monotonic", lambda: passed[0])
        maintenance._vacuum_when_due(threading.Event())
        return len(list(trades.path.glob("exchange=*/*/*.parquet")))

    trades.write_full(trades.read_all())
    assert files_after(0) == 2, "it is dead for a moment only"
    assert files_after(3500) == 2
    assert files_after(200) == 1
    trades.write_full(trades.read_all())
    assert files_after(3700) == 1, "that is how it goes on"
    assert maintenance.space["trades"]["dead_bytes"] == 0
    maintenance._measure()
    assert maintenance.space["trades"] == {"live_bytes": trades.live_bytes, "dead_bytes": 0}


@pytest.mark.parametrize("large", [0, 1])
@pytest.mark.parametrize("dry_run", [True, False])
def test_merging_small_parts_says_what_it_did(tmp_path, monkeypatch, large, dry_run):
    """The numbers are those of the table before and after, also where not all parts are small."""
    repository = DeltaTableRepository(tmp_path / "t", {"file_id": pl.Int64()})
    repository.create()
    if large:
        repository.append(
            pl.DataFrame({"file_id": pl.Series(range(100, 50_100)).hash(1).cast(pl.Int64, wrap_numerical=True)})
        )
    for file_id in (3, 1, 2):
        repository.append(pl.DataFrame({"file_id": [file_id]}))
    parts = repository.live_parts()
    target = 4 * min(part.size_bytes for part in parts)
    rows = repository.read_all()["file_id"].sort().to_list()
    told = TableUpkeep(repository=repository).merge_small_files(target_bytes=target, min_small_files=3, dry_run=dry_run)
    assert told == (3 + large, 1 + large)
    assert len(repository.live_parts()) == (len(parts) if dry_run else 1 + large)
    assert repository.read_all()["file_id"].sort().to_list() == rows
    assert TableUpkeep(repository=repository).merge_small_files(target_bytes=target, min_small_files=4) is None


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_symbols_are_looked_at_without_a_scan(tmp_path, monkeypatch, enabled):
    lake = open_lake(load_config(tmp_path, environ={"POINTLINE_MAINTENANCE__ENABLED": enabled}))
    lake.create()
    monkeypatch.setattr(maintenance_module, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(maintenance_module, "SYMBOLS_LOOK_SECONDS", 0.0)
    stopping, looked = threading.Event(), []

    def refresh() -> None:
        looked.append(1)
        if len(looked) == 3:
            stopping.set()

    Maintenance(lake, oldest_batch_seconds=lambda: 0.0, refresh_symbols=refresh).run(stopping)
    assert len(looked) == 3


def test_a_checkpoint_leaves_no_handle_behind(tmp_path):
    """Guards exclusive: a handle that is brought up to commit after commit grows with each of them, for months."""
    table = DeltaTableRepository(tmp_path / "t", {"file_id": pl.Int64()})
    table.create()
    upkeep = TableUpkeep(repository=table)
    handles = []
    for batch in range(1, 4):
        table.commit_parts(add=table.write_parts(pl.DataFrame({"file_id": [batch]})), remove=(), batch=batch)
        assert upkeep.checkpoint() == batch
        with table.exclusive():
            handles.append(weakref.ref(table.table()))
    gc.collect()
    assert [handle() for handle in handles] == [None] * 3
    assert table.read_all()["file_id"].sort().to_list() == [1, 2, 3]
