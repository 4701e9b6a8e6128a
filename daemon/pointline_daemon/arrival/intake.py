"""The intake thread: takes hints, waits for files to be finished, closes batches and mints their ids (step 1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TypeAlias

import structlog
from msgspec.structs import replace

from pointline.errors import DiskFull, Transient
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.spelled_path import written_path
from pointline.io.clock import Clock
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.ingest.effects import IngestService
from pointline.services.loading.load import Loader
from pointline.settings import IngestSettings
from pointline.vendors.paths.copied import original_of
from pointline_daemon import events
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.arrival.rescanner import log_departures
from pointline_daemon.arrival.waiting import WaitingRoom
from pointline_daemon.process.flow import Flow, RunningBatch

IDLE_SECONDS = 5.0
GATHER_SECONDS = 0.05
MOST_IN_FLIGHT = 3
GIVE_BACK_US = 1_000_000
SUSPECT_SECONDS = 30.0
"""So long files that may end the process let others go first."""
BEGIN = "begin"

Gathered: TypeAlias = dict[str, tuple[BronzeFileMetadata, float]]
"""Files by path, and since when each waits, on the monotonic clock."""

log = structlog.get_logger()


class Intake:
    """Owns the waiting room and the batch being gathered; nobody else touches them."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        flow: Flow,
        source: FolderBronzeSource,
        service: IngestService,
        loader: Loader,
        pool: Executor,
        settings: IngestSettings,
        clock: Clock,
        on_touched: Callable[[int, BronzeFileMetadata], None],
        require_lake: Callable[[], None],
        on_unread: Callable[[str], None] = lambda _path: None,
        most_tries: int | None = None,
    ) -> None:
        self._most_tries = most_tries
        self._require_lake = require_lake
        self._inbox = inbox
        self._flow = flow
        self._source = source
        self._service = service
        self._loader = loader
        self._pool = pool
        self._settings = settings
        self._clock = clock
        self._on_touched = on_touched
        self._on_unread = on_unread
        self._room = WaitingRoom(int(settings.settle_seconds * 1_000_000))
        self._gathered: Gathered = {}
        self._gathered_bytes = 0
        self._gathering_since = 0.0
        self._first_seen: dict[str, tuple[float, str]] = {}
        self._gone: list[str] = []
        self._landed: list[str] = []
        self._suspects: Gathered = {}
        self._deaths: dict[str, int] = {}
        self._suspects_since = 0.0
        self._is_alone = False
        self._tries = 0
        """How often in a row no batch could be begun, but for a full disk."""

    def run(self, stopping: threading.Event) -> None:
        """Body of the thread."""
        while not stopping.is_set():
            room = self._settings.batch_max_files - len(self._gathered)
            for path, finished, seen_at in self._inbox.take(max(room, 0), self._patience()):
                self._look(path, seen_at, finished=finished)
            self._note_gone()
            now = self._clock.now_us()
            for path in self._room.take_due(now):
                self._inbox.offer(path, finished=False)
            self._take_back()
            self._begin_next()
            self._note_gone()  # what a batch found to have left
            self._end_round()
        for path in (*self._gathered, *self._suspects):
            self._inbox.landed(path)

    def _end_round(self) -> None:
        """Say what waits, and then what is on its way no more: whoever sees none of these may end the process."""
        self._flow.set_waiting(unfinished=self._room.unfinished, scheduled=self._room.scheduled)
        landed, self._landed = self._landed, []
        for path in landed:
            self._inbox.landed(path)

    def _patience(self) -> float:
        """How long to wait for the next hint: not longer than anything else that is due."""
        if self._gathered or (self._suspects and not self._flow.in_flight):
            return GATHER_SECONDS
        due = self._room.next_due_us()
        if due is None:
            return IDLE_SECONDS
        return min(IDLE_SECONDS, max(0.001, (due - self._clock.now_us()) / 1_000_000))

    def _look(self, path: str, seen_at: float, *, finished: bool) -> None:
        meta = self._source.look(path)
        now = self._clock.now_us()
        age = None if meta is None else self._clock.age(meta.last_modified_ts / 1_000_000)
        by = "a scan" if self._inbox.is_by_scan(path) else "an event"
        seen_at, found_by = self._first_seen.setdefault(path, (seen_at, by))
        if meta is None:
            self._gone.append(written_path(path))
            self._forget(path)
            self._on_unread(path)
        elif meta.problem is None and not self._room.is_finished(
            meta, now, age_us=int((age or 0) * 1_000_000), finished=finished
        ):
            pass
        elif self._room.is_due(path, now):
            waits_since = seen_at if age is None else max(seen_at, time.monotonic() - age)  # from the last write on
            self._gathered[path] = (replace(meta, found_by=found_by), waits_since)
            self._gathered_bytes += meta.file_size_bytes
            if len(self._gathered) == 1:
                self._gathering_since = time.monotonic()
            return
        self._flow.set_waiting(unfinished=self._room.unfinished, scheduled=self._room.scheduled)
        self._landed.append(path)

    def _note_gone(self) -> None:
        """Files that left bronze may have been in the way of others."""
        gone, self._gone = self._gone, []
        if not gone:
            return
        try:
            found = self._service.absence.note_gone(gone)
        except Transient as error:  # the next scan finds them too
            self._say_once(error)
            return
        log_departures(found)
        self._offer(found.freed.values())

    def _offer(self, paths: Iterable[str]) -> None:
        for path in paths:  # somebody may be writing to one: that it is known already says nothing of that
            self._inbox.offer(path, finished=False)

    def _may_begin(self) -> bool:
        """Nothing is being loaded: begin with what is there. Else gather until a limit closes the batch."""
        if not self._gathered or self._flow.in_flight >= MOST_IN_FLIGHT:
            return False
        if self._flow.is_paused and self._flow.in_flight:
            return False  # the committer finds out when there is room again; with nothing in flight it is tried here
        return (
            not self._flow.is_loading
            or len(self._gathered) >= self._settings.batch_max_files
            or self._gathered_bytes >= self._settings.batch_max_bytes
            or time.monotonic() - self._gathering_since >= self._settings.batch_max_seconds
        )

    def _begin_next(self) -> None:
        """Begin what may be begun. A file that may end the process is read with nothing beside it, after all others."""
        self._require_lake()
        self._is_alone = self._is_alone and self._flow.in_flight > 0
        if self._is_alone:
            return
        if not self._is_turn_of_suspects():
            if self._may_begin():
                self._begin(self._without_suspects(self._take_gathered()))
        elif not self._flow.in_flight:
            path = min(self._suspects, key=lambda path: (self._deaths[path], path))
            log.warning(events.FILE_SUSPECT, path=path, process_ended=self._deaths[path])
            self._is_alone = True
            self._begin({path: self._suspects.pop(path)})
            self._suspects_since = time.monotonic()

    def _take_gathered(self) -> Gathered:
        """Take what a batch may hold: the file that waits longest, and of the others those that are small.

        A folder of large files comes at once, and whoever drops a small one beside it waits for a batch or two of them.
        """
        most, rest = self._settings.batch_max_bytes, self._gathered
        taken: Gathered = {}
        size = 0
        oldest = next(iter(rest))
        for path in (oldest, *sorted(rest.keys() - {oldest}, key=lambda one: (rest[one][0].file_size_bytes, one))):
            size += rest[path][0].file_size_bytes
            if taken and size > most:
                break
            taken[path] = rest[path]
        self._gathered = {path: one for path, one in rest.items() if path not in taken}
        self._gathered_bytes = sum(meta.file_size_bytes for meta, _ in self._gathered.values())
        return taken

    def _is_turn_of_suspects(self) -> bool:
        if not self._suspects:
            return False
        is_quiet = not (self._gathered or self._flow.in_flight or self._inbox.depth)
        return is_quiet or time.monotonic() - self._suspects_since >= SUSPECT_SECONDS

    def _without_suspects(self, gathered: Gathered) -> Gathered:
        deaths = self._service.suspects([meta for meta, _ in gathered.values()])
        if deaths and not self._suspects:
            self._suspects_since = time.monotonic()
        self._deaths |= deaths
        self._suspects |= {path: gathered[path] for path in deaths}
        return {path: one for path, one in gathered.items() if path not in deaths}

    def _begin(self, gathered: Gathered) -> None:
        if not gathered:
            return
        try:
            # By name: files of one symbol then lie side by side in silver, and a query of it reads little else.
            # Copies last: of a file and a copy of it that differ, the file gets in.
            paths = sorted(gathered, key=lambda path: (original_of(path) is not None, path))
            batch, found = self._service.begin([gathered[path][0] for path in paths])
        except Transient as error:
            self._say_once(error)
            self._tries += not isinstance(error, DiskFull)
            if self._tries == self._most_tries:
                raise
            self._give_back(gathered)
            return
        self._tries = 0
        if self._flow.resume(BEGIN) | self._flow.recovered(BEGIN):
            log.info(events.INGEST_RESUMED, step=BEGIN)
        for file_id, meta in found.touched:
            self._on_touched(file_id, meta)
        self._offer(found.reopened)
        self._gone += found.left_behind
        for move in found.moved:
            log.info(events.FILE_MOVED, file_id=move.file_id, path=move.meta.bronze_file_path, before=move.before)
        entering = {entry.meta.bronze_file_path for entry in batch.entries}
        for path in gathered.keys() - entering:
            self._forget(path)
            self._landed.append(path)
        if not batch.entries:
            return
        loads = [self._pool.submit(self._loader.load, group) for group in batch.groups]
        seen_at = {path: seen for path, (_, seen) in gathered.items()}
        self._flow.began(RunningBatch(batch=batch, loads=loads, seen_at=seen_at))

    def _say_once(self, error: Transient) -> None:
        if isinstance(error, DiskFull):
            if self._flow.pause(BEGIN):
                log.error(events.INGEST_PAUSED, step=BEGIN, error=str(error), hint=error.hint)
        elif self._flow.troubled(BEGIN, str(error)):
            log.warning(events.INGEST_RETRIED, step=BEGIN, error=str(error), hint=error.hint)

    def _give_back(self, gathered: Gathered) -> None:
        """The lake itself is in trouble: the same paths come again after a while."""
        due = self._clock.now_us() + GIVE_BACK_US
        for path in gathered:
            self._room.retry_at(path, due)
            self._landed.append(path)

    def _take_back(self) -> None:
        """Files that were committed, or that have to be tried again."""
        for path, due_us in self._flow.take_landed():
            if due_us is None:
                self._forget(path)
            else:
                self._room.retry_at(path, due_us)
            self._landed.append(path)
        for path, due_us in self._flow.take_postponed():
            self._room.retry_at(path, due_us)  # where it is in flight by now, its outcome will say otherwise

    def _forget(self, path: str) -> None:
        self._room.forget(path)
        self._first_seen.pop(path, None)
