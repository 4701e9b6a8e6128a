"""The maintenance thread: compacts partitions, checkpoints logs, vacuums. Ingest never waits for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial

import structlog
from polars.exceptions import PanicException

from pointline.errors import LakeDamaged, PointlineError, Transient
from pointline.io.delta_log.upkeep import LEAST_RETENTION_HOURS
from pointline.tables import dim_symbol
from pointline_daemon import events
from pointline_daemon.opening.lake import Lake
from pointline_daemon.opening.requests import Answer, Maintain
from pointline_daemon.process.maintenance.compactions import Compactions, Facts, Partition
from pointline_daemon.process.maintenance.noted_partitions import Look, NotedPartitions
from pointline_daemon.process.maintenance.upkeep import Upkeep
from pointline_daemon.process.request_desk import unexpected

LOOK_SECONDS = 0.5
SYMBOLS_LOOK_SECONDS = 60.0
"""How often the symbols are asked whether what is current is still current; they look once an hour."""
LEDGER_VACUUM_SECONDS = 300.0
"""How often the ledgers are vacuumed: what nobody needs there is kept for an hour, whatever the settings say."""
SPACE_SECONDS = 5.0
RELIEF_SECONDS = 600.0
"""A table in which too much is dead is not vacuumed again before that: each time its whole folder is looked at."""

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
        self._noted = NotedPartitions(lake.config.maintenance)
        self._vacuumed_at = self._ledgers_vacuumed_at = time.monotonic()
        self._relieved_at: dict[str, float] = {}
        self.space: dict[str, dict[str, int]] = {}
        """``live_bytes, dead_bytes`` of each table, as they were a moment ago."""
        self._space_due = 0.0
        self._refresh_symbols = refresh_symbols
        self._symbols_looked_at = time.monotonic()

    def note(self, partitions: Iterable[Partition]) -> None:
        """``(table, exchange, date)`` got parts."""
        self._noted.note(partitions)

    @property
    def waiting(self) -> int:
        """How many partitions changed and are not compacted yet."""
        return self._noted.waiting

    def first_waiting(self, most: int) -> list[str]:
        """Return some of them, longest untouched first, as ``table exchange/date``."""
        return [f"{table} {exchange}/{date}" for table, exchange, date in self._noted.first_waiting(most)]

    @property
    def failing(self) -> str:
        """What maintenance failed the last time, and why; empty where none did."""
        troubles = [f"{what}: {trouble}" for what, trouble in list(self._failing.items())]
        return f"{troubles[0]} (and {len(troubles) - 1} more)" if len(troubles) > 1 else "".join(troubles)

    def run(self, stopping: threading.Event) -> None:
        """Body of the thread."""
        settings = self._lake.config.maintenance
        if settings.enabled:
            self._noted.note_old(self._upkeep.partitions())
        due = time.monotonic() + settings.interval_seconds
        while not stopping.wait(min(LOOK_SECONDS, settings.interval_seconds)):
            self._answer_requests(stopping)
            self._look_at_symbols()
            self._look_at_space()
            if settings.enabled and time.monotonic() >= due:
                self._maintain(stopping)
                due = time.monotonic() + settings.interval_seconds
            elif settings.enabled:
                self._compact_partitions(stopping, self._noted.take_busy())
            if settings.enabled and time.monotonic() - self._ledgers_vacuumed_at >= LEDGER_VACUUM_SECONDS:
                self._vacuum_ledgers()
        if settings.enabled:
            self._vacuum_ledgers()
            self._checkpoint_all()  # who opens the tables next has less to read; a run with --once gets no other turn

    def _maintain(self, stopping: threading.Event) -> None:
        self._compact_partitions(stopping, self._noted.due())
        if not stopping.is_set():
            self._checkpoint_all()
        self._vacuum_when_due(stopping)

    def _compact_partitions(self, stopping: threading.Event, partitions: Iterable[Partition]) -> None:
        """Compact partitions; many of them share a commit, and what people ask for is done in between."""
        compactions = self._upkeep.compactions()
        looks: list[Look] = []
        for partition in partitions:
            if stopping.is_set():
                break
            if compactions.is_due(partition[0]):
                self._commit(compactions, looks)
            self._answer_requests(stopping)
            look = self._noted.look(partition)
            if look is not None and self._guarded(
                partial(compactions.merge, partition, look.effort), "compact", *partition
            ):
                looks.append(look)
        self._commit(compactions, looks)

    def _commit(self, compactions: Compactions, looks: list[Look]) -> None:
        """Put in place what was merged of these partitions."""
        table, is_done = compactions.table, True
        if table:
            is_done = self._guarded(lambda: self._say_compacted(compactions.commit()), "compact", table)
            self._guarded(partial(self._checkpoint, table), "checkpoint", table)
        for look in looks if is_done else ():
            self._noted.settle(look)
        looks.clear()

    def _look_at_symbols(self) -> None:
        """Where maintenance is switched off too: time passes without it."""
        if time.monotonic() - self._symbols_looked_at >= SYMBOLS_LOOK_SECONDS:
            self._symbols_looked_at = time.monotonic()
            self._guarded(self._refresh_symbols, "refresh", dim_symbol.NAME)

    def _checkpoint_all(self) -> None:
        for table in self._upkeep.tables():
            self._guarded(partial(self._checkpoint, table), "checkpoint", table)

    def _say_compacted(self, done: Iterable[Facts]) -> None:
        for facts in done:
            self._say(events.PARTITION_COMPACTED, facts)

    def _checkpoint(self, table: str) -> None:
        for event, facts in self._upkeep.compact_and_checkpoint(table):
            self._say(event, facts)

    def _vacuum_when_due(self, stopping: threading.Event) -> None:
        """All tables once in an interval; one in which too much is dead before that."""
        settings = self._lake.config.maintenance
        now = time.monotonic()
        is_due = now - self._vacuumed_at >= settings.vacuum_interval_hours * 3600
        hours = settings.vacuum_retention_hours if is_due else LEAST_RETENTION_HOURS
        if self._may_take_parts_of_a_batch(hours):
            return
        if is_due:
            self._vacuumed_at = now
        for table in self._upkeep.tables():
            if stopping.is_set():
                return
            self._answer_requests(stopping)
            if is_due or self._is_filling_up(table, now):
                self._relieved_at[table] = now
                self._guarded(partial(self._vacuum, table), "vacuum", table)

    def _is_filling_up(self, table: str, now: float) -> bool:
        is_early = now - self._relieved_at.get(table, -RELIEF_SECONDS) < RELIEF_SECONDS
        return not is_early and self._upkeep.has_too_much_dead(table)

    def _look_at_space(self) -> None:
        if time.monotonic() >= self._space_due:
            self._space_due = time.monotonic() + SPACE_SECONDS
            self._guarded(self._measure, "measure", "silver")

    def _measure(self) -> None:
        self.space = self._upkeep.space()

    def _vacuum_ledgers(self) -> None:
        self._ledgers_vacuumed_at = time.monotonic()
        for table in self._upkeep.ledgers():
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
        """Do it; trouble is said when it begins and when it has passed.

        Damage too holds up that partition or table only. Who ingests into it ends, if that cannot be either.
        """
        what = " ".join([step, table, *(["/".join(partition)] if partition else [])])
        self._require_lake()
        try:
            action()
        except (Transient, LakeDamaged) as error:
            if what not in self._failing:
                log.warning(events.MAINTENANCE_FAILED, what=what, table=table, error=str(error), hint=error.hint)
            self._failing[what] = str(error)
            return False
        if self._failing.pop(what, None) is not None:
            log.info(events.MAINTENANCE_RESUMED, what=what, table=table)
        return True

    def ask(self, request: Maintain) -> Future[Answer]:
        """Ask for a pass of maintenance, which the thread makes at its next turn. Never blocks."""
        answer: Future[Answer] = Future()
        self._asked.put((request, answer))
        return answer

    def _answer_requests(self, stopping: threading.Event) -> None:
        while not self._asked.empty():
            self._require_lake()
            request, answer = self._asked.get()
            try:
                answer.set_result(self._answer(request, is_stopped=partial(self._is_stopped, stopping)))
            except PointlineError as error:
                answer.set_exception(error)
            except (Exception, PanicException) as error:  # noqa: BLE001 - as at the desk of requests
                answer.set_exception(unexpected(error))

    def _is_stopped(self, stopping: threading.Event) -> bool:
        """Answer whoever asked meanwhile, and tell whether there is time for more."""
        if not stopping.is_set():
            self._answer_requests(stopping)
        return stopping.is_set()

    def _answer(self, request: Maintain, *, is_stopped: Callable[[], bool]) -> Answer:
        if request.below_floor and request.vacuum:
            raise PointlineError(
                "a daemon that ingests writes files that such a vacuum would take", hint="stop it first"
            )
        hours = request.retention_hours
        hours = self._lake.config.maintenance.vacuum_retention_hours if hours is None else hours

        def look_first() -> bool:
            self._require_lake()
            if request.vacuum and not request.dry_run and self._may_take_parts_of_a_batch(hours):
                minutes = self._oldest_batch_seconds() / 60
                raise PointlineError(
                    f"a batch has been under way for {minutes:.0f} minutes: a vacuum that keeps {hours:g} hours may "
                    "take its files",
                    hint="wait until it is committed (`pointline status`), or take a longer --retention-hours",
                )
            return is_stopped()

        done = self._upkeep.fulfil(request, is_stopped=look_first)
        for facts in done if not request.dry_run else ():
            action: str = facts["action"]
            self._say(EVENTS.get(action, action), {name: value for name, value in facts.items() if name != "action"})
        return {"done": done}
