"""Files as vendors write them, made by tests, brought through recognition and the loader; and what breaks them.

A ``Form`` says how one feed is written. ``take`` brings bytes under a bronze path through the real layout, descriptions
and loader. ``MUTATIONS`` break a made file in nine ways, none of which may end in rows with other values.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import polars as pl
from hypothesis import strategies as st

from pointline.io.bronze.file_system import version_of
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.paths.layout import Layout, Recognised, Refused
from pointline.io.content.decode import Limits
from pointline.io.content.file_reader import FileReader
from pointline.io.descriptions import shipped_vendors
from pointline.io.protocols.file_version import BronzeFileMetadata, Outcome
from pointline.services.files.claims import Claims
from pointline.services.files.identity.candidate import Candidate
from pointline.services.ingest.batch import Entry, Group
from pointline.services.loading.load import Loader
from pointline.tables.ingest_manifest import Status
from pointline.tables.registry import event_tables
from pointline.tables.schema import LINEAGE
from pointline.vendors.describe import describe
from pointline.vendors.feeds import Feeds
from tests.support.fakes import MemoryEventTable
from tests.support.plain_folder import PlainFolder
from tests.support.vendor_reader import us_of

BESIDE = Path(__file__).parents[2].parent / "shared" / "data" / "vendors"
SAMPLES = Path(os.environ.get("VENDOR_SAMPLES", BESIDE))
"""Real files, beside the repository or where it is said; tests that need them are skipped where they are not."""
LIMITS = Limits(max_expansion_ratio=200, max_line_bytes=1 << 20)
HOUR_US, MINUTE_US = 3_600_000_000, 60_000_000
MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "12h": 720, "1d": 1440}
NOTHING: Mapping[str, bytes] = MappingProxyType({})
Row = dict[str, object]
"""Columns of the table: times in microseconds since the epoch, numbers as ``Decimal``; what is left out is null."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of files that were brought in together; ``outcome`` is that of the first."""

    claims: list[Recognised | Refused | None]
    outcomes: list[Outcome | None]
    silver: pl.DataFrame
    aside: pl.DataFrame

    @property
    def claim(self) -> Recognised | Refused | None:
        return self.claims[0]

    @property
    def outcome(self) -> Outcome | None:
        return self.outcomes[0]

    @property
    def is_success(self) -> bool:
        return all(one is not None and one.status is Status.SUCCESS for one in self.outcomes)

    @property
    def said(self) -> str:
        """All words: why it was not recognised, refused or quarantined, and the rules that rows broke."""
        rules = self.aside.select("rule", "column", "raw").rows() if self.aside.height else []
        errors = [one.error or "" for one in self.outcomes if one is not None]
        refused = [one.reason for one in self.claims if isinstance(one, Refused)]
        return " | ".join([*errors, *refused, *(" ".join(rule) for rule in rules)])

    def rows(self) -> list[Row]:
        """The rows in silver, without lineage and nulls; times in microseconds."""
        times = [name for name, kind in self.silver.schema.items() if kind == pl.Datetime("us", "UTC")]
        frame = self.silver.drop(LINEAGE).with_columns(pl.col(times).dt.timestamp("us"))
        return [{name: value for name, value in row.items() if value is not None} for row in frame.to_dicts()]


@cache
def shipped() -> Feeds:
    """The descriptions that ship."""
    return Feeds(event_tables(), (), shipped_vendors)


def claim_of(path: str, feeds: Feeds | None = None) -> Recognised | Refused | None:
    """What a path is, by the layouts and descriptions."""
    known = feeds or shipped()
    return _layout(known).recognise(path)


def _layout(feeds: Feeds) -> Layout:
    return Layout(known_types=feeds.tables, feeds=feeds)


def feed_of(path: str, feeds: Feeds | None = None) -> str:
    """The feed that a path is of, with its vendor, such as ``binance/um-klines``; empty where there is none."""
    claim = claim_of(path, feeds)
    return f"{claim.vendor}/{claim.feed.partition(' ')[0]}" if isinstance(claim, Recognised) and claim.feed else ""


def take(*files: tuple[str, bytes], feeds: Feeds | None = None, beside: Mapping[str, bytes] = NOTHING) -> Taken:
    """Bring files of one feed, exchange and table in, each a bronze path and its bytes; ``beside`` lie others."""
    known = feeds or shipped()
    claims = [claim_of(path, known) for path, _ in files]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        entries = []
        for path, data in beside.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        for number, ((path, data), claim) in enumerate(zip(files, claims, strict=True), 1):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
            if isinstance(claim, Recognised):
                entries.append(Entry(file_id=number, candidate=Candidate(meta=_seen(folder, path, known))))
        if not entries:
            nothing = pl.DataFrame()
            return Taken(claims=claims, outcomes=[None for _ in files], silver=nothing, aside=nothing)
        outcomes, silver, aside = _loaded(folder, entries, known)
    return Taken(
        claims=claims, outcomes=[outcomes.get(number + 1) for number in range(len(files))], silver=silver, aside=aside
    )


def take_described(description: str, *files: tuple[str, Sequence[str]]) -> Taken:
    """Do the same for files of a description alone, each a bronze path and its lines."""
    vendor = describe(description.encode(), "own.toml", event_tables())
    assert not vendor.problems
    written = [(path, "".join(f"{line}\n" for line in lines).encode()) for path, lines in files]
    return take(*written, feeds=Feeds(event_tables(), [vendor]))


def _seen(folder: Path, path: str, feeds: Feeds) -> BronzeFileMetadata:
    source = FolderBronzeSource(folder, _layout(feeds), on_trouble=lambda _path, _error: None)
    meta = source.describe(path, *version_of((folder / path).stat()))
    assert meta is not None
    return meta


def _loaded(
    folder: Path, entries: Sequence[Entry], feeds: Feeds
) -> tuple[Mapping[int, Outcome], pl.DataFrame, pl.DataFrame]:
    names = {(entry.meta.data_type, entry.meta.exchange, entry.meta.feed) for entry in entries}
    assert len(names) == 1, f"bring these in one after the other: {names}"
    table = entries[0].meta.data_type
    repository = MemoryEventTable(feeds.tables[table])
    loader = Loader(
        feeds=feeds,
        repositories={table: repository},
        reader=FileReader(PlainFolder(folder), LIMITS),
        claims=Claims(),
        checks={},
    )
    loaded = loader.load(Group(table=table, entries=tuple(entries)))
    for delay in loaded.delays.values():
        raise delay
    repository.commit(1, add=[part.part for part in loaded.parts], remove=[], outcomes=[])
    aside = pl.concat(loaded.set_aside) if loaded.set_aside else pl.DataFrame()
    return loaded.outcomes, repository.read_all().sort("file_id", "file_seq"), aside


# ---- files as a vendor writes them


def _wrong_unit(text: str) -> str:
    """A hundred times too much where it is a number; else a number."""
    if text.isdigit():
        return text + "00"
    return f"{int(Decimal(text) * 1000)}" if text.replace(".", "", 1).isdigit() else "1714521600000"


@dataclass(frozen=True, kw_only=True, repr=False)
class Form:
    """How a vendor writes one feed."""

    feed: str
    """Vendor and feed, such as ``binance/um-trades``."""
    path: str
    """Of the file of a day, in the letters of ``strftime``."""
    columns: tuple[str, ...]
    """The header, or the names of the cells where there is none."""
    cells: Callable[[Row], Sequence[str]]
    """One row as the vendor writes it."""
    constant: Row
    """The columns that are the same in all rows: exchange, symbol, interval."""
    plain: Callable[[int], Row]
    """A row by its number, without times and what is constant."""
    rows: st.SearchStrategy[Row]
    """Any such row."""
    time: tuple[str, ...]
    """The source columns that hold the event time."""
    word: str
    """A source column with a closed set of words, or else a number."""
    span: Literal["day", "month", "year", "none"] = "day"
    zone: dt.tzinfo = dt.UTC
    """By which its days are cut."""
    step_us: int = 1000
    """What the vendor's clock counts."""
    received: bool = False
    """The rows have a receive clock too, which ``cells`` finds as ``local_timestamp``."""
    has_header: bool = True
    separator: str = ","
    line_end: str = "\n"
    encoding: str = "utf-8"
    trailer: str = ""
    repeats: int = 1
    """How often each row stands in a file."""
    wrong_unit: Callable[[str], str] = _wrong_unit
    unproved: Mapping[str, str] = field(default_factory=dict)
    """Mutations that no content can show, and why."""
    said: Mapping[str, str] = field(default_factory=dict)
    """What is said of a mutation, where that is not what is said of cells."""
    day: dt.date = dt.date(2024, 5, 1)

    def __repr__(self) -> str:
        return self.feed

    def path_of(self, day: dt.date) -> str:
        return day.strftime(self.path)

    @property
    def first_us(self) -> int:
        """When the day of the made file begins."""
        return us_of(dt.datetime.combine(self.day, dt.time(), self.zone))

    @property
    def apart_us(self) -> int:
        """How far apart rows are at least, unless they are of the same time: bars by their interval."""
        return max(self.step_us, MINUTES.get(str(self.constant.get("interval")), 0) * MINUTE_US)

    def complete(self, row: Row, time_us: int) -> Row:
        """A row with its times and what is constant."""
        late = 2000 if self.received else 0
        return {**self.constant, "timestamp": time_us, "local_timestamp": time_us + late, **row}

    def plain_rows(self, count: int = 48, shift_us: int = 0) -> list[Row]:
        """Rows over the whole day, evenly; of bars longer than that would be over as many days as they need."""
        step = max(24 * HOUR_US // count // self.step_us * self.step_us, self.apart_us)
        return [self.complete(self.plain(n), self.first_us + n * step + shift_us) for n in range(count)]

    def written(self, rows: Sequence[Row]) -> list[list[str]]:
        """Lines of cells, without the header."""
        return [list(self.cells(row)) for row in rows for _ in range(self.repeats)]

    def file(self, lines: Sequence[Sequence[str]], header: Sequence[str] | None = None) -> bytes:
        """The bytes of a file with these cells."""
        names = [self.columns if header is None else header] if self.has_header else []
        text = "".join(self.separator.join(line) + self.line_end for line in [*names, *lines])
        return (text + self.trailer).encode(self.encoding)

    def take(self, path: str, data: bytes) -> Taken:
        """Bring a file in."""
        return take((path, data))

    def any_rows(self) -> st.SearchStrategy[list[Row]]:
        """Rows of the day with any values, in the order of time."""
        ticks = st.integers(0, max((24 * HOUR_US - HOUR_US) // self.apart_us - 1, 0))
        one = st.tuples(ticks, self.rows)
        several = st.lists(one, min_size=1, max_size=30)
        return several.map(lambda made: self._in_order(sorted(made, key=lambda pair: pair[0])))

    def _in_order(self, made: Sequence[tuple[int, Row]]) -> list[Row]:
        return [self.complete(row, self.first_us + tick * self.apart_us) for tick, row in made]


def _as_held(value: object) -> object:
    if isinstance(value, list):
        return [_as_held(one) for one in value]
    return float(value) if isinstance(value, Decimal) else value


def expected(rows: Sequence[Row]) -> list[Row]:
    """Rows as silver holds them."""
    return [{name: _as_held(value) for name, value in row.items() if value is not None} for row in rows]


def decimals(low: str = "0.00000001", high: str = "1000000", places: int = 8) -> st.SearchStrategy[Decimal]:
    """Numbers as vendors write them."""
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False, allow_infinity=False)


def check_round_trip(form: Form, rows: Sequence[Row]) -> None:
    """Write rows as the vendor does, bring them in, and compare."""
    taken = form.take(form.path_of(form.day), form.file(form.written(rows)))
    assert feed_of(form.path_of(form.day)) == form.feed
    assert taken.is_success, taken.said
    assert taken.aside.is_empty()
    if form.repeats > 1:
        rows = list({tuple(form.cells(row)): row for row in rows}.values())
    assert taken.rows() == expected(rows)


# ---- what may go wrong with a file


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A file with something wrong, and what must be said of it (a regular expression)."""

    path: str
    data: bytes
    says: str


def _next(day: dt.date, span: str) -> dt.date:
    days = {"day": 1, "month": 32, "year": 366}[span]
    later = day + dt.timedelta(days=days)
    return later.replace(day=1) if span == "month" else later


def _day_off(form: Form) -> Broken | None:
    if form.span == "none":
        return None
    path = form.path_of(_next(form.day, form.span))
    return Broken(path=path, data=form.file(form.written(form.plain_rows())), says="outside_day")


def _names_swapped(form: Form) -> Broken | None:
    if not form.has_header or len(form.columns) < 2:
        return None
    first, second = form.columns[-2:]
    data = form.file(form.written(form.plain_rows()), [*form.columns[:-2], second, first])
    return Broken(path=form.path_of(form.day), data=data, says="another order")


def _column_more(form: Form) -> Broken | None:
    lines = [[*line, "7"] for line in form.written(form.plain_rows())]
    says = "it has surprise, which no description" if form.has_header else r"first line has \d+ cells"
    return Broken(path=form.path_of(form.day), data=form.file(lines, [*form.columns, "surprise"]), says=says)


def _column_less(form: Form) -> Broken | None:
    at = 1
    lines = [[*line[:at], *line[at + 1 :]] for line in form.written(form.plain_rows())]
    data = form.file(lines, [*form.columns[:at], *form.columns[at + 1 :]])
    return Broken(
        path=form.path_of(form.day), data=data, says="lacks" if form.has_header else r"first line has \d+ cells"
    )


def _ragged(form: Form) -> Broken | None:
    lines = form.written(form.plain_rows())
    for line in lines[-form.repeats :]:
        line.pop()
    return Broken(path=form.path_of(form.day), data=form.file(lines), says="ragged")


def _wrong_unit_everywhere(form: Form) -> Broken | None:
    lines = form.written(form.plain_rows())
    at = form.columns.index(form.time[-1])
    for line in lines:
        line[at] = form.wrong_unit(line[at])
    names = ["timestamp", "local_timestamp", *form.time, *(name.partition("/")[0] for name in form.time)]
    columns = "|".join(map(re.escape, names))
    return Broken(
        path=form.path_of(form.day),
        data=form.file(lines),
        says=rf"(unparseable|implausible_time|outside_day) \(({columns})\)",
    )


def _unknown_word(form: Form) -> Broken | None:
    lines = form.written(form.plain_rows())
    for line in lines[5 * form.repeats : 6 * form.repeats]:
        line[form.columns.index(form.word)] = "perhaps"
    return Broken(path=form.path_of(form.day), data=form.file(lines), says=r"(unknown_value|unparseable).*perhaps")


def _zone_off(form: Form) -> Broken | None:
    if form.span != "day":
        return None  # most rows of a month are in it whatever the zone
    data = form.file(form.written(form.plain_rows(shift_us=9 * HOUR_US)))
    return Broken(path=form.path_of(form.day), data=data, says="outside_day")


def _blank_first(form: Form) -> Broken | None:
    data = form.line_end.encode(form.encoding) + form.file(form.written(form.plain_rows()))
    return Broken(path=form.path_of(form.day), data=data, says="its first line is blank")


def _other_symbol(form: Form) -> Broken | None:
    path, lines = form.path_of(form.day), form.written(form.plain_rows())
    for at, cell in enumerate(lines[0]):
        is_named = re.search(rf"(?:^|[/_]){re.escape(cell)}(?:[-_./]|$)", path) and re.fullmatch("[A-Z0-9-]{5,}", cell)
        if is_named and not cell.isdigit() and {line[at] for line in lines} == {cell}:
            for line in lines[: len(lines) // 10]:
                line[at] = f"XYZ{cell[3:]}"
            return Broken(path=path, data=form.file(lines), says="other_symbol")
    return None


MUTATIONS: dict[str, Callable[[Form], Broken | None]] = {
    "a day off": _day_off,
    "two names swapped": _names_swapped,
    "a column more": _column_more,
    "a column less": _column_less,
    "ragged last row": _ragged,
    "a wrong unit": _wrong_unit_everywhere,
    "an unknown word": _unknown_word,
    "a zone off": _zone_off,
    "a blank line first": _blank_first,
    "rows of another symbol": _other_symbol,
}


def broken(form: Form, mutation: str) -> Broken | None:
    """The made file with something wrong; None where the feed has no such thing, or no content can show it."""
    made = None if mutation in form.unproved else MUTATIONS[mutation](form)
    return replace(made, says=form.said[mutation]) if made is not None and mutation in form.said else made
