"""Which market-data file a path in bronze names. Pure string work: nothing here touches a disk.

Read at any depth:

1. the configured patterns: regular expressions with the groups ``exchange, data_type, date, symbol``
2. hive: ``…/exchange=X/type=T/date=D/symbol=S/<any>``, the keys in any order, the values percent-decoded
3. the Tardis client's default name: ``{exchange}_{data_type}_{YYYY-MM-DD}_{symbol}`` in any folder
4. the Tardis URL: ``…/{exchange}/{data_type}/{yyyy}/{mm}/{dd}/{symbol}``

Instruments (``type=instruments``), which tell of all symbols of an exchange, need no ``symbol=`` and may be JSON.

The first of them that reads is what the path says, and every other one must agree with it: a file whose folder and name
contradict each other is refused. Exchange ids are in lower case, as Tardis spells them; data types are exact.

A name that fits none of them is foreign. A name that fits one but cannot be right is refused with a reason, so that
its owner hears of it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from pointline.io.bronze.paths.names import compile_patterns, name_filter
from pointline.io.bronze.paths.path_reading import Reading, contradiction, read_date
from pointline.io.bronze.paths.tardis import DEFAULT_VENDOR, FILE_NAME, Folder, TardisLayouts
from pointline.io.translate import with_place
from pointline.settings import DEFAULT_IGNORE
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.unknown import near_names
from pointline.vendors.claim import Claim
from pointline.vendors.feeds import Feeds

ENDING = re.compile(r"\.(?:(?:csv|json)(?:\.gz|\.zst)?|parquet)\Z", re.IGNORECASE)
JSON_ENDING = re.compile(r"\.json(?:\.gz|\.zst)?\Z", re.IGNORECASE)
ALL_SYMBOLS = "ALL"
_FOLDER_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""An exchange id names a folder in silver and a partition value, which other engines must be able to read."""
UNKNOWN = "unknown"
"""What a path is of that cannot be judged."""


class Recognised(NamedTuple):
    """The market data a path names; fields as spelled in the path. A tuple, because a lake has a million of them."""

    exchange: str
    data_type: str
    symbol: str
    date: dt.date
    vendor: str = DEFAULT_VENDOR
    feed: str = ""
    receive_clock: bool = True
    is_one_day: bool = True
    names_symbol: bool = True
    is_timed_by_path: bool = False


class Refused(NamedTuple):
    """A path that claims to be market data and cannot be; ``reason`` is for the person who named it."""

    exchange: str
    data_type: str
    symbol: str
    date: dt.date | None
    reason: str
    vendor: str = DEFAULT_VENDOR
    feed: str = ""
    receive_clock: bool = True
    is_one_day: bool = True
    names_symbol: bool = True
    is_timed_by_path: bool = False


class Layout:
    """Recognises paths relative to bronze, in POSIX style.

    ``ignore`` holds globs for single path components (a file's name or any folder above it), without regard to case.
    ``known_types`` are the data types that have a table; ``None`` takes every type.
    Raises ``ConfigurationError`` with every pattern that cannot be used.
    """

    def __init__(
        self,
        patterns: Sequence[str] = (),
        ignore: Sequence[str] = DEFAULT_IGNORE,
        known_types: Collection[str] | None = None,
        feeds: Feeds | None = None,
    ) -> None:
        compiled = compile_patterns(patterns, ignore)
        self.ignore = tuple(ignore)
        self.ignores = name_filter(ignore)
        """Whether one path component is a name to stay away from, such as a download in progress."""
        self._known_types = None if known_types is None else frozenset(known_types)
        self._tardis = TardisLayouts(compiled, self.ignores, self._knows_type)
        self.feeds = feeds or Feeds({})

    def recognise(self, path: str) -> Recognised | Refused | None:
        """``None`` for a path that is foreign or ignored."""
        try:
            return self._judged(path)
        except MemoryError:
            raise  # it is no fault of the name
        except Exception as error:  # noqa: BLE001 - one path's boundary: no name ends the daemon
            what = f"its path cannot be judged, {with_place(error)}"
            return Refused(
                UNKNOWN, UNKNOWN, UNKNOWN, None, f"{what}; this is a fault of pointline: report it, with the path"
            )

    def _judged(self, path: str) -> Recognised | Refused | None:
        folder_path, _, name = path.rpartition("/")
        if self.ignores(name):
            return None
        folder = self._tardis.folder(folder_path)
        if folder.ignored:
            return None
        own = self.feeds.own_claims(path)
        found = self._recognise(path, folder, name)
        is_guess = isinstance(found, Refused) and self._is_guess(found, folder_path)
        if found is None or (is_guess and (own or self.feeds.why_unread(path) is not None)):
            return self._claimed(self.feeds.claims(path))
        if not own:
            return found
        others = " and ".join(sorted(one.description.name for one in own))
        reason = (
            f"{others} claims it, and so does the layout of {found.vendor}: change its path in vendors/ or rename it"
        )
        return Refused(found.exchange, found.data_type, found.symbol, found.date, reason, found.vendor)

    def _knows_type(self, data_type: str) -> bool:
        return self._known_types is None or data_type in self._known_types

    def _is_guess(self, found: Refused, folder: str) -> bool:
        """Tell whether nothing but its name says that a file is of a layout, and names a kind that is not known."""
        return not self._knows_type(found.data_type) and "=" not in folder

    def _claimed(self, claims: Sequence[Claim]) -> Recognised | Refused | None:
        """What descriptions say of a path, where there is one that does, and no other."""
        if not claims:
            return None
        one = claims[0]
        table = one.description.table.name
        names = [claim.description.name for claim in claims]
        problem = one.problem
        if len(claims) > 1:
            problem = f"the descriptions {' and '.join(names)} both claim it: {self._way_out(claims)}"
        elif _FOLDER_WORD.fullmatch(one.exchange) is None:
            problem = f"{one.exchange!r} is not an exchange id"
        feed = one.description.feed
        said = (one.exchange, table, one.symbol, one.date)
        facts = (feed.has_receive_clock, one.is_one_day, feed.names_symbol, feed.is_timed_by_path)
        if problem:
            return Refused(*said, problem, feed.vendor, one.feed, *facts)
        return Recognised(*said, feed.vendor, one.feed, *facts)

    def _way_out(self, claims: Sequence[Claim]) -> str:
        own = {vendor.name for vendor in self.feeds.own}
        shipped = [claim.description.vendor for claim in claims if claim.description.vendor not in own]
        if len(shipped) in {0, len(claims)}:
            return "change the path of one of them"
        vendor = shipped[0]
        instead = f"name its vendor {vendor!r}: it then takes the place of all feeds of {vendor}"
        return f"change the path of your own, or {instead}"

    def _recognise(self, path: str, folder: Folder, name: str) -> Recognised | Refused | None:
        """What the layouts of Tardis, and patterns, say of a path."""
        ending = ENDING.search(name)
        if ending is None:
            return None
        readings = self._tardis.readings(path, folder, name[: ending.start()])
        if not readings or (JSON_ENDING.search(name) and readings[0].data_type != INSTRUMENTS):
            return None
        first = readings[0]
        clash = folder.clash or (contradiction(first, readings[1:]) if len(readings) > 1 else None)
        return self._judge(first, clash, folder.vendor if first is folder.hive else DEFAULT_VENDOR)

    def _judge(self, said: Reading, clash: str | None, vendor: str) -> Recognised | Refused:
        date = read_date(said.date_text)
        exchange = said.exchange.lower()
        symbol = said.symbol or ALL_SYMBOLS
        unknown = not self._knows_type(said.data_type)
        plain = _FOLDER_WORD.fullmatch(exchange) is not None
        if date is not None and not unknown and plain and clash is None:
            return Recognised(exchange, said.data_type, symbol, date, vendor)
        reasons = [clash] if clash else []
        if date is None:
            reasons.append(f"the date {said.date_text!r} does not exist: rename the file or folder to the right day")
        if not plain:
            rule = "at most 64 letters, digits, '.', '-', '_'"
            reasons.append(f"{said.exchange!r} is not an exchange id ({rule}): rename the file or folder")
        if unknown:
            known = sorted(self._known_types or ())
            near = near_names(said.data_type, known)
            listed = f"{', '.join(near)} (`pointline help tables` has all)" if near else ", ".join(known)
            what = "the file" if said.said_by == FILE_NAME else "the folder"
            remedy = f"rename {what} if it is one of {listed}, else keep it outside bronze"
            if said.data_type.lower() in {one.lower() for one in known}:
                remedy = f"rename {what}, it is written {near[0]}"
            reasons.append(f"there is no table for data type {said.data_type!r}: {remedy}")
        return Refused(exchange, said.data_type, symbol, date, "; ".join(reasons), vendor)
