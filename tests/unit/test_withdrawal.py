"""Which versions go when a person takes files out, and which cannot."""

from __future__ import annotations

import datetime as dt

import pytest
from msgspec.structs import replace

from pointline.errors import Rejected
from pointline.io.protocols.file_version import Outcome
from pointline.services.ingest.withdrawal import plan_withdrawal
from pointline.tables.ingest_manifest import Status
from tests.support.fakes import MemoryManifest
from tests.unit.test_verdict import META

TABLES = {"trades", "quotes"}


def manifest(*files: tuple[Status, int | None], **facts) -> MemoryManifest:
    manifest = MemoryManifest()
    manifest.resolve_file_ids([replace(META, bronze_file_path=f"{n}", **facts) for n in range(len(files))])
    manifest.update_statuses(
        [Outcome(file_id=n, status=status, superseded_by=by) for n, (status, by) in enumerate(files, 1)]
    )
    return manifest


@pytest.mark.parametrize("status", list(Status))
def test_who_may_go(status):
    entries = manifest((status, None), (Status.SUCCESS, None)).entries()
    if status in {Status.SUCCESS, Status.DUPLICATE, Status.QUARANTINED, Status.FAILED}:
        assert plan_withdrawal(entries, [1], TABLES).file_ids == [1]
    else:
        with pytest.raises(Rejected, match=f"file 1 is {status}") as caught:
            plan_withdrawal(entries, [2, 1], TABLES)
        assert ("wait" in caught.value.hint) is (status is Status.PENDING)


def test_copies_go_too_and_each_once():
    files = [(Status.SUCCESS, None), (Status.DUPLICATE, 1), (Status.QUARANTINED, 1), (Status.DUPLICATE, 5)]
    plan = plan_withdrawal(manifest(*files, (Status.SUCCESS, None)).entries(), [2, 1], TABLES)
    assert plan.file_ids == [1, 2]
    assert {(one.file_id, one.status) for one in plan.outcomes()} == {(1, "withdrawn"), (2, "withdrawn")}
    assert {one.rows_written for one in plan.outcomes()} == {None}, "what it held stays on record"


def test_where_the_rows_are():
    both = manifest((Status.SUCCESS, None), (Status.SUCCESS, None), (Status.QUARANTINED, None), (Status.SUCCESS, None))
    both.rows[1]["data_type"] = "quotes"
    both.rows[3]["date"] = dt.date(2024, 5, 2)
    plan = plan_withdrawal(both.entries(), [1, 2, 3, 4], TABLES)
    assert plan.tables() == ["quotes", "trades"]
    first = (("exchange", "binance"), ("date", "2024-05-01"))
    second = (("exchange", "binance"), ("date", "2024-05-02"))
    assert plan.leaving("trades") == {first: [1], second: [4]}
    assert plan.leaving("quotes") == {first: [2]}
    assert [one.file_id for one in plan.told_to("trades")] == [1, 3, 4]


def test_who_is_not_known():
    with pytest.raises(Rejected, match="no file 7"):
        plan_withdrawal(manifest((Status.SUCCESS, None)).entries(), [8, 7, 1], TABLES)
