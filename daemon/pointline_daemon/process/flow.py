"""What is between intake and committer: the batches in flight, and the files that came back from them."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial

from msgspec import Struct, field

from pointline.services.ingest.batch import Batch, Group, Loaded


class RunningBatch(Struct, kw_only=True):
    """A batch whose groups are with the workers."""

    batch: Batch
    loads: list[Future[Loaded]]
    seen_at: dict[str, float]
    begun_at: float = field(default_factory=time.monotonic)
    bytes: int = 0
    _unread: dict[int, int] = field(default_factory=dict)
    """How many bytes the groups have that are not loaded, by their place."""

    def __post_init__(self) -> None:
        for place, (group, load) in enumerate(zip(self.batch.groups, self.loads, strict=True)):
            self._unread[place] = sum(entry.meta.file_size_bytes for entry in group.entries)
            load.add_done_callback(partial(self._is_read, place))
        self.bytes = sum(entry.meta.file_size_bytes for entry in self.batch.entries)

    def bytes_left(self, reading: Mapping[str, int]) -> int:
        """How much of it is not read yet; ``reading`` holds the paths that are open and how far they are read.

        Workers take the groups in their order: those that are being loaded come first.
        """
        unread = self._unread.copy()
        left = sum(unread.values())
        for place, size in unread.items():
            if not self.loads[place].running():
                break
            left -= size - _left_of(self.batch.groups[place], reading)
        return left

    def _is_read(self, place: int, _load: Future[Loaded]) -> None:
        self._unread.pop(place, None)


class Flow:
    """Batches in flight, oldest first, and counters for whoever wants to know. Thread-safe."""

    def __init__(self, wake_intake: Callable[[], None]) -> None:
        self._wake_intake = wake_intake
        self._changed = threading.Condition()
        self._batches: deque[RunningBatch] = deque()
        self._landed: deque[tuple[str, int | None]] = deque()
        self._postponed: deque[tuple[str, int]] = deque()
        self._paused: set[str] = set()
        self._failing: dict[str, str] = {}
        self._held_up: dict[str, str] = {}
        self._retries: Counter[str] = Counter()
        self.unfinished = 0
        self.scheduled = 0

    def began(self, batch: RunningBatch) -> None:
        """A batch was minted and its groups are with the workers."""
        for load in batch.loads:
            load.add_done_callback(lambda _: self._wake_intake())
        with self._changed:
            self._batches.append(batch)
            self._changed.notify_all()

    def oldest(self, seconds: float) -> RunningBatch | None:
        """Return the batch to commit next, waiting for one; it stays in flight until ``finished``."""
        with self._changed:
            if not self._batches:
                self._changed.wait(seconds)
            return self._batches[0] if self._batches else None

    def finished(self, landed: Iterable[tuple[str, int | None]]) -> None:
        """The oldest batch is committed; ``landed`` are its paths, with the time of the next try where there is one."""
        with self._changed:
            self._batches.popleft()
            self._landed.extend(landed)
        self._wake_intake()

    def postpone(self, path: str, due_us: int) -> None:
        """A file is to be tried again at that time (microseconds since the epoch)."""
        with self._changed:
            self._postponed.append((path, due_us))
        self._wake_intake()

    def take_postponed(self) -> list[tuple[str, int]]:
        """Return the files that were postponed since the last call. They may have come on their way meanwhile."""
        with self._changed:
            postponed = list(self._postponed)
            self._postponed.clear()
            return postponed

    def take_landed(self) -> list[tuple[str, int | None]]:
        """Return the files that came back since the last call."""
        with self._changed:
            landed = list(self._landed)
            self._landed.clear()
            return landed

    def pause(self, step: str) -> bool:
        """A step waits for room on the disk; True where nobody did before."""
        with self._changed:
            first = not self._paused
            self._paused.add(step)
            return first

    def resume(self, step: str) -> bool:
        """A step goes on; True where it was the last that waited."""
        with self._changed:
            if step not in self._paused:
                return False
            self._paused.discard(step)
            return not self._paused

    def troubled(self, step: str, trouble: str) -> bool:
        """A step failed in a way that may pass and is tried again; True where it begins."""
        with self._changed:
            self._retries[step] += 1
            first = step not in self._failing
            self._failing[step] = trouble
            return first

    def recovered(self, step: str) -> bool:
        """A step got through; True where it had failed before."""
        with self._changed:
            return self._failing.pop(step, None) is not None

    def held_up(self, partition: str, why: str) -> bool:
        """Files of a partition cannot be written; the others go on. True where it begins."""
        with self._changed:
            first = partition not in self._held_up
            self._held_up[partition] = why
            return first

    def released(self, partition: str) -> bool:
        """Files of a partition were written; True where they could not be before."""
        with self._changed:
            return self._held_up.pop(partition, None) is not None

    @property
    def partitions_held_up(self) -> dict[str, str]:
        """The partitions that cannot be written, as ``table exchange/date``, and why."""
        with self._changed:
            return dict(self._held_up)

    @property
    def failing(self) -> dict[str, str]:
        """The steps that are being tried again, and why."""
        with self._changed:
            return dict(self._failing)

    @property
    def retries(self) -> dict[str, int]:
        """How often each step was tried again since the start."""
        with self._changed:
            return dict(self._retries)

    @property
    def is_paused(self) -> bool:
        """The disk is full."""
        return bool(self._paused)

    def set_waiting(self, *, unfinished: int, scheduled: int) -> None:
        """Note how many files the waiting room holds."""
        self.unfinished = unfinished
        self.scheduled = scheduled

    @property
    def waiting(self) -> int:
        """How many files the waiting room holds."""
        return self.unfinished + self.scheduled

    def wake(self) -> None:
        """Let a waiting ``oldest`` return."""
        with self._changed:
            self._changed.notify_all()

    @property
    def in_flight(self) -> int:
        """How many batches are minted and not committed."""
        return len(self._batches)

    def oldest_batch_seconds(self) -> float:
        """How long ago the oldest batch in flight was begun."""
        with self._changed:
            return time.monotonic() - self._batches[0].begun_at if self._batches else 0.0

    @property
    def files_in_flight(self) -> int:
        """How many files those batches hold."""
        with self._changed:
            return sum(len(batch.batch.entries) for batch in self._batches)

    def bytes_in_flight(self, reading: Mapping[str, int]) -> tuple[int, int]:
        """How many bytes of input those batches hold, and how many of them are read."""
        with self._changed:
            batches = list(self._batches)
        total = sum(batch.bytes for batch in batches)
        return total, total - sum(batch.bytes_left(reading) for batch in batches)

    @property
    def is_loading(self) -> bool:
        """Workers have something to do."""
        with self._changed:
            return any(not load.done() for batch in self._batches for load in batch.loads)

    @property
    def is_idle(self) -> bool:
        """Nothing is in flight and nothing waits for the intake."""
        with self._changed:
            return not self._batches and not self._landed


def _left_of(group: Group, reading: Mapping[str, int]) -> int:
    """A worker reads the files of a group in their order; with none of them open it types what it has read."""
    sizes = [entry.meta.file_size_bytes for entry in group.entries]
    for position, entry in enumerate(group.entries):
        read = reading.get(entry.meta.bronze_file_path)
        if read is not None:
            return max(0, sum(sizes[position:]) - read)
    return 0
