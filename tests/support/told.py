"""What tests say of symbols, and the versions that come of it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from pointline.io.protocols.symbols import SymbolTable
from pointline.services.symbols.changes import Symbols
from pointline.tables import dim_symbol
from pointline.tables.symbols.history import History, history
from pointline.tables.symbols.observations import Observed, Origin, unnamed
from tests.support.fakes import MemoryManifest, MemoryObservations, MemorySymbolTable

NOW = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)


def origin(file_id: int, *, found: int | None = None, **known) -> Origin:
    known = {"max_missing_share": 0.25} | known
    return Origin(file_id=file_id, found=file_id if found is None else found, **known)


def history_of(said: Iterable[Observed], *, now: dt.datetime = NOW) -> History:
    """Return what comes of observations, all of them at once."""
    whole = Observed.join(said)
    return history(whole.rows, whole.states, unnamed=unnamed(whole.rows), now=now)


def versions_of(said: Iterable[Observed]) -> pl.DataFrame:
    return history_of(said).versions


class _Crash(BaseException):
    """The process ends between the two tables."""


class _Table:
    """Another table, which the process does not always reach."""

    def __init__(self, inner: SymbolTable) -> None:
        self._inner = inner
        self.crashes = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def replace(self, **known: Any) -> None:
        if self.crashes:
            self.crashes = False
            raise _Crash
        self._inner.replace(**known)


def table_in_steps(
    said: Mapping[int, Observed], order: random.Random, table: SymbolTable | None = None
) -> pl.DataFrame:
    """Return what comes of it in this order, by file id: some in batches, some said, withdrawn and said again.

    With restarts, some after a crash that left ``dim_symbol`` behind the observations. ``table`` is an empty one;
    without it the table is in memory.
    """
    observations, manifest = MemoryObservations(), MemoryManifest()
    made = _Table(MemorySymbolTable() if table is None else table)

    def started() -> Symbols:
        return Symbols(
            observations=observations,
            table=made,
            manifest=manifest,
            max_missing_share=0.25,
            clock=lambda: int(NOW.timestamp()) * 1_000_000,
        )

    symbols, number = started(), 0
    left = list(said)
    order.shuffle(left)
    while left:
        batch = [left.pop() for _ in range(min(len(left), order.randint(1, 3)))]
        made.crashes = order.random() < 0.1
        try:
            symbols.settle(number, symbols.planner.plan(Observed.join(said[one] for one in batch), []), [])
        except _Crash:
            symbols = started()
            symbols.catch_up(number + 1)
        made.crashes = False
        number += 1
        if order.random() < 0.2:
            symbols = started()
            symbols.catch_up(number)
        if order.random() < 0.2:
            back = order.choice(batch)
            symbols.forget(number, [back], [])
            left.insert(order.randint(0, len(left)), back)
            number += 1
    return made.read_all().sort(*dim_symbol.KEY, "valid_from")
