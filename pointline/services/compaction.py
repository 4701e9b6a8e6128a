"""Compaction: many small data files of a partition become few, row for row, in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl
from msgspec import Struct

from pointline.errors import CommitConflict, LakeDamaged
from pointline.io.protocols.tables import EventTableRepository, Part, new_parts
from pointline.tables.size_tiers import runs_to_merge

LEAST_ROWS, MOST_ROWS = 512, 131_072
"""Of a row group, where files allow it: a group of a few hundred rows costs a tenth more bytes than it holds."""
DICTIONARY = ("symbol", "side", "type", "underlying_index", "file_id")


HOT_MOST = 32


class Effort(Struct, frozen=True, kw_only=True):
    """How much is rewritten to have few data files: little where more are about to come.

    See ``size_tiers``. With ``lay_out`` single parts too that hold several files as they were read, not as they are
    queried.
    """

    ratio: float
    most: int
    lay_out: bool = False


COOL = Effort(ratio=2, most=8, lay_out=True)
"""For a partition to which nothing came for a moment: an old part is merged with as much again."""
COLD = Effort(ratio=2, most=3, lay_out=True)
"""For one to which nothing more will come soon."""


def while_hot(min_small_files: int) -> Effort:
    """Return the effort for a partition that is written: an old part is merged with so many of its size."""
    return Effort(ratio=min_small_files, most=max(HOT_MOST, 4 * min_small_files))


class Compacted(Struct, frozen=True, kw_only=True):
    """What one compaction did."""

    parts_before: int
    parts_after: int
    rows: int
    bytes_before: int
    bytes_after: int


class Merged(Struct, frozen=True, kw_only=True):
    """Data files that are written and not yet in the place of others."""

    partition: Mapping[str, str]
    add: Sequence[Part]
    remove: Sequence[Part]
    done: Compacted


def choose(parts: Sequence[Part], effort: Effort, *, target_bytes: int) -> list[list[Part]]:
    """Return the runs of parts worth merging, each at most about ``target_bytes``, in row order."""
    ordered = sorted(parts, key=lambda part: part.first_file_id)
    runs = runs_to_merge(ordered, ratio=effort.ratio, full_bytes=target_bytes, most=effort.most)
    merged = {part.path for run in runs for part in run}
    alone = [[part] for part in ordered if effort.lay_out and is_mixed(part) and part.path not in merged]
    return sorted([*runs, *alone], key=lambda run: run[0].first_file_id)


def is_mixed(part: Part) -> bool:
    """Tell whether a part holds several files and was never compacted for reading."""
    return part.first_file_id != part.last_file_id and not part.is_compacted


def merge_partition(
    repository: EventTableRepository,
    partition: Mapping[str, str],
    effort: Effort,
    *,
    target_bytes: int,
    order_by: Sequence[str] = (),
    dry_run: bool = False,
) -> Merged | None:
    """Write the small data files of a partition as few; None where there is nothing worth it.

    Rows keep their order, or are put in that of the columns ``order_by``. Raises LakeDamaged where the rows of any file
    would change.
    """
    before = repository.live_parts(partition)
    runs = choose(before, effort, target_bytes=target_bytes)
    if not runs:
        return None
    gone = [part for run in runs for part in run]
    with new_parts(repository) as written:
        for run in runs if not dry_run else ():
            merged, read = _merge(repository, partition, run, order_by)
            written.append(merged)
            _require_same(repository, merged, read, rows_in_log=sum(part.rows for part in run))
    done = Compacted(
        parts_before=len(before),
        parts_after=len(before) - len(gone) + len(runs),
        rows=sum(part.rows for part in gone),
        bytes_before=sum(part.size_bytes for part in gone),
        bytes_after=sum(part.size_bytes for part in written),
    )
    return Merged(partition=partition, add=written, remove=gone, done=done)


def put_in_place(repository: EventTableRepository, merged: Sequence[Merged]) -> list[Merged]:
    """Put what was written in the place of what it was made of, all in one commit; return what is in place.

    A partition of which a part was replaced meanwhile is left as it is, and what was written of it is removed.
    """
    try:
        repository.rewrite(
            add=[part for one in merged for part in one.add], remove=[part for one in merged for part in one.remove]
        )
    except CommitConflict:
        if len(merged) > 1:
            return [one for alone in merged for one in put_in_place(repository, [alone])]
        repository.discard([part for one in merged for part in one.add])
        return []
    return list(merged)


def _merge(
    repository: EventTableRepository, partition: Mapping[str, str], run: Sequence[Part], order_by: Sequence[str]
) -> tuple[Part, _Account]:
    """Write the rows of a run as one part; return it with an account of what was read."""
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
    return merged, read


def _require_same(repository: EventTableRepository, merged: Part, read: _Account, *, rows_in_log: int) -> None:
    written = _Account()
    for rows in repository.rows_of(merged):
        written.add(rows)
    if not written.files.equals(read.files) or merged.rows != rows_in_log:
        raise LakeDamaged(
            f"compaction of {dict(merged.partition)} would change rows",
            subject=merged.path,
            hint="nothing was committed; run `pointline verify`",
        )


class _Account:
    """Rows per file, and the sum of their hashes: equal for equal rows in whatever order."""

    def __init__(self) -> None:
        self.files = pl.DataFrame(schema={"file_id": pl.Int64, "rows": pl.UInt32, "hash": pl.UInt64})

    def add(self, frame: pl.DataFrame) -> None:
        hashed = frame.select("file_id", frame.hash_rows().alias("hash")).group_by("file_id")
        told = hashed.agg(pl.len().alias("rows"), pl.col("hash").sum())
        self.files = pl.concat([self.files, told]).group_by("file_id").agg(pl.all().sum()).sort("file_id")


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
        if frame.height <= LEAST_ROWS:
            yield frame
        else:
            yield from frame.partition_by(key, maintain_order=True)
