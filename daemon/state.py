"""The daemon's live state, published without a port: a small JSON file, replaced whole."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from daemon.health import Health, judge_state
from pointline.io.durable import replace_file

HEARTBEAT_SECONDS = 10.0
LEAST_SECONDS = 0.4
UNCOMPARED = ("machine", "at")
"""What changes all the time is no news."""


class StatePublisher:
    """Writes what ``collect`` returns when it changes, and now and then as a sign of life.

    Used by the supervisor's thread; ``latest`` and ``health`` by any.
    """

    def __init__(self, path: Path, collect: Callable[[], dict[str, object]]) -> None:
        self._path = path
        self._collect = collect
        self._started_at = time.time()
        self._published: dict[str, object] = {}
        self._published_at = 0.0
        self._troubles: dict[str, str] = {}
        self.latest: dict[str, object] = {}
        """As of the last look; never changed, only replaced."""

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

    def health(self) -> Health:
        """Judge by the last look, and by how long ago it was."""
        if not self.latest:
            return Health(word="starting", serves=False)
        return judge_state(self.latest, now=time.time())

    def publish(self, *, stopped: bool = False) -> None:
        """Replace the file if there is news. A disk that cannot take it is no reason to stop."""
        now = time.time()
        if not stopped and 0 <= now - float(str(self.latest.get("at", 0.0))) < LEAST_SECONDS:
            return
        self.latest = {
            "pid": os.getpid(),
            "running": not stopped,
            "started_at": self._started_at,
            **self._collect(),
            "troubles": dict(self._troubles),
            "at": now,
        }
        news = {name: value for name, value in self.latest.items() if name not in UNCOMPARED}
        if news == self._published and 0 <= now - self._published_at < HEARTBEAT_SECONDS:
            return
        try:
            replace_file(self._path, json.dumps(self.latest).encode(), flush=False)
        except OSError:
            return
        self._published, self._published_at = news, now
