"""What tests say of symbols, and the versions that come of it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping

import polars as pl

from pointline.services.symbols import Symbols
from pointline.tables.symbol_history import History, history
from pointline.tables.symbol_observations import Observed, Origin, unnamed
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


def table_in_steps(said: Mapping[int, Observed], order: random.Random) -> pl.DataFrame:
    """Return what comes of it in this order, some in batches, some said, withdrawn and said again; by file id."""
    symbols = Symbols(
        observations=MemoryObservations(),
        table=(made := MemorySymbolTable()),
        manifest=MemoryManifest(),
        max_missing_share=0.25,
        clock=lambda: int(NOW.timestamp()) * 1_000_000,
    )
    number = 0
    left = list(said)
    order.shuffle(left)
    while left:
        batch = [left.pop() for _ in range(min(len(left), order.randint(1, 3)))]
        symbols.settle(number, symbols._plan(Observed.join(said[one] for one in batch), []), [])
        number += 1
        if order.random() < 0.2:
            back = order.choice(batch)
            symbols.forget(number, [back], [])
            left.insert(order.randint(0, len(left)), back)
            number += 1
    return made.read_all()
