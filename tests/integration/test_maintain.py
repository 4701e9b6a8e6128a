"""`pointline maintain`: what it merges, removes and refuses, beside a daemon and without one."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from msgspec.structs import replace
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.samples import Sample, write_sample

from pointline.config import load_config
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log.loose_files import orphans, part_files
from pointline.io.delta_log.removed import removed_files
from pointline.io.delta_log.upkeep import COMMITS_PER_CHECKPOINT, Removed, TableUpkeep
from tests.support.maintained import age
from tests.support.process import Lake, pointline

DAY = dt.date(2024, 5, 1)
FILES = 4
AT_ONCE = ("--vacuum", "--retention-hours", "0", "--below-floor")


@pytest.fixture
def lake(tmp_path) -> Lake:
    """Files of one partition that came one by one: as many parts."""
    lake = Lake(tmp_path / "lake", maintenance__enabled=False)
    for number in range(FILES):
        put(lake, f"S{number}")
        assert lake.once() == 0
    assert len(parts(lake)) == FILES
    return lake


def put(lake: Lake, symbol: str) -> None:
    one = Sample(exchange="binance", data_type="trades", symbol=symbol, date=DAY, rows=700)
    write_sample(one, lake.bronze / one.file_name)


def maintain(lake: Lake, *arguments: str) -> subprocess.CompletedProcess[str]:
    return pointline(lake.root, "maintain", *arguments)


def done(lake: Lake, *arguments: str) -> list[dict[str, object]]:
    found = maintain(lake, "--json", *arguments)
    assert found.returncode == 0, found.stdout + found.stderr
    return json.loads(found.stdout)["done"]


def parts(lake: Lake) -> list[Path]:
    return [Path(path) for path in DeltaTable(lake.root / "silver" / "trades").file_uris()]


def files_on_disk(lake: Lake) -> set[Path]:
    return set((lake.root / "silver" / "trades").rglob("*.parquet"))


def rows_in_order(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path, hive_partitioning=False)


class TestCompaction:
    """Few parts of the same rows in the same order."""

    def test_before_and_after(self, lake):
        expected = pl.concat(
            rows_in_order(path) for path in sorted(parts(lake), key=lambda path: rows_in_order(path)["file_id"][0])
        )
        before = sum(path.stat().st_size for path in parts(lake))
        compacted = [one for one in done(lake, "--compact") if one["action"] == "compact"]
        assert [(one["table"], one["parts_before"], one["parts_after"]) for one in compacted] == [("trades", FILES, 1)]
        [merged] = parts(lake)
        assert compacted[0]["rows"] == expected.height
        assert compacted[0]["bytes_before"] == before
        assert compacted[0]["bytes_after"] == merged.stat().st_size
        assert rows_in_order(merged).equals(expected)
        assert done(lake, "--compact") == []

    def test_dry_run_changes_nothing(self, lake):
        versions, files = lake.versions(), files_on_disk(lake)
        told = maintain(lake, "--dry-run")
        assert told.returncode == 0
        assert "nothing was changed" in told.stdout
        assert f"{FILES} data files" in told.stdout
        assert lake.versions() == versions
        assert files_on_disk(lake) == files

    def test_one_symbol_is_one_row_group(self, lake):
        """What a query of one symbol reads besides is nothing."""
        maintain(lake, "--compact")
        footer = pq.read_metadata(parts(lake)[0])
        ranges = [footer.row_group(number).column(0).statistics for number in range(footer.num_row_groups)]
        assert all(one.min == one.max for one in ranges)
        assert {one.min for one in ranges} == {f"S{number}" for number in range(FILES)}

    def test_a_part_of_many_files_is_laid_out_once(self, tmp_path):
        """Files that came together share a part whose row groups hold several symbols: one rewrite, and no more."""
        lake = Lake(tmp_path / "lake", maintenance__enabled=False)
        for number in range(FILES):
            put(lake, f"S{number}")
        adapters = open_lake(load_config(lake.root, environ={}))
        adapters.create()
        service, loader = adapters.ingest()
        batch, _ = service.begin(list(adapters.source.list_files("**/*")))  # in one batch, whatever the machine does
        service.commit(batch, [loader.load(group) for group in batch.groups])
        [written] = parts(lake)
        rows = rows_in_order(written)
        assert pq.read_metadata(written).num_row_groups == 1
        [laid_out] = [one for one in done(lake, "--compact") if one["action"] == "compact"]
        assert (laid_out["parts_before"], laid_out["parts_after"]) == (1, 1)
        [part] = parts(lake)
        assert rows_in_order(part).equals(rows)
        assert pq.read_metadata(part).num_row_groups == FILES
        assert done(lake, "--compact") == []


class TestVacuum:
    """Only what no version within the retention needs, never below the floor by mistake."""

    def test_a_retention_below_the_floor_is_refused(self, lake):
        maintain(lake, "--compact")
        files = files_on_disk(lake)
        refused = maintain(lake, "--vacuum", "--retention-hours", "0")
        assert refused.returncode == 2
        assert "--below-floor" in refused.stderr
        assert files_on_disk(lake) == files

    def test_with_the_flag_only_live_parts_stay(self, lake):
        maintain(lake, "--compact")
        versions = lake.versions()
        removed = {
            one["table"]: one["files"] for one in done(lake, "--vacuum", "--retention-hours", "0", "--below-floor")
        }
        assert removed["trades"] == FILES
        assert files_on_disk(lake) - set(parts(lake)) <= set((lake.root / "silver/trades/_delta_log").glob("*"))
        assert lake.table("trades").height == FILES * 700
        assert lake.versions() == versions  # it commits nothing that would have to be flushed
        assert done(lake, *AT_ONCE) == []


def test_status_says_how_much_of_a_table_is_live_and_dead(lake):
    """Without a daemon too: by the folders."""

    def told() -> dict[str, int]:
        return json.loads(pointline(lake.root, "status", "--json").stdout)["tables"]["trades"]

    files = sum(path.stat().st_size for path in parts(lake))
    assert told() == {"live_bytes": files, "dead_bytes": 0}
    maintain(lake, "--compact")
    assert told() == {"live_bytes": sum(path.stat().st_size for path in parts(lake)), "dead_bytes": files}
    [line] = [one for one in pointline(lake.root, "status").stdout.splitlines() if one.startswith("silver ")]
    assert re.fullmatch(
        r"silver +[1-9][\d.]* KiB in use, [1-9][\d.]* KiB left by files that were replaced or merged", line
    )
    maintain(lake, *AT_ONCE)
    assert told()["dead_bytes"] == 0


class TestSummingUp:
    """Opening a table reads its newest checkpoint and the entries since: neither grows with what was done to it."""

    @pytest.fixture
    def table(self, tmp_path) -> TableUpkeep:
        table = TableUpkeep(repository=DeltaTableRepository(tmp_path / "table", {"file_id": pl.Int64()}))
        table.repository.create()
        for number in range(FILES):
            table.repository.append(pl.DataFrame({"file_id": [number]}))
        return table

    def test_a_checkpoint_whose_pointer_is_lost_is_as_good(self, table):
        """A power cut may keep the one and not the other; delta-rs then writes neither again."""
        table.checkpoint()
        (table.repository.path / "_delta_log/_last_checkpoint").unlink()
        assert table.checkpoint() == FILES
        table.repository.append(pl.DataFrame({"file_id": [FILES]}))
        assert table.repository.read_all().height == FILES + 1

    def test_it_is_due_after_many_commits(self, table):
        while not table.is_long():
            table.repository.append(pl.DataFrame({"file_id": [table.repository.version()]}))
        assert table.repository.version() == COMMITS_PER_CHECKPOINT - 1
        table.checkpoint()
        assert not table.is_long()
        table.repository.append(pl.DataFrame({"file_id": [0]}))
        assert not table.is_long()

    def test_it_is_due_after_few_long_commits(self, table):
        [part, *_] = table.repository.live_parts()
        many = [replace(part, path=f"part-{number}.parquet", stats="{}") for number in range(2_000)]
        for copy in many:
            (table.repository.path / copy.path).hardlink_to(table.repository.path / part.path)
        table.repository.commit_parts(add=many, remove=())
        assert table.is_long()

    def test_names_of_removed_parts_leave_the_checkpoint(self, table):
        """They are what made a table of 50,000 parts slow to open after its compaction: each for a week."""
        for _ in range(2):
            table.repository.write_full(table.repository.read_all())
        table.checkpoint()
        log = table.repository.path / "_delta_log"
        [checkpoint] = log.glob("*.checkpoint.parquet")
        actions = pl.read_parquet(checkpoint)
        assert actions["add"].drop_nulls().struct.field("path").to_list() == list(table.repository.live_paths())
        assert actions["remove"].null_count() == actions.height
        assert json.loads((log / "_last_checkpoint").read_text())["size"] == actions.height
        assert DeltaTable(table.repository.path).to_pyarrow_table().num_rows == FILES

    @pytest.mark.parametrize("sums", [0, 1, 2])
    def test_removed_parts_are_told_from_forgotten_ones(self, table, sums):
        """By their record, once no entry names them: `doctor` names the forgotten, the vacuum spares the removed."""
        path = table.repository.path
        age(path)
        former = table.repository.live_paths()
        table.repository.write_full(table.repository.read_all())
        for _ in range(sums):
            age(path / "_delta_log")
            table.checkpoint()
        stray = path / "part-stray.parquet"
        shutil.copy(path / min(former), stray)
        assert [one.path for one in orphans(path, table.repository.live_paths())] == ["silver/table/part-stray.parquet"]
        age(path)
        assert table.vacuum(1.0, dry_run=False) == Removed(files=1, size_bytes=(path / min(former)).stat().st_size)
        assert not stray.exists()
        assert {name for name, _ in part_files(path)} == former | table.repository.live_paths()
        assert table.vacuum(0.0, dry_run=False).files == FILES
        assert {name for name, _ in part_files(path)} == table.repository.live_paths()
        assert removed_files(path) == {} or sums == 0


class TestBesideADaemon:
    """The daemon does it; what would endanger it is refused."""

    def test_goes_through_it(self, lake):
        lake.start()
        try:
            assert done(lake, "--compact", "--table", "trades")[0]["parts_after"] == 1
            assert [one["parts_after"] for one in lake.events("partition.compacted")] == [1], "the log says so as well"
            refused = maintain(lake, *AT_ONCE)
            assert refused.returncode == 1
            assert "daemon" in refused.stderr
            put(lake, "LATER")
            lake.wait_for_settled(1)
        finally:
            assert lake.stop() == 0
        assert lake.table("trades").height == (FILES + 1) * 700
