"""Paths waiting to be looked at: bounded, without duplicates, and never in the way of the observer."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class Inbox:
    """Hints on their way to the intake. Thread-safe.

    A path that is queued already is not queued twice; a hint that it is finished outweighs one that it is not. A path
    that is in flight is remembered and comes back when it has landed: it may have changed meanwhile.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._changed = threading.Condition()
        self._queued: OrderedDict[str, bool] = OrderedDict()
        self._seen_at: dict[str, float] = {}
        self._in_flight: set[str] = set()
        self._again: dict[str, bool] = {}
        self._by_scan: set[str] = set()
        self._overflowed = False
        self._closed = False

    def offer(self, path: str, *, finished: bool) -> bool:
        """Queue a path without waiting. False where the queue is full: the hint is lost, a rescan is due."""
        with self._changed:
            if not self._accept(path, finished=finished):
                self._overflowed = True
                return False
            return True

    def put(self, path: str, *, finished: bool, give_up: Callable[[], bool], wake_seconds: float = 0.5) -> bool:
        """Queue a path that a scan came upon, waiting for room.

        False where the inbox was closed meanwhile, or ``give_up`` says so.
        """
        with self._changed:
            while not self._closed and not give_up():
                is_new = path not in self._queued and path not in self._in_flight
                if self._accept(path, finished=finished):
                    if is_new:
                        self._by_scan.add(path)
                    return True
                self._changed.wait(wake_seconds)
            return False

    def take(self, most: int, seconds: float | None) -> list[tuple[str, bool, float]]:
        """Take up to ``most`` paths as ``(path, finished, seen_at)``, waiting up to ``seconds`` for the first.

        ``seen_at`` is on the monotonic clock. The paths are in flight until ``landed``.
        """
        with self._changed:
            if (not self._queued or most == 0) and not self._closed:
                self._changed.wait(seconds)
            taken: list[tuple[str, bool, float]] = []
            while self._queued and len(taken) < most:
                path, finished = self._queued.popitem(last=False)
                self._in_flight.add(path)
                taken.append((path, finished, self._seen_at.pop(path)))
            if taken:
                self._changed.notify_all()
            return taken

    def landed(self, path: str) -> None:
        """The path is not in flight any more; a hint that came meanwhile is queued now."""
        with self._changed:
            self._in_flight.discard(path)
            self._by_scan.discard(path)
            if path in self._again:
                self._enqueue(path, finished=self._again.pop(path))

    def is_by_scan(self, path: str) -> bool:
        """Tell whether a scan brought a path that is queued or in flight, and no event before it."""
        return path in self._by_scan

    def take_overflow(self) -> bool:
        """Tell whether hints were lost since the last call."""
        with self._changed:
            overflowed, self._overflowed = self._overflowed, False
            return overflowed

    def wake(self) -> None:
        """Let a waiting ``take`` return."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Let everybody who waits return."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def has_room(self) -> bool:
        """Another path can be queued."""
        return len(self._queued) < self._capacity

    @property
    def depth(self) -> int:
        """How many paths are queued."""
        return len(self._queued)

    @property
    def is_idle(self) -> bool:
        """Nothing is queued and nothing is in flight."""
        with self._changed:
            return not self._queued and not self._in_flight

    def _accept(self, path: str, *, finished: bool) -> bool:
        if path in self._queued:
            self._queued[path] |= finished
        elif path in self._in_flight:
            self._again[path] = self._again.get(path, False) or finished
        elif len(self._queued) < self._capacity:
            self._enqueue(path, finished=finished)
        else:
            return False
        return True

    def _enqueue(self, path: str, *, finished: bool) -> None:
        self._queued[path] = finished
        self._seen_at[path] = time.monotonic()
        self._changed.notify_all()
