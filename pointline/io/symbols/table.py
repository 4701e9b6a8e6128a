"""``dim_symbol`` as a Delta table that a change rewrites in part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import polars as pl

from pointline.io.delta.live_parts import Bound, Bounds
from pointline.io.delta.parts import ParquetPartWriter, bounds_in_footer
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta.table_path import scan_data_files
from pointline.io.protocols.tables import Part
from pointline.io.symbols.layout import BOUNDED, Layout, SymbolFile, files_of, laid_out
from pointline.io.symbols.rewrites import Rewrite, rewrites_of
from pointline.io.translate import storage_errors
from pointline.tables import dim_symbol
from pointline.tables.dim_symbol import Scope, tradable
from pointline.tables.schema import UTC_TIME

ORDER = [*dim_symbol.KEY, "valid_from"]
ROWS_PER_FILE = 65_536
"""So many are rewritten in 30 ms for one of them."""
FEW_VALUES = ("exchange", "quote_asset", "market_type", "settle_asset", "option_type", *dim_symbol.NUMBERS)
"""As dictionaries they are written faster. Of what is another in nearly every row a dictionary takes twice as long."""
WRITING_THREADS = 2


class DeltaSymbolTable(DeltaTableRepository):
    """``dim_symbol``. Each of its commits has the number of the newest batch of observations that it was made from.

    Its rows lie in files by exchange and time (``layout``), and a change rewrites only files in which something
    is another.
    """

    bounded = BOUNDED

    def __init__(self, path: Path, *, rows_per_file: int = ROWS_PER_FILE) -> None:
        super().__init__(path, dim_symbol.SCHEMA)
        self._rows_per_file = rows_per_file
        self._layout: tuple[int, Layout | None] | None = None

    def versions_of(self, scope: Scope) -> pl.DataFrame:
        """Return the versions that are meant, by exchange, symbol and ``valid_from``."""
        with storage_errors(self.path.name):
            layout = self._current_layout()
            rows = self.scan() if layout is None else self._scan(files_of(layout, scope))
            return scope.of(rows).sort(ORDER).collect(engine="streaming")

    def exchanges(self) -> list[str]:
        """Return the exchanges that there are versions of."""
        with storage_errors(self.path.name):
            layout = self._current_layout()
            if layout is not None:
                return list(layout)
            return self.scan().select("exchange").unique().collect(engine="streaming")["exchange"].sort().to_list()

    def not_as_of(self, now: dt.datetime) -> pl.DataFrame:
        """Return the versions whose ``is_current`` is not as it is at that time."""
        stale = pl.col("is_current") != tradable(pl.lit(now, UTC_TIME))
        with storage_errors(self.path.name):
            return self.scan().filter(stale).collect(engine="streaming")

    def replace(self, *, removed: pl.DataFrame, added: pl.DataFrame, batch: int | None) -> None:
        """Put rows in the place of others, on disk when this returns; ``removed`` are as they were read.

        Where there are none the commit only says that the table is up to that batch. Nothing happens where the batch
        is in; without one the table is as up to date as before.
        """
        if batch is not None and self.last_batch() >= batch:
            return
        gone: list[Part] = []
        with self.new_parts() as come:
            if not (removed.is_empty() and added.is_empty()):
                with storage_errors(self.path.name):
                    gone = self._write_in_place(removed, added, come)
            if come or gone or batch is not None:
                self.commit_parts(add=come, remove=gone, batch=batch)

    def _write_in_place(self, removed: pl.DataFrame, added: pl.DataFrame, come: list[Part]) -> list[Part]:
        """Write the files that come, and tell ``come``; return those in whose place they are."""
        layout = self._current_layout()
        if layout is None:
            gone = self.live_parts()
            come.extend(self._write(self._all_anew(removed, added)))
            return gone
        rewrites = list(self._rewrites(layout, removed, added))
        come.extend(self._write(rewrites))
        return [file.part for one in rewrites for file in one.files]

    def _rewrites(self, layout: Layout, removed: pl.DataFrame, added: pl.DataFrame) -> Iterator[Rewrite]:
        going, coming = _by_exchange(removed), _by_exchange(added)
        for exchange in sorted(going.keys() | coming.keys()):
            yield from rewrites_of(
                layout.get(exchange, []),
                going.get(exchange, removed[:0]),
                coming.get(exchange, added[:0]),
                rows_per_file=self._rows_per_file,
            )

    def _all_anew(self, removed: pl.DataFrame, added: pl.DataFrame) -> Iterator[Rewrite]:
        """Sort what an earlier release or another program wrote, one exchange after the other."""
        coming = _by_exchange(added)
        for exchange in sorted({*self.exchanges(), *coming}):
            rows = self.scan().filter(exchange=exchange).collect(engine="streaming")
            kept = rows.join(removed, on=ORDER, how="anti", maintain_order="left")
            whole = pl.concat([kept, coming.get(exchange, kept[:0])])
            yield from rewrites_of([], whole[:0], whole, rows_per_file=self._rows_per_file)

    def _write(self, rewrites: Iterable[Rewrite]) -> list[Part]:
        """Write the files of each, some at a time."""
        writers: list[ParquetPartWriter] = []
        futures: list[Future[list[Part]]] = []
        is_done = False
        try:
            with ThreadPoolExecutor(WRITING_THREADS) as pool:
                for one in rewrites:
                    if len(futures) >= WRITING_THREADS:  # no more of them wait in memory
                        futures[-WRITING_THREADS].result()
                    futures.append(pool.submit(self._write_anew, one, writers))
            written = [part for future in futures for part in future.result()]
            is_done = True
        finally:
            for writer in writers if not is_done else ():
                writer.discard()
        return written

    def _write_anew(self, rewrite: Rewrite, writers: list[ParquetPartWriter]) -> list[Part]:
        parts = []
        for rows in rewrite.pieces(lambda file: pl.concat(self.rows_of(file.part))):
            writers.append(writer := self.part_writer({}, FEW_VALUES, bounded=(*BOUNDED, "valid_from")))
            writer.write(rows.select(list(self.schema)))
            parts.append(writer.close())
        return parts

    def _scan(self, files: Iterable[SymbolFile]) -> pl.LazyFrame:
        return scan_data_files(self.path, [file.part.path for file in files], self.schema)

    def _current_layout(self) -> Layout | None:
        with self._lock, storage_errors(self.path.name):
            live = self._newest_parts()
            if self._layout is None or self._layout[0] != live.version:
                files = [
                    (part, told if all(one.is_known(part.rows) for one in told) else self._bounds_in_file(part))
                    for part, told in live.bounded()
                ]
                self._layout = (live.version, laid_out(files))
            return self._layout[1]

    def _bounds_in_file(self, part: Part) -> Bounds:
        """A symbol may be too long for the log; where nobody wrote bounds at all, the layout is somebody else's."""
        with self._open_part(part) as file:
            return tuple(Bound(*told) for told in bounds_in_footer(file.metadata, self.bounded))


def _by_exchange(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(name): of_exchange for (name,), of_exchange in rows.partition_by("exchange", as_dict=True).items()}
