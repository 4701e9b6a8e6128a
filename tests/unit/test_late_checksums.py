"""Checksums that come after their files: what is in stays in and is said, what was refused by one may come in."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest

from pointline.tables.ingest_manifest import Status
from tests.support.memory_lake import MemoryLake
from tests.support.people_contents import DAYS, hive, make_content

PATH = hive("trades", "BTCUSDT", DAYS[0], 1)
NAME = PATH.rpartition("/")[2]
FEED = SimpleNamespace(companion="{name}.CHECKSUM")


@pytest.fixture
def lake(tmp_path) -> MemoryLake:
    lake = MemoryLake(tmp_path)
    file = lake.root / "bronze" / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(make_content("trades", ("BTCUSDT",), DAYS[0], rows=8))
    lake.run()
    return lake


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
@pytest.mark.parametrize(
    ("before", "is_right", "after"),
    [
        ((Status.SUCCESS, "missing"), True, ("success", "ok")),
        ((Status.SUCCESS, "missing"), False, ("success", "mismatch")),
        ((Status.QUARANTINED, "mismatch"), True, ("pending", "mismatch")),
        ((Status.QUARANTINED, "mismatch"), False, ("quarantined", "mismatch")),
        ((Status.SUCCESS, "ok"), False, ("success", "ok")),
    ],
)
def test_a_checksum_that_comes_late(lake, before, is_right, after, algorithm):
    status, checksum = before
    [row] = lake.manifest.rows
    row |= {"status": status.value, "checksum": checksum, "error": "as it was", "feed": "f"}
    file = lake.root / "bronze" / PATH
    told = hashlib.new(algorithm, file.read_bytes() if is_right else b"another").hexdigest()
    file.with_name(f"{NAME}.CHECKSUM").write_text(f"{told}  {NAME}\n")
    wrong, again = lake.process.service.absence.check_late_checksums(lambda *_: FEED)  # type: ignore[arg-type, return-value]
    [row] = lake.manifest.rows
    assert (row["status"], row["checksum"]) == after
    assert list(wrong) == ([PATH] if after == ("success", "mismatch") else [])
    assert again == ({1: PATH} if after[0] == "pending" else {})
    assert row["error"] == (None if after[0] == "pending" else "as it was")


def test_where_none_has_come_nothing_is_done(lake):
    lake.manifest.rows[0] |= {"checksum": "missing", "feed": "f"}
    before = dict(lake.manifest.rows[0])
    for feed in (FEED, SimpleNamespace(companion="")):
        assert lake.process.service.absence.check_late_checksums(lambda *_, feed=feed: feed) == ({}, {})  # type: ignore[arg-type, misc]
    assert lake.manifest.rows[0] == before
