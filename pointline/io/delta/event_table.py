"""Tables that batches of files go into, and the quarantine, as Delta tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from pointline.io.delta.id_ranges import holding
from pointline.io.delta.outcome_facts import Facts, committed, telling
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log.commit_log import oldest_entry, outcomes_in
from pointline.io.delta_log.entries import BATCH
from pointline.io.delta_log.told import recorded_after
from pointline.io.protocols.file_version import Discovery, Outcome
from pointline.io.protocols.tables import CommittedBatch, Part
from pointline.io.translate import storage_errors
from pointline.tables import quarantine
from pointline.tables.schema import PARTITION_COLUMNS, EventTable


class DeltaBatchTable(DeltaTableRepository):
    """A table whose commits carry the outcomes they make true, so that the ledger can be rebuilt from them."""

    def batches_after(self, batch: int, file_ids: Collection[int] | None = None) -> list[CommittedBatch]:
        """Return what was committed after that batch, oldest first; ``file_ids``: what was told of these only."""
        if self.last_batch() <= batch:
            return []
        told: dict[int, list[Facts]] = {}
        oldest = oldest_entry(self.path)
        is_short = oldest != 0
        for version in range(self.version(), -1 if oldest is None else oldest - 1, -1):
            info = self.commit_info(version)
            if info is None:  # a checkpoint stands for it, its entry alone was lost
                is_short = True
                continue
            number = info.get(BATCH, batch + 1)
            if number <= batch:
                break
            if BATCH in info:
                told[number] = [one for one in outcomes_in(info) if file_ids is None or one["file_id"] in file_ids]
        if is_short:  # a checkpoint stands for what is not there; what it told is on record
            told = recorded_after(self.path, batch, file_ids) | told
        return [committed(number, told[number]) for number in sorted(told)]


class DeltaEventTable(DeltaBatchTable):
    """One event table."""

    def __init__(self, path: Path, table: EventTable) -> None:
        super().__init__(path, table.silver_schema, PARTITION_COLUMNS)
        self.may_lack = frozenset(column.name for column in table.columns if not column.required)

    def commit(
        self,
        batch: int,
        *,
        add: Sequence[Part],
        remove: Sequence[Part],
        outcomes: Sequence[Outcome],
        found: Mapping[int, Discovery] | None = None,
    ) -> None:
        """Make ``add`` visible and ``remove`` invisible at once, on disk when this returns.

        Nothing happens where the batch is in already. ``found`` tells of the files that come.
        """
        self.commit_parts(add=add, remove=remove, batch=batch, metadata=telling(outcomes, found or {}))

    def totals(self) -> pl.DataFrame:
        """Return ``exchange, date, rows, first_id, last_id`` per partition, by what the log says of its parts."""
        with self._lock:
            return self._newest_parts().totals()

    def rewrite(self, *, add: Sequence[Part], remove: Sequence[Part]) -> None:
        """Put parts in the place of others that hold the same rows."""
        self.commit_parts(add=add, remove=remove, data_change=False)

    def parts_of(
        self, file_ids: Sequence[int], partition: Mapping[str, str], *, without: Collection[str] = ()
    ) -> list[Part]:
        """Return a partition's data files that hold rows of these files; those at some paths are not looked at."""
        return [
            part
            for part in holding(self.live_parts(partition), file_ids)
            if part.path not in without
            and any(rows["file_id"].is_in(list(file_ids)).any() for rows in self.rows_of(part, ["file_id"]))
        ]

    def rows_without(self, part: Part, file_ids: Sequence[int]) -> Iterator[pl.DataFrame]:
        """Yield the rows of a live part that belong to other files, in order."""
        for rows in self.rows_of(part):
            yield rows.filter(~pl.col("file_id").is_in(list(file_ids)))


class DeltaQuarantine(DeltaTableRepository):
    """Quarantined rows."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, quarantine.SCHEMA)

    def set_aside(self, batch: int, rows: pl.DataFrame) -> None:
        """Add the rows of a batch. Nothing happens where the batch is in already."""
        if self.last_batch() >= batch:
            self.flush_newest()
            return
        with self.new_parts() as add:
            add.extend(self.write_parts(rows))
            self.commit_parts(add=add, remove=(), batch=batch)

    def rows_per_file(self) -> pl.DataFrame:
        """Return ``file_id, rows``."""
        with storage_errors(self.path.name):
            return self.scan().group_by("file_id").agg(pl.len().cast(pl.Int64).alias("rows")).collect()

    def forget(self, file_ids: Sequence[int]) -> int:
        """Remove the rows of files that did not get in after all; return how many there were."""
        forgotten = 0
        for part in holding(self.live_parts(), file_ids):
            rows = pl.concat(self.rows_of(part))
            kept = rows.filter(~pl.col("file_id").is_in(list(file_ids)))
            if kept.height < rows.height:
                with self.new_parts() as add:
                    add.extend(self.write_parts(kept))
                    self.commit_parts(add=add, remove=[part])
                forgotten += rows.height - kept.height
        return forgotten
