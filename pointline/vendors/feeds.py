"""All feeds that a lake knows: which of them a path is of, and what the path says of the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from pointline.parse.feed import Feed, own_columns
from pointline.parse.rules import PLAUSIBLE_US, Belonging
from pointline.tables.schema import EventTable
from pointline.vendors.describe import Description, Vendor
from pointline.vendors.path_template import Match, PathTemplate, Span
from pointline.vendors.targets import PLACE
from pointline.vendors.values import zone_of

EVERY_SYMBOL = "ALL"
"""The symbol of a file that holds those of a whole market."""
FOLDERS = 4096
"""Folders of which is remembered what may be in them."""
Candidate: TypeAlias = tuple[Description, tuple[PathTemplate, ...]]
NO_DATE = dt.date(1970, 1, 1)
"""The date of a file whose path names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
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
        series = [_filled(mapped.get(name), self.says) for name in self.description.feed.table.series]
        return " ".join([self.description.feed.name, *filter(None, series)])

    @property
    def is_group(self) -> bool:
        """The file holds many symbols."""
        return self.symbol == EVERY_SYMBOL


class Feeds:
    """The feeds of a lake. ``shipped`` is asked for when the first path is met that nothing else reads."""

    def __init__(
        self,
        tables: Mapping[str, EventTable],
        own: Sequence[Vendor] = (),
        shipped: Callable[[], Sequence[Vendor]] = lambda: (),
    ) -> None:
        self.tables = {**tables, **{name: table for vendor in own for name, table in vendor.tables.items()}}
        self._own = [one for vendor in own for one in vendor.descriptions]
        self._own_vendors = tuple(own)
        self._read_shipped = shipped
        self._shipped: tuple[Vendor, ...] | None = None
        self._own_in = lru_cache(maxsize=FOLDERS)(lambda folder: _in_folder(self._own, folder))
        self._all_in = lru_cache(maxsize=FOLDERS)(lambda folder: _in_folder(self._all(), folder))

    @property
    def vendors(self) -> tuple[Vendor, ...]:
        """All vendors, the user's own first."""
        if self._shipped is None:
            self._shipped = tuple(self._read_shipped())
        return self._own_vendors + self._shipped

    def own_claims(self, path: str) -> list[Claim]:
        """Return what the user's own descriptions say of a path."""
        return _claims(self._own_in, path) if self._own else []

    def claims(self, path: str) -> list[Claim]:
        """Return what all descriptions say of a path; more than one is a contradiction."""
        return _claims(self._all_in, path)

    def _all(self) -> list[Description]:
        return [one for vendor in self.vendors for one in vendor.descriptions]

    def why_unread(self, path: str) -> tuple[str, str] | None:
        """Return what a file is that is known and not read, and what to do with it."""
        folder, _, name = path.rpartition("/")
        for vendor in self.vendors:
            for template, unread in vendor.unread:
                if template.match(folder, name) is not None:
                    return unread.what, unread.advice
        return None

    def feed(self, table: str, feed: str, vendor: str) -> Feed:
        """Return how a file of the ledger is read. Raises KeyError where no description has that feed any more."""
        if not feed:
            return own_columns(self.tables[table])
        name = feed.partition(" ")[0]
        for one in self.vendors:
            for description in one.descriptions if one.name == vendor else ():
                if description.feed.name == name:
                    return description.feed
        raise KeyError(f"{vendor}/{name}")

    def belonging(
        self, path: str, feed: str, *, exchange: str, symbol: str | None, date: dt.date, escalated: frozenset[str]
    ) -> Belonging:
        """Return what a file's path says of its rows. ``symbol``: None for a group."""
        if feed:
            name = feed.partition(" ")[0]
            claim = next((one for one in self.claims(path) if one.description.feed.name == name), None)
            if claim is not None:
                return Belonging(
                    exchange=exchange,
                    date=date,
                    symbol=symbol,
                    escalated=escalated,
                    period=claim.period,
                    says=claim.says,
                    zone=claim.description.text.day_zone,
                )
        return Belonging(exchange=exchange, date=date, symbol=symbol, escalated=escalated)


def _in_folder(descriptions: Sequence[Description], folder: str) -> tuple[Candidate, ...]:
    """Return what files in a folder may be: files come by the folder, and most descriptions are of others."""
    return tuple(
        (one, paths)
        for one in descriptions
        if not any(word in folder.lower() for word in one.text.not_in)
        and (paths := tuple(path for path in one.paths if path.holds(folder)))
    )


def _claims(candidates: Callable[[str], Sequence[Candidate]], path: str) -> list[Claim]:
    folder, _, name = path.rpartition("/")
    found = []
    for one, templates in candidates(folder):
        for template in templates:
            match = template.match(folder, name)
            if match is not None:
                found.append(_claim(one, match, template.span))
                break
    return found


def _claim(one: Description, found: Match, span: Span) -> Claim:
    says = {"span": "", **found.fields}
    spelled = found.fields.get("symbol", EVERY_SYMBOL)
    symbol = EVERY_SYMBOL if one.text.group else one.text.symbols.get(spelled, spelled)
    begins = found.begins
    return Claim(
        description=one,
        exchange=PLACE.sub(lambda place: says.get(place[1], ""), one.text.exchange),
        symbol=symbol,
        date=NO_DATE if begins is None else begins.date(),
        period=PLAUSIBLE_US if begins is None else _period(begins, span, one),
        says=says,
        problem=found.problem,
    )


def _period(begins: dt.datetime, span: Span, one: Description) -> tuple[int, int]:
    zone = zone_of(one.text.day_zone)
    match span:
        case Span.HOUR:
            ends = begins + dt.timedelta(hours=1)
        case Span.DAY:
            ends = begins + dt.timedelta(days=1)
        case Span.MONTH:
            ends = (begins.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        case _:
            ends = begins.replace(year=begins.year + 1)
    first, end = (int(moment.replace(tzinfo=zone).timestamp()) * 1_000_000 for moment in (begins, ends))
    return first, end + one.slack_us


def _filled(mapping: object, says: Mapping[str, str]) -> str:
    text = getattr(mapping, "value", "")
    return PLACE.sub(lambda place: says.get(place[1], ""), text) if isinstance(text, str) else ""
