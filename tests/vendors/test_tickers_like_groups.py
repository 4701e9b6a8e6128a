"""Shares are called SPOT and ALL: of a described file such a name is one symbol, as any other."""

from __future__ import annotations

import pytest

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
