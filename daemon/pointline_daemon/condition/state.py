"""The daemon's live state, published without a port: a small JSON file, replaced whole."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from pointline.ascii_json import ascii_json
from pointline.io.durable import replace_file, write_over
from pointline.io.translate import FULL, from_os_error
from pointline_daemon import events
from pointline_daemon.condition.health import Health, judge_state

log = structlog.get_logger()
HEARTBEAT_SECONDS = 10.0
LEAST_SECONDS = 0.4
UNEXPECTED = "it ended unexpectedly: killed, a power cut, or it could not write its state"
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
        self._last_death = last_death(read_state(path))
        self._is_closed = False
        self._is_unwritten = False
        self.latest: dict[str, object] = {}
        """As of the last look; never changed, only replaced."""

    def trouble(self, what: str, text: str | None) -> None:
        """Note trouble with a thread of the daemon, or None when it has passed."""
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
        if not self.latest and not self._troubles:
            return Health(word="starting", serves=False)
        now = time.time()
        return judge_state({"at": now, **self.latest, "troubles": dict(self._troubles)}, now=now)

    def died(self, reason: str) -> None:
        """The daemon is about to end for this reason; it stays in the state until a daemon ended well."""
        self._last_death = {"at": time.time(), "reason": reason}

    def close(self) -> None:
        """Publish no more: the place is somebody else's."""
        self._is_closed = True

    def publish(self, *, stopped: bool = False, at_once: bool = False) -> None:
        """Replace the file if there is news, ``at_once`` however new the last is. A full disk is no reason to stop."""
        now = time.time()
        if not (stopped or at_once) and 0 <= now - float(str(self.latest.get("at", 0.0))) < LEAST_SECONDS:
            return
        self.latest = {
            "pid": os.getpid(),
            "running": not stopped,
            "started_at": self._started_at,
            **self._collect(),
            "troubles": dict(self._troubles),
            "last_death": self._last_death,
            "at": now,
        }
        news = {name: value for name, value in self.latest.items() if name not in UNCOMPARED}
        is_known = news == self._published and 0 <= now - self._published_at < HEARTBEAT_SECONDS
        if self._is_closed or (is_known and self._path.exists()):
            return
        if not self._path.parent.parent.is_dir():
            return  # the lake was moved away: no other is made in its place
        try:
            self._write(ascii_json(self.latest))
        except OSError as error:
            if not self._is_unwritten:
                found = from_os_error(error, str(self._path))
                log.error(events.STATE_UNWRITTEN, path=str(self._path), error=str(found), hint=found.hint)
            self._is_unwritten = True
            return
        self._is_unwritten = False
        self._published, self._published_at = news, now

    def _write(self, content: bytes) -> None:
        try:
            self._path.parent.mkdir(exist_ok=True)
            replace_file(self._path, content, flush=False)
        except OSError as error:
            if error.errno not in FULL:
                raise
            write_over(self._path, content)  # that the disk is full is what people have to read there


def read_state(path: Path) -> dict[str, Any]:
    """Return the last published state; empty where there is none that can be read."""
    try:
        state = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}


def last_death(state: dict[str, Any]) -> dict[str, Any] | None:
    """Return when (seconds since the epoch) and why a daemon that is gone now ended, None where it ended as it should.

    ``state`` is what it published last.
    """
    if state.get("running"):
        return {"at": float(state.get("at", 0.0)), "reason": UNEXPECTED}
    died = state.get("last_death")
    is_its_own = isinstance(died, dict) and float(died.get("at", 0.0)) >= float(state.get("started_at", 0.0))
    return died if is_its_own else None
