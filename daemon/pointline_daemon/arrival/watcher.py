"""Tells at once that something arrived in bronze. What it tells are hints; the folder itself is the truth.

A hint may be early, late, doubled or missing, so whoever listens looks at the file before it acts, and compares the
whole folder with the manifest now and then. Three callbacks, called on the observer's thread; they must not block:

- ``on_hint``: a file was renamed into place, or was created, written or closed
- ``on_folder``: a folder appeared. Files put into it a moment before may never get a hint: look into it
- ``on_lost``: events were lost for the reason given. Compare the whole folder
- ``on_placed``: the folders were so many that ``start`` returned before all of them were watched, and now they are, so
  many. What files did in them before was not told: compare the whole folder once more. Called on a thread of its own

Start the watcher first and look at the folder after, never the other way round.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.utils import BaseThread

from pointline.errors import StorageTrouble
from pointline.io.lake_links import refuse_link_to_nothing

if sys.platform == "linux":
    from pointline_daemon.arrival.linux_watches import new_observer
else:

    def new_observer(_on_lost: Callable[[str], None], _on_placed: Callable[[int], None]) -> tuple[BaseObserver, None]:
        return Observer(), None


STOP_SECONDS = 5.0
PLACED_SECONDS = 0.2
"""So long a start waits until all folders are watched; where they are many, it goes on meanwhile."""
RAISE_LIMITS = "raise fs.inotify.max_user_watches and fs.inotify.max_user_instances with sysctl"

_APPEARED: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileClosedEvent,
    FileDeletedEvent,
]
# Elsewhere there is no event for a file that was closed. On Linux there is, and one per write would only be noise.
_EVENTS = _APPEARED if sys.platform == "linux" else [*_APPEARED, FileModifiedEvent]


class Hint(Struct, frozen=True, kw_only=True):
    """Something happened to the file at ``path`` (relative to bronze, POSIX, as the file system spells it).

    ``finished``: it was renamed to this name, so whoever wrote it says that it is complete.
    """

    path: str
    finished: bool


class _Running(Struct, frozen=True, kw_only=True):
    observer: BaseObserver
    reader: BaseThread | None
    """The thread that reads the kernel's queue; Linux only."""
    folder: tuple[int, int]
    """Device and inode of the folder that is watched."""

    def is_alive(self) -> bool:
        emitters = self.observer.emitters
        threads: list[threading.Thread] = [self.observer, *emitters]
        if self.reader is not None:
            threads.append(self.reader)
        return bool(emitters) and all(thread.is_alive() for thread in threads)

    def stop(self) -> None:
        self.observer.stop()
        if self.observer.ident is not None:
            self.observer.join()
        if self.reader is not None:
            self.reader.stop()
            self.reader.join()


class Watcher:
    """Watches bronze and all folders below it. Not thread-safe: one supervisor starts, checks and stops it."""

    def __init__(
        self,
        bronze: Path,
        *,
        on_hint: Callable[[Hint], None],
        on_folder: Callable[[str], None],
        on_lost: Callable[[str], None],
        on_placed: Callable[[int], None] = lambda _folders: None,
    ) -> None:
        self._bronze = bronze
        self._on_placed = on_placed
        self._placing = threading.Lock()
        self._is_placed = self._is_late = False
        self._on_hint = on_hint
        self._on_folder = on_folder
        self._on_lost = on_lost
        self._running: _Running | None = None

    def start(self) -> None:
        """Returns when every folder is watched, or soon. Creates bronze, but not the lake, a disk not mounted perhaps.

        Raises ``StorageTrouble`` if bronze cannot be watched. Below bronze a folder can fail to be watched too; the
        first one that does so for want of watches is told to ``on_lost``, and the regular rescan finds its files.
        """
        if self._running is not None:
            raise RuntimeError("the watcher is running")
        try:
            refuse_link_to_nothing(self._bronze)
            self._bronze.mkdir(exist_ok=True)
            with os.scandir(self._bronze):
                pass  # watchdog takes a folder that may not be read for one in which nothing happens
            self._is_placed = self._is_late = False
            self._running = self._watch()
        except OSError as error:
            limited = error.errno in {errno.ENOSPC, errno.EMFILE}
            raise StorageTrouble(
                f"bronze cannot be watched: {error.strerror}",
                subject=str(self._bronze),
                hint=RAISE_LIMITS if limited else "check that the folder exists, is mounted and may be read",
            ) from error

    def stop(self) -> None:
        """Ends the threads and returns within ``STOP_SECONDS``, even if a callback blocks against its promise."""
        running, self._running = self._running, None
        if running is not None:
            stopper = threading.Thread(target=running.stop, name="watcher-stop", daemon=True)
            stopper.start()
            stopper.join(STOP_SECONDS)

    @property
    def has_more(self) -> bool:
        """The system allows more watches than when there were too few: a restart may watch all folders."""
        running = self._running
        return running is not None and getattr(running.reader, "has_more", False)

    def restart(self) -> None:
        """After bronze was deleted or replaced, or a thread died. What happened meanwhile is lost: rescan."""
        self.stop()
        self.start()

    def is_healthy(self) -> bool:
        """Whether all threads live and bronze is still the folder that they watch."""
        running = self._running
        return running is not None and running.is_alive() and _identity(self._bronze) == running.folder

    @property
    def shortfall(self) -> str:
        """Say why some folders are not watched; empty where all are."""
        running = self._running
        return "" if running is None else getattr(running.reader, "shortfall", "")

    def _watch(self) -> _Running:
        # Symbolic links are resolved here, because watchdog would watch the link and not the folder behind it.
        root = os.path.realpath(self._bronze)
        folder = _identity(root)
        if folder is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), root)
        observer, reader = new_observer(self._on_lost, self._placed)
        observer.name = "watcher"
        running = _Running(observer=observer, reader=reader, folder=folder)
        handler = _Handler(root, self._on_hint, self._on_folder, self._on_lost)
        try:
            observer.schedule(handler, root, recursive=True, event_filter=_EVENTS)
            observer.start()
        except BaseException:
            running.stop()
            raise
        if reader is not None:
            reader.wait_placed(PLACED_SECONDS)
        with self._placing:
            self._is_late = not self._is_placed
        return running

    def _placed(self, folders: int) -> None:
        with self._placing:
            self._is_placed = True
            if not self._is_late:
                return
        self._on_placed(folders)


class _Handler(FileSystemEventHandler):
    """Translates watchdog's events. An exception that leaves it ends the observer, and only ``is_healthy`` would know.

    So only ``on_lost`` itself may fail that far: there is nothing left to tell it to.
    """

    def __init__(
        self,
        root: str,
        on_hint: Callable[[Hint], None],
        on_folder: Callable[[str], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._prefix = root.rstrip("/") + "/"
        self._on_hint = on_hint
        self._on_folder = on_folder
        self._on_lost = on_lost

    def dispatch(self, event: FileSystemEvent) -> None:
        try:
            self._report(event)
        except Exception as error:  # noqa: BLE001 - the body of watchdog's thread
            self._on_lost(f"an event could not be handled: {error!r}")

    def _report(self, event: FileSystemEvent) -> None:
        path = os.fsdecode(event.dest_path or event.src_path)
        if not path.startswith(self._prefix):
            return  # bronze itself, or a file that was moved out of it
        path = path.removeprefix(self._prefix)
        if event.is_directory:
            self._on_folder(path)
        else:
            self._on_hint(Hint(path=path, finished=isinstance(event, FileMovedEvent)))


def _identity(folder: Path | str) -> tuple[int, int] | None:
    try:
        status = Path(folder).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
