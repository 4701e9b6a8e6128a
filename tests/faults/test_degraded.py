"""What a daemon cannot do is said by its health, wherever that is shown, and does not end it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import time

import pytest
from pointline_daemon.arrival.watcher import Watcher
from pointline_daemon.process.notify import describe

from tests.support.daemon_thread import Daemon
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file
from tests.support.process import Lake, pointline
from tests.support.waiting import wait_until

NAME, LATER = file_name("trades", "A"), file_name("trades", "B")
SECONDS = 30.0


def drop(bronze, *names: str) -> None:
    for name in names:
        put_file(bronze, name, file_content(name, 20))


def status(root) -> dict:
    return json.loads(pointline(root, "status", "--json").stdout)


class TestNoEvents:
    """Without watches, scans find the files, and everybody who asks is told."""

    @pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOSPC], ids=lambda code: errno.errorcode[code])
    def test_from_the_start_on(self, tmp_path, monkeypatch, code):
        """Guards BronzeWatch.check: it starts all the same, scans often, and watches when it can."""
        watch = Watcher._watch
        broken = [True]

        def watched(watcher):
            if broken:
                raise OSError(code, os.strerror(code))
            return watch(watcher)

        monkeypatch.setattr(Watcher, "_watch", watched)
        monkeypatch.setattr("pointline_daemon.arrival.bronze_watch.UNWATCHED_SCAN_SECONDS", 0.3)
        monkeypatch.setattr("pointline_daemon.arrival.bronze_watch.WATCH_AGAIN_SECONDS", 0.3)
        daemon = Daemon(tmp_path / "lake", ingest__rescan_seconds=600)
        with daemon.running() as supervisor:
            drop(daemon.bronze, NAME)
            daemon.wait_for("file.committed")
            assert wait_until(lambda: supervisor.state.health().word == "degraded", 5)
            health = supervisor.state.health()
            assert health.serves
            assert health.reason.startswith("no events: bronze cannot be watched")
            assert "max_user_watches" in health.reason
            assert f"degraded: {health.reason}"[:60] in describe(supervisor, starting=False)
            assert wait_until(lambda: status(daemon.root)["health"] == "degraded", 5)
            broken.clear()
            daemon.wait_for("watcher.restarted")
            assert wait_until(lambda: supervisor.state.health().word == "healthy", 5)
            scans = len(daemon.events("rescan.finished"))
            drop(daemon.bronze, LATER)
            daemon.wait_for("file.committed", 2)
            assert len(daemon.events("rescan.finished")) <= scans + 2  # it is watched again
        assert daemon.exit_code == 0
        assert len(daemon.events("watcher.failed")) == 1

    def test_a_folder_below_that_cannot_be_watched(self, tmp_path, monkeypatch):
        """Guards Watcher.shortfall: the limit may be reached long after the start."""
        monkeypatch.setattr("pointline_daemon.arrival.bronze_watch.UNWATCHED_SCAN_SECONDS", 0.3)
        daemon = Daemon(tmp_path / "lake", ingest__rescan_seconds=600)
        with daemon.running() as supervisor:
            daemon.wait_for("rescan.finished")
            supervisor.components.watch._watcher._running.reader.shortfall = "too many folders to watch from 'x' on"
            daemon.wait_for("watcher.failed")
            assert wait_until(lambda: supervisor.state.health().word == "degraded", 5)
            assert "too many folders" in supervisor.state.health().reason


class TestBronzeVanished:
    """All files at once mostly means a disk that is not mounted."""

    def test_at_once_and_back(self, tmp_path):
        daemon = Daemon(tmp_path / "lake", ingest__rescan_seconds=600)
        with daemon.running() as supervisor:
            drop(daemon.bronze, NAME, LATER)
            daemon.wait_for("file.committed", 2)
            supervisor.components.rescanner.ask("test")
            assert wait_until(lambda: supervisor.components.rescanner.last_scan.get("files") == 2, SECONDS)
            daemon.bronze.rename(tmp_path / "disk")
            daemon.wait_for("bronze.vanished")
            assert wait_until(lambda: "all 2 files" in supervisor.state.health().reason, 5)
            assert supervisor.state.health().word == "troubled"
        with daemon.running() as supervisor:  # a start does not take it for a new state of things
            assert wait_until(lambda: "all 2 files" in supervisor.state.health().reason, SECONDS)
            shutil.rmtree(daemon.bronze)
            (tmp_path / "disk").rename(daemon.bronze)
            daemon.wait_for("bronze.returned")
            assert wait_until(lambda: supervisor.state.health().word == "healthy", 5)
        assert_exact(daemon.root, expect(daemon.bronze))


class TestLastEnd:
    """Why a daemon ended outlives it."""

    @pytest.fixture
    def lake(self, tmp_path):
        lake = Lake(tmp_path / "lake")
        lake.start()
        yield lake
        lake.kill()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda one: one.name)
    def test_signals_drain(self, lake, number):
        """Guards Supervisor._handle_signals: SIGHUP too; a good end is no death."""
        lake.process.send_signal(number)
        assert lake.process.wait(SECONDS) == 0
        [said] = lake.events("daemon.stopping")
        assert said["signal"] == number.name
        found = status(lake.root)
        assert (found["health"], "last_death" in found["daemon"]) == ("down", False)
        assert "`pointline run --lake-root" in found["reason"]

    def test_killed(self, lake):
        lake.kill()
        found = status(lake.root)
        assert found["health"] == "down"
        assert "unexpectedly" in found["reason"]
        assert "starts the daemon" in found["reason"]
        lake.start()
        assert wait_until(lambda: "last_death" in status(lake.root)["daemon"], 10)
        assert "unexpectedly" in pointline(lake.root, "status").stdout
        assert lake.stop() == 0
        assert "last_death" not in status(lake.root)["daemon"]

    def test_a_part_that_died(self, tmp_path, monkeypatch):
        def dies(_part, _stopping):
            raise ZeroDivisionError("in the middle")

        daemon = Daemon(tmp_path / "lake")
        with monkeypatch.context() as patched:
            patched.setattr("pointline_daemon.arrival.rescanner.Rescanner.run", dies)
            with daemon.running():
                assert daemon.wait_for_end() == 70
        found = status(daemon.root)
        assert "rescanner: in the middle" in found["reason"]
        with daemon.running():
            assert wait_until(lambda: "rescanner" in str(status(daemon.root)["daemon"].get("last_death")), 10)
        assert "last_death" not in status(daemon.root)["daemon"]

    def test_a_start_that_failed(self, tmp_path, monkeypatch):
        lake = Lake(tmp_path / "lake")
        assert lake.once() == 0
        log = lake.root / "silver" / "trades" / "_delta_log" / "00000000000000000000.json"
        log.write_bytes(b"torn")
        (log.parent / "00000000000000000001.json").write_bytes(log.read_bytes())
        if lake.once() != 0:
            assert "could not start" in status(lake.root)["reason"]


def test_the_disk_is_full_for_everybody(tmp_path):
    """`status` and the service manager say the same."""
    daemon = Daemon(tmp_path / "lake")
    with daemon.running() as supervisor:
        supervisor.components.flow.pause("commit")
        assert wait_until(lambda: supervisor.state.health().word == "paused", 5)
        told = describe(supervisor, starting=False)
        assert wait_until(lambda: status(daemon.root)["health"] == "paused", 5)
        found = status(daemon.root)
        assert told.endswith(f"{found['health']}: {found['reason']}")
        supervisor.components.flow.resume("commit")
        time.sleep(0)
