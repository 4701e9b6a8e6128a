"""Events are hints: whatever becomes of them, every file is in within one rescan, and a dead part is noticed."""

from __future__ import annotations

import shutil
import time

import pytest
from msgspec.structs import replace
from pointline_daemon.arrival.rescanner import Rescanner
from pointline_daemon.arrival.watcher import Watcher
from pointline_daemon.process.maintenance.thread import Maintenance

from tests.support.daemon_thread import Daemon
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file, read_manifest
from tests.support.waiting import wait_until

NAMES = [file_name("trades", f"S{number}") for number in range(30)]
WITHIN_SECONDS = 10.0


@pytest.fixture
def daemon(tmp_path):
    """A rescan by timer is further off than any test waits."""
    return Daemon(tmp_path / "lake", ingest__rescan_seconds=600)


def drop(daemon: Daemon, *names: str) -> None:
    for name in names:
        put_file(daemon.bronze, name, file_content(name, 3))


def assert_all_in(daemon: Daemon, files: int) -> None:
    came = wait_until(lambda: len(daemon.events("file.committed")) >= files, WITHIN_SECONDS)
    assert came, daemon.log_text()[-3000:]
    assert_exact(daemon.root, expect(daemon.bronze))


def scans(daemon: Daemon) -> list[object]:
    return [scan["reasons"] for scan in daemon.events("rescan.finished")]


@pytest.fixture
def deaf(monkeypatch):
    """No hint arrives; the watcher itself is well."""
    monkeypatch.setattr("pointline_daemon.arrival.bronze_watch.BronzeWatch._on_hint", lambda _watch, _hint: None)


class TestLost:
    """Each way in which hints get lost asks for a rescan."""

    def test_queue_full(self, tmp_path):
        """Guards BronzeWatch._on_hint and Inbox.offer: a hint that does not fit is made up for."""
        daemon = Daemon(tmp_path / "lake", ingest__rescan_seconds=600, ingest__queue_size=1)
        with daemon.running():
            drop(daemon, *NAMES)
            assert_all_in(daemon, len(NAMES))
        assert ["queue full"] in scans(daemon)

    @pytest.mark.parametrize("reason", ["kernel queue overflowed", "too many folders to watch from 'x' on: raise it"])
    def test_told_by_the_watcher(self, daemon, deaf, reason):
        """Guards BronzeWatch._on_lost: said with its reason, and all of bronze is compared."""
        with daemon.running() as supervisor:
            daemon.wait_for("rescan.finished")
            drop(daemon, *NAMES)
            assert not daemon.events("file.committed")
            supervisor.components.watch._watcher._on_lost(reason)
            assert_all_in(daemon, len(NAMES))
        assert scans(daemon)[1:] == [[reason]]
        assert [line["reason"] for line in daemon.events("queue.overflowed")] == [reason]

    def test_without_any_sign(self, tmp_path, deaf):
        """Guards the rescan by timer: hints that were lost without anybody's knowing."""
        daemon = Daemon(tmp_path / "lake", ingest__rescan_seconds=0.5)
        with daemon.running():
            daemon.wait_for("rescan.finished")
            drop(daemon, *NAMES)
            assert_all_in(daemon, len(NAMES))


class TestWatcher:
    """The supervisor looks after the watcher's own threads and its folder."""

    @pytest.mark.parametrize("thread", ["observer", "emitter", "reader"])
    def test_a_thread_died(self, daemon, thread):
        """Guards Watcher.is_healthy and BronzeWatch.check."""
        with daemon.running() as supervisor:
            daemon.wait_for("rescan.finished")
            running = supervisor.components.watch._watcher._running
            [emitter] = running.observer.emitters
            victim = {"observer": running.observer, "emitter": emitter, "reader": running.reader}[thread]
            if victim is None:
                pytest.skip("there is no such thread on this system")
            victim.stop()
            drop(daemon, *NAMES)
            daemon.wait_for("watcher.restarted")
            assert_all_in(daemon, len(NAMES))
            drop(daemon, later := file_name("trades", "LATER"))
            assert_all_in(daemon, len(NAMES) + 1)
        assert read_manifest(daemon.root)["bronze_file_path"].to_list()[-1] == later
        assert ["watcher restarted"] in scans(daemon)
        assert daemon.exit_code == 0

    def test_root_deleted_and_made_again(self, daemon):
        """Guards the identity of the folder in Watcher.is_healthy: the kernel watches an inode, not a name."""
        with daemon.running():
            drop(daemon, NAMES[0])
            daemon.wait_for("file.committed")
            shutil.rmtree(daemon.bronze)
            drop(daemon, *NAMES[1:])
            daemon.wait_for("watcher.restarted")
            assert wait_until(lambda: len(daemon.events("file.committed")) == len(NAMES), WITHIN_SECONDS)
            drop(daemon, file_name("trades", "LATER"))
            assert wait_until(lambda: len(daemon.events("file.committed")) == len(NAMES) + 1, WITHIN_SECONDS)
        manifest = read_manifest(daemon.root)
        assert set(manifest["status"]) == {"success"}
        assert manifest.height == len(NAMES) + 1

    def test_it_cannot_be_restarted_for_a_while(self, daemon, monkeypatch):
        """Guards the rescan while the watcher is down, the one line that says so, and its return."""
        start = Watcher._watch
        broken = [True]

        def watch(watcher):
            if broken[0]:
                raise OSError(24, "Too many open files")
            return start(watcher)

        monkeypatch.setattr("pointline_daemon.arrival.bronze_watch.UNWATCHED_SCAN_SECONDS", 0.5)
        with daemon.running() as supervisor:
            daemon.wait_for("rescan.finished")
            monkeypatch.setattr(Watcher, "_watch", watch)
            supervisor.components.watch._watcher._running.observer.stop()
            daemon.wait_for("watcher.failed")
            drop(daemon, *NAMES)
            assert_all_in(daemon, len(NAMES))
            broken[0] = False
            daemon.wait_for("watcher.restarted")
        assert len(daemon.events("watcher.failed")) == 1
        assert daemon.exit_code == 0


class Broken:
    """Stands in for an adapter that raises what nobody expects."""

    def __init__(self, inner: object, method: str) -> None:
        self._inner = inner
        self._method = method

    def __getattr__(self, attribute: str):
        if attribute == self._method:
            raise ZeroDivisionError(f"in {attribute}")
        return getattr(self._inner, attribute)


@pytest.mark.parametrize("part", ["rescanner", "intake", "committer", "maintenance"])
def test_a_dead_part_ends_the_process(daemon, tmp_path, part, monkeypatch):
    """Guards Part._run and Supervisor._watch_over: code 70, the part's name, and no file lost."""
    sound = daemon.lake
    if part == "rescanner":
        changes = {"source": Broken(sound.source, "survey")}
    elif part == "intake":
        changes = {"source": Broken(sound.source, "look")}
    elif part == "committer":
        changes = {"manifest": Broken(sound.manifest, "update_statuses")}
    else:
        changes = {"events": {**sound.events, "trades": Broken(sound.events["trades"], "live_parts")}}
        daemon = Daemon(
            tmp_path / "lake", maintenance__enabled=True, maintenance__interval_seconds=0.2, ingest__rescan_seconds=600
        )
    daemon.lake = replace(daemon.lake, **changes)
    if part in {"committer", "maintenance"}:
        # Start-up records outcomes too; what is broken breaks later.
        monkeypatch.setattr("pointline_daemon.process.supervisor.prepare", lambda lake: lake.create())
    began = time.monotonic()
    with daemon.running():
        drop(daemon, NAMES[0])
        assert daemon.wait_for_end() == 70
    assert time.monotonic() - began < WITHIN_SECONDS + 5
    [died] = daemon.events("daemon.part_died")
    assert died["part"] == part
    assert "ZeroDivisionError" in str(died["exception"])
    monkeypatch.undo()
    daemon.lake = sound
    with daemon.running():
        drop(daemon, *NAMES[1:])
        assert wait_until(lambda: read_manifest(daemon.root).height == len(NAMES), WITHIN_SECONDS)
        assert wait_until(lambda: set(read_manifest(daemon.root)["status"]) == {"success"}, WITHIN_SECONDS)
    assert_exact(daemon.root, expect(daemon.bronze))


@pytest.mark.parametrize("part", ["rescanner", "maintenance"])
def test_a_part_that_returns_is_dead_too(daemon, tmp_path, part, monkeypatch):
    """Guards Part._run: a thread that ends without an error is missed all the same."""
    monkeypatch.setattr({"rescanner": Rescanner, "maintenance": Maintenance}[part], "run", lambda _part, _stop: None)
    daemon = Daemon(tmp_path / "lake", maintenance__enabled=True)
    with daemon.running():
        assert daemon.wait_for_end() == 70
    [died] = daemon.events("daemon.part_died")
    assert (died["part"], died["error"]) == (part, "it returned")
