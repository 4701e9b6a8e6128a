"""Tells at once that something arrived in bronze. What it tells are hints; the folder itself is the truth.

A hint may be early, late, doubled or missing, so whoever listens looks at the file before it acts, and compares the
whole folder with the manifest now and then. Three callbacks, called on the observer's thread; they must not block:

- ``on_hint``: a file was renamed into place, or was created, written or closed
- ``on_folder``: a folder appeared. Files put into it a moment before may never get a hint: look into it
- ``on_lost``: events were lost for the reason given. Compare the whole folder

Start the watcher first and look at the folder after, never the other way round.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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

if sys.platform == "linux":
    from watchdog.observers.inotify import InotifyFullEmitter
    from watchdog.observers.inotify_c import (
        CallbackId,
        InotifyConstants,
        InotifyEvent,
        InotifyFD,
        Mask,
        WatchCallback,
        WatchDescriptor,
    )

STOP_SECONDS = 5.0
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Something happened to the file at ``path`` (relative to bronze, POSIX, as the file system spells it).

    ``finished``: it was renamed to this name, so whoever wrote it says that it is complete.
    """

    path: str
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
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
    ) -> None:
        self._bronze = bronze
        self._on_hint = on_hint
        self._on_folder = on_folder
        self._on_lost = on_lost
        self._running: _Running | None = None

    def start(self) -> None:
        """Returns when every folder is watched. Creates bronze, but not the lake, which may be a disk not mounted yet.

        Raises ``StorageTrouble`` if bronze cannot be watched. Below bronze a folder can fail to be watched too; the
        first one that does so for want of watches is told to ``on_lost``, and the regular rescan finds its files.
        """
        if self._running is not None:
            raise RuntimeError("the watcher is running")
        try:
            self._bronze.mkdir(exist_ok=True)
            with os.scandir(self._bronze):
                pass  # watchdog takes a folder that may not be read for one in which nothing happens
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
        observer, reader = _new_observer(self._on_lost)
        observer.name = "watcher"
        running = _Running(observer=observer, reader=reader, folder=folder)
        handler = _Handler(root, self._on_hint, self._on_folder, self._on_lost)
        try:
            observer.schedule(handler, root, recursive=True, event_filter=_EVENTS)
            observer.start()
        except BaseException:
            running.stop()
            raise
        return running


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


if sys.platform == "linux":

    class _ArrivalEmitter(InotifyFullEmitter):
        """Asks the kernel for what arrives under a name, and not for what leaves one.

        Otherwise watchdog holds back every event behind a file that leaves bronze for half a second, in case that file
        turns up again under another name. Without that every rename is one ``FileMovedEvent`` with a ``dest_path``.
        """

        def get_event_mask_from_filter(self) -> Mask:
            return Mask(super().get_event_mask_from_filter() & ~InotifyConstants.IN_MOVED_FROM)

        def on_thread_stop(self) -> None:
            group, self._inotify = self._inotify, None
            while group is not None:
                with contextlib.suppress(KeyError):  # see _KernelReader; each failure has forgotten one folder
                    group.deactivate()
                    return

    class _KernelReader(InotifyFD):
        """Reports what watchdog would only log, or swallow."""

        def __init__(self, on_lost: Callable[[str], None]) -> None:
            super().__init__()
            self._on_lost = on_lost
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
                if error.errno == errno.ENOSPC and not self.shortfall:
                    self.shortfall = f"too many folders to watch from {os.fsdecode(path)!r} on: {RAISE_LIMITS}"
                    self._on_lost(self.shortfall)
                raise

    def _new_observer(on_lost: Callable[[str], None]) -> tuple[BaseObserver, BaseThread | None]:
        # watchdog warns when it adds a folder twice, as it does with a renamed one, and then does the right thing.
        warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)
        reader = _KernelReader(on_lost)
        reader.name = "watcher-kernel"
        reader.start()
        return BaseObserver(_ArrivalEmitter, inotify_fd=reader), reader

else:

    def _new_observer(_on_lost: Callable[[str], None]) -> tuple[BaseObserver, BaseThread | None]:
        return Observer(), None
