"""How files enter the lake: the order of effects, and what a crash between two of them leaves.

1. ``begin``   mints ids: ``pending`` rows in the manifest,  Crash after: ids without data; a start ingests them. The
               with the attempt noted.                       noted attempts tell which file ends the process.
2. ``load``    (``Loader``) writes parts no commit mentions. Crash after: orphan files, which vacuum removes.
3. ``commit``  bad rows go to quarantine,                    Crash after: rows of files not in; recovery removes them.
               then one Delta commit per table: parts in,    Crash after: silver ahead of the manifest; recovery reads
               what they replace out, batch number, counts.  the commits and brings the manifest up to them.
               What files say of symbols is committed the same way,
               and dim_symbol computed from it.              Crash before: the next start computes it.
4. ``commit``  outcomes go to the manifest, with the batch number up to which it is complete.

``withdraw`` takes rows out by the same steps, 3 and 4, under a batch number of its own.

Batches are committed one at a time and in order, so the manifest is never more than one batch behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from pointline.errors import Transient
from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import ACCEPTED, BronzeFileMetadata, Discovery, Outcome
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.io.protocols.tables import EventTableRepository, Part, QuarantineRepository, new_parts
from pointline.services.files.claims import Claims
from pointline.services.files.identity.candidate import Candidate, Sorted
from pointline.services.files.identity.sorting import sort_candidates
from pointline.services.files.place.decide import Policy, decide
from pointline.services.files.place.preference import foreseen
from pointline.services.files.silver_facts import LakeFacts
from pointline.services.ingest.absence import Absence
from pointline.services.ingest.attempts import Attempts
from pointline.services.ingest.batch import Batch, BatchNumbers, Entry, Loaded, make_groups
from pointline.services.ingest.change import Change, commit_change, rest_of
from pointline.services.ingest.retry import put_back
from pointline.services.ingest.verdict import Verdict
from pointline.services.ingest.withdrawal import plan_withdrawal
from pointline.services.symbols.changes import Symbols, Told
from pointline.services.symbols.planning import Plan
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status, stands_at, warns_of
from pointline.tables.spelling import symbol_key


class Committed(Struct, kw_only=True):
    """What a batch did."""

    number: int
    outcomes: list[Outcome]
    partitions: set[tuple[str, str, str]] = field(default_factory=set)
    """``(table, exchange, date)`` that got parts."""
    reopened: tuple[str, ...] = ()
    """Paths of files that have to be read after all."""
    judged_anew: tuple[Outcome, ...] = ()
    """What becomes of lists of instruments that were in before."""


class IngestService:
    """Brings batches of files into the lake, and takes files out.

    ``begin`` and ``commit`` are each called by one thread at a time; the rest by any.
    """

    def __init__(
        self,
        *,
        manifest: IngestionManifestRepository,
        quarantine: QuarantineRepository,
        repositories: Mapping[str, EventTableRepository],
        symbols: Symbols,
        reader: BronzeReader,
        claims: Claims,
        policy: Policy,
        age_us: Callable[[int], int],
    ) -> None:
        self._manifest = manifest
        self._quarantine = quarantine
        self._repositories = repositories
        self._symbols = symbols
        self._reader = reader
        self._claims = claims
        self._policy = policy
        self._age_us = age_us
        self._facts = LakeFacts(manifest, repositories, reader)
        self._attempts = Attempts(manifest, policy.max_deaths)
        self._lock = threading.RLock()
        newest = [manifest.last_batch(), quarantine.last_batch(), symbols.last_batch()]
        self._numbers = BatchNumbers(1 + max(*newest, *(table.last_batch() for table in repositories.values())))
        self.absence = Absence(manifest, reader, symbols, self._numbers, self._lock, rank_of=policy.rank_of)

    def begin(self, candidates: Sequence[BronzeFileMetadata]) -> tuple[Batch, Sorted]:
        """Step 1: tell the candidates apart and mint ids for those that enter."""
        ledger, anew = self._manifest.entries(), self.absence.regained
        found = sort_candidates(candidates, ledger, self._reader, self._policy.groups, anew)
        if found.moved:
            with self._lock:  # else a commit meanwhile may close files that are put back by what was known before it
                self._manifest.relocate([(move.file_id, move.meta) for move in found.moved])
                found.reopened = tuple(self.absence.reopen_for({move.file_id for move in found.moved}).values())
        self._record([Outcome.superseded(old, by=by) for old, by in found.settled.items()])
        if found.again:
            self._manifest.relocate(found.again)
        before = {old for candidate in found.entering for old in candidate.replaces}
        self._claims.release(before & anew)  # the same bytes are read again, and are no copy of them
        ids = self._manifest.resolve_file_ids([candidate.meta for candidate in found.entering], besides=before)
        again = [file_id for file_id, candidate in zip(ids, found.entering, strict=True) if candidate.is_again]
        known = self._manifest.rows_of([*again, *(before & anew)])
        accepted = set(known.filter(warns_of(ACCEPTED))["file_id"])
        refused = self._attempts.note(known.filter(pl.col("file_id").is_in(again)))
        leaving = self._foresee(dict(zip(ids, found.entering, strict=True)), ledger)
        entries = [
            Entry(
                file_id=file_id,
                candidate=replace(one, is_accepted=True) if accepted & {file_id, *one.replaces} else one,
                days_to_leave=leaving.get(file_id, frozenset()),
            )
            for file_id, one in zip(ids, found.entering, strict=True)
        ]
        refused |= {
            entry.file_id: Outcome(file_id=entry.file_id, status=Status.QUARANTINED, error=entry.meta.problem)
            for entry in entries
            if entry.meta.problem
        }
        groups = make_groups((entry for entry in entries if entry.file_id not in refused), found.contents)
        return Batch(entries=tuple(entries), groups=tuple(groups), refused=tuple(refused.values())), found

    def _foresee(self, entering: Mapping[int, Candidate], ledger: pl.DataFrame) -> Mapping[int, AbstractSet[str]]:
        """Return the days that files are going to leave to others. Of a file that is read again it is not asked."""
        if self._policy.overlap == "allow":
            return {}
        metas = {one: found.meta for one, found in entering.items() if found.has_siblings and not found.is_again}
        return foreseen(metas, ledger, self._policy.rank_of) if metas else {}

    def suspects(self, metas: Sequence[BronzeFileMetadata]) -> Mapping[str, int]:
        """Return the paths of files to begin alone, one in a batch, and how often the process ended with them."""
        return self._attempts.suspects(metas)

    def leave(self, batch: Batch) -> None:
        """A batch that was begun is left in good order: that the process ends is not the doing of its files."""
        why = "the daemon was stopped before it was in"
        rows = self._manifest.entries().filter(
            pl.col("file_id").is_in([entry.file_id for entry in batch.entries]), stands_at(Status.PENDING)
        )
        self._record([Outcome.put_off(file_id, error=why) for file_id in rows["file_id"]])

    def commit(self, batch: Batch, loaded: Sequence[Loaded]) -> Committed:
        """Steps 3 and 4. May be repeated with the same arguments after a Transient error."""
        with self._lock:
            ledger = self._manifest.entries()
            verdict = decide(batch, loaded, ledger=ledger, facts=self._facts, policy=self._policy, age_us=self._age_us)
            verdict = self._symbols.judge(self._numbers.next, loaded, verdict)
            committed = Committed(number=self._numbers.next, outcomes=verdict.all_outcomes())
            committed.judged_anew = tuple(verdict.others)
            discovered = _discoveries(verdict.entries, ledger)
            self._write_quarantine(committed.number, loaded, verdict)
            for table in verdict.tables():
                if table != INSTRUMENTS:
                    with new_parts(self._repositories[table]) as made:
                        change = Change(
                            add=self._parts_for(table, loaded, verdict, committed.number, made),
                            leaving=verdict.leaving(table),
                            outcomes=verdict.told_to(table),
                            found=discovered,
                        )
                        self._commit_table(table, change, committed)
            told = verdict.told_to(INSTRUMENTS)
            self._symbols.commit(committed.number, told, discovered)
            self._manifest.update_statuses(committed.outcomes, batch=committed.number)
            self._numbers.next = committed.number + 1
            self.discard(loaded)
            self._settle_claims(verdict)
            freed = self._follow_moves(verdict) | {one.file_id for one in verdict.replaced}
            self.absence.regained |= verdict.regained.keys()
            freed_now = (verdict.reopened, self.absence.reopen_for(freed), verdict.regained)
            committed.reopened = tuple(path for paths in freed_now for path in paths.values())
            return committed

    def _parts_for(
        self, table: str, loaded: Sequence[Loaded], verdict: Verdict, number: int, made: list[Part]
    ) -> list[Part]:
        """Return the parts that go in. One that also holds rows of a file that may not is written again without.

        ``made`` is told of those that are written for that.
        """
        repository = self._repositories[table]
        if repository.last_batch() >= number:
            return []
        whole = []
        for one in (part for group in loaded for part in group.parts if part.table == table and verdict.wants(part)):
            refused = sorted(verdict.refused_in(one))
            if refused:
                made.extend(rest_of(one.part, refused, repository))
            else:
                whole.append(one.part)
        return [*whole, *made]

    def discard(self, loaded: Iterable[Loaded]) -> None:
        """Remove what was written of files and did not go in: nobody else does for as long as the process lives."""
        for one in (part for group in loaded for part in group.parts):
            with suppress(Transient):
                self._repositories[one.table].discard([one.part])

    def _settle_claims(self, verdict: Verdict) -> None:
        self._claims.release(file_id for file_id, one in verdict.outcomes.items() if one.status is not Status.SUCCESS)
        self._claims.release(one.file_id for one in verdict.replaced)
        self._claims.retire(file_id for file_id, one in verdict.outcomes.items() if one.status is Status.SUCCESS)

    def _follow_moves(self, verdict: Verdict) -> set[int]:
        """A duplicate whose original has left bronze is where the content is now; return the originals moved there."""
        entries = verdict.entries
        copies = {by: file_id for file_id, by in verdict.duplicates() if by not in entries}
        gone = {
            by: file_id
            for by, file_id in copies.items()
            if self._facts.symbol_of(by) == symbol_key(entries[file_id].meta.symbol) and self._facts.has_left_bronze(by)
        }
        self._manifest.relocate([(by, entries[file_id].meta) for by, file_id in gone.items()])
        self._record([Outcome.superseded(file_id, by=by) for by, file_id in gone.items()])
        return set(gone)

    def refresh_symbols(self) -> None:
        """See to it that the symbols that are current are those of now. To be called often; it looks once an hour."""
        with self._lock:
            self._symbols.refresh()

    def put_back(self, file_ids: Sequence[int], *, accepted: bool = False) -> int:
        """Put refused and withdrawn files back to pending; return how many there were. See ``retry``."""
        with self._lock:
            return put_back(self._manifest, file_ids, accepted=accepted)

    # ---- taking out

    def withdraw(self, file_ids: Sequence[int]) -> list[int]:
        """Take the rows of these files, and of copies of them, out of silver and quarantine; return their ids.

        Steps 3 and 4 with a batch number of its own: a crash in between is mended like that of any other batch. Files
        that are withdrawn already are passed over: an earlier try may have been cut short.
        Raises Rejected where a file is not one that can be withdrawn.
        """
        with self._lock:
            ledger = self._manifest.entries()
            done = set(ledger.filter(stands_at(Status.WITHDRAWN))["file_id"])
            if not (left := [file_id for file_id in file_ids if file_id not in done]):
                return []
            plan = plan_withdrawal(ledger, left, self._repositories.keys())
            number = self._numbers.next
            committed = Committed(number=number, outcomes=plan.outcomes())
            for table in plan.tables():
                if table != INSTRUMENTS:
                    change = Change(leaving=plan.leaving(table), outcomes=plan.told_to(table))
                    self._commit_table(table, change, committed)
            committed.outcomes += self._symbols.forget(number, plan.file_ids, plan.told_to(INSTRUMENTS)) or []
            self._quarantine.forget(plan.file_ids)
            self._manifest.update_statuses(committed.outcomes, batch=number)
            self._numbers.next = number + 1
            self._claims.release(plan.file_ids)
            self.absence.reopen_for(plan.file_ids)
            return plan.file_ids

    def _record(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._manifest.update_statuses(outcomes)

    def update_symbols(self, told: Told, *, dry_run: bool = False) -> Plan:
        """Keep what a person says of symbols, under a batch number of its own; return what comes of it."""
        with self._lock:
            plan = self._symbols.update(self._numbers.next, told, dry_run=dry_run)
            self._numbers.next += not dry_run
            return plan

    # ---- effects

    def _write_quarantine(self, number: int, loaded: Sequence[Loaded], verdict: Verdict) -> None:
        """Write the quarantined rows of files whose outcome counts them, in place of what an earlier try left."""
        again = [file_id for file_id, entry in verdict.entries.items() if entry.candidate.is_again]
        if again and self._quarantine.last_batch() < number:
            self._quarantine.forget(again)
        counted = [file_id for file_id, outcome in verdict.outcomes.items() if outcome.rows_quarantined]
        frames = [frame for group in loaded for frame in group.set_aside]
        if counted and frames:
            self._quarantine.set_aside(number, pl.concat(frames).filter(pl.col("file_id").is_in(counted)))

    def _commit_table(self, table: str, change: Change, committed: Committed) -> None:
        added = commit_change(self._repositories[table], committed.number, change)
        committed.partitions |= {(table, part.partition["exchange"], part.partition["date"]) for part in added}


def _discoveries(entries: Mapping[int, Entry], ledger: pl.DataFrame) -> dict[int, Discovery]:
    known = ledger.filter(pl.col("file_id").is_in(list(entries))).select("file_id", "created_at_us")
    return {
        file_id: Discovery(meta=entries[file_id].meta, created_at_us=created) for file_id, created in known.iter_rows()
    }
