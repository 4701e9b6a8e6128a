"""How ``dim_symbol`` lies on disk: readers see the same rows in the same order, and a change rewrites few files."""

from __future__ import annotations

import datetime as dt
import random
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from pointline.errors import PointlineError
from pointline.io.delta.parts import ParquetPartWriter
from pointline.io.delta.reading import Parts, Wanted
from pointline.io.delta.symbol_store import ORDER, DeltaSymbolTable
from pointline.io.delta.table import DeltaTableRepository
from pointline.tables import dim_symbol
from pointline.tables.dim_symbol import KEY, Scope
from tests.support.fakes import MemorySymbolTable

ROWS_PER_FILE = 20
FIRST = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
EXCHANGES = ["binance", "bybit", "okx"]
LONG = "will-it-rain-in-the-city-of-london-on-the-first-day-of-may-twenty-twenty-four-"
"""Longer than what the log keeps of a text."""
SYMBOLS = [*(f"S{number:02}" for number in range(40)), "Ä", "z\u00a0", *(LONG + str(number) for number in range(8))]


def versions(*said: tuple[str, str, int], tick: float = 0.1) -> pl.DataFrame:
    """Of each exchange and symbol so many versions, a day each."""
    rows = [
        {"exchange": exchange, "symbol": symbol, "tick_size": tick, "valid_from": FIRST + dt.timedelta(days=day)}
        for exchange, symbol, count in said
        for day in range(count)
    ]
    return pl.DataFrame(rows, schema=dim_symbol.SCHEMA).with_columns(symbol_id=pl.lit(0, pl.Int64)).sort(ORDER)


def keys(*said: tuple[str, str]) -> Scope:
    named = pl.DataFrame(said, schema=dict.fromkeys(KEY, pl.String), orient="row").unique()
    return Scope(exchanges=frozenset(named["exchange"]), keys=named)


def table(lake: Path, *, rows_per_file: int = ROWS_PER_FILE) -> DeltaSymbolTable:
    made = DeltaSymbolTable(lake / dim_symbol.NAME, rows_per_file=rows_per_file)
    made.create()
    return made


def filled(lake: Path, *, symbols: int = 40) -> DeltaSymbolTable:
    """Two exchanges, four versions of each symbol: eight files each."""
    made = table(lake)
    said = versions(*((exchange, symbol, 4) for exchange in EXCHANGES[:2] for symbol in SYMBOLS[:symbols]))
    made.replace(said, Scope(exchanges=frozenset(EXCHANGES[:2])), batch=0)
    return made


def files(made: DeltaSymbolTable) -> list[pl.DataFrame]:
    return [pl.concat(made.rows_of(part)) for part in made.live_parts()]


def require_laid_out(made: DeltaSymbolTable) -> None:
    by_exchange: dict[str, list[pl.DataFrame]] = {}
    for rows in files(made):
        assert rows["exchange"].n_unique() == 1
        by_exchange.setdefault(rows["exchange"][0], []).append(rows)
    for of_exchange in by_exchange.values():
        of_exchange.sort(key=lambda rows: rows["symbol"].min())
        assert all(one["symbol"].max() < other["symbol"].min() for one, other in pairwise(of_exchange))
        count, height = len(of_exchange), sum(rows.height for rows in of_exchange)
        assert count <= 4 * height / ROWS_PER_FILE + 1
        most = pl.concat(of_exchange).group_by("symbol").len()["len"].max()
        assert all(rows.height < ROWS_PER_FILE + most for rows in of_exchange)


def random_step(chance: random.Random) -> tuple[pl.DataFrame, Scope]:
    exchanges = chance.sample(EXCHANGES, chance.randint(1, 2))
    # A stretch of symbols, so that files become empty, small and too large.
    start, length = chance.randrange(len(SYMBOLS)), chance.choice([1, 2, 5, 50])
    named = [(exchange, symbol) for exchange in exchanges for symbol in sorted(SYMBOLS)[start : start + length]]
    is_whole = chance.random() < 0.3
    most = chance.choice([0, 3, 3, 30])
    rows = versions(*((*key, chance.randint(0, most)) for key in named), tick=chance.choice([0.1, 0.2]))
    return rows, Scope(exchanges=frozenset(exchanges)) if is_whole else keys(*named)


@pytest.mark.parametrize("seed", range(6))
def test_as_if_it_were_a_list_of_rows(tmp_path, seed):
    chance = random.Random(seed)
    made, model = table(tmp_path), MemorySymbolTable()
    for batch in range(8):
        rows, scope = random_step(chance)
        made.replace(rows, scope, batch=batch)
        model.replace(rows, scope, batch=batch)
        assert made.read_all().equals(model.rows)
        assert made.versions_of(scope).equals(model.versions_of(scope))
        require_laid_out(made)
    again = DeltaSymbolTable(made.path, rows_per_file=ROWS_PER_FILE)
    assert again.read_all().equals(model.rows)
    public = Parts(made.path).scan(dim_symbol.SCHEMA, (), Wanted(exchanges=["okx"], symbols=[SYMBOLS[3], LONG + "0"]))
    named = pl.col("symbol").is_in([SYMBOLS[3], LONG + "0"])
    assert public.collect().sort(ORDER).equals(model.rows.filter(named, exchange="okx"))


class TestWhatIsWritten:
    def test_only_files_in_which_something_is_another(self, tmp_path):
        made = filled(tmp_path)
        before = made.live_paths()
        assert len(before) == 16
        said = [("bybit", "S07", 2), ("bybit", "S07a", 1), ("bybit", "S31", 4)]
        made.replace(versions(*said), keys(*(one[:2] for one in said)), batch=1)
        assert len(before - made.live_paths()) == 1, "S07 is another, S31 is as it was"
        assert made.scan().filter(exchange="bybit", symbol="S07a").collect().height == 1

    def test_nothing_where_nothing_is_another(self, tmp_path):
        made = filled(tmp_path)
        before, version = made.live_paths(), made.version()
        whole = Scope(exchanges=frozenset(EXCHANGES))
        made.replace(made.read_all(), whole, batch=None)
        assert (made.live_paths(), made.version()) == (before, version)
        made.replace(made.read_all(), whole, batch=7)
        assert (made.live_paths(), made.last_batch()) == (before, 7)

    def test_an_exchange_that_is_taken_back(self, tmp_path):
        made = filled(tmp_path)
        made.replace(dim_symbol.empty(), Scope(exchanges=frozenset(["binance"])), batch=1)
        assert made.read_all()["exchange"].unique().to_list() == ["bybit"]
        assert len(made.live_paths()) == 8

    @pytest.mark.parametrize("from_the_end", [False, True])
    def test_what_becomes_small_joins_its_neighbours(self, tmp_path, from_the_end):
        made = filled(tmp_path, symbols=20)
        for batch, symbol in enumerate(sorted(SYMBOLS[:20], reverse=from_the_end), 1):
            made.replace(versions(("bybit", symbol, 1)), keys(("bybit", symbol)), batch=batch)
            require_laid_out(made)
        assert sum(rows["exchange"][0] == "bybit" for rows in files(made)) <= 2

    def test_more_versions_of_a_symbol_than_a_file_should_have(self, tmp_path):
        made = filled(tmp_path)
        made.replace(versions(("bybit", "S20", 3 * ROWS_PER_FILE)), keys(("bybit", "S20")), batch=1)
        require_laid_out(made)
        assert made.scan().filter(exchange="bybit", symbol="S20").collect().height == 3 * ROWS_PER_FILE


class TestFilesOfOthers:
    @pytest.mark.parametrize("count", [1, 3])
    def test_are_laid_out_at_the_first_change(self, tmp_path, count):
        rows = versions(*((exchange, symbol, 2) for exchange in EXCHANGES for symbol in SYMBOLS))
        old = DeltaTableRepository(tmp_path / dim_symbol.NAME, dim_symbol.SCHEMA)
        old.create()
        for number in range(count):
            old.append(rows.gather_every(count, number))
        made = table(tmp_path)
        assert made.read_all().equals(rows)
        made.replace(versions(("okx", "S00", 3)), keys(("okx", "S00")), batch=1)
        require_laid_out(made)
        assert made.read_all().height == rows.height + 1
        assert made.read_all().equals(made.read_all().sort(ORDER))


def test_a_failure_leaves_no_files(tmp_path, monkeypatch):
    made = filled(tmp_path)
    before = made.read_all()
    folder = {path.name for path in made.path.glob("*.parquet")}
    closed = []
    close = ParquetPartWriter.close

    def third_fails(self):
        closed.append(self)
        if len(closed) == 3:
            raise OSError(28, "No space left on device")
        return close(self)

    monkeypatch.setattr(ParquetPartWriter, "close", third_fails)
    everything = Scope(exchanges=frozenset(EXCHANGES))
    with pytest.raises(PointlineError, match="no space left"):
        made.replace(before.with_columns(tick_size=pl.lit(0.7)), everything, batch=1)
    assert {path.name for path in made.path.glob("*.parquet")} == folder
    monkeypatch.undo()
    assert made.read_all().equals(before)
    made.replace(before.with_columns(tick_size=pl.lit(0.7)), everything, batch=1)
    assert made.read_all()["tick_size"].unique().to_list() == [0.7]


def test_symbols_have_bounds_in_the_log_and_in_the_file(tmp_path):
    """What the choice of files rests on: without it every change would rewrite everything."""
    made = filled(tmp_path, symbols=len(SYMBOLS))
    bounds = [told for _, told in made._newest_parts().bounded()]
    assert sum(None in one for one in bounds) > 0, "a long symbol has none in the log"
    assert made._current_layout() is not None
