"""The real observer on a real folder: it tells what arrives, and survives what people do to folders."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import threading
from itertools import count
from pathlib import Path

import pytest
from pointline_daemon.arrival.watcher import Hint, Watcher

from pointline.errors import StorageTrouble
from tests.support.waiting import wait_until

if sys.platform == "linux":
    from watchdog.observers import inotify_c

SECONDS = 10.0
NAME = "binance_trades_2024-08-09_BTCUSDT.csv.gz"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="inotify")


def eventually(condition) -> None:
    assert wait_until(condition, SECONDS)


class Listener:
    """A watcher and everything it said."""

    def __init__(self, bronze) -> None:
        self.bronze = bronze
        self.hints: list[Hint] = []
        self.folders: list[str] = []
        self.lost: list[str] = []
        self.fail_on: str | None = None
        self.markers = count()
        self.watcher = Watcher(bronze, on_hint=self.hear, on_folder=self.folders.append, on_lost=self.lost.append)

    def hear(self, hint: Hint) -> None:
        if hint.path == self.fail_on:
            raise ValueError("the listener is broken")
        self.hints.append(hint)

    def heard(self, path: str, *, finished: bool) -> bool:
        return Hint(path=path, finished=finished) in self.hints

    def wait_for(self, path: str, *, finished: bool) -> None:
        eventually(lambda: self.heard(path, finished=finished))

    def drain(self) -> None:
        """Events keep their order: when the hint for a new file is in, so is everything that came before."""
        marker = f"marker-{next(self.markers)}"
        (self.bronze / marker).touch()
        self.wait_for(marker, finished=False)


@pytest.fixture
def listener(tmp_path):
    bronze = tmp_path / "bronze"
    bronze.mkdir()
    listener = Listener(bronze)
    listener.watcher.start()
    yield listener
    listener.watcher.stop()


@linux_only
class TestRename:
    """Whoever renames a file into place says that it is complete."""

    def test_from_outside_the_tree(self, listener, tmp_path):
        outside = tmp_path / "download"
        outside.write_bytes(b"data")
        outside.rename(listener.bronze / NAME)
        listener.wait_for(NAME, finished=True)
        assert listener.hints == [Hint(path=NAME, finished=True)]

    def test_inside_the_tree(self, listener):
        partial = listener.bronze / f"{NAME}.unconfirmed"
        partial.write_bytes(b"data")
        partial.rename(listener.bronze / NAME)
        listener.wait_for(NAME, finished=True)
        assert not listener.heard(NAME, finished=False)

    def test_into_another_folder(self, listener):
        (listener.bronze / "a").mkdir()
        eventually(lambda: listener.folders == ["a"])
        (listener.bronze / "x.part").write_bytes(b"data")
        (listener.bronze / "x.part").rename(listener.bronze / "a" / NAME)
        listener.wait_for(f"a/{NAME}", finished=True)

    def test_over_a_file_that_is_there(self, listener, tmp_path):
        (listener.bronze / NAME).write_bytes(b"old")
        (tmp_path / "new").write_bytes(b"new")
        (tmp_path / "new").replace(listener.bronze / NAME)
        listener.wait_for(NAME, finished=True)

    def test_a_file_that_leaves_is_no_hint_and_holds_nothing_up(self, listener, tmp_path):
        (listener.bronze / NAME).write_bytes(b"data")
        listener.drain()
        listener.hints.clear()
        (listener.bronze / NAME).rename(tmp_path / "out")
        (tmp_path / "out").rename(listener.bronze / "back")
        listener.wait_for("back", finished=True)
        assert NAME not in {hint.path for hint in listener.hints}


class TestWriting:
    """A file that is written in place may or may not be complete: only standing still tells."""

    def test_slowly(self, listener):
        with (listener.bronze / NAME).open("wb") as file:
            file.write(b"begin")
            file.flush()
            listener.wait_for(NAME, finished=False)
            listener.hints.clear()
            file.write(b"end")
        listener.wait_for(NAME, finished=False)
        assert not listener.heard(NAME, finished=True)

    def test_a_hard_link(self, listener, tmp_path):
        (tmp_path / "source").write_bytes(b"data")
        (listener.bronze / NAME).hardlink_to(tmp_path / "source")
        listener.wait_for(NAME, finished=False)

    @linux_only
    def test_reading_is_no_hint(self, listener):
        (listener.bronze / NAME).write_bytes(b"data")
        listener.drain()
        listener.hints.clear()
        (listener.bronze / NAME).read_bytes()
        list(listener.bronze.iterdir())
        listener.drain()
        assert not listener.heard(NAME, finished=False)

    @linux_only
    def test_a_name_that_is_not_utf8(self, listener):
        name = os.fsdecode(b"x\xff.csv")
        (listener.bronze / name).write_bytes(b"data")
        listener.wait_for(name, finished=False)


class TestFolders:
    """Files can be in a folder before the folder is watched, so the folder itself is told."""

    def test_moved_in_with_everything_in_it(self, listener, tmp_path):
        (tmp_path / "batch" / "deep").mkdir(parents=True)
        (tmp_path / "batch" / "deep" / NAME).write_bytes(b"data")
        (tmp_path / "batch").rename(listener.bronze / "batch")
        eventually(lambda: "batch" in listener.folders)
        listener.wait_for(f"batch/deep/{NAME}", finished=False)

    def test_created_and_filled_at_once(self, listener):
        for number in range(30):
            (listener.bronze / f"{number}" / "deep").mkdir(parents=True)
            (listener.bronze / f"{number}" / "deep" / NAME).write_bytes(b"data")
        eventually(lambda: {f"{number}" for number in range(30)} <= set(listener.folders))

    @linux_only
    def test_renamed_inside_the_tree_it_goes_on_being_watched(self, listener):
        (listener.bronze / "old" / "deep").mkdir(parents=True)
        eventually(lambda: "old/deep" in listener.folders)
        (listener.bronze / "old").rename(listener.bronze / "new")
        eventually(lambda: "new" in listener.folders)
        (listener.bronze / "new" / "deep" / NAME).write_bytes(b"data")
        listener.wait_for(f"new/deep/{NAME}", finished=False)
        assert listener.watcher.is_healthy()

    @linux_only
    def test_one_moved_out_and_deleted_there_while_its_successor_came_and_went(self, listener, tmp_path):
        """Without help watchdog 7.1 loses its reading thread over this."""
        inside, outside = listener.bronze / "a", tmp_path / "a"
        inside.mkdir()
        eventually(lambda: listener.folders == ["a"])
        inside.rename(outside)
        inside.mkdir()
        eventually(lambda: listener.folders == ["a", "a"])
        inside.rmdir()
        outside.rmdir()
        eventually(lambda: bool(listener.lost))
        assert listener.watcher.is_healthy()
        listener.drain()

    @linux_only
    def test_stopping_before_that_folder_is_deleted(self, listener, tmp_path):
        """The same confusion, met by the stop: no thread may stay behind."""
        inside = listener.bronze / "a"
        inside.mkdir()
        eventually(lambda: listener.folders == ["a"])
        inside.rename(tmp_path / "a")
        inside.mkdir()
        eventually(lambda: listener.folders == ["a", "a"])
        inside.rmdir()
        listener.drain()


class TestHealth:
    """Alive means: all threads, and the folder that has the name now."""

    def test_it_begins_and_ends(self, tmp_path):
        before = threading.active_count()
        watcher = Listener(tmp_path / "bronze").watcher
        assert not watcher.is_healthy()
        watcher.start()
        assert (tmp_path / "bronze").is_dir()
        assert watcher.is_healthy()
        with pytest.raises(RuntimeError):
            watcher.start()
        watcher.stop()
        watcher.stop()
        assert not watcher.is_healthy()
        assert threading.active_count() == before

    def test_bronze_deleted_and_created_again(self, listener):
        shutil.rmtree(listener.bronze)
        listener.bronze.mkdir()
        eventually(lambda: not listener.watcher.is_healthy())
        listener.watcher.restart()
        assert listener.watcher.is_healthy()
        listener.drain()

    def test_bronze_deleted(self, listener):
        shutil.rmtree(listener.bronze)
        eventually(lambda: not listener.watcher.is_healthy())
        listener.watcher.restart()
        listener.drain()

    def test_bronze_replaced_while_the_old_one_lives_on(self, listener, tmp_path):
        listener.bronze.rename(tmp_path / "old")
        listener.bronze.mkdir()
        assert not listener.watcher.is_healthy()
        listener.watcher.restart()
        listener.drain()

    def test_the_lake_is_not_created(self, tmp_path):
        """It may be a disk that is not mounted."""
        watcher = Listener(tmp_path / "unmounted" / "bronze").watcher
        with pytest.raises(StorageTrouble) as caught:
            watcher.start()
        assert "mounted" in caught.value.hint
        assert not (tmp_path / "unmounted").exists()

    def test_a_link_to_bronze_is_as_good_as_bronze(self, listener, tmp_path):
        (tmp_path / "link").symlink_to(listener.bronze)
        linked = Listener(tmp_path / "link")
        linked.watcher.start()
        try:
            assert linked.watcher.is_healthy()
            linked.drain()
        finally:
            linked.watcher.stop()


class TestTrouble:
    def test_a_callback_that_raises_does_not_end_the_observer(self, listener):
        listener.fail_on = "bad"
        (listener.bronze / "bad").touch()
        eventually(lambda: bool(listener.lost))
        assert "the listener is broken" in listener.lost[0]
        listener.drain()
        assert listener.watcher.is_healthy()

    def test_a_callback_that_blocks_does_not_hold_up_the_stop(self, tmp_path, monkeypatch):
        monkeypatch.setattr("pointline_daemon.arrival.watcher.STOP_SECONDS", 0.05)
        blocked, release = threading.Event(), threading.Event()

        def block(_hint):
            blocked.set()
            release.wait(SECONDS)

        before = threading.active_count()
        watcher = Watcher(tmp_path / "bronze", on_hint=block, on_folder=lambda _: None, on_lost=lambda _: None)
        watcher.start()
        (tmp_path / "bronze" / NAME).touch()
        assert blocked.wait(SECONDS)
        watcher.stop()
        assert not release.is_set()
        release.set()
        eventually(lambda: threading.active_count() == before)

    @linux_only
    def test_an_overflow_of_the_kernels_queue_is_told_when_the_watches_are_back(self, listener):
        (listener.bronze / "a").mkdir()
        eventually(lambda: listener.folders == ["a"])
        reader = listener.watcher._running.reader
        overflow = inotify_c.InotifyEvent(
            inotify_c.WatchDescriptor(-1), inotify_c.InotifyConstants.IN_Q_OVERFLOW, 0, b""
        )
        reader.handle_event(overflow)
        assert listener.lost == ["kernel queue overflowed"]
        (listener.bronze / "a" / NAME).touch()
        listener.wait_for(f"a/{NAME}", finished=False)

    @linux_only
    def test_a_real_overflow(self, listener, monkeypatch):
        """The reader is held until the kernel has dropped events."""
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        held = threading.Event()
        read_events = inotify_c.InotifyFD.read_events

        def read_late(self, **options):
            held.wait(SECONDS)
            return read_events(self, **options)

        monkeypatch.setattr(inotify_c.InotifyFD, "read_events", read_late)
        (listener.bronze / "wakes the reader").touch()
        listener.wait_for("wakes the reader", finished=False)
        for number in range(limit // 2 + 1):
            (listener.bronze / f"{number}").touch()
        held.set()
        eventually(lambda: "kernel queue overflowed" in listener.lost)
        assert listener.watcher.is_healthy()


@linux_only
class TestLimits:
    """The kernel gives a user only so many watches."""

    @pytest.fixture
    def refuse(self, monkeypatch):
        refused: list[bytes] = []
        add_watch = inotify_c.inotify_add_watch

        def limited(descriptor, path, mask):
            if path in refused:
                ctypes.set_errno(errno.ENOSPC)
                return -1
            return add_watch(descriptor, path, mask)

        monkeypatch.setattr(inotify_c, "inotify_add_watch", limited)
        return lambda path: refused.append(os.fsencode(path))

    def test_no_watch_for_bronze(self, tmp_path, refuse):
        before = threading.active_count()
        bronze = tmp_path / "bronze"
        refuse(bronze)
        watcher = Listener(bronze).watcher
        with pytest.raises(StorageTrouble) as caught:
            watcher.start()
        assert "max_user_watches" in caught.value.hint
        assert not watcher.is_healthy()
        assert threading.active_count() == before

    def test_no_watch_for_some_folders_below(self, tmp_path, refuse):
        bronze = tmp_path / "bronze"
        for name in ("a", "b", "c"):
            (bronze / name).mkdir(parents=True)
        refuse(bronze / "a")
        refuse(bronze / "b")
        listener = Listener(bronze)
        listener.watcher.start()
        try:
            assert listener.watcher.is_healthy()
            (lost,) = listener.lost
            assert "max_user_watches" in lost
            (bronze / "c" / NAME).touch()
            listener.wait_for(f"c/{NAME}", finished=False)
        finally:
            listener.watcher.stop()
