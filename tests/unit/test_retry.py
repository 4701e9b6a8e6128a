"""Which files ``retry`` means, and what putting back does."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from pointline.io.protocols import Outcome
from pointline.services.ingest.retry import Selection, put_back, select
from pointline.tables.ingest_manifest import Status
from tests.support.fakes import MemoryManifest
from tests.unit.test_verdict import META

STATUSES = list(Status)
REFUSED = {Status.FAILED, Status.QUARANTINED}


@pytest.fixture
def manifest() -> MemoryManifest:
    """One file of each status, its id the place of that in ``STATUSES``, counted from 1."""
    manifest = MemoryManifest()
    manifest.resolve_file_ids([replace(META, bronze_file_path=status) for status in STATUSES])
    manifest.update_statuses(
        [Outcome(file_id=number, status=status, error=f"rule {status}") for number, status in enumerate(STATUSES, 1)]
    )
    return manifest


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


@pytest.mark.parametrize("accepted", [False, True])
def test_put_back_is_as_if_never_tried(manifest, accepted):
    before = [dict(row) for row in manifest.rows]
    assert put_back(manifest, ALL, accepted=accepted) == 3
    for old, row in zip(before, manifest.rows, strict=True):
        if old["status"] in {*REFUSED, Status.WITHDRAWN}:
            assert (row["status"], row["attempts"], row["error"]) == ("pending", 0, None)
            assert (row["file_id"], row["created_at_us"]) == (old["file_id"], old["created_at_us"])
            assert ("accepted" in json.loads(str(row["warnings"]))) is accepted
        else:
            assert row == old
