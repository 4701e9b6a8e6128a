"""``recover``: the ledger is brought up to the commits of silver, and nothing stays half done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl
import pytest
from msgspec.structs import replace

from pointline.io.protocols.file_version import BronzeFileMetadata, Discovery, Outcome
from pointline.io.protocols.tables import CommittedBatch
from pointline.services.ingest.recovery import recover
from pointline.tables import quarantine as quarantine_table
from pointline.tables.ingest_manifest import Status
from tests.support.fakes import MemoryManifest, MemoryQuarantine

META = BronzeFileMetadata(
    exchange="binance",
    data_type="trades",
    symbol="S",
    date=dt.date(2024, 5, 1),
    bronze_file_path="",
    file_size_bytes=1,
    last_modified_ts=0,
)


@dataclass
class Told:
    """``BatchTable``: what its commits tell."""

    batches: list[CommittedBatch]

    def last_batch(self) -> int:
        return max((one.number for one in self.batches), default=-1)

    def batches_after(self, batch: int, file_ids: Collection[int] | None = None) -> list[CommittedBatch]:
        return [one for one in self.batches if one.number > batch]


def meta(path: str) -> BronzeFileMetadata:
    return replace(META, bronze_file_path=path)


def success(file_id: int) -> Outcome:
    return Outcome(file_id=file_id, status=Status.SUCCESS, rows_read=1, rows_written=1)


@pytest.fixture
def manifest() -> MemoryManifest:
    manifest = MemoryManifest()
    manifest.resolve_file_ids([meta(path) for path in "abc"])
    return manifest


@pytest.fixture
def quarantine() -> MemoryQuarantine:
    table = MemoryQuarantine()
    rows = [{"file_id": file_id, "file_seq": 1, "rule": "ragged"} for file_id in (1, 2, 3)]
    known = pl.DataFrame(rows)
    table.append(
        known.select(
            pl.col(name).cast(kind) if name in known.columns else pl.lit(None, kind).alias(name)
            for name, kind in quarantine_table.SCHEMA.items()
        )
    )
    return table


def statuses(manifest: MemoryManifest) -> list[object]:
    return [row["status"] for row in manifest.rows]


@pytest.mark.parametrize("order", [(4, 5), (5, 4)])
def test_outcomes_of_all_tables_and_the_newest_number(manifest, quarantine, order):
    """Tables are asked one after the other: the number must not be that of the last one."""
    manifest.update_statuses([success(1)], batch=3)
    tables = {str(number): Told([CommittedBatch(number=number, outcomes=(success(number - 2),))]) for number in order}
    recovered = recover(manifest, quarantine, tables)
    assert {one.file_id for one in recovered.outcomes} == {2, 3}
    assert statuses(manifest) == ["success"] * 3
    assert manifest.last_batch() == 5


def test_the_newer_outcome_of_a_file_counts(manifest, quarantine):
    gone = Outcome.superseded(1, by=2)
    tables = {
        "late": Told([CommittedBatch(number=1, outcomes=(gone,))]),
        "early": Told([CommittedBatch(number=0, outcomes=(success(1),))]),
    }
    recover(manifest, quarantine, tables)
    assert statuses(manifest)[0] == "superseded"


def test_what_is_recorded_is_not_applied_again(manifest, quarantine):
    manifest.update_statuses([success(1)], batch=0)
    manifest.update_statuses([Outcome.reopened(1)])
    recovered = recover(manifest, quarantine, {"t": Told([CommittedBatch(number=0, outcomes=(success(1),))])})
    assert (recovered.outcomes, statuses(manifest)[0]) == ((), "pending")


def test_quarantine_keeps_the_rows_of_files_that_are_in(manifest, quarantine):
    tables = {"t": Told([CommittedBatch(number=0, outcomes=(success(1), Outcome.left(3, Status.WITHDRAWN)))])}
    assert recover(manifest, quarantine, tables).forgotten == 2
    assert quarantine.rows_per_file()["file_id"].to_list() == [1]


def test_a_version_that_the_ledger_lost_comes_back_with_its_outcome(manifest, quarantine):
    found = {4: Discovery(meta=meta("d"), created_at_us=7)}
    recover(manifest, quarantine, {"t": Told([CommittedBatch(number=0, outcomes=(success(4),), found=found)])})
    assert statuses(manifest)[3] == "success"
    assert manifest.rows[3]["bronze_file_path"] == "d"


def test_an_outcome_of_a_file_that_nobody_knows_is_left_out(manifest, quarantine):
    recovered = recover(manifest, quarantine, {"t": Told([CommittedBatch(number=0, outcomes=(success(9),))])})
    assert (recovered.outcomes, len(manifest.rows)) == ((), 3)


@pytest.mark.parametrize(
    ("original", "copy"),
    [
        (Status.SUCCESS, "duplicate"),
        (Status.PENDING, "duplicate"),
        (Status.WITHDRAWN, "withdrawn"),
        (Status.SUPERSEDED, "pending"),
        (Status.QUARANTINED, "pending"),
        (Status.FAILED, "pending"),
        (Status.GONE, "pending"),
    ],
)
def test_a_copy_goes_with_its_original_or_is_read_itself(manifest, quarantine, original, copy):
    manifest.update_statuses([Outcome(file_id=1, status=original), Outcome.duplicate(2, content_hash="00", of=1)])
    recover(manifest, quarantine, {})
    assert statuses(manifest)[1] == copy


@pytest.mark.parametrize("old", [Status.PENDING, Status.FAILED, Status.QUARANTINED])
@pytest.mark.parametrize(("newer", "is_overtaken"), [(Status.SUCCESS, True), (Status.DUPLICATE, True), (None, False)])
def test_a_version_that_a_newer_one_of_its_path_has_overtaken(manifest, quarantine, old, newer, is_overtaken):
    manifest.resolve_file_ids([replace(meta("a"), file_size_bytes=2)])
    by = 2 if newer is Status.DUPLICATE else None
    manifest.update_statuses([Outcome(file_id=1, status=old), success(2)])
    manifest.update_statuses([] if newer is None else [Outcome(file_id=4, status=newer, superseded_by=by)])
    recover(manifest, quarantine, {})
    row = manifest.rows[0]
    assert (row["status"], row["superseded_by"]) == (("superseded", 4) if is_overtaken else (old.value, None))


def test_of_several_that_are_in_the_newest_overtakes(manifest, quarantine):
    manifest.resolve_file_ids([replace(meta("a"), file_size_bytes=size) for size in (2, 3)])
    manifest.update_statuses([success(1), Outcome(file_id=4, status=Status.QUARANTINED), success(5)])
    recover(manifest, quarantine, {})
    assert (manifest.rows[3]["status"], manifest.rows[3]["superseded_by"]) == ("superseded", 5)


def test_an_older_version_overtakes_nothing(manifest, quarantine):
    manifest.resolve_file_ids([replace(meta("a"), file_size_bytes=2)])
    manifest.update_statuses([success(1), Outcome(file_id=4, status=Status.QUARANTINED)])
    recover(manifest, quarantine, {})
    assert statuses(manifest)[3] == "quarantined"
