"""What becomes of each file of a batch, decided when all of them are loaded and nothing is visible yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pointline.errors import Transient, Unfinished
from pointline.io.protocols import Outcome
from pointline.services.batch import Batch, Entry, Loaded, LoadedPart
from pointline.services.overlap import find_overlaps
from pointline.tables.ingest_manifest import Status, stands_at

ACCEPTED = (Status.SUCCESS, Status.DUPLICATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the settings say about files that do not go in smoothly."""

    overlap: str = "quarantine"
    max_attempts: int = 8
    unfinished_us: int = 30_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcomes of a batch, and the older versions that give way to newer ones of their paths."""

    entries: Mapping[int, Entry]
    outcomes: Mapping[int, Outcome]
    replaced: Mapping[int, int]
    """Versions whose rows leave silver, and the newer version of their path."""
    overtaken: Mapping[int, int]
    """Versions that never had rows in silver, and the newer version of their path."""
    reopened: Mapping[int, str]
    """Duplicates whose original leaves silver, with their paths: now their own rows have to come."""

    def tables(self) -> list[str]:
        """Return the event tables that this batch changes."""
        ids = [file_id for file_id, outcome in self.outcomes.items() if outcome.rows_written]
        return sorted({self.entries[file_id].meta.data_type for file_id in [*ids, *self.replaced.values()]})

    def told_to(self, table: str) -> list[Outcome]:
        """Return the outcomes that the commit to an event table makes true."""
        accepted = [
            outcome
            for file_id, outcome in self.outcomes.items()
            if outcome.status in ACCEPTED and self.entries[file_id].meta.data_type == table
        ]
        return [*accepted, *(Outcome.superseded(old, by=new) for old, new in self._replaced_in(table).items())]

    def leaving(self, table: str) -> dict[tuple[tuple[str, str], ...], list[int]]:
        """Return the versions whose rows leave a table, by partition."""
        found: dict[tuple[tuple[str, str], ...], list[int]] = {}
        for old, new in self._replaced_in(table).items():
            found.setdefault(tuple(self.entries[new].partition.items()), []).append(old)
        return found

    def duplicates(self) -> list[tuple[int, int]]:
        """Return ``(file_id, file that brought the content)``."""
        return [
            (file_id, outcome.superseded_by)
            for file_id, outcome in self.outcomes.items()
            if outcome.status is Status.DUPLICATE and outcome.superseded_by is not None
        ]

    def all_outcomes(self) -> list[Outcome]:
        """Return what the ledger has to record."""
        gone = {**self.overtaken, **self.replaced}
        superseded = [Outcome.superseded(old, by=new) for old, new in gone.items()]
        reopened = [Outcome.reopened(file_id) for file_id in self.reopened]
        return [*self.outcomes.values(), *superseded, *reopened]

    def wants(self, part: LoadedPart) -> bool:
        """A part goes in when its files do; a file that may not has a part of its own."""
        return any(self.outcomes[file_id].status is Status.SUCCESS for file_id in part.file_ids)

    def _replaced_in(self, table: str) -> dict[int, int]:
        return {old: new for old, new in self.replaced.items() if self.entries[new].meta.data_type == table}


def decide(
    batch: Batch, loaded: Sequence[Loaded], *, ledger: pl.DataFrame, policy: Policy, clock: Callable[[], int]
) -> Verdict:
    """Decide over a batch by what was loaded and what the ledger holds."""
    entries = {entry.file_id: entry for entry in batch.entries}
    outcomes = {outcome.file_id: outcome for outcome in batch.refused}
    for group in loaded:
        outcomes |= group.outcomes
        for file_id, error in group.delays.items():
            outcomes[file_id] = _delayed(entries[file_id], error, ledger, policy, clock())
    if policy.overlap == "quarantine":
        outcomes |= find_overlaps(entries, outcomes, ledger)
    outcomes |= _unsettled_duplicates(outcomes, ledger)

    older = [(old, file_id) for file_id, entry in entries.items() for old in entry.candidate.replaces]
    in_silver = _in_silver(ledger, (old for old, _ in older))
    replaced = {old: new for old, new in older if old in in_silver and outcomes[new].status in ACCEPTED}
    return Verdict(
        entries=entries,
        outcomes=outcomes,
        replaced=replaced,
        reopened=_copies_of(ledger, replaced, leaving_out=[*entries, *(old for old, _ in older)]),
        overtaken={
            old: new for old, new in older if old not in in_silver and outcomes[new].status is not Status.PENDING
        },
    )


def _delayed(entry: Entry, error: Transient, ledger: pl.DataFrame, policy: Policy, now_us: int) -> Outcome:
    """A file that could not be loaded: back to pending, until its time or its tries are used up."""
    row = ledger.row(by_predicate=pl.col("file_id") == entry.file_id, named=True)
    tried = row["attempts"] + 1
    status = Status.PENDING
    if isinstance(error, Unfinished):
        # A time stamp may lie in the future; a file cannot have been seen there.
        still_since = min(entry.meta.last_modified_ts, row["created_at_us"])
        if now_us - still_since >= policy.unfinished_us:
            status = Status.QUARANTINED
    elif tried >= policy.max_attempts:
        status = Status.FAILED
    reason = f"{error}; {error.hint}" if error.hint else str(error)
    return Outcome(file_id=entry.file_id, status=status, error=reason)


def _unsettled_duplicates(outcomes: Mapping[int, Outcome], ledger: pl.DataFrame) -> dict[int, Outcome]:
    """A duplicate of a file that did not get in after all is tried again."""
    waiting = {}
    for file_id, outcome in outcomes.items():
        original = outcome.superseded_by
        if outcome.status is not Status.DUPLICATE or original is None:
            continue
        if original in outcomes:
            is_in = outcomes[original].status is Status.SUCCESS
        else:
            is_in = bool(_in_silver(ledger, [original]))
        if not is_in:
            reason = f"waits for file {original}, which has the same content"
            waiting[file_id] = Outcome(file_id=file_id, status=Status.PENDING, error=reason)
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


def _in_silver(ledger: pl.DataFrame, file_ids: Iterable[int]) -> set[int]:
    wanted = list(file_ids)
    if not wanted:
        return set()
    return set(ledger.filter(pl.col("file_id").is_in(wanted), stands_at(Status.SUCCESS))["file_id"])
