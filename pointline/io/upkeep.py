"""What keeps a Delta table fast over years: checkpoints, a short log, no files that nobody needs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pointline.io.checkpoint import entries_after, leave_out_removed, newest_checkpoint
from pointline.io.delta import LOG_RETENTION_SECONDS, DeltaTableRepository
from pointline.io.lake_links import refuse_links
from pointline.io.loose_files import part_files
from pointline.io.protocols import Part
from pointline.io.removed import record_removed, removed_parts
from pointline.io.told import record_told
from pointline.io.translate import storage_errors

COMMITS_PER_CHECKPOINT = 100
BYTES_PER_CHECKPOINT = 256 << 10
"""A compaction of very many parts is a single commit, and a long one."""
LEAST_RETENTION_HOURS = 1.0
"""Files being written are younger than this. Nothing but an explicit flag goes below, and no daemon may run then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What a vacuum removed, or would."""

    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUpkeep:
    """Maintains one table. Everything here takes turns with commits to the table."""

    repository: DeltaTableRepository

    @property
    def name(self) -> str:
        """Return the table's name."""
        return self.repository.path.name

    def is_long(self) -> bool:
        """Tell whether a reader has so much to read besides the newest checkpoint that another is worth it."""
        entries = entries_after(self._log, newest_checkpoint(self._log))
        size = sum(entry.stat().st_size for entry in entries)
        return len(entries) >= COMMITS_PER_CHECKPOINT or size >= BYTES_PER_CHECKPOINT

    def checkpoint(self) -> int:
        """Checkpoint the log and drop entries past their retention; return the version of the checkpoint."""
        with self.repository.exclusive() as table, storage_errors(self.name):
            refuse_links(self.repository.path, self._log)
            record_removed(self.repository.path, removed_parts(self.repository.path))
            version = table.version()
            record_told(self.repository.path, version)
            table.create_checkpoint()
            leave_out_removed(self._log, version)
            # Only now: until the checkpoint is on disk, the entries are all there is.
            self._drop_entries_before(version)
            for old in sorted(self._log.glob("*.checkpoint*.parquet"))[:-2]:
                if not old.name.startswith(f"{version:020}"):
                    old.unlink(missing_ok=True)
        return version

    def _drop_entries_before(self, version: int) -> None:
        """Not by delta-rs: it goes by the clock of the wall, and drops after a jump what readers are about to read."""
        for entry in sorted(self._log.glob("[0-9]*.json")):
            age = self.repository.clock.age(entry.stat().st_mtime)
            if int(entry.stem) >= version or age is None or age < LOG_RETENTION_SECONDS:
                return
            entry.unlink()

    def vacuum(self, retention_hours: float, *, dry_run: bool) -> Removed:
        """Remove files that no version within the retention needs, orphans of crashes included.

        A part that was removed is kept for the retention after that, a file that no version names after it was written;
        what this process has written and not committed is never removed. A jump of the clock ages nothing, and a time
        in the future counts as the moment at which it is met first.
        """
        # By our own hand: delta-rs would make two commits as well, of which a power cut may keep the second and tear
        # the first, and at every hundredth version clean the log behind a checkpoint that is not on disk.
        path, clock = self.repository.path, self.repository.clock
        now_ms = clock.stamp_ms()
        with self.repository.exclusive(), storage_errors(self.name):
            refuse_links(path, self._log)
            live, removed = self.repository.live_paths(), removed_parts(path)
            spare = {name: status for name, status in self._files() if name not in live}
            since = {name: removed[name] / 1000 if name in removed else spare[name].st_mtime for name in spare}
            ages = {name: clock.age(stamp) for name, stamp in since.items()}
            gone = [name for name, age in ages.items() if (age or 0.0) >= retention_hours * 3600]
            undated = [name for name, age in ages.items() if age is None and name not in gone]
            if not dry_run:
                for name in gone:
                    (path / name).unlink(missing_ok=True)
                for name in undated:  # a clock was wrong; from now on they have an age
                    if name not in removed:
                        os.utime(path / name, follow_symlinks=False)
                if gone or undated:
                    dated = removed | {name: now_ms for name in undated if name in removed}
                    record_removed(path, {name: at for name, at in dated.items() if name in spare and name not in gone})
        return Removed(files=len(gone), size_bytes=sum(spare[name].st_size for name in gone))

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the data files of the table, whoever names them, but those that this process is about to commit."""
        for name, entry in part_files(self.repository.path):
            if not self.repository.is_unfinished(name):
                with suppress(FileNotFoundError):
                    yield name, entry.stat(follow_symlinks=False)

    def merge_small_parts(
        self, *, target_bytes: int, min_small_files: int, dry_run: bool = False
    ) -> tuple[int, int] | None:
        """Rewrite the small files of an unpartitioned table as one; return the number of files before and after.

        Its rows stand by rising ``file_id`` where they have one.

        These tables are small, and merges rewrite their parts, so this holds the table for the time it takes.
        """
        with self.repository.exclusive():
            parts = self.repository.live_parts()
            small = [part for part in parts if part.size_bytes < target_bytes // 2]
            if len(small) < min_small_files:
                return None
            if not dry_run:
                rows = pl.concat(frame for part in small for frame in self.repository.rows_of(part))
                ordered = rows.sort("file_id", maintain_order=True) if "file_id" in rows.columns else rows
                self._replace(small, ordered)
            return len(parts), len(parts) - len(small) + 1

    def _replace(self, parts: Sequence[Part], rows: pl.DataFrame) -> None:
        self.repository.commit_parts(add=self.repository.write_parts(rows), remove=parts, data_change=False)

    @property
    def _log(self) -> Path:
        return self.repository.path / "_delta_log"
