"""Many symbols, and many snapshots. ``nice -n 19 pytest -n 0 -s -m bench tests/bench/test_dim_symbol.py``."""

from __future__ import annotations

import datetime as dt
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.symbols.observations import DeltaObservations
from pointline.io.symbols.table import DeltaSymbolTable
from pointline.services.symbols.changes import Symbols, Told
from pointline.tables import dim_symbol
from pointline.tables.symbols import observations as symbol_observations
from pointline.tables.symbols.observations import Kind, Observed, observe
from pointline.tables.symbols.updates import UPDATE_SCHEMA, typed_updates
from pointline.vendors.symbols.metadata import Metadata
from tests.support.fakes import MemoryManifest
from tests.support.told import NOW, origin, versions_of

pytestmark = pytest.mark.bench

SYMBOLS = 1_000_000
VERSIONS = 10
UPDATES = 10_000
DAY_US = 86_400_000_000
FIRST_US = 1_500_000_000_000_000


@contextmanager
def timed(what: str) -> Iterator[dict[str, float]]:
    taken: dict[str, float] = {}
    began, cpu_began = time.perf_counter(), time.process_time()
    yield taken
    taken["seconds"], cpu = time.perf_counter() - began, time.process_time() - cpu_began
    taken["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what:<44}{taken['seconds']:6.2f} s   of the processors {cpu:5.2f} s   peak {taken['peak_gb']:.2f} GB")


def store(lake: Path) -> tuple[DeltaObservations, DeltaSymbolTable, Symbols]:
    states = DeltaTableRepository(lake / symbol_observations.STATES_NAME, symbol_observations.STATES_SCHEMA)
    observations = DeltaObservations(lake / symbol_observations.NAME, states)
    table = DeltaSymbolTable(lake / dim_symbol.NAME)
    for repository in (states, observations, table):
        repository.create()
    symbols = Symbols(
        observations=observations,
        table=table,
        manifest=MemoryManifest(),
        max_missing_share=0.25,
        clock=lambda: int(NOW.timestamp()) * 1_000_000,
    )
    return observations, table, symbols


def windows(first: int, count: int) -> pl.DataFrame:
    """Ten versions of each symbol, ten days each."""
    row = pl.int_range(count * VERSIONS, dtype=pl.Int64)
    symbol, version = first + row // VERSIONS, row % VERSIONS
    values = {
        "exchange": pl.format("exchange-{}", symbol // 50_000 + 10),
        "symbol": pl.format("SYM{}USDT", symbol + 1_000_000),
        "base_asset": pl.format("SYM{}", symbol + 1_000_000),
        "quote_asset": pl.lit("USDT"),
        "market_type": pl.lit("spot"),
        "tick_size": 0.01 * (1 + version % 2),
        "lot_size": pl.lit(0.001),
        "min_order_size": pl.lit(0.001),
        "valid_from": FIRST_US + version * 10 * DAY_US,
        "listed": pl.lit(value=True),
    }
    return pl.select(values.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in UPDATE_SCHEMA.items())


def updates(apart: int) -> pl.DataFrame:
    """Of 10,000 symbols, so far apart, a new tick size, a third of them late; one in ten is a new symbol."""
    row = pl.int_range(UPDATES, dtype=pl.Int64)
    symbol = row * apart
    name = pl.format("SYM{}USDT", symbol + 1_000_000)
    values = {
        "exchange": pl.format("exchange-{}", symbol // 50_000 + 10),
        "symbol": pl.when(row % 10 == 0).then(name + "N").otherwise(name),
        "tick_size": pl.lit(0.5),
        "valid_from": FIRST_US + pl.when(row % 3 == 0).then(5).otherwise(200) * DAY_US,
        "listed": pl.lit(value=True),
    }
    return pl.select(values.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in UPDATE_SCHEMA.items())


def test_ten_thousand_updates_of_a_million_symbols(tmp_path):
    for step in ("build", "update_one_exchange", "update_everywhere"):
        code = (
            f"from pathlib import Path; from tests.bench import test_dim_symbol as b; b.{step}(Path({str(tmp_path)!r}))"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


def build(lake: Path) -> None:
    observations, table, _ = store(lake)
    for number in range(20):
        said = observe(windows(number * 50_000, 50_000), Kind.WINDOWS, None, origin(-1 - number, found=0))
        observations.commit(number, add=said, remove=[], outcomes=[])
    for repository in (observations, observations.states):  # as maintenance leaves them
        parts = repository.live_parts()
        repository.commit_parts(add=repository.merged(parts), remove=parts, data_change=False)
    made = [symbols_of(observations, f"exchange-{number + 10}") for number in range(20)]
    with timed("write 10 M versions"):
        table.replace(removed=dim_symbol.empty(), added=pl.concat(made), batch=19)


def symbols_of(observations: DeltaObservations, exchange: str) -> pl.DataFrame:
    return versions_of(
        [Observed(rows=observations.of_exchanges([exchange]), states=observations.states_of([exchange]))]
    )


def update_everywhere(lake: Path) -> None:
    """Of all exchanges: every data file holds some of them."""
    update(lake, batch=21, apart=SYMBOLS // UPDATES)


def update_one_exchange(lake: Path) -> None:
    update(lake, batch=20, apart=5)


def update(lake: Path, *, batch: int, apart: int) -> None:
    _, table, symbols = store(lake)
    told = Told(metadata=Metadata(updates=typed_updates(updates(apart)), snapshot_at=None))
    with timed("find what 10,000 updates change"):
        plan = symbols.update(batch, told, dry_run=True)
    assert plan.changes.added.height
    before = table.live_paths()
    with timed("the same, and write it") as taken:
        symbols.update(batch, told)
    assert taken["seconds"] < 2
    assert taken["peak_gb"] < 1
    print(f"{len(before - table.live_paths())} of {len(before)} files were written anew")


DAYS, LISTED = 3650, 3000


def test_ten_years_of_daily_snapshots(tmp_path):
    observations, _, symbols = store(tmp_path)
    chance = random.Random(1)
    ticks = dict.fromkeys(range(LISTED), 0.01)
    parts = []
    for day in range(DAYS):
        for _ in range(3):
            ticks[chance.randrange(LISTED)] = chance.choice([0.1, 0.01, 0.001])
        at = dt.datetime(2015, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day)
        frame = pl.DataFrame(
            {"exchange": "binance", "symbol": [f"S{one}" for one in ticks], "tick_size": list(ticks.values())}
        )
        frame = frame.with_columns(valid_from=pl.lit(at), listed=pl.lit(value=True))
        rows = frame.select(
            pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
            for name, kind in UPDATE_SCHEMA.items()
        )
        parts.append(observe(rows, Kind.SNAPSHOT, at, origin(day + 1)))
        if day == DAYS - 2:
            observations.commit(0, add=Observed.join(parts), remove=[], outcomes=[])
    with timed("rebuild from 11 M sightings") as taken:
        found = symbols.planner.compute()
    assert found.versions.filter("is_current").height == LISTED
    symbols.catch_up(1)
    with timed("one more day, written"):
        symbols.settle(1, symbols.planner.plan(parts[-1], []), [])
    assert taken["seconds"] < 2
