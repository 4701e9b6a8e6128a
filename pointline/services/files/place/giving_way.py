"""Which of two files with rows of one day gives way: one that is gone, or the one that their feed does not prefer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct, field

from pointline.io.protocols.file_version import Outcome
from pointline.services.files.place.case import Case, Replacements
from pointline.services.files.place.overlap import Collision, Day, Held, join_spans
from pointline.services.files.place.part_of_day import PartsOfDays
from pointline.services.files.place.preference import preferred
from pointline.services.files.place.refusals import Refusals
from pointline.services.ingest.batch import Entry, Span
from pointline.tables.ingest_manifest import Status
from pointline.tables.spelling import symbol_key


class GivingWay(Struct, frozen=True):
    """One pass over a batch, file by file. Days that are given up are noted in ``found``."""

    case: Case
    found: Replacements
    taken: dict[Day, list[Held]] = field(default_factory=dict)
    """What the files that were taken so far hold of each day."""

    def take(self, entry: Entry, days: Sequence[tuple[Day, Mapping[str, Span]]]) -> None:
        """Note the days of a file that gets in; those that it gives up too, for it may get them."""
        for day, spans in days:
            self.taken.setdefault(day, []).append(_held(entry, spans))

    def on_days(
        self, days: Sequence[tuple[Day, Mapping[str, Span]]], entry: Entry, outcome: Outcome
    ) -> tuple[list[Held], Outcome | None]:
        """Return the files at other paths whose place this one takes, or the outcome where it must not.

        ``days`` are those that it has rows of, and what it has there of each symbol. Where its feed prefers one of two
        files for a day, the other gives up that day.
        """
        gone: dict[int, Held] = {}
        if not entry.candidate.has_siblings or outcome.status is not Status.SUCCESS:
            return [], None
        for day, spans in days:
            more, complaint = self._on_day(entry, outcome, day, spans)
            if complaint is not None:
                return [], complaint
            gone |= {held.file_id: held for held in more}
        return list(gone.values()), None

    def _on_day(
        self, entry: Entry, outcome: Outcome, day: Day, spans: Mapping[str, Span]
    ) -> tuple[list[Held], Outcome | None]:
        refusals, taken = Refusals(self.case), self.taken.get(day, ())
        given_up = {file_id for file_id, days in self.found.given_up.items() if day[2] in days}
        leaving = {*self.found.replaced, entry.file_id, *given_up}
        if not spans:
            if self.case.allows_overlap or self.case.rank_of(entry.meta.bronze_file_path, entry.meta.feed) is not None:
                return [], None  # where two files of a day are usual, one that says nothing contradicts nobody
            standing = self._standing(entry, day, leaving)
            return [], refusals.says_nothing(entry, outcome, standing) if standing else None
        gone: list[Held] = []
        for met in self.case.occupied.collisions(spans, day, taken, leaving, feed=entry.meta.feed):
            order = self._order(entry, spans.keys(), met.other, day)
            leave = self._leave_part(entry, spans, met.other, day, order) if order else None
            if leave is not None:
                order = 1 if entry.file_id in leave else -1
                if not leave & {entry.file_id, met.other.file_id}:
                    continue  # each has the rows of its own part of the day
            if order > 0:
                self.found.given_up.setdefault(entry.file_id, {})[day[2]] = met.other.file_id
                return [], None
            if order < 0:
                self.found.given_up.setdefault(met.other.file_id, {})[day[2]] = entry.file_id
                continue
            if self.case.allows_overlap or met.is_seam:
                continue
            if not self._may_replace(met, spans, day):
                others = self._symbols_of(met.other, day)
                return [], refusals.overlapping(entry, outcome, met, spans, others)
            gone.append(met.other)
        return gone, None

    def _standing(self, entry: Entry, day: Day, leaving: Collection[int]) -> Held | None:
        """Return a file that has rows of the symbol, and of the times, of which this one says that there are none."""
        key = symbol_key(entry.meta.symbol)
        period = self.case.period_of(entry.meta.bronze_file_path, entry.meta.feed)
        for held in self.case.occupied.held_on(day).values():
            if held.file_id in leaving or not held.spans or key not in held.spans:
                continue
            if period and (held.spans[key].last_us < period[0] or held.spans[key].first_us >= period[1]):
                continue
            if self.case.occupied.has_rows_on(held, day):
                return held
        return None

    def _order(self, entry: Entry, symbols: AbstractSet[str], other: Held, day: Day) -> int:
        """Return -1 where the feed of both leaves the day to the first, 1 where it does to the other one, else 0."""
        if not entry.meta.feed or entry.meta.feed != other.feed:
            return 0
        ours = self.case.rank_of(entry.meta.bronze_file_path, entry.meta.feed)
        if ours is None:
            return 0
        theirs = self.case.rank_of(other.path, other.feed)
        on = dt.date.fromisoformat(day[2])
        return preferred(on, (ours, symbols), (theirs, self._symbols_of(other, day)))

    def _leave_part(
        self,
        entry: Entry,
        spans: Mapping[str, Span],
        other: Held,
        day: Day,
        order: int,
    ) -> set[int] | None:
        """Return the files that leave a day of which one of two claims a part; None where that is not so."""
        mine = _held(entry, spans)
        whole, part = (other, mine) if order > 0 else (mine, other)
        left_to = {one: days[day[2]] for one, days in self.found.given_up.items() if day[2] in days}
        gave_up = {one for one, by in left_to.items() if by == whole.file_id}
        leaving = {*self.found.replaced, *left_to} - gave_up
        leave = PartsOfDays(self.case).who_leaves(
            day,
            whole,
            part,
            others=[*self.case.occupied.held_on(day).values(), *self.taken.get(day, ())],
            versions={whole.file_id, *self.case.old.get(whole.file_id, ())},
            leaving=leaving,
        )
        if leave is not None and whole.file_id in leave:
            for file_id in gave_up:
                del self.found.given_up[file_id][day[2]]
        return leave

    def _may_replace(self, met: Collision, spans: Mapping[str, Span], day: Day) -> bool:
        """The old file is gone from bronze, and all that it holds is a matter of the new one too."""
        other = met.other
        if other.file_id in self.case.entries or self.case.facts.is_in_bronze(other.file_id):
            return False
        return self._symbols_of(other, day) <= spans.keys()

    def _symbols_of(self, held: Held, day: Day) -> AbstractSet[str]:
        return self.case.occupied.spans(held, day).keys()


def _held(entry: Entry, spans: Mapping[str, Span]) -> Held:
    path, whole = entry.meta.bronze_file_path, join_spans(spans.values())
    return Held(file_id=entry.file_id, path=path, span=whole, spans=spans, feed=entry.meta.feed)
