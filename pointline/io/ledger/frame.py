"""The ledger in memory: the columns that decisions need, in pieces, so that to follow a change copies little."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import polars as pl

from pointline.io.ledger.table import updated
from pointline.tables.ingest_manifest import DIGEST, HASH, with_digests
from pointline.tables.schema import no_rows

ROWS_PER_PIECE = 16_384
WORDS = ("vendor", "exchange", "data_type", "symbol", "status", "feed")
"""Columns with few distinct values: held as categories, a million rows of them cost megabytes less."""


class LedgerFrame:
    """Rows by rising ``file_id``. One thread changes them at a time; any may ask for ``frame`` meanwhile.

    What was handed out never changes, and ``_pieces`` neither: a change puts others in their place. Who joins pieces
    while that happens keeps the older frame for itself.
    """

    def __init__(self, pieces: Iterable[pl.DataFrame], schema: pl.Schema) -> None:
        """``pieces`` stand in the order of their rows, which may overlap."""
        self._schema = schema
        self._pieces = [
            slim(piece).rechunk() for whole in pieces for piece in whole.iter_slices(ROWS_PER_PIECE) if len(piece)
        ]
        self._joined: tuple[list[pl.DataFrame], pl.DataFrame] | None = None
        """The pieces that were joined, and what they made: of use for as long as those are the pieces."""
        if not self.frame["file_id"].is_sorted():
            self._pieces = list(self.frame.sort("file_id").iter_slices(ROWS_PER_PIECE))

    @property
    def frame(self) -> pl.DataFrame:
        """All rows, laid end to end without being copied."""
        pieces, joined = self._pieces, self._joined
        if joined is None or joined[0] is not pieces:
            whole = pl.concat(pieces) if pieces else slim(no_rows(self._schema))
            self._joined = joined = (pieces, whole)
        return joined[1]

    def append(self, rows: pl.DataFrame) -> None:
        """Add rows behind all others.

        The last pieces become one where they are as long as the one before: one commit adds one piece, and in a year
        of commits every look at the ledger would go through all of them. A row is copied a dozen times at most.
        """
        last, pieces = slim(rows.select(self._schema.names())), list(self._pieces)
        while pieces and len(last) >= len(pieces[-1]) and len(last) + len(pieces[-1]) <= ROWS_PER_PIECE:
            last = pl.concat([pieces.pop(), last])
        self._put([*pieces, last.rechunk()])

    def update(self, changes: pl.DataFrame, fill: Sequence[str] = ()) -> None:
        """Follow a change of rows by ``file_id``. Only the pieces that hold one of them are copied."""
        own = slim(changes.select(name for name in changes.columns if name in self._schema)).sort("file_id")
        pieces = list(self._pieces)
        starts = [piece.item(0, "file_id") for piece in pieces]
        fill = [DIGEST if name == HASH else name for name in fill]
        places = [bisect_right(starts, file_id) - 1 for file_id in own["file_id"]]
        for place in sorted({place for place in places if place >= 0}):
            first = places.index(place)
            here = own.slice(first, places.count(place))
            pieces[place] = updated(pieces[place], here, fill).select(pieces[place].columns).rechunk()
        self._put(pieces)

    def _put(self, pieces: list[pl.DataFrame]) -> None:
        self._pieces = pieces
        self._joined = None  # it holds the former ones


def slim(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with categories in the place of words, and hashes as bytes; see ``with_digests``."""
    return with_digests(rows.with_columns(pl.col(name).cast(pl.Categorical) for name in rows.columns if name in WORDS))
