"""Nothing in bronze is invisible: what is not read is named in the log, in status, files, doctor, metrics and state."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import urllib.request

import pytest
from msgspec.structs import replace
from pointline_daemon.samples import Sample, write_sample

from pointline.io.bronze import file_system
from tests.support.daemon_thread import Daemon
from tests.support.observed import free_port
from tests.support.process import Lake, pointline
from tests.support.waiting import wait_until

DAY = dt.date(2024, 5, 1)
GOOD = Sample(exchange="binance", data_type="trades", symbol="BTCUSDT", date=DAY, rows=20)
HISTORY = "data/EURUSD60.hst"
LEFT = {
    HISTORY: "MetaTrader history",
    "link": "a link to a folder",
    "notes.txt": "a text file",
    "pipe": "a named pipe",
    f"{GOOD.file_name}.1": f"a second copy of '{GOOD.file_name}'",
}


def furnish(lake: Lake) -> None:
    """A good file and five things beside it that are not read; and three that nobody has to hear of."""
    write_sample(GOOD, lake.bronze / GOOD.file_name)
    for name in (HISTORY, "notes.txt", f"{GOOD.file_name}.1", f"{HISTORY}.CHECKSUM", "half.part", ".hidden"):
        (lake.bronze / name).parent.mkdir(parents=True, exist_ok=True)
        (lake.bronze / name).write_bytes(b"x")
    os.mkfifo(lake.bronze / "pipe")
    (lake.bronze / "link").symlink_to("data")


def asked(lake: Lake, *command: str, code: int = 0):
    answer = pointline(lake.root, *command, "--json", **lake.settings)
    assert answer.returncode == code, answer.stdout + answer.stderr
    return json.loads(answer.stdout)


def looks(examples: list[dict]) -> dict[str, str]:
    assert all(one["reason"] and one["try"] for one in examples)
    return {one["path"]: one["looks_like"] for one in examples}


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake", maintenance__enabled="false")
    yield lake
    lake.kill()


def test_without_a_daemon(lake):
    furnish(lake)
    assert lake.once() == 0
    (said,) = lake.events("bronze.unrecognised")
    assert (said["level"], said["files"]) == ("warning", 5)
    assert {one["path"]: one["looks_like"] for one in said["examples"]} == LEFT
    told = asked(lake, "status")["unrecognised"]
    assert (told["files"], told["counted"]) == (5, "now")
    assert looks(told["examples"]) == LEFT
    assert looks(asked(lake, "files", "--unrecognised")) == LEFT
    assert len(asked(lake, "files", "--unrecognised", "--last", "2")) == 2
    (found,) = asked(lake, "doctor", code=1)["findings"]
    assert found["kind"] == "unrecognised"
    assert "5 files fit no layout" in found["what"]
    assert "MetaTrader history" in found["what"]
    text = pointline(lake.root, "status", **lake.settings).stdout
    assert "not read   5 files in bronze (counted now); `pointline files --unrecognised` says why" in text
    assert f"{HISTORY}  (MetaTrader history)" in text
    assert "5 not recognised" in text
    assert ", 5 not recognised" in pointline(lake.root, "verify", **lake.settings).stdout
    lines = pointline(lake.root, "files", "--unrecognised", **lake.settings).stdout.splitlines()
    assert lines[0].split() == ["path", "reason", "looks", "like", "try"]
    assert len(lines) == 6
    lake.settings["bronze__ignore_also"] = '["NOTES.txt"]'
    assert looks(asked(lake, "files", "--unrecognised")).keys() == LEFT.keys() - {"notes.txt"}
    del lake.settings["bronze__ignore_also"]
    (lake.bronze / "more.zip").write_bytes(b"x")
    assert asked(lake, "status")["unrecognised"]["files"] == 6  # as bronze is now, not as the last daemon saw it


def test_nothing_to_tell(lake):
    write_sample(GOOD, lake.bronze / GOOD.file_name)
    assert lake.once() == 0
    assert lake.events("bronze.unrecognised") == []
    assert asked(lake, "status")["unrecognised"] == {"files": 0, "examples": [], "counted": "now"}
    assert asked(lake, "files", "--unrecognised") == []
    assert "not read" not in pointline(lake.root, "status", **lake.settings).stdout
    assert asked(lake, "doctor")["findings"] == []


def test_beside_a_daemon(lake):
    """What is dropped is told at once, not at the next scan; what is removed, at the next scan."""
    lake.settings |= {"metrics__port": free_port(), "ingest__rescan_seconds": 3600}
    lake.start()
    assert wait_until(lambda: lake.events("metrics.started"), 10)
    furnish(lake)

    def told() -> dict:
        return asked(lake, "status")["unrecognised"]

    assert wait_until(lambda: (told()["files"], told()["counted"]) == (5, "by the daemon"), 30), lake.log_text()
    assert looks(told()["examples"]) == LEFT
    address = f"http://127.0.0.1:{lake.settings['metrics__port']}"
    with urllib.request.urlopen(f"{address}/state.json", timeout=10) as answer:
        assert looks(json.loads(answer.read())["unrecognised"]["examples"]) == LEFT
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
        assert b"\npointline_unrecognised_files 5.0\n" in answer.read()
    assert wait_until(lambda: [one["files"] for one in lake.events("bronze.unrecognised")][-1:] == [5], 10)
    shutil.rmtree(lake.bronze / "data")
    (lake.bronze / "pipe").unlink()
    assert lake.stop() == 0
    lake.settings |= {"ingest__rescan_seconds": 1}
    lake.start()
    assert wait_until(lambda: (told()["files"], told()["counted"]) == (3, "by the daemon"), 30)
    for name in ("notes.txt", "link", f"{GOOD.file_name}.1"):
        (lake.bronze / name).unlink()
    assert wait_until(lambda: told()["files"] == 0, 30)
    assert wait_until(lambda: [one["files"] for one in lake.events("bronze.unrecognised")][-1:] == [0], 10)


def test_a_file_that_is_in_the_lake_by_a_layout_of_before_is_not_among_them(lake):
    pattern = r"(?P<exchange>\w+)/(?P<data_type>\w+)/(?P<symbol>\w+)-(?P<date>\d{8})"
    path = "binance/trades/BTCUSDT-20240501.csv.gz"
    write_sample(GOOD, lake.bronze / path)
    lake.settings["bronze__patterns"] = json.dumps([pattern])
    assert lake.once() == 0
    assert lake.ledger() == {path: "success"}
    del lake.settings["bronze__patterns"]
    assert lake.once() == 0
    assert lake.events("bronze.unrecognised") == []
    assert asked(lake, "status")["unrecognised"]["files"] == 0
    write_sample(replace(GOOD, rows=30), lake.bronze / path)  # and a version that the ledger has not is
    assert lake.once() == 0
    assert [one["files"] for one in lake.events("bronze.unrecognised")] == [1]
    assert asked(lake, "status")["unrecognised"]["files"] == 1


def test_a_contradiction_is_held_and_moving_the_file_as_advised_lets_it_in(lake):
    """A trades file in a folder of liquidations, which has the same header."""
    wrong = f"tardis/exchange=binance/type=liquidations/date={DAY}/symbol=BTCUSDT/{GOOD.file_name}"
    right = wrong.replace("type=liquidations", "type=trades")
    write_sample(GOOD, lake.bronze / wrong)
    assert lake.once() == 1
    entry = lake.entry(wrong)
    assert entry["status"] == "quarantined"
    assert entry["error"] == (
        "the folder says type=liquidations, the file name says type=trades; move or rename the file so that both agree"
    )
    assert lake.table("liquidations").is_empty()
    (lake.bronze / right).parent.mkdir(parents=True)
    (lake.bronze / wrong).rename(lake.bronze / right)
    assert lake.once() == 0
    assert lake.ledger()[right] == "success"
    assert lake.table("trades").height == GOOD.rows


def test_links_to_folders_are_followed_by_a_setting(lake):
    outside = lake.root.parent / "outside"
    write_sample(GOOD, outside / GOOD.file_name)
    (lake.bronze / "linked").symlink_to(outside)
    (outside / "back").symlink_to(lake.bronze)
    path = f"linked/{GOOD.file_name}"
    assert lake.once() == 0
    assert lake.ledger() == {}
    assert [one["path"] for one in asked(lake, "files", "--unrecognised")] == ["linked"]
    (answer,) = asked(lake, "explain", path)
    assert "behind the symbolic link 'linked'" in answer["bronze"]
    lake.settings["bronze__follow_links"] = "true"
    assert lake.once() == 0
    assert lake.ledger() == {path: "success"}
    assert lake.table("trades").height == GOOD.rows
    (answer,) = asked(lake, "explain", path)
    assert "It is in bronze, unchanged" in answer["bronze"]
    assert [one["path"] for one in asked(lake, "files", "--unrecognised")] == ["linked/back"]
    assert asked(lake, "trace", "trades", str(lake.entry(path)["file_id"]), "1")
    assert lake.once() == 0  # and nothing is read twice
    assert lake.table("trades").height == GOOD.rows


def test_what_cannot_be_read_is_told_and_not_taken_for_gone(tmp_path, monkeypatch):
    """A folder whose disk fails holds a refused file: it is not closed, and the folder is named."""
    daemon = Daemon(tmp_path / "lake", ingest__rescan_seconds=0.2)
    refused = f"bad/binance_trades_2024-02-30_{GOOD.symbol}.csv.gz"
    write_sample(GOOD, daemon.bronze / refused)
    write_sample(GOOD, daemon.bronze / GOOD.file_name)
    bad = (daemon.bronze / "bad").stat()

    def failing(descriptor):
        if is_broken and os.path.samestat(os.fstat(descriptor), bad):
            raise OSError(5, "Input/output error")
        return file_system.entries(descriptor)

    def status() -> str:
        return daemon.lake.manifest.entries().filter(bronze_file_path=refused)["status"].item()

    is_broken = False
    monkeypatch.setattr("pointline.io.bronze.walk.entries", failing)
    with daemon.running() as supervisor:
        daemon.wait_for("file.quarantined")
        is_broken = True
        assert daemon.wait_for("bronze.unrecognised")["files"] == 1
        scans = supervisor.components.rescanner.scans
        assert wait_until(lambda: supervisor.components.rescanner.scans > scans + 2, 10)
        assert status() == "quarantined"
        is_broken = False
        (daemon.bronze / refused).unlink()
        assert wait_until(lambda: status() == "gone", 10)
