"""What people do with ``import pointline``: names are found, slips are said, frames go on to other tools."""

from __future__ import annotations

import datetime as dt
import gzip
import importlib.util
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pytest

import pointline
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.tables import ingest_manifest
from tests.support import warm
from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import environment
from tests.support.process import pointline as ran
from tests.support.small_lake import add_trades, at, trades

NAMES = ["NoVersion", "PointlineError", "coverage", "files", "scan", "symbols", "tables", "with_symbols"]


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """Trades of two symbols on the first and the third of May, one with bad rows; quotes of one; one refused."""
    root = tmp_path_factory.mktemp("api")
    names = [file_name("trades", symbol, day=f"2024-05-0{day}") for symbol in ("BTCUSDT", "ETHUSDT") for day in (1, 3)]
    for name in (*names, file_name("quotes", "BTCUSDT"), file_name("trades", "DOGE-USD", exchange="deribit")):
        put_file(root / "bronze", name, file_content(name, 40, bad=[3, 7] if name == names[0] else []))
    put_file(root / "bronze", file_name("trades", "XRPUSDT"), b"no gzip")
    assert ran(root, "run", "--once").returncode in {0, 1}
    return root


class TestNames:
    """What is there is seen by completion, and loads nothing before it is used."""

    def test_completion_shows_what_is_exported(self):
        seen = [name for name in python("import pointline; print(*dir(pointline))").split() if name[0] != "_"]
        assert seen == sorted(pointline.__all__) == NAMES

    def test_each_is_there_and_documented(self):
        for name in NAMES:
            assert getattr(pointline, name).__doc__
        for name in ("coverage", "files", "scan", "symbols"):
            assert ">>> " in getattr(pointline, name).__doc__

    def test_importing_it_loads_no_reader(self):
        assert python("import sys, pointline; print('polars' in sys.modules)").strip() == "False"

    def test_what_is_not_there_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match="no attribute 'scann'"):
            pointline.scann  # noqa: B018 - looked up

    @pytest.mark.parametrize("first", ["", "import pointline.tables.trades; ", "from pointline import scan; "])
    def test_tables_is_a_function_whatever_was_imported_before(self, lake, first):
        code = f"{first}import pointline; print(pointline.tables(lake_root={str(lake)!r}).height)"
        assert int(python(code)) == pointline.tables(lake_root=lake).height

    def test_a_traceback_shows_what_to_try(self):
        with pytest.raises(pointline.PointlineError) as told:
            pointline.scan("trade")
        text = "".join(traceback.format_exception(told.value))
        assert "there is no table 'trade'\ntry: did you mean trades" in text
        assert "\n" not in str(told.value)


class TestFrames:
    """The lake at a glance, as Polars frames."""

    def test_tables(self, lake):
        found = pointline.tables(lake_root=lake).filter(pl.col("rows") > 0)
        rows = {row["table"]: row for row in found.iter_rows(named=True)}
        known = ("rows", "rows_quarantined", "files", "exchanges", "symbols", "first", "last")
        assert [rows["trades"][name] for name in known] == [198, 2, 5, 2, 3, dt.date(2024, 5, 1), dt.date(2024, 5, 3)]
        assert rows["quotes"]["rows"] == 40
        assert rows["ingest_manifest"]["rows"] == 7
        assert rows["quarantine"]["rows"] == 2
        assert rows["trades"]["size_bytes"] > 0

    def test_files_without_rows_add_no_symbol_and_are_found_by_what_their_paths_claim(self, tmp_path):
        month = "data/futures/um/monthly/trades/AAA/AAA-trades-2024-05.zip"
        (tmp_path / "bronze" / month).parent.mkdir(parents=True)
        put_file(tmp_path / "bronze", file_name("trades", "AAA"), gzip.compress(b""))
        put_file(tmp_path / "bronze", file_name("trades", "BBB"), file_content(file_name("trades", "BBB"), 2))
        put_file(tmp_path / "bronze", month, b"no zip")
        assert ran(tmp_path, "run", "--once").returncode == 1
        assert pointline.tables(lake_root=tmp_path).filter(table="trades")["symbols"].item() == 1
        for start, end, found in (("2024-05-15", "2024-05-16", [month]), ("2024-06-01", None, [])):
            files = pointline.files(start=start, end=end, lake_root=tmp_path)
            assert files["bronze_file_path"].to_list() == found
            assert files.columns == list(ingest_manifest.SCHEMA)

    def test_tables_of_a_lake_that_holds_nothing(self, tmp_path):
        (tmp_path / "silver").mkdir()
        found = pointline.tables(lake_root=tmp_path)
        assert set(found["rows"]) == {0}
        assert found["version"].null_count() == found.height > 14
        assert pointline.symbols(lake_root=tmp_path).is_empty()
        assert pointline.coverage(lake_root=tmp_path).is_empty()
        assert pointline.files(lake_root=tmp_path).is_empty()

    def test_symbols(self, lake):
        found = pointline.symbols("trades", exchange="Binance", lake_root=lake)
        assert found.rows() == [
            ("binance", symbol, "trades", 2, rows, dt.date(2024, 5, 1), dt.date(2024, 5, 3))
            for symbol, rows in (("BTCUSDT", 78), ("ETHUSDT", 80))
        ]
        assert pointline.symbols(symbol="BTCUSDT", lake_root=lake)["table"].to_list() == ["quotes", "trades"]

    @pytest.mark.parametrize(
        ("asked", "files"),
        [
            ({}, 7),
            ({"table": "trades"}, 6),
            ({"status": "quarantined"}, 1),
            ({"status": ["success", "quarantined"], "exchange": "deribit"}, 1),
            ({"symbol": "BTCUSDT"}, 3),
            ({"symbol": ["BTCUSDT", "XRPUSDT"], "start": "2024-05-02"}, 1),
            ({"end": "2024-05-02"}, 5),
            ({"start": "2024-05-02", "end": "2024-05-03"}, 0),
        ],
    )
    def test_files(self, lake, asked, files):
        assert pointline.files(**asked, lake_root=lake).height == files

    def test_coverage_names_days_and_what_is_missing_between_them(self, lake):
        found = pointline.coverage("trades", symbol=["BTCUSDT", "XRPUSDT"], lake_root=lake)
        assert found.select("symbol", "first", "last", "days", "state", "rows").rows() == [
            ("BTCUSDT", dt.date(2024, 5, 1), dt.date(2024, 5, 1), 1, "present", 38),
            ("BTCUSDT", dt.date(2024, 5, 2), dt.date(2024, 5, 2), 1, "missing", 0),
            ("BTCUSDT", dt.date(2024, 5, 3), dt.date(2024, 5, 3), 1, "present", 40),
            ("XRPUSDT", dt.date(2024, 5, 1), dt.date(2024, 5, 1), 1, "quarantined", 0),
        ]
        assert found["error"][3]
        assert found["is_covered"].to_list() == [True, False, True, False]
        assert pointline.coverage("trades", symbol="BTCUSDT", start="2024-05-02", lake_root=lake).height == 2

    @pytest.mark.parametrize(
        ("made", "asked", "what"),
        [
            (pointline.files, {"status": "sucess"}, "no status 'sucess'\ntry: did you mean success"),
            (pointline.files, {"symbol": "BTCUSD"}, "no symbol 'BTCUSD'\ntry: did you mean BTCUSDT"),
            (pointline.symbols, {"exchange": "bnance"}, "no exchange 'bnance'\ntry: did you mean binance"),
            (pointline.coverage, {"table": "trade"}, "no table 'trade'\ntry: did you mean trades"),
            (pointline.coverage, {"start": "May"}, "start is 'May'"),
        ],
    )
    def test_a_slip_is_an_error(self, lake, made: Callable[..., pl.DataFrame], asked, what):
        with pytest.raises(pointline.PointlineError, match=what):
            made(**asked, lake_root=lake)


class TestSlips:
    """A name that the table holds on no day is an error that names the near ones, and where it is held."""

    @pytest.mark.parametrize(
        ("asked", "hint"),
        [
            ({"symbol": "BTCUSD"}, ["did you mean BTCUSDT"]),
            ({"symbol": "btcusdt"}, ["did you mean BTCUSDT"]),
            ({"symbol": "DOGE-USD", "exchange": "binance"}, ["it is in deribit trades"]),
            ({"symbol": "XRPUSDT"}, ["`pointline files --symbol XRPUSDT`", '`pointline.symbols("trades")` lists all']),
            ({"exchange": "bnance"}, ["did you mean binance"]),
            (
                {"table": "quotes", "exchange": "deribit"},
                ["rows of binance", "lake has deribit in trades"],
            ),
            ({"table": "quotes", "symbol": "ETHUSDT"}, ["it is in binance trades"]),
            ({"table": "bars", "symbol": "BTCUSD"}, ["did you mean BTCUSDT"]),
            ({"table": "dim_symbol", "exchange": "okx"}, ["binance"]),
        ],
    )
    @pytest.mark.parametrize("is_compacted", [False, True])
    def test_it_is_said(self, lake, compacted, asked, hint, is_compacted):
        with pytest.raises(pointline.PointlineError, match=r"(has|is) no ") as told:
            pointline.scan(**{"table": "trades", **asked}, lake_root=compacted if is_compacted else lake)
        assert all(words in told.value.hint for words in hint), told.value.hint

    @pytest.mark.parametrize(
        "asked",
        [
            {"symbol": "ETHUSDT", "end": "2024-04-01"},
            {"table": "bars", "symbol": "BTCUSDT"},
            {"table": "bars", "exchange": "deribit"},
            {"table": "quarantine", "exchange": "deribit"},
            {"table": "dim_symbol", "symbol": "BTCUSDT", "exchange": "BINANCE"},
            {"symbol": []},
        ],
    )
    def test_what_is_there_on_another_day_or_in_another_table_is_empty(self, lake, asked):
        assert pointline.scan(**{"table": "trades", **asked}, lake_root=lake).collect().is_empty()

    @pytest.fixture(scope="class")
    def compacted(self, lake, tmp_path_factory) -> Path:
        """Two symbols in each data file: the log alone does not prove which."""
        root = tmp_path_factory.mktemp("compacted")
        subprocess.run(["cp", "-a", f"{lake}/.", root], check=True)
        done = warm.run("tests.support.maintained", "--lake-root", str(root), "compact", env=environment(root))
        assert done.returncode == 0, done.stderr
        assert pointline.tables(lake_root=root).filter(table="trades")["data_files"].item() == 3
        return root


class TestWhatTheLedgerDoesNotTell:
    """Where the Delta log proves nothing, and the ledger does not know, a symbol that may be there is no slip."""

    @pytest.fixture
    def lake(self, tmp_path) -> Path:
        """One data file with rows of AAA, MMM and ZZZ."""
        names = [trades("binance", name, [at("2024-05-01")]) for name in ("AAA", "MMM", "ZZZ")]
        add_trades(tmp_path, pl.concat(names))
        return tmp_path

    def is_found(self, lake: Path, symbol: str) -> bool:
        try:
            return not pointline.scan("trades", symbol=symbol, lake_root=lake).collect().is_empty()
        except pointline.PointlineError:
            return False

    @pytest.mark.parametrize(
        ("status", "symbols"),
        [
            (None, None),  # no ledger: the column itself is read
            ("success", None),  # of an earlier release
            ("pending", None),  # committed to silver, not yet to the ledger
            ("success", ["AAA", "MMM", "ZZZ"]),
        ],
    )
    def test_it_is_read(self, lake, status, symbols):
        if status is not None:
            facts = {"file_id": 1, "exchange": "binance", "data_type": "trades", "symbol": "ALL", "status": status}
            row = {**facts, "symbols": symbols, "rows_written": 3 if status == "success" else 0}
            other = {**facts, "file_id": 2, "status": "success", "symbols": ["QQQ"], "rows_written": 1}
            ledger = DeltaTableRepository(lake / "silver" / ingest_manifest.NAME, ingest_manifest.SCHEMA)
            ledger.create()
            ledger.write_full(pl.DataFrame([row, other], schema=ingest_manifest.SCHEMA))
        assert all(self.is_found(lake, name) for name in ("AAA", "MMM", "ZZZ"))
        assert not self.is_found(lake, "NNN")


class TestVersions:
    """An earlier commit can be read until maintenance has removed what it needs."""

    @pytest.fixture
    def lake(self, tmp_path) -> Path:
        """Version 1 has one row, and version 2 two others in its place."""
        table = add_trades(tmp_path, trades("binance", "BTC", [at("2024-05-01")]))
        table.write_full(trades("binance", "ETH", [at("2024-05-01"), at("2024-05-02")]))
        self.table = table
        return tmp_path

    def symbols(self, lake: Path, **asked: object) -> list[str]:
        return pointline.scan("trades", lake_root=lake, **asked).collect()["symbol"].to_list()

    def test_each_is_as_it_was(self, lake):
        newest = pointline.tables(lake_root=lake).filter(table="trades")["version"].item()
        assert self.symbols(lake, version=newest) == self.symbols(lake) == ["ETH", "ETH"]
        assert self.symbols(lake, version=1) == ["BTC"]
        assert self.symbols(lake, version=1, symbol="BTC") == ["BTC"]
        assert self.symbols(lake, version=0) == []

    def test_what_is_removed_is_said(self, lake):
        TableUpkeep(repository=self.table).vacuum(0, dry_run=False)
        with pytest.raises(pointline.PointlineError, match="version 1 of trades needs 1 data files and 1 of them"):
            self.symbols(lake, version=1)


RECIPES: Mapping[str, str] = {
    "duckdb": """
import duckdb, pointline

trades = pointline.scan("trades", symbol="BTCUSDT").collect()
days = duckdb.sql("SELECT date, count(*) AS trades, max(price) AS high FROM trades GROUP BY date ORDER BY date").pl()
""",
    "pandas": """
import pointline

prices = pointline.scan("trades", symbol="BTCUSDT", columns=["local_timestamp", "price"]).collect().to_pandas()
days = prices.set_index("local_timestamp")["price"].resample("1D").last()
""",
    "as-of join": """
import pointline

trades = pointline.scan("trades", symbol="BTCUSDT", in_order=True)
quotes = pointline.scan("quotes", symbol="BTCUSDT", in_order=True).select("local_timestamp", "bid_price", "ask_price")
priced = trades.join_asof(quotes, on="local_timestamp").select("local_timestamp", "price", "bid_price").collect()
""",
    "time bars": """
import polars as pl, pointline

bars = (
    pointline.scan("trades", exchange="binance", in_order=True)
    .group_by_dynamic("local_timestamp", every="1m", group_by="symbol")
    .agg(
        open=pl.col("price").first(),
        high=pl.col("price").max(),
        low=pl.col("price").min(),
        close=pl.col("price").last(),
        volume=pl.col("amount").sum(),
        trades=pl.len(),
    )
    .collect()
)
""",
    "volume bars": """
import polars as pl, pointline

bars = (
    pointline.scan("trades", symbol="BTCUSDT", in_order=True)
    .group_by(bar=(pl.col("amount").cum_sum() // 100).cast(pl.Int64), maintain_order=True)
    .agg(first=pl.col("local_timestamp").first(), vwap=(pl.col("price") * pl.col("amount")).sum() / pl.sum("amount"))
    .collect()
)
""",
}
"""By what they show: the last name that each sets, with how many rows."""


class TestRecipes:
    """What works out of the box."""

    @pytest.mark.parametrize(
        ("recipe", "made", "rows"),
        [
            ("duckdb", "days", 2),
            ("pandas", "days", 3),
            ("as-of join", "priced", 78),
            ("time bars", "bars", 4),
            ("volume bars", "bars", 17),
        ],
    )
    def test_it_runs(self, lake, monkeypatch, recipe, made, rows):
        if recipe in {"duckdb", "pandas"} and importlib.util.find_spec(recipe) is None:
            pytest.skip(f"{recipe} is not installed")
        monkeypatch.setenv("LAKE_ROOT", str(lake))
        names: dict[str, pl.DataFrame] = {}
        exec(RECIPES[recipe], names)
        assert len(names[made]) == rows


class TestTypes:
    """Type checkers outside of the repository see what it returns, and refuse what is misspelled."""

    def test_mypy_strict(self, tmp_path, pytestconfig):
        user = tmp_path / "user.py"
        user.write_text(USER)
        kept = pytestconfig.cache.mkdir("mypy")
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", f"--cache-dir={kept}", user],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "MYPYPATH": str(Path(pointline.__file__).parent.parent)},
            check=False,
        )
        said = re.findall(r"user.py:(\d+): error: .*(\[.*\])", done.stdout)
        assert said == [("15", "[attr-defined]"), ("16", "[call-arg]"), ("17", "[arg-type]")], done.stdout


USER = """\
import datetime as dt
import polars as pl
import pointline
from pointline import scan

day: pl.LazyFrame = scan("trades", start="2024-05-01", end=dt.date(2024, 5, 2), columns="price", version=1)
lazy: pl.LazyFrame = pointline.with_symbols(day)
eager: pl.DataFrame = pointline.with_symbols(day.collect())
frames: list[pl.DataFrame] = [pointline.tables(lake_root="/lake"), pointline.symbols("trades"), pointline.coverage()]
frames += [pointline.files(status=["success"], exchange="deribit", start=dt.datetime(2024, 5, 1))]
try:
    scan("trades", symbol=["BTCUSDT"])
except pointline.PointlineError as error:
    hint: str = error.hint
pointline.scann("trades")
scan("trades", symbols="BTCUSDT")
scan("trades", start=7)
"""
