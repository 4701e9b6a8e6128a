"""What was said of symbols, and what comes of it, as Delta tables: observations, their states, ``dim_symbol``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from pointline.io.delta import DeltaTableRepository
from pointline.io.event_table import DeltaBatchTable, telling
from pointline.io.live_parts import may_hold
from pointline.io.protocols import Discovery, Outcome, Part
from pointline.io.translate import storage_errors
from pointline.tables import dim_symbol
from pointline.tables import symbol_observations as observations
from pointline.tables.symbol_observations import Observed


class DeltaSymbolTable(DeltaTableRepository):
    """``dim_symbol``. Each of its commits has the number of the newest batch of observations that it was made from."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, dim_symbol.SCHEMA)

    def versions_of(self, exchanges: Collection[str]) -> pl.DataFrame:
        """Return the versions of these exchanges."""
        with storage_errors(self.path.name):
            return self.scan().filter(pl.col("exchange").is_in(list(exchanges))).collect()

    def replace(self, rows: pl.DataFrame | None, *, batch: int | None) -> None:
        """Put ``rows`` in the place of all rows, on disk when this returns. Nothing happens where the batch is in.

        None stands for the rows that are there: the commit only says that they are up to that batch. Without a batch
        they are as up to date as before.
        """
        if rows is None:
            self.commit_parts(add=[], remove=[], batch=batch)
        elif batch is None or self.last_batch() < batch:
            self.commit_parts(add=self.write_parts(rows), remove=self.live_parts(), batch=batch)


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
            add=[*self.write_parts(add.rows), *coming], remove=going, batch=batch, metadata=telling(outcomes, found)
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
