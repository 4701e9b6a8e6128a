"""Files that left days to the ones that are decided over: rows that the lake could have of them, and has not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import polars as pl

from pointline.services.files.place.overlap import Day
from pointline.services.files.regained import all_days_left, heirs_of
from pointline.services.files.silver_facts import SilverFacts
from pointline.tables.spelling import holds_many, symbol_key


class Absent(NamedTuple):
    """A file of one symbol (a key) that is in the lake without the ``rows`` that it has of a day."""

    file_id: int
    path: str
    feed: str
    symbol: str
    rows: int


class DaysLeft:
    """Of one batch; the ledger is asked once, where it comes to that."""

    def __init__(self, facts: SilverFacts, ledger: pl.DataFrame, groups: Collection[str]) -> None:
        self._facts = facts
        self._ledger = ledger
        self._groups = groups

    def to(self, file_ids: Collection[int], day: Day) -> Sequence[Absent]:
        """Return the files that left a day to one of these, or to one that it took the place of, and are in bronze."""
        found = [one for by, on, one in self._all if by in file_ids and on == day]
        return [one for one in found if self._facts.is_in_bronze(one.file_id)]

    @cached_property
    def _all(self) -> Sequence[tuple[int, Day, Absent]]:
        return list(self._told())

    def _told(self) -> Iterator[tuple[int, Day, Absent]]:
        names = [pl.col(name).cast(pl.String) for name in ("exchange", "data_type", "symbol", "feed")]
        thinned = self._facts.with_days_left().select("file_id", "bronze_file_path", *names, "warnings")
        left = list(all_days_left(thinned))
        heirs = heirs_of({by for _, by, _, _ in left}, self._ledger.lazy(), [])
        for row, by, date, count in left:
            if by in heirs and not holds_many(row["symbol"], row["feed"], self._groups):
                key, feed = symbol_key(row["symbol"]), row["feed"] or ""
                absent = Absent(row["file_id"], row["bronze_file_path"], feed, key, count)
                yield heirs[by]["file_id"], (row["exchange"], row["data_type"], str(date)), absent
