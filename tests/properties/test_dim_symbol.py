"""``dim_symbol`` against a calendar: whatever is told in whatever order, each day says what the last word on it was.

Fifty histories in the suite; a thousand with ``pytest -n 0 -m soak tests/properties/test_dim_symbol.py``.
"""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointline.tables import dim_symbol
from pointline.tables.dim_symbol_checks import violations
from pointline.tables.dim_symbol_diff import diff
from pointline.tables.dim_symbol_snapshot import snapshot

DAYS = 10
FIRST = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
KEYS = [("binance", "A"), ("binance", "B"), ("binance", "ÄB"), ("okx", "A")]
STATES = ["fine", "coarse", "unknown"]
TICKS = {"fine": 0.01, "coarse": 0.1, "unknown": None}

Key = tuple[str, str]
Batch = dict[tuple[Key, int], str | None]
"""Updates by symbol and day; None is a delisting."""

batches = st.dictionaries(
    st.tuples(st.sampled_from(KEYS), st.integers(0, DAYS - 1)), st.sampled_from([*STATES, None]), max_size=6
)
snapshots = st.tuples(
    st.integers(0, DAYS - 1), st.dictionaries(st.sampled_from(KEYS), st.sampled_from(STATES), min_size=1)
)
histories = st.lists(st.one_of(batches, snapshots), min_size=1, max_size=6)
LOOSE = settings(deadline=None, suppress_health_check=list(HealthCheck))


class Calendar:
    """What holds on each day, by symbol; the day after the last one stands for ever after."""

    def __init__(self) -> None:
        self.days: dict[Key, list[str | None]] = {key: [None] * DAYS for key in KEYS}

    def update(self, batch: Batch) -> None:
        for key, days in self.days.items():
            told = {day: state for (one, day), state in batch.items() if one == key}
            recorded = {day for day in range(1, DAYS) if days[day] != days[day - 1]} | set(told)
            for first, state in told.items():
                until = min((day for day in recorded if day > first), default=DAYS)
                days[first:until] = [state] * (until - first)

    def snapshot(self, day: int, symbols: dict[Key, str]) -> None:
        exchanges = {exchange for exchange, _ in symbols}
        gone = [key for key in KEYS if key[0] in exchanges and key not in symbols and self.days[key][day] is not None]
        self.update({(key, day): state for key, state in symbols.items()} | {(key, day): None for key in gone})

    def versions(self) -> list[tuple[str, str, float | None, dt.datetime, dt.datetime | None, bool]]:
        found = []
        for (exchange, symbol), days in self.days.items():
            starts = [day for day in range(DAYS) if day == 0 or days[day] != days[day - 1]]
            for start, end in zip(starts, [*starts[1:], None], strict=True):
                state = days[start]
                if state is not None:
                    until = None if end is None else time(end)
                    found.append((exchange, symbol, TICKS[state], time(start), until, end is None))
        return sorted(found, key=lambda row: (row[0], row[1], row[3]))


def time(day: int) -> dt.datetime:
    return FIRST + dt.timedelta(days=day)


def rows(symbols: dict[Key, str | None]) -> list[dict[str, object]]:
    return [
        {
            "exchange": exchange,
            "symbol": symbol,
            "base_asset": symbol if state else None,
            "tick_size": TICKS[state] if state else None,
            "listed": state is not None,
        }
        for (exchange, symbol), state in symbols.items()
    ]


def updates(batch: Batch, order: random.Random | None = None) -> pl.DataFrame:
    told = [{**rows({key: state})[0], "valid_from": time(day)} for (key, day), state in batch.items()]
    if order:
        order.shuffle(told)
    return pl.DataFrame(told, schema=dim_symbol.UPDATE_SCHEMA)


def listing(symbols: dict[Key, str]) -> pl.DataFrame:
    schema = {name: kind for name, kind in dim_symbol.UPDATE_SCHEMA.items() if name != "valid_from"}
    return pl.DataFrame(rows(symbols), schema=schema)


def told(table: pl.DataFrame) -> list[tuple[object, ...]]:
    columns = ["exchange", "symbol", "tick_size", "valid_from", "valid_until", "is_current"]
    return table.sort("exchange", "symbol", "valid_from").select(columns).rows()


def replayed(before: pl.DataFrame, after: pl.DataFrame, changes: pl.DataFrame) -> None:
    """Every row that came or went is in the diff, and no other."""
    place = ["exchange", "symbol", "valid_from"]
    rows_before, rows_after = ({row[1:3] + row[-3:-2]: row for row in table.rows()} for table in (before, after))
    changed = {key for key in rows_before.keys() | rows_after.keys() if rows_before.get(key) != rows_after.get(key)}
    assert set(changes.select(place).rows()) == changed
    assert changes.height == len(changed)
    for change, *key, until in changes.select("change", *place, "valid_until").rows():
        old, new = rows_before.get(tuple(key)), rows_after.get(tuple(key))
        assert (change == "added") == (old is None)
        assert (change == "removed") == (new is None)
        if change == "closed":
            assert old[-2] is None
            assert new[-2] == until is not None


def check_history(history: list[Batch | tuple[int, dict[Key, str]]], order: random.Random) -> None:
    table, calendar = dim_symbol.empty(), Calendar()
    for step in history:
        if isinstance(step, tuple):
            day, symbols = step
            calendar.snapshot(day, symbols)
            after = snapshot(table, listing(symbols), time(day), insist=True)
            assert snapshot(after, listing(symbols), time(day)) is after, "the same snapshot again changes nothing"
        else:
            calendar.update(step)
            plan = dim_symbol.plan(table, updates(step))
            after = dim_symbol.apply(table, plan)
            assert dim_symbol.scd2_upsert(table, updates(step, order)).equals(after), "order does not matter"
            assert dim_symbol.scd2_upsert(after, updates(step)) is after, "the same batch again changes nothing"
            replayed(table, after, diff(plan))
        assert told(after) == calendar.versions()
        assert violations(after) == []
        table = after


@settings(LOOSE, max_examples=50)
@given(history=histories, order=st.randoms(use_true_random=False))
def test_every_day_says_what_the_last_word_on_it_was(history, order):
    check_history(history, order)


@pytest.mark.soak
@pytest.mark.parametrize("_part", range(4))
@settings(LOOSE, max_examples=250)
@given(history=histories, order=st.randoms(use_true_random=False))
def test_a_thousand_histories(_part, history, order):
    check_history(history, order)
