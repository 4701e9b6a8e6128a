"""Step 2 of the ingest: a worker turns a group of bronze files into parts that are not visible yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pointline.errors import NotDescribed
from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.tables import EventTableRepository
from pointline.services.files.claims import Claims
from pointline.services.ingest.batch import Group, Loaded
from pointline.services.loading.days import MOST_OPEN
from pointline.services.loading.group_load import refused
from pointline.services.loading.rows_load import RowsLoad
from pointline.services.symbols.load import SymbolsLoad
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.vendors.feeds import Feeds


class Loader:
    """Loads groups. One instance serves all worker threads."""

    def __init__(
        self,
        *,
        feeds: Feeds,
        repositories: Mapping[str, EventTableRepository],
        reader: BronzeReader,
        claims: Claims,
        checks: Mapping[str, str],
        groups: Collection[str] = (),
        max_quarantined_share: float = 0.2,
        most_open: int = MOST_OPEN,
    ) -> None:
        """``most_open``: how many data files one file, or a pack of small ones, writes at a time."""
        self._most_open = most_open
        self._feeds = feeds
        self._repositories = repositories
        self._reader = reader
        self._claims = claims
        self._checks = checks
        self._groups = groups
        self._max_quarantined_share = max_quarantined_share

    def load(self, group: Group) -> Loaded:
        """Read, type, check and write a group. Trouble with a file stays with that file.

        Raises DiskFull, StorageTrouble when parts cannot be written; parts already written are removed then.
        """
        if group.table == INSTRUMENTS:
            share = self._max_quarantined_share
            load = SymbolsLoad(group, reader=self._reader, claims=self._claims, max_quarantined_share=share)
            return load.run()
        feeds = self._feeds.snapshot()
        meta = group.entries[0].meta
        try:
            feed = feeds.feed(group.table, meta.feed, meta.vendor)
        except NotDescribed as error:
            return refused(group, error)
        return RowsLoad(
            group,
            feeds=feeds,
            feed=feed,
            repository=self._repositories[group.table],
            reader=self._reader,
            claims=self._claims,
            checks=self._checks,
            groups=self._groups,
            max_quarantined_share=self._max_quarantined_share,
            most_open=self._most_open,
        ).run()
