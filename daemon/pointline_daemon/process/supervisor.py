"""The supervisor: one loop, one inbox of messages. It owns signals, deaths of parts, and the order of stopping."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

import structlog
from msgspec import Struct

from pointline.errors import DiskFull, LakeReplaced, PointlineError
from pointline.io.lock import LakeLock
from pointline.io.translate import one_line
from pointline.parse import cells
from pointline_daemon import events
from pointline_daemon.condition.health import NO_EVENTS
from pointline_daemon.condition.state import StatePublisher
from pointline_daemon.exit_codes import EXIT_INTERRUPTED, EXIT_OK, EXIT_PART_DIED
from pointline_daemon.mailbox import Mailbox
from pointline_daemon.opening.lake import Lake
from pointline_daemon.opening.prepare import prepare
from pointline_daemon.process.committing.repeating import PAUSE_SECONDS
from pointline_daemon.process.components import Components
from pointline_daemon.process.part import Part, PartDied
from pointline_daemon.process.threads import make_threads

TICK_SECONDS = 0.5
ONCE_TICK_SECONDS = 0.02
JOIN_SECONDS = 10.0
START = "start"

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
        self._lake = lake
        self._lock = lock
        self._once = once
        self._on_tick = on_tick
        self._messages: Mailbox[_Signalled | PartDied] = Mailbox()
        self.components = Components(lake, lock=lock, once=once)
        self.state = StatePublisher(lake.config.paths.state_file, self._collect)
        self.parts: list[Part] = []
        self._is_starting = True
        self.is_stopping = False
        self._read_until = math.inf
        """When a stop that goes on has files read no further, on the monotonic clock."""

    def run(self) -> int:
        """Recover, start the parts, watch over them, stop them; return the exit code."""
        self._handle_signals()
        root = str(self._lake.config.paths.root)
        log.info(events.DAEMON_STARTED, lake=root, pid=os.getpid(), once=self._once, parser=cells.PARSER)
        self.state.publish()
        self._tick()
        try:
            if self._prepare():
                self._start()
                self._is_starting = False
                self.state.publish(at_once=True)
                died = self._watch_over()
            else:
                died = self._stop(None)
        except PointlineError as error:
            self.state.died(f"it could not start: {error}")
            self.state.publish(stopped=True)
            raise
        finally:
            self.components.pool.shutdown(wait=False, cancel_futures=True)
        return EXIT_OK if died is None else EXIT_PART_DIED

    # ---- start

    def _prepare(self) -> bool:
        """Mend and recover the lake, as soon as there is room to write; False where it is told to stop before that."""
        flow = self.components.flow
        while True:
            try:
                prepare(self._lake)
            except DiskFull as error:
                if self._once:
                    raise
                if flow.pause(START):
                    log.error(events.INGEST_PAUSED, step=START, error=str(error), hint=error.hint)
            else:
                if flow.resume(START):
                    log.info(events.INGEST_RESUMED, step=START)
                return True
            self.state.publish(at_once=True)
            until = time.monotonic() + PAUSE_SECONDS
            while time.monotonic() < until:
                self._tick()
                if _is_told_to_stop(self._next_message(TICK_SECONDS)):
                    return False

    def _start(self) -> None:
        self.parts = make_threads(self.components, self.state, on_death=self._messages.put)
        if not self._once:
            self._check_watch()  # watch first, then look: what arrives in between is found by one of the two
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
            if _is_told_to_stop(message):
                break
            if isinstance(message, PartDied):
                died = message
                break
            if self._once and self.components.is_done:
                break
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + look_seconds
                if (died := self._keep_lock()) is not None:
                    break
                if not self._once:
                    self._check_watch()
                self.components.desk.serve()
                self.state.publish()
            self._tick()
        return self._stop(died)

    def _keep_lock(self) -> PartDied | None:
        """Look whether this is still the lake that is locked; make ``.pointline`` again where it was taken away."""
        try:
            if self._lock.keep():
                log.warning(events.LOCK_WRITTEN_AGAIN, lake=str(self._lake.config.paths.root))
        except LakeReplaced as error:
            return PartDied(name="lock", error=error)
        return None

    def _tick(self) -> None:
        if self._on_tick is not None:
            self._on_tick(self)

    def _next_message(self, seconds: float) -> _Signalled | PartDied | None:
        return self._messages.get(seconds)

    def _check_watch(self) -> None:
        self.state.trouble(NO_EVENTS, self.components.watch.check())

    # ---- stop

    def _stop(self, died: PartDied | None) -> PartDied | None:
        is_replaced = died is not None and isinstance(died.error, LakeReplaced)
        if is_replaced:
            self.components.touched.forget()  # what is at the lake's path now is not to be written
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
        seconds = self._lake.config.ingest.drain_seconds
        self._read_until = math.inf if seconds is None else time.monotonic() + seconds
        self.state.publish(at_once=True)
        self._tick()
        self.components.watch.stop()
        self.components.inbox.close()  # whoever waits for room in it returns
        for part in self.parts:
            part.stop()
            self._drain(part, died)
        self.state.publish(stopped=True)
        self._tick()
        commits = self.components.commits
        log.info(events.DAEMON_STOPPED, files=commits.files_done, rows=commits.rows_written)
        return died

    def _drain(self, part: Part, died: PartDied | None) -> None:
        """Wait for a part to finish what it has, for large files not long; a second signal cuts that short."""
        deadline = time.monotonic() + JOIN_SECONDS
        while not part.join(0.05):
            if time.monotonic() >= self._read_until:
                self._lake.reader.stop()
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

    def _collect(self) -> dict[str, object]:
        phase = {"starting": True} if self._is_starting else {"stopping": True} if self.is_stopping else {}
        commits = self.components.commits
        counts = {"files_done": commits.files_done, "rows_written": commits.rows_written}
        return {**self.components.live.collect(), **phase, **counts}

    def _handle_signals(self) -> None:
        def enqueue(number: int, _frame: FrameType | None) -> None:
            self._messages.put(_Signalled(number))

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, enqueue)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it has to outlive its terminal
            signal.signal(signal.SIGHUP, enqueue)


def _is_told_to_stop(message: _Signalled | PartDied | None) -> bool:
    """Tell whether a message is a signal to end, and say so."""
    if not isinstance(message, _Signalled):
        return False
    log.info(events.DAEMON_STOPPING, signal=signal.Signals(message.number).name)
    return True
