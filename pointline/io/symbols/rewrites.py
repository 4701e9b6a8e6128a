"""Which data files of ``dim_symbol`` are written anew for rows that go and rows that come, and what is in them then.

A file whose rows all stay is rewritten only to take in a neighbour: of two that follow each other, and may be one, one
holds at least half of ``rows_per_file``. Which rows share a file depends on what was written when.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import polars as pl
from msgspec import Struct, field

from pointline.io.symbols.layout import SymbolFile, end_or_never

IDENTITY = ("symbol", "valid_from")
"""What tells the rows of an exchange apart."""
PLACE = "__place"

Read = Callable[[SymbolFile], pl.DataFrame]


class Stretch(Struct, frozen=True, kw_only=True):
    """A file, or a gap between two, and which of its rows go and come."""

    file: SymbolFile | None
    removed: pl.DataFrame
    added: pl.DataFrame

    @property
    def is_changed(self) -> bool:
        return not (self.removed.is_empty() and self.added.is_empty())

    @property
    def height(self) -> int:
        return (self.file.part.rows if self.file else 0) - self.removed.height + self.added.height

    def rows(self, read: Read) -> pl.DataFrame:
        """Return the rows as they will be, by symbol."""
        if self.file is None:
            return self.added.sort(IDENTITY)
        rows = read(self.file)
        if not self.removed.is_empty():
            rows = rows.join(self.removed, on=IDENTITY, how="anti", maintain_order="left")
        return rows if self.added.is_empty() else pl.concat([rows, self.added]).sort("symbol", maintain_order=True)


class Rewrite(Struct, frozen=True, kw_only=True):
    """Stretches that follow each other and are written anew, as one file or as several."""

    stretches: list[Stretch] = field(default_factory=list)
    rows_per_file: int

    @property
    def files(self) -> list[SymbolFile]:
        """The files that others take the place of."""
        return [one.file for one in self.stretches if one.file is not None]

    @property
    def is_changed(self) -> bool:
        return len(self.stretches) > 1 or any(one.is_changed for one in self.stretches)

    @property
    def height(self) -> int:
        return sum(one.height for one in self.stretches)

    def pieces(self, read: Read) -> Iterator[pl.DataFrame]:
        """Yield the rows of each file to be written."""
        if not self.height:
            return
        frames = [one.rows(read) for one in self.stretches if one.height]
        rows = pl.concat(frames)
        if len(frames) > 1:
            rows = rows.sort("symbol", maintain_order=True)
        if rows.height <= self.rows_per_file:
            yield rows
            return
        for of_times in self._cut_by_end(rows):
            pieces = -(-of_times.height // self.rows_per_file)
            cuts = [number * of_times.height // pieces for number in range(pieces + 1)]
            yield from (of_times[start:end] for start, end in pairwise(cuts))

    def _cut_by_end(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Yield rows with all that ends at the same time together; too many are of one time only."""
        counts = rows.group_by(end_or_never().alias("end")).len().sort("end")
        filled, place, places = 0, 0, []
        for count in counts["len"]:
            if filled and filled + count > self.rows_per_file:
                filled, place = 0, place + 1
            filled += count
            places.append(place)
        where = counts.select("end", pl.Series(PLACE, places, pl.UInt32))
        placed = rows.with_columns(end_or_never().alias("end")).join(where, on="end", how="left", maintain_order="left")
        yield from placed.drop("end").partition_by(PLACE, maintain_order=True, include_key=False)


def rewrites_of(
    files: Sequence[SymbolFile], removed: pl.DataFrame, added: pl.DataFrame, *, rows_per_file: int
) -> list[Rewrite]:
    """Return what is written anew of one exchange, given its files in order."""
    stretches = list(_stretches(files, removed, added))
    found = [Rewrite(stretches=[one for one in stretches if not one.height], rows_per_file=rows_per_file)]
    live = [one for one in stretches if one.height]
    shares = [_share_end(one, other) for one, other in pairwise(live)]
    of_several = [before or after for before, after in pairwise([False, *shares, False])]
    for number, one in enumerate(live):
        may_join = number > 0 and (shares[number - 1] or not (of_several[number - 1] or of_several[number]))
        if may_join and _is_worth_joining(found[-1], one):
            found[-1].stretches.append(one)
        else:
            found.append(Rewrite(stretches=[one], rows_per_file=rows_per_file))
    return [one for one in found if one.is_changed]


def _is_worth_joining(rewrite: Rewrite, stretch: Stretch) -> bool:
    """Two small ones are, and what fits into one file and is written anew in any case."""
    if rewrite.is_changed and stretch.is_changed:
        return rewrite.height + stretch.height <= rewrite.rows_per_file
    return 2 * max(rewrite.height, stretch.height) < rewrite.rows_per_file


def _share_end(one: Stretch, other: Stretch) -> bool:
    return one.file is not None and other.file is not None and one.file.shares_end_with(other.file)


def _stretches(files: Sequence[SymbolFile], removed: pl.DataFrame, added: pl.DataFrame) -> Iterator[Stretch]:
    """Yield the files in order, and the gaps into which rows come."""
    going, coming = _placed(files, removed), _placed(files, added)
    for place in range(2 * len(files) + 1):
        file = files[place // 2] if place % 2 else None
        one = Stretch(file=file, removed=going.get(place, removed[:0]), added=coming.get(place, added[:0]))
        if file is not None or one.added.height:
            yield one


def _placed(files: Sequence[SymbolFile], rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """Return the rows by where they belong: 1 is the first file, 0 the gap before it, 2 the gap behind it and so on."""
    if rows.is_empty() or not files:
        return {} if rows.is_empty() else {0: rows}
    begins = [
        (file.start, file.first if number and file.shares_end_with(files[number - 1]) else "")
        for number, file in enumerate(files)
    ]
    places = []
    for end, symbol in rows.select(end_or_never(), "symbol").iter_rows():
        number = bisect_right(begins, (end, symbol))
        places.append(2 * number - 1 if number and end <= files[number - 1].end else 2 * number)
    placed = rows.with_columns(pl.Series(PLACE, places, pl.UInt32))
    return {
        int(key[0]): of_place for key, of_place in placed.partition_by(PLACE, as_dict=True, include_key=False).items()
    }
