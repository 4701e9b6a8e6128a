"""The committer thread: commits batches in order (steps 3 and 4) and says what became of each file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from typing import TypeVar

import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from daemon import events
from daemon.flow import Flow, RunningBatch
from daemon.part import StopSign
from pointline.errors import DiskFull, Transient
from pointline.io.protocols import Outcome
from pointline.services.batch import Entry, Loaded
from pointline.services.ingest import Committed, IngestService
from pointline.services.load import Loader
from pointline.services.schedule import next_try_us
from pointline.tables.ingest_manifest import Status

IDLE_SECONDS = 5.0
LOOK_SECONDS = 0.5
PAUSE_SECONDS = 2.0
TRIES = 8
LONGEST_WAIT_SECONDS = 30.0
EVENT_OF = {
    Status.SUCCESS: events.FILE_COMMITTED,
    Status.QUARANTINED: events.FILE_QUARANTINED,
    Status.FAILED: events.FILE_FAILED,
    Status.DUPLICATE: events.FILE_DUPLICATE,
    Status.PENDING: events.FILE_WAITING,
}

log = structlog.get_logger()

T = TypeVar("T")


class _GivenUpError(Exception):
    """Told to stop while the disk is full. Nothing is lost: the batch is taken up again at the next start."""


class Committer:
    """Takes the oldest batch, waits for its parts, commits it."""

    def __init__(
        self,
        *,
        flow: Flow,
        service: IngestService,
        loader: Loader,
        pool: Executor,
        on_committed: Callable[[Committed], None],
        attempts_of: Callable[[Sequence[int]], Mapping[int, int]],
        steps_read: Callable[[], int],
        clock: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._flow = flow
        self._service = service
        self._loader = loader
        self._pool = pool
        self._on_committed = on_committed
        self._attempts_of = attempts_of
        self._steps_read = steps_read

    def run(self, stopping: StopSign) -> None:
        """Body of the thread. Ends when told to and nothing is in flight any more."""
        while True:
            last_look = stopping.is_set()
            running = self._flow.oldest(seconds=0.0 if last_look else IDLE_SECONDS)
            if running is not None:
                try:
                    self._finish(running, stopping)
                except _GivenUpError:
                    return
            elif last_look:
                return

    def _finish(self, running: RunningBatch, stopping: StopSign) -> None:
        loaded = [self._loaded(running, position, stopping) for position in range(len(running.loads))]
        started = time.monotonic()
        committed = self._repeat(lambda: self._service.commit(running.batch, loaded), "commit", stopping)
        commit_ms = (time.monotonic() - started) * 1000
        landed = self._report(running, loaded, committed, commit_ms)
        self._on_committed(committed)  # before the batch counts as finished: what it reopened is on its way then
        self._flow.finished(landed)

    def _loaded(self, running: RunningBatch, position: int, stopping: StopSign) -> Loaded:
        """Return what a worker made of a group; where the lake's disk was in the way, have it made again."""
        first: list[Future[Loaded]] = [running.loads[position]]

        def load() -> Loaded:
            future = first.pop() if first else self._pool.submit(self._loader.load, running.batch.groups[position])
            self._await(future, stopping)
            return future.result()

        return self._repeat(load, "load", stopping)

    def _await(self, future: Future[Loaded], stopping: StopSign) -> None:
        """Wait for a worker. What workers read counts as a turn of this loop; workers that hang let it stand still."""
        steps = -1
        while not future.done():
            if self._steps_read() != steps:
                steps = self._steps_read()
                stopping.turn()
            wait([future], LOOK_SECONDS)

    def _repeat(self, action: Callable[[], T], step: str, stopping: StopSign) -> T:
        """Repeat what is safe to repeat: a full disk for as long as it is full, other passing trouble a few times."""
        while True:
            try:
                result = self._retrying(step, stopping)(action)
            except DiskFull as error:
                self._pause(step, error, stopping)
                continue
            if self._flow.resume(step):
                log.info(events.INGEST_RESUMED, step=step)
            return result

    def _pause(self, step: str, error: DiskFull, stopping: StopSign) -> None:
        if self._flow.pause(step):
            log.error(events.INGEST_PAUSED, step=step, error=str(error), hint=error.hint)
        if stopping.wait(PAUSE_SECONDS):
            raise _GivenUpError from error

    @staticmethod
    def _retrying(step: str, stopping: StopSign) -> Retrying:
        def told(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.warning(events.INGEST_RETRIED, step=step, attempt=state.attempt_number, error=str(error))

        def pause(seconds: float) -> None:
            stopping.wait(seconds)

        passing = retry_if_exception_type(Transient) & retry_if_not_exception_type(DiskFull)
        return Retrying(
            retry=passing,
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(multiplier=0.1, max=LONGEST_WAIT_SECONDS),
            sleep=pause,
            before_sleep=told,
            reraise=True,
        )

    def _report(
        self, running: RunningBatch, loaded: list[Loaded], committed: Committed, commit_ms: float
    ) -> list[tuple[str, int | None]]:
        """Log one line per file and return the paths that come back."""
        entries = {entry.file_id: entry for entry in running.batch.entries}
        timing = {entry.file_id: group.timing for group in loaded for entry in group.group.entries}
        tried = self._attempts_of([outcome.file_id for outcome in committed.outcomes])
        landed: list[tuple[str, int | None]] = []
        for outcome in committed.outcomes:
            entry = entries.get(outcome.file_id)
            if entry is None:
                continue  # an older version that gave way
            attempts = tried.get(outcome.file_id, 0)
            path = entry.meta.bronze_file_path
            waits = outcome.status is Status.PENDING
            landed.append((path, next_try_us(path, attempts, self._clock()) if waits else None))
            if waits and attempts > 1:
                continue  # said when it began; the end will be said too
            spent = timing.get(outcome.file_id)
            write = log.info if outcome.status in {Status.SUCCESS, Status.DUPLICATE} else log.warning
            write(
                EVENT_OF[outcome.status],
                **_facts(entry, outcome),
                attempts=attempts,
                batch=committed.number,
                waited_ms=round((running.begun_at - running.seen_at[path]) * 1000, 1),
                parse_ms=round(spent.parse_ms, 1) if spent else None,
                write_ms=round(spent.write_ms, 1) if spent else None,
                commit_ms=round(commit_ms, 1),
            )
        log.debug(events.BATCH_COMMITTED, batch=committed.number, files=len(entries), commit_ms=round(commit_ms, 1))
        return landed


def _facts(entry: Entry, outcome: Outcome) -> dict[str, object]:
    meta = entry.meta
    facts: dict[str, object] = {
        "file_id": outcome.file_id,
        "path": meta.bronze_file_path,
        "table": meta.data_type,
        "exchange": meta.exchange,
        "symbol": meta.symbol,
        "date": str(meta.date),
        "status": outcome.status.value,
        "bytes": meta.file_size_bytes,
        "rows_read": outcome.rows_read,
        "rows_written": outcome.rows_written,
        "rows_quarantined": outcome.rows_quarantined,
    }
    if outcome.warnings:
        facts["warnings"] = dict(outcome.warnings)
    if outcome.error:
        facts["error"] = outcome.error
    if entry.candidate.replaces:
        facts["replaces"] = list(entry.candidate.replaces)
    return facts
