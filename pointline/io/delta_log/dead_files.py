"""How many bytes in a table's folder no version needs any more, and since when. Followed, not looked up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from pointline.io.clock import Clock
from pointline.io.protocols.tables import Part

GRAIN_SECONDS = 60


class DeadFiles:
    """Bytes by the minute since which nobody needs them. Thread-safe.

    Files that no commit names are known once somebody has looked at the folder.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._bytes: Counter[int] = Counter()
        self._is_known = False

    def found(self, files: Iterable[tuple[float, int]]) -> None:
        """Take note of all that are there: since when nobody needs each, seconds since the epoch, and its size."""
        counted: Counter[int] = Counter()
        for since, size in files:
            counted[int(since) // GRAIN_SECONDS] += size
        with self._lock:
            self._bytes, self._is_known = counted, True

    def add(self, parts: Iterable[Part], since_ms: int) -> None:
        """Take note of parts that a commit removed."""
        with self._lock:
            self._bytes[since_ms // 1000 // GRAIN_SECONDS] += sum(part.size_bytes for part in parts)

    @property
    def size_bytes(self) -> int | None:
        """Size of all of them; None where nobody has looked yet."""
        with self._lock:
            return self._bytes.total() if self._is_known else None

    def older_than(self, seconds: float) -> int:
        """Return the size of those that nobody has needed for so long, as far as that is certain."""
        with self._lock:
            stamps = list(self._bytes.items())
        ages = ((self._clock.age(float((minute + 1) * GRAIN_SECONDS)), size) for minute, size in stamps)
        return sum(size for age, size in ages if age is not None and age >= seconds)
