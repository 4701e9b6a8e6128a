"""Which files get in, and which give way to them: a batch held against the rows that silver has.

A new version of a path takes the place of the old one. A file at another path takes it only where its rows overlap and
the old file is gone from bronze. Whatever would leave too few rows is held until a person accepts it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from pointline.io.protocols.file_version import Outcome
from pointline.services.files.place.case import Case, Replacements
from pointline.services.files.place.giving_way import GivingWay
from pointline.services.files.place.overlap import Day, on_days
from pointline.services.files.place.part_of_day import PartsOfDays
from pointline.services.files.place.refusals import Refusals
from pointline.services.files.place.stake import Stake
from pointline.services.ingest.batch import Entry, Span
from pointline.tables.ingest_manifest import Status

ACCEPTED_STATUSES = (Status.SUCCESS, Status.DUPLICATE)


class Judge(Struct, frozen=True):
    """Decides over a batch."""

    case: Case

    def decide(self) -> Replacements:
        """Return who gives way and who is refused; a file that is refused leaves the old rows where they are.

        Who is refused may leave rows in that stand in the way of another, so that is asked again until nothing changes.
        """
        refused: dict[int, Outcome] = {}
        waiting: set[int] = set()
        while True:
            out = {*refused, *waiting}
            if late := self._without_rows(out, ()):
                waiting |= late
                continue
            found = self._pass(out)
            refused |= found.refused
            if found.refused:
                continue
            if not (late := self._without_rows(out, found.replaced) | self._left_in_vain(out, found)):
                return Replacements(replaced=found.replaced, refused=refused, waiting=waiting, given_up=found.given_up)
            waiting |= late

    def _pass(self, out: Collection[int]) -> Replacements:
        found, stake, refusals = Replacements(), Stake(self.case), Refusals(self.case)
        giving_way = GivingWay(self.case, found)
        for file_id, old in self.case.old.items():
            if file_id not in out and self.case.outcomes[file_id].status in ACCEPTED_STATUSES:
                found.replaced |= dict.fromkeys(old, file_id)
        for file_id in sorted(self.case.entries):
            outcome = self.case.outcomes.get(file_id)
            if outcome is None or file_id in out or outcome.status not in ACCEPTED_STATUSES:
                continue
            entry, old = self.case.entries[file_id], self.case.old.get(file_id, ())
            if not old and not entry.candidate.has_siblings:
                continue
            spans = stake.spans_of(entry, outcome)
            days = list(self._days_of(entry, outcome, spans))
            gone, complaint = giving_way.on_days(days, entry, outcome)
            complaint = complaint or refusals.out_of_reach(entry, outcome, old)
            if complaint is None:
                others = entry.days_to_leave | found.given_up.get(file_id, {}).keys()
                few = stake.shortfall(entry, outcome, spans, (old, gone), others)
                complaint = None if few is None else refusals.too_few(entry, outcome, few)
            if complaint is not None:
                found.refused[file_id] = complaint
                found.given_up = _without(found.given_up, file_id)
                continue
            found.replaced |= dict.fromkeys((held.file_id for held in gone), file_id)
            if spans and outcome.status is Status.SUCCESS:
                giving_way.take(entry, days)
        return found

    def _days_of(
        self, entry: Entry, outcome: Outcome, spans: Mapping[str, Span]
    ) -> Iterator[tuple[Day, Mapping[str, Span]]]:
        """Yield the days that a file has rows of, and the symbols that it has there.

        Between its first and its last day it may lack one, and another file may have it; so for each of its symbols.
        """
        path, feed = entry.meta.bronze_file_path, entry.meta.feed
        may_lack = len(spans) > 1 and not entry.meta.is_one_day and self.case.rank_of(path, feed) is not None
        for day, here in on_days(entry.meta, spans):
            if outcome.days and day[2] not in outcome.days:
                continue
            if not may_lack:
                yield day, here
                continue
            there = set(self.case.rows_on(entry.file_id, day)["symbol"])
            if found := {key: span for key, span in here.items() if key in there}:
                yield day, found

    def regained(self, given_up: Mapping[int, Mapping[str, int]]) -> dict[int, str]:
        """Return the files that left a part of a day to one that gives that day up now, with their paths.

        ``given_up`` is what was decided, by file and date, and who has that day now: it may be of another part of it.
        """
        found: dict[int, str] = {}
        for file_id, days in given_up.items():
            versions = {file_id, *self.case.old.get(file_id, ())}
            for date, by in days.items():
                meta = self.case.entries[by if by in self.case.entries else file_id].meta
                day = (meta.exchange, meta.data_type, date)
                path = meta.bronze_file_path if by in self.case.entries else self.case.occupied.held_on(day)[by].path
                again = PartsOfDays(self.case).free_again(day, versions, path, meta.feed)
                found |= {one.file_id: one.path for one in again}
        return found

    def _without_rows(self, out: Collection[int], replaced: Collection[int]) -> set[int]:
        """Return the duplicates of files that are not in silver once these are out and those are replaced."""
        return {
            file_id
            for file_id, original in originals_of(self.case.outcomes).items()
            if file_id not in out and not self._is_in(original, out, replaced)
        }

    def _left_in_vain(self, out: Collection[int], found: Replacements) -> set[int]:
        """Return the files of which rows were not written that nothing else has."""
        vain = set()
        for file_id, entry in self.case.entries.items():
            outcome = self.case.outcomes.get(file_id)
            if not entry.days_to_leave or outcome is None or outcome.status is not Status.SUCCESS or file_id in out:
                continue
            days = {str(entry.meta.date)} if outcome.days is None else outcome.days.keys()
            if not entry.days_to_leave & days <= found.given_up.get(file_id, {}).keys():
                vain.add(file_id)
        return vain

    def _is_in(self, file_id: int, out: Collection[int], replaced: Collection[int]) -> bool:
        if (outcome := self.case.outcomes.get(file_id)) is not None:
            return outcome.status is Status.SUCCESS and file_id not in out
        return file_id in self.case.in_silver and file_id not in replaced


def originals_of(outcomes: Mapping[int, Outcome]) -> dict[int, int]:
    """Return the file that each duplicate is one of."""
    return {
        file_id: outcome.superseded_by
        for file_id, outcome in outcomes.items()
        if outcome.status is Status.DUPLICATE and outcome.superseded_by is not None
    }


def _without(given_up: dict[int, dict[str, int]], file_id: int) -> dict[int, dict[str, int]]:
    """Leave out what was given up for a file that does not get in, and what it would have given up itself."""
    kept = {one: {date: by for date, by in days.items() if by != file_id} for one, days in given_up.items()}
    return {one: days for one, days in kept.items() if days and one != file_id}
