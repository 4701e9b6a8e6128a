"""Compaction: many small parts of a partition become few, row for row, in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pointline.errors import CommitConflict, LakeDamaged
from pointline.io.protocols import EventTableRepository, Part

ROWS_PER_GROUP = 65_536
DICTIONARY = ("symbol", "side", "type", "underlying_index", "file_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What one compaction did."""

    parts_before: int
    parts_after: int
    rows: int
    bytes_before: int
    bytes_after: int


def choose(parts: Sequence[Part], *, target_bytes: int, min_small_files: int) -> list[list[Part]]:
    """Return the runs of small parts worth merging, each at most about ``target_bytes``, in row order."""
    small = sorted((part for part in parts if part.size_bytes < target_bytes // 2), key=lambda part: part.first_file_id)
    if len(small) < min_small_files:
        return []
    runs: list[list[Part]] = [[]]
    size = 0
    for part in small:
        if runs[-1] and size + part.size_bytes > target_bytes:
            runs.append([])
            size = 0
        runs[-1].append(part)
        size += part.size_bytes
    return [run for run in runs if len(run) > 1]


def compact_partition(
    repository: EventTableRepository,
    partition: Mapping[str, str],
    *,
    target_bytes: int,
    min_small_files: int,
) -> Compacted | None:
    """Merge small parts of a partition; None where there is nothing worth it, or a replacement was faster.

    Raises LakeDamaged, and commits nothing, where the rows of any file would change in number.
    """
    before = repository.live_parts(partition)
    runs = choose(before, target_bytes=target_bytes, min_small_files=min_small_files)
    if not runs:
        return None
    done = [_merge(repository, partition, run) for run in runs]
    gone = [part for run in runs for part in run]
    try:
        repository.rewrite(add=done, remove=gone)
    except CommitConflict:
        return None  # a part was replaced meanwhile; what was written here is an orphan for vacuum
    return Compacted(
        parts_before=len(before),
        parts_after=len(before) - len(gone) + len(done),
        rows=sum(part.rows for part in done),
        bytes_before=sum(part.size_bytes for part in gone),
        bytes_after=sum(part.size_bytes for part in done),
    )


def _merge(repository: EventTableRepository, partition: Mapping[str, str], run: Sequence[Part]) -> Part:
    writer = repository.part_writer(partition, DICTIONARY)
    try:
        counted: Counter[int] = Counter()
        for frame in _row_groups(rows for part in run for rows in repository.rows_of(part)):
            counted.update(_rows_by_file(frame))
            writer.write(frame)
        merged = writer.close()
    except BaseException:
        writer.discard()
        raise
    found: Counter[int] = Counter()
    for rows in repository.rows_of(merged, ["file_id"]):
        found.update(_rows_by_file(rows))
    if found != counted or merged.rows != sum(part.rows for part in run):
        raise LakeDamaged(
            f"compaction of {dict(partition)} would change rows",
            subject=merged.path,
            hint="nothing was committed; run `pointline verify`",
        )
    return merged


def _row_groups(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Join small frames into row groups of a useful size."""
    waiting: list[pl.DataFrame] = []
    rows = 0
    for frame in frames:
        waiting.append(frame)
        rows += frame.height
        if rows >= ROWS_PER_GROUP:
            yield pl.concat(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pl.concat(waiting)


def _rows_by_file(frame: pl.DataFrame) -> dict[int, int]:
    counts = frame["file_id"].value_counts()
    return dict(zip(counts["file_id"], counts["count"], strict=True))
