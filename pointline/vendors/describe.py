"""From a description as it is written to feeds that files are read by; all that makes no sense is named at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from pointline.parse.feed import Dialect, Feed, Header
from pointline.tables import checks
from pointline.tables.schema import COMMON, Check, Column, EventTable, Kind, unheld_words
from pointline.vendors.decoded import beside_of, check_beside, check_decoder, column_lists, decoder_of
from pointline.vendors.language import JSON, NO_TEXT, FeedText, TableText, Unread, VendorText
from pointline.vendors.misshapen import Misshapen, misshapen_maps, shaped
from pointline.vendors.path_template import SPANS, BadTemplate, PathTemplate, Span
from pointline.vendors.targets.constants import PLACE
from pointline.vendors.targets.plan import Plan, plan
from pointline.vendors.targets.times import is_timed_by_path, needs_day
from pointline.vendors.undecided import MARK, undecided
from pointline.vendors.values import zone_of

EXCHANGE = re.compile(r"[a-z0-9][a-z0-9._-]*")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SLACK = re.compile(r"(\d+)(us|ms|s|m|h)")
SLACK_US = {"us": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
MOST_SKIPPED = 100
PARQUET = re.compile(r"[.{|]parquet[^/]*$", re.IGNORECASE)
PLAIN = 'a1,;|"\t\n'
NOT_INHERITED = ("example", "decide", "note")
"""What a feed does not take over from the one that it is like."""
CHECKS: dict[str, Callable[[Sequence[str]], Check]] = {
    "time_backwards": lambda _columns: checks.time_backwards(),
    "negative_latency": lambda _columns: checks.negative_latency(),
    "equal_rows": lambda columns: checks.equal_rows("symbol", "timestamp", *columns),
}
"""The checks that a table of the user's own may name, each made of its own columns."""


class Description(Struct, frozen=True, kw_only=True, dict=True):
    """One feed: how its paths are read, and how its files are parsed."""

    vendor: str
    table: EventTable
    text: FeedText
    paths: tuple[PathTemplate, ...]
    slack_us: int = 0
    title: str = ""

    @property
    def name(self) -> str:
        """Vendor and feed."""
        return f"{self.vendor}/{self.text.name}"

    @cached_property
    def feed(self) -> Feed:
        """How its files are parsed: worked out when the first of them comes, since most feeds have none in a lake."""
        made = plan(self.text, self.table, _fields_of(self.paths), _report_nothing)
        assert made is not None, f"the feed {self.name} was not checked"
        return _as_feed(self.text, self.vendor, self.table, made)


class Vendor(Struct, frozen=True, kw_only=True):
    """What one TOML file describes, and all that is wrong with it."""

    name: str
    where: str = ""
    """Its file: ``binance.toml`` for one that ships, ``vendors/mine.toml`` for a lake's own."""
    content: bytes = b""
    """The description as it is written."""
    title: str = ""
    url: str = ""
    descriptions: tuple[Description, ...] = ()
    tables: Mapping[str, EventTable] = field(default_factory=dict)
    unread: tuple[tuple[PathTemplate, Unread], ...] = ()
    problems: tuple[str, ...] = ()


def describe(content: bytes, where: str, tables: Mapping[str, EventTable], *, is_sound: bool = False) -> Vendor:
    """Return what a TOML file describes. ``where`` names it in problems; ``tables`` are those that there are.

    Of one that ``is_sound`` it is known that its feeds can be read: they are not worked out to be looked over.
    """
    problems: list[str] = []
    try:
        raw = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Vendor(name=where, where=where, problems=(f"{where}: {error}",))
    except RecursionError:
        return Vendor(name=where, where=where, problems=(f"{where}: its lists lie too deep in one another",))
    feeds, written_tables = raw.pop("feed", []), raw.pop("table", [])
    try:
        vendor = shaped(raw, VendorText)
    except Misshapen as error:
        return Vendor(name=where, where=where, problems=(f"{where}: {error}",))
    if vendor.vendor == MARK:
        problems.append(f"{where}: vendor is still to be decided: a short name, such as binance")
    elif not NAME.fullmatch(vendor.vendor):
        problems.append(f"{where}: vendor {vendor.vendor!r} is not made of letters, digits, '.', '_' and '-'")
    own, broken = _own_tables(written_tables, tables, where, problems)
    found: list[Description] = []
    written: dict[str, dict[str, Any]] = {}
    for position, one in enumerate(feeds if isinstance(feeds, list) else [], 1):
        place = f"{where}: feed {one.get('name', position) if isinstance(one, dict) else position}"
        text = _read(one, place, written, problems)
        if text is not None and text.table not in broken:
            found += _feed(text, place, vendor, {**tables, **own}, problems, is_sound=is_sound)
    if not feeds and not vendor.unread:
        problems.append(f"{where}: it describes no feed: add [[feed]]")
    unread = tuple((path, one) for one in vendor.unread for path in _templates(one.path, where, problems))
    problems += _clashes(found, where)
    return Vendor(
        name=vendor.vendor,
        where=where,
        content=content,
        title=vendor.title,
        url=vendor.url,
        descriptions=tuple(found),
        tables=own,
        unread=unread,
        problems=tuple(problems),
    )


def _read(raw: object, place: str, written: dict[str, dict[str, Any]], problems: list[str]) -> FeedText | None:
    """Return a feed as it is written, with what it takes over from the one that it is like."""
    if not isinstance(raw, dict):
        problems.append(f"{place}: write it as [[feed]]")
        return None
    like = raw.get("like", "")
    if not isinstance(like, str) or (like and like not in written):
        problems.append(f"{place}: there is no feed {like!r} before it to be like")
        return None
    base = {key: value for key, value in written.get(like, {}).items() if key not in NOT_INHERITED}
    if not isinstance(raw.get("map", {}), dict):
        problems.append(f"{place}: map: write it as [feed.map], with a line for each column")
        return None
    merged = {**base, **raw, "map": {**base.get("map", {}), **raw.get("map", {})}}
    written[str(raw.get("name", ""))] = merged
    if wrong := list(undecided(merged)) or misshapen_maps(merged["map"]):
        problems += [f"{place}: {one}" for one in wrong]
        return None
    try:
        return shaped(merged, FeedText)
    except Misshapen as error:
        problems.append(f"{place}: {error}")
        return None


def _feed(
    text: FeedText,
    place: str,
    vendor: VendorText,
    tables: Mapping[str, EventTable],
    problems: list[str],
    *,
    is_sound: bool,
) -> list[Description]:
    """Return the feed as it is described; none where something is wrong with it."""
    before = len(problems)
    table = tables.get(text.table)
    if table is None:
        problems.append(f"{place}: there is no table {text.table!r}; there are {', '.join(sorted(tables))}")
        return []
    paths = _templates(text.path, place, problems)
    if not paths:
        problems.append(f"{place}: it has no path")
    if not is_sound:
        plan(text, table, _fields_of(paths), lambda problem: problems.append(f"{place}: {problem}"))
        problems += [f"{place}: {problem}" for problem in _check(text, paths)]
    if len(problems) > before:
        return []
    slack = SLACK.fullmatch(text.day_slack)
    return [
        Description(
            vendor=vendor.vendor,
            table=table,
            text=text,
            paths=paths,
            slack_us=int(slack[1]) * SLACK_US[slack[2]] if slack else 0,
            title=vendor.title,
        )
    ]


def _report_nothing(problem: str) -> None:
    """Of a feed that was looked over nobody has to hear again."""


def _as_feed(text: FeedText, vendor: str, table: EventTable, made: Plan) -> Feed:
    feed = _feed_of(text, vendor, table, made)
    return feed if made.whole is None else replace(feed, whole=_feed_of(text, vendor, table, made.whole))


def _feed_of(text: FeedText, vendor: str, table: EventTable, made: Plan) -> Feed:
    return Feed(
        vendor=vendor,
        name=text.name,
        table=table,
        columns=made.columns,
        headers=made.headers,
        header=Header(text.header),
        aliases=text.aliases,
        note=text.note,
        targets=made.targets,
        by_local_clock=made.by_local_clock,
        dialect=Dialect(
            separator=text.separator,
            is_quoted=text.quote or text.decoder == JSON,
            is_trimmed=text.trim,
            skip=text.skip,
            has_decimal_comma=text.decimal == ",",
            trailer=text.trailer,
            encoding=text.encoding,
            header_cut=text.header_cut,
            is_decoded=text.decoder == JSON,
        ),
        beside=beside_of(text),
        json_lines=decoder_of(text, {*text.where, *(column.name for column in made.columns)}),
        where={name: tuple(values) for name, values in text.where.items()},
        leave_out={name: tuple(values) for name, values in text.leave_out.items()},
        companion=text.companion,
        member=text.member,
        decoder=text.decoder if text.decoder in NO_TEXT else "",
        is_timed_by_path=is_timed_by_path(text),
        is_sorted=text.sorted,
        has_steps=text.steps,
        is_distinct=text.distinct,
        has_receive_clock="local_timestamp" in text.map,
        names_symbol="symbol" in text.map,
        symbol_column=_symbol_column(text),
    )


def _symbol_column(text: FeedText) -> str:
    """The source column of the symbol, where the path names it for files without that column."""
    mapping = text.map.get("symbol", "")
    if isinstance(mapping, str) or not mapping.value or not isinstance(mapping.from_, str):
        return ""
    return mapping.from_


def _check_encoding(encoding: str) -> Iterator[str]:
    """Separators and digits have to be the bytes that they are in ASCII."""
    try:
        is_read = PLAIN.encode(encoding) == PLAIN.encode()
    except (LookupError, UnicodeError):
        is_read = False
    if not is_read:
        yield f"encoding: {encoding!r} is not known, or writes ASCII otherwise; write utf-8, gbk or latin-1, say"


def _check(text: FeedText, paths: Sequence[PathTemplate]) -> Iterator[str]:
    yield from _check_names(text)
    yield from check_decoder(text)
    yield from _check_encoding(text.encoding)
    yield from check_beside(text)
    try:
        zone_of(text.day_zone)
    except ValueError as error:
        yield f"day_zone: {error}"
    if text.day_slack and not SLACK.fullmatch(text.day_slack):
        yield f"day_slack {text.day_slack!r} is not a time such as 500ms, 1s, 5m"
    yield from _check_lines(text, paths)
    if not text.exchange and "exchange" not in text.map:
        yield "it names no exchange"
    if text.exchange and not EXCHANGE.fullmatch(PLACE.sub("x", text.exchange)):
        yield (
            f"exchange {text.exchange!r} is no id: small letters, digits, '.', '_' and '-', such as binance-futures; "
            "any such word is right where Tardis has none"
        )
    if text.companion and not {"{name}", "{stem}"} & set(re.findall(r"\{[a-z]*\}", text.companion)):
        yield f"companion {text.companion!r} names one file for all: write {{name}} or {{stem}} in it"
    if text.prefer and not any("span" in path.fields or SPANS.get(path.span) in text.prefer for path in paths):
        yield "prefer orders the values of a field {span}, or daily, monthly and yearly files: no path is of any"
    for path in paths:
        if "symbol" not in path.fields and not text.group and "symbol" not in text.map:
            yield f"{path.text!r} has no {{symbol}}, nor do the rows name one: say group = true, or map symbol"
    yield from _check_times(text, paths)


def _check_lines(text: FeedText, paths: Sequence[PathTemplate]) -> Iterator[str]:
    """How lines are found and cut into cells."""
    if len(text.separator) != 1 or text.separator in '"\r\n':
        yield f"separator {text.separator!r} is not one character that may stand between cells"
    if text.decimal == text.separator and not text.quote:
        yield "decimal: a comma cannot be both in numbers and between cells that no quotes protect"
    if not 0 <= text.skip <= MOST_SKIPPED:
        yield f"skip is {text.skip}: it is the number of lines before the header, or the first row: 0 to {MOST_SKIPPED}"
    all_of_lines = {"skip": text.skip, "header_cut": text.header_cut, "decimal": text.decimal != "."}
    of_lines = [name for name, said in all_of_lines.items() if said]
    if of_lines and (odd := [one.text for one in paths if PARQUET.search(one.text)]):
        yield f"{of_lines[0]} is of lines of text, and {odd[0]!r} is of Parquet: give it a feed of its own"


def _check_times(text: FeedText, paths: Sequence[PathTemplate]) -> Iterator[str]:
    """A time without a date needs a path that names the day."""
    dayless = [path.text for path in paths if path.span not in (Span.DAY, Span.HOUR) or path.has_last]
    for name, one in text.map.items():
        if dayless and not isinstance(one, str) and needs_day(one):
            yield f"map.{name}: the time has no date, and {dayless[0]!r} names no single day"
    timeless = [path.text for path in paths if path.span is Span.NONE]
    if timeless and is_timed_by_path(text):
        yield f"a time since start counts from the time of the path, and {timeless[0]!r} names none"


def _check_names(text: FeedText) -> Iterator[str]:
    if text.steps and "interval" not in text.map:
        yield "steps are those of bars: map interval"
    try:
        re.compile(text.member)
    except re.error as error:
        yield f"member {text.member!r} is not a pattern: {error}"
    if not NAME.fullmatch(text.name):
        yield f"its name {text.name!r} is not made of letters, digits, '.', '_' and '-'"
    if text.header != "required" and (alike := _alike(column_lists(text))):
        yield (
            f"columns has two lists of {alike} names, and a file without a header says by their number which it is: "
            "give the feed of one of them a path of its own"
        )
    for names in column_lists(text):
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            yield f"columns names {', '.join(twice)} twice: each column needs a name of its own"


def _alike(lists: Sequence[Sequence[str]]) -> int:
    """Return how many names two lists have; 0 where no two have as many."""
    lengths = [len(names) for names in lists]
    return next((length for length in lengths if lengths.count(length) > 1), 0)


def _templates(paths: str | Sequence[str], place: str, problems: list[str]) -> tuple[PathTemplate, ...]:
    found = []
    for text in [paths] if isinstance(paths, str) else paths:
        try:
            found.append(PathTemplate(text))
        except BadTemplate as error:
            problems.append(f"{place}: {error}")
    return tuple(found)


def _fields_of(paths: Sequence[PathTemplate]) -> tuple[str, ...]:
    """The fields that every path has."""
    return tuple(sorted(set.intersection(*(set(path.fields) for path in paths)))) if paths else ()


def _own_tables(
    written: object, tables: Mapping[str, EventTable], where: str, problems: list[str]
) -> tuple[dict[str, EventTable], set[str]]:
    """Return the tables of the user's own by name, and the names of those in which something is wrong."""
    own: dict[str, EventTable] = {}
    broken: set[str] = set()
    for number, raw in enumerate(written if isinstance(written, list) else [written], 1):
        name = str(raw.get("name", "") if isinstance(raw, dict) else "")
        try:
            made = _table(shaped(raw, TableText), tables, where, problems)
        except Misshapen as error:
            problems.append(f"{where}: table {name or number}: {error}")
            made = None
        if made is None:
            broken.add(name)
        else:
            own[made.name] = made
    return own, broken - tables.keys()


def _table(text: TableText, tables: Mapping[str, EventTable], where: str, problems: list[str]) -> EventTable | None:
    place = f"{where}: table {text.name}"
    before = len(problems)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", text.name):
        problems.append(f"{place}: a name is small letters, digits and _, a letter first")
    if text.name in tables:
        problems.append(f"{place}: there is a table of this name already")
    common = {column.name for column in COMMON} | {"date", "file_id", "file_seq"}
    names = [column.name for column in text.columns]
    problems += [f"{place}: every table has a column {name} already" for name in names if name in common]
    problems += [f"{place}: it has {name} twice" for name in sorted({name for name in names if names.count(name) > 1})]
    problems += [
        f"{place}: there is no check {name!r}; there are {', '.join(CHECKS)}"
        for name in text.checks
        if name not in CHECKS
    ]
    problems += [f"{place}: it has no column {name!r} to be a series of" for name in text.series if name not in names]
    problems += [
        f"{place}: {one.name} is a choice without choices"
        for one in text.columns
        if one.kind == "choice" and not one.choices
    ]
    problems += [
        f"{place}: {one.name}: {odd[0]!r} is not a word that a cell can hold"
        for one in text.columns
        if (odd := unheld_words(one.choices))
    ]
    if len(problems) > before:
        return None
    own = tuple(
        Column(name=one.name, kind=Kind(one.kind), required=one.required, choices=tuple(one.choices))
        for one in text.columns
    )
    return EventTable(
        name=text.name,
        columns=(*COMMON, *own),
        checks=tuple(CHECKS[name]([column.name for column in own]) for name in text.checks),
        series=tuple(text.series),
    )


def _clashes(found: Sequence[Description], where: str) -> Iterator[str]:
    seen: dict[str, str] = {}
    for one in found:
        for path in one.paths:
            other = seen.setdefault(path.text, one.text.name)
            if other != one.text.name:
                yield f"{where}: feeds {other} and {one.text.name} both claim {path.text!r}"
    names = [one.text.name for one in found]
    yield from (
        f"{where}: there are two feeds {name}" for name in sorted({one for one in names if names.count(one) > 1})
    )
