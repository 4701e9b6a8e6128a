"""One Delta table on a local disk. The only module that commits.

Every entry of its log is our own (``DeltaLog``): delta-rs reads, and writes checkpoints.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from urllib.parse import unquote

import polars as pl
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema

from pointline.errors import CommitConflict, LakeDamaged, PartsLost
from pointline.io.checksums import checksum_in_name, checksum_of, stem_of
from pointline.io.clock import Clock
from pointline.io.delta.changed_table import delta_schema, not_ours, types_in
from pointline.io.delta.id_ranges import holding, in_order
from pointline.io.delta.live_parts import LiveParts
from pointline.io.delta.parts import COMPACTED, WRITTEN, ParquetPartWriter
from pointline.io.delta.table_path import LOG, delta_name, is_table, open_table, partition_columns, scan_data_files
from pointline.io.delta_log.checkpoint import checkpoint_files
from pointline.io.delta_log.dead_files import DeadFiles
from pointline.io.delta_log.entries import (
    APP_ID,
    BATCH,
    DeltaLog,
    change_of_parts,
    entry_name,
    table_of,
    upgrade_of,
)
from pointline.io.delta_log.format_version import FORMAT_VERSION, PROPERTY, require_known, version_in
from pointline.io.durable import flush_file, flush_folder, make_folder
from pointline.io.lake_links import refuse_links
from pointline.io.protocols import Part, new_parts
from pointline.io.translate import DAMAGE_HINT, REPAIR_HINT, storage_errors
from pointline.tables.size_tiers import runs_to_merge

READER_VERSION = 1
WRITER_VERSION = 2
"""Of the Delta protocol: what the tables are created with, and all that ``DeltaLog`` knows."""

ROWS_PER_GROUP = 131_072
MERGE_RATIO = 2.0
"""A part of a table of ours is rewritten only with at least as much beside it."""

LOG_RETENTION_SECONDS = 3600.0
FORMAT_PROPERTY = {PROPERTY: str(FORMAT_VERSION)}
TABLE_PROPERTIES = {"delta.logRetentionDuration": "interval 1 hours", **FORMAT_PROPERTY}
"""A log entry that a checkpoint replaces is kept for an hour: for readers that are about to read it."""


class DeltaTableRepository:
    """A Delta table. Safe to share between threads: one operation at a time."""

    bounded: ClassVar[Sequence[str]] = ()
    """Columns of texts and times whose bounds in each data file are kept in memory."""
    may_lack: Collection[str] = ()
    """Columns that tables of older releases, or of older descriptions, do not have yet."""

    def __init__(self, path: Path, schema: Mapping[str, pl.DataType], partition_by: Sequence[str] = ()) -> None:
        self.path = path
        self.schema = dict(schema)
        self.partition_by = tuple(partition_by)
        self._lock = threading.RLock()
        self._table: DeltaTable | None = None
        self._log: DeltaLog | None = None
        self._parts: LiveParts | None = None
        self._unfinished: set[str] = set()
        self.clock = Clock()
        self.dead = DeadFiles(self.clock)

    # ---- reading

    def read_all(self) -> pl.DataFrame:
        """Return all rows. A table that cannot be read is an error, never an empty frame."""
        with storage_errors(self.path.name):
            return self.scan().collect()

    def scan(self) -> pl.LazyFrame:
        """Return the rows of the newest version, lazily."""
        with self._lock, storage_errors(self.path.name):
            return scan_data_files(self.path, self._newest_parts().paths, self.schema, self.partition_by)

    def table(self) -> DeltaTable:
        """Return the handle, brought up to the newest version."""
        with self._lock, storage_errors(self.path.name):
            if self._table is None:
                self._table = open_table(self.path)
            else:
                delta_name(self.path)
                self._table.update_incremental()
                require_known(self.path.name, self._table.metadata().configuration)
            return self._table

    def version(self) -> int:
        """Return the newest version."""
        with self._lock, storage_errors(self.path.name):
            return self._newest_log().version

    def last_batch(self) -> int:
        """Return the number of the newest batch in this table, -1 where there is none."""
        with self._lock, storage_errors(self.path.name):
            return self._newest_log().last_batch

    def live_parts(self, partition: Mapping[str, str] | None = None) -> list[Part]:
        """Return the parts that readers see, of one partition or of all."""
        with self._lock:
            return self._newest_parts().of(partition)

    @property
    def live_bytes(self) -> int:
        """Size of all parts that readers see."""
        with self._lock:
            return self._newest_parts().size_bytes

    def require_sound(self) -> None:
        """Raise LakeDamaged where a data file does not hold what was written: for a small table, before it is believed.

        Reads all of it, at gigabytes a second.
        """
        with storage_errors(self.path.name):
            for path in self.live_paths():
                wanted = checksum_in_name(PurePosixPath(path).name)
                if not (self.path / path).exists():
                    raise LakeDamaged(
                        f"{self.path.name}/{path}, which the log of {self.path.name} names, is gone",
                        subject=f"{self.path.name}/{path}",
                        hint=REPAIR_HINT,
                    )
                if wanted is not None and (found := checksum_of(self.path / path)) != wanted:
                    raise LakeDamaged(
                        f"{self.path.name}/{path} is damaged: the checksum of its content is {found}, not {wanted}",
                        subject=f"{self.path.name}/{path}",
                        hint=DAMAGE_HINT,
                    )

    def live_paths(self) -> set[str]:
        """Return the paths of all live parts, relative to the table."""
        with self._lock:
            return set(self._newest_parts().paths)

    def _newest_parts(self) -> LiveParts:
        """Return the parts of the newest version, for as long as the lock is held."""
        with self._lock, storage_errors(self.path.name):
            newest = self._newest_log().version
            if self._parts is None or self._parts.version != newest:
                table = self._table
                if table is None or table.version() != newest:
                    table = self.table()
                self._require_ours(table, has_rows=False)  # else its data files cannot even be listed
                parts = LiveParts(table, self.partition_by, {name: self.schema[name] for name in self.bounded})
                if parts.paths:
                    self._require_ours(table, has_rows=True)
                self._parts = parts
            return self._parts

    def _require_ours(self, table: DeltaTable, *, has_rows: bool) -> None:
        """Raise LakeDamaged where somebody has put another table, or rows of other types, into the place of ours."""
        if what := not_ours(table, self.schema, self.partition_by, self.may_lack if has_rows else None):
            name = self.path.name
            raise LakeDamaged(f"{name} is not the table that belongs there: {what}", subject=name, hint=REPAIR_HINT)

    def let_go(self) -> None:
        """Drop what is known of the table: another one is in its place."""
        with self._lock:
            self._table = self._log = self._parts = None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the table: nobody else in this process commits meanwhile.

        The handle is not kept. Of every commit that it is brought up to it holds 30 KB, measured.
        """
        with self._lock:
            try:
                yield
            finally:
                self._table = None

    # ---- writing

    def exists(self) -> bool:
        """Tell whether there is a table."""
        with storage_errors(self.path.name):
            return is_table(self.path)

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
            self._delta_schema().to_json(),
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
        has_rows = bool(self.live_parts())  # refuses what is not ours
        table = self.table()
        metadata, there, wanted = table.metadata(), table.schema(), self._delta_schema()
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

    def part_writer(
        self,
        partition: Mapping[str, str],
        dictionary: Sequence[str] = (),
        *,
        is_compacted: bool = False,
        bounded: Collection[str] | None = None,
    ) -> ParquetPartWriter:
        """Start a data file of a partition."""
        prefix = COMPACTED if is_compacted else WRITTEN
        return ParquetPartWriter(
            self.path, partition, dictionary, prefix=prefix, unfinished=self._unfinished, bounded=bounded
        )

    def is_unfinished(self, path: str) -> bool:
        """Tell whether this process has written that file, or begun to, and not committed it."""
        return stem_of(PurePosixPath(path).name) in self._unfinished

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

    def _whole_rows(self, part: Part) -> pl.DataFrame:
        """Return the rows of a part with all columns."""
        shared = partition_columns(part.partition, self.schema)
        return pl.concat(self.rows_of(part)).with_columns(shared).select(list(self.schema))

    def commit_parts(
        self,
        *,
        add: Sequence[Part],
        remove: Sequence[Part],
        batch: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        data_change: bool = True,
        expected_version: int | None = None,
    ) -> None:
        """Make ``add`` visible and ``remove`` invisible in one commit, on disk when this returns.

        With ``batch`` nothing happens where the table has that batch already. With ``expected_version`` the commit is
        the one after it: raises CommitConflict where another came in between.
        """
        told = _metadata(batch, metadata)
        with self._lock, storage_errors(self.path.name):
            log = self._newest_log()
            if batch is not None and log.last_batch >= batch:
                self.flush_commit(log.version)
                self._unfinished -= _stems(part for part in add if self._newest_parts().holds(part))
                return
            if expected_version is not None and log.version != expected_version:
                raise CommitConflict(
                    f"{self.path.name} has changed meanwhile", subject=self.path.name, hint="try again"
                )
            self._require_live(remove)
            self._require_on_disk(add)
            refuse_links(self.path, self.path / LOG)
            now_ms = self.clock.stamp_ms()
            actions = change_of_parts(add=add, remove=remove, metadata=told, data_change=data_change, now_ms=now_ms)
            try:
                log.append(actions, batch=batch)
            except OSError:
                log.catch_up()  # it may have its name all the same; only a numbered one can be recognised as ours
                if batch is None or log.last_batch < batch:
                    raise
                self.flush_commit(log.version)
            else:
                self._follow(log.version, add=add, remove=remove)
            self.dead.add(remove, now_ms)
            self._unfinished -= _stems(add)

    def _follow(self, version: int, *, add: Sequence[Part], remove: Sequence[Part]) -> None:
        """Keep what is known of the live parts up with a commit of our own."""
        if self._parts is not None and self._parts.version == version - 1:
            self._parts.follow(version, add=add, remove=remove)

    def _require_on_disk(self, parts: Sequence[Part]) -> None:
        """Whatever befell a file between its last byte and its commit: no commit names one that is not there."""
        lost = [part.path for part in parts if _size_of(self.path / part.path) != part.size_bytes]
        if lost:
            raise PartsLost(
                f"{len(lost)} of {len(parts)} data files of {self.path.name} were removed or cut before they were "
                f"committed, such as {lost[0]}",
                paths=frozenset(lost),
                subject=self.path.name,
                hint="find out what removes files in silver; they are written again",
            )

    def _require_live(self, parts: Sequence[Part]) -> None:
        """Whoever rewrites parts has read them before; a commit in between may have replaced them."""
        if not parts:
            return
        live = self._newest_parts()
        gone = [part.path for part in parts if not live.holds(part)]
        if gone:
            raise CommitConflict(
                f"{self.path.name}: {len(gone)} parts were replaced meanwhile", subject=self.path.name, hint="try again"
            )

    def _flush_parts_of(self, version: int) -> None:
        """Force the parts that delta-rs itself wrote to disk; ours are flushed when they are closed.

        Where a checkpoint is all that is left of a version, it does not tell which parts came with it: all of them.
        """
        entry = self._log_entry(version)
        if not entry.exists():
            parts = [part for path in self.live_paths() if (part := self.path / path).exists()]
        else:
            actions = map(json.loads, entry.read_text().splitlines())
            parts = [self.path / unquote(action["add"]["path"]) for action in actions if "add" in action]
        for part in parts:
            flush_file(part)
        for folder in {part.parent for part in parts}:
            flush_folder(folder)

    def flush_newest(self) -> None:
        """Force the newest commit and its parts to disk: an earlier try may have failed after it had committed."""
        with self._lock, storage_errors(self.path.name):
            newest = self.version()
            self._flush_parts_of(newest)
            self.flush_commit(newest)

    def flush_commit(self, version: int) -> None:
        """Force a log entry and its name to disk, or the checkpoint that is all that is left of it."""
        entry = self._log_entry(version)
        for file in [entry] if entry.exists() else checkpoint_files(entry.parent, version):
            flush_file(file)
        flush_folder(entry.parent)

    def new_parts(self) -> AbstractContextManager[list[Part]]:
        """Around the writing of parts and their commit; see ``protocols.new_parts``."""
        return new_parts(self)

    def discard(self, parts: Sequence[Part]) -> None:
        """Remove parts that this process has written and not committed.

        A commit that failed may have happened all the same: its parts stay, and those of a version before the newest.
        """
        for part in parts:
            stem = stem_of(PurePosixPath(part.path).name)
            with self._lock:
                if stem in self._unfinished and not self._newest_parts().holds(part):
                    with suppress(OSError):  # the vacuum takes it some day
                        (self.path / part.path).unlink()
                self._unfinished.discard(stem)

    def write_parts(self, df: pl.DataFrame) -> list[Part]:
        """Write a frame as parts that no commit mentions yet, one per partition."""
        frame = df.select(list(self.schema))
        groups: list[tuple[dict[str, str], pl.DataFrame]] = [({}, frame)]
        if self.partition_by:
            groups = [
                (dict(zip(self.partition_by, map(str, key), strict=True)), group.drop(self.partition_by))
                for key, group in frame.group_by(self.partition_by, maintain_order=True)
            ]
        with self.new_parts() as parts:
            for partition, group in groups:
                if group.height:
                    parts.append(written(self.part_writer(partition), group.iter_slices(ROWS_PER_GROUP)))
        return parts

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

    def rows_of(self, part: Part, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows of a part in order, without the partition columns, one frame per row group.

        A column that an older part lacks is null.
        """
        wanted = {name: self.schema[name] for name in columns or self.schema if name not in part.partition}
        with storage_errors(part.path), self._open_part(part) as file:
            stored = set(file.schema_arrow.names)
            lacking = [pl.lit(None, kind).alias(name) for name, kind in wanted.items() if name not in stored]
            for group in range(file.num_row_groups):
                frame = pl.from_arrow(file.read_row_group(group, columns=[name for name in wanted if name in stored]))
                assert isinstance(frame, pl.DataFrame)
                yield frame.with_columns(lacking).select(list(wanted)) if lacking else frame

    def _open_part(self, part: Part) -> pq.ParquetFile:
        """Whatever is read is compared with the checksums of its pages: no damage is written on as if it were data."""
        return pq.ParquetFile(self.path / part.path, page_checksum_verification=True)

    def _newest_log(self) -> DeltaLog:
        if self._log is None:
            table = self.table()
            if table.protocol().min_writer_version > WRITER_VERSION:
                raise LakeDamaged(
                    f"{self.path.name} was given table features that pointline does not write",
                    subject=self.path.name,
                    hint="restore the table; copy it elsewhere to work on it with other programs",
                )
            batch = table.transaction_version(APP_ID)
            self._log = DeltaLog(
                self.path / "_delta_log", version=table.version(), last_batch=-1 if batch is None else batch
            )
        self._log.catch_up()
        return self._log

    def _log_entry(self, version: int) -> Path:
        return self.path / "_delta_log" / entry_name(version)

    def commit_info(self, version: int) -> dict[str, Any] | None:
        """Return what the commit of a version says of itself, None where its entry is gone."""
        try:
            text = self._log_entry(version).read_text()
        except FileNotFoundError:
            return None
        for line in text.splitlines():
            action: dict[str, dict[str, Any]] = json.loads(line)
            if "commitInfo" in action:
                return action["commitInfo"]
        return {}

    def _delta_schema(self) -> Schema:
        return delta_schema(self.schema)


def written(writer: ParquetPartWriter, groups: Iterable[pl.DataFrame]) -> Part:
    """Return the part that these row groups make."""
    try:
        for rows in groups:
            writer.write(rows)
        return writer.close()
    except BaseException:
        writer.discard()
        raise


def _stems(parts: Iterable[Part]) -> set[str]:
    return {stem_of(PurePosixPath(part.path).name) for part in parts}


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _metadata(batch: int | None, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {**(metadata or {}), **({} if batch is None else {BATCH: batch})}
