"""The vacuum and the clock of the machine, which jumps by days in both directions."""

from __future__ import annotations

import os
import shutil
import time

import polars as pl
import pytest

from pointline.io.clock import Clock
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log import upkeep
from pointline.io.delta_log.dead_files import DeadFiles
from pointline.io.delta_log.loose_files import part_files
from pointline.io.delta_log.removed import removed_files
from pointline.io.delta_log.upkeep import TableUpkeep
from tests.support.maintained import age

DAY = 86_400.0


class FakeClocks:
    """The clocks of a machine: the wall's is set by hand."""

    def __init__(self) -> None:
        self.passed, self.ahead = 0.0, time.time()

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.passed + self.ahead, steady=lambda: self.passed)


class TestVacuumAndTheClock:
    """Whatever the clock says: nothing goes that is about to be committed, and nothing is older than it is."""

    @pytest.fixture
    def clocks(self) -> FakeClocks:
        return FakeClocks()

    @pytest.fixture
    def table(self, tmp_path, clocks) -> TableUpkeep:
        table = TableUpkeep(repository=DeltaTableRepository(tmp_path / "table", {"file_id": pl.Int64()}))
        table.repository.clock = clocks.clock()
        table.repository.create()
        table.repository.append(pl.DataFrame({"file_id": [1]}))
        return table

    def names(self, table: TableUpkeep) -> set[str]:
        return {name for name, _ in part_files(table.repository.path)}

    @pytest.mark.parametrize("jump", [8 * DAY, -8 * DAY, 0])
    @pytest.mark.parametrize("is_closed", [False, True])
    def test_what_is_not_committed_yet_stays(self, table, clocks, jump, is_closed):
        writer = table.repository.part_writer({})
        writer.write(pl.DataFrame({"file_id": [2]}))
        part = writer.close() if is_closed else None
        age(table.repository.path)
        clocks.ahead += jump
        assert table.vacuum(0.0, dry_run=False).files == 0
        part = part or writer.close()
        table.repository.commit_parts(add=[part], remove=())
        assert table.vacuum(0.0, dry_run=False).files == 0
        assert table.repository.read_all().height == 2

    def test_what_is_discarded_is_no_longer_kept(self, table):
        writer = table.repository.part_writer({})
        writer.write(pl.DataFrame({"file_id": [2]}))
        writer.discard()
        assert not table.repository._unfinished
        assert self.names(table) == table.repository.live_paths()

    @pytest.mark.parametrize("jump", [8 * DAY, -8 * DAY])
    def test_a_jump_does_not_age_what_was_removed(self, table, clocks, jump):
        table.repository.write_full(table.repository.read_all())
        clocks.passed += 60
        clocks.ahead += jump
        assert table.vacuum(1.0, dry_run=False).files == 0
        clocks.passed += 3600
        assert table.vacuum(1.0, dry_run=False).files == 1, "and does not keep it for longer"
        assert self.names(table) == table.repository.live_paths()

    @pytest.mark.parametrize("jump", [8 * DAY, -8 * DAY])
    def test_what_was_removed_under_a_wrong_clock_has_its_age(self, table, clocks, jump):
        """The clock is put right again before anyone asks."""
        clocks.ahead += jump
        table.repository.write_full(table.repository.read_all())
        clocks.ahead -= jump
        clocks.passed += 60
        assert table.vacuum(1.0, dry_run=False).files == 0
        clocks.passed += 3541
        assert table.vacuum(1.0, dry_run=False).files == 1
        assert self.names(table) == table.repository.live_paths()

    def test_a_time_in_the_future_is_the_moment_at_which_it_is_met(self, table, clocks):
        stray = table.repository.path / "part-stray.parquet"
        shutil.copy(table.repository.path / min(table.repository.live_paths()), stray)
        os.utime(stray, (clocks.ahead + 90 * DAY,) * 2)
        table.repository.write_full(table.repository.read_all())
        table.checkpoint()
        log = table.repository.path / "_delta_log"
        [record] = log.glob("_removed-*.parquet")
        future = pl.lit(int((clocks.ahead + 90 * DAY) * 1000))
        pl.read_parquet(record, glob=False).with_columns(removed_ms=future).write_parquet(record)
        for entry in log.glob("*.json"):
            entry.unlink()
        assert table.vacuum(1.0, dry_run=True).files == 0
        assert table.vacuum(1.0, dry_run=False).files == 0
        assert stray.stat().st_mtime <= time.time()
        assert max(removed_files(table.repository.path).values()) <= time.time() * 1000
        clocks.passed += 7300
        assert table.vacuum(1.0, dry_run=False).files == 2

    @pytest.mark.parametrize(("jump", "passed", "kept"), [(8 * DAY, 60, 3), (-8 * DAY, 60, 3), (-8 * DAY, 3700, 1)])
    def test_log_entries_are_dropped_by_their_age(self, table, clocks, jump, passed, kept):
        table.repository.append(pl.DataFrame({"file_id": [2]}))
        clocks.ahead += jump
        clocks.passed += passed
        table.checkpoint()
        assert len(list((table.repository.path / "_delta_log").glob("*.json"))) == kept
        assert table.repository.read_all().height == 2


class TestDeadShare:
    """Where too much is dead the oldest go before their retention is over, and none within an hour."""

    SLACK = 130.0
    """A minute and more, as what is dead is counted by the minute."""

    @pytest.fixture
    def clocks(self) -> FakeClocks:
        return FakeClocks()

    @pytest.fixture
    def table(self, tmp_path, clocks) -> TableUpkeep:
        table = TableUpkeep(repository=DeltaTableRepository(tmp_path / "table", {"file_id": pl.Int64()}))
        table.repository.clock = clocks.clock()
        table.repository.dead = DeadFiles(table.repository.clock)
        table.repository.create()
        table.repository.append(pl.DataFrame({"file_id": range(1000)}))
        return table

    def replace(self, table: TableUpkeep, clocks: FakeClocks, seconds: float) -> None:
        table.repository.write_full(table.repository.read_all())
        clocks.passed += seconds

    def on_disk(self, table: TableUpkeep) -> int:
        return sum(entry.stat().st_size for _, entry in part_files(table.repository.path))

    def test_what_is_dead_is_followed(self, table, clocks):
        repository = table.repository
        assert repository.dead.size_bytes is None, "nobody has looked"
        table.look_at_dead()
        for _ in range(3):
            self.replace(table, clocks, 1200)
            assert repository.dead.size_bytes == self.on_disk(table) - repository.live_bytes > 0
        assert repository.dead.older_than(3600) == 0
        clocks.passed += self.SLACK
        assert repository.dead.older_than(3600) == repository.live_bytes
        assert table.vacuum(1.0, dry_run=True).files == 1
        assert table.vacuum(1.0, dry_run=False).files == 1
        assert repository.dead.size_bytes == self.on_disk(table) - repository.live_bytes

    @pytest.mark.parametrize(("share", "gone"), [(9.0, 0), (2.5, 2), (2.0, 2), (1.0, 3), (0.0, 3)])
    def test_the_oldest_go_until_the_rest_is_within_the_share(self, table, clocks, share, gone):
        """Four are dead, of which one is younger than an hour."""
        for _ in range(3):
            self.replace(table, clocks, 60)
        clocks.passed += 3600
        self.replace(table, clocks, 0)
        most = int(share * table.repository.live_bytes)
        found = table.vacuum(168.0, dry_run=False, most_dead_bytes=most)
        assert (found.files, found.over_share) == (gone, gone)
        assert self.on_disk(table) == (5 - gone) * table.repository.live_bytes
        assert table.vacuum(168.0, dry_run=False, most_dead_bytes=most).files == 0

    def test_what_is_past_its_retention_counts_no_longer(self, table, clocks):
        self.replace(table, clocks, 7200)
        self.replace(table, clocks, 3700)
        found = table.vacuum(2.0, dry_run=False, most_dead_bytes=table.repository.live_bytes)
        assert (found.files, found.over_share) == (1, 0)

    def test_entries_kept_for_readers_are_few(self, table, monkeypatch):
        monkeypatch.setattr(upkeep, "MOST_ENTRIES", 5)
        log = table.repository.path / "_delta_log"
        counts = []
        for _ in range(4):
            for number in range(8):
                table.repository.append(pl.DataFrame({"file_id": [number]}))
            table.checkpoint()
            counts.append(len(list(log.glob("*.json"))))
        assert counts[0] == 10, "all of them came after the checkpoint before, as there is none"
        assert counts[1:] == [8, 8, 8], "those since the checkpoint before are kept in any case"
        assert table.repository.read_all().height == 1000 + 32
