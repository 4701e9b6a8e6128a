"""``backlog``: what of bronze has still to enter, by the ledger."""

from __future__ import annotations

import random

import polars as pl
import pytest
from msgspec.structs import replace
from pointline_daemon.arrival.touched import SCHEMA as TOUCHED

from pointline.io.protocols.file_version import Outcome
from pointline.services.ingest.backlog import VERSION as NAMES
from pointline.services.ingest.backlog import Sieve, backlog
from pointline.tables.ingest_manifest import CLOSED, Status
from tests.support.fakes import MemoryManifest
from tests.unit.test_verdict import META

KNOWN = replace(META, file_size_bytes=10, last_modified_ts=20, changed_us=30, inode=40)
VERSION = (10, 20, 30, 40)


def survey(*rows: tuple[str, int, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema={"path": pl.String, **dict.fromkeys(NAMES, pl.Int64)}, orient="row")


def touched_since(*rows: tuple[str, int, int, int, int], file_id: int = 1) -> pl.DataFrame:
    return survey(*rows).with_columns(file_id=pl.lit(file_id, pl.Int64)).select(list(TOUCHED))


def waiting(manifest: MemoryManifest, *seen, touched=(), of: int = 1) -> list[tuple[object, ...]]:
    entries, of_touched = manifest.entries(), touched_since(*touched, file_id=of)
    found = backlog(survey(*seen), entries, of_touched)
    assert backlog(Sieve(entries)(survey(*seen)), entries, of_touched).equals(found)
    return sorted(found.select("path", "attempts", "updated_at_us").rows())


def ledger(*statuses: Status, meta=KNOWN) -> MemoryManifest:
    manifest = MemoryManifest(iter(range(100, 200)).__next__)
    for status in statuses:
        manifest._mint(meta)
        if status is not Status.PENDING:
            manifest.update_statuses([Outcome(file_id=len(manifest.rows), status=status)])
    return manifest


def test_new():
    assert waiting(ledger(), ("a", *VERSION)) == [("a", None, None)]


@pytest.mark.parametrize("status", list(Status))
def test_known(status):
    is_open = status in {Status.PENDING, *CLOSED}
    found = waiting(ledger(status), ("a", *VERSION))
    assert [path for path, *_ in found] == (["a"] if is_open else [])


@pytest.mark.parametrize("position", range(4))
def test_another_version(position):
    other = [*VERSION]
    other[position] += 1
    assert waiting(ledger(Status.SUCCESS), ("a", *other)) == [("a", None, None)]
    assert waiting(ledger(Status.SUCCESS), ("a", *other), touched=[("a", *other)]) == []
    assert waiting(ledger(Status.SUCCESS), ("a", *other), touched=[("a", *VERSION)]) == [("a", None, None)]


@pytest.mark.parametrize("status", [Status.PENDING, Status.QUARANTINED, Status.FAILED, Status.WITHDRAWN, *CLOSED])
def test_back_where_a_newer_version_was_refused(status):
    """It is offered, so that the newer one is closed; once that is done, no more."""
    manifest = ledger(Status.SUCCESS)
    manifest._mint(replace(KNOWN, file_size_bytes=11))
    if status is not Status.PENDING:
        manifest.update_statuses([Outcome(file_id=2, status=status)])
    assert waiting(manifest, ("a", *VERSION)) == ([] if status in CLOSED else [("a", None, None)])


def test_another_file_than_the_one_that_was_touched():
    """An older ledger was put back: of the version that was touched it knows nothing."""
    other = (10, 21, 31, 40)
    assert waiting(ledger(Status.SUCCESS), ("a", *other), touched=[("a", *other)], of=2) == [("a", None, None)]


def test_what_was_never_noted_says_nothing():
    meta = replace(KNOWN, changed_us=0, inode=0)
    assert waiting(ledger(Status.SUCCESS, meta=meta), ("a", *VERSION)) == []


def test_an_attempt_of_which_nothing_came_speaks_against_nobody():
    manifest = ledger(Status.PENDING)
    assert waiting(manifest, ("a", *VERSION)) == [("a", 0, 100)]
    manifest.update_statuses([Outcome.put_off(1, error="no")])
    assert waiting(manifest, ("a", *VERSION)) == [("a", 1, 101)]
    manifest.update_statuses([Outcome.begun(1, attempts=2, warnings={})])
    assert waiting(manifest, ("a", *VERSION)) == [("a", 2, 102)]


def test_of_a_version_under_three_ids_the_newest_counts():
    assert waiting(ledger(Status.SUCCESS, Status.PENDING, Status.SUCCESS), ("a", *VERSION)) == []
    assert waiting(ledger(Status.SUCCESS, Status.SUCCESS, Status.PENDING), ("a", *VERSION)) == [("a", 0, 104)]


def test_of_two_that_were_refused_the_newer_counts():
    manifest = ledger()
    for size, status in ((11, Status.QUARANTINED), (10, Status.SUCCESS), (12, Status.FAILED)):
        manifest._mint(replace(KNOWN, file_size_bytes=size))
        manifest.update_statuses([Outcome(file_id=len(manifest.rows), status=status)])
    assert waiting(manifest, ("a", *VERSION)) == [("a", None, None)]


def test_a_settled_version_outweighs_a_pending_one_of_the_same_file():
    assert waiting(ledger(Status.PENDING, Status.SUCCESS), ("a", *VERSION)) == []
    assert [path for path, *_ in waiting(ledger(Status.PENDING, Status.PENDING), ("a", *VERSION))] == ["a"]


def test_touched_since_it_was_put_back():
    """It waits in the ledger under its old time: it is offered under the new one."""
    other = (10, 21, 31, 40)
    manifest = ledger(Status.PENDING)
    assert [path for path, *_ in waiting(manifest, ("a", *other), touched=[("a", *other)])] == ["a"]


class TestSieve:
    """What it lets pass is all that may be new; of a folder that is known it lets nothing pass."""

    @pytest.mark.parametrize("seed", range(60))
    def test_it_leaves_out_nothing_that_has_to_enter(self, seed):
        rng = random.Random(seed)
        manifest = MemoryManifest(iter(range(100, 200)).__next__)
        for _ in range(rng.randrange(8)):
            meta = replace(KNOWN, bronze_file_path=rng.choice("abc"), file_size_bytes=rng.choice([10, 11]))
            manifest._mint(replace(meta, changed_us=rng.choice([0, 30])))
            status = rng.choice([*Status])
            if status is not Status.PENDING:
                manifest.update_statuses([Outcome(file_id=len(manifest.rows), status=status)])
        there = rng.sample("abcd", rng.randrange(1, 5))
        seen = survey(*((path, rng.choice([10, 11]), 20, rng.choice([30, 31]), 40) for path in there))
        entries, touched = manifest.entries(), touched_since()
        asked = rng.sample("abcd", rng.choice([0, 1]))
        sieve = Sieve(entries, asked)
        kept = pl.concat([sieve(seen[:1]), sieve(seen[1:])])
        assert set(asked) & set(there) <= set(kept["path"])
        assert kept.equals(seen.filter(pl.col("path").is_in(kept["path"].to_list()))), "as they came by"
        assert backlog(kept, entries, touched).sort("path").equals(backlog(seen, entries, touched).sort("path"))
        assert sieve.seen == len(there)

    @pytest.mark.parametrize("count", [1, 2, 9])
    def test_of_what_is_known_it_lets_nothing_pass(self, count):
        paths = [f"file-{number}" for number in range(count)]
        manifest = ledger()
        for path in paths:
            manifest._mint(replace(KNOWN, bronze_file_path=path))
        manifest.update_statuses([Outcome(file_id=one + 1, status=Status.SUCCESS) for one in range(count)])
        sieve = Sieve(manifest.entries(), besides=["file-0", "elsewhere"])
        found = sieve(survey(*((path, *VERSION) for path in [*paths, "new"])))
        assert found["path"].to_list() == ["file-0", "new"]
        for position in range(4):
            other = [*VERSION]
            other[position] += 1
            assert sieve.unknown(survey(*((path, *other) for path in paths)))["path"].to_list() == paths
        assert sieve.seen == count + 1

    def test_a_ledger_without_files_lets_all_pass(self):
        seen = survey(("a", *VERSION))
        assert Sieve(ledger().entries())(seen).equals(seen)
        assert Sieve(ledger(Status.PENDING, Status.GONE).entries())(seen).equals(seen)
