"""A lake may lie in a folder of any name: people have blanks, percent signs and letters beyond ASCII in theirs.

Every name is gone through the short way: ingest twice, scan, verify. Those that have another reader take another path
through the libraries go through every command, and through a daemon with maintenance.
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pointline_daemon.opening.lake import open_lake

import pointline
from pointline.config import load_config
from pointline.io.delta.table.repository import DeltaTableRepository
from tests.support.lake_check import file_content, file_name, put_file
from tests.support.maintained import tend
from tests.support.process import SECONDS, Lake
from tests.support.process import pointline as command
from tests.support.waiting import wait_until

ROWS = 20
NAMES = {
    "blank": "Market Data",
    "trailing_blank": "trailing ",
    "percent": "100%",
    "percent_code": "per%20cent",
    "percent_letter": "%41",
    "percent_code_twice": "%2541",
    "hash": "a#b",
    "question_mark": "a?b",
    "composed": unicodedata.normalize("NFC", "jürgen"),
    "decomposed": unicodedata.normalize("NFD", "jürgen"),
    "cjk": "市场数据",
    "emoji": "📈",
    "class": "[x]",
    "star": "a*b",
    "choice": "{a,b}",
    "exchange": "exchange=x",
    "date": "date=2020-01-01",
    "file_id": "file_id=7",
    "two_equals": "a=b=c",
    "partition_in_pattern": "[x]/exchange=binance/date=2024-05-01",
    "plus": "a+b",
    "ampersand": "a&b",
    "single_quote": "it's",
    "double_quote": 'say "x"',
    "backslash": "back\\slash",
    "tilde": "~home",
    "colon": "c:d",
    "scheme": "file:",
    "dollar": "$HOME",
    "newline": "new\nline",
    "tab": "a\tb",
    "long": "x" * 200,
}
MISREAD = {"percent_code", "percent_letter", "percent_code_twice", "backslash", "newline", "tab"}
"""What delta-rs cannot open: Pointline alone reads these."""
ENCODED = MISREAD | {
    *("blank", "trailing_blank", "percent", "hash", "question_mark", "composed", "decomposed", "cjk", "emoji"),
    *("choice", "double_quote"),
}
"""What is another path once it is percent-encoded: Polars' own Delta reader looks there."""
PARTITIONS = {"exchange", "date", "file_id", "partition_in_pattern"}
"""What Polars' own Delta reader takes for partitions of the table."""
EVERYTHING = ("blank", "percent_code", "partition_in_pattern", "newline")
"""One for each way round."""
DAY = "2024-05-01"
LISTED = "exchange,symbol,base_asset,quote_asset,market_type,tick_size,lot_size,contract_size"
JUNK = f"binance_trades_{DAY}_JUNK.csv"
ODD_SYMBOL = "Ü%41[x]*"


def drop(lake: Path, symbol: str, *, bad: int = 0, folder: str = "") -> str:
    name = file_name("trades", symbol, day=DAY)
    put_file(lake / "bronze" / folder, name, file_content(name, ROWS, bad=range(1, bad + 1)))
    return f"{folder}/{name}" if folder else name


def said(lake: Path, *arguments: str, code: int = 0) -> str:
    done = command(lake, *arguments, ingest__settle_seconds=0)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def listing(folder: Path) -> str:
    path = folder / "listed.csv"
    path.write_text(f"{LISTED}\nbinance,BTCUSDT,BTC,USDT,spot,0.1,1,1\n")
    return str(path)


def make_root(folder: Path, name: str) -> Path:
    root = folder / NAMES[name] / "lake"
    root.mkdir(parents=True)
    return root


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch) -> Path:
    """Where temporary files go, of this process and of those that it starts."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.mark.parametrize("name", NAMES)
class TestAnyName:
    """Whatever the folder is called."""

    @pytest.mark.share(4)
    def test_a_lake_goes_on(self, tmp_path, name):
        """Each run, and each reader, finds what the last one left."""
        lake = make_root(tmp_path, name)
        for number, symbol in enumerate(("BTCUSDT", "ETHUSDT"), 1):
            drop(lake, symbol)
            said(lake, "run", "--once")
            found = pointline.scan("trades", lake_root=lake).collect()
            assert found.height == number * ROWS
            assert set(found["exchange"]) == {"binance"}
            assert set(found["date"]) == {dt.date.fromisoformat(DAY)}
        chosen = pointline.scan("trades", symbol="ETHUSDT", exchange="binance", lake_root=lake)
        assert chosen.filter(pl.col("date") == dt.date(2024, 5, 1)).select(pl.len()).collect().item() == ROWS
        said(lake, "verify", "--deep")
        beside = [path for path in tmp_path.rglob("*") if not (path.is_relative_to(lake) or lake.is_relative_to(path))]
        assert beside == []  # nothing under a misread name

    def test_other_readers(self, tmp_path, name):
        """What `pointline help engines` says of them, at the versions that are installed."""
        table = make_root(tmp_path, name) / "table"
        repository = DeltaTableRepository(table, {"exchange": pl.String(), "v": pl.Int64()}, ["exchange"])
        repository.create()
        repository.append(pl.DataFrame({"exchange": ["x", "y"], "v": [1, 2]}))
        assert repository.read_all().sort("v").rows() == [("x", 1), ("y", 2)]
        assert can(lambda: pl.scan_delta(table)) is (name not in ENCODED | PARTITIONS)
        assert can(lambda: pl.scan_delta(table, use_pyarrow=True)) is (name not in MISREAD)
        assert can(lambda: pl.scan_pyarrow_dataset(DeltaTable(table).to_pyarrow_dataset())) is (name not in MISREAD)


def can(read: Callable[[], pl.LazyFrame]) -> bool:
    try:
        return read().collect().sort("v").select("exchange", "v").rows() == [("x", 1), ("y", 2)]
    except (OSError, DeltaError, pl.exceptions.PolarsError):
        return False


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.share(4)
def test_every_command(tmp_path, name, examined, temporary):
    """Beside a daemon that compacts, and after it; with checkpoints, a vacuum, and odd names within bronze, too."""
    root = make_root(tmp_path, name)
    lake = Lake(
        root,
        ingest__settle_seconds=0,
        ingest__rescan_seconds=0.5,
        maintenance__interval_seconds=0.2,
        maintenance__min_small_files=2,
    )
    paths = [drop(root, "BTCUSDT", bad=1), drop(root, "ETHUSDT")]
    put_file(root / "bronze", JUNK, b"no,market\ndata,here\n")
    lake.start()
    try:
        lake.wait_for_settled(3)
        paths.append(drop(root, ODD_SYMBOL, folder=NAMES[name]))
        assert lake.wait_for("file.committed", paths[-1])["rows_written"] == ROWS
        assert wait_until(lambda: lake.events("partition.compacted"), SECONDS)
        ask_everything(root, paths)
        said(root, "symbols", "update", listing(root.parent), "--effective-at", "2024-01-01")
        assert "BTCUSDT" in said(root, "symbols", "show")
        said(root, "maintain", "--compact")
    finally:
        assert lake.stop() == 0
    tend(open_lake(load_config(root, environ={})))
    ask_everything(root, paths)
    assert "1 file to be read again" in said(root, "retry", JUNK)
    said(root, "maintain", "--vacuum", "--retention-hours", "0", "--below-floor")
    drop(root, "SOLUSDT")
    said(root, "run", "--once", code=1)  # JUNK is quarantined again
    assert examined(root)["findings"] == []
    assert "log_mended" not in said(root, "verify", "--deep", "--json")
    trades = pointline.with_symbols(pointline.scan("trades", lake_root=root, in_order=True), lake_root=root).collect()
    assert trades.height == 4 * ROWS - 1
    assert trades.filter(pl.col("symbol") == "BTCUSDT")["tick_size"].unique().to_list() == [0.1]
    assert trades.filter(pl.col("symbol") == ODD_SYMBOL).height == ROWS
    stand_ins = list(temporary.glob("*/*"))
    assert len(stand_ins) == (0 if name not in MISREAD else len(list((root / "silver").iterdir())))


def ask_everything(root: Path, paths: list[str]) -> None:
    """All commands that answer."""
    ids = {one["bronze_file_path"]: one["file_id"] for one in json.loads(said(root, "files", "--json"))}
    assert set(ids) == {*paths, JUNK}
    first = str(ids[paths[0]])
    json.loads(said(root, "status", "--json"))
    assert f"{3 * ROWS - 1} rows" in said(root, "status")
    for path in paths:
        assert str(ROWS) in said(root, "explain", path)
        assert str(ROWS) in said(root, "explain", str(root / "bronze" / path))
    assert "BTCUSDT" in said(root, "trace", "trades", first, "2")
    assert "not-a-number" in said(root, "quarantine", first)
    assert JUNK in said(root, "retry", JUNK, "--dry-run")
    said(root, "coverage")
    said(root, "verify")
    said(root, "config", "check")
    assert json.loads(said(root, "config", "show", "--json"))["lake_root"]["value"] == str(root)
    install = ("service", "install", "--print", "--manager", "systemd", "--user")
    if "\n" in str(root):  # no unit file can name it
        assert "rename the folder" in command(root, *install).stderr
    else:
        assert "[Service]" in said(root, *install)
