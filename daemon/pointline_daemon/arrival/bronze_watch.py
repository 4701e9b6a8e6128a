"""Keeps bronze watched: what happens there goes to the inbox, and what may have been missed is scanned for."""

from __future__ import annotations

import math
import time
from pathlib import Path

import structlog

from pointline.errors import PointlineError
from pointline.io.bronze.spelled_path import written_path
from pointline_daemon import events
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.arrival.rescanner import Rescanner
from pointline_daemon.arrival.watcher import Hint, Watcher

WATCH_AGAIN_SECONDS = 2.0
UNWATCHED_SCAN_SECONDS = 30.0

log = structlog.get_logger()


class BronzeWatch:
    """Starts the watcher, again where it has ended. Used by the supervisor's thread; the watcher tells from its own."""

    def __init__(self, bronze: Path, *, inbox: Inbox, rescanner: Rescanner, rescan_seconds: float) -> None:
        self._inbox = inbox
        self._rescanner = rescanner
        self._rescan_seconds = rescan_seconds
        self._watcher = Watcher(
            bronze,
            on_hint=self._on_hint,
            on_folder=lambda folder: rescanner.ask_folder(written_path(folder)),
            on_lost=self._on_lost,
            on_placed=self._on_placed,
        )
        self._watch_at = 0.0
        self._trouble: str | None = None

    def check(self) -> str | None:
        """Watch bronze, again where that has ended; while it cannot be watched, or not all of it, scan more often.

        Returns why events are missed, None where none is.
        """
        if self._watcher.is_healthy() and not self._watcher.has_more:
            self._note(self._watcher.shortfall)
        elif time.monotonic() >= self._watch_at:
            self._watch()
        return self._trouble

    def stop(self) -> None:
        self._watcher.stop()

    def _watch(self) -> None:
        is_first = self._watch_at == 0.0
        self._watch_at = time.monotonic() + WATCH_AGAIN_SECONDS
        try:
            self._watcher.restart()
        except PointlineError as error:
            self._note(f"{error}; {error.hint}" if error.hint else str(error))
            return
        self._note(self._watcher.shortfall)
        if not is_first:
            log.warning(events.WATCHER_RESTARTED)
            self._rescanner.ask("watcher restarted")

    def _note(self, why: str) -> None:
        """Say it when it begins, and keep it for as long as it lasts."""
        seconds = min(UNWATCHED_SCAN_SECONDS, self._rescan_seconds)
        if not why:
            self._rescanner.scan_at_least_every(math.inf)
            self._trouble = None
            return
        if self._trouble is None:
            self._rescanner.scan_at_least_every(seconds)
            self._rescanner.ask("not all of bronze is watched")
            log.error(events.WATCHER_FAILED, error=why, scans_every_seconds=seconds)
        self._trouble = f"{why} (bronze is scanned every {seconds:g} s)"

    def _on_hint(self, hint: Hint) -> None:
        if not self._inbox.offer(written_path(hint.path), finished=hint.finished):
            self._rescanner.ask("queue full")

    def _on_lost(self, reason: str) -> None:
        log.warning(events.QUEUE_OVERFLOWED, reason=reason)
        self._rescanner.ask(reason)

    def _on_placed(self, folders: int) -> None:
        log.info(events.WATCHER_READY, folders=folders)
        self._rescanner.ask("all folders are watched")
