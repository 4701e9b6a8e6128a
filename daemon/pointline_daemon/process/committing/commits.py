"""What follows from a commit: it is counted, its partitions are noted, and files that it reopens are ingested again."""

from __future__ import annotations

import time

import structlog

from pointline.services.ingest.effects import Committed
from pointline.tables.ingest_manifest import Status
from pointline_daemon import events
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.arrival.rescanner import Rescanner
from pointline_daemon.condition.account import Account, BatchDone
from pointline_daemon.process.maintenance.thread import Maintenance

log = structlog.get_logger()


class Commits:
    """Counts since the start. Written by the committer's thread, read by any."""

    def __init__(self, *, account: Account, maintenance: Maintenance, inbox: Inbox, rescanner: Rescanner) -> None:
        self._account = account
        self._maintenance = maintenance
        self._inbox = inbox
        self._rescanner = rescanner
        self.files_done = 0
        self.rows_written = 0
        self.last_at: float | None = None

    def note(self, committed: Committed, done: BatchDone) -> None:
        """A batch was committed."""
        self._account.add_batch(done)
        self._maintenance.note(committed.partitions)
        for one in committed.judged_anew:
            event = events.SYMBOLS_HELD if one.error else events.SYMBOLS_RELEASED
            log.warning(event, file_id=one.file_id, status=one.status.value, error=one.error)
        for path in committed.reopened:
            if not self._inbox.offer(path, finished=False):
                self._rescanner.ask("queue full")
        self.last_at = time.time()
        self.files_done += sum(file.outcome.status is not Status.PENDING for file in done.files)
        self.rows_written += sum(outcome.rows_written or 0 for outcome in committed.outcomes)
