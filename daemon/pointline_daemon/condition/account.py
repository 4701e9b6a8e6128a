"""What the daemon has done since it started: plain counts, fed by what the committer and the maintenance tell."""

from __future__ import annotations

import bisect
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from msgspec import Struct, field

from pointline.io.protocols.file_version import Outcome
from pointline.services.ingest.batch import Entry, Timing
from pointline.tables.ingest_manifest import Status
from pointline_daemon import events
from pointline_daemon.condition.minutes import Minutes

RECENT_FILES = 12
RECENT_COMMITS = 5
UNKNOWN = "unknown"
"""Stands for a data type there is no table for: names that files bring must not multiply what is counted."""
COMMIT_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
QUERYABLE_BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)

T = TypeVar("T")


class FileDone(Struct, frozen=True, kw_only=True):
    """A file that came out of a batch, whatever became of it. ``seconds``: from its arrival to the commit."""

    entry: Entry
    outcome: Outcome
    attempts: int
    waited_seconds: float
    timing: Timing | None
    seconds: float


class BatchDone(Struct, frozen=True, kw_only=True):
    """A committed batch. ``set_aside`` counts rows by ``(table, rule)``."""

    number: int
    files: tuple[FileDone, ...]
    set_aside: Mapping[tuple[str, str], int]
    commit_seconds: float


class Histogram(Struct):
    """Counts by upper bound, the last one without a bound; none of them includes another."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.total += value


class Counts(Struct):
    """Everything counted since the start, by table and what else tells it apart."""

    batches: int = 0
    files: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """By table and status."""
    rows: Counter[tuple[str, ...]] = field(default_factory=Counter)
    bytes: Counter[tuple[str, ...]] = field(default_factory=Counter)
    set_aside: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """Rows by table and rule."""
    compactions: Counter[tuple[str, ...]] = field(default_factory=Counter)
    vacuumed_files: Counter[tuple[str, ...]] = field(default_factory=Counter)
    checkpoints: Counter[tuple[str, ...]] = field(default_factory=Counter)
    commit_seconds: Histogram = field(default_factory=lambda: Histogram(COMMIT_BOUNDS))
    queryable_seconds: Histogram = field(default_factory=lambda: Histogram(QUERYABLE_BOUNDS))
    last_success_at: float = 0.0
    """Seconds since the epoch; 0 where nothing got in yet."""


class Account:
    """Adds up. Thread-safe; who reads does so under ``read``."""

    def __init__(self, tables: Collection[str], clock: Callable[[], float] = time.time) -> None:
        self.tables = frozenset(tables)
        self._clock = clock
        self._lock = threading.Lock()
        self._counts = Counts()
        self._files: deque[dict[str, Any]] = deque(maxlen=RECENT_FILES)
        self._commits: deque[dict[str, Any]] = deque(maxlen=RECENT_COMMITS)
        self.minutes = Minutes(clock)

    def add_batch(self, done: BatchDone) -> None:
        """A batch was committed."""
        now = self._clock()
        with self._lock:
            counts = self._counts
            counts.batches += 1
            counts.commit_seconds.observe(done.commit_seconds)
            for file in done.files:
                self._add_file(file, now)
            for (table, rule), rows in done.set_aside.items():
                counts.set_aside[self.known(table), rule] += rows
            landed = [file for file in done.files if file.outcome.status is Status.SUCCESS]
            if landed:
                counts.last_success_at = now
                self.minutes.add(len(landed), sum(file.outcome.rows_written or 0 for file in landed))
                self._commits.appendleft(
                    {
                        "at": now,
                        "batch": done.number,
                        "files": len(landed),
                        "rows": sum(file.outcome.rows_written or 0 for file in landed),
                        "tables": sorted({file.entry.meta.data_type for file in landed}),
                        "commit_ms": round(done.commit_seconds * 1000, 1),
                    }
                )

    def _add_file(self, file: FileDone, now: float) -> None:
        meta, outcome = file.entry.meta, file.outcome
        table, counts = self.known(meta.data_type), self._counts
        counts.files[table, outcome.status.value] += 1
        if outcome.status is not Status.PENDING:
            counts.bytes[table,] += meta.file_size_bytes
        if outcome.status is Status.SUCCESS:
            counts.rows[table,] += outcome.rows_written or 0
            counts.queryable_seconds.observe(file.seconds)
        self._files.appendleft(
            {
                "at": now,
                "file_id": outcome.file_id,
                "path": meta.bronze_file_path,
                "table": table,
                "status": outcome.status.value,
                "rows": outcome.rows_written or 0,
                "set_aside": outcome.rows_quarantined or 0,
                "bytes": meta.file_size_bytes,
                "ms": round(file.seconds * 1000, 1),
            }
        )

    def add_upkeep(self, event: str, facts: Mapping[str, Any]) -> None:
        """The maintenance did something."""
        with self._lock:
            table, counts = str(facts["table"]), self._counts
            if event == events.PARTITION_COMPACTED:
                counts.compactions[table,] += 1
            elif event == events.TABLE_VACUUMED:
                counts.vacuumed_files[table,] += int(facts["files"])
            elif event == events.TABLE_CHECKPOINTED:
                counts.checkpoints[table,] += 1

    def known(self, table: str) -> str:
        """Return the name to count under."""
        return table if table in self.tables else UNKNOWN

    def read(self, look: Callable[[Counts], T]) -> T:
        """Look at the counts while nothing is added."""
        with self._lock:
            return look(self._counts)

    def recent(self) -> dict[str, list[dict[str, Any]]]:
        """Return the last files and the last commits that brought rows, newest first."""
        with self._lock:
            return {"last_files": list(self._files), "last_commits": list(self._commits)}
