"""How many rows would leave silver for a file, and how many it brings instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct

from pointline.io.protocols.file_version import Outcome
from pointline.services.files.place.case import Case
from pointline.services.files.place.overlap import Held, by_key, day_of
from pointline.services.files.place.refusals import Shortfall
from pointline.services.ingest.batch import Entry, Span
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.spelling import holds_many, symbol_key


class Stake(Struct, frozen=True):
    """Of one batch."""

    case: Case

    def spans_of(self, entry: Entry, outcome: Outcome) -> Mapping[str, Span]:
        """Return what a file of the batch holds, by the key of the symbol."""
        spans = self.case.spans.get(entry.file_id)
        if spans:
            return by_key(spans)
        if outcome.first_local_us is None or outcome.last_local_us is None:
            return {}
        whole = Span(first_us=outcome.first_local_us, last_us=outcome.last_local_us, rows=outcome.rows_written or 0)
        return {symbol_key(entry.meta.symbol): whole}

    def shortfall(
        self,
        entry: Entry,
        outcome: Outcome,
        spans: Mapping[str, Span],
        leaving: tuple[Sequence[int], Sequence[Held]],
        others: AbstractSet[str],
    ) -> Shortfall | None:
        """Return what is lost where too much is.

        ``leaving``: its older versions, and other files. The rows of days that ``others`` have count for nobody.
        """
        old, gone = leaving
        if not (old or gone) or entry.candidate.is_accepted or entry.meta.data_type == INSTRUMENTS:
            return None  # lists of instruments have a guard of their own
        replaced, before = self._rows_at_stake(outcome, [*old, *(held.file_id for held in gone)], others)
        mine = self._rows_instead(entry, outcome, [span for key, span in spans.items() if old or _any_holds(gone, key)])
        elsewhere = _rows_of_days(outcome.days, others)
        if mine - elsewhere >= self.case.min_share * before:
            return None
        return Shortfall(rows=mine - elsewhere, before=before, replaced=replaced, elsewhere=elsewhere)

    def _rows_at_stake(
        self, outcome: Outcome, replaced: Sequence[int], others: AbstractSet[str]
    ) -> tuple[Sequence[int], int]:
        """Return the files whose rows the new ones have to make up for, and how many these are.

        A file with the content of the new one has only moved: its rows are counted where they go, not as lost ones too.
        """
        rows = {file_id: self._rows_beside(file_id, others) for file_id in replaced}
        moved = [one for one in replaced if self.case.facts.content_hash(one) == outcome.content_hash]
        given_up = [one for one in replaced if one not in moved]
        lost, largest = sum(rows[one] for one in given_up), max(moved, key=rows.__getitem__, default=None)
        if largest is None or lost >= rows[largest]:
            return given_up, lost
        return [largest], rows[largest]

    def _rows_beside(self, file_id: int, others: AbstractSet[str]) -> int:
        """Return how many rows a file has in silver, of days that no other file is to have."""
        rows = self.case.facts.rows_written(file_id)
        return rows - _rows_of_days(self.case.occupied.days_of(file_id), others) if others else rows

    def _rows_instead(self, entry: Entry, outcome: Outcome, spans: Iterable[Span]) -> int:
        """How many rows the lake has of the file; of a copy, those of its original that the copy claims too."""
        original = outcome.superseded_by
        if original is None:
            return sum(span.rows for span in spans)
        meta = entry.meta
        key, is_many = symbol_key(meta.symbol), holds_many(meta.symbol, meta.feed, self.case.groups)
        if original in self.case.entries:
            held = self.spans_of(self.case.entries[original], self.case.outcomes[original])
        elif self.case.facts.symbol_of(original) == key:
            return self.case.facts.rows_written(original)
        else:
            held = by_key(self.case.facts.spans_of(original, day_of(meta)))
        return sum(span.rows for symbol, span in held.items() if is_many or symbol == key)


def _rows_of_days(days: Mapping[str, int] | None, dates: Iterable[str]) -> int:
    return sum(days.get(date, 0) for date in dates) if days else 0


def _any_holds(files: Iterable[Held], symbol: str) -> bool:
    return any(held.may_hold(symbol) for held in files)
