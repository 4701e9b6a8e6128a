"""The daemon's live state, published without a port: a small JSON file, replaced whole."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from pointline.io.durable import replace_file

if TYPE_CHECKING:
    from daemon.supervisor import Supervisor

HEARTBEAT_SECONDS = 10.0


class StatePublisher:
    """Writes the state when it changes, and now and then as a sign of life. Used by the supervisor's thread."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._path = supervisor.lake.config.paths.state_file
        self._started_at = time.time()
        self._published: dict[str, object] = {}
        self._published_at = 0.0
        self._troubles: dict[str, str] = {}

    def trouble(self, what: str, text: str | None) -> None:
        """Note trouble with a part of the daemon, or None when it has passed."""
        if text is None:
            self._troubles.pop(what, None)
        else:
            self._troubles[what] = text

    def has_trouble(self, what: str) -> bool:
        """Tell whether that trouble is known already."""
        return what in self._troubles

    def publish(self, *, stopped: bool = False) -> None:
        """Replace the file if there is news. A disk that cannot take it is no reason to stop."""
        state = self._collect(stopped=stopped)
        now = time.time()
        if state == self._published and now - self._published_at < HEARTBEAT_SECONDS:
            return
        try:
            replace_file(self._path, json.dumps({**state, "at": now}).encode(), flush=False)
        except OSError:
            return
        self._published, self._published_at = state, now

    def _collect(self, *, stopped: bool) -> dict[str, object]:
        daemon = self._supervisor
        flow = daemon.flow
        return {
            "pid": os.getpid(),
            "running": not stopped,
            "started_at": self._started_at,
            "paused": flow.is_paused,
            "queued": daemon.inbox.depth,
            "in_flight": flow.files_in_flight,
            "unfinished": flow.unfinished,
            "scheduled": flow.scheduled,
            "partitions_waiting": daemon.maintenance.waiting,
            "last_scan": daemon.rescanner.last_scan,
            "files_done": daemon.files_done,
            "rows_written": daemon.rows_written,
            "troubles": dict(self._troubles),
        }
