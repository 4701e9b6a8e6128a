"""What the services ask of what is known of symbols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import polars as pl

from pointline.io.protocols.file_version import Discovery, Outcome
from pointline.io.protocols.tables import BatchTable
from pointline.tables.dim_symbol import Scope
from pointline.tables.symbols.observations import Observed


class SymbolTable(Protocol):
    """``dim_symbol``, made from the observations."""

    def last_batch(self) -> int:
        """Return the number of the newest batch of observations that it was made from, -1 where there is none."""
        ...

    def read_all(self) -> pl.DataFrame:
        """Return all versions."""
        ...

    def versions_of(self, scope: Scope) -> pl.DataFrame:
        """Return the versions that are meant, by exchange, symbol and ``valid_from``."""
        ...

    def exchanges(self) -> Collection[str]:
        """Return the exchanges that there are versions of."""
        ...

    def not_as_of(self, now: dt.datetime) -> pl.DataFrame:
        """Return the versions whose ``is_current`` is not as it is at that time."""
        ...

    def replace(self, *, removed: pl.DataFrame, added: pl.DataFrame, batch: int | None) -> None:
        """Put rows in the place of others, on disk when this returns; ``removed`` are as they were read.

        Where there are none the commit only says that the table is up to that batch. Nothing happens where the batch
        is in; without one the table is as up to date as before.
        """
        ...


class SymbolObservations(BatchTable, Protocol):
    """What files and people said of symbols, as ``tables.symbols.observations`` has it."""

    def exists(self) -> bool:
        """Tell whether there is a table."""
        ...

    def heads(self) -> pl.DataFrame:
        """Return all observations without what they hold."""
        ...

    def of_exchanges(self, exchanges: Collection[str]) -> pl.DataFrame:
        """Return what was said of these exchanges."""
        ...

    def told_of(self, scope: Scope) -> Observed:
        """Return what windows and updates say of some symbols, and their states, without the rest."""
        ...

    def states_of(self, exchanges: Collection[str]) -> pl.DataFrame:
        """Return the states of symbols of these exchanges, each once."""
        ...

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
        ...
