"""One change of an event table: what comes and what leaves, in one Delta commit, seen together or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl
from msgspec import Struct, field

from pointline.io.protocols.file_version import Discovery, Outcome
from pointline.io.protocols.tables import EventTableRepository, Part, PartWriter, new_parts
from pointline.services.compaction import DICTIONARY
from pointline.services.files.dates import days_between

Partition = tuple[tuple[str, str], ...]


class Change(Struct, frozen=True, kw_only=True):
    """``leaving`` are files whose rows go, by partition; ``broken`` are parts that go unread."""

    add: Sequence[Part] = ()
    leaving: Mapping[Partition, Sequence[int]] = field(default_factory=dict)
    broken: Sequence[Part] = ()
    outcomes: Sequence[Outcome] = ()
    found: Mapping[int, Discovery] = field(default_factory=dict)


def places_of(rows: pl.DataFrame) -> Iterator[tuple[int, str, Partition]]:
    """Yield the id of each file of the ledger, and the table and each partition that rows of it may be in."""
    names = ("data_type", "exchange", "date", "feed", "first_local_timestamp", "last_local_timestamp")
    facts = rows.select("file_id", *names).cast(dict.fromkeys(("data_type", "exchange", "feed"), pl.String))
    for file_id, table, exchange, date, feed, first, last in facts.iter_rows():
        for day in days_between(first, last) if feed and first is not None else [date]:
            yield file_id, table, (("exchange", exchange), ("date", str(day)))


def commit_change(repository: EventTableRepository, number: int, change: Change) -> Sequence[Part]:
    """Commit a change under a batch number; return the parts that came. Nothing happens where the batch is in already.

    A part that holds rows of other files too is written again without those that leave.
    """
    if repository.last_batch() >= number:
        return []
    remove = list(change.broken)
    broken = {part.path for part in change.broken}
    with new_parts(repository) as made:
        for partition, file_ids in change.leaving.items():
            for part in repository.parts_of(file_ids, dict(partition), without=broken):
                made.extend(rest_of(part, file_ids, repository))
                remove.append(part)
        add = [*change.add, *made]
        repository.commit(number, add=add, remove=remove, outcomes=change.outcomes, found=change.found)
    return add


def rest_of(part: Part, leaving: Sequence[int], repository: EventTableRepository) -> list[Part]:
    """Write what a part holds of other files to a new part; none where it holds nothing else.

    Compacted it is as before: maintenance has no reason to rewrite it for having been cut.
    """
    writer: PartWriter | None = None
    try:
        for rows in repository.rows_without(part, leaving):
            if not rows.is_empty():
                writer = writer or repository.part_writer(part.partition, DICTIONARY, is_compacted=part.is_compacted)
                writer.write(rows)
        return [] if writer is None else [writer.close()]
    except BaseException:
        if writer is not None:
            writer.discard()
        raise
