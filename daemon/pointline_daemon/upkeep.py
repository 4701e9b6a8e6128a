"""One pass of maintenance over a lake, for the thread and for `pointline maintain` alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from pointline.errors import WrongUse
from pointline.io.delta import DeltaTableRepository
from pointline.io.protocols import Part
from pointline.io.upkeep import LEAST_RETENTION_HOURS, TableUpkeep
from pointline.services.compaction import compact_partition, is_mixed
from pointline.unknown import no_such
from pointline_daemon import events
from pointline_daemon.lake import Lake
from pointline_daemon.requests import Maintain

LEDGER_SMALL_PARTS = 16
LEDGER_TARGET_BYTES = 32 << 20

Facts = dict[str, Any]


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

    def partitions(self) -> list[tuple[str, str, str]]:
        """Return ``(table, exchange, date)`` of the partitions that may be worth a compaction."""
        found: dict[tuple[str, str, str], list[Part]] = {}
        for name, repository in self._lake.events.items():
            for part in repository.live_parts():
                found.setdefault((name, part.partition["exchange"], part.partition["date"]), []).append(part)
        return sorted(key for key, parts in found.items() if len(parts) > 1 or is_mixed(parts[0]))

    def compact(
        self, partition: tuple[str, str, str], *, min_small_files: int, in_order: bool, dry_run: bool = False
    ) -> Facts | None:
        """Compact one partition; None where there is nothing to do. ``in_order`` applies ``z_order``, where set."""
        table, exchange, date = partition
        columns = self._lake.events[table].schema
        done = compact_partition(
            self._lake.events[table],
            {"exchange": exchange, "date": date},
            target_bytes=int(self._settings.target_file_bytes),
            min_small_files=min_small_files,
            order_by=[name for name in self._settings.z_order if name in columns] if in_order else [],
            lay_out=in_order,
            dry_run=dry_run,
        )
        return None if done is None else {"table": table, "exchange": exchange, "date": date, **asdict(done)}

    def sum_up(self, table: str, *, dry_run: bool = False) -> Iterator[tuple[str, Facts]]:
        """Compact a ledger table and write a checkpoint, each where it is worth it; yield what was done."""
        upkeep = self._all[table]
        if table in self._ledgers:
            merged = upkeep.merge_small_parts(
                target_bytes=LEDGER_TARGET_BYTES, min_small_files=LEDGER_SMALL_PARTS, dry_run=dry_run
            )
            if merged is not None:
                yield events.PARTITION_COMPACTED, {"table": table, "parts_before": merged[0], "parts_after": merged[1]}
        if upkeep.is_long():
            version = upkeep.repository.version() if dry_run else upkeep.checkpoint()
            yield events.TABLE_CHECKPOINTED, {"table": table, "version": version}

    def vacuum(self, table: str, *, retention_hours: float | None = None, dry_run: bool = False) -> Facts:
        """Vacuum a table under the retention of the settings, or an explicit one."""
        hours = self._settings.vacuum_retention_hours if retention_hours is None else retention_hours
        removed = self._all[table].vacuum(hours, dry_run=dry_run)
        return {"table": table, "files": removed.files, "bytes": removed.size_bytes, "retention_hours": hours}

    def fulfil(self, wish: Maintain, *, on_step: Callable[[], object] = lambda: None) -> list[Facts]:
        """Do what a person asked for, all of it now; return a row of facts per thing done, or to be done.

        ``on_step`` is called before each partition and each vacuum: all of it together may take an hour.
        """
        hours = LEAST_RETENTION_HOURS if wish.retention_hours is None else wish.retention_hours
        if hours < LEAST_RETENTION_HOURS and not wish.below_floor:
            raise WrongUse(
                f"a retention of {hours:g} hours may take files that are just being written or read",
                hint=f"take at least {LEAST_RETENTION_HOURS:g}, or stop everything that reads the lake "
                "and add --below-floor",
            )
        if wish.table is not None and wish.table not in self._all:
            raise no_such("table", wish.table, self._all)
        done: list[Facts] = []
        tables = [wish.table] if wish.table else self.tables()
        if wish.compact:
            for partition in self.partitions():
                on_step()
                if partition[0] in tables and wish.partition in {None, "/".join(partition[1:])}:
                    facts = self.compact(partition, min_small_files=2, in_order=True, dry_run=wish.dry_run)
                    if facts is not None:
                        done.append({"action": "compact", **facts})
            summed_up = (one for table in tables for one in self.sum_up(table, dry_run=wish.dry_run))
            done += [{"action": event, **facts} for event, facts in summed_up]
        if wish.vacuum and wish.partition is None:
            for table in tables:
                on_step()
                facts = self.vacuum(table, retention_hours=wish.retention_hours, dry_run=wish.dry_run)
                if facts["files"]:
                    done.append({"action": "vacuum", **facts})
        return done
