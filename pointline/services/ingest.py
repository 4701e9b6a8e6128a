"""How files enter the lake: the order of effects, and what a crash between two of them leaves.

1. ``begin``   mints ids: ``pending`` rows in the manifest.  Crash after: ids without data, taken up again at start.
2. ``load``    (``Loader``) writes parts no commit mentions. Crash after: orphan files, which vacuum removes.
3. ``commit``  rows set aside go to quarantine,              Crash after: rows of files not in; recovery removes them.
               then one Delta commit per table: parts in,    Crash after: silver ahead of the manifest; recovery reads
               what they replace out, batch number, counts.  the commits and brings the manifest up to them.
4. ``commit``  outcomes go to the manifest, with the batch number up to which it is complete.

Batches are committed one at a time and in order, so the manifest is never more than one batch behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pointline.errors import Transient, Unfinished
from pointline.io.protocols import (
    BronzeFileMetadata,
    BronzeReader,
    EventTableRepository,
    IngestionManifestRepository,
    Outcome,
    Part,
    QuarantineRepository,
)
from pointline.services.batch import Batch, Entry, Loaded, LoadedPart, make_groups
from pointline.services.claims import Claims
from pointline.services.identity import Sorted, sort_candidates
from pointline.services.overlap import find_overlaps
from pointline.tables import quarantine
from pointline.tables.ingest_manifest import Status, stands_at

IN_SILVER = (Status.SUCCESS,)
ACCEPTED = (Status.SUCCESS, Status.DUPLICATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the settings say about files that do not go in smoothly."""

    overlap: str = "quarantine"
    max_attempts: int = 8
    unfinished_us: int = 30_000_000


@dataclass(slots=True, kw_only=True)
class Committed:
    """What a batch did. ``versions`` are the Delta versions by table name."""

    number: int
    outcomes: list[Outcome]
    versions: dict[str, int] = field(default_factory=dict)
    partitions: set[tuple[str, str, str]] = field(default_factory=set)
    """``(table, exchange, date)`` that got parts."""


class IngestService:
    """Brings batches of files into the lake. ``begin`` and ``commit`` are each called by one thread at a time."""

    def __init__(
        self,
        *,
        manifest: IngestionManifestRepository,
        quarantine: QuarantineRepository,
        repositories: Mapping[str, EventTableRepository],
        reader: BronzeReader,
        claims: Claims,
        policy: Policy,
        clock: Callable[[], int],
    ) -> None:
        self._manifest = manifest
        self._quarantine = quarantine
        self._repositories = repositories
        self._reader = reader
        self._claims = claims
        self._policy = policy
        self._clock = clock
        self._next_batch = 1 + max(
            manifest.last_batch(), quarantine.last_batch(), *(table.last_batch() for table in repositories.values())
        )

    def begin(self, candidates: Sequence[BronzeFileMetadata]) -> tuple[Batch, Sorted]:
        """Step 1: tell the candidates apart and mint ids for those that enter."""
        found = sort_candidates(candidates, self._manifest.entries(), self._reader)
        self._manifest.relocate(found.moved)
        ids = self._manifest.resolve_file_ids([candidate.meta for candidate in found.entering])
        entries = [
            Entry(file_id=file_id, candidate=candidate) for file_id, candidate in zip(ids, found.entering, strict=True)
        ]
        refused = tuple(
            Outcome(file_id=entry.file_id, status=Status.QUARANTINED, error=entry.meta.problem)
            for entry in entries
            if entry.meta.problem
        )
        groups = make_groups(entry for entry in entries if not entry.meta.problem)
        return Batch(entries=tuple(entries), groups=tuple(groups), refused=refused), found

    def commit(self, batch: Batch, loaded: Sequence[Loaded]) -> Committed:
        """Steps 3 and 4. May be repeated with the same arguments after a Transient error."""
        entries = {entry.file_id: entry for entry in batch.entries}
        outcomes = {outcome.file_id: outcome for outcome in batch.refused}
        for group in loaded:
            outcomes |= group.outcomes
            outcomes |= {file_id: self._delayed(entries[file_id], error) for file_id, error in group.delays.items()}
        if self._policy.overlap == "quarantine":
            outcomes |= find_overlaps(entries, outcomes, self._manifest.entries())
        outcomes = self._settle_duplicates(outcomes)

        number = self._next_batch
        rows = [frame for group in loaded for frame in group.set_aside]
        self._set_aside(number, rows, outcomes)
        replaced = self._replaced(entries, outcomes)
        parts = [part for group in loaded for part in group.parts if self._is_wanted(part, outcomes)]
        committed = Committed(number=number, outcomes=[])
        for table in sorted(
            {part.table for part in parts} | {entries[new].meta.data_type for new in replaced.values()}
        ):
            self._commit_table(table, committed, parts, entries, outcomes, replaced)
        final = [*outcomes.values(), *(Outcome.superseded(old, by=new) for old, new in replaced.items())]
        final += self._overtaken(entries, outcomes, replaced)
        self._manifest.update_statuses(final, batch=number)
        self._next_batch = number + 1
        self._claims.retire(outcomes)
        committed.outcomes = final
        return committed

    def _commit_table(
        self,
        table: str,
        committed: Committed,
        parts: Sequence[LoadedPart],
        entries: Mapping[int, Entry],
        outcomes: Mapping[int, Outcome],
        replaced: Mapping[int, int],
    ) -> None:
        """One Delta commit: what goes in and what it replaces, seen together or not at all."""
        repository = self._repositories[table]
        if repository.last_batch() >= committed.number:
            return
        mine = {file_id for file_id, entry in entries.items() if entry.meta.data_type == table}
        add = [part.part for part in parts if part.table == table]
        remove: list[Part] = []
        superseded = []
        for partition in _partitions(entries[new] for new in replaced.values() if new in mine):
            old = [old for old, new in replaced.items() if new in mine and entries[new].partition == dict(partition)]
            kept, gone = self._rewrite_without(repository, dict(partition), old)
            add += kept
            remove += gone
            superseded += [Outcome.superseded(file_id, by=replaced[file_id]) for file_id in old]
        told = [outcome for file_id, outcome in outcomes.items() if file_id in mine and outcome.status in ACCEPTED]
        repository.commit(committed.number, add=add, remove=remove, outcomes=[*told, *superseded])
        committed.partitions |= {(table, part.partition["exchange"], part.partition["date"]) for part in add}

    def _rewrite_without(
        self, repository: EventTableRepository, partition: Mapping[str, str], file_ids: Sequence[int]
    ) -> tuple[list[Part], list[Part]]:
        """Return new parts that hold what the old parts hold but the rows of these files, and the old parts."""
        kept = []
        gone = repository.parts_of(file_ids, partition)
        for part in gone:
            writer = repository.part_writer(partition, ["file_id", "symbol"])
            written = False
            for rows in repository.rows_without(part, file_ids):
                if not rows.is_empty():
                    writer.write(rows)
                    written = True
            if written:
                kept.append(writer.close())
        return kept, gone

    def _replaced(self, entries: Mapping[int, Entry], outcomes: Mapping[int, Outcome]) -> dict[int, int]:
        """Return old version -> new version, for the versions whose rows are in silver and have to leave it."""
        in_silver = self._in_silver(old for entry in entries.values() for old in entry.candidate.replaces)
        return {
            old: file_id
            for file_id, entry in entries.items()
            for old in entry.candidate.replaces
            if outcomes[file_id].status in ACCEPTED and old in in_silver
        }

    def _overtaken(
        self, entries: Mapping[int, Entry], outcomes: Mapping[int, Outcome], replaced: Mapping[int, int]
    ) -> list[Outcome]:
        """Older versions that never had rows in silver give way to any newer one that has an outcome."""
        in_silver = self._in_silver(old for entry in entries.values() for old in entry.candidate.replaces)
        return [
            Outcome.superseded(old, by=file_id)
            for file_id, entry in entries.items()
            for old in entry.candidate.replaces
            if old not in in_silver and old not in replaced and outcomes[file_id].status is not Status.PENDING
        ]

    def _in_silver(self, file_ids: Iterable[int]) -> set[int]:
        wanted = list(file_ids)
        if not wanted:
            return set()
        rows = self._manifest.entries().filter(pl.col("file_id").is_in(wanted), stands_at(*IN_SILVER))
        return set(rows["file_id"])

    def _set_aside(self, number: int, rows: Sequence[pl.DataFrame], outcomes: Mapping[int, Outcome]) -> None:
        """Write the rows set aside of files whose outcome counts them."""
        if not rows:
            return
        counted = [file_id for file_id, outcome in outcomes.items() if outcome.rows_quarantined]
        frame = pl.concat(rows).filter(pl.col("file_id").is_in(counted)).select(list(quarantine.SCHEMA))
        if not frame.is_empty():
            self._quarantine.set_aside(number, frame)

    def _is_wanted(self, part: LoadedPart, outcomes: Mapping[int, Outcome]) -> bool:
        """A part goes in when its files do; a file that may not gets a part of its own."""
        return any(outcomes[file_id].status is Status.SUCCESS for file_id in part.file_ids)

    def _delayed(self, entry: Entry, error: Transient) -> Outcome:
        """A file that could not be loaded: back to pending, until its time or its tries are used up."""
        tried = self._manifest.entries().filter(pl.col("file_id") == entry.file_id)["attempts"].item() + 1
        status = Status.PENDING
        if isinstance(error, Unfinished):
            if self._clock() - entry.meta.last_modified_ts >= self._policy.unfinished_us:
                status = Status.QUARANTINED
        elif tried >= self._policy.max_attempts:
            status = Status.FAILED
        reason = f"{error}; {error.hint}" if error.hint else str(error)
        return Outcome(file_id=entry.file_id, status=status, error=reason)

    def _settle_duplicates(self, outcomes: Mapping[int, Outcome]) -> dict[int, Outcome]:
        """A duplicate of a file that did not get in after all is tried again."""
        settled = dict(outcomes)
        for file_id, outcome in outcomes.items():
            original = outcome.superseded_by
            if outcome.status is not Status.DUPLICATE or original is None:
                continue
            is_in = outcomes[original].status in IN_SILVER if original in outcomes else self._in_silver([original])
            if not is_in:
                waiting = "waits for a file with the same content"
                settled[file_id] = Outcome(file_id=file_id, status=Status.PENDING, error=waiting)
        return settled


def _partitions(entries: Iterable[Entry]) -> list[tuple[tuple[str, str], ...]]:
    return sorted({tuple(entry.partition.items()) for entry in entries})
