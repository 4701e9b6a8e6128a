"""``dim_symbol`` against a calendar: it says what the observations that stand say, whatever order they came in.

Twenty histories in the suite; a thousand with ``pytest -n 0 -m soak tests/properties/test_dim_symbol.py``.
"""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointline.tables import dim_symbol
from pointline.tables.symbols.checks import violations
from pointline.tables.symbols.observations import Kind, Observed, observe, with_unsaid
from pointline.tables.symbols.updates import UPDATE_SCHEMA, typed_updates
from tests.support import symbol_model
from tests.support.symbol_model import UNSAID, Said
from tests.support.told import origin, table_in_steps, versions_of

DAYS = 8
FIRST = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
EXCHANGES = ["binance", "okx", "bybit"]
SYMBOLS = ["A", "B", "C", "ÄB", "E"]
TICKS = {"fine": 0.01, "coarse": 0.1, "unknown": None}
SHARE = 0.25
LOOSE = settings(deadline=None, suppress_health_check=list(HealthCheck))

days = st.integers(0, DAYS - 1)
states = st.sampled_from(list(TICKS))
listed = st.dictionaries(st.sampled_from(SYMBOLS), st.one_of(states, states, st.just(UNSAID)), min_size=1)
snapshots = st.builds(
    Said,
    order=st.just(0),
    kind=st.just("snapshot"),
    day=days,
    listing=st.dictionaries(st.sampled_from(EXCHANGES), listed, min_size=1, max_size=3),
    accepted=st.sampled_from([False, False, False, True]),
    source=st.sampled_from(["", "lean"]),
)


def _of_one_day(day: int, said: dict[tuple[str, str], str | None]) -> Said:
    points = {(exchange, symbol, day): state for (exchange, symbol), state in said.items()}
    return Said(order=0, kind="partial", day=day, points=points)


keys = st.tuples(st.sampled_from(EXCHANGES), st.sampled_from(SYMBOLS))
partials = st.builds(_of_one_day, days, st.dictionaries(keys, states, min_size=1, max_size=3))
windows = st.builds(
    Said,
    order=st.just(0),
    kind=st.just("windows"),
    points=st.dictionaries(
        st.tuples(st.sampled_from(EXCHANGES), st.sampled_from(SYMBOLS), days), st.one_of(states, st.none()), max_size=4
    ).filter(bool),
)
orders = st.integers(0, 2**32).map(random.Random)
"""Not drawn number by number: those tend to 0, for which one goes back for ever."""
histories = st.lists(st.one_of(snapshots, snapshots, partials, windows), min_size=1, max_size=7)


def time(day: int) -> dt.datetime:
    return FIRST + dt.timedelta(days=day)


def observed(said: Said) -> Observed:
    """What a file would be read as."""
    told = (
        {(exchange, symbol, said.day): state for exchange, one in said.listing.items() for symbol, state in one.items()}
        if said.kind == "snapshot"
        else said.points
    )
    rows = [
        {
            "exchange": exchange,
            "symbol": symbol,
            "base_asset": symbol if state else None,
            "tick_size": TICKS[state] if state else None,
            "valid_from": time(day),
            "listed": state is not None,
        }
        for (exchange, symbol, day), state in told.items()
        if state != UNSAID
    ]
    updates = typed_updates(pl.DataFrame(rows, schema=UPDATE_SCHEMA))
    kind = Kind(said.kind)
    named = [(exchange, symbol) for (exchange, symbol, _), state in told.items() if state == UNSAID]
    unsaid = pl.DataFrame(named, schema=dict.fromkeys(dim_symbol.KEY, pl.String), orient="row")
    updates = with_unsaid(updates, unsaid, time(said.day))
    at = time(said.day) if kind is not Kind.WINDOWS else None
    who = origin(said.order, max_missing_share=SHARE, source=said.source, accepted=said.accepted)
    return observe(updates, kind, at, who)


def told(versions: pl.DataFrame) -> set[tuple[str, str, str, int, int | None]]:
    words = {tick: state for state, tick in TICKS.items()}
    return {
        (exchange, symbol, words[tick], (since - FIRST).days, until and (until - FIRST).days)
        for exchange, symbol, tick, since, until in versions.select(
            "exchange", "symbol", "tick_size", "valid_from", "valid_until"
        ).iter_rows()
    }


def check(history: list[Said], order: random.Random) -> None:
    said = [Said(**(vars(one) | {"order": number})) for number, one in enumerate(history, 1)]
    made = table_in_steps({one.order: observed(one) for one in said}, order)
    assert violations(made) == []
    assert told(made) == symbol_model.versions(said, DAYS, SHARE)
    assert versions_of(map(observed, said)).equals(made), "all at once makes the same table"


@pytest.mark.examples(8)
@settings(LOOSE, max_examples=20)
@given(history=histories, order=orders)
def test_every_day_says_what_stands(history, order):
    check(history, order)


@pytest.mark.soak
@pytest.mark.parametrize("_part", range(4))
@settings(LOOSE, max_examples=250)
@given(history=histories, order=orders)
def test_a_thousand_histories(_part, history, order):
    check(history, order)
