"""``fault_of``: which newest commit may be set aside, and which never."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pointline.io.delta import DeltaTableRepository
from pointline.io.mend import fault_of, newest_entry
from pointline.io.protocols import Part

BATCH = 5


@pytest.fixture
def table(tmp_path) -> DeltaTableRepository:
    table = DeltaTableRepository(tmp_path / "t", {"file_id": pl.Int64()})
    table.create()
    return table


def commit(table: DeltaTableRepository, batch: int | None = BATCH) -> tuple[Part, Path]:
    (part,) = table.write_parts(pl.DataFrame({"file_id": list(range(100))}))
    table.commit_parts(add=[part], remove=(), batch=batch)
    entry = newest_entry(table.path / "_delta_log")
    assert entry is not None
    return part, entry


def test_a_whole_commit_has_no_fault(table):
    _, entry = commit(table)
    assert fault_of(table.path, entry, -1) is None


@pytest.mark.parametrize("befall", ["missing", "cut short", "damaged"])
@pytest.mark.parametrize(
    ("recorded", "is_touched"), [(-1, True), (BATCH - 1, True), (BATCH, False), (BATCH + 1, False)]
)
def test_a_recorded_batch_is_never_set_aside(table, befall, recorded, is_touched):
    """What the ledger says is in was flushed: to take the commit back would be success without rows."""
    part, entry = commit(table)
    _harm(table.path / part.path, befall)
    fault = fault_of(table.path, entry, recorded)
    assert (fault is not None) is is_touched
    assert fault is None or befall in fault


def test_a_commit_without_a_number_is_judged_by_its_parts(table):
    part, entry = commit(table, batch=None)
    _harm(table.path / part.path, "missing")
    assert fault_of(table.path, entry, BATCH) is not None


@pytest.mark.parametrize("keep", [0, 1, 50, -1])
def test_a_torn_entry_is_a_fault_whatever_is_recorded(table, keep):
    _, entry = commit(table)
    content = entry.read_bytes()
    entry.unlink()
    entry.write_bytes(content[:keep])
    assert fault_of(table.path, entry, BATCH) == ("empty" if keep == 0 else "torn")


@pytest.mark.parametrize("lines", [1, 2])
def test_an_entry_cut_between_two_lines(table, lines):
    _, entry = commit(table)
    content = entry.read_bytes()
    entry.unlink()
    entry.write_bytes(b"\n".join(content.split(b"\n")[:lines]))
    assert fault_of(table.path, entry, -1) == "cut short"


def test_an_altered_entry_is_set_aside_where_that_loses_nothing(table):
    _, entry = commit(table)
    content = entry.read_bytes()
    entry.unlink()
    entry.write_bytes(content.replace(b"Append", b"Appent"))
    assert fault_of(table.path, entry, BATCH - 1) == "altered"
    assert fault_of(table.path, entry, BATCH) is None


def _harm(part: Path, how: str) -> None:
    content = part.read_bytes()
    part.unlink()
    if how == "cut short":
        part.write_bytes(content[:-1])
    elif how == "damaged":
        part.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
