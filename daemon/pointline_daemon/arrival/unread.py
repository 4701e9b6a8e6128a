"""What lies in bronze and is not read, as of the last scan and of what has arrived since."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from typing import Any

import structlog

from pointline.io.bronze.paths.unrecognised import EXAMPLES, Seen, Unrecognised
from pointline_daemon import events

MOST_REMEMBERED = 50_000
"""Beyond that many paths, arrivals are counted by the scans alone."""
HINT = "`pointline files --unrecognised` lists them, with what to do; to ignore a name, add it to bronze.ignore_also"

log = structlog.get_logger()


class Unread:
    """Counts and names them. Thread-safe; the log has a line when that changes, not one per file.

    ``look(path)`` says why a path is not read, and None where it is, or is left alone by its name, or is gone.
    """

    def __init__(self, look: Callable[[str], Unrecognised | None]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._files: int | None = None
        self._examples: list[Unrecognised] = []
        self._known: frozenset[str] | None = frozenset()
        self._since: dict[str, Unrecognised] = {}
        self._before_scan: frozenset[str] = frozenset()
        self._said: tuple[int, list[str]] = (0, [])

    @property
    def state(self) -> dict[str, Any] | None:
        """Return how many files there are and the first of them, ready for JSON; None before the first scan."""
        with self._lock:
            if self._files is None:
                return None
            files, examples = self._latest()
        return {"files": files, "examples": [one.as_json() for one in examples]}

    def met(self, path: str) -> None:
        """A path was looked at that is no market data."""
        if self._known is None or path in self._known or len(self._since) >= MOST_REMEMBERED:
            return
        found = self._look(path)
        if found is not None:
            with self._lock:
                self._since[path] = found

    def scan_begins(self) -> None:
        """All of bronze is walked now."""
        with self._lock:
            self._before_scan = frozenset(self._since)

    def scanned(self, seen: Seen) -> None:
        """A scan of all of bronze came to its end."""
        examples = seen.first()
        known = frozenset(seen.paths()) if seen.files <= MOST_REMEMBERED else None
        with self._lock:
            self._files, self._examples, self._known = seen.files, examples, known
            gone_by = self._before_scan | (known or frozenset())
            self._since = {path: one for path, one in self._since.items() if path not in gone_by}

    def say(self) -> None:
        """Log what has changed since this was last called, if anything."""
        with self._lock:
            if self._files is None:
                return
            files, examples = self._latest()
            news = files, [one.path for one in examples]
            if news == self._said:
                return
            self._said = news
        write = log.warning if files else log.info
        shown = [{"path": one.path, "looks_like": one.looks_like} for one in examples]
        facts = {"hint": HINT} if files else {}
        write(events.BRONZE_UNRECOGNISED, files=files, examples=shown, **facts)

    def _latest(self) -> tuple[int, list[Unrecognised]]:
        assert self._files is not None
        examples = heapq.nsmallest(EXAMPLES, [*self._examples, *self._since.values()])
        return self._files + len(self._since), examples
