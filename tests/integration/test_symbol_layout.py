"""How ``dim_symbol`` lies on disk: readers see the same rows, and a change rewrites few files."""

from __future__ import annotations

import datetime as dt
import gzip
import random
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from pointline.errors import PointlineError
from pointline.io.delta.parts import ParquetPartWriter
from pointline.io.delta.reading import Parts, Wanted
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.symbols.layout import SymbolFile, end_or_never
from pointline.io.symbols.table import ORDER, DeltaSymbolTable
from pointline.tables import dim_symbol
from pointline.tables.dim_symbol import KEY, Scope, changes_between
from pointline.tables.symbols.observations import Kind, observe
from pointline.vendors.symbols.metadata import read_metadata
from tests.support import symbol_lists
from tests.support.fakes import MemorySymbolTable
from tests.support.told import origin, table_in_steps, versions_of

ROWS_PER_FILE = 20
FIRST = dt.datetime(2024, 5, 1, 0, 0, 0, 123_457, tzinfo=dt.UTC)
"""A log that knew milliseconds only would tell the times of two files apart that are the same."""
EXCHANGES = ["binance", "bybit", "okx"]
LONG = "will-it-rain-in-the-city-of-london-on-the-first-day-of-may-twenty-twenty-four-"
"""Longer than what the log keeps of a text."""
SYMBOLS = [*(f"S{number:02}" for number in range(40)), "Ä", "z\u00a0", *(LONG + str(number) for number in range(8))]


def versions(
    *said: tuple[str, str, int], tick: float = 0.1, days: list[int] | None = None, is_open: bool = True
) -> pl.DataFrame:
    """Of each exchange and symbol so many versions, from day to day; the last one has no end if it ``is_open``."""
    rows = []
    for exchange, symbol, count in said:
        starts = sorted(days or range(count + (not is_open)))[: count + (not is_open)]
        ends = [*starts[1:], *([None] if is_open else [])]
        rows += [
            {
                "exchange": exchange,
                "symbol": symbol,
                "tick_size": tick,
                "valid_from": FIRST + dt.timedelta(days=since),
                "valid_until": None if until is None else FIRST + dt.timedelta(days=until),
            }
            for since, until in zip(starts, ends, strict=False)
        ]
    made = pl.DataFrame(rows, schema=dim_symbol.SCHEMA)
    return made.with_columns(symbol_id=pl.lit(0, pl.Int64), is_current=pl.lit(value=False)).sort(ORDER)


def scope_of(*said: tuple[str, str]) -> Scope:
    named = pl.DataFrame(said, schema=dict.fromkeys(KEY, pl.String), orient="row").unique()
    return Scope(exchanges=frozenset(named["exchange"]), keys=named)


def table(lake: Path, *, rows_per_file: int = ROWS_PER_FILE) -> DeltaSymbolTable:
    made = DeltaSymbolTable(lake / dim_symbol.NAME, rows_per_file=rows_per_file)
    made.create()
    return made


def filled(lake: Path) -> DeltaSymbolTable:
    """Two exchanges, of each 40 symbols with four versions, a day each: eight files each, two for a day."""
    made = table(lake)
    said = versions(*((exchange, symbol, 4) for exchange in EXCHANGES[:2] for symbol in SYMBOLS[:40]))
    made.replace(removed=dim_symbol.empty(), added=said, batch=0)
    return made


def put(made: DeltaSymbolTable, rows: pl.DataFrame, *, batch: int | None) -> set[str]:
    """Put rows in the place of all of their symbols; return the files that were rewritten."""
    before = made.live_paths()
    was = made.versions_of(scope_of(*rows.select(KEY).rows()))
    removed, added = changes_between(was, rows).rows
    made.replace(removed=removed, added=added, batch=batch)
    return before - made.live_paths()


def rows_in(made: DeltaSymbolTable) -> pl.DataFrame:
    return made.read_all().sort(ORDER)


def require_laid_out(made: DeltaSymbolTable) -> None:
    layout = made._current_layout()
    assert layout is not None
    for exchange, files in layout.items():
        held = [pl.concat(made.rows_of(file.part)) for file in files]
        for file, rows in zip(files, held, strict=True):
            assert set(rows["exchange"]) == {exchange}
            assert rows["symbol"].is_sorted()
            assert rows.height <= ROWS_PER_FILE
            assert rows.select(end_or_never().min().alias("low"), end_or_never().max().alias("high")).row(0) == (
                file.start,
                file.end,
            )
        small = [2 * rows.height < ROWS_PER_FILE for rows in held]
        # A file that is cut leaves a small one, and one of several of a time joins no other.
        assert sum(small) <= 2 + len(files) / 2 + sum(map(one_of_several, files, files[1:]))
        assert all(one.end <= other.start for one, other in pairwise(files))


def one_of_several(file: SymbolFile, following: SymbolFile) -> bool:
    return file.shares_end_with(following)


def random_step(chance: random.Random, now: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Some symbols, as they were and as they will be: they get other versions, or none, or some end."""
    exchanges = chance.sample(EXCHANGES, chance.randint(1, 2))
    start, length = chance.randrange(len(SYMBOLS)), chance.choice([1, 2, 5, 50])
    named = [(exchange, symbol) for exchange in exchanges for symbol in sorted(SYMBOLS)[start : start + length]]
    removed = now.join(pl.DataFrame(named, schema=KEY, orient="row"), on=KEY, how="semi")
    most, days = chance.choice([0, 3, 3, 30]), chance.sample(range(60), 31)
    added = [
        versions(
            (*key, chance.randint(0, most)),
            tick=chance.choice([0.1, 0.2]),
            days=None if chance.random() < 0.5 else days,
            is_open=chance.random() < 0.7,
        )
        for key in named
    ]
    return removed, pl.concat(added)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.share(3)
def test_as_if_it_were_a_list_of_rows(tmp_path, seed):
    chance = random.Random(seed)
    made, model = table(tmp_path), MemorySymbolTable()
    for batch in range(8):
        removed, added = random_step(chance, model.rows)
        made.replace(removed=removed, added=added, batch=batch)
        model.replace(removed=removed, added=added, batch=batch)
        assert rows_in(made).equals(model.rows)
        scope = scope_of(*(added if added.height else removed).select(KEY).head(9).rows() or [("okx", "S00")])
        assert made.versions_of(scope).equals(model.versions_of(scope))
        assert set(made.exchanges()) == set(model.exchanges())
        require_laid_out(made)
        if chance.random() < 0.3:  # what the log tells to a process that did not write it
            made = DeltaSymbolTable(made.path, rows_per_file=ROWS_PER_FILE)
    public = Parts(made.path).scan(dim_symbol.SCHEMA, (), Wanted(exchanges=["okx"], symbols=[SYMBOLS[3], LONG + "0"]))
    named = pl.col("symbol").is_in([SYMBOLS[3], LONG + "0"])
    assert public.collect().sort(ORDER).equals(model.rows.filter(named, exchange="okx"))


class TestWhatIsWritten:
    def test_what_is_said_today_leaves_the_years_before(self, tmp_path):
        made = filled(tmp_path)
        assert len(made.live_paths()) == 16
        every_other = [("bybit", symbol, 5) for symbol in SYMBOLS[:40:2]]
        assert len(put(made, versions(*every_other), batch=1)) == 2, "those of bybit that had no end"
        assert rows_in(made).filter(exchange="bybit").height == 40 * 4 + 20

    def test_what_is_said_late_rewrites_what_ended_after_it(self, tmp_path):
        made = filled(tmp_path)
        late = versions(("bybit", "S07", 2), ("bybit", "S07a", 1), days=[0, 1])
        gone = made.versions_of(scope_of(("bybit", "S07"))).filter(pl.col("valid_from") <= FIRST + dt.timedelta(days=1))
        before = made.live_paths()
        made.replace(removed=gone, added=late.filter(symbol="S07"), batch=1)
        assert len(before - made.live_paths()) == 3, "two days, and what has no end"

    def test_nothing_where_nothing_is_another(self, tmp_path):
        made = filled(tmp_path)
        before, version = made.live_paths(), made.version()
        none = dim_symbol.empty()
        made.replace(removed=none, added=none, batch=None)
        assert (made.live_paths(), made.version()) == (before, version)
        made.replace(removed=none, added=none, batch=7)
        assert (made.live_paths(), made.last_batch()) == (before, 7)

    def test_a_batch_that_is_in_already(self, tmp_path):
        made = filled(tmp_path)
        assert not put(made, versions(("bybit", "S07", 1)), batch=0)
        assert rows_in(made).filter(exchange="bybit", symbol="S07").height == 4

    def test_an_exchange_that_is_taken_back(self, tmp_path):
        made = filled(tmp_path)
        made.replace(removed=rows_in(made).filter(exchange="binance"), added=dim_symbol.empty(), batch=1)
        assert made.exchanges() == ["bybit"]
        assert len(made.live_paths()) == 8

    @pytest.mark.parametrize("from_the_end", [False, True])
    def test_what_becomes_small_joins_its_neighbours(self, tmp_path, from_the_end):
        made = filled(tmp_path)
        names = sorted(SYMBOLS[4:40], reverse=from_the_end)
        for batch in range(1, 13):
            going = [("bybit", symbol) for symbol in names[3 * batch - 3 : 3 * batch]]
            made.replace(removed=made.versions_of(scope_of(*going)), added=dim_symbol.empty(), batch=batch)
            require_laid_out(made)
        assert rows_in(made).filter(exchange="bybit").height == 16
        assert len(made._current_layout()["bybit"]) <= 2

    def test_one_change_a_day(self, tmp_path):
        """Small files do not pile up, nor is all of it rewritten day by day."""
        made = filled(tmp_path)
        written = 0
        for day in range(5, 35):
            rows = made.versions_of(scope_of(("bybit", SYMBOLS[day % 40])))
            at = FIRST + dt.timedelta(days=day)
            ends = rows.filter(pl.col("valid_until").is_null())
            closed = ends.with_columns(valid_until=pl.lit(at))
            before = made.live_paths()
            made.replace(removed=ends, added=pl.concat([closed, ends.with_columns(valid_from=pl.lit(at))]), batch=day)
            require_laid_out(made)
            written += sum(part.rows for part in made.live_parts() if part.path not in before)
        assert rows_in(made).filter(exchange="bybit").height == 160 + 30
        assert written <= 30 * 1.5 * ROWS_PER_FILE
        assert len(made._current_layout()["bybit"]) <= 2 * (160 + 30) / ROWS_PER_FILE


class TestFilesOfOthers:
    @pytest.mark.parametrize("count", [1, 3])
    def test_are_laid_out_at_the_first_change(self, tmp_path, count):
        rows = versions(*((exchange, symbol, 2) for exchange in EXCHANGES for symbol in SYMBOLS))
        old = DeltaTableRepository(tmp_path / dim_symbol.NAME, dim_symbol.SCHEMA)
        old.create()
        for number in range(count):
            old.append(rows.gather_every(count, number))
        made = table(tmp_path)
        assert made._current_layout() is None
        assert rows_in(made).equals(rows)
        assert set(made.exchanges()) == set(EXCHANGES)
        put(made, versions(("okx", "S00", 3)), batch=1)
        require_laid_out(made)
        assert rows_in(made).height == rows.height + 1

    def test_so_are_those_by_symbol(self, tmp_path):
        """As an earlier release wrote them."""
        made = table(tmp_path)
        for names in (SYMBOLS[:20], SYMBOLS[20:40]):
            made.append(versions(*(("okx", symbol, 3) for symbol in names)))
        assert made._current_layout() is None
        before = rows_in(made)
        put(made, versions(("okx", "S00", 4)), batch=1)
        require_laid_out(made)
        assert rows_in(made).height == before.height + 1


def test_a_failure_leaves_no_files(tmp_path, monkeypatch):
    made = filled(tmp_path)
    before = rows_in(made)
    folder = {path.name for path in made.path.glob("*.parquet")}
    closed = []
    close = ParquetPartWriter.close

    def third_fails(self):
        closed.append(self)
        if len(closed) == 3:
            raise OSError(28, "No space left on device")
        return close(self)

    monkeypatch.setattr(ParquetPartWriter, "close", third_fails)
    with pytest.raises(PointlineError, match="no space left"):
        made.replace(removed=before, added=before.with_columns(tick_size=pl.lit(0.7)), batch=1)
    assert {path.name for path in made.path.glob("*.parquet")} == folder
    monkeypatch.undo()
    assert rows_in(made).equals(before)
    made.replace(removed=before, added=before.with_columns(tick_size=pl.lit(0.7)), batch=1)
    assert rows_in(made)["tick_size"].unique().to_list() == [0.7]


def test_a_symbol_too_long_for_the_log_is_looked_up_in_the_file(tmp_path):
    """What the choice of files rests on: without it every change would rewrite everything."""
    made = table(tmp_path, rows_per_file=7)
    made.replace(removed=dim_symbol.empty(), added=versions(*(("okx", symbol, 2) for symbol in SYMBOLS)), batch=0)
    told = list(made._newest_parts().bounded())
    assert not all(bound.is_known(part.rows) for part, bounds in told for bound in bounds)
    assert made._current_layout() is not None


def test_what_is_not_as_old_as_it_says(tmp_path):
    made = table(tmp_path)
    now = FIRST + dt.timedelta(days=1)
    rows = dim_symbol.as_of(versions(("okx", "A", 3), ("okx", "B", 1)), now)
    made.replace(removed=dim_symbol.empty(), added=rows, batch=0)
    assert made.not_as_of(now).is_empty()
    later = made.not_as_of(now + dt.timedelta(days=1)).sort(ORDER)
    assert later.select("symbol", "valid_from").rows() == [("A", now), ("A", now + dt.timedelta(days=1))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.share(2)
def test_eleven_lists_in_any_order(tmp_path, seed):
    """With restarts and crashes, some withdrawn and said again: small files are split and joined on the way."""
    said_of = {}
    for place, file in enumerate(symbol_lists.made(), 1):
        at = dt.datetime.combine(file.day, dt.time(), dt.UTC)
        told = read_metadata(gzip.decompress(file.content), effective_at=at).updates
        said_of[place] = observe(told, Kind.SNAPSHOT, at, origin(place, source="lean"))
    made = table(tmp_path)
    assert table_in_steps(said_of, random.Random(seed), made).equals(versions_of(said_of.values()))
    require_laid_out(made)
