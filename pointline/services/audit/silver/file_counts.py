"""How many rows the tables hold of each file, kept in some twenty bytes a file and partition."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from pointline.services.audit.ledger.pieces import Pieces
from pointline.services.audit.silver.row_counts import COUNTS

PLACE = dict.fromkeys(("table", "exchange", "date"), pl.String())


class FileCounts:
    """``COUNTS`` of every partition, taken in the order of the ledger's runs."""

    def __init__(self) -> None:
        self._places: list[tuple[str, str, str]] = []
        self._counts = Pieces({**COUNTS, "place": pl.Int64()}, by="file_id")
        self.rows = 0
        """How many rows there are altogether."""

    def add(self, counts: pl.DataFrame, table: str, exchange: str = "", date: str = "") -> None:
        """Add ``COUNTS`` of one partition."""
        self.rows += int(counts["rows"].sum())
        self._counts.add(counts.with_columns(place=pl.lit(len(self._places), pl.Int64)))
        self._places.append((table, exchange, date))

    def take_before(self, file_id: int | None) -> pl.DataFrame:
        """Return those of files below an id, all that are left where there is none, with ``PLACE``.

        To be asked when all were added.
        """
        taken = self._counts.take_before(file_id)
        return taken.drop("place").hstack(self._named[taken["place"]])

    @cached_property
    def _named(self) -> pl.DataFrame:
        return pl.DataFrame(self._places, schema=PLACE, orient="row")
