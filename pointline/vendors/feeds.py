"""All feeds that a lake knows: which of them a path is of, and what the path says of the rows."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from pointline.errors import NotDescribed
from pointline.parse.feed import Beside, Feed, own_columns
from pointline.parse.rules import PLAUSIBLE_US, Belonging
from pointline.tables.ingest_manifest import NO_DATE
from pointline.tables.schema import EventTable
from pointline.tables.spelling import EVERY_SYMBOL
from pointline.vendors.describe import Description, Vendor
from pointline.vendors.language import Mapping as MappingText
from pointline.vendors.paths.copied import original_of
from pointline.vendors.paths.template import PathTemplate
from pointline.vendors.paths.time_of_path import SPANS, Match, Span
from pointline.vendors.targets.constants import PLACE, constant_of
from pointline.vendors.values import zone_of

FOLDERS = 4096
"""Folders of which is remembered what may be in them."""
PATHS = 8192
"""Paths of which is remembered what is said of them: more than are on their way at a time."""
DATES = 4096
"""Dates whose first and last microsecond are remembered: files of many symbols have the same."""
Candidate: TypeAlias = tuple[Description, tuple[PathTemplate, ...]]


class Rank(NamedTuple):
    """Where a file stands among those that its feed publishes of the same rows."""

    place: int
    """0 is preferred to all others."""
    period: tuple[int, int]
    """First microsecond of the file's time and first one after it, since the epoch."""


class Claim(Struct, frozen=True, kw_only=True):
    """What a path says of its file by one description."""

    description: Description
    exchange: str
    symbol: str
    date: dt.date
    period: tuple[int, int]
    """First microsecond of the file's time and first one after it, since the epoch."""
    says: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def feed(self) -> str:
        """The feed as the ledger names it: with the series, such as ``um-klines 1m trade``, where a table has some."""
        mapped = self.description.text.map
        series = [_filled(mapped.get(name), self.says) for name in self.description.table.series]
        return " ".join([self.description.text.name, *filter(None, series)])

    @property
    def is_one_day(self) -> bool:
        """The rows are all of one UTC day, that of ``date``."""
        return Belonging(exchange="", date=self.date, period=self.period).is_one_day


def name_of(feed: str) -> str:
    """Return the name of a feed of the ledger, without its series."""
    return feed.partition(" ")[0]


def series_of(feed: str) -> str:
    """Return the series of a table that a feed of the ledger is of, such as ``1m trade``; mostly there is but one."""
    return feed.partition(" ")[2]


class _Index:
    """Descriptions by folders, and endings of names, that may hold their files: most files are of others.

    ``of`` are the user's own vendors at the time.
    """

    def __init__(self, of: tuple[Vendor, ...], vendors: Sequence[Vendor]) -> None:
        self.of = of
        self._descriptions = [one for vendor in vendors for one in vendor.descriptions]
        self._in_folder = lru_cache(maxsize=FOLDERS)(self._find)
        self.claims = lru_cache(maxsize=PATHS)(self._of_path)
        """What is said of a path: it is asked when the file is found, when it is begun and when it is read."""

    def _of_path(self, path: str) -> Sequence[Claim]:
        """Return what is said of a path; what its original is, where its name is that of a copy."""
        original = original_of(path)
        return (self._claims(original) if original else None) or self._claims(path)

    def _claims(self, path: str) -> Sequence[Claim]:
        folder, _, name = path.rpartition("/")
        found = []
        for one, templates in self._in_folder(folder, name.rpartition(".")[2].lower()):
            for template in templates:
                match = template.match(folder, name)
                if match is not None:
                    found.append(_claim(one, match, template.span))
                    break
        return found

    def _find(self, folder: str, ending: str) -> tuple[Candidate, ...]:
        return tuple(
            (one, paths)
            for one in self._descriptions
            if not any(word in folder.lower() for word in one.text.not_in)
            and (paths := tuple(path for path in one.paths if path.may_end(ending) and path.holds(folder)))
        )


class Feeds:
    """The feeds of a lake. ``shipped`` is asked for when the first path is met that nothing else reads."""

    def __init__(
        self,
        tables: Mapping[str, EventTable],
        own: Sequence[Vendor] = (),
        shipped: Callable[[], Sequence[Vendor]] = lambda: (),
    ) -> None:
        self._base = tables
        self.tables = {**tables, **{name: table for vendor in own for name, table in vendor.tables.items()}}
        self._own_vendors = tuple(own)
        self._read_shipped = shipped
        self._shipped: tuple[Vendor, ...] | None = None
        self._own_index: _Index | None = None
        self._index: _Index | None = None

    @property
    def own(self) -> tuple[Vendor, ...]:
        """The vendors of the lake's own descriptions."""
        return self._own_vendors

    @property
    def vendors(self) -> tuple[Vendor, ...]:
        """All vendors, the user's own first. One that ships gives way to the user's own of the same name."""
        if self._shipped is None:
            self._shipped = tuple(self._read_shipped())
        own = self._own_vendors
        names = {vendor.name for vendor in own}
        return (*own, *(vendor for vendor in self._shipped if vendor.name not in names))

    def with_own(self, own: Sequence[Vendor]) -> Feeds:
        """Return the feeds of a lake that has these descriptions of its own."""
        return Feeds(self._base, own, self._read_shipped)

    def snapshot(self) -> Feeds:
        """Return the feeds as they are now, for work that has to see the same ones from its beginning to its end."""
        return copy.copy(self)

    def replace_own(self, own: Sequence[Vendor]) -> None:
        """Take other descriptions of the user's own, of the same tables. Any thread may read meanwhile."""
        self._own_vendors = tuple(own)

    def own_claims(self, path: str) -> Sequence[Claim]:
        """Return what the user's own descriptions say of a path."""
        own, index = self._own_vendors, self._own_index
        if not own:
            return ()
        if index is None or index.of is not own:
            index = self._own_index = _Index(own, own)
        return index.claims(path)

    def claims(self, path: str) -> Sequence[Claim]:
        """Return what all descriptions say of a path; more than one is a contradiction."""
        own, index = self._own_vendors, self._index
        if index is None or index.of is not own:
            index = self._index = _Index(own, self.vendors)
        return index.claims(path)

    def said_by(self, path: str) -> tuple[object, ...]:
        """Return what a path says of its rows beside exchange, table, symbol and first day; see ``BronzeReader``."""
        claims = self.claims(path)
        if not claims:
            return ()
        maps = claims[0].description.text.map
        filled = {name: _filled(mapping, claims[0].says) for name, mapping in maps.items() if name != "symbol"}
        return (claims[0].period, tuple(sorted((name, value) for name, value in filled.items() if value)))

    def why_unread(self, path: str) -> tuple[str, str] | None:
        """Return what a file is that is known and not read, and what to do with it."""
        folder, _, name = path.rpartition("/")
        for vendor in self.vendors:
            for template, unread in vendor.unread:
                if template.match(folder, name) is not None:
                    return unread.what, unread.advice
        return None

    def read_with(self, path: str) -> str:
        """Return the path of the file whose lines would go on in this one; empty where there is no such feed."""
        folder, slash, name = path.rpartition("/")
        for one in (description for vendor in self.vendors for description in vendor.descriptions):
            for here, there in one.text.beside.items():
                first = name.replace(there, here)
                if first != name and any(template.match(folder, first) for template in one.paths):
                    return f"{folder}{slash}{first}"
        return ""

    def feed(self, table: str, feed: str, vendor: str) -> Feed:
        """Return how a file of the ledger is read. Raises NotDescribed where none has that feed."""
        if not feed and table in self.tables:
            return own_columns(self.tables[table])
        name = name_of(feed)
        for one in self.vendors:
            for description in one.descriptions if one.name == vendor else ():
                if description.text.name == name:
                    return description.feed
        what = f"of the vendor {vendor!r} has a feed {name!r}" if feed else f"has a table {table!r}"
        raise NotDescribed(
            f"no description {what} any more",
            hint="put its TOML file back into the lake's folder vendors; `pointline vendors list` shows what there is",
        )

    def rank(self, path: str, feed: str) -> Rank | None:
        """Return the place of a file in the order in which its feed prefers them; None where it has none."""
        if not feed:
            return None
        for claim in self.claims(path):
            order = claim.description.text.prefer
            if claim.feed == feed and claim.says["span"] in order:
                return Rank(order.index(claim.says["span"]), claim.period)
        return None

    def period(self, path: str, feed: str) -> tuple[int, int] | None:
        """Return the times, ``[first, end)``, that a path says its rows are of; None where it is not of the feed."""
        claims = self.claims(path) if feed else []
        return next((claim.period for claim in claims if claim.feed == feed), None)

    def beside(self, path: str, feed: str) -> Beside | None:
        """Return which file the lines of a file go on in; None where its feed has no such thing."""
        claims = [claim for claim in self.claims(path) if claim.description.text.name == name_of(feed)]
        return claims[0].description.feed.beside if claims else None

    def belonging(
        self, path: str, feed: str, *, exchange: str, symbol: str | None, date: dt.date, escalated: frozenset[str]
    ) -> Belonging:
        """Return what a file's path says of its rows. ``symbol``: None for a group."""
        plain = Belonging(exchange=exchange, date=date, symbol=symbol, escalated=escalated)
        name = name_of(feed)
        claims = self.claims(path) if feed else []
        claim = next((one for one in claims if one.description.text.name == name), None)
        if claim is None:
            return plain
        if claim.symbol == EVERY_SYMBOL:
            plain = replace(plain, symbol=None)
        return replace(plain, period=claim.period, says=claim.says, zone=claim.description.text.day_zone)


def _claim(one: Description, found: Match, span: Span) -> Claim:
    says = {"span": "", **found.fields}
    if says["span"] in SPANS.values() or (one.text.prefer and not says["span"] and found.last is None):
        says["span"] = SPANS.get(span, says["span"])
    maps = {name: mapping for name, mapping in one.text.map.items() if isinstance(mapping, MappingText)}
    odd = [
        f"{name} {PLACE.sub(lambda place: says.get(place[1], ''), mapping.value)!r}"
        for name, mapping in maps.items()
        if mapping.value and constant_of(mapping, says) is None
    ]
    spelled = found.fields.get("symbol")
    symbol = EVERY_SYMBOL if one.text.group or spelled is None else _symbol(one, spelled)
    begins = found.begins
    period = (
        PLAUSIBLE_US if begins is None else _period(begins, found.last or begins, span, one.text.day_zone, one.slack_us)
    )
    unknown = f"no description of it has the {odd[0]}: rename what is wrong" if odd else ""
    if symbol == EVERY_SYMBOL and not one.text.group and spelled is not None:
        unknown = f"{EVERY_SYMBOL} is no symbol: rename what is wrong"
    skipped = ""
    if period[0] >= period[1] - one.slack_us:
        skipped = f"there is no such hour in {one.text.day_zone}: clocks were put forward; rename what is wrong"
    return Claim(
        description=one,
        exchange=PLACE.sub(lambda place: says.get(place[1], ""), one.text.exchange).lower(),
        symbol=symbol,
        date=NO_DATE if begins is None else begins.date(),
        period=period,
        says=says,
        problem=found.problem or skipped or unknown,
    )


def _symbol(one: Description, spelled: str) -> str:
    """Return how the lake spells a symbol of a path."""
    if spelled in one.text.symbols:
        return one.text.symbols[spelled]
    symbol = spelled
    for dropped in one.text.symbol_drops:
        symbol = symbol.replace(dropped, "")
    return symbol or spelled


@lru_cache(maxsize=DATES)
def _period(begins: dt.datetime, last: dt.datetime, span: Span, day_zone: str, slack_us: int) -> tuple[int, int]:
    zone = zone_of(day_zone)
    match span:
        case Span.HOUR:
            ends = last + dt.timedelta(hours=1)
        case Span.DAY:
            ends = last + dt.timedelta(days=1)
        case Span.MONTH:
            ends = (last.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        case _:
            ends = last.replace(year=last.year + 1)
    first, end = (int(moment.replace(tzinfo=zone).timestamp()) * 1_000_000 for moment in (begins, ends))
    return first, end + slack_us


def _filled(mapping: object, says: Mapping[str, str]) -> str:
    return (constant_of(mapping, says) or "") if isinstance(mapping, MappingText) else ""
