"""Shares are called SPOT and ALL: of a described file such a name is one symbol, as any other."""

from __future__ import annotations

import deltalake
import polars as pl
import pytest
from pointline_daemon.opening.lake import open_lake

from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table
from tests.support.process import pointline

TICKERS = ("SPOT", "ALL", "FUTURES", "PERPETUALS", "OPTIONS", "IBM")
BY_PATH = {
    "iqfeed/ticks/{}.csv": "2024-05-01 10:00:00,200,1,1,1,1,8,C,1,01,\n",
    "{}_2024-05-01_34200000_57600000_message_5.csv": "34200.017459617,1,11,1,2238200,-1\n",
    "kraken/{}.csv": "1714557600,200,1\n",
}
BYBIT = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n"


@pytest.mark.parametrize("path", BY_PATH)
def test_rows_have_the_symbol_of_the_path(tmp_path, path):
    daemon = Daemon(tmp_path / "lake")
    for ticker in TICKERS:
        file = daemon.bronze / path.format(ticker)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(BY_PATH[path])
    daemon.once()
    files = read_manifest(daemon.root)
    assert set(files["status"]) == {"success"}
    rows = read_table(daemon.root, files["data_type"][0])
    assert sorted(rows["symbol"]) == sorted(TICKERS)


@pytest.mark.parametrize("ticker", TICKERS)
def test_rows_of_another_symbol_stay_out(tmp_path, ticker):
    daemon = Daemon(tmp_path / "lake")
    file = daemon.bronze / f"trading/{ticker}/{ticker}2023-10-10.csv"
    file.parent.mkdir(parents=True)
    rows = [f"16969{number:05}.5,{ticker},Buy,1,5,x,a{number},1,1,1" for number in range(30, 60)]
    file.write_text(BYBIT + "\n".join([*rows, "1696900061.5,BTCUSDT,Buy,1,5,x,b,1,1,1", ""]))
    daemon.once()
    assert set(read_table(daemon.root, "trades")["symbol"]) == {ticker}
    assert "other_symbol" in pointline(daemon.root, "quarantine").stdout


def test_a_ledger_of_an_earlier_release_calls_the_symbols_of_a_market_by_another_name(tmp_path):
    """They were ALL: nothing is read again for it, nothing is found, and its rows are compared with those of others."""
    daemon = Daemon(tmp_path / "lake")
    header = "ticker,volume,open,close,high,low,window_start,transactions\n"
    rows = [f"{ticker},10,1.5,1.6,1.7,1.4,171457020000000{at:04},5" for ticker in ("AAPL", "ALL") for at in (0, 1000)]
    market = daemon.bronze / "us_stocks_sip/day_aggs_v1/2024/05/2024-05-01.csv"
    market.parent.mkdir(parents=True)
    market.write_text(header + "\n".join([*rows[::2], ""]))
    daemon.once()
    manifest = open_lake(daemon.config).manifest
    table = manifest.repository.path
    (name,) = pl.read_delta(str(table))["symbol"].cast(pl.String).unique()
    assert name == "*"
    deltalake.DeltaTable(table).update(updates={"symbol": "'ALL'"})
    daemon = Daemon(daemon.root)
    daemon.once()
    assert read_manifest(daemon.root)["symbol"].to_list() == ["ALL"]
    assert pointline(daemon.root, "verify", "--deep").returncode == 0
    other = market.parents[3] / "again" / market.relative_to(daemon.bronze)
    other.parent.mkdir(parents=True)
    other.write_text(header + "\n".join([*rows[::2], rows[1].replace(",10,", ",11,"), ""]))
    daemon.once()
    assert read_manifest(daemon.root).sort("file_id")["status"].to_list() == ["success", "quarantined"]


def test_what_was_withdrawn_under_the_earlier_name_stays_so_where_it_is_moved(tmp_path):
    daemon = Daemon(tmp_path / "lake")
    market = daemon.bronze / "us_stocks_sip/day_aggs_v1/2024/05/2024-05-01.csv"
    market.parent.mkdir(parents=True)
    market.write_text(
        "ticker,volume,open,close,high,low,window_start,transactions\nA,10,1.5,1.6,1.7,1.4,1714570200000000000,5\n"
    )
    daemon.once()
    assert pointline(daemon.root, "withdraw", "1").returncode == 0
    table = open_lake(daemon.config).manifest.repository.path
    deltalake.DeltaTable(table).update(updates={"symbol": "'ALL'"})
    other = daemon.bronze / "again" / market.relative_to(daemon.bronze)
    other.parent.mkdir(parents=True)
    market.rename(other)
    Daemon(daemon.root).once()
    files = read_manifest(daemon.root)
    assert files["status"].to_list() == ["withdrawn"]
    assert files["bronze_file_path"].to_list() == [other.relative_to(daemon.bronze).as_posix()]
