"""``decide``: what becomes of a file that could not be loaded, and which copies are read again."""

from __future__ import annotations

import datetime as dt

import pytest
from msgspec.structs import replace

from pointline.errors import StorageTrouble, Transient, Unfinished
from pointline.io.protocols import BronzeFileMetadata, Outcome
from pointline.services.files.identity import Candidate
from pointline.services.ingest.batch import Batch, Entry, Group, Loaded
from pointline.services.ingest.verdict import Policy, Verdict, decide
from pointline.tables.ingest_manifest import Status
from tests.support.fakes import MemoryManifest

SECOND = 1_000_000
NOW = 1_714_600_000 * SECOND
POLICY = Policy(max_attempts=3, unfinished_us=30 * SECOND)
META = BronzeFileMetadata(
    exchange="binance",
    data_type="trades",
    symbol="S",
    date=dt.date(2024, 5, 1),
    bronze_file_path="a",
    file_size_bytes=1,
    last_modified_ts=0,
)
UNFINISHED = Unfinished("a ends early", subject="a")
TROUBLE = StorageTrouble("a cannot be read", subject="a", hint="look at its mode")


class NoFacts:
    """``SilverFacts`` of an empty lake."""

    def is_in_bronze(self, file_id: int) -> bool:
        return True

    def has_left_bronze(self, file_id: int) -> bool:
        return False

    def symbol_of(self, file_id: int) -> str:
        return "S"

    def vendor_of(self, file_id: int) -> str:
        return "tardis"

    def content_hash(self, file_id: int) -> str | None:
        return None

    def rows_written(self, file_id: int) -> int:
        return 10

    def spans_of(self, file_id, day):
        return {}


def decided(manifest: MemoryManifest, loaded: Loaded, now_us: int = NOW) -> Verdict:
    batch = Batch(entries=loaded.group.entries, groups=(loaded.group,))
    return decide(
        batch, [loaded], ledger=manifest.entries(), facts=NoFacts(), policy=POLICY, age_us=lambda at: now_us - at
    )


def delayed(error: Transient, *, modified: int, created: int, attempts: int = 1) -> Outcome:
    manifest = MemoryManifest(lambda: created)
    meta = replace(META, last_modified_ts=modified)
    manifest.resolve_file_ids([meta])
    manifest.rows[0]["attempts"] = attempts
    entry = Entry(file_id=1, candidate=Candidate(meta=meta))
    loaded = Loaded(group=Group(table="trades", entries=(entry,)), delays={1: error})
    return decided(manifest, loaded).outcomes[1]


class TestDelayed:
    @pytest.mark.parametrize(
        ("modified", "created", "status"),
        [
            (NOW - 30 * SECOND, NOW, Status.QUARANTINED),
            (NOW - 30 * SECOND + 1, NOW, Status.PENDING),
            (NOW + 3600 * SECOND, NOW - 30 * SECOND, Status.QUARANTINED),  # stamped in the future, seen long ago
            (NOW + 3600 * SECOND, NOW - SECOND, Status.PENDING),
            (NOW - 3600 * SECOND, NOW, Status.QUARANTINED),
        ],
    )
    def test_a_file_that_ends_early_waits_for_the_rest_and_not_for_ever(self, modified, created, status):
        outcome = delayed(UNFINISHED, modified=modified, created=created, attempts=100)
        assert (outcome.status, outcome.error) == (status, "a ends early")

    @pytest.mark.parametrize(("attempts", "status"), [(1, "pending"), (2, "pending"), (3, "failed"), (4, "failed")])
    def test_trouble_is_tried_again_as_often_as_the_settings_say(self, attempts, status):
        outcome = delayed(TROUBLE, modified=0, created=0, attempts=attempts)
        assert (outcome.status, outcome.error) == (status, "a cannot be read; look at its mode")
        assert outcome.warnings is None, "what the ledger knows of it stays"


class TestCopies:
    """A copy waits for its original, and one whose original leaves is read again, but one outcome is enough."""

    def original_and_copies(self) -> MemoryManifest:
        manifest = MemoryManifest(lambda: 0)
        manifest.resolve_file_ids([replace(META, bronze_file_path=path) for path in ("old", "copy", "other copy")])
        manifest.update_statuses(
            [
                Outcome(file_id=1, status=Status.SUCCESS, content_hash="00", rows_read=10, rows_written=10),
                Outcome.duplicate(2, content_hash="00", of=1),
                Outcome.duplicate(3, content_hash="00", of=1),
            ]
        )
        return manifest

    def loaded(self, manifest: MemoryManifest, **replaces: int) -> Loaded:
        metas = {path: replace(META, bronze_file_path=path, file_size_bytes=2) for path in replaces}
        ids = manifest.resolve_file_ids(list(metas.values()))
        entries = tuple(
            Entry(file_id=file_id, candidate=Candidate(meta=metas[path], replaces=(replaces[path],)))
            for file_id, path in zip(ids, metas, strict=True)
        )
        outcomes = {
            one.file_id: Outcome(
                file_id=one.file_id,
                status=Status.SUCCESS,
                content_hash=f"{one.file_id:04x}",
                rows_read=10,
                rows_written=10,
                first_local_us=one.file_id * 10,
                last_local_us=one.file_id * 10 + 5,
            )
            for one in entries
        }
        return Loaded(group=Group(table="trades", entries=entries), outcomes=outcomes)

    def test_the_original_is_replaced(self):
        manifest = self.original_and_copies()
        verdict = decided(manifest, self.loaded(manifest, old=1))
        assert [(one.file_id, one.by) for one in verdict.replaced] == [(1, 4)]
        assert verdict.reopened == {2: "copy", 3: "other copy"}

    def test_one_outcome_for_one_file(self):
        """The original and one of its copies are replaced together: that copy is not put back as well."""
        manifest = self.original_and_copies()
        verdict = decided(manifest, self.loaded(manifest, old=1, copy=2))
        ids = [outcome.file_id for outcome in verdict.all_outcomes()]
        assert sorted(ids) == sorted(set(ids)) == [1, 2, 3, 4, 5]
        assert verdict.overtaken == {2: 5}
        assert verdict.reopened == {3: "other copy"}

    @pytest.mark.parametrize(("status", "is_in"), [(Status.SUCCESS, True), (Status.QUARANTINED, False)])
    def test_a_copy_waits_where_its_original_did_not_get_in(self, status, is_in):
        manifest = MemoryManifest(lambda: 0)
        metas = [replace(META, bronze_file_path=path) for path in ("a", "b")]
        ids = manifest.resolve_file_ids(metas)
        entries = tuple(
            Entry(file_id=file_id, candidate=Candidate(meta=meta)) for file_id, meta in zip(ids, metas, strict=True)
        )
        outcomes = {1: Outcome(file_id=1, status=status), 2: Outcome.duplicate(2, content_hash="00", of=1)}
        found = decided(manifest, Loaded(group=Group(table="trades", entries=entries), outcomes=outcomes)).outcomes[2]
        assert found.status == (Status.DUPLICATE if is_in else Status.PENDING)
        assert is_in or found.error == "waits for file 1, which has the same content"
