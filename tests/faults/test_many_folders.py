"""Bronze with many folders: files are taken while it is still being scanned and watched, and none is missed."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import threading
import time
from collections import Counter

import pytest
from pointline_daemon.arrival.watcher import Hint, Watcher

from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.walk import BronzeWalk
from pointline.services.loading.load import Loader
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file
from tests.support.waiting import wait_until

if sys.platform == "linux":
    from pointline_daemon.arrival import linux_watches
    from watchdog.observers import inotify_c

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="inotify")
NAMES = [file_name("trades", symbol) for symbol in ("AAA", "BBB", "CCC")]


def drop(daemon: Daemon, folder: str, name: str) -> None:
    put_file(daemon.bronze / folder, name, file_content(name, 5))


@pytest.fixture
def daemon(tmp_path):
    daemon = Daemon(tmp_path / "lake")
    for folder in ("a/deep", "b/deep", "c/deep"):
        (daemon.bronze / folder).mkdir(parents=True)
    return daemon


@pytest.fixture
def held(monkeypatch):
    """The thread that places watches is held before it lists the folder c; set the event to let it go."""
    let_go, scandir = threading.Event(), os.scandir

    def slow(folder="."):
        if isinstance(folder, bytes) and folder.endswith(b"/bronze/c"):
            let_go.wait(30)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", slow)
    yield let_go
    let_go.set()


@linux_only
class TestWatchesAreStillPlaced:
    def test_what_is_watched_is_told_meanwhile(self, daemon, held):
        """Guards _Folders.place: the lock is held for one folder at a time."""
        hints: list[Hint] = []
        placed: list[int] = []
        watcher = Watcher(
            daemon.bronze,
            on_hint=hints.append,
            on_folder=lambda _: None,
            on_lost=lambda _: None,
            on_placed=placed.append,
        )
        watcher.start()
        try:
            (daemon.bronze / "now").touch()
            assert wait_until(lambda: Hint(path="now", finished=False) in hints, 5)
            assert not placed
            assert watcher.is_healthy()
            held.set()
            assert wait_until(lambda: placed == [7], 5)
            (daemon.bronze / "c/deep/later").touch()
            assert wait_until(lambda: Hint(path="c/deep/later", finished=False) in hints, 5)
        finally:
            watcher.stop()

    def test_it_stops_meanwhile(self, daemon, held):
        watcher = Watcher(daemon.bronze, on_hint=print, on_folder=print, on_lost=print, on_placed=print)
        watcher.start()
        before = time.monotonic()
        watcher.stop()
        assert time.monotonic() - before < 2
        held.set()
        assert wait_until(lambda: not any(one.name == "watcher-folders" for one in threading.enumerate()), 5)

    def test_a_file_in_a_folder_that_is_not_watched_yet(self, daemon, held):
        """Guards BronzeWatch._on_placed: the scan of the start was over, no event came, the next scan is far away."""
        drop(daemon, "a", NAMES[0])
        with daemon.running() as supervisor:
            daemon.wait_for("rescan.finished")
            daemon.wait_for("file.committed")
            drop(daemon, "c/deep", NAMES[1])
            drop(daemon, ".", NAMES[2])
            daemon.wait_for("file.committed", 2)  # bronze itself is watched
            assert not daemon.events("watcher.ready")
            assert supervisor.components.commits.files_done == 2
            held.set()
            daemon.wait_for("file.committed", 3)
            assert [one["folders"] for one in daemon.events("watcher.ready")] == [7]
        assert_exact(daemon.root, expect(daemon.bronze))


@linux_only
def test_more_folders_than_watches(daemon, monkeypatch, tmp_path):
    """It is said with the numbers and the command; when the system allows more, all are watched without a restart."""
    monkeypatch.setattr("pointline_daemon.arrival.bronze_watch.UNWATCHED_SCAN_SECONDS", 0.5)
    limit = tmp_path / "max_user_watches"
    limit.write_text("3\n")
    monkeypatch.setattr(linux_watches, "MOST_WATCHES", limit)
    add_watch = inotify_c.inotify_add_watch
    watched: set[bytes] = set()

    def limited(descriptor, path, mask):
        if path not in watched and len(watched) >= int(limit.read_text()):
            ctypes.set_errno(errno.ENOSPC)
            return -1
        watched.add(path)
        return add_watch(descriptor, path, mask)

    monkeypatch.setattr(inotify_c, "inotify_add_watch", limited)
    with daemon.running() as supervisor:
        said = daemon.wait_for("watcher.failed")
        assert "no watch is left for 4 folders of 7" in said["error"]
        assert "max_user_watches is 3;" in said["error"]
        health = supervisor.state.health()
        assert health.word == "degraded"
        assert "`sudo sysctl fs.inotify.max_user_watches=65536`" in health.reason
        for folder, name in zip("abc", NAMES, strict=True):
            drop(daemon, f"{folder}/deep", name)
        daemon.wait_for("file.committed", 3)
        limit.write_text("65536\n")
        daemon.wait_for("watcher.restarted")
        assert wait_until(lambda: supervisor.state.health().word == "healthy", 5)
    assert_exact(daemon.root, expect(daemon.bronze))


class TestScan:
    def test_a_file_is_in_before_the_scan_is_over(self, daemon, monkeypatch):
        """Guards FirstFiles: what a scan came upon is offered while it goes on."""
        let_go, read_folder = threading.Event(), BronzeWalk._read_folder

        def slow(walk, folder, prefix, rows):
            if prefix == "a/deep/":
                let_go.wait(30)
            read_folder(walk, folder, prefix, rows)

        monkeypatch.setattr(BronzeWalk, "_read_folder", slow)
        monkeypatch.setattr("pointline_daemon.arrival.first_files.FIRST_SECONDS", 0)
        drop(daemon, ".", NAMES[0])
        drop(daemon, "a/deep", NAMES[1])
        with daemon.running() as supervisor:
            assert daemon.wait_for("file.committed")["path"] == NAMES[0]
            assert supervisor.components.rescanner.scans == 0
            let_go.set()
            daemon.wait_for("file.committed", 2)
        assert_exact(daemon.root, expect(daemon.bronze))

    def test_what_was_offered_before_its_end_is_not_offered_again(self, daemon, monkeypatch):
        """Guards Rescanner._offered: else a file in flight at the end of the scan would be looked at once more."""
        scanned, looked, read_folder, load = threading.Event(), Counter(), BronzeWalk._read_folder, Loader.load

        def held(walk, folder, prefix, rows):
            if prefix == "a/deep/":
                assert wait_until(lambda: looked[NAMES[0]], 30)
            read_folder(walk, folder, prefix, rows)

        def counted(source, path, look=FolderBronzeSource.look):
            looked[path] += 1
            return look(source, path)

        monkeypatch.setattr(BronzeWalk, "_read_folder", held)
        monkeypatch.setattr(FolderBronzeSource, "look", counted)
        monkeypatch.setattr(Loader, "load", lambda loader, group: scanned.wait(30) and load(loader, group))
        monkeypatch.setattr("pointline_daemon.arrival.first_files.FIRST_SECONDS", 0)
        drop(daemon, ".", NAMES[0])
        drop(daemon, "a/deep", NAMES[1])
        with daemon.running():
            daemon.wait_for("rescan.finished")
            scanned.set()
            daemon.wait_for("file.committed", 2)
        assert set(looked.values()) == {1}

    def test_it_is_left_for_a_stop(self, daemon, monkeypatch):
        """Guards ScanStopped: nothing is concluded from half a scan, and nothing waits for the rest of it."""
        read_folder = BronzeWalk._read_folder

        def slow(walk, folder, prefix, rows):
            time.sleep(0.05)
            read_folder(walk, folder, prefix, rows)

        monkeypatch.setattr(BronzeWalk, "_read_folder", slow)
        for number in range(200):
            (daemon.bronze / f"{number}").mkdir()
        with daemon.running():
            before = time.monotonic()
        assert time.monotonic() - before < 5
        assert daemon.exit_code == 0
        assert not daemon.events("rescan.finished")
