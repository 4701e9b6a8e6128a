"""The rules of evidence by example; ``tests/properties`` has the same against a model."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pointline.services.symbols.changes import Symbols
from pointline.tables import dim_symbol
from pointline.tables.symbols.observations import Kind, Observed, observe, recorded, with_unsaid
from pointline.tables.symbols.updates import UPDATE_SCHEMA, typed_updates
from tests.support.fakes import MemoryManifest, MemoryObservations, MemorySymbolTable
from tests.support.told import NOW, history_of, origin, versions_of

TEN = [f"S{number}" for number in range(10)]


def day(number: int) -> dt.datetime:
    return dt.datetime(2024, 5, number, tzinfo=dt.UTC)


def updates(number: int, exchange: str, *symbols: str, tick: float = 0.1, listed: bool = True) -> pl.DataFrame:
    rows = [
        {"exchange": exchange, "symbol": symbol, "tick_size": tick, "valid_from": day(number), "listed": listed}
        for symbol in symbols
    ]
    return typed_updates(pl.DataFrame(rows, schema=UPDATE_SCHEMA))


def snapshot(file_id: int, number: int, *symbols: str, tick: float = 0.1, accepted: bool = False) -> Observed:
    said = updates(number, "okx", *symbols, tick=tick)
    return observe(said, Kind.SNAPSHOT, day(number), origin(file_id, accepted=accepted), of="okx")


def a_list(file_id: int, number: int, **exchanges: list[str]) -> Observed:
    said = pl.concat([updates(number, exchange, *symbols) for exchange, symbols in exchanges.items()])
    return observe(said, Kind.SNAPSHOT, day(number), origin(file_id, source="all"))


def update(file_id: int, number: int, symbol: str, tick: float, kind: Kind = Kind.PARTIAL) -> Observed:
    return observe(updates(number, "okx", symbol, tick=tick), kind, None, origin(file_id))


def windows(said: list[Observed], symbol: str, exchange: str = "okx") -> list[tuple[float, int, int | None]]:
    rows = versions_of(said).filter(exchange=exchange, symbol=symbol)
    return rows.select("tick_size", pl.col("valid_from").dt.day(), pl.col("valid_until").dt.day()).rows()


def held(said: list[Observed]) -> list[tuple[int, str, int, int]]:
    return history_of(said).held.select("file_id", "exchange", "missing", "listed").rows()


class TestOrder:
    @pytest.mark.parametrize(
        ("said", "tick"),
        [
            ([snapshot(2, 1, "A", tick=2), snapshot(1, 1, "A", tick=1)], 2),
            ([snapshot(3, 1, "A", tick=3), update(2, 1, "A", 2)], 2),
            ([update(2, 1, "A", 2), update(1, 1, "A", 1, Kind.WINDOWS)], 1),
            ([update(2, 1, "A", 2), update(3, 1, "A", 3)], 3),
            (
                [
                    update(5, 1, "A", 1),
                    observe(updates(1, "okx", "A", tick=2), Kind.PARTIAL, None, origin(-1, found=5)),
                ],
                2,
            ),
        ],
        ids=["later snapshot", "update before snapshot", "windows first", "later update", "update after its file"],
    )
    def test_at_one_time(self, said, tick):
        assert windows(said, "A") == windows(said[::-1], "A") == [(tick, 1, None)]

    def test_a_snapshot_says_again_what_an_update_changed(self):
        said = [snapshot(1, 1, "A"), snapshot(2, 5, "A"), update(3, 3, "A", 0.5)]
        assert windows(said, "A") == [(0.1, 1, 3), (0.5, 3, 5), (0.1, 5, None)]

    def test_what_was_recorded_counts_until_something_is_known(self):
        old = recorded(versions_of([snapshot(1, 1, "A"), snapshot(2, 3, "A", tick=2)]))
        assert windows([old], "A") == [(0.1, 1, 3), (2.0, 3, None)]
        assert windows([old, snapshot(4, 9, "A")], "A") == [(0.1, 9, None)]


class TestHeld:
    FULL = snapshot(1, 1, *TEN)
    FEW = snapshot(2, 3, *TEN[:2])

    def test_what_lacks_too_much(self):
        assert held([self.FULL, self.FEW]) == [(2, "okx", 8, 10)]
        assert windows([self.FULL, self.FEW], "S9") == [(0.1, 1, None)]

    def test_as_much_as_is_allowed(self):
        assert held([snapshot(1, 1, *TEN[:4]), snapshot(2, 3, *TEN[:3])]) == []

    def test_the_first_one_lacks_nothing(self):
        assert held([self.FEW]) == []

    def test_accepted(self):
        said = [self.FULL, snapshot(2, 3, *TEN[:2], accepted=True)]
        assert held(said) == []
        assert windows(said, "S9") == [(0.1, 1, 3)]

    def test_released_by_the_next_that_agrees(self):
        said = [self.FULL, self.FEW, snapshot(3, 7, *TEN[:2])]
        assert held(said) == []
        assert windows(said, "S9") == [(0.1, 1, 3)]

    @pytest.mark.parametrize("other", [TEN, TEN[2:4], []], ids=["all of it", "the rest", "nothing"])
    def test_not_by_one_that_does_not(self, other):
        assert (2, "okx", 8, 10) in held([self.FULL, self.FEW, snapshot(3, 7, *other)])

    def test_one_found_later_for_the_same_time_does_not_release(self):
        assert [one[0] for one in held([self.FULL, self.FEW, snapshot(3, 3, *TEN[:2])])] == [3, 2]

    def test_what_an_update_told_of_meanwhile_is_lacking_too(self):
        said = [snapshot(1, 1, *TEN[:2]), update(2, 2, "NEW", 1.0), snapshot(3, 3, *TEN[:2])]
        assert held(said) == [(3, "okx", 1, 3)]

    def test_windows_of_the_very_time_are_not_lacking(self):
        said = [snapshot(1, 1, *TEN[:2]), update(2, 3, "S1", 1.0, Kind.WINDOWS), snapshot(3, 3, "S0")]
        assert held(said) == []


class TestNamedNoLonger:
    def test_is_held_until_it_is_confirmed(self):
        said = [a_list(1, 1, okx=TEN, bybit=TEN, gate=TEN), a_list(2, 3, okx=TEN, bybit=TEN)]
        assert held(said) == [(2, "gate", 10, 10)]
        said.append(a_list(3, 5, okx=TEN, bybit=TEN))
        assert held(said) == []
        assert windows(said, "S0", "gate") == [(0.1, 1, 3)]

    def test_a_list_of_other_exchanges_says_nothing_of_it(self):
        said = [a_list(1, 1, okx=TEN, bybit=TEN), a_list(2, 3, gate=TEN, huobi=TEN), a_list(3, 4, gate=TEN, huobi=TEN)]
        assert held(said) == []
        assert windows(said, "S0") == [(0.1, 1, None)]


def unsaid(file_id: int, number: int, symbol: str, *, tick: float = 1) -> Observed:
    """A snapshot of all of ``TEN``, in which the row of one symbol cannot be right."""
    said = updates(number, "okx", *(one for one in TEN if one != symbol), tick=tick)
    named = pl.DataFrame({"exchange": ["okx"], "symbol": [symbol]})
    return observe(with_unsaid(said, named, day(number)), Kind.SNAPSHOT, day(number), origin(file_id), of="okx")


class TestUnsaid:
    """A snapshot that names a symbol in a row that cannot be right is no evidence of it, one way or the other."""

    WHOLE = snapshot(1, 1, *TEN, tick=1)

    @pytest.mark.parametrize(
        ("more", "wanted"),
        [
            ([unsaid(2, 2, "S0")], [(1, 1, None)]),
            ([unsaid(2, 2, "S0"), snapshot(3, 3, *TEN, tick=1)], [(1, 1, None)]),
            ([unsaid(2, 2, "S0"), snapshot(3, 3, *TEN, tick=2)], [(1, 1, 3), (2, 3, None)]),
            ([unsaid(2, 2, "S0"), unsaid(3, 3, "S0"), snapshot(4, 4, *TEN[1:], tick=1)], [(1, 1, 4)]),
            ([snapshot(2, 2, *TEN[1:], tick=1), unsaid(3, 3, "S0")], [(1, 1, 2)]),
            ([update(2, 2, "S0", 2), unsaid(3, 3, "S0")], [(1, 1, 2), (2, 2, None)]),
            ([update(2, 2, "S0", 2), unsaid(3, 3, "S0"), snapshot(4, 4, *TEN, tick=1)],
             [(1, 1, 2), (2, 2, 4), (1, 4, None)]),
            ([update(2, 2, "S0", 2), unsaid(3, 3, "S0"), snapshot(4, 4, *TEN[1:], tick=1)], [(1, 1, 2), (2, 2, 4)]),
        ],
        ids=["last", "then as before", "then another", "twice, then gone", "gone before", "keeps an update",
             "an update until the next that says", "an update until it is gone"],
    )  # fmt: skip
    def test_what_becomes_of_it(self, more, wanted):
        said = [self.WHOLE, *more]
        assert windows(said, "S0") == windows(said[::-1], "S0") == wanted
        assert held(said) == []

    def test_it_is_not_missing(self):
        """Nor is it a symbol that was never told of."""
        lists = [self.WHOLE, *(unsaid(number, number, "S0") for number in (2, 3))]
        assert held([*lists, snapshot(4, 4, *TEN[3:], tick=1)]) == [(4, "okx", 3, 10)]
        assert windows([self.WHOLE, unsaid(2, 2, "NEW")], "NEW") == []


class TestIsCurrent:
    """What begins and ends with time alone is seen within the hour, whatever the clock does."""

    HOUR = 3_600_000_000

    def test_by_the_clock(self):
        start = int(NOW.timestamp()) * 1_000_000
        clock = [start]
        symbols = Symbols(
            observations=MemoryObservations(),
            table=(table := MemorySymbolTable()),
            manifest=MemoryManifest(),
            max_missing_share=0.25,
            clock=lambda: clock[0],
        )
        table.rows = symbols_from([start + 2 * self.HOUR, start - 2 * self.HOUR])
        writes = []
        replace = table.replace
        table.replace = lambda *args, **known: (writes.append(clock[0]), replace(*args, **known))
        symbols.refresh()
        assert table.read_all()["is_current"].to_list() == [False, True]
        assert writes == []
        for minutes in range(0, 181, 5):
            clock[0] = start + minutes * 60_000_000
            symbols.refresh()
            assert table.read_all()["is_current"][0] is (minutes >= 165), minutes
        assert len(writes) == 1
        clock[0] = start - self.HOUR  # put back: at once it is not current any more
        symbols.refresh()
        assert table.read_all()["is_current"].to_list() == [False, True]


def symbols_from(times: list[int]) -> pl.DataFrame:
    """One open version from each time on."""
    rows = {"exchange": "binance", "symbol": [f"S{number}" for number in range(len(times))], "valid_from": times}
    table = pl.DataFrame(rows).with_columns(pl.col("valid_from").cast(pl.Datetime("us", "UTC")))
    whole = table.select(
        pl.col(name) if name in table.columns else pl.lit(None).cast(kind).alias(name)
        for name, kind in dim_symbol.SCHEMA.items()
    )
    return dim_symbol.as_of(whole, NOW)
