"""The supervisor: one loop, one inbox of messages. It owns signals, deaths of parts, and the order of stopping."""

from __future__ import annotations

import math
import os
import queue
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import polars as pl
import structlog
from msgspec import Struct
from msgspec.structs import replace

from pointline.errors import LakeReplaced, PointlineError
from pointline.io.bronze.spelled_path import written_path
from pointline.io.lock import LakeLock
from pointline.io.translate import one_line
from pointline.parse import cells
from pointline.services.ingest.departure import Departures
from pointline.services.ingest.effects import Committed, IngestService
from pointline_daemon import events
from pointline_daemon.arrival.bronze_presence import BronzePresence, Identity
from pointline_daemon.arrival.descriptions import Descriptions
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.arrival.intake import Intake
from pointline_daemon.arrival.rescanner import Rescanner
from pointline_daemon.arrival.touched import Touched
from pointline_daemon.arrival.watcher import Hint, Watcher
from pointline_daemon.condition.account import Account, BatchDone
from pointline_daemon.condition.health import NO_EVENTS
from pointline_daemon.condition.state import StatePublisher, read_state
from pointline_daemon.exit_codes import EXIT_INTERRUPTED, EXIT_OK, EXIT_PART_DIED
from pointline_daemon.opening.lake import Lake
from pointline_daemon.opening.prepare import prepare
from pointline_daemon.opening.requests import Answer, Maintain, Retry, UpdateSymbols, Withdraw
from pointline_daemon.opening.symbol_request import SymbolRequest, answer
from pointline_daemon.process.committer import Committer
from pointline_daemon.process.flow import Flow
from pointline_daemon.process.live import LiveState
from pointline_daemon.process.maintenance.thread import Maintenance
from pointline_daemon.process.part import Part, PartDied
from pointline_daemon.process.request_desk import RequestDesk

TICK_SECONDS = 0.5
ONCE_TICK_SECONDS = 0.02
ONCE_TRIES = 5
"""To begin a batch, a second apart: nobody waits for `run --once` until the ledger can be written again."""
JOIN_SECONDS = 10.0
WATCH_AGAIN_SECONDS = 2.0
UNWATCHED_SCAN_SECONDS = 30.0

log = structlog.get_logger()


class _Signalled(Struct, frozen=True):
    number: int


class Supervisor:
    """Runs a lake until it is told to stop. The caller has taken ``lock``."""

    def __init__(
        self,
        lake: Lake,
        *,
        lock: LakeLock,
        once: bool = False,
        on_tick: Callable[[Supervisor], None] | None = None,
    ) -> None:
        self.lake = lake
        self._lock = lock
        self._once = once
        self._on_tick = on_tick
        self._messages: queue.SimpleQueue[_Signalled | PartDied] = queue.SimpleQueue()
        settings = lake.config.ingest
        self.inbox = Inbox(settings.queue_size)
        self.flow = Flow(self.inbox.wake)
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="worker")
        self._touched = Touched(lake.config.paths.state / "touched.parquet")
        self.rescanner = Rescanner(
            inbox=self.inbox,
            postpone=None if once else self.flow.postpone,
            source=lake.source,
            manifest=lake.manifest,
            asks=self._asks,
            compare=self._compare,
            clock=lake.clock,
            interval_seconds=settings.rescan_seconds,
            touched=self._touched,
            presence=BronzePresence(_identity_in(read_state(lake.config.paths.state_file))),
            descriptions=Descriptions(lake.config.paths.root, lake.source.feeds),
        )
        self.account = Account(lake.batch_tables)
        self.maintenance = Maintenance(
            lake,
            oldest_batch_seconds=self.flow.oldest_batch_seconds,
            on_done=self.account.add_upkeep,
            require_lake=lock.require,
            refresh_symbols=self._refresh_symbols,
        )
        self._live = LiveState(
            config=lake.config,
            inbox=self.inbox,
            flow=self.flow,
            rescanner=self.rescanner,
            maintenance=self.maintenance,
            reader=lake.reader,
            account=self.account,
        )
        self.state = StatePublisher(lake.config.paths.state_file, self._collect)
        self.files_done = 0
        self.rows_written = 0
        self._watcher = Watcher(
            lake.config.paths.bronze,
            on_hint=self._on_hint,
            on_folder=lambda folder: self.rescanner.ask_folder(written_path(folder)),
            on_lost=self._on_lost,
            on_placed=self._on_placed,
        )
        self._desk = RequestDesk(
            lake.config.paths,
            {
                Retry: self._retry,
                Withdraw: self._withdraw,
                UpdateSymbols: self._update_symbols,
                Maintain: self.maintenance.ask,
            },
        )
        self._watch_at = 0.0
        self.parts: list[Part] = []
        self._is_starting = True
        self.is_stopping = False
        self._read_until = math.inf
        """When a stop that goes on has files read no further, on the monotonic clock."""
        self.last_commit_at: float | None = None
        self._service: IngestService | None = None

    def run(self) -> int:
        """Recover, start the parts, watch over them, stop them; return the exit code."""
        self._handle_signals()
        root = str(self.lake.config.paths.root)
        log.info(events.DAEMON_STARTED, lake=root, pid=os.getpid(), once=self._once, parser=cells.PARSER)
        self.state.publish()
        self._tick()
        try:
            self._recover()
            self._start()
            self._is_starting = False
            self.state.publish(at_once=True)
            died = self._watch_over()
        except PointlineError as error:
            self.state.died(f"it could not start: {error}")
            self.state.publish(stopped=True)
            raise
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
        return EXIT_OK if died is None else EXIT_PART_DIED

    # ---- start

    def _recover(self) -> None:
        prepare(self.lake)

    def _start(self) -> None:
        service, loader = self.lake.ingest(once=self._once)
        self._service = service
        intake = Intake(
            inbox=self.inbox,
            flow=self.flow,
            source=self.lake.source,
            service=service,
            loader=loader,
            pool=self._pool,
            settings=self.lake.config.ingest,
            clock=self.lake.clock,
            on_touched=self._touched.add,
            on_unread=self.rescanner.unread.met,
            require_lake=self._lock.require,
            most_tries=ONCE_TRIES if self._once else None,
        )
        committer = Committer(
            flow=self.flow,
            service=service,
            loader=loader,
            pool=self._pool,
            on_committed=self._on_committed,
            attempts_of=self.lake.manifest.attempts_of,
            steps_read=lambda: self.lake.reader.steps,
            clock=self.lake.clock.now_us,
            require_lake=self._lock.require,
            waits_for_access=not self._once,
        )
        # In the order in which they are stopped: first what brings files, last what commits them.
        on_death = self._messages.put
        self.parts = [
            Part("rescanner", self.rescanner.run, wake=self.rescanner.wake, on_death=on_death),
            Part("intake", intake.run, wake=self.inbox.close, on_death=on_death),
            Part("committer", committer.run, wake=self.flow.wake, on_death=on_death),
        ]
        if not self._once:
            self._check_watcher()  # watch first, then look: what arrives in between is found by one of the two
        self.parts.append(Part("maintenance", self.maintenance.run, wake=lambda: None, on_death=on_death))
        port = self.lake.config.metrics.port
        if port is not None and not self._once:
            from pointline_daemon.page.board import Board  # noqa: PLC0415 - as below
            from pointline_daemon.page.metrics import Metrics  # noqa: PLC0415 - who sets no port does not pay for the client
            from pointline_daemon.page.web import WebServer  # noqa: PLC0415 - as above

            metrics = Metrics(
                state=self.state, account=self.account, flow=self.flow, ledger=self.lake.manifest.known_entries
            )
            board = Board(self.lake.config, self.account.minutes)
            web = WebServer(port, state=self.state, metrics=metrics, board=board)
            self.parts.append(Part("metrics", web.run, wake=web.wake, on_death=on_death))
        for part in self.parts:
            part.start()
        log.info(events.DAEMON_READY, watching=not self._once)

    # ---- run

    def _watch_over(self) -> PartDied | None:
        died: PartDied | None = None
        look_seconds, look_at = TICK_SECONDS, 0.0
        tick = ONCE_TICK_SECONDS if self._once else look_seconds
        while died is None:
            message = self._next_message(tick)
            if isinstance(message, _Signalled):
                log.info(events.DAEMON_STOPPING, signal=signal.Signals(message.number).name)
                break
            if isinstance(message, PartDied):
                died = message
                break
            if self._once and self._is_done():
                break
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + look_seconds
                if (died := self._keep_lock()) is not None:
                    break
                if not self._once:
                    self._check_watcher()
                self._desk.serve()
                self.state.publish()
            self._tick()
        return self._stop(died)

    def _keep_lock(self) -> PartDied | None:
        """Look whether this is still the lake that is locked; make ``.pointline`` again where it was taken away."""
        try:
            if self._lock.keep():
                log.warning(events.LOCK_WRITTEN_AGAIN, lake=str(self.lake.config.paths.root))
        except LakeReplaced as error:
            return PartDied(name="lock", error=error)
        return None

    def _tick(self) -> None:
        if self._on_tick is not None:
            self._on_tick(self)

    def _next_message(self, seconds: float) -> _Signalled | PartDied | None:
        try:
            return self._messages.get(timeout=seconds)
        except queue.Empty:
            return None

    def _is_done(self) -> bool:
        """The scan is through and nothing of it is on its way any more."""
        return (
            self.rescanner.scans > 0
            and self.inbox.is_idle
            and self.flow.is_idle
            and not self.flow.unfinished
            and not self.flow.scheduled
        )

    def _check_watcher(self) -> None:
        """Watch bronze, again where that has ended; while it cannot be watched, or not all of it, scan more often."""
        if self._watcher.is_healthy() and not self._watcher.has_more:
            self._say_unwatched(self._watcher.shortfall)
            return
        if time.monotonic() < self._watch_at:
            return
        is_first = self._watch_at == 0.0
        self._watch_at = time.monotonic() + WATCH_AGAIN_SECONDS
        try:
            self._watcher.restart()
        except PointlineError as error:
            self._say_unwatched(f"{error}; {error.hint}" if error.hint else str(error))
            return
        self._say_unwatched(self._watcher.shortfall)
        if not is_first:
            log.warning(events.WATCHER_RESTARTED)
            self.rescanner.ask("watcher restarted")

    def _say_unwatched(self, why: str) -> None:
        """Say it when it begins, and let health say it for as long as it lasts."""
        seconds = min(UNWATCHED_SCAN_SECONDS, self.lake.config.ingest.rescan_seconds)
        if not why:
            self.rescanner.scan_at_least_every(math.inf)
            self.state.trouble(NO_EVENTS, None)
            return
        if not self.state.has_trouble(NO_EVENTS):
            self.rescanner.scan_at_least_every(seconds)
            self.rescanner.ask("not all of bronze is watched")
            log.error(events.WATCHER_FAILED, error=why, scans_every_seconds=seconds)
        self.state.trouble(NO_EVENTS, f"{why} (bronze is scanned every {seconds:g} s)")

    # ---- stop

    def _stop(self, died: PartDied | None) -> PartDied | None:
        is_replaced = died is not None and isinstance(died.error, LakeReplaced)
        if is_replaced:
            self._touched.forget()  # what is at the lake's path now is not to be written
            self.state.close()
        if died is not None:
            log.error(
                events.LAKE_REPLACED if is_replaced else events.DAEMON_PART_DIED,
                part=died.name,
                error=one_line(died.error) if died.error else "it returned",
                hint=getattr(died.error, "hint", ""),
                exc_info=died.error,
            )
            self.state.trouble(died.name, f"died: {died.error or 'it returned'}")
            self.state.died(f"{died.name}: {died.error or 'it returned'}")
        self.is_stopping = True
        seconds = self.lake.config.ingest.drain_seconds
        self._read_until = math.inf if seconds is None else time.monotonic() + seconds
        self.state.publish(at_once=True)
        self._tick()
        self._watcher.stop()
        self.inbox.close()  # whoever waits for room in it returns
        for part in self.parts:
            part.stop()
            self._drain(part, died)
        self.state.publish(stopped=True)
        self._tick()
        log.info(events.DAEMON_STOPPED, files=self.files_done, rows=self.rows_written)
        return died

    def _drain(self, part: Part, died: PartDied | None) -> None:
        """Wait for a part to finish what it has, for large files not long; a second signal cuts that short."""
        deadline = time.monotonic() + JOIN_SECONDS
        while not part.join(0.05):
            if time.monotonic() >= self._read_until:
                self.lake.reader.stop()
            self.state.publish()
            self._tick()
            message = self._next_message(0.0)
            if isinstance(message, _Signalled):
                log.warning(events.DAEMON_STOPPED, forced=True)
                self.state.publish(stopped=True)
                os._exit(EXIT_INTERRUPTED)
            if died is not None and time.monotonic() > deadline:
                return

    # ---- what others tell

    def _on_hint(self, hint: Hint) -> None:
        if not self.inbox.offer(written_path(hint.path), finished=hint.finished):
            self.rescanner.ask("queue full")

    def _on_lost(self, reason: str) -> None:
        log.warning(events.QUEUE_OVERFLOWED, reason=reason)
        self.rescanner.ask(reason)

    def _on_placed(self, folders: int) -> None:
        log.info(events.WATCHER_READY, folders=folders)
        self.rescanner.ask("all folders are watched")

    def _on_committed(self, committed: Committed, done: BatchDone) -> None:
        self.account.add_batch(done)
        self.maintenance.note(committed.partitions)
        for one in committed.judged_anew:
            event = events.SYMBOLS_HELD if one.error else events.SYMBOLS_RELEASED
            log.warning(event, file_id=one.file_id, status=one.status.value, error=one.error)
        for path in committed.reopened:
            if not self.inbox.offer(path, finished=True):
                self.rescanner.ask("queue full")
        self.last_commit_at = time.time()
        self.files_done += len(committed.outcomes)
        self.rows_written += sum(outcome.rows_written or 0 for outcome in committed.outcomes)

    def _collect(self) -> dict[str, object]:
        phase = {"starting": True} if self._is_starting else {"stopping": True} if self.is_stopping else {}
        return {**self._live.collect(), **phase, "files_done": self.files_done, "rows_written": self.rows_written}

    def _retry(self, request: Retry) -> Answer:
        assert self._service is not None
        count = self._service.put_back(request.file_ids, accepted=request.accept)
        self.rescanner.ask("retry")
        return {"put_back": count}

    def _withdraw(self, request: Withdraw) -> Answer:
        assert self._service is not None
        withdrawn = self._service.withdraw(request.file_ids)
        log.info(events.FILES_WITHDRAWN, file_ids=withdrawn)
        self.rescanner.ask("withdraw")  # what these were in the way of is pending now
        return {"withdrawn": withdrawn}

    def _asks(self, known: pl.DataFrame) -> list[str]:
        assert self._service is not None
        return self._service.asked_of_bronze(known, self.lake.source.feeds.beside)

    def _compare(self, survey: pl.DataFrame, known: pl.DataFrame) -> Departures:
        assert self._service is not None
        mismatches, right = self._service.check_late_checksums(self.lake.source.feeds.feed)
        for path, wrong in mismatches.items():
            hint = "download both again; `pointline withdraw` takes the rows out"
            log.warning(events.FILE_CHECKSUM_MISMATCH, path=path, what=wrong, hint=hint)
        found = self._service.compare(survey, known)
        beside = self._service.compare_beside(self.lake.source.feeds.beside)
        return replace(
            found, freed={**found.freed, **beside.freed, **right}, regained={**found.regained, **beside.regained}
        )

    def _refresh_symbols(self) -> None:
        assert self._service is not None
        self._service.refresh_symbols()

    def _update_symbols(self, request: UpdateSymbols) -> Answer:
        assert self._service is not None
        return answer(self._service.update_symbols(SymbolRequest.from_request(request).told))

    def _handle_signals(self) -> None:
        def enqueue(number: int, _frame: FrameType | None) -> None:
            self._messages.put(_Signalled(number))

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, enqueue)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it has to outlive its terminal
            signal.signal(signal.SIGHUP, enqueue)


def _identity_in(state: Mapping[str, Any]) -> Identity | None:
    """Return the folder in which an earlier daemon saw files."""
    match state.get("bronze"):
        case [int(device), int(inode)]:
            return Identity(device, inode)
    return None
