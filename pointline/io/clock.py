"""How old something is, whatever has been done to the machine's clock meanwhile.

The clock of the wall jumps: by NTP after a wrong start, by a person, by days. The monotonic clock does not, and means
nothing in another process. Here the two are compared now and then: where they have drifted apart, the wall clock was
changed, and a new reckoning begins. A time stamp is then looked up in the reckoning that it was made in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SLACK_SECONDS = 30.0
"""By so much the clock may be moved unnoticed, and a stamp be older than the moment at which a jump was noticed."""
MOST_RECKONINGS = 500


class Clock:
    """The wall clock, with its jumps. Thread-safe. ``wall`` is in seconds since the epoch, ``steady`` in any others."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._lock = threading.Lock()
        began = steady()
        self._reckonings = [(began, wall() - began)]
        """Since when, and what the wall clock was ahead of the steady one by."""

    def now_us(self) -> int:
        """Return the time by the wall clock as it was at first, carried on steadily: for differences and waits."""
        self.look()
        return int((self._reckonings[0][1] + self._steady()) * 1_000_000)

    def stamp_ms(self) -> int:
        """Return the time by the wall clock, milliseconds since the epoch, for a record whose age will be asked for."""
        self.look()
        return int(self._wall() * 1000)

    def look(self) -> None:
        """Compare the two clocks: to be called when a time stamp is made, and now and then."""
        with self._lock:
            self._look()

    def _look(self) -> float:
        steady = self._steady()
        ahead = self._wall() - steady
        if abs(ahead - self._reckonings[-1][1]) > SLACK_SECONDS:
            self._reckonings.append((steady, ahead))
            if len(self._reckonings) > MOST_RECKONINGS:
                del self._reckonings[1]
        return steady

    def age(self, stamp: float) -> float | None:
        """Return how many seconds ago a wall clock showed this; None for a time that none has shown yet.

        Where several may have, the latest counts: nothing is taken for older than it is.
        """
        with self._lock:
            now = end = self._look()
            for since, ahead in reversed(self._reckonings):
                made = stamp - ahead
                if since - SLACK_SECONDS <= made <= end + SLACK_SECONDS:
                    return max(0.0, now - made)
                end = since
            since, ahead = self._reckonings[0]
            return now - (stamp - ahead) if stamp - ahead < since else None

    def age_us(self, stamp_us: int) -> int:
        """Return how many microseconds ago this was; a time that no clock has shown yet is taken for this moment."""
        return int((self.age(stamp_us / 1_000_000) or 0.0) * 1_000_000)
