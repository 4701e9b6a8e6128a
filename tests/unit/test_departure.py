"""What follows when files leave bronze, or rows leave silver."""

from __future__ import annotations

import polars as pl
import pytest
from msgspec.structs import replace

from pointline.io.protocols.file_version import Outcome
from pointline.services.ingest.departure import (
    absent_files,
    closed_by_absence,
    freed_by_absence,
    freed_by_departure,
    refused_because_of,
)
from pointline.tables.ingest_manifest import Status
from tests.support.fakes import MemoryManifest
from tests.unit.test_verdict import META


def ledger(*files: tuple[str, Status, int | None]) -> pl.DataFrame:
    """Files by path, ids from 1 on, and whose way each is in."""
    manifest = MemoryManifest()
    manifest.resolve_file_ids([replace(META, bronze_file_path=path) for path, *_ in files])
    manifest.update_statuses(
        [Outcome(file_id=number, status=status, superseded_by=by) for number, (_, status, by) in enumerate(files, 1)]
    )
    return manifest.entries()


def bronze(*paths: str) -> pl.DataFrame:
    return pl.DataFrame({"path": list(paths)}, schema={"path": pl.String})


@pytest.mark.parametrize("status", list(Status))
def test_only_what_never_got_in_is_closed(status):
    entries = ledger(("a", status, None), ("b", status, None))
    is_open = status in {Status.PENDING, Status.FAILED, Status.QUARANTINED}
    assert closed_by_absence(absent_files(entries, bronze("a"))) == ({2: "b"} if is_open else {})
    assert closed_by_absence(absent_files(entries, bronze("a", "b"))) == {}


@pytest.mark.parametrize("status", [Status.QUARANTINED, Status.FAILED, Status.SUPERSEDED, Status.DUPLICATE])
def test_who_was_in_the_way_of_one(status):
    entries = ledger(("a", Status.SUCCESS, None), ("b", status, 1), ("c", status, 9))
    assert refused_because_of(entries, [1, 5]) == ({2: "b"} if status is Status.QUARANTINED else {})
    assert refused_because_of(entries, []) == {}


@pytest.mark.parametrize("other", list(Status))
def test_rows_that_left_free_who_was_in_their_way(other):
    entries = ledger(("a", other, None), ("b", Status.QUARANTINED, 1), ("c", Status.QUARANTINED, None))
    assert freed_by_departure(entries) == ({} if other is Status.SUCCESS else {2: "b"})


def test_a_file_that_left_bronze_frees_who_was_in_its_way():
    entries = ledger(
        ("a", Status.SUCCESS, None), ("b", Status.QUARANTINED, 1), ("c", Status.SUCCESS, None), ("d", Status.FAILED, 1)
    )
    assert freed_by_absence(entries, absent_files(entries, bronze("b", "c", "d"))) == {2: "b"}
    assert freed_by_absence(entries, absent_files(entries, bronze("a", "b", "d"))) == {}, "c is in nobody's way"
