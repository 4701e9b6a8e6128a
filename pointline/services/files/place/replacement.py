"""Which files get in, and which give way to them: a batch held against the rows that silver has.

A new version of a path takes the place of the old one. A file at another path takes it only where its rows overlap and
the old file is gone from bronze. Whatever would leave too few rows is held until a person accepts it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct, field

from pointline.io.protocols.file_version import Outcome
from pointline.services.files.place.days_left import Absent
from pointline.services.files.place.overlap import Collision, Day, Held, Occupied, join_spans, on_days
from pointline.services.files.place.part_of_day import PartsOfDays, RowsOn, no_rows_on, nothing_left_to
from pointline.services.files.place.preference import PeriodOf, RankOf, preferred
from pointline.services.files.place.refusals import Refusals
from pointline.services.files.place.stake import Stake
from pointline.services.files.silver_facts import SilverFacts
from pointline.services.ingest.batch import Entry, Span
from pointline.tables.ingest_manifest import Status
from pointline.tables.spelling import symbol_key

ACCEPTED_STATUSES = (Status.SUCCESS, Status.DUPLICATE)


class Replacements(Struct, kw_only=True):
    """One pass over a batch: what gives way to what, and who is refused."""

    replaced: dict[int, int] = field(default_factory=dict)
    """Files whose rows leave silver, and the file that takes their place."""
    refused: dict[int, Outcome] = field(default_factory=dict)
    given_up: dict[int, dict[str, int]] = field(default_factory=dict)
    """Days of files that another one is preferred for, and that one: by file and date."""
    waiting: set[int] = field(default_factory=set)
    """Files that take no place until they are read again: copies whose original is not in, or leaves with this batch,
    and files that have a day after all of which they were to leave the rows."""


class Judge(Struct, frozen=True, kw_only=True):
    """Decides over the files of a batch that were read and can be kept.

    ``old`` are, for each of them, the files in silver whose place it takes in any case; ``spans`` by file and symbol.
    """

    entries: Mapping[int, Entry]
    outcomes: Mapping[int, Outcome]
    old: Mapping[int, tuple[int, ...]]
    in_silver: Collection[int]
    """Originals of duplicates, as far as their rows were in silver before."""
    spans: Mapping[int, Mapping[str, Span]]
    occupied: Occupied
    facts: SilverFacts
    groups: Collection[str]
    allows_overlap: bool
    min_share: float
    rank_of: RankOf = lambda _path, _feed: None
    """The place of a file in the order in which its feed prefers them; None where it has none."""
    period_of: PeriodOf = lambda _path, _feed: None
    rows_on: RowsOn = no_rows_on
    left_to: Callable[[Collection[int], Day], Sequence[Absent]] = nothing_left_to

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

    @property
    def _refusals(self) -> Refusals:
        return Refusals(entries=self.entries, facts=self.facts)

    @property
    def _stake(self) -> Stake:
        return Stake(
            entries=self.entries,
            outcomes=self.outcomes,
            spans=self.spans,
            occupied=self.occupied,
            facts=self.facts,
            groups=self.groups,
            min_share=self.min_share,
        )

    def _pass(self, out: Collection[int]) -> Replacements:
        found, stake = Replacements(), self._stake
        taken: dict[Day, list[Held]] = {}
        for file_id, old in self.old.items():
            if file_id not in out and self.outcomes[file_id].status in ACCEPTED_STATUSES:
                found.replaced |= dict.fromkeys(old, file_id)
        for file_id in sorted(self.entries):
            outcome = self.outcomes.get(file_id)
            if outcome is None or file_id in out or outcome.status not in ACCEPTED_STATUSES:
                continue
            entry, old = self.entries[file_id], self.old.get(file_id, ())
            if not old and not entry.candidate.has_siblings:
                continue
            spans = stake.spans_of(entry, outcome)
            days = list(self._days_of(entry, outcome, spans))
            gone, complaint = self._gives_way_on(days, entry, outcome, taken, found)
            complaint = complaint or self._refusals.out_of_reach(entry, outcome, old)
            if complaint is None:
                others = entry.days_to_leave | found.given_up.get(file_id, {}).keys()
                few = stake.shortfall(entry, outcome, spans, (old, gone), others)
                complaint = None if few is None else self._refusals.too_few(entry, outcome, few)
            if complaint is not None:
                found.refused[file_id] = complaint
                found.given_up = _without(found.given_up, file_id)
                continue
            found.replaced |= dict.fromkeys((held.file_id for held in gone), file_id)
            if spans and outcome.status is Status.SUCCESS:
                _take(taken, entry, days)
        return found

    def _days_of(
        self, entry: Entry, outcome: Outcome, spans: Mapping[str, Span]
    ) -> Iterator[tuple[Day, Mapping[str, Span]]]:
        """Yield the days that a file has rows of, and the symbols that it has there.

        Between its first and its last day it may lack one, and another file may have it; so for each of its symbols.
        """
        path, feed = entry.meta.bronze_file_path, entry.meta.feed
        may_lack = len(spans) > 1 and not entry.meta.is_one_day and self.rank_of(path, feed) is not None
        for day, here in on_days(entry.meta, spans):
            if outcome.days and day[2] not in outcome.days:
                continue
            if not may_lack:
                yield day, here
                continue
            there = set(self.rows_on(entry.file_id, day)["symbol"])
            if found := {key: span for key, span in here.items() if key in there}:
                yield day, found

    def _without_rows(self, out: Collection[int], replaced: Collection[int]) -> set[int]:
        """Return the duplicates of files that are not in silver once these are out and those are replaced."""
        return {
            file_id
            for file_id, original in originals_of(self.outcomes).items()
            if file_id not in out and not self._is_in(original, out, replaced)
        }

    def _left_in_vain(self, out: Collection[int], found: Replacements) -> set[int]:
        """Return the files of which rows were not written that nothing else has."""
        vain = set()
        for file_id, entry in self.entries.items():
            outcome = self.outcomes.get(file_id)
            if not entry.days_to_leave or outcome is None or outcome.status is not Status.SUCCESS or file_id in out:
                continue
            days = {str(entry.meta.date)} if outcome.days is None else outcome.days.keys()
            if not entry.days_to_leave & days <= found.given_up.get(file_id, {}).keys():
                vain.add(file_id)
        return vain

    def _is_in(self, file_id: int, out: Collection[int], replaced: Collection[int]) -> bool:
        if (outcome := self.outcomes.get(file_id)) is not None:
            return outcome.status is Status.SUCCESS and file_id not in out
        return file_id in self.in_silver and file_id not in replaced

    def _gives_way_on(
        self,
        days: Sequence[tuple[Day, Mapping[str, Span]]],
        entry: Entry,
        outcome: Outcome,
        taken: Mapping[Day, Sequence[Held]],
        found: Replacements,
    ) -> tuple[list[Held], Outcome | None]:
        """Do the same for all days that a file has rows of."""
        gone: dict[int, Held] = {}
        if not entry.candidate.has_siblings or outcome.status is not Status.SUCCESS:
            return [], None
        for day, spans in days:
            more, complaint = self._gives_way(entry, outcome, (day, spans), taken.get(day, ()), found)
            if complaint is not None:
                return [], complaint
            gone |= {held.file_id: held for held in more}
        return list(gone.values()), None

    def _gives_way(
        self,
        entry: Entry,
        outcome: Outcome,
        on: tuple[Day, Mapping[str, Span]],
        taken: Sequence[Held],
        found: Replacements,
    ) -> tuple[list[Held], Outcome | None]:
        """Return the files at other paths whose place this one takes on a day, or the outcome where it must not.

        Where its feed prefers one of two files for a day, the other gives up that day.
        """
        day, spans = on
        given_up = {file_id for file_id, days in found.given_up.items() if day[2] in days}
        leaving = {*found.replaced, entry.file_id, *given_up}
        if not spans:
            if self.allows_overlap or self.rank_of(entry.meta.bronze_file_path, entry.meta.feed) is not None:
                return [], None  # where two files of a day are usual, one that says nothing contradicts nobody
            standing = self._standing(entry, day, leaving)
            return [], self._refusals.says_nothing(entry, outcome, standing) if standing else None
        gone: list[Held] = []
        for met in self.occupied.collisions(spans, day, taken, leaving, feed=entry.meta.feed):
            order = self._order(entry, spans.keys(), met.other, day)
            leave = self._leave_part(entry, spans, (met.other, day, order), taken, found) if order else None
            if leave is not None:
                order = 1 if entry.file_id in leave else -1
                if not leave & {entry.file_id, met.other.file_id}:
                    continue  # each has the rows of its own part of the day
            if order > 0:
                found.given_up.setdefault(entry.file_id, {})[day[2]] = met.other.file_id
                return [], None
            if order < 0:
                found.given_up.setdefault(met.other.file_id, {})[day[2]] = entry.file_id
                continue
            if self.allows_overlap or met.is_seam:
                continue
            if not self._may_replace(met, spans, day):
                others = self._symbols_of(met.other, day)
                return [], self._refusals.overlapping(entry, outcome, met, spans, others)
            gone.append(met.other)
        return gone, None

    def _standing(self, entry: Entry, day: Day, leaving: Collection[int]) -> Held | None:
        """Return a file that has rows of the symbol, and of the times, of which this one says that there are none."""
        key = symbol_key(entry.meta.symbol)
        period = self.period_of(entry.meta.bronze_file_path, entry.meta.feed)
        for held in self.occupied.held_on(day).values():
            if held.file_id in leaving or not held.spans or key not in held.spans:
                continue
            if period and (held.spans[key].last_us < period[0] or held.spans[key].first_us >= period[1]):
                continue
            if self.occupied.has_rows_on(held, day):
                return held
        return None

    def _order(self, entry: Entry, symbols: AbstractSet[str], other: Held, day: Day) -> int:
        """Return -1 where the feed of both leaves the day to the first, 1 where it does to the other one, else 0."""
        if not entry.meta.feed or entry.meta.feed != other.feed:
            return 0
        ours = self.rank_of(entry.meta.bronze_file_path, entry.meta.feed)
        if ours is None:
            return 0
        theirs = self.rank_of(other.path, other.feed)
        on = dt.date.fromisoformat(day[2])
        return preferred(on, (ours, symbols), (theirs, self._symbols_of(other, day)))

    def _leave_part(
        self,
        entry: Entry,
        spans: Mapping[str, Span],
        met: tuple[Held, Day, int],
        taken: Sequence[Held],
        found: Replacements,
    ) -> set[int] | None:
        """Return the files that leave a day of which one of two claims a part; None where that is not so."""
        other, day, order = met
        mine = _held(entry, spans)
        whole, part = (other, mine) if order > 0 else (mine, other)
        gave_up = {file_id for file_id, days in found.given_up.items() if days.get(day[2]) == whole.file_id}
        leaving = {*found.replaced, *(one for one, days in found.given_up.items() if day[2] in days)} - gave_up
        leave = PartsOfDays(
            occupied=self.occupied, rank_of=self.rank_of, rows_on=self.rows_on, left_to=self.left_to
        ).who_leaves(
            day,
            whole,
            part,
            others=[*self.occupied.held_on(day).values(), *taken],
            versions={whole.file_id, *self.old.get(whole.file_id, ())},
            leaving=leaving,
        )
        if leave is not None and whole.file_id in leave:
            for file_id in gave_up:
                del found.given_up[file_id][day[2]]
        return leave

    def _may_replace(self, met: Collision, spans: Mapping[str, Span], day: Day) -> bool:
        """The old file is gone from bronze, and all that it holds is a matter of the new one too."""
        other = met.other
        if other.file_id in self.entries or self.facts.is_in_bronze(other.file_id):
            return False
        return self._symbols_of(other, day) <= spans.keys()

    def _symbols_of(self, held: Held, day: Day) -> AbstractSet[str]:
        return self.occupied.spans(held, day).keys()


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


def _take(
    taken: dict[Day, list[Held]],
    entry: Entry,
    days: Sequence[tuple[Day, Mapping[str, Span]]],
) -> None:
    """Note the days of a file that gets in, for the files after it; those that it gives up too, for it may get them."""
    for day, spans in days:
        taken.setdefault(day, []).append(_held(entry, spans))


def _held(entry: Entry, spans: Mapping[str, Span]) -> Held:
    path, whole = entry.meta.bronze_file_path, join_spans(spans.values())
    return Held(file_id=entry.file_id, path=path, span=whole, spans=spans, feed=entry.meta.feed)
