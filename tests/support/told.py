"""What tests say of symbols, and the versions that come of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import polars as pl

from pointline.tables.symbol_history import History, history
from pointline.tables.symbol_observations import Observed, Origin, unnamed

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
