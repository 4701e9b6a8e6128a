"""One pass of maintenance over many partitions: what it lists, how often it commits, and whom it lets wait."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.opening.requests import Maintain
from pointline_daemon.process.maintenance import compactions as compactions_module
from pointline_daemon.process.maintenance import noted_partitions
from pointline_daemon.process.maintenance import thread as maintenance_module
from pointline_daemon.process.maintenance.thread import Maintenance
from pointline_daemon.process.maintenance.upkeep import Upkeep

from pointline.config import load_config
from pointline.errors import DiskFull, LakeDamaged
from pointline.io.delta.table import reader
from pointline.io.delta.table.writer import DeltaTableWriter
from pointline.io.delta_log.loose_files import part_files
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.services import compaction

DAYS = [str(dt.date(2024, 1, 1) + dt.timedelta(number)) for number in range(20)]
FILES = 2
ROWS = 5


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    lake = open_lake(load_config(tmp_path_factory.mktemp("lake"), environ={}))
    lake.create()
    for file_id in range(1, FILES + 1):
        append(lake, file_id, DAYS)
    return lake.config.paths.root


@pytest.fixture
def lake(filled, tmp_path) -> Lake:
    return open_lake(load_config(shutil.copytree(filled, tmp_path / "lake"), environ={}))


def append(lake: Lake, file_id: int, days: list[str]) -> None:
    """A file of each day, in one commit."""
    trades = lake.events["trades"]
    facts = pl.DataFrame({"date": days}).select(pl.col("date").str.to_date().repeat_by(ROWS).explode())
    told = {
        "exchange": pl.lit("binance"),
        "symbol": pl.lit("S"),
        "file_id": pl.lit(file_id),
        "file_seq": pl.row_index(),
    }
    known = facts.with_columns(**told)
    rows = known.select(
        pl.col(name).cast(kind) if name in known.columns else pl.lit(None, kind).alias(name)
        for name, kind in trades.schema.items()
    )
    trades.append(rows)


@pytest.fixture
def counted(monkeypatch) -> Counter[str]:
    """How often the table of trades was listed, committed to and checkpointed."""
    counts: Counter[str] = Counter()

    class Listed(reader.LiveParts):
        def __init__(self, table: object, *arguments: object) -> None:
            super().__init__(table, *arguments)
            counts["listings"] += self.size_bytes > 0

    commit, checkpoint = DeltaTableWriter.commit_parts, TableUpkeep.checkpoint

    def counted_commit(self, **arguments: object) -> None:
        counts[f"commits of {self.path.name}"] += 1
        commit(self, **arguments)

    def counted_checkpoint(self) -> int:
        counts[f"checkpoints of {self.name}"] += 1
        return checkpoint(self)

    monkeypatch.setattr(reader, "LiveParts", Listed)
    monkeypatch.setattr(DeltaTableWriter, "commit_parts", counted_commit)
    monkeypatch.setattr(TableUpkeep, "checkpoint", counted_checkpoint)
    return counts


@contextmanager
def running(maintenance: Maintenance) -> Iterator[threading.Event]:
    stopping = threading.Event()
    thread = threading.Thread(target=maintenance.run, args=(stopping,))
    thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        thread.join(30)
    assert not thread.is_alive()


def made(lake: Lake, **arguments: object) -> Maintenance:
    return Maintenance(lake, oldest_batch_seconds=lambda: 0.0, **arguments)


def parts_of(lake: Lake) -> list[int]:
    by_day = Counter(part.partition["date"] for part in lake.events["trades"].live_parts())
    return [by_day[day] for day in DAYS]


def tend_all(lake: Lake, maintenance: Maintenance, monkeypatch) -> None:
    monkeypatch.setattr(noted_partitions, "COOL_INTERVALS", 0)
    maintenance._noted.note_old(Upkeep(lake).partitions())
    maintenance._maintain(threading.Event())


def test_a_pass_lists_once_and_commits_many_partitions_at_once(lake, counted, monkeypatch):
    monkeypatch.setattr(compactions_module, "MOST_PARTITIONS", 8)
    before = open_lake(lake.config).events["trades"].read_all().sort("date", "file_id", "file_seq")
    maintenance = made(lake)
    counted.clear()
    tend_all(lake, maintenance, monkeypatch)
    assert parts_of(lake) == [1] * len(DAYS)
    assert maintenance.waiting == 0
    assert counted == {"listings": 1, "commits of trades": 3}, "20 partitions by 8"
    assert lake.events["trades"].read_all().sort("date", "file_id", "file_seq").equals(before)


def test_a_pass_makes_checkpoints_as_it_goes(lake, counted, monkeypatch):
    monkeypatch.setattr(compactions_module, "MOST_PARTITIONS", 2)
    monkeypatch.setattr("pointline.io.delta_log.upkeep.COMMITS_PER_CHECKPOINT", 4)
    tend_all(lake, made(lake), monkeypatch)
    assert counted["commits of trades"] == len(DAYS) / 2
    assert counted["checkpoints of trades"] == 3


def test_who_asks_is_answered_between_partitions(lake, monkeypatch):
    """A pass over thousands of partitions takes a quarter of an hour."""
    maintenance = made(lake)
    asked, seen = [], []
    merge = compaction._merge

    def merging(*arguments: object) -> object:
        if not asked:
            asked.append(maintenance.ask(Maintain(dry_run=True, table="quotes")))
        else:
            seen.append(asked[0].done())
        return merge(*arguments)

    monkeypatch.setattr(compaction, "_merge", merging)
    tend_all(lake, maintenance, monkeypatch)
    assert asked[0].result(0)["done"] == []
    assert all(seen)
    assert len(seen) == len(DAYS) - 1


def test_a_request_for_everything_lets_others_in_between(lake, monkeypatch):
    maintenance = made(lake)
    first = maintenance.ask(Maintain(vacuum=False))
    others, order = [], []
    first.add_done_callback(lambda _: order.append("first"))
    merge = compaction._merge

    def merging(*arguments: object) -> object:
        if not others:
            others.append(maintenance.ask(Maintain(dry_run=True, table="quotes")))
            others[0].add_done_callback(lambda _: order.append("other"))
        return merge(*arguments)

    monkeypatch.setattr(compaction, "_merge", merging)
    maintenance._answer_requests(threading.Event())
    assert order == ["other", "first"]
    assert len([one for one in first.result(0)["done"] if one["action"] == "compact"]) == len(DAYS)


def test_a_stop_ends_a_pass_and_a_request_and_keeps_what_was_merged(lake, monkeypatch):
    stopping = threading.Event()
    merged = []
    merge = compaction._merge

    def merging(*arguments: object) -> object:
        merged.append(1)
        if len(merged) in {3, 5}:
            stopping.set()
        return merge(*arguments)

    monkeypatch.setattr(compaction, "_merge", merging)
    monkeypatch.setattr(noted_partitions, "COOL_INTERVALS", 0)
    maintenance = made(lake)
    maintenance._noted.note_old(Upkeep(lake).partitions())
    maintenance._maintain(stopping)
    assert parts_of(lake) == [1] * 3 + [FILES] * (len(DAYS) - 3)
    assert maintenance.waiting == len(DAYS) - 3
    stopping.clear()
    answer = maintenance.ask(Maintain())
    maintenance._answer_requests(stopping)
    assert len([one for one in answer.result(0)["done"] if one["action"] == "compact"]) == 2
    assert parts_of(lake) == [1] * 5 + [FILES] * (len(DAYS) - 5)


def test_a_partition_that_gets_much_does_not_wait_for_the_interval(lake, monkeypatch):
    monkeypatch.setattr(maintenance_module, "LOOK_SECONDS", 0.01)
    maintenance = made(lake)
    done = threading.Event()
    monkeypatch.setattr(
        maintenance, "_say", lambda event, _facts: done.set() if event == "partition.compacted" else None
    )
    monkeypatch.setattr(Upkeep, "partitions", lambda _self: [])
    place = ("trades", "binance", DAYS[0])
    with running(maintenance):
        for file_id in range(10, 26):
            append(lake, file_id, DAYS[:1])
            maintenance.note([place])
        assert done.wait(20)
    assert parts_of(lake)[0] <= FILES + 1
    assert maintenance.first_waiting(1) == ["trades binance/2024-01-01"], "it is looked at again when it has cooled"


@pytest.mark.parametrize(
    ("batches", "seconds", "left"), [(3, 0, 5), (16, 0, 3), (3, 4000, 3)], ids=["few", "many", "cold"]
)
def test_few_are_left_of_a_partition_where_that_is_worth_it(lake, monkeypatch, batches, seconds, left):
    """Sizes 81, 27, 9, 3 and 1: none has as much beside it, so that only a person, time or much work is a reason."""
    trades = lake.events["trades"]
    trades.write_full(trades.read_all().clear())
    for number in range(5):
        day = trades.schema
        rows = pl.concat([frame(day, number)] * 3**number)
        trades.append(rows)
    maintenance = made(lake)
    for _ in range(batches):
        maintenance.note([("trades", "binance", DAYS[0])])
    now = maintenance_module.time.monotonic()
    monkeypatch.setattr(maintenance_module.time, "monotonic", lambda: now + 130 + seconds)
    maintenance._maintain(threading.Event())
    assert parts_of(lake)[0] == left
    assert maintenance.waiting == 0


def frame(schema: dict[str, pl.DataType], file_id: int) -> pl.DataFrame:
    facts = {"exchange": "binance", "date": dt.date.fromisoformat(DAYS[0]), "symbol": "S", "file_id": file_id}
    return pl.DataFrame({name: [facts.get(name)] for name in schema}, schema=schema)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def overwritten(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [cut, overwritten, flipped, Path.unlink], ids=lambda one: one.__name__)
def test_a_damaged_data_file_holds_up_its_partition_only(lake, monkeypatch, harm):
    """Guards against a daemon that one bad file ends as often as it is started."""
    trades = lake.events["trades"]
    [bad, _] = trades.live_parts({"exchange": "binance", "date": DAYS[7]})
    harm(trades.path / bad.path)
    maintenance = made(lake)
    tend_all(lake, maintenance, monkeypatch)
    assert parts_of(lake) == [1] * 7 + [2] + [1] * (len(DAYS) - 8)
    assert maintenance.failing.startswith(f"compact trades binance/{DAYS[7]}: ")
    assert bad.path in maintenance.failing


def test_a_request_that_meets_damage_keeps_what_it_had_merged(lake):
    trades = lake.events["trades"]
    [bad, _] = trades.live_parts({"exchange": "binance", "date": DAYS[7]})
    overwritten(trades.path / bad.path)
    maintenance = made(lake)
    answer = maintenance.ask(Maintain(vacuum=False))
    maintenance._answer_requests(threading.Event())
    with pytest.raises(LakeDamaged, match=bad.path):
        answer.result(0)
    assert parts_of(lake) == [1] * 7 + [2] * (len(DAYS) - 7)
    assert not any(trades.is_unfinished(name) for name, _ in part_files(trades.path))


@pytest.mark.parametrize(
    ("limit", "commits"), [({"MOST_PARTS": 4}, 10), ({"MOST_PARTS": 5}, 7), ({"MOST_SECONDS": 0}, 20)]
)
def test_what_was_merged_does_not_wait_for_long(lake, counted, monkeypatch, limit, commits):
    """Each of the twenty partitions has two data files; a commit is made where so many of them have gone."""
    for name, most in limit.items():
        monkeypatch.setattr(compactions_module, name, most)
    tend_all(lake, made(lake), monkeypatch)
    assert counted["commits of trades"] == commits
    assert parts_of(lake) == [1] * len(DAYS)


def test_a_dry_run_tells_what_it_would_do(lake):
    told = Upkeep(lake).fulfil(Maintain(vacuum=False, dry_run=True))
    compactions = [one for one in told if one["action"] == "compact"]
    assert [(one["table"], one["date"], one["parts_before"], one["parts_after"]) for one in compactions] == [
        ("trades", day, FILES, 1) for day in DAYS
    ]
    assert parts_of(lake) == [FILES] * len(DAYS)


def test_what_cannot_be_committed_is_removed_and_merged_again(lake, monkeypatch):
    trades = lake.events["trades"]
    maintenance = made(lake)
    with monkeypatch.context() as patch:

        def full(**_arguments: object) -> None:
            raise DiskFull("no space left")

        patch.setattr(trades, "commit_parts", full)
        tend_all(lake, maintenance, monkeypatch)
    assert {name for name, _ in part_files(trades.path)} == trades.live_paths()
    assert maintenance.failing.startswith("compact trades: no space left")
    assert maintenance.waiting == len(DAYS)
    maintenance._maintain(threading.Event())
    assert parts_of(lake) == [1] * len(DAYS)
    assert maintenance.failing == ""


def test_the_order_that_a_person_wants_takes_the_columns_that_a_table_has(filled, tmp_path, monkeypatch):
    environ = {"POINTLINE_MAINTENANCE__Z_ORDER": '["file_seq", "bid_price"]'}
    lake = open_lake(load_config(shutil.copytree(filled, tmp_path / "lake"), environ=environ))
    tend_all(lake, made(lake), monkeypatch)
    [part] = lake.events["trades"].live_parts({"exchange": "binance", "date": DAYS[0]})
    order = pl.concat(lake.events["trades"].rows_of(part))["file_seq"]
    assert order.is_sorted()
    assert len(order) == FILES * ROWS
