"""What moves through the ingest: entries with their ids, groups for the workers, and what the workers made of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import polars as pl
from msgspec import Struct, field

from pointline.errors import Transient
from pointline.io.protocols.file_version import BronzeFileMetadata, Outcome
from pointline.io.protocols.tables import Part
from pointline.services.files.identity.candidate import Candidate
from pointline.services.files.identity.contents import Contents
from pointline.vendors.symbols.metadata import Metadata

OWN_PART_BYTES = 1 << 20
"""A compressed file of this size makes a part worth having; smaller ones of a partition share one."""
GROUP_FILES = 500
GROUP_BYTES = 16 << 20


class Entry(Struct, frozen=True, kw_only=True):
    """A file version on its way in, under its id."""

    file_id: int
    candidate: Candidate
    days_to_leave: AbstractSet[str] = frozenset()
    """Days whose rows are counted and not written, since another file is going to have them. ISO dates."""

    @property
    def meta(self) -> BronzeFileMetadata:
        """What the file looked like when it was found."""
        return self.candidate.meta


def start_of_day(entry: Entry) -> dt.datetime:
    """Return when the day of a file begins, UTC."""
    assert entry.meta.date is not None
    return dt.datetime.combine(entry.meta.date, dt.time(), dt.UTC)


class Group(Struct, frozen=True, kw_only=True):
    """Entries of one table and partition that a worker loads in one go, by rising id."""

    table: str
    entries: tuple[Entry, ...]
    contents: Contents = field(default_factory=Contents)
    """Contents that are in the lake already, and the files that brought them."""


class LoadedPart(Struct, frozen=True, kw_only=True):
    """A part that is not visible yet and the files whose rows it holds."""

    table: str
    part: Part
    file_ids: frozenset[int]


class Span(Struct, frozen=True, kw_only=True):
    """The kept rows of one symbol in one file: when the first and the last were received, and how many there are.

    Microseconds since the epoch, UTC.
    """

    first_us: int
    last_us: int
    rows: int


class Timing(Struct, frozen=True, kw_only=True):
    """Where the time of a file, or of the group it shared, went. Milliseconds."""

    parse_ms: float = 0.0
    write_ms: float = 0.0


class Loaded(Struct, kw_only=True):
    """What a worker made of a group."""

    group: Group
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    delays: dict[int, Transient] = field(default_factory=dict)
    """Files that could not be loaded now but may be later."""
    spans: dict[int, dict[str, Span]] = field(default_factory=dict)
    """Of each file, the kept rows by symbol as the rows spell it."""
    parts: list[LoadedPart] = field(default_factory=list)
    set_aside: list[pl.DataFrame] = field(default_factory=list)
    symbols: dict[int, Metadata] = field(default_factory=dict)
    """What files of instruments say."""
    timing: Timing = field(default_factory=Timing)


class BatchNumbers:
    """The number of the next batch; changed by who holds the lock of the service."""

    def __init__(self, next_number: int) -> None:
        self.next = next_number


class Batch(Struct, frozen=True, kw_only=True):
    """Minted entries, in groups for the workers. ``refused`` need none: their names alone tell they cannot enter."""

    entries: tuple[Entry, ...]
    groups: tuple[Group, ...]
    refused: tuple[Outcome, ...] = ()


def make_groups(entries: Iterable[Entry], contents: Contents) -> list[Group]:
    """Group small files of one feed and day together; large ones stay alone.

    Files that others claim the day of too are grouped by themselves: where one of them is refused after all, the data
    file that they share is written again without it, and no other file's rows are.
    """
    groups: list[Group] = []
    together: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        meta = entry.meta
        if meta.file_size_bytes >= OWN_PART_BYTES:
            groups.append(Group(table=meta.data_type, entries=(entry,), contents=contents))
        else:
            doubt = "may be refused" if entry.candidate.may_be_refused else ""
            key = (meta.data_type, meta.vendor, meta.feed, meta.exchange, str(meta.date), doubt)
            together.setdefault(key, []).append(entry)
    for (table, *_), members in together.items():
        groups += [Group(table=table, entries=tuple(chunk), contents=contents) for chunk in _chunks(members)]
    # Large files first: the pool ends evenly when the small change comes last.
    return sorted(groups, key=lambda group: -sum(entry.meta.file_size_bytes for entry in group.entries))


def _chunks(members: Sequence[Entry]) -> Iterable[list[Entry]]:
    chunk: list[Entry] = []
    size = 0
    for entry in members:
        if chunk and (len(chunk) >= GROUP_FILES or size + entry.meta.file_size_bytes > GROUP_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += entry.meta.file_size_bytes
    if chunk:
        yield chunk
