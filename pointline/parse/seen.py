"""Equal rows of a file that lie in different blocks of it: which rows were there before, told by two hashes of each."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

KEY, CHECK = "key", "check"


class Seen:
    """What the blocks of one file had so far, 16 bytes a row. Used by one thread at a time."""

    def __init__(self) -> None:
        self._runs: list[pl.DataFrame] = []
        """Hashes by ``key``; each run has more rows than the one after it, so that one is merged rarely."""
        self._new = _hashes(pl.DataFrame({"row": pl.Series([], dtype=pl.Int64)}), ["row"])

    def first_ones(self, rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
        """Return the rows that no block before had, by these columns. Equal rows among them are the caller's matter."""
        hashes = _hashes(rows, names)
        was_there = pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
        for run in self._runs:
            place = run[KEY].search_sorted(hashes[KEY]).clip(upper_bound=run.height - 1)
            found = run[place]
            was_there |= (found[KEY] == hashes[KEY]) & (found[CHECK] == hashes[CHECK])
        self._new = hashes.filter(~was_there)
        return rows.filter(~was_there) if was_there.any() else rows

    def keep(self) -> None:
        """Remember the rows that ``first_ones`` returned last: the block was taken as it was typed then."""
        run, self._new = self._new.sort(KEY), self._new.clear()
        while self._runs and self._runs[-1].height <= run.height:
            run = pl.concat([self._runs.pop(), run]).sort(KEY)
        if run.height:
            self._runs.append(run)


def _hashes(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Hash rows so that it makes no difference in which form a block was typed: words as texts."""
    cells = [pl.col(name) if rows.schema[name].is_numeric() else pl.col(name).cast(pl.String) for name in names]
    row = pl.struct(cells)
    return rows.select(row.hash(seed=0).alias(KEY), row.hash(seed=1).alias(CHECK))
