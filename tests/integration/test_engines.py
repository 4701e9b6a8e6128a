"""The tables are plain Delta: what Polars reads, other engines read, at every stage of a lake's life."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, QueryBuilder
from msgspec.structs import replace
from pointline_daemon.samples import Sample, write_sample

from tests.support.lake_check import put_file
from tests.support.process import pointline

DAY = dt.date(2024, 5, 1)
TABLES = ("trades", "book_snapshot_5", "options_chain", "dim_symbol")
SYMBOLS = ("BTC-PERPETUAL", "ETH-PERPETUAL", "SOL-PERPETUAL")
STAGES = ("ingest", "replacement", "compaction", "vacuum")
INSTRUMENT = {
    "id": "BTC-PERPETUAL",
    "exchange": "deribit",
    "baseCurrency": "BTC",
    "quoteCurrency": "USD",
    "type": "perpetual",
    "availableSince": "2018-08-14T00:00:00.000Z",
    "priceIncrement": 0.5,
}


def by_pyarrow(table: Path) -> pl.DataFrame:
    return pl.DataFrame(DeltaTable(table).to_pyarrow_dataset().to_table())


def by_duckdb(table: Path) -> pl.DataFrame:
    import duckdb  # noqa: PLC0415 - need not be there

    rows = DeltaTable(table).to_pyarrow_dataset()  # noqa: F841 - DuckDB finds it by its name
    with duckdb.connect() as database:
        database.execute("SET timezone = 'UTC'")
        return pl.DataFrame(database.sql("SELECT * FROM rows").arrow().read_all())


def by_datafusion(table: Path) -> pl.DataFrame:
    return pl.DataFrame(QueryBuilder().register("rows", DeltaTable(table)).execute("SELECT * FROM rows").read_all())


def by_daft(table: Path) -> pl.DataFrame:
    import daft  # noqa: PLC0415 - need not be there

    return pl.DataFrame(daft.read_deltalake(str(table)).to_arrow())


def is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not is_installed(package), reason=f"{package} is not installed: pip install -e '.[engines]'"
    )


ENGINES = [
    pytest.param(by_pyarrow, id="pyarrow"),
    pytest.param(by_duckdb, id="duckdb", marks=needs("duckdb")),
    pytest.param(by_datafusion, id="datafusion"),
    pytest.param(by_daft, id="daft", marks=needs("daft")),
]


def ran(lake: Path, *arguments: str) -> None:
    done = pointline(lake, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def lakes(tmp_path_factory) -> dict[str, Path]:
    """The same lake as it was after each stage."""
    root = tmp_path_factory.mktemp("engines")
    lake = root / "lake"
    samples = [
        Sample(exchange="deribit", data_type=table, symbol=symbol, date=DAY, rows=200)
        for symbol in SYMBOLS
        for table in TABLES[:3]
    ]
    folder = lake / "bronze" / f"tardis/exchange=deribit/type=instruments/date={DAY}"
    kept: dict[str, Path] = {}

    def keep(stage: str) -> None:
        kept[stage] = Path(shutil.copytree(lake, root / stage))

    put_file(folder, "all.json", json.dumps([INSTRUMENT]).encode())
    for number, sample in enumerate(samples, 1):
        write_sample(sample, lake / "bronze" / sample.file_name)
        if number % len(TABLES[:3]) == 0:
            ran(lake, "run", "--once")
    keep("ingest")
    for sample in samples[: len(TABLES[:3])]:
        write_sample(replace(sample, rows=150, seed=1), lake / "bronze" / sample.file_name)
    put_file(folder, "all.json", json.dumps([{**INSTRUMENT, "priceIncrement": 0.1}]).encode())
    ran(lake, "run", "--once")
    keep("replacement")
    ran(lake, "maintain", "--compact")
    keep("compaction")
    ran(lake, "maintain", "--vacuum", "--retention-hours", "0", "--below-floor")
    keep("vacuum")
    if is_installed("daft"):
        by_daft(lake / "silver" / "trades")  # from its first query on it keeps a thread
    return kept


def in_order(frame: pl.DataFrame, like: pl.DataFrame) -> pl.DataFrame:
    order = ["file_id", "file_seq"] if "file_seq" in like.columns else ["exchange", "symbol", "valid_from"]
    return frame.select(like.columns).sort(order)


@pytest.mark.parametrize("stage", STAGES)
class TestEveryStage:
    """Ingest, replacement, compaction, vacuum."""

    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize("read", ENGINES)
    @pytest.mark.share(4)
    def test_equal(self, lakes, stage, table, read: Callable[[Path], pl.DataFrame]):
        path = lakes[stage] / "silver" / table
        wanted = pl.read_delta(str(path))
        found = read(path)
        assert {name: found.schema[name] for name in wanted.columns} == dict(wanted.schema)
        assert in_order(found, wanted).equals(in_order(wanted, wanted))

    def test_there_is_what_was_dropped(self, lakes, stage):
        """So that equal is not equally wrong."""
        rows = 600 if stage == "ingest" else 550
        counted = {name: pl.read_delta(str(lakes[stage] / "silver" / name)).height for name in TABLES}
        assert counted == {"trades": rows, "book_snapshot_5": rows, "options_chain": rows, "dim_symbol": 1}
        parts = len(DeltaTable(lakes[stage] / "silver" / "trades").file_uris())
        assert parts == (len(SYMBOLS) if stage in {"ingest", "replacement"} else 1)
