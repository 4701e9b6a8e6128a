"""The kernel's watches on Linux: one for each folder of bronze, placed while events of the first ones come in already.

watchdog places them all before it reports anything. A hundred thousand folders take it seconds, in which nothing is
told and nobody may look. Here bronze itself is watched first, then its folders on a thread of their own, each before
what lies in it is listed: a folder that appears meanwhile is either listed or reported. What a *file* did in a folder
before that was watched is not reported, so whoever listens is told when the last one is, and looks once more then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyFullEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)

from pointline.phrases import plural

MOST_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")
LEAST_WATCHES = 65_536


class _Folders(InotifyWatchGroup):
    """The watches of bronze. Its lock is held for one folder at a time, so that events are handled in between."""

    def _activate(self) -> None:
        with self._lock:
            self._add_callback(self.path)
            self._is_active = True

    def place(self) -> int | None:
        """Watch all folders below; how many there are, and None where it was stopped before the end."""
        folders, found = [self.path], 0
        while folders:
            folder = folders.pop()
            found += 1
            with self._lock:
                if not self._is_active:
                    return None
                self._add_callback(folder)
            with contextlib.suppress(OSError), os.scandir(folder) as entries:  # it may have gone, or be shut
                folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        return found

    def deactivate(self) -> None:
        """End it; the watches themselves go all at once, with the queue that they belong to."""
        with self._lock:
            self._is_active = False
            self._move_event_grouper.close()


class _ArrivalEmitter(InotifyFullEmitter):
    """Asks the kernel for what arrives under a name, and not for what leaves one.

    Otherwise watchdog holds back every event behind a file that leaves bronze for half a second, in case that file
    turns up again under another name. Without that every rename is one ``FileMovedEvent`` with a ``dest_path``.
    """

    def get_event_mask_from_filter(self) -> Mask:
        return Mask(super().get_event_mask_from_filter() & ~InotifyConstants.IN_MOVED_FROM)

    def on_thread_start(self) -> None:
        assert isinstance(self._inotify_fd, KernelReader)
        path, mask = os.fsencode(self.watch.path), self.get_event_mask_from_filter()
        self._inotify = folders = _Folders(self._inotify_fd, path, is_recursive=True, event_mask=mask)
        self._inotify_fd.place(folders)


class KernelReader(InotifyFD):
    """Reports what watchdog would only log, or swallow."""

    def __init__(self, on_lost: Callable[[str], None], on_placed: Callable[[int], None]) -> None:
        super().__init__()
        self.name = "watcher-kernel"
        self._on_lost = on_lost
        self._on_placed = on_placed
        self._placing: threading.Thread | None = None
        self._unwatched = 0
        self._limit = 0
        self.shortfall = ""

    def handle_event(self, event: InotifyEvent) -> None:
        try:
            super().handle_event(event)
        except KeyError:
            # watchdog 7.1 trips over a folder that was moved out of bronze and deleted there, when another one of
            # its name came and went meanwhile. It has forgotten the folder by now, which is all it had to do.
            self._on_lost("watchdog lost track of a moved folder")
        if event.is_queue_overflow:
            # Told when the watches are complete again: a rescan from here on misses nothing.
            self._on_lost("kernel queue overflowed")

    def add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        try:
            return super().add_callback(path, mask, callback, id_)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self._unwatched += 1
                if not self.is_placing:
                    self._say_shortfall()
            raise

    def close(self) -> None:
        """Wake the thread and end. The kernel drops all watches with the queue, faster than one by one."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._watch_for_wd.clear()
            if self._is_reading:
                os.write(self._kill_w, b"!")
            else:
                self._close_resources()

    def place(self, folders: _Folders) -> None:
        """Watch the folders below, on a thread of its own."""
        self._placing = threading.Thread(target=self._place, args=[folders], name="watcher-folders", daemon=True)
        self._placing.start()

    @property
    def is_placing(self) -> bool:
        """There are folders that are not watched yet."""
        return self._placing is not None and self._placing.is_alive()

    def wait_placed(self, seconds: float | None = None) -> bool:
        """Wait until all folders are watched; False where they are not after that time."""
        if self._placing is not None:
            self._placing.join(seconds)
        return not self.is_placing

    @property
    def has_more(self) -> bool:
        """The system allows more watches than when it had too few."""
        return bool(self.shortfall) and 0 < self._limit < _most_watches()

    def _place(self, folders: _Folders) -> None:
        found = folders.place()
        if found is None:
            return
        if self._unwatched:
            self._say_shortfall(found)
        self._on_placed(found)

    def _say_shortfall(self, found: int = 0) -> None:
        if self.shortfall:
            return
        self._limit = _most_watches()
        of = f" of {found:,}" if found else ""
        without = f"no watch is left for {plural(self._unwatched, 'folder')}{of}"
        wanted = max(LEAST_WATCHES, 2 * max(found, self._limit))
        self.shortfall = (
            f"{without}: fs.inotify.max_user_watches is {self._limit:,}; "
            f"`sudo sysctl fs.inotify.max_user_watches={wanted}` allows more, and the daemon notices it"
        )
        self._on_lost(self.shortfall)


def new_observer(on_lost: Callable[[str], None], on_placed: Callable[[int], None]) -> tuple[BaseObserver, KernelReader]:
    """Return an observer that is not started, and the thread that reads the kernel's queue, which is."""
    # watchdog warns when it adds a folder twice, as it does with a renamed one, and then does the right thing.
    warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)
    reader = KernelReader(on_lost, on_placed)
    reader.start()
    return BaseObserver(_ArrivalEmitter, inotify_fd=reader), reader


def _most_watches() -> int:
    try:
        return int(MOST_WATCHES.read_text())
    except (OSError, ValueError):
        return 0
