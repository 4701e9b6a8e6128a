"""From a description as it is written to feeds that files are read by; all that makes no sense is named at once."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from pointline.parse.feed import Dialect, Feed, Header
from pointline.parse.text_path import FLAGS
from pointline.tables.schema import Column, EventTable, Kind
from pointline.vendors.contradictions import NAME, SLACK, contradictions
from pointline.vendors.decoded import beside_of, decoder_of
from pointline.vendors.drafts.undecided import MARK, undecided
from pointline.vendors.language import JSON, NO_TEXT, FeedText, Unread, VendorText
from pointline.vendors.misshapen import Misshapen, misshapen_maps, shaped, unknown_keys
from pointline.vendors.own_tables import own_tables
from pointline.vendors.paths.grammar import BadTemplate
from pointline.vendors.paths.member_name import member_pattern
from pointline.vendors.paths.template import PathTemplate
from pointline.vendors.targets.constants import PLACE
from pointline.vendors.targets.plan import Plan, plan
from pointline.vendors.targets.times import is_timed_by_path

SLACK_US = {"us": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
NOT_INHERITED = ("example", "decide", "note")
"""What a feed does not take over from the one that it is like."""


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
        feed = _as_feed(self.text, self.vendor, self.table, made)
        return feed if feed.member else replace(feed, member=member_pattern(self.paths, _fields_in_rows(self.text)))


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
    own, broken = own_tables(written_tables, tables, where, problems)
    found: list[Description] = []
    written: dict[str, dict[str, Any]] = {}
    for position, one in enumerate(feeds if isinstance(feeds, list) else [], 1):
        place = f"{where}: feed {one.get('name', position) if isinstance(one, dict) else position}"
        text = _read(one, place, written, problems)
        if text is not None and text.table not in broken:
            found += _feed(text, place, vendor, {**tables, **own}, problems, is_sound=is_sound)
    if not (feeds or written_tables or vendor.unread):
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
    unknown = unknown_keys(merged, FeedText)
    problems += [f"{place}: {one}" for one in unknown.values()]
    merged = {key: value for key, value in merged.items() if key not in unknown}
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
        near = difflib.get_close_matches(text.table, tables, n=1)
        others = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(tables))}."
        problems.append(
            f"{place}: there is no table {text.table!r}; {others} A table of your own begins with [[table]]"
        )
    paths = _templates(text.path, place, problems)
    if not paths:
        problems.append(f"{place}: it has no path")
    if table is not None and not is_sound:
        plan(text, table, _fields_of(paths), lambda problem: problems.append(f"{place}: {problem}"))
    if not is_sound:
        problems += [f"{place}: {problem}" for problem in contradictions(text, paths)]
    if table is None or len(problems) > before:
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
        where=_as_typed(text.where, made.columns),
        leave_out=_as_typed(text.leave_out, made.columns),
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


def _as_typed(words: Mapping[str, Sequence[str]], columns: Sequence[Column]) -> dict[str, tuple[str, ...]]:
    """Return values of cells as they are once they are typed: 1 of a number is 1.0, True of a flag is true."""
    kinds = {column.name: column.kind for column in columns}

    def typed(name: str, word: str) -> str:
        if kinds.get(name) is Kind.FLAG:
            return str(FLAGS[word]).lower() if word in FLAGS else word
        if kinds.get(name) not in (Kind.NUMBER, Kind.SECONDS, Kind.INTEGER):
            return word
        number = pl.Series([word]).cast(pl.Int64 if kinds[name] is Kind.INTEGER else pl.Float64, strict=False)
        return number.cast(pl.String).item() or word

    return {name: tuple(typed(name, word) for word in listed) for name, listed in words.items()}


def _fields_in_rows(text: FeedText) -> set[str]:
    """Return the fields of a path that rows depend on: ``symbol`` where they do not name theirs."""
    values = [text.exchange, *(one.value for one in text.map.values() if not isinstance(one, str))]
    symbol = text.map.get("symbol", "")
    names_it = bool(symbol) if isinstance(symbol, str) else not symbol.value
    return (set() if names_it else {"symbol"}) | {name for value in values for name in PLACE.findall(value)}


def _symbol_column(text: FeedText) -> str:
    """The source column of the symbol, where the path names it for files without that column."""
    mapping = text.map.get("symbol", "")
    if isinstance(mapping, str) or not mapping.value or not isinstance(mapping.from_, str):
        return ""
    return mapping.from_


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
