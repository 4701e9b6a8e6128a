"""``DimSymbolService`` and ``SymbolFiles``: each change is made on the newest version, whoever else commits."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pointline.errors import CommitConflict, SuspectSnapshot
from pointline.io.delta import DeltaTableRepository
from pointline.io.event_table import DeltaSymbolTable
from pointline.io.protocols import BronzeFileMetadata, Outcome
from pointline.services.batch import Entry, Group, Loaded
from pointline.services.identity import Candidate
from pointline.services.symbol_files import SymbolFiles
from pointline.services.symbols import TRIES, DimSymbolService
from pointline.tables import dim_symbol
from pointline.tables.dim_symbol_checks import violations
from pointline.tables.dim_symbol_metadata import Metadata
from pointline.tables.ingest_manifest import Status
from tests.support.fakes import MemorySymbolTable

DAY = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)


def updates(*rows: tuple[str, int, float]) -> pl.DataFrame:
    """``symbol``, day, tick size."""
    made = [
        {
            "exchange": "x",
            "symbol": symbol,
            "tick_size": tick,
            "valid_from": DAY + dt.timedelta(days=day),
            "listed": True,
        }
        for symbol, day, tick in rows
    ]
    return pl.DataFrame(made, schema=dim_symbol.UPDATE_SCHEMA)


def ticks(table) -> list[tuple[str, float]]:
    return table.read_version()[0].select("symbol", "tick_size").rows()


@pytest.fixture(params=["fake", "real"])
def table(request, tmp_path):
    if request.param == "fake":
        return MemorySymbolTable()
    table = DeltaSymbolTable(tmp_path / "dim_symbol")
    table.create()
    return table


@pytest.fixture
def service(table):
    return DimSymbolService(table, max_missing_share=0.25)


class TestUpdate:
    """Read, upsert, write."""

    def test_rows_stand_by_exchange_symbol_and_time(self, table, service):
        service.update(updates(("B", 1, 1.0), ("C", 0, 2.0)))
        service.update(updates(("A", 0, 3.0), ("B", 0, 4.0)))
        assert ticks(table) == [("A", 3.0), ("B", 4.0), ("B", 1.0), ("C", 2.0)]
        assert violations(table.read_version()[0]) == []

    def test_the_same_again_writes_nothing(self, table, service):
        assert service.update(updates(("A", 0, 1.0)))
        version = table.read_version()[1]
        assert not service.update(updates(("A", 0, 1.0)))
        assert table.read_version()[1] == version

    def test_a_dry_run_writes_nothing(self, table, service):
        assert service.update(updates(("A", 0, 1.0)), dry_run=True).added.height == 1
        assert ticks(table) == []

    def test_a_snapshot_that_lacks_many_has_to_be_insisted_on(self, table, service):
        service.update(updates(*((name, 0, 1.0) for name in "ABCD")))
        partial = Metadata(updates=updates(("A", 2, 1.0)), snapshot_at=DAY + dt.timedelta(days=2))
        with pytest.raises(SuspectSnapshot, match="lacks 3 of 4 of x"):
            service.take(partial)
        service.take(partial, insist=True)
        assert table.read_version()[0]["is_current"].to_list() == [True, False, False, False]


class TestRivals:
    """A commit in between makes the change be planned anew on what is there now."""

    def test_both_changes_are_in(self):
        table = MemorySymbolTable()
        rival = DimSymbolService(table, max_missing_share=0.25)
        table.rivals = [lambda: rival.update(updates(("A", 1, 2.0)))]
        changes = DimSymbolService(table, max_missing_share=0.25).update(updates(("A", 0, 1.0), ("B", 0, 1.0)))
        assert ticks(table) == [("A", 1.0), ("A", 2.0), ("B", 1.0)]
        assert changes.before["tick_size"].to_list() == [2.0]

    def test_there_is_an_end_to_it(self):
        table = MemorySymbolTable()

        def commit() -> None:
            table.version += 1

        table.rivals = [commit] * TRIES
        with pytest.raises(CommitConflict):
            DimSymbolService(table, max_missing_share=0.25).update(updates(("A", 0, 1.0)))
        assert table.rivals == []

    def test_the_real_table_refuses_a_version_that_was_overtaken(self, tmp_path):
        table = DeltaSymbolTable(tmp_path / "dim_symbol")
        table.create()
        rows, version = table.read_version()
        DeltaTableRepository(table.path, dim_symbol.SCHEMA).append(dim_symbol.empty())
        with pytest.raises(CommitConflict, match="changed meanwhile"):
            table.replace(rows, expected_version=version)
        DimSymbolService(table, max_missing_share=0.25).update(updates(("A", 0, 1.0)))
        assert ticks(table) == [("A", 1.0)]


def loaded(*files: Metadata) -> Loaded:
    """A group of files of one exchange and day, in the order of their ids."""
    entries = [
        Entry(
            file_id=file_id,
            candidate=Candidate(
                meta=BronzeFileMetadata(
                    exchange="x",
                    data_type="instruments",
                    symbol="ALL",
                    date=(DAY + dt.timedelta(days=9)).date(),
                    bronze_file_path=f"{file_id}.json",
                    file_size_bytes=1,
                    last_modified_ts=1,
                )
            ),
        )
        for file_id in range(len(files))
    ]
    group = Group(table="instruments", entries=tuple(entries))
    outcomes = {entry.file_id: Outcome(file_id=entry.file_id, status=Status.SUCCESS) for entry in entries}
    return Loaded(group=group, outcomes=outcomes, symbols=dict(enumerate(files)))


class TestFilesOfABatch:
    """``SymbolFiles``: judged on the newest version, committed at most once."""

    def snapshot(self, symbols: str, day: int) -> Metadata:
        rows = updates(*((name, day, 1.0) for name in symbols))
        return Metadata(updates=rows, snapshot_at=DAY + dt.timedelta(days=day))

    def gone(self, symbols: str, day: int) -> Metadata:
        rows = updates(*((name, day, 1.0) for name in symbols)).with_columns(listed=pl.lit(value=False))
        return Metadata(updates=rows, snapshot_at=None)

    def statuses(self, groups) -> list[str]:
        return [one.status.value for group in groups for one in group.outcomes.values()]

    def test_what_was_refused_stays_refused_when_the_commit_is_repeated(self, table):
        """The last file makes the refused one look harmless, now that it is in."""
        files = SymbolFiles(table, max_missing_share=0.25)
        batch = [loaded(self.snapshot("ABCD", 0), self.snapshot("A", 2), self.gone("BCD", 1))]
        for _ in range(2):
            judged = files.judge(7, batch)
            assert self.statuses(judged) == ["success", "quarantined", "success"]
            files.commit(7, list(judged[0].outcomes.values()))
        assert [one.number for one in table.batches_after(-1)] == [7]
        assert table.last_batch() == files.last_batch() == 7

    def test_another_commit_in_between_has_it_judged_anew(self, table):
        files = SymbolFiles(table, max_missing_share=0.25)
        batch = [loaded(self.snapshot("A", 2))]
        assert self.statuses(files.judge(1, batch)) == ["success"]
        DimSymbolService(table, max_missing_share=0.25).update(updates(*((name, 0, 1.0) for name in "ABCD")))
        with pytest.raises(CommitConflict):
            files.commit(1, [])
        assert self.statuses(files.judge(1, batch)) == ["quarantined"]
