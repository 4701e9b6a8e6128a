"""What becomes of each file of a batch, decided when all of them are loaded and nothing is visible yet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, partial

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.io.protocols.file_version import ACCEPTED, Outcome
from pointline.services.files.copies import copies_among, copies_of, moved_here
from pointline.services.files.place.case import Case, Replacements
from pointline.services.files.place.days_left import DaysLeft
from pointline.services.files.place.overlap import Day, Occupied, on_days
from pointline.services.files.place.preference import PeriodOf, RankOf, thinned
from pointline.services.files.place.replacement import ACCEPTED_STATUSES, Judge, originals_of
from pointline.services.files.silver_facts import SilverFacts
from pointline.services.ingest.attempts import delayed
from pointline.services.ingest.batch import Batch, Entry, Loaded
from pointline.services.ingest.change import places_of
from pointline.services.ingest.verdict import Leaving, Verdict
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
            outcomes[file_id] = delayed(
                entries[file_id],
                error,
                ledger,
                max_attempts=policy.max_attempts,
                unfinished_us=policy.unfinished_us,
                age_us=age_us,
            )
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
    case = Case(
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
    outcomes, found = _judged(case, ledger)
    outcomes |= _marked(entries, outcomes)
    replaced = {old: new for old, new in found.replaced.items() if outcomes[new].status in ACCEPTED_STATUSES}
    given_up = {file_id: days for file_id, days in found.given_up.items() if file_id not in replaced}
    outcomes |= {one: thinned(outcomes[one], given_up[one]) for one in given_up.keys() & outcomes.keys()}
    older_ones = sorted(given_up.keys() - outcomes.keys())
    return Verdict(
        entries=entries,
        outcomes=outcomes,
        given_up=given_up,
        thinned=[thinned(facts.outcome_of(one), given_up[one]) for one in older_ones],
        regained={one: path for one, path in Judge(case).regained(given_up).items() if one not in replaced},
        replaced=_leaving(ledger, replaced),
        reopened=copies_of(ledger, replaced, leaving_out=[*entries, *(old for old, _ in older)]),
        overtaken={old: new for old, new in older if old not in places and outcomes[new].status is not Status.PENDING},
    )


def _rows_on(loaded: Sequence[Loaded], facts: SilverFacts, file_id: int, day: Day) -> pl.DataFrame:
    exchange, table, date = day
    groups = [group for group in loaded if file_id in group.outcomes]
    if not groups:
        return facts.rows_on(file_id, day)
    place = {"exchange": exchange, "date": date}
    parts = [one for group in groups for one in group.parts if one.table == table and file_id in one.file_ids]
    return facts.rows_on(file_id, day, [one.part for one in parts if dict(one.part.partition) == place])


def _judged(case: Case, ledger: pl.DataFrame) -> tuple[dict[int, Outcome], Replacements]:
    """Return all outcomes, and what is replaced.

    A file that is refused where its bytes are in the lake is a copy; as such it may take its place after all.
    """
    while True:
        originals = originals_of(case.outcomes)
        case = replace(case, in_silver=_places(ledger, originals.values()).keys())
        found = Judge(case).decide()
        outcomes = {**case.outcomes, **found.refused}
        copies = copies_among(
            case.entries, outcomes, old=case.old, ledger=ledger, replaced=found.replaced, facts=case.facts
        )
        if not (copies := {file_id: one for file_id, one in copies.items() if file_id not in originals}):
            return outcomes | {one: _waits(one, originals.get(one)) for one in found.waiting}, found
        case = replace(case, outcomes={**case.outcomes, **copies})


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
