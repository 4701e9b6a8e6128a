"""All feeds that a lake knows: which of them a path is of, and what the path says of the rows."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from msgspec.structs import replace

from pointline.errors import NotDescribed
from pointline.parse.feed import Beside, Feed, own_columns
from pointline.parse.rules import Belonging
from pointline.tables.schema import EventTable
from pointline.tables.spelling import EVERY_SYMBOL
from pointline.vendors.claim import Claim, Rank, claim_of, filled, name_of
from pointline.vendors.describe import Description, Vendor
from pointline.vendors.paths.copied import original_of
from pointline.vendors.paths.template import PathTemplate

FOLDERS = 4096
"""Folders of which is remembered what may be in them."""
PATHS = 8192
"""Paths of which is remembered what is said of them: more than are on their way at a time."""
Candidate: TypeAlias = tuple[Description, tuple[PathTemplate, ...]]


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
                    found.append(claim_of(one, match, template.span))
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
        values = {name: filled(mapping, claims[0].says) for name, mapping in maps.items() if name != "symbol"}
        return (claims[0].period, tuple(sorted((name, value) for name, value in values.items() if value)))

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
