"""Files of a day and of a longer time with the same rows, and no folder says which is which: each row is in once."""

from __future__ import annotations

import datetime as dt

import pytest

from pointline.vendors.paths.time_of_path import SPANS
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table
from tests.support.process import pointline as run
from tests.support.vendor_files import shipped
from tests.vendors.test_days import is_clean, once

CANDLES = "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm"
OKX, UTC = dt.timezone(dt.timedelta(hours=8)), dt.UTC
KINDS = {
    "okx trades": (
        ("BTC-USDT-trades-2024-05.csv", "BTC-USDT-trades-2024-05-02.csv"),
        (OKX, "instrument_name,trade_id,side,price,size,created_time", lambda n, at: f"BTC-USDT,{n},buy,1,2,{at}000"),
    ),
    "okx candles": (
        ("BTC-USDT-candlesticks-2024-05.csv", "BTC-USDT-candlesticks-2024-05-02.csv"),
        (OKX, CANDLES, lambda _, at: f"BTC-USDT,1,2,0.5,1.5,10,1,15,{at}000,1"),
    ),
    "okx candles of an hour": (
        ("1h/BTC-USDT-candlesticks-2024-05.csv", "1h/BTC-USDT-candlesticks-2024-05-02.csv"),
        (OKX, CANDLES, lambda _, at: f"BTC-USDT,1,2,0.5,1.5,10,1,15,{at}000,1"),
    ),
    "bybit spot": (
        ("spot/BTCUSDT/BTCUSDT-2024-05.csv", "spot/BTCUSDT/BTCUSDT_2024-05-02.csv"),
        (UTC, "id,timestamp,price,volume,side", lambda n, at: f"{n},{at}000,1,2,buy"),
    ),
    "histdata bars": (
        ("DAT_ASCII_EURUSD_M1_2024.csv", "DAT_ASCII_EURUSD_M1_202405.csv"),
        (dt.timezone(dt.timedelta(hours=-5)), "", None),
    ),
}


FIRST, MONTH, DAY = dt.date(2024, 4, 29), dt.date(2024, 5, 1), dt.date(2024, 5, 2)
DAYS = 4


def lines(kind: str, first: dt.date, days: int) -> str:
    zone, header, line = KINDS[kind][1]
    step = dt.timedelta(minutes=1) if kind == "okx candles" else dt.timedelta(hours=1)
    midnights = [dt.datetime.combine(first, dt.time(), zone) + dt.timedelta(days=one) for one in range(days)]
    times = [midnight + n * step for midnight in midnights for n in range(24)]
    if line is None:
        return "".join(f"{at:%Y%m%d %H%M%S};1.3;1.4;1.2;1.3;0\n" for at in times)
    return "".join(f"{one}\n" for one in (header, *(line(n, int(at.timestamp())) for n, at in enumerate(times))))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["longer-first", "shorter-first"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.share(2)
def test_each_row_is_in_once(tmp_path, kind, order):
    daemon = Daemon(tmp_path / "lake")
    is_year = kind == "histdata bars"
    spans = [(FIRST, DAYS + 2), (MONTH, DAYS)] if is_year else [(MONTH, DAYS), (DAY, 1)]
    for place in order:
        path = daemon.bronze / KINDS[kind][0][place]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines(kind, *spans[place]))
        once(daemon)
    ledger = read_manifest(daemon.root)
    assert set(ledger["status"]) == {"success"}, ledger["error"].to_list()
    table = "trades" if "trades" in kind or "spot" in kind else "bars"
    held = read_table(daemon.root, table)
    rows = 24 * spans[0][1]
    assert (held.height, held["timestamp"].n_unique()) == (rows, rows)
    assert is_clean(daemon.root) == ""
    assert run(daemon.root, "verify", "--deep").returncode == 0


def test_who_publishes_days_and_months_says_which_counts():
    """A feed that ships says it wherever its names are of more than one length, hours aside: these are never twice."""
    silent = [
        one.name
        for vendor in shipped().vendors
        for one in vendor.descriptions
        if len({path.span for path in one.paths} & SPANS.keys()) > 1 and not one.text.prefer
    ]
    assert silent == []
