"""The maintenance thread: compacts partitions, checkpoints logs, vacuums. Ingest never waits for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial

import structlog

from pointline.errors import PointlineError, Transient
from pointline.tables import dim_symbol
from pointline_daemon import events
from pointline_daemon.lake import Lake
from pointline_daemon.requests import Answer, Maintain
from pointline_daemon.upkeep import Facts, Upkeep

LOOK_SECONDS = 0.5
SYMBOLS_LOOK_SECONDS = 60.0
"""How often the symbols are asked whether what is current is still current; they look once an hour."""
COOL_INTERVALS = 2
HOT_FACTOR = 4
"""A partition still being written is left to cool, unless it has this many times the small files worth a compaction."""

EVENTS = {"compact": events.PARTITION_COMPACTED, "vacuum": events.TABLE_VACUUMED}
"""What a thing that a person asked for is called in the log."""

log = structlog.get_logger()


class Maintenance:
    """Remembers which partitions changed and maintains them by timer."""

    def __init__(
        self,
        lake: Lake,
        *,
        oldest_batch_seconds: Callable[[], float],
        on_done: Callable[[str, Facts], None] = lambda _event, _facts: None,
        require_lake: Callable[[], None] = lambda: None,
        refresh_symbols: Callable[[], None] = lambda: None,
    ) -> None:
        self._require_lake = require_lake
        self._lake = lake
        self._on_done = on_done
        self._failing: dict[str, str] = {}
        self._upkeep = Upkeep(lake)
        self._oldest_batch_seconds = oldest_batch_seconds
        self._asked: queue.SimpleQueue[tuple[Maintain, Future[Answer]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._changed: dict[tuple[str, str, str], float] = {}
        self._vacuumed_at = time.monotonic()
        self._refresh_symbols = refresh_symbols
        self._symbols_looked_at = time.monotonic()

    def note(self, partitions: Iterable[tuple[str, str, str]]) -> None:
        """``(table, exchange, date)`` got parts."""
        now = time.monotonic()
        with self._lock:
            self._changed |= dict.fromkeys(partitions, now)

    @property
    def waiting(self) -> int:
        """How many partitions changed and are not compacted yet."""
        return len(self._changed)

    def first_waiting(self, most: int) -> list[str]:
        """Return some of them, longest untouched first, as ``table exchange/date``."""
        with self._lock:
            oldest = sorted(self._changed, key=self._changed.__getitem__)[:most]
        return [f"{table} {exchange}/{date}" for table, exchange, date in oldest]

    @property
    def failing(self) -> str:
        """What maintenance failed the last time, and why; empty where none did."""
        troubles = [f"{what}: {trouble}" for what, trouble in list(self._failing.items())]
        return f"{troubles[0]} (and {len(troubles) - 1} more)" if len(troubles) > 1 else "".join(troubles)

    def run(self, stopping: threading.Event) -> None:
        """Body of the thread."""
        settings = self._lake.config.maintenance
        if settings.enabled:
            self.note(self._upkeep.partitions())
        due = time.monotonic() + settings.interval_seconds
        while not stopping.wait(min(LOOK_SECONDS, settings.interval_seconds)):
            self._answer_requests(stopping)
            self._look_at_symbols()
            if settings.enabled and time.monotonic() >= due:
                self._tend(stopping)
                due = time.monotonic() + settings.interval_seconds
        if settings.enabled:
            self._sum_up_all()  # whoever opens the tables next has less to read; a run with --once gets no other turn

    def _tend(self, stopping: threading.Event) -> None:
        settings = self._lake.config.maintenance
        with self._lock:
            changed = sorted(self._changed.items())
        for partition, changed_at in changed:
            if stopping.is_set():
                return
            is_cool = time.monotonic() - changed_at >= COOL_INTERVALS * settings.interval_seconds
            least = 2 if is_cool else settings.min_small_files * HOT_FACTOR
            tended = self._guarded(partial(self._compact, partition, least, in_order=is_cool), "compact", *partition)
            if tended and is_cool:
                with self._lock:
                    if self._changed.get(partition) == changed_at:
                        del self._changed[partition]
        if not stopping.is_set():
            self._sum_up_all()
        self._vacuum_when_due(stopping)

    def _look_at_symbols(self) -> None:
        """Where maintenance is switched off too: time passes without it."""
        if time.monotonic() - self._symbols_looked_at >= SYMBOLS_LOOK_SECONDS:
            self._symbols_looked_at = time.monotonic()
            self._guarded(self._refresh_symbols, "refresh", dim_symbol.NAME)

    def _sum_up_all(self) -> None:
        for table in self._upkeep.tables():
            self._guarded(partial(self._sum_up, table), "checkpoint", table)

    def _compact(self, partition: tuple[str, str, str], least: int, *, in_order: bool) -> None:
        done = self._upkeep.compact(partition, min_small_files=least, in_order=in_order)
        if done is not None:
            self._say(events.PARTITION_COMPACTED, done)

    def _sum_up(self, table: str) -> None:
        for event, facts in self._upkeep.sum_up(table):
            self._say(event, facts)

    def _vacuum_when_due(self, stopping: threading.Event) -> None:
        settings = self._lake.config.maintenance
        if time.monotonic() - self._vacuumed_at < settings.vacuum_interval_hours * 3600:
            return
        if self._may_take_parts_of_a_batch(settings.vacuum_retention_hours):
            return
        self._vacuumed_at = time.monotonic()
        for table in self._upkeep.tables():
            if stopping.is_set():
                return
            self._guarded(partial(self._vacuum, table), "vacuum", table)

    def _may_take_parts_of_a_batch(self, retention_hours: float) -> bool:
        """Tell whether a batch takes so long, on a full disk for one, that its parts might look forgotten."""
        return self._oldest_batch_seconds() > retention_hours * 1800

    def _vacuum(self, table: str) -> None:
        facts = self._upkeep.vacuum(table)
        if facts["files"]:
            self._say(events.TABLE_VACUUMED, facts)

    def _say(self, event: str, facts: Facts) -> None:
        log.info(event, **facts)
        self._on_done(event, facts)

    def _guarded(self, action: Callable[[], None], step: str, table: str, *partition: str) -> bool:
        """Do it; trouble is said when it begins and when it has passed."""
        what = " ".join([step, table, *(["/".join(partition)] if partition else [])])
        self._require_lake()
        try:
            action()
        except Transient as error:
            if what not in self._failing:
                log.warning(events.MAINTENANCE_FAILED, what=what, table=table, error=str(error), hint=error.hint)
            self._failing[what] = str(error)
            return False
        if self._failing.pop(what, None) is not None:
            log.info(events.MAINTENANCE_RESUMED, what=what, table=table)
        return True

    def ask(self, wish: Maintain) -> Future[Answer]:
        """Ask for a pass of maintenance, which the thread makes at its next turn. Never blocks."""
        answer: Future[Answer] = Future()
        self._asked.put((wish, answer))
        return answer

    def _answer_requests(self, stopping: threading.Event) -> None:
        while not self._asked.empty():
            self._require_lake()
            wish, answer = self._asked.get()
            try:
                answer.set_result(self._answer(wish, on_step=stopping.is_set))
            except PointlineError as error:
                answer.set_exception(error)

    def _answer(self, wish: Maintain, *, on_step: Callable[[], object]) -> Answer:
        if wish.below_floor and wish.vacuum:
            raise PointlineError(
                "a daemon that ingests writes files that such a vacuum would take", hint="stop it first"
            )
        hours = wish.retention_hours
        hours = self._lake.config.maintenance.vacuum_retention_hours if hours is None else hours

        def look_first() -> None:
            on_step()
            self._require_lake()
            if wish.vacuum and not wish.dry_run and self._may_take_parts_of_a_batch(hours):
                minutes = self._oldest_batch_seconds() / 60
                raise PointlineError(
                    f"a batch has been under way for {minutes:.0f} minutes: a vacuum that keeps {hours:g} hours may "
                    "take its files",
                    hint="wait until it is committed (`pointline status`), or take a longer --retention-hours",
                )

        done = self._upkeep.fulfil(wish, on_step=look_first)
        for facts in done if not wish.dry_run else ():
            action: str = facts["action"]
            self._say(EVENTS.get(action, action), {name: value for name, value in facts.items() if name != "action"})
        return {"done": done}
