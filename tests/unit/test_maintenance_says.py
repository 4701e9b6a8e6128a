"""What the maintenance thread says of trouble: once when it begins, once when it has passed."""

from __future__ import annotations

import json
import os
import time

import pytest
from pointline_daemon.logs import configure_logging
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.opening.requests import Maintain
from pointline_daemon.process.maintenance.thread import Maintenance

from pointline.config import load_config
from pointline.errors import PointlineError, StorageTrouble

PARTITION = ("trades", "binance", "2024-05-01")


@pytest.fixture
def maintenance(tmp_path):
    return Maintenance(open_lake(load_config(tmp_path, environ={})), oldest_batch_seconds=lambda: 0.0)


def test_trouble_is_said_once_and_so_is_its_end(maintenance, tmp_path):
    troubles = [StorageTrouble("busy", hint="wait")] * 3 + [None] * 2

    def action() -> None:
        error = troubles.pop(0)
        if error is not None:
            raise error

    log = tmp_path / "log"
    with log.open("w") as stream:
        configure_logging("json", "info", stream)
        for _ in range(3):
            assert not maintenance._guarded(action, "compact", *PARTITION)
            assert maintenance.failing == "compact trades binance/2024-05-01: busy"
        assert maintenance._guarded(lambda: None, "sum up", "trades")  # says nothing of the partition
        assert maintenance.failing
        for _ in range(2):
            assert maintenance._guarded(action, "compact", *PARTITION)
    assert not maintenance.failing
    said = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert said == ["maintenance.failed", "maintenance.resumed"]


def test_the_partitions_that_wait_longest_come_first(maintenance):
    for day in range(5):
        maintenance.note([("trades", "binance", f"2024-05-0{5 - day}")])
    assert maintenance.waiting == 5
    assert maintenance.first_waiting(2) == ["trades binance/2024-05-05", "trades binance/2024-05-04"]


def test_a_vacuum_that_may_take_the_files_of_a_batch_under_way_is_refused(tmp_path):
    """A batch may wait for hours, for room on the disk; its parts are written and no commit names them yet."""
    lake = open_lake(load_config(tmp_path, environ={}))
    lake.events["trades"].create()
    part = lake.events["trades"].path / "part-of-the-batch.parquet"
    part.write_bytes(b"rows")
    two_hours_ago = time.time() - 7200
    os.utime(part, (two_hours_ago, two_hours_ago))
    ages = [7200.0]
    maintenance = Maintenance(lake, oldest_batch_seconds=lambda: ages[0])
    request = Maintain(compact=False, table="trades", retention_hours=1.0)
    with pytest.raises(PointlineError, match="under way for 120 minutes"):
        maintenance._answer(request, is_stopped=lambda: False)
    assert part.exists()
    ages[0] = 0.0
    assert maintenance._answer(request, is_stopped=lambda: False)["done"][0]["files"] == 1
    assert not part.exists()
