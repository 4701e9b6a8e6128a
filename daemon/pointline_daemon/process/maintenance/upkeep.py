"""One pass of maintenance over a lake, for the thread and for `pointline maintain` alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

from pointline.errors import PointlineError, WrongUse
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log.upkeep import LEAST_RETENTION_HOURS, TableUpkeep
from pointline.io.protocols.tables import Part
from pointline.services.compaction import COLD, Effort, is_mixed
from pointline.unknown import no_such
from pointline_daemon import events
from pointline_daemon.opening.lake import Lake
from pointline_daemon.opening.left_behind import only_copies
from pointline_daemon.opening.requests import Maintain
from pointline_daemon.process.maintenance.compactions import Compactions, Facts, Partition

LEDGER_SMALL_FILES = 16
LEDGER_TARGET_BYTES = 4 << 20
LEDGER_RETENTION_HOURS = 1.0
"""Each outcome replaces a data file of the ledger, however old the row: kept for a week, they would fill the disk with
copies of what is there. Who reads a ledger has read it within the hour."""
LEAST_DEAD_BYTES = 16 << 20
"""In each table so much that no version needs is no reason for a vacuum."""


class Upkeep:
    """Compacts, checkpoints and vacuums the tables of a lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._settings = lake.config.maintenance
        ledgers: list[DeltaTableRepository] = [
            lake.manifest.repository,
            lake.quarantine,
            lake.observations,
            lake.observations.states,
        ]
        self._ledgers = {repository.path.name: TableUpkeep(repository=repository) for repository in ledgers}
        self._all = {
            **self._ledgers,
            lake.symbols.path.name: TableUpkeep(repository=lake.symbols),  # keeps its files few by itself
            **{name: TableUpkeep(repository=repository) for name, repository in lake.events.items()},
        }

    def tables(self) -> list[str]:
        """Return the names of all tables."""
        return list(self._all)

    def ledgers(self) -> list[str]:
        """Return the names of the tables that keep what nobody needs for an hour, whatever the settings say."""
        return list(self._ledgers)

    def compactions(self) -> Compactions:
        """Return what the compactions of a pass are collected in."""
        return Compactions(self._lake)

    def partitions(self) -> list[Partition]:
        """Return ``(table, exchange, date)`` of the partitions that may be worth a compaction."""
        found: dict[Partition, list[Part]] = {}
        for name, repository in self._lake.events.items():
            for part in repository.live_parts():
                found.setdefault((name, part.partition["exchange"], part.partition["date"]), []).append(part)
        return sorted(key for key, parts in found.items() if len(parts) > 1 or is_mixed(parts[0]))

    def compact_and_checkpoint(self, table: str, *, dry_run: bool = False) -> Iterator[tuple[str, Facts]]:
        """Compact a ledger table and write a checkpoint, each where it is worth it; yield what was done."""
        upkeep = self._all[table]
        if table in self._ledgers:
            merged = upkeep.merge_small_files(
                target_bytes=LEDGER_TARGET_BYTES, min_small_files=LEDGER_SMALL_FILES, dry_run=dry_run
            )
            if merged is not None:
                yield events.PARTITION_COMPACTED, {"table": table, "parts_before": merged[0], "parts_after": merged[1]}
        if upkeep.is_long():
            version = upkeep.repository.version() if dry_run else upkeep.checkpoint()
            yield events.TABLE_CHECKPOINTED, {"table": table, "version": version}

    def vacuum(self, table: str, *, retention_hours: float | None = None, dry_run: bool = False) -> Facts:
        """Vacuum a table under the retention and the share of the settings, or an explicit retention alone.

        The ledgers have a retention of their own.
        """
        by_settings = retention_hours is None
        usual = LEDGER_RETENTION_HOURS if table in self._ledgers else self._settings.vacuum_retention_hours
        hours = usual if retention_hours is None else retention_hours
        most = self._most_dead_bytes(table) if by_settings else None
        copies = partial(only_copies, self._lake, table) if table in self._lake.events else None
        removed = self._all[table].vacuum(hours, dry_run=dry_run, most_dead_bytes=most, only_copies=copies)
        kept_hours = LEAST_RETENTION_HOURS if removed.over_share else hours
        return {"table": table, "files": removed.files, "bytes": removed.size_bytes, "retention_hours": kept_hours}

    def has_too_much_dead(self, table: str) -> bool:
        """Tell whether files that no version needs take too much room, and some of them may go already."""
        dead = self._all[table].repository.dead
        size = dead.size_bytes
        if size is None or size <= self._most_dead_bytes(table):
            return False
        return dead.older_than(LEAST_RETENTION_HOURS * 3600) > 0

    def _most_dead_bytes(self, table: str) -> int:
        share = self._settings.max_dead_share * self._all[table].repository.live_bytes
        return max(LEAST_DEAD_BYTES, int(share))

    def space(self) -> dict[str, dict[str, int]]:
        """Return ``live_bytes, dead_bytes`` of each table; the folder of one is looked at once, then followed.

        One that cannot be looked at is left out: what is wrong with it is said by whoever works on it.
        """
        found = {}
        for name, upkeep in self._all.items():
            with suppress(PointlineError):
                repository = upkeep.repository
                if repository.exists():
                    if repository.dead.size_bytes is None:
                        upkeep.look_at_dead()
                    found[name] = {"live_bytes": repository.live_bytes, "dead_bytes": repository.dead.size_bytes or 0}
        return found

    def fulfil(self, request: Maintain, *, is_stopped: Callable[[], bool] = lambda: False) -> list[Facts]:
        """Do what a person asked for, all of it now; return a row of facts per thing done, or to be done.

        ``is_stopped`` is asked before each partition and each vacuum: all of it together may take an hour.
        """
        hours = LEAST_RETENTION_HOURS if request.retention_hours is None else request.retention_hours
        if hours < LEAST_RETENTION_HOURS and not request.below_floor:
            raise WrongUse(
                f"a retention of {hours:g} hours may take files that are just being written or read",
                hint=f"take at least {LEAST_RETENTION_HOURS:g}, or stop everything that reads the lake "
                "and add --below-floor",
            )
        if request.table is not None and request.table not in self._all:
            raise no_such("table", request.table, self._all)
        done: list[Facts] = []
        tables = [request.table] if request.table else self.tables()
        if request.compact:
            partitions = [
                one for one in self.partitions() if one[0] in tables and request.partition in {None, "/".join(one[1:])}
            ]
            done += self._compact_all(partitions, COLD, dry_run=request.dry_run, is_stopped=is_stopped)
            steps = (one for table in tables for one in self.compact_and_checkpoint(table, dry_run=request.dry_run))
            done += [{"action": event, **facts} for event, facts in steps]
        if request.vacuum and request.partition is None:
            for table in tables:
                if is_stopped():
                    break
                facts = self.vacuum(table, retention_hours=request.retention_hours, dry_run=request.dry_run)
                if facts["files"]:
                    done.append({"action": "vacuum", **facts})
        return done

    def _compact_all(
        self, partitions: Iterable[Partition], effort: Effort, *, dry_run: bool, is_stopped: Callable[[], bool]
    ) -> Iterator[Facts]:
        compactions = self.compactions()
        for partition in partitions:
            if is_stopped():
                break
            if compactions.is_due(partition[0]):
                yield from self._committed(compactions)
            if not dry_run:
                try:
                    compactions.merge(partition, effort)
                except PointlineError:
                    list(self._committed(compactions))  # what was merged before is worth as much
                    raise
            elif (facts := compactions.would_merge(partition, effort)) is not None:
                yield {"action": "compact", **facts}
        yield from self._committed(compactions)

    def _committed(self, compactions: Compactions) -> Iterator[Facts]:
        """Commit, and make a checkpoint where that makes the log long."""
        table = compactions.table
        if not table:
            return
        yield from ({"action": "compact", **facts} for facts in compactions.commit())
        yield from ({"action": event, **facts} for event, facts in self.compact_and_checkpoint(table))
