"""What becomes of each file of a batch, decided when all of them are loaded and nothing is visible yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from pointline.errors import NoAccess, Stopping, Transient, Unfinished
from pointline.io.protocols.file_version import ACCEPTED, Outcome
from pointline.services.files.copies import copies_among, copies_of, moved_here
from pointline.services.files.place.days_left import Absent, DaysLeft
from pointline.services.files.place.overlap import Day, Occupied, on_days
from pointline.services.files.place.preference import PeriodOf, RankOf, claims_all_of, is_part_of_day, thinned
from pointline.services.files.place.replacement import ACCEPTED_STATUSES, Judge, Replacements, originals_of
from pointline.services.files.silver_facts import SilverFacts
from pointline.services.ingest.batch import Batch, Entry, Loaded, LoadedPart
from pointline.services.ingest.change import Partition, places_of
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status, stands_at

HAS_DAYS = "another file was going to have days of it, and does not: it is read again for them"


class Policy(Struct, frozen=True, kw_only=True):
    """What the settings say about files that do not go in smoothly."""

    overlap: str = "quarantine"
    max_attempts: int = 8
    max_deaths: int = 8
    """How often the process may end while a file is being read."""
    unfinished_us: int = 30_000_000
    min_replacement_share: float = 0.5
    groups: Collection[str] = ()
    rank_of: RankOf = lambda _path, _feed: None
    """The place of a file in the order in which its feed prefers them."""
    period_of: PeriodOf = lambda _path, _feed: None


class Leaving(Struct, frozen=True, kw_only=True):
    """A version whose rows leave silver, where they are, and the version that takes its place."""

    file_id: int
    by: int
    table: str
    partition: Partition


class Verdict(Struct, frozen=True, kw_only=True):
    """The outcomes of a batch, and the older versions that give way."""

    entries: Mapping[int, Entry]
    outcomes: Mapping[int, Outcome]
    replaced: Sequence[Leaving]
    overtaken: Mapping[int, int]
    """Versions that never had rows in silver, and the newer version of their path."""
    reopened: Mapping[int, str]
    """Duplicates whose original leaves silver, with their paths: now their own rows have to come."""
    given_up: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """Days that files leave to another one, and that one: by file and date."""
    thinned: Sequence[Outcome] = ()
    """What is left of files that were in before and give up days."""
    regained: Mapping[int, str] = field(default_factory=dict)
    """Files that left a part of a day to one that leaves that day itself, with their paths: they are read again."""
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
        leaving += [one for one in self.thinned if self._table_of_thinned(one.file_id) == table]
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
        for file_id in (outcome.file_id for outcome in self.thinned):
            for date, by in self.given_up[file_id].items():
                meta = self.entries[by].meta
                if meta.data_type == table:
                    found.setdefault((("exchange", meta.exchange), ("date", date)), []).append(file_id)
        return found

    def _table_of_thinned(self, file_id: int) -> str:
        return self.entries[next(iter(self.given_up[file_id].values()))].meta.data_type

    def duplicates(self) -> list[tuple[int, int]]:
        """Return ``(file_id, file that brought the content)``."""
        return list(originals_of(self.outcomes).items())

    def all_outcomes(self) -> list[Outcome]:
        """Return what the ledger has to record."""
        gone = {**self.overtaken, **{one.file_id: one.by for one in self.replaced}}
        superseded = [Outcome.superseded(old, by=new) for old, new in gone.items()]
        reopened = [Outcome.reopened(file_id) for file_id in self.reopened]
        return [*self.outcomes.values(), *superseded, *self.thinned, *reopened, *self.others]

    def wants(self, part: LoadedPart) -> bool:
        """A part goes in when one of its files does."""
        return part.file_ids - self.refused_in(part) != set()

    def refused_in(self, part: LoadedPart) -> set[int]:
        """Return the files of a part that do not get in. What may be refused shares parts with its like."""
        date = part.part.partition.get("date", "")
        return {
            file_id
            for file_id in part.file_ids
            if self.outcomes[file_id].status is not Status.SUCCESS or date in self.given_up.get(file_id, ())
        }


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
    spans = {file_id: spans for group in loaded for file_id, spans in group.spans.items()}
    days = {
        day
        for file_id, entry in entries.items()
        if entry.candidate.has_siblings
        for day, _ in on_days(entry.meta, spans.get(file_id, {}))
    }
    left = DaysLeft(facts, ledger, policy.groups)
    judge = Judge(
        entries=entries,
        outcomes=outcomes,
        old=_old_of(entries, outcomes, ledger, places, facts),
        in_silver=(),
        spans=spans,
        occupied=Occupied(
            ledger,
            days,
            facts.spans_of,
            policy.groups,
            days_of=lambda file_id: facts.outcome_of(file_id).days,
            rank_of=policy.rank_of,
        ),
        facts=facts,
        groups=policy.groups,
        allows_overlap=policy.overlap == "allow",
        min_share=policy.min_replacement_share,
        rank_of=policy.rank_of,
        period_of=policy.period_of,
        rows_on=cache(partial(_rows_on, loaded, facts)),
        left_to=left.to,
    )
    outcomes, found = _judged(judge, ledger)
    outcomes |= _marked(entries, outcomes)
    replaced = {old: new for old, new in found.replaced.items() if outcomes[new].status in ACCEPTED_STATUSES}
    given_up = {file_id: days for file_id, days in found.given_up.items() if file_id not in replaced}
    outcomes |= {one: thinned(outcomes[one], given_up[one]) for one in given_up.keys() & outcomes.keys()}
    older_ones = sorted(given_up.keys() - outcomes.keys())
    regained = [one for file_id, days in given_up.items() for one in _free_again(judge, left, file_id, days)]
    return Verdict(
        entries=entries,
        outcomes=outcomes,
        given_up=given_up,
        thinned=[thinned(facts.outcome_of(one), given_up[one]) for one in older_ones],
        regained={one.file_id: one.path for one in regained if one.file_id not in replaced},
        replaced=_leaving(ledger, replaced),
        reopened=copies_of(ledger, replaced, leaving_out=[*entries, *(old for old, _ in older)]),
        overtaken={old: new for old, new in older if old not in places and outcomes[new].status is not Status.PENDING},
    )


def _free_again(judge: Judge, left: DaysLeft, file_id: int, given_up: Mapping[str, int]) -> Iterator[Absent]:
    """Yield the files that left a part of a day to one that gives that day up now, for another part of it."""
    versions = {file_id, *judge.old.get(file_id, ())}
    for date, by in given_up.items():
        meta = judge.entries[by if by in judge.entries else file_id].meta
        on, day = dt.date.fromisoformat(date), (meta.exchange, meta.data_type, date)
        path = meta.bronze_file_path if by in judge.entries else judge.occupied.held_on(day)[by].path
        rank = judge.rank_of(path, meta.feed)
        if rank is None or not is_part_of_day(on, rank):
            continue
        for one in left.to(versions, day):
            if not claims_all_of(on, rank, judge.rank_of(one.path, one.feed)):
                yield one


def _rows_on(loaded: Sequence[Loaded], facts: SilverFacts, file_id: int, day: Day) -> pl.DataFrame:
    exchange, table, date = day
    groups = [group for group in loaded if file_id in group.outcomes]
    if not groups:
        return facts.rows_on(file_id, day)
    place = {"exchange": exchange, "date": date}
    parts = [one for group in groups for one in group.parts if one.table == table and file_id in one.file_ids]
    return facts.rows_on(file_id, day, [one.part for one in parts if dict(one.part.partition) == place])


def _judged(judge: Judge, ledger: pl.DataFrame) -> tuple[dict[int, Outcome], Replacements]:
    """Return all outcomes, and what is replaced.

    A file that is refused where its bytes are in the lake is a copy; as such it may take its place after all.
    """
    while True:
        originals = originals_of(judge.outcomes)
        judge = replace(judge, in_silver=_places(ledger, originals.values()).keys())
        found = judge.decide()
        outcomes = {**judge.outcomes, **found.refused}
        copies = copies_among(
            judge.entries, outcomes, old=judge.old, ledger=ledger, replaced=found.replaced, facts=judge.facts
        )
        if not (copies := {file_id: one for file_id, one in copies.items() if file_id not in originals}):
            return outcomes | {one: _waits(one, originals.get(one)) for one in found.waiting}, found
        judge = replace(judge, outcomes={**judge.outcomes, **copies})


def _waits(file_id: int, original: int | None) -> Outcome:
    """A duplicate of a file that did not get in after all, or that leaves with this batch, is read again.

    So is a file, which is a copy of none, that has a day after all.
    """
    reason = f"waits for file {original}, which has the same content" if original else HAS_DAYS
    return Outcome(file_id=file_id, status=Status.PENDING, error=reason, warnings=None)


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
    moved = moved_here(entries, outcomes, ledger, facts)
    same_path = {
        file_id: [old for old in entry.candidate.replaces if places.get(old) == entry.meta.bronze_file_path]
        for file_id, entry in entries.items()
        if moved or entry.candidate.replaces
    }
    leaving = {old for file_id, olds in same_path.items() if outcomes[file_id].status is Status.SUCCESS for old in olds}
    found = {}
    for file_id, olds in same_path.items():
        if old := (*olds, *(one for one in moved.get(file_id, ()) if one not in leaving)):
            found[file_id] = old
    return found


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
    elif isinstance(error, Stopping):
        counted = max(0, tried - 1)  # it was no try: the file is not made to wait, and never fails, for stops
    elif tried >= policy.max_attempts:
        status = Status.FAILED
    reason = f"{error}; {error.hint}" if error.hint else str(error)
    return Outcome(file_id=entry.file_id, status=status, error=reason, warnings=None, attempts=counted)


def _with_siblings_found(entries: Mapping[int, Entry], places: Mapping[int, str]) -> dict[int, Entry]:
    """What lay at the path of a file was found at another one since: the two may share rows now."""
    if not places:
        return dict(entries)
    return {
        file_id: replace(entry, candidate=replace(entry.candidate, has_siblings=True))
        if any(
            places.get(old, entry.meta.bronze_file_path) != entry.meta.bronze_file_path
            for old in entry.candidate.replaces
        )
        else entry
        for file_id, entry in entries.items()
    }


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
