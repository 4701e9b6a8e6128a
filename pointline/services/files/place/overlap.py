"""Whose rows lie where: the times that files hold of each symbol on one day, and which of them overlap.

Files of one exchange, table, symbol and day go in side by side unless their times overlap; to share the one instant at
which one ends and the other begins is no overlap.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.parse.rules import DAY_US, EPOCH
from pointline.services.files.dates import days_between, moment
from pointline.services.files.place.preference import RankOf, may_leave
from pointline.services.ingest.batch import Span
from pointline.tables.ingest_manifest import Status, ends, stands_at
from pointline.tables.spelling import holds_many, symbol_key
from pointline.vendors.claim import series_of

Day = tuple[str, str, str]
"""Exchange, table and date."""


def day_of(meta: BronzeFileMetadata) -> Day:
    """Return the day of a table that a path claims."""
    return meta.exchange, meta.data_type, str(meta.date)


def on_days(meta: BronzeFileMetadata, spans: Mapping[str, Span]) -> Iterator[tuple[Day, Mapping[str, Span]]]:
    """Yield the days of a table that a file has to do with, and what it holds of each symbol on each of them."""
    if meta.is_one_day or not spans:
        yield day_of(meta), spans
        return
    whole = join_spans(spans.values())
    for date in days_between(moment(whole.first_us), moment(whole.last_us)):
        here = {key: on for key, span in spans.items() if (on := cut_to_day(span, date)) is not None}
        if here:
            yield (meta.exchange, meta.data_type, str(date)), here


def cut_to_day(span: Span, date: dt.date) -> Span | None:
    """Return what lies on a UTC day of a span, as far as its ends tell; None where nothing does.

    Where that is one instant of several, the one beyond stays with it: the instant may be a seam.
    """
    start_us = (date - EPOCH).days * DAY_US
    first, last = max(span.first_us, start_us), min(span.last_us, start_us + DAY_US - 1)
    return beyond_day(Span(first_us=first, last_us=last, rows=span.rows), date, span) if first <= last else None


def beyond_day(span: Span, date: dt.date, whole: Span) -> Span:
    """Return what lies on one day; where that is one instant at its edge, and not all there is, with the one beyond.

    ``whole``: what there is; of a file of many symbols the times of all of them.
    """
    if span.first_us != span.last_us:
        return span
    start_us = (date - EPOCH).days * DAY_US
    is_first, is_last = span.first_us == start_us, span.last_us == start_us + DAY_US - 1
    first = max(span.first_us - 1, whole.first_us) if is_first else span.first_us
    last = min(span.last_us + 1, whole.last_us) if is_last else span.last_us
    return Span(first_us=first, last_us=last, rows=span.rows)


class Held(Struct, frozen=True, kw_only=True):
    """A file whose rows are in silver, or go in with this batch.

    ``spans`` by symbol key, None where they were not looked up yet. Of files of the ledger ``rows`` are not known.
    ``whole``: of all its days, where more is known of it than ``span``, which is what lies on one of them.
    """

    file_id: int
    path: str
    span: Span
    spans: Mapping[str, Span] | None
    feed: str = ""
    whole: Span | None = None

    def may_hold(self, symbol: str) -> bool:
        """False is certain."""
        return self.spans is None or symbol in self.spans


class Collision(Struct, frozen=True, kw_only=True):
    """Two files overlap. ``symbol`` as a key; ``span`` is what the file in the lake holds of it.

    ``is_seam``: they share no more than the instant at which one ends and the other begins.
    """

    other: Held
    symbol: str
    span: Span
    is_seam: bool = False


SpansOf = Callable[[int, Day], Mapping[str, Span]]
"""The spans by symbol key of a file of many symbols, read from silver."""
DaysOf = Callable[[int], Mapping[str, int] | None]
"""The rows of a file by date; None where its path claims one day for all of them."""


class Occupied:
    """What silver holds on the days that a batch has to do with. Not thread-safe."""

    def __init__(
        self,
        ledger: pl.DataFrame,
        days: Collection[Day],
        spans_of: SpansOf,
        groups: Collection[str],
        *,
        days_of: DaysOf = lambda _file_id: None,
        rank_of: RankOf = lambda _path, _feed: None,
    ) -> None:
        self._spans_of = spans_of
        self._rank_of = rank_of
        self.days_of = cache(days_of)
        self._days: dict[Day, dict[int, Held]] = {}
        for day, held in _held(ledger, days, groups):
            self._days.setdefault(day, {})[held.file_id] = held

    def held_on(self, day: Day) -> Mapping[int, Held]:
        """Return the files whose rows are in silver on a day, by id."""
        return self._days.get(day, {})

    def spans(self, held: Held, day: Day) -> Mapping[str, Span]:
        """Return what a file holds of each symbol."""
        if held.spans is None:
            date, whole = dt.date.fromisoformat(day[2]), held.whole or held.span
            read = self._spans_of(held.file_id, day).items()
            found = {symbol_key(symbol): beyond_day(span, date, whole) for symbol, span in read}
            held = replace(held, spans=found)
            self._days[day][held.file_id] = held
        assert held.spans is not None
        return held.spans

    def has_rows_on(self, held: Held, day: Day) -> bool:
        """Tell whether a file that has rows around a day has any on it: it may lack it, or have left it to another."""
        if not held.feed:
            return True
        rank, whole = self._rank_of(held.path, held.feed), held.whole or held.span
        is_of_one_day = moment(whole.first_us).date() == moment(whole.last_us).date()
        if is_of_one_day and rank is not None and not may_leave(dt.date.fromisoformat(day[2]), rank):
            return True  # where its feed prefers none now, it may have done so when the file came
        days = self.days_of(held.file_id)
        return days is None or day[2] in days

    def collisions(
        self, spans: Mapping[str, Span], day: Day, also: Iterable[Held], leaving: Collection[int], *, feed: str = ""
    ) -> list[Collision]:
        """Return what overlaps these spans, one per file: files of the lake that stay, and ``also``.

        Of a feed that prefers one of two files, also what shares an instant with them: it may be one row in both.
        """
        whole, series = join_spans(spans.values()), series_of(feed)
        here = self.held_on(day)
        found = []
        for held in [*here.values(), *also]:
            if series_of(held.feed) != series or held.file_id in leaving:
                continue
            if not _touch(whole, held.span) or not any(map(held.may_hold, spans)):
                continue
            theirs = held.spans if held.spans is not None else self.spans(held, day)
            met = [key for key in spans if key in theirs and overlap(spans[key], theirs[key])]
            is_seam = not met
            if is_seam and held.feed == feed and self._rank_of(held.path, feed) is not None:
                met = [key for key in spans if key in theirs and _touch(spans[key], theirs[key])]
            if met and (held.file_id not in here or self.has_rows_on(held, day)):
                found.append(Collision(other=held, symbol=met[0], span=theirs[met[0]], is_seam=is_seam))
        return found


def _held(ledger: pl.DataFrame, days: Collection[Day], groups: Collection[str]) -> Iterator[tuple[Day, Held]]:
    if not days:
        return
    exchanges, tables, dates = (sorted({day[position] for day in days}) for position in range(3))
    wanted = dict.fromkeys(dates)
    rows = ledger.filter(
        pl.col("exchange").is_in(exchanges),
        pl.col("data_type").is_in(tables),
        _reaches([dt.date.fromisoformat(date) for date in dates]),
        stands_at(Status.SUCCESS),
        pl.col("first_local_timestamp").is_not_null(),
    ).select(
        *(pl.col(name).cast(pl.String) for name in ("exchange", "data_type", "date", "symbol", "feed")),
        "file_id",
        "bronze_file_path",
        pl.col("first_local_timestamp").to_physical(),
        pl.col("last_local_timestamp").to_physical(),
    )
    for exchange, table, date, symbol, feed, file_id, path, first, last in rows.iter_rows():
        span = Span(first_us=first, last_us=last, rows=0)
        is_many = holds_many(symbol, feed, groups)
        for day, here in _by_day(span, date, wanted if feed else {date: None}):
            spans = None if is_many else {symbol_key(symbol): here}
            yield (
                (exchange, table, day),
                Held(file_id=file_id, path=path, span=here, spans=spans, feed=feed or "", whole=span),
            )


def _by_day(span: Span, claimed: str, dates: Collection[str]) -> Iterator[tuple[str, Span]]:
    """Yield those of these dates that a span reaches into, and what lies there of it."""
    first, last = str(moment(span.first_us).date()), str(moment(span.last_us).date())
    for date in [first] if first == last else dates:
        if first <= date <= last and date in dates:
            here = cut_to_day(span, dt.date.fromisoformat(date))
            assert here is not None
            yield date, here
    if claimed in dates and not first <= claimed <= last:
        yield claimed, span  # rows of another day: it is quarantined, or nothing is known of it


def _reaches(dates: Sequence[dt.date]) -> pl.Expr:
    """True for files that may have rows of these dates."""
    first, last = ends()
    beyond = pl.col("feed").is_not_null() & (first <= max(dates)) & (last >= min(dates))
    return pl.col("date").is_in(list(dates)) | beyond.fill_null(value=False)


def _touch(one: Span, other: Span) -> bool:
    """Tell whether two spans share an instant at least: of one of their symbols it may be all that there is."""
    return one.first_us <= other.last_us and other.first_us <= one.last_us


def overlap(one: Span, other: Span) -> bool:
    """Tell whether two spans overlap.

    A span of a single instant has no end of its own that could be a seam: it overlaps whatever holds that instant.
    """
    if one.first_us == one.last_us or other.first_us == other.last_us:
        return one.first_us <= other.last_us and other.first_us <= one.last_us
    return one.first_us < other.last_us and other.first_us < one.last_us


def join_spans(spans: Iterable[Span]) -> Span:
    """Return the span from the first to the last of them, with all their rows."""
    parts: Sequence[Span] = list(spans)
    return Span(
        first_us=min(part.first_us for part in parts),
        last_us=max(part.last_us for part in parts),
        rows=sum(part.rows for part in parts),
    )


def by_key(spans: Mapping[str, Span]) -> dict[str, Span]:
    """Return spans by symbol key; those of symbols that are spelled in two ways are joined."""
    found: dict[str, list[Span]] = {}
    for symbol, span in spans.items():
        found.setdefault(symbol_key(symbol), []).append(span)
    return {key: join_spans(parts) for key, parts in found.items()}
