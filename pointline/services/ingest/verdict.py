"""What becomes of a batch: outcomes, which rows come and which leave, and what each commit has to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from pointline.io.protocols.file_version import Outcome
from pointline.services.files.place.replacement import ACCEPTED_STATUSES, originals_of
from pointline.services.ingest.batch import Entry, LoadedPart
from pointline.services.ingest.change import Partition
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status


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
