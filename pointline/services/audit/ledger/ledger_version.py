"""The ledger as it was when an audit began, a run of rows at a time.

All of it would be a gigabyte where it knows a million files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import polars as pl

from pointline.io.protocols.tables import Part
from pointline.services.audit.audited import AuditedLedger
from pointline.services.audit.ledger.file_times import COLUMNS, FileTimes
from pointline.services.audit.ledger.ledger_index import LedgerIndex
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import Status, stands_at


class LedgerVersion:
    """One version of the ledger, and what an audit keeps of it."""

    def __init__(self, ledger: AuditedLedger) -> None:
        self._ledger = ledger
        self.recorded = ledger.last_batch()
        """The newest batch whose outcomes it has."""
        self._parts = ledger.live_parts()
        self.tables: set[str] = set()
        """Those that have files."""
        self.index = LedgerIndex(self._noted_runs())

    def _noted_runs(self) -> Iterator[pl.DataFrame]:
        for run in self.runs(("file_id", "status", "data_type")):
            self.tables.update(run.filter(stands_at(Status.SUCCESS))["data_type"].unique())
            yield run

    def some_days(self, groups: Collection[str], without: Collection[int]) -> Iterator[pl.DataFrame]:
        """Yield when files begin and end, as ``FileTimes`` does."""
        times = FileTimes(groups)
        for run in self.runs(COLUMNS):
            times.add(run)
        yield from times.some_days(without)

    def runs(self, columns: Sequence[str] = tuple(ingest_manifest.SCHEMA)) -> Iterator[pl.DataFrame]:
        """Yield its rows in runs by rising ``file_id``."""
        return self._ledger.batches_of_rows(columns, self._parts)

    def files_in(self, parts: Sequence[tuple[str, Part]]) -> set[int]:
        """Return the files that may have rows in these data files, each with its table."""
        found: set[int] = set()
        for run in self.runs(("file_id", "data_type")):
            ids = {str(table): rows["file_id"].sort() for (table,), rows in run.group_by("data_type")}
            for of_table, part in ((ids[table], part) for table, part in parts if table in ids):
                first = of_table.search_sorted(part.first_file_id)
                found.update(of_table[first : of_table.search_sorted(part.last_file_id, "right")])
        return found

    def rows_of(self, file_ids: Collection[int]) -> pl.DataFrame:
        """Return the rows of these files."""
        wanted = pl.Series(sorted(file_ids), dtype=pl.Int64).implode()
        rows = [run.filter(pl.col("file_id").is_in(wanted)) for run in self.runs()]
        return pl.concat([ingest_manifest.empty(), *rows])
