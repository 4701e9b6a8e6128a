"""The maintenance thread: compacts partitions that got parts since it last looked. Ingest never waits for it."""

from __future__ import annotations

import threading

import structlog

from daemon import events
from daemon.lake import Lake
from pointline.errors import Transient
from pointline.services.compaction import compact_partition

log = structlog.get_logger()


class Maintenance:
    """Remembers which partitions changed and tends them by timer."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._changed: set[tuple[str, str, str]] = set()

    def note(self, partitions: set[tuple[str, str, str]]) -> None:
        """``(table, exchange, date)`` got parts."""
        with self._lock:
            self._changed |= partitions

    @property
    def waiting(self) -> int:
        """How many partitions changed since they were last looked at."""
        return len(self._changed)

    def run(self, stopping: threading.Event) -> None:
        """Body of the thread."""
        while not stopping.wait(self._lake.config.maintenance.interval_seconds):
            with self._lock:
                changed, self._changed = sorted(self._changed), set()
            for table, exchange, date in changed:
                if stopping.is_set():
                    return
                self._tend(table, exchange, date)

    def _tend(self, table: str, exchange: str, date: str) -> None:
        settings = self._lake.config.maintenance
        try:
            done = compact_partition(
                self._lake.events[table],
                {"exchange": exchange, "date": date},
                target_bytes=int(settings.target_file_bytes),
                min_small_files=settings.min_small_files,
            )
        except Transient as error:
            log.warning(events.MAINTENANCE_FAILED, table=table, exchange=exchange, date=date, error=str(error))
            self.note({(table, exchange, date)})
            return
        if done is not None:
            log.info(
                events.PARTITION_COMPACTED,
                table=table,
                exchange=exchange,
                date=date,
                parts_before=done.parts_before,
                parts_after=done.parts_after,
                rows=done.rows,
                bytes_before=done.bytes_before,
                bytes_after=done.bytes_after,
            )
