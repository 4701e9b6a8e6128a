"""A Delta table as a whole: created, upgraded, and its rows added, replaced or merged."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from deltalake import Schema

from pointline.io.delta.as_made import READER_VERSION, WRITER_VERSION
from pointline.io.delta.changed_table import delta_schema, types_in
from pointline.io.delta.id_ranges import holding, in_order
from pointline.io.delta.table.writer import DeltaTableWriter
from pointline.io.delta.table_path import LOG, partition_columns
from pointline.io.delta_log.entries import DeltaLog, table_of, upgrade_of
from pointline.io.delta_log.format_version import FORMAT_VERSION, PROPERTY, version_in
from pointline.io.durable import make_folder
from pointline.io.lake_links import refuse_links
from pointline.io.protocols.tables import Part
from pointline.io.translate import storage_errors
from pointline.tables.size_tiers import runs_to_merge

MERGE_RATIO = 2.0
"""A part of a table of ours is rewritten only with at least as much beside it."""

LOG_RETENTION_SECONDS = 3600.0
FORMAT_PROPERTY = {PROPERTY: str(FORMAT_VERSION)}
TABLE_PROPERTIES = {"delta.logRetentionDuration": "interval 1 hours", **FORMAT_PROPERTY}
"""A log entry that a checkpoint replaces is kept for an hour: for readers that are about to read it."""


class DeltaTableRepository(DeltaTableWriter):
    """A Delta table. Safe to share between threads: one operation at a time."""

    def create(self) -> None:
        """Create the table where there is none; upgrade one of an older release.

        Raises NewerFormat, and changes nothing, where a later release wrote it.
        """
        if self.exists():
            self._upgrade()
            return
        refuse_links(self.path, self.path / LOG)
        make_folder(self.path / LOG)
        actions = table_of(
            delta_schema(self.schema).to_json(),
            self.partition_by,
            TABLE_PROPERTIES,
            reader=READER_VERSION,
            writer=WRITER_VERSION,
        )
        with self._lock, storage_errors(self.path.name):
            DeltaLog(self.path / LOG, version=-1, last_batch=-1).append(actions, batch=None)

    def _upgrade(self) -> None:
        """Add the columns that are missing, null in the rows that are there, and the format version, in one commit.

        A table without rows becomes what it is described as.
        """
        if self.is_as_made():
            return
        has_rows = bool(self.live_parts())  # refuses what is not ours
        table = self.table()
        metadata, there, wanted = table.metadata(), table.schema(), delta_schema(self.schema)
        names = types_in(there)
        missing = [field for field in wanted.fields if field.name not in names]
        fields = [*there.fields, *missing]
        if is_described_anew := names != types_in(wanted) and not has_rows:
            fields = wanted.fields
        if missing or is_described_anew or version_in(metadata.configuration) < FORMAT_VERSION:
            refuse_links(self.path, self.path / LOG)
            added = [field.name for field in missing]
            actions = upgrade_of(metadata, Schema(fields).to_json(), added, FORMAT_PROPERTY)
            with self._lock, storage_errors(self.path.name):
                self._newest_log().append(actions, batch=None)  # refuses a table of features that nobody here knows

    def append(self, df: pl.DataFrame) -> None:
        """Add rows in one commit."""
        with self.new_parts() as add:
            add.extend(self.write_parts(df))
            self.commit_parts(add=add, remove=())

    def write_full(self, df: pl.DataFrame) -> None:
        """Replace all rows in one commit: for deterministic rebuilds."""
        with self.new_parts() as add:
            add.extend(self.write_parts(df))
            self.commit_parts(add=add, remove=self.live_parts())

    def merge(self, df: pl.DataFrame, keys: Sequence[str]) -> None:
        """Update the rows that agree with ``df`` in ``keys`` and insert the rest, in one commit.

        ``df`` has all columns, and ``keys`` name each of its rows. Only parts that hold one of them are replaced.
        """
        with self._lock, self.new_parts() as add:
            parts = self.live_parts()
            new = df.select(list(self.schema))
            remove: list[Part] = []
            for part in holding(parts, df["file_id"].to_list()) if "file_id" in keys else parts:
                rows = self._whole_rows(part)
                if rows.join(df, on=keys, how="semi").is_empty():
                    continue
                add.extend(self.write_parts(rows.update(df, on=keys, how="left", include_nulls=True)))
                remove.append(part)
                new = new.join(rows, on=keys, how="anti")
            add.extend(self.write_parts(new))
            self.commit_parts(add=add, remove=remove)

    def worth_merging(self, *, target_bytes: int, least: int) -> list[list[Part]]:
        """Return the runs of small data files to rewrite, each as one of at most about ``target_bytes``.

        Nothing is worth it before there are ``least`` small ones.
        """
        parts = in_order(self.live_parts())
        if sum(part.size_bytes < target_bytes // 2 for part in parts) < least:
            return []
        return runs_to_merge(parts, ratio=MERGE_RATIO, full_bytes=target_bytes, most=least)

    def merged(self, run: Sequence[Part]) -> list[Part]:
        """Write the rows of these parts anew, by rising ``file_id`` where they have one; no commit mentions it."""
        rows = pl.concat(self._whole_rows(part) for part in run)
        return self.write_parts(rows.sort("file_id", maintain_order=True) if "file_id" in rows.columns else rows)

    def parts_of_merged(self, run: Sequence[Part]) -> int:
        """Return how many parts ``merged`` makes of them."""
        del run
        return 1

    def _whole_rows(self, part: Part) -> pl.DataFrame:
        """Return the rows of a part with all columns."""
        shared = partition_columns(part.partition, self.schema)
        return pl.concat(self.rows_of(part)).with_columns(shared).select(list(self.schema))
