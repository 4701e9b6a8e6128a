"""What keeps a Delta table fast over years: checkpoints, a short log, no files that nobody needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from pointline.io.delta import DeltaTableRepository
from pointline.io.durable import flush_file, flush_folder
from pointline.io.protocols import Part
from pointline.io.translate import storage_errors

COMMITS_PER_CHECKPOINT = 100
LEAST_RETENTION_HOURS = 1.0
"""Files being written are younger than this. Nothing but an explicit flag goes below, and no daemon may run then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What a vacuum removed, or would."""

    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUpkeep:
    """Tends one table. Everything here takes turns with commits to the table."""

    repository: DeltaTableRepository

    @property
    def name(self) -> str:
        """Return the table's name."""
        return self.repository.path.name

    def commits_since_checkpoint(self) -> int:
        """Return how many log entries a reader has to read one by one."""
        # By the files: a power cut may leave a checkpoint without the pointer to it, and delta-rs makes no other.
        last = max((int(checkpoint.name[:20]) for checkpoint in self._log.glob("*.checkpoint*.parquet")), default=-1)
        return self.repository.version() - last

    def checkpoint(self) -> int:
        """Sum the log up and drop entries past their retention; return the version summed up."""
        with self.repository.exclusive() as table, storage_errors(self.name):
            table.create_checkpoint()
            version = table.version()
            for name in (f"{version:020}.checkpoint*.parquet", "_last_checkpoint"):
                for written in self._log.glob(name):
                    flush_file(written)
            flush_folder(self._log)
            # Only now: until the checkpoint is on disk, the entries are all there is.
            table.cleanup_metadata()
            for old in sorted(self._log.glob("*.checkpoint*.parquet"))[:-2]:
                if not old.name.startswith(f"{version:020}"):
                    old.unlink(missing_ok=True)
        return version

    def vacuum(self, retention_hours: float, *, dry_run: bool) -> Removed:
        """Remove files that no version within the retention needs, orphans of crashes included."""
        hours = math.ceil(retention_hours)
        with self.repository.exclusive() as table, storage_errors(self.name):
            gone = table.vacuum(retention_hours=hours, dry_run=True, enforce_retention_duration=False, full=True)
            there = [path for path in (self.repository.path / unquote(name) for name in gone) if path.exists()]
            removed = Removed(files=len(there), size_bytes=sum(path.stat().st_size for path in there))
            # By our own hand: delta-rs would make two commits as well, of which a power cut may keep the second and
            # tear the first, and at every hundredth version clean the log behind a checkpoint that is not on disk.
            for path in there if not dry_run else ():
                path.unlink(missing_ok=True)
        return removed

    def merge_small_parts(
        self, *, target_bytes: int, min_small_files: int, dry_run: bool = False
    ) -> tuple[int, int] | None:
        """Rewrite the small parts of an unpartitioned table as one, by rising ``file_id``; parts before and after.

        These tables are small, and merges rewrite their parts, so this holds the table for the time it takes.
        """
        with self.repository.exclusive():
            parts = self.repository.live_parts()
            small = [part for part in parts if part.size_bytes < target_bytes // 2]
            if len(small) < min_small_files:
                return None
            if not dry_run:
                rows = pl.concat(frame for part in small for frame in self.repository.rows_of(part))
                self._replace(small, rows.sort("file_id", maintain_order=True))
            return len(parts), len(parts) - len(small) + 1

    def _replace(self, parts: Sequence[Part], rows: pl.DataFrame) -> None:
        self.repository.commit_parts(add=self.repository.write_parts(rows), remove=parts, data_change=False)

    @property
    def _log(self) -> Path:
        return self.repository.path / "_delta_log"
