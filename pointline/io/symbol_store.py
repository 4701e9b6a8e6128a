"""What was said of symbols, and what comes of it, as Delta tables: observations, their states, ``dim_symbol``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from pointline.io.delta import ROWS_PER_GROUP, DeltaTableRepository
from pointline.io.event_table import DeltaBatchTable
from pointline.io.live_parts import may_hold
from pointline.io.outcome_facts import telling
from pointline.io.parts import ParquetPartWriter
from pointline.io.protocols import Discovery, Outcome, Part
from pointline.io.translate import storage_errors
from pointline.tables import dim_symbol
from pointline.tables import symbol_observations as observations
from pointline.tables.dim_symbol import Scope
from pointline.tables.symbol_observations import Observed

ORDER = [*dim_symbol.KEY, "valid_from"]
"""The same versions make the same table."""
DICTIONARY = ("exchange", "base_asset", "quote_asset", "market_type", "settle_asset", "option_type")


class DeltaSymbolTable(DeltaTableRepository):
    """``dim_symbol``. Each of its commits has the number of the newest batch of observations that it was made from."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, dim_symbol.SCHEMA)

    def versions_of(self, scope: Scope) -> pl.DataFrame:
        """Return the versions that are meant, by exchange, symbol and ``valid_from``."""
        with storage_errors(self.path.name):
            return scope.of(self.scan()).sort(*dim_symbol.KEY, "valid_from").collect(engine="streaming")

    def replace(self, rows: pl.DataFrame | None, scope: Scope, *, batch: int | None) -> None:
        """Put ``rows`` in the place of the versions that are meant, on disk when this returns.

        None stands for the rows that are there: the commit only says that they are up to that batch. Nothing happens
        where the batch is in; without one the table is as up to date as before.
        """
        if batch is not None and self.last_batch() >= batch:
            return
        parts = self.live_parts() if rows is not None else []
        add = [] if rows is None else self._merged(parts, rows, scope)
        self.commit_parts(add=add, remove=parts, batch=batch)

    def _merged(self, parts: Sequence[Part], rows: pl.DataFrame, scope: Scope) -> list[Part]:
        """Write one part of the rows of others and these, in order, a row group at a time."""
        writer = self.part_writer({}, DICTIONARY)
        left = rows.select(list(self.schema)).sort(ORDER)
        written = is_done = False
        try:
            for group in self._in_order(parts):
                exchange, symbol = group.select(dim_symbol.KEY).row(-1)
                same = pl.col("exchange") == exchange
                here = (pl.col("exchange") < exchange) | (same & (pl.col("symbol") <= symbol))
                kept = scope.outside(group)
                coming, left = left.filter(here), left.filter(~here)
                written |= _write(writer, pl.concat([kept, coming]).sort(ORDER) if coming.height else kept)
            for piece in left.iter_slices(ROWS_PER_GROUP):
                written |= _write(writer, piece)
            done = [writer.close()] if written else []
            is_done = True
        finally:
            if not is_done:
                writer.discard()
        return done

    def _in_order(self, parts: Sequence[Part]) -> Iterator[pl.DataFrame]:
        """Yield what the parts hold in order; they are one, unless somebody else wrote them."""
        if len(parts) == 1:
            yield from self.rows_of(parts[0])
        elif parts:
            yield from (
                pl.concat([rows for part in parts for rows in self.rows_of(part)])
                .sort(ORDER)
                .iter_slices(ROWS_PER_GROUP)
            )


def _write(writer: ParquetPartWriter, rows: pl.DataFrame) -> bool:
    if rows.height:
        writer.write(rows)
    return rows.height > 0


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
        coming, going = self._rewritten(remove)
        self.commit_parts(
            add=[*self.write_parts(add.rows), *coming],
            remove=going,
            batch=batch,
            metadata=telling(outcomes, found or {}),
        )

    def _rewritten(self, file_ids: Sequence[int]) -> tuple[list[Part], list[Part]]:
        """Write what the parts with rows of these files hold of others anew; return the new parts and the old ones."""
        coming: list[Part] = []
        going: list[Part] = []
        for part in self.live_parts() if file_ids else ():
            if may_hold(part, file_ids):
                rows = pl.concat(self.rows_of(part))
                kept = rows.filter(~pl.col("file_id").is_in(list(file_ids)))
                if kept.height < rows.height:
                    coming += self.write_parts(kept)
                    going.append(part)
        return coming, going
