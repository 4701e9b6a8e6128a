"""What an action costs the ledger depends on the action, not on how many files the ledger knows. Counts and bytes."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import polars as pl
import pytest

from pointline.io.clock import Clock
from pointline.io.delta.id_ranges import spread
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log import removed
from pointline.io.delta_log.loose_files import part_files
from pointline.io.delta_log.removed import removed_files
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.io.ledger import frame as ledger_frame
from pointline.io.ledger import table as ledger_table
from pointline.io.ledger.frame import LedgerFrame
from pointline.io.ledger.manifest import DeltaManifest
from pointline.io.ledger.table import LedgerTable
from pointline.tables.ingest_manifest import SCHEMA
from tests.support.known_ledger import NOW_US, KnownLedger, rows, written_since
from tests.support.maintained import age

MOST_NEW_BYTES, MOST_REISSUE_BYTES = 10_000, 100_000
LARGEST_BYTES = 4 << 20
FLUSHES = 6


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each flush of a file or a folder."""
    counted: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (counted.append(descriptor), real(descriptor)))
    return counted


@pytest.fixture(scope="module", params=[1_500, 30_000])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KnownLedger:
    ledger = KnownLedger(tmp_path_factory.mktemp("known"), request.param)
    ledger.take()
    return ledger


@pytest.mark.parametrize(
    ("age_of_row", "most"), [(None, MOST_NEW_BYTES), (1, MOST_REISSUE_BYTES), (0.5, MOST_REISSUE_BYTES)]
)
def test_what_a_file_writes(ledger, age_of_row, most):
    """Guards the size of the ledger's data files: with all rows in one, the larger ledger would write a megabyte."""
    replaced = None if age_of_row is None else int(ledger.manifest.entries().height * age_of_row)
    before = ledger.sizes()
    ledger.take(replaces=replaced)
    assert 0 < written_since(before, ledger) <= most


def test_a_file_that_comes_alone_is_six_flushes(ledger, flushes):
    ledger.take()
    assert len(flushes) <= FLUSHES


def test_an_outcome_of_many_flushes_names_once(ledger, flushes):
    """Guards against a flush of the folder for each data file that an outcome touches."""
    ids = list(range(1, 1_500, 500))
    changes = pl.DataFrame({"file_id": ids, "updated_at_us": [NOW_US] * len(ids)})
    before = len(ledger.table.live_parts())
    ledger.table.update_rows(changes)
    assert len(ledger.table.live_parts()) == before
    assert len(flushes) <= len(ids) + 3


@pytest.mark.parametrize(("files", "symbols"), [(2_100, 1), (400, 3_000)])
def test_no_data_file_is_large_and_few_are_small(tmp_path, files, symbols):
    """Whole-market files have thousands of symbols: what counts is bytes, not only rows."""
    table = LedgerTable(tmp_path / "ledger", SCHEMA)
    table.create()
    names = pl.int_range(files * symbols, eager=True).hash(1).cast(pl.String).reshape((files, symbols)).arr.to_list()
    table.append(rows(0, files).with_columns(symbols=names))
    parts = table.live_parts()
    assert max(part.size_bytes for part in parts) < LARGEST_BYTES
    assert max(part.rows for part in parts) <= ledger_table.ROWS_PER_FILE
    assert sum(part.rows for part in parts) == files
    assert len(parts) <= 3 + sum(part.size_bytes for part in parts) // (LARGEST_BYTES // 8)


class TestWhatIsDead:
    @pytest.fixture
    def passed(self) -> Iterator[list[float]]:
        return [0.0]

    @pytest.fixture
    def ledger(self, tmp_path, passed) -> KnownLedger:
        began = time.time()
        clock = Clock(wall=lambda: began + passed[0], steady=lambda: passed[0])
        return KnownLedger(tmp_path, 3_000, clock)

    def files(self, ledger: KnownLedger) -> set[str]:
        return {name for name, _ in part_files(ledger.path)}

    @pytest.mark.parametrize("checkpoint_every", [1, 7, 1000])
    def test_it_is_gone_after_an_hour_and_not_before(self, ledger, passed, checkpoint_every):
        """Guards that nothing is left of files that came and went between two checkpoints."""
        upkeep = TableUpkeep(repository=ledger.table)
        for number in range(1, 15):
            ledger.take(replaces=number * 200)
            if number % checkpoint_every == 0:
                age(ledger.path / "_delta_log")
                upkeep.checkpoint()
        everything = self.files(ledger)
        passed[0] += 3_500
        assert upkeep.vacuum(1.0, dry_run=False).files == 0
        assert self.files(ledger) == everything
        passed[0] += 200
        upkeep.vacuum(1.0, dry_run=False)
        assert self.files(ledger) == ledger.table.live_paths()
        assert not list((ledger.path / "_delta_log").glob("_removed*"))

    def test_the_record_is_never_written_whole(self, ledger, monkeypatch):
        """Guards the pieces: each checkpoint adds to them, and a long one is left as it is."""
        monkeypatch.setattr(removed, "MOST_NAMES", 12)
        upkeep = TableUpkeep(repository=ledger.table)
        log = ledger.path / "_delta_log"
        gone: set[str] = set()
        kept: dict[str, int] = {}
        for number in range(1, 19):
            before = self.files(ledger)
            ledger.take(replaces=number * 50)
            gone |= (before | self.files(ledger)) - ledger.table.live_paths()
            upkeep.checkpoint()
            pieces = {path.name: path.stat().st_ino for path in log.glob("_removed-*")}
            assert len(pieces.items() - kept.items()) == 1
            kept = pieces
        assert removed_files(ledger.path).keys() == gone
        assert max(pl.read_parquet(log / name, glob=False).height for name in kept) <= 12


class TestMerging:
    def test_files_that_come_one_by_one_are_few_and_rarely_rewritten(self, tmp_path):
        """A file at a time, a pass of maintenance every sixteen of them."""
        ledger = KnownLedger(tmp_path, 3_000)
        upkeep = TableUpkeep(repository=ledger.table)
        rewritten = most = 0
        old = ledger.table.live_paths()
        for number in range(1, 81):
            ledger.take()
            if number % 16 == 0:
                before = ledger.table.live_parts()
                upkeep.merge_small_files(target_bytes=LARGEST_BYTES, min_small_files=16)
                after = ledger.table.live_paths()
                rewritten += sum(part.rows for part in before if part.path not in after)
                most = max(most, len(after))
        assert old <= ledger.table.live_paths()
        assert most <= len(old) + 8
        assert rewritten <= 80 * 4
        assert spread(ledger.table.live_parts()) == []
        assert ledger.table.read_all()["file_id"].sort().to_list() == list(range(1, 3_081))

    def test_full_ones_are_left_alone(self, tmp_path):
        table = KnownLedger(tmp_path, 20_000).table
        assert TableUpkeep(repository=table).merge_small_files(target_bytes=LARGEST_BYTES, min_small_files=2) is None

    def test_a_ledger_of_an_earlier_release_is_cut(self, tmp_path):
        """It has large files, and small ones that were merged though others lie between their rows."""
        whole = rows(0, 5_000)
        other = DeltaTableRepository(tmp_path / "ledger", SCHEMA)
        other.create()
        for few in (whole[100:4_000], pl.concat([whole[:100], whole[4_000:4_050], whole[4_900:]]), whole[4_050:4_900]):
            other.append(few)
        table = LedgerTable(tmp_path / "ledger", SCHEMA)
        assert len(spread(table.live_parts())) == 1
        upkeep = TableUpkeep(repository=table)
        while upkeep.merge_small_files(target_bytes=LARGEST_BYTES, min_small_files=3):
            pass
        parts = table.live_parts()
        assert spread(parts) == []
        assert max(part.rows for part in parts) <= ledger_table.ROWS_PER_FILE
        assert table.read_all().sort("file_id").equals(whole)


class TestInMemory:
    def test_an_update_copies_the_pieces_it_touches(self):
        frame = LedgerFrame([rows(0, 100_000)], pl.Schema(SCHEMA))
        before = list(frame._pieces)
        frame.update(pl.DataFrame({"file_id": [7, 99_999], "status": ["gone", "gone"]}))
        same = [one is other for one, other in zip(before, frame._pieces, strict=True)]
        assert same.count(False) == 2
        assert frame.frame.filter(pl.col("status") == "gone")["file_id"].to_list() == [7, 99_999]

    @pytest.mark.parametrize("seed", range(4))
    def test_it_is_what_the_table_holds(self, tmp_path, monkeypatch, seed):
        """Guards every cut of pieces and data files: here they have three rows each."""
        monkeypatch.setattr(ledger_table, "ROWS_PER_FILE", 3)
        monkeypatch.setattr(ledger_frame, "ROWS_PER_PIECE", 4)
        rng = random.Random(seed)
        ledger = KnownLedger(tmp_path, 20)
        upkeep = TableUpkeep(repository=ledger.table)
        for _ in range(20):
            match rng.randrange(4):
                case 0:
                    upkeep.merge_small_files(target_bytes=LARGEST_BYTES, min_small_files=2)
                case 1:
                    upkeep.checkpoint()
                case _:
                    ledger.take(replaces=rng.choice([None, rng.randint(1, 20)]))
        assert spread(ledger.table.live_parts()) == []
        mine = ledger.manifest.entries()
        fresh = DeltaManifest(ledger.path, lambda: NOW_US).entries()
        assert mine.equals(fresh)
        assert mine["file_id"].to_list() == list(range(1, mine.height + 1))
