"""The daemon's live state, published without a port: a small JSON file, replaced whole."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from pointline.io.durable import replace_file

HEARTBEAT_SECONDS = 10.0


class StatePublisher:
    """Writes what ``collect`` returns when it changes, and now and then as a sign of life.

    Used by the supervisor's thread.
    """

    def __init__(self, path: Path, collect: Callable[[], dict[str, object]]) -> None:
        self._path = path
        self._collect = collect
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

    @property
    def troubles(self) -> dict[str, str]:
        """What is in trouble, and how. A copy."""
        return dict(self._troubles)

    def has_trouble(self, what: str) -> bool:
        """Tell whether that trouble is known already."""
        return what in self._troubles

    def publish(self, *, stopped: bool = False) -> None:
        """Replace the file if there is news. A disk that cannot take it is no reason to stop."""
        state = {
            "pid": os.getpid(),
            "running": not stopped,
            "started_at": self._started_at,
            **self._collect(),
            "troubles": dict(self._troubles),
        }
        now = time.time()
        if state == self._published and now - self._published_at < HEARTBEAT_SECONDS:
            return
        try:
            replace_file(self._path, json.dumps({**state, "at": now}).encode(), flush=False)
        except OSError:
            return
        self._published, self._published_at = state, now
