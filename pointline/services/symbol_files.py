"""What the files of a batch say of symbols: judged against ``dim_symbol`` and laid over it, all in one commit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from pointline.errors import Rejected, SuspectSnapshot
from pointline.io.protocols import Outcome, SymbolTable
from pointline.services.batch import Entry, Loaded, start_of_day
from pointline.services.symbols import in_order, plan_file
from pointline.tables.dim_symbol import apply
from pointline.tables.dim_symbol_metadata import Metadata
from pointline.tables.ingest_manifest import Status

INSIST = "if it is whole, `pointline symbols update --insist` takes it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """``after`` is None where nothing changes."""

    batch: int
    version: int
    after: pl.DataFrame | None
    refused: dict[int, Outcome]


class SymbolFiles:
    """``dim_symbol``'s side of a batch. Called by the committing thread alone."""

    def __init__(self, table: SymbolTable, *, max_missing_share: float) -> None:
        self._table = table
        self._max_missing_share = max_missing_share
        self._judged: _Judged | None = None

    def last_batch(self) -> int:
        """Return the number of the newest batch in the table, -1 where there is none."""
        return self._table.last_batch()

    def judge(self, batch: int, loaded: Sequence[Loaded]) -> Sequence[Loaded]:
        """Lay the files over the newest version in the order of their times; return which of them cannot be accepted.

        A batch that is in the table already is not judged again: it has changed what it was judged by.
        """
        files = [
            (entry, group.symbols[entry.file_id])
            for group in loaded
            for entry in group.group.entries
            if entry.file_id in group.symbols
        ]
        if not files:
            return loaded
        judged = self._judged
        if judged is None or judged.batch != batch or self.last_batch() < batch:
            judged = self._judged = self._lay_over(batch, sorted(files, key=_effective_at))
        refused = judged.refused
        return [
            replace(group, outcomes={file_id: refused.get(file_id, one) for file_id, one in group.outcomes.items()})
            for group in loaded
        ]

    def commit(self, batch: int, outcomes: Sequence[Outcome]) -> None:
        """Write what was judged. Raises CommitConflict where the table has changed since: judge again."""
        judged = self._judged
        if judged is not None and judged.batch == batch and judged.after is not None:
            self._table.replace(judged.after, expected_version=judged.version, batch=batch, outcomes=outcomes)

    def _lay_over(self, batch: int, files: Sequence[tuple[Entry, Metadata]]) -> _Judged:
        current, version = self._table.read_version()
        after, refused = current, {}
        for entry, metadata in files:
            try:
                changes = plan_file(
                    after, metadata, exchange=entry.meta.exchange, max_missing_share=self._max_missing_share
                )
                after = apply(after, changes)
            except Rejected as error:
                hints = [error.hint, INSIST] if isinstance(error, SuspectSnapshot) else [error.hint]
                reason = "; ".join([f"{entry.meta.bronze_file_path}: {error}", *hints])
                refused[entry.file_id] = Outcome(file_id=entry.file_id, status=Status.QUARANTINED, error=reason)
        changed = None if after is current else in_order(after)
        return _Judged(batch=batch, version=version, after=changed, refused=refused)


def _effective_at(file: tuple[Entry, Metadata]) -> tuple[dt.datetime, int]:
    """A file that tells a history is as of its day; of the same time, the later found counts."""
    entry, metadata = file
    return metadata.snapshot_at or start_of_day(entry), entry.file_id
