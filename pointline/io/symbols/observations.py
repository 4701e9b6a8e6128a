"""What was said of symbols, and the states that it names, as Delta tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from pointline.errors import LakeDamaged
from pointline.io.delta.event_table import DeltaBatchTable
from pointline.io.delta.id_ranges import holding
from pointline.io.delta.outcome_facts import telling
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.protocols.file_version import Discovery, Outcome
from pointline.io.protocols.tables import Part
from pointline.io.translate import REPAIR_HINT, storage_errors
from pointline.tables.dim_symbol import Scope
from pointline.tables.symbols import observations
from pointline.tables.symbols.observations import Observed


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
                .with_row_index("row")
                .collect()
            )
            # One observation may name half a million states: what else it holds is not repeated for each of them.
            told = (
                rows.lazy()
                .select("row", "states", "times")
                .explode("states", "times")
                .join(states.lazy().select(states="state_id"), on="states", how="semi")
                .collect(engine="streaming")
                .group_by("row")
                .agg("states", "times")
            )
            rows = rows.select("row", *observations.HEAD).join(told, on="row").select(list(self.schema))
        return Observed(rows=rows, states=states)

    def states_of(self, exchanges: Collection[str]) -> pl.DataFrame:
        """Return the states of symbols of these exchanges, each once."""
        with storage_errors(self.states.path.name):
            found = self.states.scan().filter(pl.col("exchange").is_in(list(exchanges))).collect()
        return found.unique("state_id", maintain_order=True)

    def require_states(self) -> None:
        """Raise LakeDamaged where an observed state is not kept: one table was lost, or put back without the other."""
        with storage_errors(self.path.name):
            named = self.scan().select(pl.col("states").explode().unique().drop_nulls()).collect()["states"]
            if named.is_empty():
                return
            kept = (
                self.states.scan().select("state_id").collect()["state_id"] if self.states.exists() else named.clear()
            )
        lost = len(named) - named.is_in(kept.implode()).sum()
        if lost:
            raise LakeDamaged(
                f"{self.states.path.name} lacks {lost:,} of the {len(named):,} states of symbols that were observed",
                subject=self.path.name,
                hint=REPAIR_HINT,
            )

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
