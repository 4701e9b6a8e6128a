"""What becomes of each file of a batch, decided when all of them are loaded and nothing is visible yet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import polars as pl

from pointline.errors import NoAccess, Transient, Unfinished
from pointline.io.protocols import ACCEPTED, Outcome
from pointline.services.batch import Batch, Entry, Loaded, LoadedPart
from pointline.services.change import Partition, places_of
from pointline.services.overlap import Occupied, day_of
from pointline.services.replacement import ACCEPTED_STATUSES, Judge, Replacements, originals_of
from pointline.services.silver_facts import SilverFacts
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status, stands_at

ContentOfDay: TypeAlias = tuple[str | None, str, str, str]
"""A content hash, exchange, table and date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the settings say about files that do not go in smoothly."""

    overlap: str = "quarantine"
    max_attempts: int = 8
    max_deaths: int = 8
    """How often the process may end while a file is being read."""
    unfinished_us: int = 30_000_000
    min_replacement_share: float = 0.5
    groups: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A version whose rows leave silver, where they are, and the version that takes its place."""

    file_id: int
    by: int
    table: str
    partition: Partition


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcomes of a batch, and the older versions that give way."""

    entries: Mapping[int, Entry]
    outcomes: Mapping[int, Outcome]
    replaced: Sequence[Leaving]
    overtaken: Mapping[int, int]
    """Versions that never had rows in silver, and the newer version of their path."""
    reopened: Mapping[int, str]
    """Duplicates whose original leaves silver, with their paths: now their own rows have to come."""
    others: Sequence[Outcome] = ()
    """What becomes of lists of instruments that were in before: evidence of this batch holds or releases them."""

    def tables(self) -> list[str]:
        """Return the event tables that this batch changes: first those that lose rows to another one.

        After a crash between two commits rows are then missing until the next start, and never there twice.
        """
        ids = [file_id for file_id, outcome in self.outcomes.items() if outcome.rows_written]
        changed = {self.entries[file_id].meta.data_type for file_id in ids} | {one.table for one in self.replaced}
        losing = {one.table for one in self.replaced if self.entries[one.by].meta.data_type != one.table}
        return sorted(changed, key=lambda table: (table not in losing, table))

    def told_to(self, table: str) -> list[Outcome]:
        """Return the outcomes that the commit to an event table makes true."""
        accepted = [
            outcome
            for file_id, outcome in self.outcomes.items()
            if outcome.status in ACCEPTED_STATUSES and self.entries[file_id].meta.data_type == table
        ]
        leaving = [Outcome.superseded(one.file_id, by=one.by) for one in self.replaced if one.table == table]
        if table == INSTRUMENTS:
            held = [
                outcome
                for file_id, outcome in self.outcomes.items()
                if outcome.status is Status.QUARANTINED and self.entries[file_id].meta.data_type == table
            ]
            return [*accepted, *leaving, *held, *self.others]
        return [*accepted, *leaving]

    def leaving(self, table: str) -> dict[Partition, list[int]]:
        """Return the versions whose rows leave a table, by partition."""
        found: dict[Partition, list[int]] = {}
        for one in self.replaced:
            if one.table == table:
                found.setdefault(one.partition, []).append(one.file_id)
        return found

    def duplicates(self) -> list[tuple[int, int]]:
        """Return ``(file_id, file that brought the content)``."""
        return list(originals_of(self.outcomes).items())

    def all_outcomes(self) -> list[Outcome]:
        """Return what the ledger has to record."""
        gone = {**self.overtaken, **{one.file_id: one.by for one in self.replaced}}
        superseded = [Outcome.superseded(old, by=new) for old, new in gone.items()]
        reopened = [Outcome.reopened(file_id) for file_id in self.reopened]
        return [*self.outcomes.values(), *superseded, *reopened, *self.others]

    def wants(self, part: LoadedPart) -> bool:
        """A part goes in when one of its files does."""
        return any(self.outcomes[file_id].status is Status.SUCCESS for file_id in part.file_ids)

    def refused_in(self, part: LoadedPart) -> set[int]:
        """Return the files of a part that do not get in. What may be refused mostly has a part of its own."""
        return {file_id for file_id in part.file_ids if self.outcomes[file_id].status is not Status.SUCCESS}


def decide(
    batch: Batch,
    loaded: Sequence[Loaded],
    *,
    ledger: pl.DataFrame,
    facts: SilverFacts,
    policy: Policy,
    age_us: Callable[[int], int],
) -> Verdict:
    """Decide over a batch by what was loaded and what the ledger holds."""
    entries = {entry.file_id: entry for entry in batch.entries}
    outcomes = {outcome.file_id: outcome for outcome in batch.refused}
    for group in loaded:
        outcomes |= group.outcomes
        for file_id, error in group.delays.items():
            outcomes[file_id] = _delayed(entries[file_id], error, ledger, policy, age_us)
    older = [(old, file_id) for file_id, entry in entries.items() for old in entry.candidate.replaces]
    places = _places(ledger, (old for old, _ in older))
    entries = _with_siblings_found(entries, places)
    days = {day_of(entry.meta) for entry in entries.values() if entry.candidate.has_siblings}
    found = Judge(
        entries=entries,
        outcomes=outcomes,
        old=_old_of(entries, outcomes, ledger, places, facts),
        in_silver=_places(ledger, originals_of(outcomes).values()).keys(),
        spans={file_id: spans for group in loaded for file_id, spans in group.spans.items()},
        occupied=Occupied(ledger, days, facts.spans_of, policy.groups),
        facts=facts,
        allows_overlap=policy.overlap == "allow",
        min_share=policy.min_replacement_share,
    ).decide()
    outcomes |= found.refused
    outcomes |= _marked(entries, outcomes)
    outcomes |= _copies(entries, outcomes, ledger, found.replaced, facts)
    outcomes |= _unsettled_duplicates(outcomes, ledger, found)
    replaced = {old: new for old, new in found.replaced.items() if outcomes[new].status in ACCEPTED_STATUSES}
    return Verdict(
        entries=entries,
        outcomes=outcomes,
        replaced=_leaving(ledger, replaced),
        reopened=_copies_of(ledger, replaced, leaving_out=[*entries, *(old for old, _ in older)]),
        overtaken={old: new for old, new in older if old not in places and outcomes[new].status is not Status.PENDING},
    )


def _marked(entries: Mapping[int, Entry], outcomes: Mapping[int, Outcome]) -> dict[int, Outcome]:
    """What a person accepted says so for good."""
    return {
        file_id: replace(outcomes[file_id], warnings={ACCEPTED: 1, **(outcomes[file_id].warnings or {})})
        for file_id, entry in entries.items()
        if entry.candidate.is_accepted and outcomes[file_id].status in ACCEPTED_STATUSES
    }


def _old_of(
    entries: Mapping[int, Entry],
    outcomes: Mapping[int, Outcome],
    ledger: pl.DataFrame,
    places: Mapping[int, str],
    facts: SilverFacts,
) -> dict[int, tuple[int, ...]]:
    """Return the files in silver whose place each file takes if it gets in.

    The older versions of its path, as far as they were not found under another path meanwhile; and a file with the
    same content that was moved here from a path that claimed something else.
    """
    moved = _moved_here(entries, outcomes, ledger, facts)
    same_path = {
        file_id: [old for old in entry.candidate.replaces if places.get(old) == entry.meta.bronze_file_path]
        for file_id, entry in entries.items()
    }
    leaving = {old for file_id, olds in same_path.items() if outcomes[file_id].status is Status.SUCCESS for old in olds}
    found = {}
    for file_id, olds in same_path.items():
        if old := (*olds, *(one for one in moved.get(file_id, ()) if one not in leaving)):
            found[file_id] = old
    return found


def _moved_here(
    entries: Mapping[int, Entry], outcomes: Mapping[int, Outcome], ledger: pl.DataFrame, facts: SilverFacts
) -> dict[int, list[int]]:
    by_content: dict[str, list[int]] = {}
    for file_id, outcome in outcomes.items():
        if outcome.status is Status.SUCCESS and outcome.content_hash and outcome.rows_written:
            by_content.setdefault(outcome.content_hash, []).append(file_id)
    sizes = {entries[file_id].meta.file_size_bytes for ids in by_content.values() for file_id in ids}
    if not sizes:
        return {}
    rows = (
        _in_silver(ledger, sizes, by_content)
        .filter(pl.col("first_local_timestamp").is_not_null() | (pl.col("data_type") == INSTRUMENTS))
        .select("file_id", "content_hash")
    )
    found: dict[int, list[int]] = {}
    for old, content in rows.iter_rows():
        if old not in entries and facts.has_left_bronze(old):
            found.setdefault(min(by_content[content]), []).append(old)
    return found


def _in_silver(ledger: pl.DataFrame, sizes: Collection[int], contents: Collection[str]) -> pl.DataFrame:
    """Return the ingested files that have one of these contents. A size is compared faster than a hash."""
    return ledger.filter(pl.col("file_size_bytes").is_in(list(sizes))).filter(
        pl.col("content_hash").is_in(list(contents)), stands_at(Status.SUCCESS)
    )


def _delayed(
    entry: Entry, error: Transient, ledger: pl.DataFrame, policy: Policy, age_us: Callable[[int], int]
) -> Outcome:
    """A file that could not be loaded: back to pending, until its time or its tries are used up."""
    row = ledger.row(by_predicate=pl.col("file_id") == entry.file_id, named=True)
    tried: int = row["attempts"]
    status = Status.PENDING
    counted: int | None = None
    if isinstance(error, Unfinished):
        # A time stamp may lie in the future; a file cannot have been seen there.
        still_us = max(age_us(entry.meta.last_modified_ts), age_us(row["created_at_us"]))
        if still_us >= policy.unfinished_us:
            status = Status.QUARANTINED
    elif isinstance(error, NoAccess):
        # It is nobody's fault that is tried out by trying: it waits for a person, and its last try is kept for then.
        counted = max(1, min(tried, policy.max_attempts - 1))
    elif tried >= policy.max_attempts:
        status = Status.FAILED
    reason = f"{error}; {error.hint}" if error.hint else str(error)
    return Outcome(file_id=entry.file_id, status=status, error=reason, warnings=None, attempts=counted)


def _with_siblings_found(entries: Mapping[int, Entry], places: Mapping[int, str]) -> dict[int, Entry]:
    """What lay at the path of a file was found at another one since: the two may share rows now."""
    return {
        file_id: replace(entry, candidate=replace(entry.candidate, has_siblings=True))
        if any(
            places.get(old, entry.meta.bronze_file_path) != entry.meta.bronze_file_path
            for old in entry.candidate.replaces
        )
        else entry
        for file_id, entry in entries.items()
    }


def _copies(
    entries: Mapping[int, Entry],
    outcomes: Mapping[int, Outcome],
    ledger: pl.DataFrame,
    replaced: Collection[int],
    facts: SilverFacts,
) -> dict[int, Outcome]:
    """A refused file whose bytes are in, or get in, from another path is a copy, and nothing is wrong with it."""
    quarantined = {file_id: one for file_id, one in outcomes.items() if one.status is Status.QUARANTINED}
    refused = {file_id: one.content_hash for file_id, one in quarantined.items() if one.content_hash}
    if not refused:
        return {}
    brought = _in_silver_since(entries, refused, ledger, replaced, facts) | {
        (outcome.content_hash, *day_of(entries[file_id].meta)): file_id
        for file_id, outcome in outcomes.items()
        if outcome.status is Status.SUCCESS and outcome.rows_written
    }
    in_the_way = [one.superseded_by for one in quarantined.values() if one.superseded_by is not None]
    for key, other in _by_content(ledger.filter(pl.col("file_id").is_in(in_the_way))):
        brought.setdefault(key, other)
    return {
        file_id: Outcome.duplicate(file_id, content_hash=content, of=original)
        for file_id, content in refused.items()
        if not entries[file_id].candidate.replaces
        and (original := brought.get((content, *day_of(entries[file_id].meta)))) is not None
    }


def _in_silver_since(
    entries: Mapping[int, Entry],
    refused: Mapping[int, str],
    ledger: pl.DataFrame,
    replaced: Collection[int],
    facts: SilverFacts,
) -> dict[ContentOfDay, int]:
    """Return the contents of refused files that are in silver: another batch may have brought them since ``begin``."""
    sizes = {entries[file_id].meta.file_size_bytes for file_id in refused}
    rows = _in_silver(ledger, sizes, set(refused.values())).filter(pl.col("first_local_timestamp").is_not_null())
    return {
        key: file_id
        for key, file_id in _by_content(rows)
        if file_id not in replaced and file_id not in entries and not facts.has_left_bronze(file_id)
    }


def _by_content(rows: pl.DataFrame) -> Iterator[tuple[ContentOfDay, int]]:
    """Yield what each file of the ledger holds, and of which day, with its id."""
    day = [pl.col(name).cast(pl.String) for name in ("exchange", "data_type", "date")]
    for content, exchange, table, date, file_id in rows.select("content_hash", *day, "file_id").iter_rows():
        yield (content, exchange, table, date), file_id


def _unsettled_duplicates(
    outcomes: Mapping[int, Outcome], ledger: pl.DataFrame, found: Replacements
) -> dict[int, Outcome]:
    """A duplicate of a file that did not get in after all, or that leaves with this batch, is read again."""
    originals = originals_of(outcomes)
    in_silver = _places(ledger, (one for one in originals.values() if one not in outcomes)).keys() - set(found.replaced)
    waiting = {}
    for file_id, original in originals.items():
        is_in = outcomes[original].status is Status.SUCCESS if original in outcomes else original in in_silver
        if file_id in found.waiting or not is_in:
            reason = f"waits for file {original}, which has the same content"
            waiting[file_id] = Outcome(file_id=file_id, status=Status.PENDING, error=reason, warnings=None)
    return waiting


def _copies_of(ledger: pl.DataFrame, originals: Iterable[int], *, leaving_out: Sequence[int]) -> dict[int, str]:
    wanted = list(originals)
    if not wanted:
        return {}
    copies = ledger.filter(
        stands_at(Status.DUPLICATE),
        pl.col("superseded_by").is_in(wanted),
        ~pl.col("file_id").is_in(leaving_out),
    )
    return dict(copies.select("file_id", "bronze_file_path").iter_rows())


def _places(ledger: pl.DataFrame, file_ids: Iterable[int]) -> dict[int, str]:
    """Return the paths of those of these files whose rows are in silver."""
    wanted = list(file_ids)
    if not wanted:
        return {}
    rows = ledger.filter(pl.col("file_id").is_in(wanted), stands_at(Status.SUCCESS))
    return dict(rows.select("file_id", "bronze_file_path").iter_rows())


def _leaving(ledger: pl.DataFrame, replaced: Mapping[int, int]) -> list[Leaving]:
    if not replaced:
        return []
    rows = ledger.filter(pl.col("file_id").is_in(list(replaced)))
    return [
        Leaving(file_id=file_id, by=replaced[file_id], table=table, partition=partition)
        for file_id, table, partition in places_of(rows)
    ]
