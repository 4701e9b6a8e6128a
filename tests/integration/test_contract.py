"""What services may rely on, asked of the fake and of the real adapter alike."""

from __future__ import annotations

import datetime as dt
import shutil
from itertools import count

import polars as pl
import pytest
from deltalake import DeltaTable
from msgspec.structs import replace

from pointline.errors import CommitConflict, LakeDamaged, PointlineError
from pointline.io.delta.event_table import DeltaEventTable, DeltaQuarantine
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.ledger.manifest import DeltaManifest
from pointline.io.protocols.file_version import LEFT_TO, BronzeFileMetadata, Outcome
from pointline.tables import quarantine
from pointline.tables.ingest_manifest import CONTENT_FACTS, DIGEST, SCHEMA, STANDING, Status, with_hashes
from pointline.tables.registry import event_tables
from tests.support.fakes import MemoryEventTable, MemoryManifest, MemoryQuarantine, MemoryTable

DAY = dt.date(2024, 5, 1)
PARTITION = {"exchange": "binance", "date": str(DAY)}
PLAIN = {"key": pl.Int64(), "kind": pl.String(), "value": pl.Float64()}
BOTH = pytest.mark.parametrize("kind", ["fake", "real"])


def frame(*rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=PLAIN, orient="row")


@BOTH
class TestTable:
    """``TableRepository``: what was written is read back, whole."""

    @pytest.fixture
    def table(self, kind, tmp_path):
        if kind == "fake":
            return MemoryTable(PLAIN)
        table = DeltaTableRepository(tmp_path / "table", PLAIN)
        table.create()
        return table

    def test_new_it_is_empty_and_has_its_columns(self, table):
        assert table.read_all().schema == PLAIN
        assert table.read_all().is_empty()

    def test_append(self, table):
        table.append(frame((1, "a", 0.5)))
        table.append(frame((2, "b", None), (3, None, -0.0)))
        assert table.read_all().sort("key").rows() == [(1, "a", 0.5), (2, "b", None), (3, None, -0.0)]

    def test_append_takes_columns_in_any_order(self, table):
        table.append(frame((1, "a", 0.5)).select("value", "kind", "key"))
        assert table.read_all().rows() == [(1, "a", 0.5)]

    def test_write_full(self, table):
        table.append(frame((1, "a", 0.5), (2, "b", 1.5)))
        table.write_full(frame((3, "c", 2.5)))
        assert table.read_all().rows() == [(3, "c", 2.5)]

    def test_write_full_with_nothing(self, table):
        table.append(frame((1, "a", 0.5)))
        table.write_full(frame())
        assert table.read_all().is_empty()

    def test_merge(self, table):
        table.append(frame((1, "a", 0.5), (2, "b", 1.5)))
        table.merge(frame((2, "B", None), (3, "c", 2.5)), ["key"])
        assert table.read_all().sort("key").rows() == [(1, "a", 0.5), (2, "B", None), (3, "c", 2.5)]

    def test_merge_by_two_keys(self, table):
        table.append(frame((1, "a", 0.5), (1, "b", 1.5)))
        table.merge(frame((1, "b", 9.0)), ["key", "kind"])
        assert table.read_all().sort("kind").rows() == [(1, "a", 0.5), (1, "b", 9.0)]


def event_rows(*file_ids: int) -> pl.DataFrame:
    """One trade per id, as a part holds it."""
    schema = event_tables()["trades"].silver_schema
    at = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    rows = [("S", at, at, "1", "buy", 1.5, 2.5, file_id, 1) for file_id in file_ids]
    names = [name for name in schema if name not in PARTITION]
    return pl.DataFrame(rows, schema={name: schema[name] for name in names}, orient="row")


def part_of(table, *file_ids: int):
    writer = table.part_writer(PARTITION, ["symbol"])
    writer.write(event_rows(*file_ids))
    return writer.close()


@BOTH
class TestEventTable:
    """``EventTableRepository``: parts become visible and invisible together, once per batch."""

    @pytest.fixture
    def table(self, kind, tmp_path):
        trades = event_tables()["trades"]
        if kind == "fake":
            return MemoryEventTable(trades)
        table = DeltaEventTable(tmp_path / "trades", trades)
        table.create()
        return table

    def part(self, table, *file_ids: int):
        return part_of(table, *file_ids)

    def ids(self, table) -> list[int]:
        return sorted(table.read_all()["file_id"])

    def test_a_part_is_not_seen_before_its_commit(self, table):
        part = self.part(table, 1)
        assert self.ids(table) == []
        table.commit(0, add=[part], remove=[], outcomes=[])
        assert self.ids(table) == [1]
        assert table.read_all().select("exchange", "date").rows() == [("binance", DAY)]
        assert table.read_all().schema == event_tables()["trades"].silver_schema

    def test_a_batch_goes_in_once(self, table):
        part, other = self.part(table, 1), self.part(table, 2)
        table.commit(3, add=[part], remove=[], outcomes=[])
        table.commit(3, add=[part], remove=[], outcomes=[])
        table.commit(2, add=[other], remove=[], outcomes=[])
        assert self.ids(table) == [1]
        assert table.last_batch() == 3

    def test_what_goes_in_replaces_what_goes_out(self, table):
        old = self.part(table, 1)
        table.commit(0, add=[old], remove=[], outcomes=[])
        [live] = table.live_parts(PARTITION)
        table.commit(1, add=[self.part(table, 2)], remove=[live], outcomes=[])
        assert self.ids(table) == [2]

    def test_a_part_that_is_not_live_cannot_be_replaced(self, table):
        part = self.part(table, 1)
        table.commit(0, add=[part], remove=[], outcomes=[])
        [live] = table.live_parts(PARTITION)
        table.rewrite(add=[self.part(table, 1)], remove=[live])
        with pytest.raises(CommitConflict):
            table.rewrite(add=[self.part(table, 1)], remove=[live])
        with pytest.raises(CommitConflict):
            table.commit(1, add=[self.part(table, 2)], remove=[live], outcomes=[])
        assert self.ids(table) == [1]
        assert table.last_batch() == 0

    def test_a_rewrite_is_no_batch(self, table):
        table.commit(7, add=[self.part(table, 1)], remove=[], outcomes=[])
        table.rewrite(add=[self.part(table, 1)], remove=table.live_parts(PARTITION))
        assert table.last_batch() == 7
        assert [batch.number for batch in table.batches_after(-1)] == [7]

    def test_parts_are_found_by_the_files_they_hold(self, table):
        table.commit(0, add=[self.part(table, 1, 3), self.part(table, 2)], remove=[], outcomes=[])
        assert [part.rows for part in table.parts_of([2], PARTITION)] == [1]
        [mixed] = table.parts_of([1], PARTITION)
        assert mixed.rows == 2
        assert pl.concat(table.rows_without(mixed, [1]))["file_id"].to_list() == [3]
        assert pl.concat(table.rows_of(mixed))["file_id"].to_list() == [1, 3]
        assert table.parts_of([4], PARTITION) == []
        assert table.parts_of([1], {**PARTITION, "exchange": "kraken"}) == []

    def test_outcomes_are_told_again(self, table):
        full = Outcome(
            file_id=1,
            status=Status.SUCCESS,
            content_hash="00abcd",
            rows_read=3,
            rows_written=2,
            rows_quarantined=1,
            first_local_us=1,
            last_local_us=2,
            warnings={"crossed_book": 4},
            error='1 of 3 rows: "x", ü',
        )
        table.commit(4, add=[self.part(table, 1)], remove=[], outcomes=[full])
        table.commit(6, add=[], remove=[], outcomes=[Outcome.superseded(1, by=2)])
        assert [batch.number for batch in table.batches_after(-1)] == [4, 6]
        assert table.batches_after(-1)[0].outcomes == (full,)
        assert [batch.outcomes for batch in table.batches_after(4)] == [(Outcome.superseded(1, by=2),)]
        assert table.batches_after(6) == []

    def test_a_discarded_part_leaves_nothing(self, table):
        writer = table.part_writer(PARTITION, [])
        writer.write(event_rows(1))
        writer.discard()
        assert self.ids(table) == []


class TestLostEntries:
    """A checkpoint of the newest version is as good as the entry of that version."""

    @pytest.fixture
    def table(self, tmp_path):
        table = DeltaEventTable(tmp_path / "trades", event_tables()["trades"])
        table.create()
        return table

    @pytest.mark.parametrize("lost", [{0, 1, 2, 3}, {3}, {2}])
    def test_it_goes_on_where_a_checkpoint_stands_for_lost_entries(self, table, tmp_path, lost):
        for batch in (1, 2, 3):
            table.commit(batch, add=[part_of(table, batch)], remove=[], outcomes=[Outcome.superseded(batch, by=9)])
        DeltaTable(tmp_path / "trades").create_checkpoint()
        for version in lost:
            (tmp_path / f"trades/_delta_log/{version:020}.json").unlink()
        again = DeltaEventTable(tmp_path / "trades", event_tables()["trades"])
        assert [batch.number for batch in again.batches_after(0)] == sorted({1, 2, 3} - lost)
        again.commit(3, add=[part_of(again, 3)], remove=[], outcomes=[])  # it is in
        again.commit(4, add=[part_of(again, 4)], remove=[], outcomes=[])
        assert sorted(again.read_all()["file_id"]) == [1, 2, 3, 4]
        assert DeltaTable(tmp_path / "trades").version() == 4

    def test_it_does_not_where_the_checkpoint_is_cut(self, table, tmp_path):
        table.commit(1, add=[part_of(table, 1)], remove=[], outcomes=[])
        DeltaTable(tmp_path / "trades").create_checkpoint()
        log = tmp_path / "trades/_delta_log"
        (log / f"{1:020}.json").unlink()
        (checkpoint,) = log.glob("*.checkpoint.parquet")
        checkpoint.write_bytes(checkpoint.read_bytes()[:-50])
        with pytest.raises(LakeDamaged, match="is gone"):
            table.commit(2, add=[part_of(table, 2)], remove=[], outcomes=[])


@BOTH
class TestQuarantine:
    """``QuarantineRepository``: rows once per batch, and forgotten on demand."""

    @pytest.fixture
    def table(self, kind, tmp_path):
        if kind == "fake":
            return MemoryQuarantine()
        table = DeltaQuarantine(tmp_path / "quarantine")
        table.create()
        return table

    def rows(self, *file_ids: int) -> pl.DataFrame:
        facts = [(file_id, 1, "binance", DAY, "trades", "ragged", "", "a,b") for file_id in file_ids]
        return pl.DataFrame(facts, schema=quarantine.SCHEMA, orient="row")

    def test_once_per_batch(self, table):
        assert table.last_batch() == -1
        table.set_aside(5, self.rows(1))
        table.set_aside(5, self.rows(1))
        assert table.read_all().equals(self.rows(1))
        assert table.last_batch() == 5

    def test_forget(self, table):
        table.set_aside(0, self.rows(1, 2))
        table.set_aside(1, self.rows(3))
        table.forget([1, 3, 9])
        assert table.read_all()["file_id"].to_list() == [2]
        assert table.last_batch() == 1


def meta(path: str = "a.csv", size: int = 10, at: int = 1_000) -> BronzeFileMetadata:
    return BronzeFileMetadata(
        exchange="binance",
        data_type="trades",
        symbol="BTC",
        date=DAY,
        bronze_file_path=path,
        file_size_bytes=size,
        last_modified_ts=at,
    )


SUCCESS = Outcome(file_id=1, status=Status.SUCCESS, content_hash="00abcd", rows_read=2, rows_written=2)


@BOTH
class TestManifest:
    """``IngestionManifestRepository``: ids are stable, and an outcome changes the standing of a file alone."""

    @pytest.fixture
    def manifest(self, kind, tmp_path):
        if kind == "fake":
            return MemoryManifest()
        clock = count(1_000)
        manifest = DeltaManifest(tmp_path / "ingest_manifest", lambda: next(clock))
        manifest.repository.create()
        return manifest

    def test_ids_rise_and_stay(self, manifest):
        first = manifest.resolve_file_ids([meta("a"), meta("b"), meta("a")])
        assert first == [1, 2, 1]
        assert manifest.resolve_file_id(meta("b")) == 2
        assert manifest.resolve_file_ids([meta("c"), meta("a")]) == [3, 1]

    @pytest.mark.parametrize("changes", [{"size": 11}, {"at": 1_001}, {"path": "b.csv"}])
    def test_another_version_is_another_id(self, manifest, changes):
        assert manifest.resolve_file_id(meta()) == 1
        assert manifest.resolve_file_id(meta(**changes)) == 2

    def test_one_outcome_at_a_time(self, manifest):
        manifest.resolve_file_ids([meta("a"), meta("b")])
        manifest.update_status(1, Status.FAILED, meta("a"))
        manifest.update_status(2, Status.FAILED, meta("b"), Outcome(file_id=2, status=Status.SUCCESS, rows_written=3))
        assert manifest.rows_of([1, 2]).select("status", "rows_written").rows() == [("failed", 0), ("success", 3)]

    def test_what_was_seen_of_a_file_is_kept(self, manifest):
        seen = replace(meta("a"), changed_us=1_700_000_000_000_000, inode=7, feed="f")
        manifest.resolve_file_ids([seen, meta("b")])
        found = manifest.rows_of([1, 2]).select(
            pl.col("changed_ts").to_physical(), "inode", pl.col("feed").cast(pl.String)
        )
        assert found.rows() == [(1_700_000_000_000_000, 7, "f"), (None, None, None)]

    def test_totals_are_of_what_is_in(self, manifest):
        manifest.resolve_file_ids([meta(path) for path in "abcd"])
        told = [Outcome(file_id=one, status=Status.SUCCESS, rows_read=one, rows_written=one) for one in (1, 2, 3)]
        manifest.update_statuses([*told, Outcome(file_id=4, status=Status.FAILED)])
        [row] = manifest.totals().select("rows", "first_id", "last_id").rows()
        assert row == (6, 1, 3)

    def test_what_is_asked_of_described_files(self, manifest):
        """Days that are left to others, and checksums that were not there or did not agree."""
        kinds = [
            (Status.SUCCESS, {f"{LEFT_TO}7:2024-05-01": 3}, "missing"),
            (Status.SUCCESS, {"unknown_column:fee": 1}, "ok"),
            (Status.QUARANTINED, {f"{LEFT_TO}7:2024-05-01": 3}, "mismatch"),
            (Status.QUARANTINED, {}, "missing"),
            (Status.SUCCESS, {}, "mismatch"),
        ]
        ids = manifest.resolve_file_ids([replace(meta(f"{number}"), feed="f") for number in range(len(kinds))])
        manifest.update_statuses(
            Outcome(file_id=file_id, status=status, warnings=warnings, checksum=checksum)
            for file_id, (status, warnings, checksum) in zip(ids, kinds, strict=True)
        )
        assert manifest.with_days_left()["file_id"].to_list() == [1]
        assert manifest.checksums_in_doubt()["file_id"].sort().to_list() == [1, 3, 5]

    def test_pending_are_those_without_an_outcome(self, manifest):
        manifest.resolve_file_ids([meta("a"), meta("b"), meta("c")])
        manifest.update_statuses([SUCCESS, Outcome(file_id=2, status=Status.FAILED)])
        candidates = [meta("d"), meta("c"), meta("b"), meta("a"), meta("a", at=2)]
        assert manifest.filter_pending(candidates) == [meta("d"), meta("c"), meta("a", at=2)]
        assert manifest.filter_pending([]) == []

    def test_an_outcome_changes_the_standing_alone(self, manifest):
        manifest.resolve_file_ids([meta("a"), meta("b")])
        before = manifest.entries()
        manifest.update_status(1, Status.SUCCESS, replace(meta("other"), symbol="ETH"), SUCCESS)
        after = manifest.entries()
        fixed = [name for name in before.columns if name not in {*CONTENT_FACTS, DIGEST, *STANDING}]
        assert after.select(fixed).equals(before.select(fixed))
        assert after.filter(pl.col("file_id") == 2).equals(before.filter(pl.col("file_id") == 2))
        assert after.filter(pl.col("file_id") == 1).select("status", "attempts").rows() == [("success", 1)]

    def test_superseding_keeps_what_is_on_record(self, manifest):
        manifest.resolve_file_ids([meta("a"), meta("a", at=2)])
        manifest.update_statuses([SUCCESS], batch=0)
        manifest.update_statuses([Outcome.superseded(1, by=2)], batch=1)
        facts = with_hashes(manifest.entries().filter(pl.col("file_id") == 1))
        assert facts.select("status", "content_hash", "attempts", "superseded_by").rows() == [
            ("superseded", "00abcd", 1, 2)
        ]

    def test_a_batch_is_recorded_once(self, manifest):
        manifest.resolve_file_id(meta())
        assert manifest.last_batch() == -1
        manifest.update_statuses([SUCCESS], batch=3)
        manifest.update_statuses([Outcome(file_id=1, status=Status.FAILED)], batch=3)
        assert manifest.last_batch() == 3
        assert manifest.entries()["status"].to_list() == ["success"]

    def test_an_attempt_is_noted_before_it_is_made_and_not_again(self, manifest):
        manifest.resolve_file_ids([meta("a"), meta("b")])
        manifest.update_statuses([Outcome.begun(2, attempts=2, warnings={"accepted": 1})])
        assert manifest.entries()["attempts"].to_list() == [1, 2]
        manifest.update_statuses([SUCCESS, Outcome.put_off(2, error="no")])
        assert manifest.entries()["attempts"].to_list() == [1, 2]
        assert manifest.rows_of([2])["warnings"].to_list() == ['{"accepted": 1}']

    def test_a_moved_file_keeps_its_id(self, manifest):
        manifest.resolve_file_id(meta("a"))
        manifest.update_statuses([SUCCESS])
        manifest.relocate([(1, meta("b", at=5))])
        assert manifest.resolve_file_id(meta("b", at=5)) == 1
        assert manifest.filter_pending([meta("b", at=5), meta("a")]) == [meta("a")]


class TestRealManifest:
    """What only a ledger on disk can get wrong."""

    def test_what_is_in_memory_is_what_is_on_disk(self, tmp_path):
        manifest = DeltaManifest(tmp_path / "m", lambda: 7)
        manifest.repository.create()
        manifest.resolve_file_ids([meta(f"{number}") for number in range(20)])
        manifest.update_statuses([replace(SUCCESS, file_id=file_id) for file_id in (3, 5, 20)], batch=0)
        manifest.update_statuses([Outcome.superseded(5, by=6)], batch=1)
        manifest.relocate([(3, meta("moved", at=9))])
        reopened = DeltaManifest(tmp_path / "m", lambda: 8)
        assert reopened.entries().cast({"status": pl.String}).equals(manifest.entries().cast({"status": pl.String}))
        assert reopened.repository.read_all().schema == SCHEMA

    def test_many_commits_leave_few_pieces_in_memory(self, tmp_path):
        """A look at the ledger must not go through as many pieces as there ever were commits."""
        manifest = DeltaManifest(tmp_path / "m", lambda: 7)
        manifest.repository.create()
        for number in range(60):
            manifest.resolve_file_id(meta(f"{number}"))
            manifest.update_statuses([replace(SUCCESS, file_id=number + 1)], batch=number)
        assert manifest.entries().n_chunks() < 10
        assert manifest.entries()["file_id"].to_list() == list(range(1, 61))

    def test_an_id_that_is_there_twice_is_damage(self, tmp_path):
        manifest = DeltaManifest(tmp_path / "m", lambda: 7)
        manifest.repository.create()
        manifest.resolve_file_ids([meta("a"), meta("b"), meta("c")])
        rows = manifest.repository.read_all()
        manifest.repository.append(rows.filter(pl.col("file_id") == 2))
        with pytest.raises(LakeDamaged, match="twice"):
            DeltaManifest(tmp_path / "m", lambda: 8).entries()

    @pytest.mark.parametrize("damage", ["gone", "torn log", "no parts"])
    def test_a_ledger_that_cannot_be_read_is_an_error_and_not_empty(self, tmp_path, damage):
        path = tmp_path / "m"
        manifest = DeltaManifest(path, lambda: 7)
        manifest.repository.create()
        manifest.resolve_file_id(meta())
        if damage == "gone":
            shutil.rmtree(path)
        elif damage == "torn log":
            newest = max((path / "_delta_log").glob("*.json"))
            newest.write_bytes(newest.read_bytes()[:50])
        else:
            for part in path.glob("*.parquet"):
                part.unlink()
        with pytest.raises(PointlineError):
            DeltaManifest(path, lambda: 8).entries()


@pytest.fixture
def ledger(tmp_path) -> DeltaManifest:
    clock = count(1_000)
    ledger = DeltaManifest(tmp_path / "ingest_manifest", lambda: next(clock))
    ledger.repository.create()
    ledger.resolve_file_ids([meta("a")])
    return ledger


def test_an_id_that_was_given_is_given_to_nobody_else(ledger):
    """The ledger may be older than silver: what it does not know has an id all the same."""
    ledger.note_last_id(7)
    assert ledger.resolve_file_ids([meta("b"), meta("a")]) == [8, 1]


def test_the_ledger_is_read_once(ledger):
    assert ledger.entries() is ledger.entries()


def test_rows_saved_from_a_damaged_ledger_come_back_once(ledger):
    saved = ledger.rows_of([1])
    more = saved.with_columns(file_id=pl.lit(5, pl.Int64))
    before = ledger.repository.version()
    ledger.adopt(saved)
    assert ledger.repository.version() == before, "nothing is written where nothing was lost"
    ledger.adopt(pl.concat([saved, more]))
    assert ledger.entries()["file_id"].to_list() == [1, 5]
