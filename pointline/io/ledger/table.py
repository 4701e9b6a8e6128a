"""The ledger's Delta table: many small data files by rising ``file_id``, so that to change a row changes little.

A row changes whenever its file is replaced, withdrawn or gone, however old it is, and Delta can only replace the data
file that holds it. So each holds a thousand rows and no more: one change costs some ten kilobytes beside a hundred
files and beside ten million, and whoever reads all of them reads a tenth more than of few large ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from pointline.io.delta.id_ranges import holding, in_order, neighbours_to_merge, spread
from pointline.io.delta.parts import ParquetPartWriter, written
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta.table_path import scan_data_files
from pointline.io.durable import flush_file, flush_folder
from pointline.io.protocols.tables import Part
from pointline.io.translate import storage_errors
from pointline.tables.ingest_manifest import ADDED

ROWS_PER_FILE = 1024
BYTES_PER_FILE = 2 << 20
"""In memory, of the rows of one data file: those of files with very many symbols are large. On disk it is far less."""
ROWS_PER_READ = 16 * ROWS_PER_FILE
BOUNDED = ("file_id",)
"""The columns whose lowest and highest value are kept: by nothing else is a row of the ledger looked up, and of a data
file with a single row the bounds of all columns would be a fifth."""


class LedgerTable(DeltaTableRepository):
    """A table with one row per ``file_id``. Safe to share between threads, as every repository is."""

    def __init__(self, path: Path, schema: Mapping[str, pl.DataType]) -> None:
        super().__init__(path, schema)
        self.may_lack = ADDED
        self._unflushed: list[Part] | None = None
        """Data files of the newest commit that may not be on disk; None where another process may have left some."""

    def let_go(self) -> None:
        """Drop what is known of the table: another one is in its place."""
        super().let_go()
        self._unflushed = None

    def write_parts(self, df: pl.DataFrame) -> list[Part]:
        """Write rows, rising by ``file_id``, as small data files that no commit mentions yet; they are on disk then."""
        with self.new_parts() as parts:
            parts.extend(self._write(df))
            self._flush(parts)
        return parts

    def append_pending(self, rows: pl.DataFrame, metadata: Mapping[str, Any]) -> None:
        """Add rows in one commit. Its entry is on disk when this returns, its data files when the next one begins.

        For ids that files get: their outcomes soon replace these rows. A power cut before may leave the newest commit
        with a data file that is not whole, and the next start moves that commit away: nothing relies on these ids
        but commits to silver, which carry what is needed to restore them.
        """
        with self._lock:
            self._settle()
            with self.new_parts() as add:
                add.extend(self._write(rows))
                self._unflushed = add
                super().commit_parts(add=add, remove=(), metadata=metadata)

    def update_rows(
        self,
        df: pl.DataFrame,
        *,
        fill: Sequence[str] = (),
        batch: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Update rows by ``file_id``: columns of ``df`` as they are, those in ``fill`` only where they are not null.

        With ``batch`` the commit carries that number and happens only once. Only parts that hold one of the ids are
        read and replaced.
        """
        with self._lock, self.new_parts() as add:
            remove: list[Part] = []
            for part in holding(self.live_parts(), df["file_id"].to_list()):
                own = df.filter(pl.col("file_id").is_between(part.first_file_id, part.last_file_id))
                if self._holds_any(part, own["file_id"]):
                    for rows in self.rows_of(part):
                        add.extend(self._write(updated(rows, own, fill)))
                    remove.append(part)
            self._flush(add)
            self.commit_parts(add=add, remove=remove, batch=batch, metadata=metadata)

    def _holds_any(self, part: Part, file_ids: pl.Series) -> bool:
        return any(rows["file_id"].is_in(file_ids.implode()).any() for rows in self.rows_of(part, ["file_id"]))

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
        """Make ``add`` visible and ``remove`` invisible in one commit, on disk when this returns."""
        with self._lock:
            self._settle(without=remove)
            super().commit_parts(
                add=add,
                remove=remove,
                batch=batch,
                metadata=metadata,
                data_change=data_change,
                expected_version=expected_version,
            )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the table, all of it on disk: a checkpoint takes the place of entries that a start could move away."""
        with super().exclusive():
            self._settle()
            yield

    def _settle(self, without: Sequence[Part] = ()) -> None:
        """Force what the newest commit added to disk before another one follows, but what that one removes."""
        if self._unflushed is None:
            self.flush_newest()
        else:
            gone = {part.path for part in without}
            self._flush([part for part in self._unflushed if part.path not in gone])
        self._unflushed = []

    def batches_of_rows(self, columns: Sequence[str], parts: Sequence[Part] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows of these data files, or else of those of now, in runs by rising ``file_id``.

        Nobody needs all of them at once. The files of now are looked up before each run: who takes hours for all of
        them, meets none that is gone. A merge meanwhile may put rows of a run that was read beside others.
        """
        behind = -1
        while run := self._next_run(self.live_parts() if parts is None else parts, behind):
            with storage_errors(self.path.name):
                found = scan_data_files(self.path, [part.path for part in run], self.schema).select(columns)
                rows = found.filter(pl.col("file_id") > behind).collect()
            yield rows.sort("file_id") if not rows["file_id"].is_sorted() else rows
            behind = max(part.last_file_id for part in run)

    def _next_run(self, parts: Sequence[Part], behind: int) -> list[Part]:
        """Return the parts with rows behind an id that are read next: no others have rows between theirs."""
        run: list[Part] = []
        rows, last = 0, behind
        for part in in_order(parts):
            if part.last_file_id <= behind:
                continue
            if run and part.first_file_id > last and rows + part.rows > ROWS_PER_READ:
                break
            run.append(part)
            rows, last = rows + part.rows, max(last, part.last_file_id)
        return run

    # ---- maintenance

    def worth_merging(self, *, target_bytes: int, least: int) -> list[list[Part]]:
        """Return the runs of neighbours that are to become fewer parts, and parts of an earlier release to be cut."""
        parts = self.live_parts()
        to_cut = [part for part in parts if part.rows > 2 * ROWS_PER_FILE or part.size_bytes > target_bytes]
        to_cut += [part for part in spread(parts) if part not in to_cut]
        if to_cut:
            return [[part] for part in to_cut if part.rows > 1]
        return neighbours_to_merge(parts, full_rows=ROWS_PER_FILE // 2, least=least)

    def merged(self, run: Sequence[Part]) -> list[Part]:
        """Write the rows of these parts anew, by rising ``file_id``; no commit mentions that yet."""
        if len(run) > 1:
            return self.write_parts(pl.concat(rows for part in run for rows in self.rows_of(part)).sort("file_id"))
        with self.new_parts() as parts:
            for near in (near for rows in self.rows_of(run[0]) for near in _near(rows)):
                parts.extend(self._write(near))
            self._flush(parts)
        return parts

    def parts_of_merged(self, run: Sequence[Part]) -> int:
        """Return how many parts ``merged`` makes of them, about."""
        return -(-sum(part.rows for part in run) // ROWS_PER_FILE)

    # ---- data files

    def _write(self, df: pl.DataFrame) -> Iterator[Part]:
        """Write rows as small data files, one with each step: who lists them removes them where it goes no further."""
        return map(self._write_one, _pieces(df.select(list(self.schema))))

    def _write_one(self, rows: pl.DataFrame) -> Part:
        writer = ParquetPartWriter(
            self.path, {}, (), unfinished=self._unfinished, bounded=BOUNDED, is_flushed_by_caller=True
        )
        return written(writer, [rows])

    def _flush(self, parts: Sequence[Part]) -> None:
        """Force data files to disk, and their names all at once."""
        for part in parts:
            with suppress(FileNotFoundError):  # its commit did not happen, and it was removed since
                flush_file(self.path / part.path)
        if parts:
            flush_folder(self.path)


def _near(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Cut rows where ids are missing between them: those stand in another part."""
    jumps = (rows["file_id"].diff() > 1).fill_null(value=False).cum_sum()
    return rows.with_columns(jumps.alias("jumps")).partition_by("jumps", maintain_order=True, include_key=False)


def _pieces(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows in runs for one data file each, as even as possible: what is cut is not at once small again."""
    if rows.is_empty():
        return
    size = int(rows.estimated_size())
    count = max(-(-rows.height // ROWS_PER_FILE), -(-size // BYTES_PER_FILE))
    length = -(-rows.height // count)
    for piece in rows.iter_slices(length):
        if piece.height > 1 and piece.estimated_size() > 2 * BYTES_PER_FILE:
            yield from _pieces(piece)
        else:
            yield piece


def updated(rows: pl.DataFrame, changes: pl.DataFrame, fill: Sequence[str]) -> pl.DataFrame:
    """Return ``rows`` with the values of ``changes`` by ``file_id``, those in ``fill`` only where they are not null."""
    replaced = changes.select(name for name in changes.columns if name not in fill)
    filled = changes.select("file_id", *(name for name in changes.columns if name in fill))
    rows = rows.update(replaced, on="file_id", how="left", include_nulls=True)
    return rows.update(filled, on="file_id", how="left")
