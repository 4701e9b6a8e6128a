"""Which partitions got data files and are not compacted yet, and how much effort each of them is worth by now."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterable

from msgspec import Struct

from pointline.services.compaction import COLD, COOL, Effort, while_hot
from pointline.settings import MaintenanceSettings
from pointline_daemon.process.maintenance.compactions import Partition

COOL_INTERVALS = 2
COLD_SECONDS = 3600.0
"""Nothing came for so long: few parts are left of a partition, though little came since the last time."""
MANY_BATCHES = 16
"""So many batches since its parts were few are worth to make them few again once it has cooled."""
HOT_LOOKS = 2
"""A partition that got so many times the small files worth a compaction is looked at before the interval is over."""


class Look(Struct, frozen=True, kw_only=True):
    """A partition as it is when it is looked at."""

    partition: Partition
    effort: Effort
    changed_at: float


class _Noted(Struct, kw_only=True):
    """``is_cool``: it was compacted since it changed, and may be worth more effort once it is cold."""

    changed_at: float
    batches: int = 0
    batches_unseen: int = 0
    is_cool: bool = False


class NotedPartitions:
    """Written by the committer, looked at by the maintenance. Thread-safe."""

    def __init__(self, settings: MaintenanceSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._noted: dict[Partition, _Noted] = {}
        self._busy: set[Partition] = set()

    def note(self, partitions: Iterable[Partition]) -> None:
        """A batch brought parts to these."""
        now, many = time.monotonic(), HOT_LOOKS * self._settings.min_small_files
        with self._lock:
            for partition in partitions:
                noted = self._noted.setdefault(partition, _Noted(changed_at=now))
                noted.changed_at, noted.is_cool = now, False
                noted.batches += 1
                noted.batches_unseen += 1
                if noted.batches_unseen >= many:
                    self._busy.add(partition)

    def note_old(self, partitions: Iterable[Partition], seconds: float = 0.0) -> None:
        """They got parts before the start, however many, and none for so long."""
        with self._lock:
            for partition in partitions:
                self._noted[partition] = _Noted(changed_at=time.monotonic() - seconds, batches=MANY_BATCHES)

    @property
    def waiting(self) -> int:
        """How many changed and are not compacted yet."""
        with self._lock:
            return sum(not noted.is_cool for noted in self._noted.values())

    def first_waiting(self, most: int) -> list[Partition]:
        """Return some of them, longest untouched first."""
        with self._lock:
            waiting = [(noted.changed_at, one) for one, noted in self._noted.items() if not noted.is_cool]
        return [one for _, one in heapq.nsmallest(most, waiting)]

    def take_busy(self) -> list[Partition]:
        """Return those that got so much since they were looked at that they do not wait for the next turn."""
        with self._lock:
            busy, self._busy = sorted(self._busy), set()
        return busy

    def due(self) -> list[Partition]:
        """Return those that a turn looks at."""
        with self._lock:
            self._busy.clear()
            return sorted(one for one, noted in self._noted.items() if not noted.is_cool or _is_cold(noted))

    def look(self, partition: Partition) -> Look | None:
        """Return how much a partition is worth now; None where it was dealt with meanwhile."""
        with self._lock:
            noted = self._noted.get(partition)
            if noted is None:
                return None
            noted.batches_unseen = 0
            return Look(partition=partition, effort=self._effort(noted), changed_at=noted.changed_at)

    def settle(self, look: Look) -> None:
        """A partition was compacted as it was looked at: it is forgotten, or waits until it is cold."""
        with self._lock:
            noted = self._noted.get(look.partition)
            if noted is not None and noted.changed_at == look.changed_at and look.effort in {COOL, COLD}:
                noted.is_cool = True
                if look.effort == COLD:
                    del self._noted[look.partition]

    def _effort(self, noted: _Noted) -> Effort:
        """Where nothing comes any more, few parts are left, as far as that is worth it."""
        if time.monotonic() - noted.changed_at < COOL_INTERVALS * self._settings.interval_seconds:
            return while_hot(self._settings.min_small_files)
        return COLD if noted.batches >= MANY_BATCHES or _is_cold(noted) else COOL


def _is_cold(noted: _Noted) -> bool:
    return time.monotonic() - noted.changed_at >= COLD_SECONDS
