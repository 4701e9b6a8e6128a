"""The compactions of a pass: partitions are merged one after the other, and many of them are committed at once."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, TypeAlias

from msgspec.structs import asdict

from pointline.errors import LakeDamaged, Transient
from pointline.services.compaction import Effort, Merged, merge_partition, put_in_place
from pointline_daemon.opening.lake import Lake

Partition: TypeAlias = tuple[str, str, str]
"""``table, exchange, date``."""
Facts: TypeAlias = dict[str, Any]

MOST_PARTITIONS = 64
MOST_PARTS = 1000
"""An entry of a log with so many names is about half a megabyte, and whoever opens the table reads it."""
MOST_SECONDS = 10.0
"""What was merged is seen soon, and a crash leaves little that was written in vain."""


class Compactions:
    """What is merged and not yet committed, of one table at a time. Not thread-safe."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._table = ""
        self._waiting: list[Merged] = []
        self._first_at = 0.0

    def merge(self, partition: Partition, effort: Effort) -> None:
        """Write the data files of a partition that are worth merging anew; what is written waits for ``commit``."""
        assert not self.is_due(partition[0]), "what waits is committed first"
        merged = self._merged(partition, effort, dry_run=False)
        if merged is not None:
            if not self._waiting:
                self._first_at = time.monotonic()
            self._table = partition[0]
            self._waiting.append(merged)

    def would_merge(self, partition: Partition, effort: Effort) -> Facts | None:
        """Return what would be done; None where there is nothing to do."""
        merged = self._merged(partition, effort, dry_run=True)
        return None if merged is None else _facts(partition[0], merged)

    def is_due(self, next_table: str) -> bool:
        """Tell whether what waits is to be committed before anything of a table is merged."""
        return bool(self._waiting) and (
            next_table != self._table
            or len(self._waiting) >= MOST_PARTITIONS
            or sum(len(one.remove) for one in self._waiting) >= MOST_PARTS
            or time.monotonic() - self._first_at >= MOST_SECONDS
        )

    @property
    def table(self) -> str:
        """The table of what waits; empty where nothing does."""
        return self._table if self._waiting else ""

    def commit(self) -> list[Facts]:
        """Put all that waits in its place; return what was done. What cannot be committed is removed."""
        waiting, self._waiting = self._waiting, []
        repository = self._lake.events[self._table]
        try:
            return [_facts(self._table, one) for one in put_in_place(repository, waiting)]
        except (Transient, LakeDamaged):
            with suppress(Transient, LakeDamaged):
                repository.discard([part for one in waiting for part in one.add])
            raise

    def _merged(self, partition: Partition, effort: Effort, *, dry_run: bool) -> Merged | None:
        table, exchange, date = partition
        settings = self._lake.config.maintenance
        columns = self._lake.events[table].schema
        return merge_partition(
            self._lake.events[table],
            {"exchange": exchange, "date": date},
            effort,
            target_bytes=int(settings.target_file_bytes),
            order_by=[name for name in settings.z_order if name in columns],
            dry_run=dry_run,
        )


def _facts(table: str, merged: Merged) -> Facts:
    return {"table": table, **merged.partition, **asdict(merged.done)}
