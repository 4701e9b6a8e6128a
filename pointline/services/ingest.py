"""How files enter the lake: the order of effects, and what a crash between two of them leaves.

1. ``begin``   mints ids: ``pending`` rows in the manifest.  Crash after: ids without data, taken up again at start.
2. ``load``    (``Loader``) writes parts no commit mentions. Crash after: orphan files, which vacuum removes.
3. ``commit``  rows set aside go to quarantine,              Crash after: rows of files not in; recovery removes them.
               then one Delta commit per table: parts in,    Crash after: silver ahead of the manifest; recovery reads
               what they replace out, batch number, counts.  the commits and brings the manifest up to them.
               What files say of symbols goes into dim_symbol the same way.
4. ``commit``  outcomes go to the manifest, with the batch number up to which it is complete.

Batches are committed one at a time and in order, so the manifest is never more than one batch behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pointline.io.protocols import (
    BronzeFileMetadata,
    BronzeReader,
    EventTableRepository,
    IngestionManifestRepository,
    Outcome,
    Part,
    QuarantineRepository,
)
from pointline.services.batch import Batch, Entry, Loaded, make_groups
from pointline.services.claims import Claims
from pointline.services.compaction import DICTIONARY
from pointline.services.identity import Sorted, sort_candidates
from pointline.services.symbol_files import SymbolFiles
from pointline.services.verdict import Policy, Verdict, decide
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status


@dataclass(slots=True, kw_only=True)
class Committed:
    """What a batch did."""

    number: int
    outcomes: list[Outcome]
    partitions: set[tuple[str, str, str]] = field(default_factory=set)
    """``(table, exchange, date)`` that got parts."""
    reopened: tuple[str, ...] = ()
    """Paths of files that have to be read after all."""


class IngestService:
    """Brings batches of files into the lake. ``begin`` and ``commit`` are each called by one thread at a time."""

    def __init__(
        self,
        *,
        manifest: IngestionManifestRepository,
        quarantine: QuarantineRepository,
        repositories: Mapping[str, EventTableRepository],
        symbols: SymbolFiles,
        reader: BronzeReader,
        claims: Claims,
        policy: Policy,
        clock: Callable[[], int],
    ) -> None:
        self._manifest = manifest
        self._quarantine = quarantine
        self._repositories = repositories
        self._symbols = symbols
        self._reader = reader
        self._claims = claims
        self._policy = policy
        self._clock = clock
        self._next_batch = 1 + max(
            manifest.last_batch(),
            quarantine.last_batch(),
            symbols.last_batch(),
            *(table.last_batch() for table in repositories.values()),
        )

    def begin(self, candidates: Sequence[BronzeFileMetadata]) -> tuple[Batch, Sorted]:
        """Step 1: tell the candidates apart and mint ids for those that enter."""
        found = sort_candidates(candidates, self._manifest.entries(), self._reader)
        self._manifest.relocate([(move.file_id, move.meta) for move in found.moved])
        ids = self._manifest.resolve_file_ids([candidate.meta for candidate in found.entering])
        entries = [
            Entry(file_id=file_id, candidate=candidate) for file_id, candidate in zip(ids, found.entering, strict=True)
        ]
        refused = tuple(
            Outcome(file_id=entry.file_id, status=Status.QUARANTINED, error=entry.meta.problem)
            for entry in entries
            if entry.meta.problem
        )
        groups = make_groups((entry for entry in entries if not entry.meta.problem), found.contents)
        return Batch(entries=tuple(entries), groups=tuple(groups), refused=refused), found

    def commit(self, batch: Batch, loaded: Sequence[Loaded]) -> Committed:
        """Steps 3 and 4. May be repeated with the same arguments after a Transient error."""
        loaded = self._symbols.judge(self._next_batch, loaded)
        verdict = decide(batch, loaded, ledger=self._manifest.entries(), policy=self._policy, clock=self._clock)
        committed = Committed(
            number=self._next_batch, outcomes=verdict.all_outcomes(), reopened=tuple(verdict.reopened.values())
        )
        self._set_aside(committed.number, loaded, verdict)
        parts = [part for group in loaded for part in group.parts if verdict.wants(part)]
        for table in verdict.tables():
            if table == INSTRUMENTS:
                self._symbols.commit(committed.number, verdict.told_to(table))
            else:
                self._commit_table(table, [part.part for part in parts if part.table == table], verdict, committed)
        self._manifest.update_statuses(committed.outcomes, batch=committed.number)
        self._next_batch = committed.number + 1
        self._claims.release(file_id for file_id, one in verdict.outcomes.items() if one.status is not Status.SUCCESS)
        self._claims.retire(file_id for file_id, one in verdict.outcomes.items() if one.status is Status.SUCCESS)
        self._follow_moves(verdict)
        return committed

    def _follow_moves(self, verdict: Verdict) -> None:
        """A duplicate whose original is gone from bronze is where the content is now."""
        originals = {file_id: by for file_id, by in verdict.duplicates() if by not in verdict.entries}
        if originals:
            entries = self._manifest.entries().filter(pl.col("file_id").is_in(sorted(set(originals.values()))))
            path_of = dict(entries.select("file_id", "bronze_file_path").iter_rows())
            gone = {by: file_id for file_id, by in originals.items() if not self._reader.exists(path_of[by])}
            self._manifest.relocate([(by, verdict.entries[file_id].meta) for by, file_id in gone.items()])

    def _set_aside(self, number: int, loaded: Sequence[Loaded], verdict: Verdict) -> None:
        """Write the rows set aside of files whose outcome counts them, in place of what an earlier try left."""
        again = [file_id for file_id, entry in verdict.entries.items() if entry.candidate.is_again]
        if again and self._quarantine.last_batch() < number:
            self._quarantine.forget(again)
        counted = [file_id for file_id, outcome in verdict.outcomes.items() if outcome.rows_quarantined]
        frames = [frame for group in loaded for frame in group.set_aside]
        if counted and frames:
            self._quarantine.set_aside(number, pl.concat(frames).filter(pl.col("file_id").is_in(counted)))

    def _commit_table(self, table: str, parts: Sequence[Part], verdict: Verdict, committed: Committed) -> None:
        """One Delta commit: what goes in and what it replaces, seen together or not at all."""
        repository = self._repositories[table]
        if repository.last_batch() >= committed.number:
            return
        add, remove = list(parts), []
        for partition, leaving in verdict.leaving(table).items():
            for part in repository.parts_of(leaving, dict(partition)):
                add += _rest_of(part, leaving, repository)
                remove.append(part)
        repository.commit(committed.number, add=add, remove=remove, outcomes=verdict.told_to(table))
        committed.partitions |= {(table, part.partition["exchange"], part.partition["date"]) for part in add}


def _rest_of(part: Part, leaving: Sequence[int], repository: EventTableRepository) -> list[Part]:
    """Write what a part holds of other files to a new part; none where it holds nothing else."""
    writer = repository.part_writer(part.partition, DICTIONARY)
    written = False
    try:
        for rows in repository.rows_without(part, leaving):
            if not rows.is_empty():
                writer.write(rows)
                written = True
        return [writer.close()] if written else []
    except BaseException:
        writer.discard()
        raise
