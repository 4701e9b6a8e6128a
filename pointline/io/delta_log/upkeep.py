"""What keeps a Delta table fast over years: checkpoints, a short log, no files that nobody needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from pointline.io.delta.table.repository import LOG_RETENTION_SECONDS, DeltaTableRepository
from pointline.io.delta_log.checkpoint import (
    checkpoint_files,
    checkpoint_versions,
    entries_after,
    newest_checkpoint,
    write_checkpoint,
)
from pointline.io.delta_log.loose_files import part_files
from pointline.io.delta_log.removed import forget_removed, record_removed, removed_files
from pointline.io.delta_log.told import record_told
from pointline.io.lake_links import refuse_links
from pointline.io.translate import storage_errors

COMMITS_PER_CHECKPOINT = 100
BYTES_PER_CHECKPOINT = 256 << 10
"""A compaction of very many parts is a single commit, and a long one."""
SHARE_PER_CHECKPOINT = 2.0
"""Of the newest checkpoint: where that is large, so is the next one, and the entries beside it may be longer."""
MOST_ENTRIES = 256
"""Of those that a checkpoint replaces and readers may still want: at many commits a second there would be more."""
LEAST_RETENTION_HOURS = 1.0
"""Files being written are younger than this. Nothing but an explicit flag goes below, and no daemon may run then."""


class Removed(Struct, frozen=True, kw_only=True):
    """What a vacuum removed, or would."""

    files: int
    size_bytes: int
    over_share: int = 0
    """Those of the files that went before their retention was over."""


class SpareFile(Struct, frozen=True, kw_only=True):
    """A data file that the newest version does not need. ``age`` is None for a time that no clock has shown yet."""

    path: str
    size_bytes: int
    since: float
    age: float | None

    def is_past(self, seconds: float) -> bool:
        """Tell whether it has not been needed for so long."""
        return (self.age or 0.0) >= seconds


class TableUpkeep(Struct, frozen=True, kw_only=True):
    """Maintains one table. Everything here takes turns with commits to the table."""

    repository: DeltaTableRepository

    @property
    def name(self) -> str:
        """Return the table's name."""
        return self.repository.path.name

    def is_long(self) -> bool:
        """Tell whether a reader has so much to read besides the newest checkpoint that another is worth it."""
        newest = newest_checkpoint(self._log)
        entries = entries_after(self._log, newest)
        size = sum(entry.stat().st_size for entry in entries)
        checkpoint_bytes = sum(file.stat().st_size for file in checkpoint_files(self._log, newest))
        is_large = size >= max(BYTES_PER_CHECKPOINT, SHARE_PER_CHECKPOINT * checkpoint_bytes)
        return len(entries) >= COMMITS_PER_CHECKPOINT or is_large

    def checkpoint(self) -> int:
        """Checkpoint the log and drop entries past their retention; return the version of the checkpoint."""
        with self.repository.exclusive(), storage_errors(self.name):
            refuse_links(self.repository.path, self._log)
            version = self.repository.version()
            record_removed(self.repository.path, version)
            record_told(self.repository.path, version)
            write_checkpoint(self.repository.path, version)
            # Only now: until the checkpoint is on disk, the entries are all there is.
            self._drop_entries_before(version)
            for old in sorted(self._log.glob("*.checkpoint*.parquet"))[:-2]:
                if not old.name.startswith(f"{version:020}"):
                    old.unlink(missing_ok=True)
        return version

    def _drop_entries_before(self, version: int) -> None:
        """Not by delta-rs: it goes by the clock of the wall, and drops after a jump what readers are about to read.

        Those after the checkpoint before are kept in any case: a reader may just have opened that one.
        """
        entries = [entry for entry in sorted(self._log.glob("[0-9]*.json")) if int(entry.stem) < version]
        before = max((one for one in checkpoint_versions(self._log) if one < version), default=-1)
        for position, entry in enumerate(entries):
            age = self.repository.clock.age(entry.stat().st_mtime)
            is_too_many = len(entries) - position > MOST_ENTRIES and int(entry.stem) <= before
            if not is_too_many and (age is None or age < LOG_RETENTION_SECONDS):
                return
            entry.unlink()

    def vacuum(
        self,
        retention_hours: float,
        *,
        dry_run: bool,
        most_dead_bytes: int | None = None,
        only_copies: Callable[[Sequence[str]], Collection[str]] | None = None,
    ) -> Removed:
        """Remove files that no version within the retention needs, orphans of crashes included.

        A part that was removed is kept for the retention after that, a file that no version names after it was written;
        what this process has written and not committed is never removed. A jump of the clock ages nothing, and a time
        in the future counts as the moment at which it is met first. Where more than ``most_dead_bytes`` would be left,
        those that have not been needed for the longest go too, but none before an hour. Of those that no version
        names, ``only_copies`` tells which hold what nothing else has: they stay.
        """
        # By our own hand: delta-rs would make two commits as well, of which a power cut may keep the second and tear
        # the first, and at every hundredth version clean the log behind a checkpoint that is not on disk.
        path, repository = self.repository.path, self.repository
        now_ms = repository.clock.stamp_ms()
        with storage_errors(self.name):
            refuse_links(path, self._log)
            files = dict(self._files())  # before the table is held: this may take a while
            needed: Collection[str] = ()
            if only_copies is not None:
                needed = only_copies(self._unnamed(files, min(retention_hours, LEAST_RETENTION_HOURS) * 3600))
            with repository.exclusive():
                spare, removed = self._spare(files)
                dead = [one for one in spare if one.path not in needed]
                gone = [one for one in dead if one.is_past(retention_hours * 3600)]
                past = len(gone)
                if most_dead_bytes is not None:
                    gone += _over([one for one in dead if not one.is_past(retention_hours * 3600)], most_dead_bytes)
                if not dry_run:
                    names = {one.path for one in gone}
                    undated = [one.path for one in spare if one.age is None and one.path not in names]
                    for name in names:
                        (path / name).unlink(missing_ok=True)
                    for name in undated:  # a clock was wrong; from now on they have an age
                        if name not in removed:
                            os.utime(path / name, follow_symlinks=False)
                    kept = [one for one in spare if one.path not in names]
                    if names or undated:
                        met = {name: now_ms for name in undated if name in removed}
                        forget_removed(path, {one.path for one in kept}, met)
                    repository.dead.found((one.since, one.size_bytes) for one in kept)
        size = sum(one.size_bytes for one in gone)
        return Removed(files=len(gone), size_bytes=size, over_share=len(gone) - past)

    def look_at_dead(self) -> None:
        """Take note of what no version needs."""
        with storage_errors(self.name):
            files = dict(self._files())
            if not files:
                self.repository.dead.found(())
                return
            with self.repository.exclusive():
                spare, _ = self._spare(files)
                self.repository.dead.found((one.since, one.size_bytes) for one in spare)

    def _unnamed(self, files: Mapping[str, os.stat_result], seconds: float) -> list[str]:
        """Return those of the files that have been there for so long, and that no version ever named."""
        named = {*self.repository.live_paths(), *removed_files(self.repository.path)}
        age = self.repository.clock.age
        return [name for name, one in files.items() if name not in named and (age(one.st_mtime) or 0.0) >= seconds]

    def _spare(self, files: Mapping[str, os.stat_result]) -> tuple[list[SpareFile], dict[str, int]]:
        """Return those of the files that the newest version does not need, and what is on record of removed files."""
        live, removed = self.repository.live_paths(), removed_files(self.repository.path)
        spare = []
        for name, status in files.items():
            if name not in live:
                since = removed[name] / 1000 if name in removed else status.st_mtime
                age = self.repository.clock.age(since)
                spare.append(SpareFile(path=name, size_bytes=status.st_size, since=since, age=age))
        return spare, removed

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the data files of the table, whoever names them, but those that this process is about to commit."""
        for name, entry in part_files(self.repository.path):
            if not self.repository.is_unfinished(name):
                with suppress(FileNotFoundError):
                    yield name, entry.stat(follow_symlinks=False)

    def merge_small_files(
        self, *, target_bytes: int, min_small_files: int, dry_run: bool = False
    ) -> tuple[int, int] | None:
        """Rewrite small files of an unpartitioned table as few; return the number of files before and after.

        An old file is rewritten only with as much beside it, so that this holds the table for a moment only.
        """
        with self.repository.exclusive():
            before = len(self.repository.live_parts())
            runs = self.repository.worth_merging(target_bytes=target_bytes, least=min_small_files)
            gone = [part for run in runs for part in run]
            if not runs:
                return None
            if dry_run:
                return before, before - len(gone) + sum(map(self.repository.parts_of_merged, runs))
            with self.repository.new_parts() as merged:
                for run in runs:
                    merged.extend(self.repository.merged(run))
                self.repository.commit_parts(add=merged, remove=gone, data_change=False)
            return before, before - len(gone) + len(merged)

    @property
    def _log(self) -> Path:
        return self.repository.path / "_delta_log"


def _over(spare: Sequence[SpareFile], most_bytes: int) -> list[SpareFile]:
    """Return those that go so that no more is left, the oldest first."""
    excess = sum(one.size_bytes for one in spare) - most_bytes
    over: list[SpareFile] = []
    for one in sorted(spare, key=lambda one: -(one.age or 0.0)):
        if excess <= 0 or not one.is_past(LEAST_RETENTION_HOURS * 3600):
            break
        excess -= one.size_bytes
        over.append(one)
    return over
