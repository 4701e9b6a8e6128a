"""A queue for one reader that signal handlers may put into.

``queue.SimpleQueue`` is made for that too, but its ``get`` may wait for ever where a signal comes at the end of its
time (seen with CPython 3.11): what is left of the time is negative then, which it takes for no limit.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Any thread, and any signal handler, may put; one thread gets."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._filled = threading.Lock()
        """Free where something may have come since the last look."""
        self._filled.acquire()

    def put(self, item: T) -> None:
        """Add an item. It waits for nothing."""
        self._items.append(item)
        try:
            self._filled.release()
        except RuntimeError:
            return  # it is free already

    def get(self, seconds: float) -> T | None:
        """Return the oldest item, None where none comes in that time."""
        ends_at = time.monotonic() + seconds
        while not self._items:
            left = ends_at - time.monotonic()
            if left <= 0 or not self._filled.acquire(timeout=left):
                break
        return self._items.popleft() if self._items else None
