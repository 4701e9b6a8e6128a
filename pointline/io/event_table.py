"""Tables that batches of files go into, and the quarantine, as Delta tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from pointline.io.commit_log import OUTCOMES
from pointline.io.delta import DeltaTableRepository
from pointline.io.live_parts import may_hold
from pointline.io.protocols import CommittedBatch, Outcome, Part
from pointline.tables import quarantine
from pointline.tables.ingest_manifest import Status
from pointline.tables.schema import PARTITION_COLUMNS, EventTable

FIELDS = (
    "file_id",
    "status",
    "content_hash",
    "rows_read",
    "rows_written",
    "rows_quarantined",
    "first_local_us",
    "last_local_us",
    "warnings",
    "error",
    "superseded_by",
    "symbols",
)
"""The order in which a commit lists the facts of an outcome. New ones go to the end: older commits lack them."""


class DeltaBatchTable(DeltaTableRepository):
    """A table whose commits carry the outcomes they make true, so that the ledger can be rebuilt from them."""

    def batches_after(self, batch: int) -> list[CommittedBatch]:
        """Return what was committed after that batch, oldest first."""
        if self.last_batch() <= batch:
            return []
        found = [
            CommittedBatch(number=number, outcomes=tuple(map(_unpacked, metadata.get(OUTCOMES, []))))
            for number, metadata in self.metadata_after(batch)
        ]
        return found[::-1]


class DeltaEventTable(DeltaBatchTable):
    """One event table."""

    def __init__(self, path: Path, table: EventTable) -> None:
        super().__init__(path, table.silver_schema, PARTITION_COLUMNS)

    def commit(self, batch: int, *, add: Sequence[Part], remove: Sequence[Part], outcomes: Sequence[Outcome]) -> None:
        """Make ``add`` visible and ``remove`` invisible at once, on disk when this returns.

        Nothing happens where the batch is in already.
        """
        self.commit_parts(add=add, remove=remove, batch=batch, metadata=telling(outcomes))

    def rewrite(self, *, add: Sequence[Part], remove: Sequence[Part]) -> None:
        """Put parts in the place of others that hold the same rows."""
        self.commit_parts(add=add, remove=remove, data_change=False)

    def parts_of(self, file_ids: Sequence[int], partition: Mapping[str, str]) -> list[Part]:
        """Return the live parts of a partition that hold rows of these files."""
        return [
            part
            for part in self.live_parts(partition)
            if may_hold(part, file_ids)
            and any(rows["file_id"].is_in(list(file_ids)).any() for rows in self.rows_of(part, ["file_id"]))
        ]

    def rows_without(self, part: Part, file_ids: Sequence[int]) -> Iterator[pl.DataFrame]:
        """Yield the rows of a live part that belong to other files, in order."""
        for rows in self.rows_of(part):
            yield rows.filter(~pl.col("file_id").is_in(list(file_ids)))


class DeltaQuarantine(DeltaTableRepository):
    """The rows set aside."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, quarantine.SCHEMA)

    def set_aside(self, batch: int, rows: pl.DataFrame) -> None:
        """Add the rows of a batch. Nothing happens where the batch is in already."""
        self.commit_parts(add=self.write_parts(rows), remove=(), batch=batch)

    def forget(self, file_ids: Sequence[int]) -> int:
        """Remove the rows of files that did not get in after all; return how many there were."""
        forgotten = 0
        for part in self.live_parts():
            if may_hold(part, file_ids):
                rows = pl.concat(self.rows_of(part))
                kept = rows.filter(~pl.col("file_id").is_in(list(file_ids)))
                if kept.height < rows.height:
                    self.commit_parts(add=self.write_parts(kept), remove=[part])
                    forgotten += rows.height - kept.height
        return forgotten


def telling(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Return the metadata of a commit that makes these outcomes true."""
    return {OUTCOMES: [_packed(one) for one in outcomes]}


def _packed(outcome: Outcome) -> list[object]:
    return [getattr(outcome, name) for name in FIELDS]


def _unpacked(values: list[object]) -> Outcome:
    # An older commit has fewer of them; one that has more is of a version to come, and an error.
    facts = dict(zip(FIELDS[: len(values)], values, strict=True))
    facts["status"] = Status(str(facts["status"]))
    symbols = facts.get("symbols")
    facts["symbols"] = None if symbols is None else tuple(symbols)  # type: ignore[arg-type]
    return Outcome(**facts)  # type: ignore[arg-type]
