"""How many files and rows got in each minute of the last hours: a bounded ring, the same after a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

MINUTES = 360
SECONDS = 60


class Minutes:
    """Counts per minute, of the last ``MINUTES``. Thread-safe.

    ``clock`` gives seconds since the epoch. What got in before this began to count comes once, from the ledger.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[int, tuple[int, int]] = {}
        self._is_told = False
        self.began_at = clock()

    def add(self, files: int, rows: int) -> None:
        """Files got in just now."""
        self._add([(int(self._clock() // SECONDS), files, rows)])

    @property
    def oldest_at(self) -> float:
        """Seconds since the epoch of what is still kept."""
        return (self._clock() // SECONDS - MINUTES + 1) * SECONDS

    def tell(self, earlier: Iterable[tuple[int, int, int]]) -> None:
        """Take over ``minute, files, rows`` of before it began, the first time that this is called."""
        if not self._is_told:
            self._is_told = True
            self._add(earlier)

    @property
    def is_told(self) -> bool:
        """What got in before is known."""
        return self._is_told

    def as_json(self) -> dict[str, Any]:
        """Return ``first``, the oldest minute in seconds since the epoch, and ``files`` and ``rows`` from it on."""
        with self._lock:
            last = int(self._clock() // SECONDS)
            first = last - MINUTES + 1
            self._forget(first)
            counted = [self._counts.get(minute, (0, 0)) for minute in range(first, last + 1)]
        return {
            "first": first * SECONDS,
            "files": [files for files, _ in counted],
            "rows": [rows for _, rows in counted],
        }

    def _add(self, counts: Iterable[tuple[int, int, int]]) -> None:
        with self._lock:
            for minute, files, rows in counts:
                known = self._counts.get(minute, (0, 0))
                self._counts[minute] = known[0] + files, known[1] + rows
            if len(self._counts) > 2 * MINUTES:
                self._forget(max(self._counts) - MINUTES + 1)

    def _forget(self, first: int) -> None:
        self._counts = {minute: count for minute, count in self._counts.items() if minute >= first}
