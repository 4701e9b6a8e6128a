"""What readers of a Delta table see: the rows, data files and commits of its newest version."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import polars as pl
import pyarrow.parquet as pq
from deltalake import DeltaTable

from pointline.errors import LakeDamaged
from pointline.io.checksums import checksum_in_name, checksum_of
from pointline.io.delta.as_made import WRITER_VERSION, is_as_made
from pointline.io.delta.changed_table import not_ours
from pointline.io.delta.live_parts import LiveParts
from pointline.io.delta.table_path import LOG, delta_name, is_table, open_table, scan_data_files
from pointline.io.delta_log.entries import APP_ID, DeltaLog, entry_name
from pointline.io.delta_log.format_version import require_known
from pointline.io.protocols.tables import Part
from pointline.io.translate import DAMAGE_HINT, REPAIR_HINT, storage_errors


class DeltaTableReader:
    """Reads a Delta table, and keeps what it knows of the newest version. Safe to share between threads."""

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
        self._found_as_made = False

    def exists(self) -> bool:
        """Tell whether there is a table."""
        with storage_errors(self.path.name):
            return is_table(self.path)

    def read_all(self) -> pl.DataFrame:
        """Return all rows. A table that cannot be read is an error, never an empty frame."""
        with storage_errors(self.path.name):
            return self.scan().collect()

    def scan(self) -> pl.LazyFrame:
        """Return the rows of the newest version, lazily."""
        with self._lock, storage_errors(self.path.name):
            return scan_data_files(self.path, self._newest_parts().paths, self.schema, self.partition_by)

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

    def _log_entry(self, version: int) -> Path:
        return self.path / LOG / entry_name(version)

    def live_parts(self, partition: Mapping[str, str] | None = None) -> list[Part]:
        """Return the parts that readers see, of one partition or of all."""
        with self._lock:
            return self._newest_parts().of(partition)

    def live_paths(self) -> set[str]:
        """Return the paths of all live parts, relative to the table."""
        with self._lock:
            return set(self._newest_parts().paths)

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

    def let_go(self) -> None:
        """Drop what is known of the table: another one is in its place."""
        with self._lock:
            self._table = self._log = self._parts = None
            self._found_as_made = False

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

    def is_as_made(self) -> bool:
        """Tell whether nothing has come into the table since it was made, as it is described now.

        Its log is read once; from then on the next entry is looked for.
        """
        with self._lock, storage_errors(self.path.name):
            if self._log is None and is_as_made(self.path, self.schema, self.partition_by):
                self._log = DeltaLog(self.path / LOG, version=0, last_batch=-1)
                self._parts = LiveParts(0, (), self.partition_by, self._kept_bounds)
                self._found_as_made = True
            if self._log is None or not self._found_as_made:
                return False
            self._log.catch_up()
            return self._log.version == 0

    @property
    def _kept_bounds(self) -> dict[str, pl.DataType]:
        return {name: self.schema[name] for name in self.bounded}

    def _newest_log(self) -> DeltaLog:
        if self._log is None and not self.is_as_made():
            table = self.table()
            if table.protocol().min_writer_version > WRITER_VERSION:
                raise LakeDamaged(
                    f"{self.path.name} was given table features that pointline does not write",
                    subject=self.path.name,
                    hint=f"{REPAIR_HINT}; to work on a table with other programs, copy it elsewhere",
                )
            batch = table.transaction_version(APP_ID)
            self._log = DeltaLog(self.path / LOG, version=table.version(), last_batch=-1 if batch is None else batch)
        assert self._log is not None
        self._log.catch_up()
        return self._log

    def _newest_parts(self) -> LiveParts:
        """Return the parts of the newest version, for as long as the lock is held."""
        with self._lock, storage_errors(self.path.name):
            newest = self._newest_log().version
            if self._parts is None or self._parts.version != newest:
                table = self._table
                if table is None or table.version() != newest:
                    table = self.table()
                self._require_ours(table, has_rows=False)  # else its data files cannot even be listed
                parts = LiveParts.of_table(table, self.partition_by, self._kept_bounds)
                if parts.paths:
                    self._require_ours(table, has_rows=True)
                self._parts = parts
            return self._parts

    def _require_ours(self, table: DeltaTable, *, has_rows: bool) -> None:
        """Raise LakeDamaged where somebody has put another table, or rows of other types, into the place of ours."""
        if what := not_ours(table, self.schema, self.partition_by, self.may_lack if has_rows else None):
            name = self.path.name
            raise LakeDamaged(f"{name} is not the table that belongs there: {what}", subject=name, hint=REPAIR_HINT)

    def _follow(self, version: int, *, add: Sequence[Part], remove: Sequence[Part]) -> None:
        """Keep what is known of the live parts up with a commit of our own."""
        if self._parts is not None and self._parts.version == version - 1:
            self._parts.follow(version, add=add, remove=remove)
