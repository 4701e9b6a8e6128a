"""Compaction: many small data files of a partition become few, row for row, in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pointline.errors import CommitConflict, LakeDamaged
from pointline.io.protocols import EventTableRepository, Part

LEAST_ROWS, MOST_ROWS = 512, 131_072
"""Of a row group, where files allow it: a group of a few hundred rows costs a tenth more bytes than it holds."""
DICTIONARY = ("symbol", "side", "type", "underlying_index", "file_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What one compaction did."""

    parts_before: int
    parts_after: int
    rows: int
    bytes_before: int
    bytes_after: int


def choose(
    parts: Sequence[Part], *, target_bytes: int, min_small_files: int, lay_out: bool = False
) -> list[list[Part]]:
    """Return the runs of small data files worth merging, each at most about ``target_bytes``, in row order.

    With ``lay_out`` also single parts that hold several files as they were read, not as they are queried.
    """
    small = sorted((part for part in parts if part.size_bytes < target_bytes // 2), key=lambda part: part.first_file_id)
    if len(small) < min_small_files and not (lay_out and any(map(is_mixed, small))):
        return []
    runs: list[list[Part]] = [[]]
    size = 0
    for part in small:
        if runs[-1] and size + part.size_bytes > target_bytes:
            runs.append([])
            size = 0
        runs[-1].append(part)
        size += part.size_bytes
    return [run for run in runs if len(run) > 1 or (lay_out and is_mixed(run[0]))]


def is_mixed(part: Part) -> bool:
    """Tell whether a part holds several files and was never compacted for reading."""
    return part.first_file_id != part.last_file_id and not part.is_compacted


def compact_partition(
    repository: EventTableRepository,
    partition: Mapping[str, str],
    *,
    target_bytes: int,
    min_small_files: int,
    order_by: Sequence[str] = (),
    lay_out: bool = False,
    dry_run: bool = False,
) -> Compacted | None:
    """Merge small data files of a partition; None where there is nothing worth it, or a replacement was faster.

    Rows keep their order, or are put in that of the columns ``order_by``. With ``lay_out`` a single part of many files
    is rewritten too, once. Raises LakeDamaged, and commits nothing,
    where the rows of any file would change.
    """
    before = repository.live_parts(partition)
    runs = choose(before, target_bytes=target_bytes, min_small_files=min_small_files, lay_out=lay_out)
    if not runs:
        return None
    gone = [part for run in runs for part in run]
    done: list[Part] = []
    if not dry_run:
        done = [_merge(repository, partition, run, order_by) for run in runs]
        try:
            repository.rewrite(add=done, remove=gone)
        except CommitConflict:
            return None  # a part was replaced meanwhile; what was written here is an orphan for vacuum
    return Compacted(
        parts_before=len(before),
        parts_after=len(before) - len(gone) + len(runs),
        rows=sum(part.rows for part in gone),
        bytes_before=sum(part.size_bytes for part in gone),
        bytes_after=sum(part.size_bytes for part in done),
    )


def _merge(
    repository: EventTableRepository, partition: Mapping[str, str], run: Sequence[Part], order_by: Sequence[str]
) -> Part:
    writer = repository.part_writer(partition, DICTIONARY, is_compacted=True)
    read = _Account()
    try:
        rows_of_run = (rows for part in run for rows in repository.rows_of(part))
        key = "file_id"
        if order_by:
            key = order_by[0]
            rows_of_run = (rows for rows in [pl.concat(rows_of_run).sort(order_by, maintain_order=True)])
        for frame in _row_groups(rows_of_run, key):
            read.add(frame)
            writer.write(frame)
        merged = writer.close()
    except BaseException:
        writer.discard()
        raise
    written = _Account()
    for rows in repository.rows_of(merged):
        written.add(rows)
    if written.files != read.files or merged.rows != sum(part.rows for part in run):
        raise LakeDamaged(
            f"compaction of {dict(partition)} would change rows",
            subject=merged.path,
            hint="nothing was committed; run `pointline verify`",
        )
    return merged


class _Account:
    """Rows per file, and the sum of their hashes: equal for equal rows in whatever order."""

    def __init__(self) -> None:
        self.files: dict[int, tuple[int, int]] = {}

    def add(self, frame: pl.DataFrame) -> None:
        hashed = frame.select("file_id", frame.hash_rows(seed=1).alias("hash"))
        for file_id, rows, total in hashed.group_by("file_id").agg(pl.len(), pl.col("hash").sum()).iter_rows():
            before = self.files.get(file_id, (0, 0))
            self.files[file_id] = (before[0] + rows, (before[1] + total) % 2**64)


def _row_groups(frames: Iterator[pl.DataFrame], key: str) -> Iterator[pl.DataFrame]:
    """Join small frames into row groups, and end one where the rows of a key, of a file mostly, end.

    A query of one symbol then skips the groups of all others, and reads little that it does not need.
    """
    waiting: list[pl.DataFrame] = []
    rows = 0
    for frame in _by_key(frames, key):
        is_worth_it = rows >= LEAST_ROWS or frame.height >= LEAST_ROWS
        ends_here = waiting and is_worth_it and waiting[-1].item(-1, key) != frame.item(0, key)
        if ends_here or rows + frame.height > MOST_ROWS:
            if waiting:
                yield pl.concat(waiting)
            waiting, rows = [], 0
        waiting.append(frame)
        rows += frame.height
    if waiting:
        yield pl.concat(waiting)


def _by_key(frames: Iterator[pl.DataFrame], key: str) -> Iterator[pl.DataFrame]:
    for frame in frames:
        if frame.is_empty():
            continue
        if frame.height <= LEAST_ROWS or frame.item(0, key) == frame.item(-1, key):
            yield frame
        else:
            yield from frame.partition_by(key, maintain_order=True)
