"""The rescanner thread: compares bronze with the manifest at start, by timer, and whenever hints were lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import polars as pl
import structlog

from daemon import events
from daemon.inbox import Inbox
from pointline.errors import Transient
from pointline.io.bronze import FolderBronzeSource
from pointline.io.protocols import BronzeFileMetadata, IngestionManifestRepository
from pointline.services.backlog import backlog
from pointline.services.schedule import next_try_us

LONGEST_WAIT_SECONDS = 1.0

log = structlog.get_logger()


class Rescanner:
    """Puts into the inbox what bronze holds and the ledger has not settled. Waits for room; hints never do."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        source: FolderBronzeSource,
        manifest: IngestionManifestRepository,
        clock: Callable[[], int],
        interval_seconds: float,
    ) -> None:
        self._inbox = inbox
        self._source = source
        self._manifest = manifest
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._wanted = threading.Event()
        self._wanted.set()
        self._reasons: set[str] = {"start"}
        self._touched: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self.scans = 0
        self.last_scan: dict[str, object] = {}

    def ask(self, reason: str) -> None:
        """Ask for a scan soon. Never blocks."""
        with self._lock:
            self._reasons.add(reason)
        self._wanted.set()

    def wake(self) -> None:
        """Let the thread look at its stop event."""
        self._wanted.set()

    def note_touched(self, meta: BronzeFileMetadata) -> None:
        """Remember a file whose time stamp changed and whose content did not: it needs no second look."""
        with self._lock:
            self._touched[meta.bronze_file_path] = (meta.file_size_bytes, meta.last_modified_ts)

    def run(self, stopping: threading.Event) -> None:
        """Body of the thread."""
        due = time.monotonic()
        while True:
            left = due - time.monotonic()
            if stopping.is_set():
                return
            if left <= 0 or self._wanted.is_set() or self._inbox.take_overflow():
                self._scan(stopping)
                due = time.monotonic() + self._interval_seconds
            else:
                self._wanted.wait(min(left, LONGEST_WAIT_SECONDS))

    def _scan(self, stopping: threading.Event) -> None:
        with self._lock:
            reasons, self._reasons = sorted(self._reasons) or ["timer"], set()
            self._wanted.clear()
        started = time.monotonic()
        try:
            survey = self._source.survey()
        except Transient as error:
            log.error(events.RESCAN_FAILED, error=str(error), hint=error.hint)
            return
        waiting = backlog(survey, self._manifest.entries())
        waiting = waiting.join(self._touched_versions(), on=["path", "size", "mtime_us"], how="anti")
        offered = 0
        for path, attempts, tried_us in waiting.select("path", "attempts", "updated_at_us").iter_rows():
            if stopping.is_set():
                return
            if attempts and next_try_us(path, attempts, tried_us) > self._clock():
                continue  # the intake has it in its schedule, or the next scan finds it due
            if not self._inbox.put(path, finished=False):
                return
            offered += 1
        self.scans += 1
        self.last_scan = {
            "reasons": reasons,
            "files": survey.height,
            "waiting": waiting.height,
            "seconds": round(time.monotonic() - started, 3),
        }
        log.info(events.RESCAN_FINISHED, offered=offered, **self.last_scan)

    def _touched_versions(self) -> pl.DataFrame:
        with self._lock:
            rows = [(path, *version) for path, version in self._touched.items()]
        return pl.DataFrame(rows, schema={"path": pl.String, "size": pl.Int64, "mtime_us": pl.Int64}, orient="row")
