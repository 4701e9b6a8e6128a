"""The committer: commits batches in order (steps 3 and 4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import suppress

import structlog

from pointline.errors import NoAccess, PartsLost, StorageTrouble, Transient
from pointline.services.ingest.batch import Group, Loaded
from pointline.services.ingest.effects import Committed, IngestService
from pointline.services.loading.load import Loader
from pointline_daemon import events
from pointline_daemon.condition.account import BatchDone
from pointline_daemon.process.committing.repeating import GivenUpError, Repeating
from pointline_daemon.process.committing.report import facts_of, report
from pointline_daemon.process.flow import Flow, RunningBatch
from pointline_daemon.process.part import StopSign

IDLE_SECONDS = 5.0
LOOK_SECONDS = 0.5

log = structlog.get_logger()


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
        self._repeating = Repeating(flow, waits_for_access=waits_for_access)
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
                except GivenUpError:
                    self._leave_the_rest()
                    return
            elif last_look:
                return

    def _finish(self, running: RunningBatch, stopping: StopSign) -> None:
        loaded = [self._loaded(running, position, stopping) for position in range(len(running.loads))]
        self._repeating.got_through("load")
        started = time.monotonic()
        committed = self._repeating.run(lambda: self._commit(running, loaded, stopping), "commit", stopping)
        self._repeating.got_through("commit")
        self._release_tables(loaded)
        tried = self._attempts_of([outcome.file_id for outcome in committed.outcomes])
        done = facts_of(running, loaded, committed, tried, time.monotonic() - started)
        waits_on = set() if self._waits_for_access else _without_access(loaded)
        landed = report(running, done, waits_on, now_us=self._clock())
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
            done = self._repeating.run(load, "load", stopping)
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


def _without_access(loaded: Iterable[Loaded]) -> set[int]:
    """The files that wait for a person to let them be read, or written."""
    return {file_id for group in loaded for file_id, error in group.delays.items() if isinstance(error, NoAccess)}
