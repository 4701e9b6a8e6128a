"""Which files ``retry`` means, and what putting back does."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from pointline.io.protocols.file_version import Outcome
from pointline.services.ingest.retry import Selection, put_back, select
from pointline.services.symbols.holds import MARK
from pointline.tables.ingest_manifest import Status
from tests.support.fakes import MemoryManifest
from tests.unit.test_verdict import META

STATUSES = list(Status)
REFUSED = {Status.FAILED, Status.QUARANTINED}
HELD_IN_PART = len(STATUSES) + 1


@pytest.fixture
def manifest() -> MemoryManifest:
    """One file of each status, its id the place of that in ``STATUSES``, counted from 1; one list is held in part."""
    manifest = MemoryManifest()
    manifest.resolve_file_ids([replace(META, bronze_file_path=status) for status in (*STATUSES, "held in part")])
    manifest.update_statuses(
        [
            Outcome(file_id=number, status=status, error=f"rule {status}", warnings=None)
            for number, status in enumerate(STATUSES, 1)
        ]
    )
    held = {f"{MARK}okx": 3}
    manifest.update_statuses([Outcome(file_id=HELD_IN_PART, status=Status.SUCCESS, error="rule held", warnings=held)])
    return manifest


def ids_meant(manifest: MemoryManifest, **selection) -> list[int]:
    return select(manifest.entries(), Selection(**selection))["file_id"].to_list()


def meant(manifest: MemoryManifest, **selection) -> set[str]:
    found = select(manifest.entries(), Selection(**selection))
    assert found["file_id"].is_sorted()
    return set(found["status"])


ALL = tuple(range(1, len(STATUSES) + 1))


@pytest.mark.parametrize(
    ("selection", "statuses"),
    [
        ({}, REFUSED),
        ({"file_ids": ALL}, {*REFUSED, Status.WITHDRAWN}),
        ({"file_ids": (1, 2)}, REFUSED & set(STATUSES[:2])),
        ({"status": Status.FAILED}, {Status.FAILED}),
        ({"rule": "rule fail"}, {Status.FAILED}),
        ({"rule": "rule .*"}, set()),
        ({"rule": "nothing", "broke_rule": ALL}, REFUSED),
        ({"rule": "nothing", "broke_rule": (1 + STATUSES.index(Status.QUARANTINED),)}, {Status.QUARANTINED}),
        ({"status": Status.FAILED, "rule": "rule quarantined"}, set()),
    ],
)
def test_who_is_meant(manifest, selection, statuses):
    assert meant(manifest, **selection) == {one.value for one in statuses}


def test_a_list_that_is_held_in_part_is_meant_where_it_is_named(manifest):
    named = (*ALL, HELD_IN_PART)
    refused = [number for number, status in enumerate(STATUSES, 1) if status in REFUSED]
    assert ids_meant(manifest) == refused
    others = [number for number, status in enumerate(STATUSES, 1) if status in {*REFUSED, Status.WITHDRAWN}]
    assert ids_meant(manifest, file_ids=named) == [*others, HELD_IN_PART]
    assert ids_meant(manifest, file_ids=named, status=Status.FAILED) == [1 + STATUSES.index(Status.FAILED)]
    assert ids_meant(manifest, file_ids=named, rule="rule held") == [HELD_IN_PART]


def test_put_back_is_not_accepted_by_default(manifest):
    put_back(manifest, ALL)
    assert all("accepted" not in json.loads(str(row["warnings"] or "{}")) for row in manifest.rows)


@pytest.mark.parametrize("accepted", [False, True])
def test_put_back_is_as_if_never_tried(manifest, accepted):
    before = [dict(row) for row in manifest.rows]
    assert put_back(manifest, (*ALL, HELD_IN_PART), accepted=accepted) == 4
    for old, row in zip(before, manifest.rows, strict=True):
        if old["status"] in {*REFUSED, Status.WITHDRAWN} or old["file_id"] == HELD_IN_PART:
            assert (row["status"], row["attempts"], row["error"]) == ("pending", 0, None)
            assert (row["file_id"], row["created_at_us"]) == (old["file_id"], old["created_at_us"])
            assert ("accepted" in json.loads(str(row["warnings"] or "{}"))) is accepted
        else:
            assert row == old
