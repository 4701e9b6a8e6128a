"""What was said of symbols, and what comes of it, as Delta tables: observations, their states, ``dim_symbol``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import polars as pl

from pointline.io.delta.event_table import DeltaBatchTable
from pointline.io.delta.id_ranges import holding
from pointline.io.delta.outcome_facts import telling
from pointline.io.delta.parts import ParquetPartWriter, text_bounds
from pointline.io.delta.symbol_layout import Layout, Renewal, SymbolFile, files_of, laid_out, symbols_meant
from pointline.io.delta.table import ROWS_PER_GROUP, DeltaTableRepository
from pointline.io.delta.table_path import scan_data_files
from pointline.io.protocols import Discovery, Outcome, Part
from pointline.io.translate import storage_errors
from pointline.tables import dim_symbol
from pointline.tables import symbol_observations as observations
from pointline.tables.dim_symbol import Scope
from pointline.tables.symbol_observations import Observed

ORDER = [*dim_symbol.KEY, "valid_from"]
"""The same versions make the same table."""
FEW_VALUES = (
    *dim_symbol.KEY,
    *("base_asset", "quote_asset", "market_type", "settle_asset", "option_type"),
    *dim_symbol.NUMBERS,
)
"""As dictionaries they are written faster, and symbols get bounds."""
WRITING_THREADS = 2


class DeltaSymbolTable(DeltaTableRepository):
    """``dim_symbol``. Each of its commits has the number of the newest batch of observations that it was made from.

    Its rows stand in order. They lie in files by exchange and symbol (``symbol_layout``), and a change rewrites only
    the files in which something is another.
    """

    bounded = dim_symbol.KEY

    def __init__(self, path: Path, *, rows_per_file: int = ROWS_PER_GROUP) -> None:
        super().__init__(path, dim_symbol.SCHEMA)
        self._rows_per_file = rows_per_file
        self._layout: tuple[int, Layout | None] | None = None

    def scan(self) -> pl.LazyFrame:
        """Return the rows of the newest version in order, lazily."""
        layout = self._current_layout()
        if layout is None:  # one file of an earlier release has them in order
            return super().scan() if len(self.live_parts()) == 1 else super().scan().sort(ORDER)
        return self._scan(file for of_exchange in layout.values() for file in of_exchange)

    def versions_of(self, scope: Scope) -> pl.DataFrame:
        """Return the versions that are meant, by exchange, symbol and ``valid_from``."""
        with storage_errors(self.path.name):
            layout = self._current_layout()
            rows = super().scan() if layout is None else self._scan(files_of(layout, scope))
            return scope.of(rows).sort(ORDER).collect(engine="streaming")

    def replace(self, rows: pl.DataFrame | None, scope: Scope, *, batch: int | None) -> None:
        """Put ``rows`` in the place of the versions that are meant, on disk when this returns.

        None stands for the rows that are there: the commit only says that they are up to that batch. Nothing happens
        where the batch is in; without one the table is as up to date as before.
        """
        if batch is not None and self.last_batch() >= batch:
            return
        removed: list[Part] = []
        with self.new_parts() as added:
            if rows is not None:
                with storage_errors(self.path.name):
                    added.extend(self._write(self._renewed(_in_order(rows.select(list(self.schema))), scope, removed)))
            if added or removed or batch is not None:
                self.commit_parts(add=added, remove=removed, batch=batch)

    def _renewed(self, rows: pl.DataFrame, scope: Scope, removed: list[Part]) -> Iterator[pl.DataFrame]:
        """Yield the rows of each file to be written; ``removed`` is told which files go."""
        coming = _by_exchange(rows)
        layout = self._current_layout()
        if layout is None:
            yield from self._all_anew(coming, scope, removed)
            return
        for exchange in sorted(scope.exchanges | coming.keys()):
            of_exchange = coming.get(exchange, rows.clear())
            renewal = self._renewal(layout.get(exchange, []), of_exchange, symbols_meant(scope, exchange))
            yield from renewal.written(removed)

    def _renewal(self, files: Sequence[SymbolFile], rows: pl.DataFrame, symbols: pl.Series | None) -> Renewal:
        return Renewal(
            files=files,
            rows=rows,
            symbols=symbols,
            rows_per_file=self._rows_per_file,
            read=lambda file: pl.concat(self.rows_of(file.part)),
        )

    def _all_anew(
        self, coming: Mapping[str, pl.DataFrame], scope: Scope, removed: list[Part]
    ) -> Iterator[pl.DataFrame]:
        """Write the files of an earlier release or another program anew, one exchange after the other."""
        old = super().scan()
        exchanges = old.select("exchange").unique().collect(engine="streaming")["exchange"]
        for exchange in sorted({*exchanges, *coming}):
            kept = scope.outside(old.filter(exchange=exchange).collect(engine="streaming"))
            whole = pl.concat([kept, coming.get(exchange, kept.clear())]).sort(ORDER)
            yield from self._renewal([], whole, None).written(removed)
        removed += self.live_parts()

    def _write(self, pieces: Iterable[pl.DataFrame]) -> list[Part]:
        """Write one file per piece while the next one is made."""
        writers: list[ParquetPartWriter] = []
        futures: list[Future[Part]] = []
        is_done = False
        try:
            with ThreadPoolExecutor(WRITING_THREADS) as pool:
                for rows in pieces:
                    if len(futures) >= WRITING_THREADS:  # no more of them wait in memory
                        futures[-WRITING_THREADS].result()
                    writers.append(self.part_writer({}, FEW_VALUES))
                    futures.append(pool.submit(_written, writers[-1], rows))
            written = [future.result() for future in futures]
            is_done = True
        finally:
            for writer in writers if not is_done else ():
                writer.discard()
        return written

    def _scan(self, files: Iterable[SymbolFile]) -> pl.LazyFrame:
        return scan_data_files(self.path, [file.part.path for file in files], self.schema)

    def _current_layout(self) -> Layout | None:
        with self._lock, storage_errors(self.path.name):
            live = self._newest_parts()
            if self._layout is None or self._layout[0] != live.version:
                bounds = live.bounded()
                files = [(part, self._bounds_in_file(part) if None in told else told) for part, told in bounds]
                self._layout = (live.version, laid_out(files))
            return self._layout[1]

    def _bounds_in_file(self, part: Part) -> tuple[str | None, ...]:
        """A symbol may be too long for the log; where nobody wrote bounds at all, the layout is somebody else's."""
        with self._open_part(part) as file:
            return text_bounds(file.metadata, dim_symbol.KEY)


def _by_exchange(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return slices of rows that stand in order."""
    counts = rows["exchange"].rle().struct.unnest()
    starts = counts["len"].cum_sum() - counts["len"]
    return {
        name: rows[start : start + count]
        for name, count, start in zip(counts["value"], counts["len"], starts, strict=True)
    }


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Mostly they are, and to see that costs less than to sort them."""
    same, follows = pl.lit(value=True), pl.lit(value=False)
    for name in ORDER:
        follows |= same & (pl.col(name) > pl.col(name).shift(1))
        same &= pl.col(name) == pl.col(name).shift(1)
    return rows if rows.select(follows.fill_null(value=True).all()).item() else rows.sort(ORDER)


def _written(writer: ParquetPartWriter, rows: pl.DataFrame) -> Part:
    for group in rows.iter_slices(ROWS_PER_GROUP):
        writer.write(group)
    return writer.close()


class DeltaObservations(DeltaBatchTable):
    """What was said of symbols. The states stand in a table beside it, which is written first and only grows."""

    def __init__(self, path: Path, states: DeltaTableRepository) -> None:
        super().__init__(path, observations.SCHEMA)
        self.states = states

    def heads(self) -> pl.DataFrame:
        """Return all observations without what they hold."""
        with storage_errors(self.path.name):
            return self.scan().select(observations.HEAD).collect()

    def of_exchanges(self, exchanges: Collection[str]) -> pl.DataFrame:
        """Return what was said of these exchanges."""
        with storage_errors(self.path.name):
            return self.scan().filter(pl.col("exchange").is_in(list(exchanges))).collect()

    def told_of(self, scope: Scope) -> Observed:
        """Return what windows and updates say of some symbols, and their states, without the rest."""
        with storage_errors(self.path.name):
            states = scope.of(self.states.scan()).collect(engine="streaming").unique("state_id", maintain_order=True)
            rows = (
                self.scan()
                .filter(pl.col("exchange").is_in(list(scope.exchanges)), pl.col("states").list.len() > 0)
                .explode("states", "times")
                .join(states.lazy().select(states="state_id"), on="states", how="semi")
                .collect(engine="streaming")
                .group_by(observations.HEAD)
                .agg("states", "times")
                .select(list(self.schema))
            )
        return Observed(rows=rows, states=states)

    def states_of(self, exchanges: Collection[str]) -> pl.DataFrame:
        """Return the states of symbols of these exchanges, each once."""
        with storage_errors(self.states.path.name):
            found = self.states.scan().filter(pl.col("exchange").is_in(list(exchanges))).collect()
        return found.unique("state_id", maintain_order=True)

    def commit(
        self,
        batch: int,
        *,
        add: Observed,
        remove: Sequence[int],
        outcomes: Sequence[Outcome],
        found: Mapping[int, Discovery] | None = None,
    ) -> None:
        """Add what was said, in the place of all that the files in ``remove`` said; on disk when this returns.

        ``add.states`` are those that are not there yet. Nothing happens where the batch is in already.
        """
        if self.last_batch() >= batch:
            return
        if not add.states.is_empty():
            self.states.append(add.states)
        with self.new_parts() as coming:
            coming.extend(self.write_parts(add.rows))
            going = self._rewritten(remove, coming)
            self.commit_parts(add=coming, remove=going, batch=batch, metadata=telling(outcomes, found or {}))

    def _rewritten(self, file_ids: Sequence[int], coming: list[Part]) -> list[Part]:
        """Write what the parts with rows of these files hold of others anew; return the old parts, tell ``coming``."""
        going: list[Part] = []
        for part in holding(self.live_parts(), file_ids) if file_ids else ():
            rows = pl.concat(self.rows_of(part))
            kept = rows.filter(~pl.col("file_id").is_in(list(file_ids)))
            if kept.height < rows.height:
                coming += self.write_parts(kept)
                going.append(part)
        return going
