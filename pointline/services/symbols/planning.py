"""What ``dim_symbol`` becomes: the changes that a batch of observations makes to its versions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.io.protocols.symbols import SymbolObservations, SymbolTable
from pointline.tables.dim_symbol import KEY, Changes, Scope, changes_between
from pointline.tables.symbols.history import History, history
from pointline.tables.symbols.observations import HEAD, Kind, Observed, unnamed


class Plan(Struct, frozen=True, kw_only=True):
    """What a batch says and takes back, and what comes of it."""

    add: Observed
    remove: Sequence[int]
    changes: Changes
    held: pl.DataFrame
    """What is held of the exchanges concerned (``history.HELD``)."""
    touched: frozenset[str]
    heads: pl.DataFrame

    def held_of(self, file_id: int) -> pl.DataFrame:
        """Return what is held of one file or update."""
        return self.held.filter(pl.col("file_id") == file_id)


class Planner:
    """Computes changes and writes nothing. ``clock`` gives microseconds since the epoch, UTC."""

    def __init__(self, observations: SymbolObservations, table: SymbolTable, clock: Callable[[], int]) -> None:
        self._observations = observations
        self._table = table
        self._clock = clock

    def now(self) -> dt.datetime:
        """Return the time by which versions are current or not."""
        return dt.datetime.fromtimestamp(self._clock() / 1_000_000, dt.UTC)

    def compute(self) -> History:
        """Compute ``dim_symbol`` from all observations."""
        heads = self._observations.heads()
        scope = Scope(exchanges=frozenset(heads["exchange"]))
        return self._history(scope, self._said_of(scope), heads, Observed.join([]), [])

    def plan(self, add: Observed, remove: Sequence[int], *, everything: bool = False) -> Plan:
        """Return what comes of it when ``add`` is said, and what the files in ``remove`` said is taken back.

        ``everything``: all versions are computed, not those alone that may change.
        """
        old = self._observations.heads()
        stay = old.filter(~pl.col("file_id").is_in(list(remove)))
        heads = pl.concat([stay, add.rows.select(HEAD)])
        touched = _touched(old, heads, {*remove, *add.rows["file_id"]})
        if (
            everything or self._table.last_batch() != self._observations.last_batch()
        ):  # it was not written the last time
            touched = frozenset({*heads["exchange"], *self._table.exchanges()})
            scope = Scope(exchanges=touched)
        else:
            scope = Scope(exchanges=touched, keys=self._keys_alone(touched, heads, add, remove))
        before = self._said_of(scope)
        found = self._history(scope, before, heads, add, remove)
        return Plan(
            add=replace(add, states=add.states.join(before.states, on="state_id", how="anti")),
            remove=remove,
            changes=changes_between(self._table.versions_of(scope), found.versions),
            held=found.held,
            touched=touched,
            heads=heads,
        )

    def _keys_alone(
        self, touched: frozenset[str], heads: pl.DataFrame, add: Observed, remove: Sequence[int]
    ) -> pl.DataFrame | None:
        """Return the symbols that are told of, where the others of their exchanges have nothing to do with it.

        With snapshots they have: what these lack may be too much.
        """
        snapshots = heads.filter(pl.col("exchange").is_in(list(touched)), pl.col("kind") == Kind.SNAPSHOT)
        if remove or not snapshots.is_empty() or add.rows.is_empty():
            return None
        return add.states.select(KEY).unique()

    def _said_of(self, scope: Scope) -> Observed:
        if scope.keys is not None:
            return self._observations.told_of(scope)
        rows = self._observations.of_exchanges(scope.exchanges)
        return Observed(rows=rows, states=self._observations.states_of(scope.exchanges))

    def _history(
        self, scope: Scope, before: Observed, heads: pl.DataFrame, add: Observed, remove: Sequence[int]
    ) -> History:
        standing = before.rows.filter(~pl.col("file_id").is_in(list(remove)))
        return history(
            pl.concat([standing, add.rows]),
            pl.concat([before.states, add.states]).unique("state_id", maintain_order=True),
            unnamed=unnamed(heads).filter(pl.col("exchange").is_in(list(scope.exchanges))),
            now=self.now(),
        )


def _touched(old: pl.DataFrame, new: pl.DataFrame, file_ids: Collection[int]) -> frozenset[str]:
    """Return the exchanges whose versions may change with what these files said, or say now.

    A list also speaks of the exchanges that other lists of its source name.
    """
    both = pl.concat([old, new])
    theirs = both.filter(pl.col("file_id").is_in(list(file_ids)))
    sources = theirs.filter("is_list")["source"].unique()
    of_sources = both.filter("is_list", pl.col("source").is_in(sources.implode())) if len(sources) else theirs
    return frozenset([*theirs["exchange"], *of_sources["exchange"]])
