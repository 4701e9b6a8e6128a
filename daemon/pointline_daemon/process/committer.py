"""The committer thread: commits batches in order (steps 3 and 4) and says what became of each file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from typing import TypeVar

import polars as pl
import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from pointline.errors import DiskFull, NoAccess, PartsLost, StorageTrouble, Transient
from pointline.io.protocols.file_version import Outcome
from pointline.services.ingest.batch import Entry, Group, Loaded, Timing
from pointline.services.ingest.effects import Committed, IngestService
from pointline.services.ingest.schedule import next_try_us
from pointline.services.loading.load import Loader
from pointline.tables.ingest_manifest import Status
from pointline_daemon import events
from pointline_daemon.condition.account import BatchDone, FileDone
from pointline_daemon.process.flow import Flow, RunningBatch
from pointline_daemon.process.part import StopSign

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
    """Told to stop while the disk is full, or shut. Nothing is lost: the batch is done at the next start."""


class Committer:
    """Takes the oldest batch, waits for its parts, commits it."""

    def __init__(
        self,
        *,
        flow: Flow,
        service: IngestService,
        loader: Loader,
        pool: Executor,
        on_committed: Callable[[Committed, BatchDone], None],
        attempts_of: Callable[[Sequence[int]], Mapping[int, int]],
        steps_read: Callable[[], int],
        clock: Callable[[], int],
        require_lake: Callable[[], None],
        waits_for_access: bool,
    ) -> None:
        self._waits_for_access = waits_for_access
        self._require_lake = require_lake
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
                    self._leave_the_rest()
                    return
            elif last_look:
                return

    def _finish(self, running: RunningBatch, stopping: StopSign) -> None:
        loaded = [self._loaded(running, position, stopping) for position in range(len(running.loads))]
        self._got_through("load")
        started = time.monotonic()
        committed = self._repeat(lambda: self._commit(running, loaded, stopping), "commit", stopping)
        self._got_through("commit")
        self._release_tables(loaded)
        done = self._facts_of(running, loaded, committed, time.monotonic() - started)
        landed = self._report(running, done, _without_access(loaded))
        self._on_committed(committed, done)  # before the batch counts as finished: what it reopened is on its way then
        self._flow.finished(landed)

    def _leave_the_rest(self) -> None:
        """Note that the batches in flight are left in good order, as far as the disk has room for that."""
        while (running := self._flow.oldest(seconds=0.0)) is not None:
            with suppress(Transient):
                self._service.leave(running.batch)
            self._flow.finished([])

    def _commit(self, running: RunningBatch, loaded: list[Loaded], stopping: StopSign) -> Committed:
        """Commit the batch; groups whose data files are gone are loaded again before it is tried once more."""
        self._require_lake()
        try:
            return self._service.commit(running.batch, loaded)
        except NoAccess as error:
            if not self._hold_up_table(loaded, error):
                raise
            return self._commit(running, loaded, stopping)
        except PartsLost as error:
            for position, group in enumerate(loaded):
                if not error.paths.isdisjoint(part.part.path for part in group.parts):
                    self._service.discard([group])
                    loaded[position] = self._loaded(running, position, stopping, is_again=True)
            raise

    def _loaded(self, running: RunningBatch, position: int, stopping: StopSign, *, is_again: bool = False) -> Loaded:
        """Return what a worker made of a group; where the lake's disk was in the way, have it made again."""
        first: list[Future[Loaded]] = [] if is_again else [running.loads[position]]

        def load() -> Loaded:
            future = first.pop() if first else self._pool.submit(self._loader.load, running.batch.groups[position])
            self._await(future, stopping)
            return future.result()

        group = running.batch.groups[position]
        partition = f"{group.table} {group.entries[0].meta.exchange}/{group.entries[0].meta.date}"
        try:
            done = self._repeat(load, "load", stopping)
        except StorageTrouble as error:
            return self._hold_up(group, partition, error)
        if done.parts and self._flow.released(partition):
            log.info(events.PARTITION_RELEASED, partition=partition)
        return done

    def _release_tables(self, loaded: Iterable[Loaded]) -> None:
        """Say of tables that were held up that they can be written again."""
        for table in sorted({one.group.table for one in loaded if one.parts}):
            if self._flow.released(table):
                log.info(events.PARTITION_RELEASED, partition=table)

    def _hold_up(self, group: Group, partition: str, error: StorageTrouble) -> Loaded:
        """Put the files of a partition that cannot be written back, so that the rest of the batch gets in."""
        if self._flow.held_up(partition, str(error)):
            files = len(group.entries)
            log.error(events.PARTITION_HELD_UP, partition=partition, files=files, error=str(error), hint=error.hint)
        return Loaded(group=group, delays={entry.file_id: error for entry in group.entries})

    def _hold_up_table(self, loaded: list[Loaded], error: NoAccess) -> bool:
        """Put the files of a table whose log cannot be written back; tell whether any of them was to go in."""
        shut = [number for number, one in enumerate(loaded) if one.group.table == error.subject and not one.delays]
        for number in shut:
            self._service.discard([loaded[number]])
            loaded[number] = self._hold_up(loaded[number].group, error.subject, error)
        return bool(shut)

    def _await(self, future: Future[Loaded], stopping: StopSign) -> None:
        """Wait for a worker. What workers read counts as a turn of this loop; workers that hang let it stop."""
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
                return self._retrying(step, stopping)(action)
            except DiskFull as error:
                self._pause(step, error, stopping)
            except NoAccess as error:  # to the ledger, or to quarantine: nothing can go in without them
                if step != "commit" or not self._waits_for_access:
                    raise
                self._pause(step, error, stopping)

    def _got_through(self, step: str) -> None:
        """The whole batch is past that step: where there was trouble, it has ended."""
        if self._flow.resume(step) | self._flow.recovered(step):
            log.info(events.INGEST_RESUMED, step=step)

    def _pause(self, step: str, error: DiskFull | NoAccess, stopping: StopSign) -> None:
        if self._flow.pause(step):
            log.error(events.INGEST_PAUSED, step=step, error=str(error), hint=error.hint)
        if stopping.wait(PAUSE_SECONDS):
            raise _GivenUpError from error

    def _retrying(self, step: str, stopping: StopSign) -> Retrying:
        def told(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if self._flow.troubled(step, str(error)):
                log.warning(events.INGEST_RETRIED, step=step, error=str(error), hint=getattr(error, "hint", ""))

        def pause(seconds: float) -> None:
            stopping.wait(seconds)

        # Where a partition or a table may not be written, waiting for it would hold up all others.
        passing = retry_if_exception_type(Transient) & retry_if_not_exception_type((DiskFull, NoAccess))
        return Retrying(
            retry=passing,
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(multiplier=0.1, max=LONGEST_WAIT_SECONDS, jitter=0.1),
            sleep=pause,
            before_sleep=told,
            reraise=True,
        )

    def _facts_of(
        self, running: RunningBatch, loaded: list[Loaded], committed: Committed, commit_seconds: float
    ) -> BatchDone:
        """Bring together what is known about each file of the batch."""
        entries = {entry.file_id: entry for entry in running.batch.entries}
        spent = {file_id: timing for group in loaded for file_id, timing in _shares(group)}
        tried = self._attempts_of([outcome.file_id for outcome in committed.outcomes])
        now = time.monotonic()
        files = []
        for outcome in committed.outcomes:
            entry = entries.get(outcome.file_id)
            if entry is None:
                continue  # an older version that gave way
            seen_at = running.seen_at[entry.meta.bronze_file_path]
            files.append(
                FileDone(
                    entry=entry,
                    outcome=outcome,
                    attempts=tried.get(outcome.file_id, 0),
                    waited_seconds=running.begun_at - seen_at,
                    timing=spent.get(outcome.file_id),
                    seconds=now - seen_at,
                )
            )
        counted = [one.outcome.file_id for one in files if one.outcome.rows_quarantined]
        return BatchDone(
            number=committed.number,
            files=tuple(files),
            set_aside=_count_rules(loaded, counted),
            commit_seconds=commit_seconds,
        )

    def _report(self, running: RunningBatch, done: BatchDone, shut: Collection[int]) -> list[tuple[str, int | None]]:
        """Log one line per file and return the paths that come back."""
        landed: list[tuple[str, int | None]] = []
        commit_ms = round(done.commit_seconds * 1000, 1)
        bound = log.bind()  # once, not for each file
        for file in done.files:
            status, path = file.outcome.status, file.entry.meta.bronze_file_path
            waits = status is Status.PENDING
            comes_back = waits and (self._waits_for_access or file.outcome.file_id not in shut)
            landed.append((path, next_try_us(path, file.attempts, self._clock()) if comes_back else None))
            if waits and file.attempts > 1:
                continue  # said when it began; the end will be said too
            write = bound.info if status in {Status.SUCCESS, Status.DUPLICATE} else bound.warning
            write(
                EVENT_OF[status],
                **_facts(file.entry, file.outcome),
                attempts=file.attempts,
                batch=done.number,
                waited_ms=round(file.waited_seconds * 1000, 1),
                parse_ms=round(file.timing.parse_ms, 1) if file.timing else None,
                write_ms=round(file.timing.write_ms, 1) if file.timing else None,
                commit_ms=commit_ms,
            )
        log.debug(events.BATCH_COMMITTED, batch=done.number, files=len(running.batch.entries), commit_ms=commit_ms)
        return landed


def _without_access(loaded: Iterable[Loaded]) -> set[int]:
    """The files that wait for a person to let them be read, or written."""
    return {file_id for group in loaded for file_id, error in group.delays.items() if isinstance(error, NoAccess)}


def _shares(group: Loaded) -> Iterator[tuple[int, Timing]]:
    """Yield each file's share in the time of its group, which is typed and written together: by its bytes."""
    entries, timing = group.group.entries, group.timing
    total = sum(entry.meta.file_size_bytes for entry in entries)
    for entry in entries:
        share = entry.meta.file_size_bytes / total if total else 1 / len(entries)
        yield entry.file_id, Timing(parse_ms=timing.parse_ms * share, write_ms=timing.write_ms * share)


def _count_rules(loaded: list[Loaded], file_ids: Collection[int]) -> dict[tuple[str, str], int]:
    """Count the quarantined rows of these files by ``(table, rule)``."""
    counts: Counter[tuple[str, str]] = Counter()
    for frame in (frame for group in loaded for frame in group.set_aside):
        rules = frame.filter(pl.col("file_id").is_in(file_ids)).group_by("data_type", "rule").len()
        for table, rule, rows in rules.iter_rows():
            counts[table, rule] += rows
    return dict(counts)


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
