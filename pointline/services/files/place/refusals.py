"""How a file is refused that may not have the place that it asks for: in words, with what a person can do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct

from pointline.io.protocols.file_version import OTHER_IS_GONE, Outcome
from pointline.phrases import DESCRIBE_AGAIN, UNDESCRIBED, plural
from pointline.services.files.place.case import Case
from pointline.services.files.place.overlap import Collision, Held
from pointline.services.ingest.batch import Entry, Span
from pointline.tables.ingest_manifest import Status
from pointline.tables.spelling import symbol_key

END_OF_DAY = "23:59:59.999999"


class Shortfall(Struct, frozen=True, kw_only=True):
    """What a file would bring, and the rows that would leave for it: too many."""

    rows: int
    before: int
    replaced: Sequence[int]
    """The files that these are of."""
    elsewhere: int = 0
    """Rows beyond ``rows`` that the file has, of days that other files have in the lake."""


class Refusals(Struct, frozen=True):
    """Of one batch."""

    case: Case

    def out_of_reach(self, entry: Entry, outcome: Outcome, old: Sequence[int]) -> Outcome | None:
        """The rows that would have to leave are in a table that nobody can write any more."""
        for file_id in old:
            if table := self.case.facts.undescribed_table(file_id):
                what = (
                    f"it would replace the rows of file {file_id}, which are in {table}, and {UNDESCRIBED}; "
                    f"{DESCRIBE_AGAIN}; then `pointline retry {entry.file_id}`"
                )
                return self._refused(entry, outcome, what, file_id)
        return None

    def too_few(self, entry: Entry, outcome: Outcome, found: Shortfall) -> Outcome:
        """It has fewer rows than it would replace, by more than is allowed."""
        names = " and ".join(f"file {file_id}" for file_id in found.replaced)
        what = (
            f"{_brought(outcome, found)} would replace {plural(found.before, 'row')} of {names}, "
            f"which stay in the lake; if it is right, `pointline retry {entry.file_id} --accept` replaces "
            "them by it; else put a complete file in its place"
        )
        return self._refused(entry, outcome, what, found.replaced[0])

    def overlapping(
        self, entry: Entry, outcome: Outcome, met: Collision, spans: Mapping[str, Span], others: AbstractSet[str]
    ) -> Outcome:
        """Another file has rows of the same symbol and time. ``others``: the symbols that it has on that day."""
        other = met.other
        is_new = other.file_id in self.case.entries
        path = other.path if is_new else self.case.facts.path_in_bronze(other.file_id) or other.path
        ways = [f"type `pointline withdraw {other.file_id}`"]
        if others <= spans.keys():
            onto = ["move this file onto it"] if self._is_of_kind(entry, other) else []
            ways = [f"delete {path}", *onto, *ways]
        same = spans[met.symbol]
        rows = met.span.rows or self.case.facts.rows_written(other.file_id)
        alike = (same.first_us, same.last_us, same.rows) == (met.span.first_us, met.span.last_us, rows)
        twin = " and as many rows as this file: it may be the same one, packed in another way" if alike else ""
        what = (
            f"its rows of {met.symbol} overlap those of file {other.file_id} ({path}), which is in the lake with "
            f"{met.symbol} {_times(met.span)}{twin}; to use this file "
            f"instead, do one of these, and the rows of file {other.file_id} leave the lake: {'; '.join(ways)}"
        )
        return self._refused(entry, outcome, what, other.file_id)

    def says_nothing(self, entry: Entry, outcome: Outcome, held: Held) -> Outcome:
        """It has no rows, and another file has some of the same symbol and time."""
        what = (
            f"it holds no rows, but file {held.file_id} ({held.path}) has rows of this symbol and time in the lake; to "
            f"take those out, withdraw that file with `pointline withdraw {held.file_id}`"
        )
        return self._refused(entry, outcome, what, held.file_id)

    def _is_of_kind(self, entry: Entry, other: Held) -> bool:
        """Tell whether both are read alike, and claim the same symbol: then the one can lie where the other does."""
        paths = (entry.meta.bronze_file_path, other.path)
        if len({path.lower().endswith(".parquet") for path in paths}) > 1:
            return False
        if other.file_id in self.case.entries:
            meta = self.case.entries[other.file_id].meta
            vendor, symbol = meta.vendor, symbol_key(meta.symbol)
        else:
            vendor, symbol = self.case.facts.vendor_of(other.file_id), self.case.facts.symbol_of(other.file_id)
        mine = (entry.meta.vendor, entry.meta.feed, symbol_key(entry.meta.symbol))
        return mine == (vendor, other.feed, symbol)

    def _refused(self, entry: Entry, outcome: Outcome, error: str, because_of: int) -> Outcome:
        is_there = because_of in self.case.entries or self.case.facts.is_in_bronze(because_of)
        return Outcome(
            file_id=entry.file_id,
            status=Status.QUARANTINED,
            content_hash=outcome.content_hash,
            symbols=outcome.symbols,
            warnings={} if is_there else {OTHER_IS_GONE: 1},
            error=error,
            superseded_by=because_of,
        )


def _brought(outcome: Outcome, found: Shortfall) -> str:
    copy = f" (it is a copy of file {outcome.superseded_by})" if outcome.superseded_by else ""
    if not found.elsewhere:
        return f"it has {plural(found.rows, 'row')}{copy} and"
    there = "of days that other files have in the lake"
    if not found.rows:
        return f"all of its {plural(found.elsewhere, 'row')}{copy} are {there}; it"
    return f"it has {plural(found.rows, 'row')}, and {found.elsewhere:,} {there},{copy} and"


def _times(span: Span) -> str:
    """Say when the rows of a file on one day are: it may have others on other days."""
    first, last = (dt.datetime.fromtimestamp(one // 1_000_000, dt.UTC) for one in (span.first_us, span.last_us))
    if first.date() != last.date():
        return f"from {_time(span.first_us)} to {_time(span.last_us)} UTC"
    begins, ends = (_time(one).partition(" ")[2] for one in (span.first_us, span.last_us))
    return f"on {first:%Y-%m-%d} from {begins} to {'its end' if ends == END_OF_DAY else ends} UTC"


def _time(at_us: int) -> str:
    return dt.datetime.fromtimestamp(at_us / 1_000_000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
