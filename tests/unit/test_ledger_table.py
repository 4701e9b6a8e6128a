"""``LedgerTable``: what a change writes, what is on disk when, and how the rows lie in data files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from pointline.io.delta.id_ranges import in_order
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.ledger import table as ledger_table
from pointline.io.ledger.table import LedgerTable
from pointline.io.protocols.tables import Part

SCHEMA = {"file_id": pl.Int64(), "status": pl.String(), "hash": pl.String(), "symbols": pl.List(pl.String())}
MANY = 1 << 30

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names what is flushed by /proc")


class Flushed:
    """The files that were forced to disk, by name; nothing is slow."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        monkeypatch.setattr(os, "fsync", self._flush)

    def _flush(self, descriptor: int) -> None:
        self.names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    def take(self) -> set[str]:
        """Return those since the last time."""
        names, self.names = set(self.names), []
        return names


@pytest.fixture(autouse=True)
def flushed(monkeypatch) -> Flushed:
    return Flushed(monkeypatch)


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(ledger_table, "ROWS_PER_FILE", 4)
    monkeypatch.setattr(ledger_table, "ROWS_PER_READ", 8)


@pytest.fixture
def table(tmp_path) -> LedgerTable:
    return made(tmp_path)


def made(folder: Path, *heights: int) -> LedgerTable:
    """A data file for each height."""
    table = LedgerTable(folder / "ledger", SCHEMA)
    table.create()
    first = 1
    for height in heights:
        table.append(rows(*range(first, first + height)))
        first += height
    return table


def rows(*ids: int, status: str = "pending", symbols: int = 1) -> pl.DataFrame:
    facts = [(one, status, f"h{one}", [f"S{one}"] * symbols) for one in ids]
    return pl.DataFrame(facts, schema=SCHEMA, orient="row")


def lie(table: LedgerTable) -> list[tuple[int, ...]]:
    """The ids in each data file."""
    found = [tuple(pl.concat(table.rows_of(part))["file_id"]) for part in table.live_parts()]
    return sorted(found)


def names(parts: list[Part]) -> set[str]:
    return {part.path for part in parts}


class TestWrite:
    @pytest.mark.parametrize(
        ("count", "heights"),
        [(1, [1]), (4, [4]), (5, [3, 2]), (8, [4, 4]), (9, [3, 3, 3]), (10, [4, 4, 2]), (0, [])],
    )
    def test_as_even_as_possible(self, table, count, heights):
        parts = table.write_parts(rows(*range(1, count + 1)))
        assert [part.rows for part in parts] == heights

    def test_rows_with_much_in_them_lie_alone(self, table, monkeypatch):
        whole = rows(1, 2, 3, 4, symbols=50)
        monkeypatch.setattr(ledger_table, "BYTES_PER_FILE", whole.estimated_size() // 2)
        assert [part.rows for part in table.write_parts(whole)] == [2, 2]
        mixed = pl.concat([rows(1, 2), rows(3, 4, symbols=500)])
        monkeypatch.setattr(ledger_table, "BYTES_PER_FILE", mixed.estimated_size() // 3 + 1)
        assert [part.rows for part in table.write_parts(mixed)] == [2, 1, 1]

    def test_on_disk_with_its_name(self, table, flushed):
        flushed.take()
        parts = table.write_parts(rows(*range(1, 10)))
        assert flushed.take() == names(parts) | {"ledger"}
        assert table.live_parts() == []


class TestPending:
    """The entry is on disk at once, its data files when the next one begins."""

    def test_flushed_by_the_next_one(self, table, flushed):
        table.append_pending(rows(1), {})
        [first] = table.live_parts()
        assert first.path not in flushed.take()
        table.append_pending(rows(2), {})
        assert flushed.take() >= {first.path}
        table.append_pending(rows(3), {})
        assert first.path not in flushed.take(), "once"

    @pytest.mark.parametrize("how", ["commit", "exclusive"])
    def test_flushed_before_anything_else(self, table, flushed, how):
        table.append_pending(rows(1), {})
        [first] = table.live_parts()
        flushed.take()
        if how == "commit":
            table.append(rows(2))
        else:
            with table.exclusive():
                pass
        assert first.path in flushed.take()

    def test_not_where_the_next_one_removes_it(self, table, flushed):
        table.append_pending(rows(1), {})
        [first] = table.live_parts()
        flushed.take()
        table.update_rows(pl.DataFrame({"file_id": [1], "status": ["success"]}))
        [second] = table.live_parts()
        assert first.path not in (names_now := flushed.take())
        assert second.path in names_now
        table.append(rows(2))
        assert second.path not in flushed.take()

    @pytest.mark.parametrize("how", ["a new process", "another copy"])
    def test_what_somebody_else_may_have_left_is_flushed_first(self, table, flushed, how):
        table.append_pending(rows(1), {})
        [first] = table.live_parts()
        flushed.take()
        if how == "a new process":
            table = LedgerTable(table.path, SCHEMA)
        else:
            table.let_go()
        table.append(rows(2))
        assert first.path in flushed.take()

    def test_one_that_failed_does_not_hold_up_the_next(self, table, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(DeltaTableRepository, "commit_parts", _raising)
            with pytest.raises(OSError, match="no"):
                table.append_pending(rows(1), {})
        table.append_pending(rows(1, 2), {})
        assert lie(table) == [(1, 2)]


def _raising(*_arguments: object, **_options: object) -> None:
    raise OSError("no")


def test_another_copy_in_its_place_is_read_afresh(tmp_path):
    table = made(tmp_path, 2)
    other = made(tmp_path / "other", 4)
    shutil.rmtree(table.path)
    shutil.copytree(other.path, table.path)
    table.let_go()
    assert lie(table) == [(1, 2, 3, 4)]


def test_a_change_says_that_it_is_one(tmp_path):
    """Who follows the table by its log passes over entries that change no row."""
    table = made(tmp_path, 2)
    table.update_rows(pl.DataFrame({"file_id": [1], "status": ["gone"]}))
    table.commit_parts(add=table.write_parts(rows(9)), remove=())
    assert [table.commit_info(version)["operation"] for version in (1, 2, 3)] == ["WRITE"] * 3


class TestUpdate:
    def test_only_the_data_files_that_hold_a_row_are_replaced(self, tmp_path):
        table = made(tmp_path, 4, 4, 4)
        before = {part.path: part.first_file_id for part in table.live_parts()}
        change = {"file_id": [2, 9], "status": ["success", "gone"], "hash": [None, "new"], "symbols": [None, ["X"]]}
        table.update_rows(pl.DataFrame(change, schema=SCHEMA), fill=["hash", "symbols"])
        assert [before[path] for path in before.keys() & table.live_paths()] == [5]
        assert lie(table) == [(1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12)]
        wanted = rows(*range(1, 13)).rows()
        wanted[1] = (2, "success", "h2", ["S2"])
        wanted[8] = (9, "gone", "new", ["X"])
        assert table.read_all().sort("file_id").rows() == wanted

    def test_columns_that_are_not_to_be_filled_become_null(self, tmp_path):
        table = made(tmp_path, 2)
        table.update_rows(pl.DataFrame({"file_id": [1], "hash": [None]}, schema_overrides={"hash": pl.String}))
        assert table.read_all()["hash"].to_list() == [None, "h2"]

    def test_one_that_lies_between_the_ids_of_a_data_file_and_is_not_in_it(self, table):
        table.append(rows(1, 9))
        before = table.live_paths()
        table.update_rows(pl.DataFrame({"file_id": [5], "status": ["gone"]}))
        assert table.live_paths() == before

    def test_a_batch_happens_once(self, tmp_path):
        table = made(tmp_path, 2)
        for status in ("success", "gone"):
            table.update_rows(pl.DataFrame({"file_id": [1], "status": [status]}), batch=7)
        assert table.read_all()["status"].to_list() == ["success", "pending"]
        assert table.last_batch() == 7

    def test_a_row_that_grew_does_not_make_a_large_data_file(self, tmp_path, monkeypatch):
        table = made(tmp_path, 4)
        monkeypatch.setattr(ledger_table, "BYTES_PER_FILE", 600)
        table.update_rows(pl.DataFrame({"file_id": [2], "symbols": [["S" * 9] * 200]}))
        assert lie(table) == [(1,), (2,), (3,), (4,)]


class TestReading:
    def runs(self, table: LedgerTable, parts: list[Part] | None = None) -> list[list[int]]:
        return [run["file_id"].to_list() for run in table.batches_of_rows(["file_id", "status"], parts)]

    def test_in_runs_of_a_length(self, tmp_path):
        table = made(tmp_path, 4, 4, 4, 3)
        assert self.runs(table) == [list(range(1, 9)), list(range(9, 16))]
        assert self.runs(made(tmp_path / "short", 4, 4)) == [list(range(1, 9))]
        assert self.runs(made(tmp_path / "none")) == []

    def test_those_of_a_version(self, tmp_path):
        table = made(tmp_path, 4, 4)
        parts = in_order(table.live_parts())
        table.write_full(rows(*range(1, 30)))
        assert self.runs(table, parts) == [list(range(1, 9))]
        assert self.runs(table, parts[:1]) == [[1, 2, 3, 4]]

    def test_parts_that_overlap_come_together_and_in_order(self, tmp_path):
        table = made(tmp_path)
        other = DeltaTableRepository(table.path, SCHEMA)
        other.append(rows(*range(1, 31, 2)))
        other.append(rows(*range(2, 13, 2)))
        other.append(rows(40, 41))
        assert self.runs(LedgerTable(table.path, SCHEMA)) == [[*range(1, 13), *range(13, 30, 2)], [40, 41]]


class TestMerging:
    def merge(self, table: LedgerTable, least: int = 2, target_bytes: int = MANY) -> list[list[int]]:
        """Merge once; return the ids of the runs that were merged."""
        found = []
        for run in table.worth_merging(target_bytes=target_bytes, least=least):
            found.append([id_ for part in run for id_ in range(part.first_file_id, part.last_file_id + 1)])
            merged = table.merged(run)
            assert table.parts_of_merged(run) == len(merged)
            table.commit_parts(add=merged, remove=run, data_change=False)
        return found

    def test_small_neighbours(self, tmp_path):
        table = made(tmp_path, 1, 1, 4, 1, 1, 1)
        whole = table.read_all().sort("file_id")
        assert self.merge(table) == [[1, 2], [7, 8, 9]]
        assert lie(table) == [(1, 2), (3, 4, 5, 6), (7, 8, 9)]
        assert table.read_all().sort("file_id").equals(whole)
        assert self.merge(table) == []

    def test_half_full_ones_are_left_alone(self, tmp_path):
        table = made(tmp_path, 2, 2, 2)
        assert self.merge(table) == []
        assert self.merge(made(tmp_path / "more", 1, 2, 1)) == []

    def test_few_are_not_worth_it(self, tmp_path):
        assert self.merge(made(tmp_path, 1, 1, 1), least=4) == []

    def test_a_large_one_is_cut(self, tmp_path):
        table = made(tmp_path)
        other = DeltaTableRepository(table.path, SCHEMA)
        other.append(rows(*range(1, 10)))
        other.append(rows(*range(10, 18)))
        table = LedgerTable(table.path, SCHEMA)
        assert self.merge(table) == [list(range(1, 10))], "twice as long is not too long"
        assert lie(table) == [(1, 2, 3), (4, 5, 6), (7, 8, 9), tuple(range(10, 18))]

    def test_one_of_many_bytes_is_cut(self, tmp_path):
        table = made(tmp_path)
        DeltaTableRepository(table.path, SCHEMA).append(rows(*range(1, 7)))
        table = LedgerTable(table.path, SCHEMA)
        [part] = table.live_parts()
        assert self.merge(table, target_bytes=part.size_bytes) == []
        assert self.merge(table, target_bytes=part.size_bytes - 1) == [[1, 2, 3, 4, 5, 6]]
        assert lie(table) == [(1, 2, 3), (4, 5, 6)]

    def test_one_between_whose_rows_others_lie_is_cut_there(self, tmp_path):
        table = made(tmp_path)
        other = DeltaTableRepository(table.path, SCHEMA)
        other.append(rows(1, 2, 4, 9))
        other.append(rows(3))
        other.append(rows(6))
        table = LedgerTable(table.path, SCHEMA)
        [run] = table.worth_merging(target_bytes=MANY, least=2)
        table.commit_parts(add=table.merged(run), remove=run, data_change=False)
        assert lie(table) == [(1, 2), (3,), (4,), (6,), (9,)]

    def test_one_of_two_rows_can_be_cut_and_one_of_one_cannot(self, tmp_path):
        table = made(tmp_path)
        other = DeltaTableRepository(table.path, SCHEMA)
        other.append(rows(1, 3))
        other.append(rows(2))
        assert [len(run) for run in LedgerTable(table.path, SCHEMA).worth_merging(target_bytes=MANY, least=2)] == [1]
        table = made(tmp_path / "one", 1)
        assert table.worth_merging(target_bytes=1, least=2) == []
