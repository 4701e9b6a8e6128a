"""The data files of a Delta table on a local disk, and the commits that name them.

Every entry of its log is our own (``DeltaLog``): delta-rs reads, and writes checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import polars as pl

from pointline.errors import CommitConflict, PartsLost
from pointline.io.checksums import stem_of
from pointline.io.clock import Clock
from pointline.io.delta.parts import COMPACTED, WRITTEN, ParquetPartWriter, written
from pointline.io.delta.table.reader import DeltaTableReader
from pointline.io.delta.table_path import LOG
from pointline.io.delta_log.checkpoint import checkpoint_files
from pointline.io.delta_log.dead_files import DeadFiles
from pointline.io.delta_log.entries import BATCH, change_of_parts
from pointline.io.durable import flush_file, flush_folder
from pointline.io.lake_links import refuse_links
from pointline.io.protocols.tables import Part, new_parts
from pointline.io.translate import storage_errors

ROWS_PER_GROUP = 131_072


class DeltaTableWriter(DeltaTableReader):
    """Writes data files and commits them, one commit at a time."""

    def __init__(self, path: Path, schema: Mapping[str, pl.DataType], partition_by: Sequence[str] = ()) -> None:
        super().__init__(path, schema, partition_by)
        self._unfinished: set[str] = set()
        self.clock = Clock()
        self.dead = DeadFiles(self.clock)

    def new_parts(self) -> AbstractContextManager[list[Part]]:
        """Around the writing of parts and their commit; see ``protocols.new_parts``."""
        return new_parts(self)

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

    def is_unfinished(self, path: str) -> bool:
        """Tell whether this process has written that file, or begun to, and not committed it."""
        return stem_of(PurePosixPath(path).name) in self._unfinished

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
        told = {**(metadata or {}), **({} if batch is None else {BATCH: batch})}
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

    def flush_newest(self) -> None:
        """Force the newest commit and its parts to disk: an earlier try may have failed after it had committed."""
        with self._lock, storage_errors(self.path.name):
            newest = self.version()
            self._flush_parts_of(newest)
            self.flush_commit(newest)

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

    def flush_commit(self, version: int) -> None:
        """Force a log entry and its name to disk, or the checkpoint that is all that is left of it."""
        entry = self._log_entry(version)
        for file in [entry] if entry.exists() else checkpoint_files(entry.parent, version):
            flush_file(file)
        flush_folder(entry.parent)


def _stems(parts: Iterable[Part]) -> set[str]:
    return {stem_of(PurePosixPath(part.path).name) for part in parts}


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
