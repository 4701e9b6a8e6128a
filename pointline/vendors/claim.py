"""What the path of a file says of it, by one description: exchange, symbol, and the time that its rows are of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct, field

from pointline.parse.rules import PLAUSIBLE_US, Belonging
from pointline.tables.ingest_manifest import NO_DATE
from pointline.tables.spelling import EVERY_SYMBOL
from pointline.vendors.describe import Description
from pointline.vendors.language import Mapping as MappingText
from pointline.vendors.paths.time_of_path import SPANS, Match, Span
from pointline.vendors.targets.constants import PLACE, constant_of
from pointline.vendors.values import zone_of

DATES = 4096
"""Dates whose first and last microsecond are remembered: files of many symbols have the same."""


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
        series = [filled(mapped.get(name), self.says) for name in self.description.table.series]
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


def claim_of(one: Description, found: Match, span: Span) -> Claim:
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


def filled(mapping: object, says: Mapping[str, str]) -> str:
    return (constant_of(mapping, says) or "") if isinstance(mapping, MappingText) else ""
