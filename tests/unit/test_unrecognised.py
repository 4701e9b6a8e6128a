"""What is said of a file that fits no layout: why, what it looks like, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pointline.io.bronze.paths.foreign import why_foreign
from pointline.io.bronze.paths.layout import Layout, Recognised
from pointline.io.bronze.paths.looks_like import looks_like

SAMPLES = Path(__file__).parents[2].parent / "shared" / "data" / "vendors"
LAYOUT = Layout(known_types=["trades", "quotes"])
ENDING = "ends in none of .csv, .csv.gz, .csv.zst, .parquet"
NO_DATE = "it has no date YYYY-MM-DD"
NOT_BETWEEN = "its date is not between two '_'"
ONLY_DATE = "it is a date and nothing else"
BINANCE = "Binance public data"

NAMES = [
    ("data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-01.zip", ENDING, f"{BINANCE}: klines, daily"),
    ("BTCUSDT-1m-2024-01-01.zip", ENDING, f"{BINANCE}: klines, daily"),
    ("any/BTCUSDT-1mo-2024-01.csv", NO_DATE, f"{BINANCE}: klines, monthly"),
    ("BTCUSDT-aggTrades-2024-01.zip", ENDING, f"{BINANCE}: aggTrades, monthly"),
    ("BTCUSD_PERP-trades-2024-01-01.csv", NOT_BETWEEN, f"{BINANCE}: trades, daily"),
    ("data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-01.zip", ENDING, f"{BINANCE}: fund"),
    ("trading/BTCUSDT/BTCUSDT2025-01-15.csv.gz", NOT_BETWEEN, "Bybit: trades"),
    ("BTC-14MAR252025-03-14.csv.gz", NOT_BETWEEN, "Bybit: trades"),
    ("BTCUSDT_2025-01-15.csv.gz", NOT_BETWEEN, "Bybit: spot trades"),
    ("2025-08-20_BTCUSDT_ob500.data.zip", ENDING, "Bybit: order books"),
    ("BTC-USDT-SWAP-trades-2025-06-01.zip", ENDING, "OKX: trades"),
    ("allswap-fundingrates-2025-06-01.zip", ENDING, "OKX: fundingrates"),
    ("BTC-USDT-L2orderbook-400lv-2025-06-01.tar.gz", ENDING, "OKX: order books"),
    ("BTCUSDT_SPBL_20250101_001.zip", ENDING, "Bitget"),
    ("spot/deals/202401/BTC_USDT-202401.csv.gz", NO_DATE, "Gate: deals"),
    ("BTC_USDT-2024010112.csv.gz", NO_DATE, "Gate"),
    ("kucoin/BTCUSDT-trades-2024-01-01.zip", ENDING, "KuCoin: trades"),
    ("futures.huobi.com/data/trades/spot/daily/btcusdt/btcusdt-trades-2021-01-01.zip", ENDING, "HTX: trades"),
    ("data/trade/20190419.csv.gz", NO_DATE, "BitMEX: trade"),
    ("XBTUSD_1440.csv", NO_DATE, "Kraken: OHLCVT"),
    ("market_data/20230916/9/l2Book/SOL.lz4", ENDING, "Hyperliquid"),
    (
        "trades/exchange=BINANCE_FUTURES/symbol=BTC-USDT-PERP/dt=2024-01-01/1.snappy.parquet",
        "not type, date",
        "Crypto Lake",
    ),
    ("T-TRADES/D-20240101/E-BINANCE/IDDI-1+SC-BINANCE_SPOT_BTC_USDT+S-BTCUSDT.csv.gz", NO_DATE, "CoinAPI"),
    ("GLBX-20251008-D86947YJLS/glbx-mdp3-20240101.mbo.dbn.zst", ENDING, "Databento: DBN"),
    ("glbx-mdp3-20240101.trades.csv.zst", NO_DATE, "Databento"),
    ("us_stocks_sip/trades_v1/2024/03/2024-03-07.csv.gz", ONLY_DATE, "Polygon (Massive): trades_v1"),
    ("EQY_US_ALL_TRADE_20161024.gz", ENDING, "NYSE Daily TAQ"),
    ("AAPL_2012-06-21_34200000_57600000_message_10.csv", "what stands before the date", "LOBSTER: message"),
    ("2024/20240102/AAPL.csv.gz", NO_DATE, "AlgoSeek"),
    ("AAPL_full_1min_adjsplitdiv.txt", ENDING, "FirstRate"),
    ("iqfeed/AAPL.csv", NO_DATE, "IQFeed"),
    ("HISTDATA_COM_ASCII_EURUSD_M12023.zip", ENDING, "HistData"),
    ("GBPJPY/2012/11/03/00h_ticks.bi5", ENDING, "Dukascopy: ticks"),
    ("EURUSD_Candlestick_1_M_BID_01.01.2024-31.01.2024.csv", NO_DATE, "Dukascopy: JForex"),
    ("EURUSD-2016-05.zip", ENDING, "TrueFX"),
    ("equity/usa/minute/aapl/20140605_trade.zip", ENDING, "QuantConnect LEAN: minute"),
    ("EURUSD60.hst", ENDING, "MetaTrader"),
    ("binance_trades_2024-05-08_BTCUSDT.zip", ENDING, "an archive"),
    ("archive.tar.gz", ENDING, "an archive"),
    ("x.7z", ENDING, "an archive"),
    ("binance_trades_2024-05-07_BTCUSDT.csv.bz2", ENDING, "a compressed file"),
    ("trades.xlsx", ENDING, "a spreadsheet"),
    ("feed.pcap.gz", ENDING, "a packet capture"),
    ("feed.pcap", ENDING, "a packet capture"),
    ("x.feather", ENDING, "data of another program"),
    ("README.md", ENDING, "notes or a program"),
    ("notes.txt", ENDING, "a text file"),
    ("binance_instruments.jsonl", ENDING, "JSON"),
    ("state.json", "ends in JSON, which is read of instruments only", "JSON"),
    ("binance_trades_2024-05-05_BTCUSDT.csv(1).gz", ENDING, "a second copy of 'binance_trades_2024-05-05"),
    ("binance_trades_2024-05-06_BTCUSDT.csv.gz.1", ENDING, "a second copy of 'binance_trades_2024-05-06"),
    ("binance-trades-2024-05-01-BTCUSDT.csv.gz", NOT_BETWEEN, "a Tardis name with other separators"),
    ("bitmex_trades_XBTUSD.csv", NO_DATE, "a Tardis name without its date"),
    ("exchange=x/data_type=trades/date=2024-05-01/symbol=B/a.csv.gz", "but not type", "hive folders with other keys"),
    ("trades/binance/BTCUSDT/2024-05-14.csv.gz", ONLY_DATE, ""),
    ("kraken/BCHEUR.csv", NO_DATE, "Kraken, by the name of a folder"),
    ("somewhere/prices.csv", NO_DATE, ""),
    ("x.gz", ENDING, "a compressed file whose"),
    ("no-ending", ENDING, ""),
]  # fmt: skip


@pytest.mark.parametrize(("path", "reason", "like"), NAMES, ids=[name for name, _, _ in NAMES])
def test_names(path, reason, like):
    assert LAYOUT.recognise(path) is None
    assert reason in why_foreign(path)
    found = looks_like(path)
    assert found.what.startswith(like)
    assert bool(found.what) == bool(like)
    assert found.advice


@pytest.mark.parametrize(
    "path",
    [
        "binance-trades-2024-05-01-BTCUSDT.csv.gz",
        "binance trades 2024-05-01 BTCUSDT.csv",
        "binance_trades_2024-05-01_BTCUSDT.csv(1).gz",
        "binance_trades_2024-05-01_BTCUSDT.csv.gz.2",
        "binance_trades_2024-05-01_BTCUSDT.csv.gz (3)",
        "binance_trades_2024-05-01_BTCUSDT.csv.gz~",
    ],
)
def test_a_name_that_is_advised_is_recognised(path):
    (advised,) = set(re.findall(r"binance_trades_[^' ]+", looks_like(path).advice))
    assert isinstance(LAYOUT.recognise(advised), Recognised)


def test_folders_as_advised_are_recognised():
    path = "exchange=binance/data_type=trades/dt=2024-05-01/ticker=BTCUSDT/a.csv.gz"
    for old, new in re.findall(r"the folder (\w+=)\.\.\. to (\w+=)\.\.\.", looks_like(path).advice):
        path = path.replace(old, new)
    assert isinstance(LAYOUT.recognise(path), Recognised)


VENDORS = {
    "binance": BINANCE,
    "bitget": "Bitget",
    "bitmex": "BitMEX",
    "bybit": "Bybit",
    "coinapi": "CoinAPI",
    "databento": "Databento",
    "dbn-to-csv": "Databento",
    "dukascopy": "Dukascopy",
    "firstrate": "FirstRate",
    "algoseek": "AlgoSeek",
    "gate": "Gate",
    "histdata": "HistData",
    "hyperliquid": "Hyperliquid",
    "kraken": "Kraken",
    "kucoin": "KuCoin",
    "lean": "QuantConnect LEAN",
    "nyse_taq": "NYSE Daily TAQ",
    "okx": "OKX",
    "polygon": "Polygon",
    "truefx": "TrueFX",
}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of vendors' files are not on this machine")
def test_every_sample_of_a_vendor_is_called_by_its_name():
    paths = [path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*") if path.is_file()]
    asked = {path: VENDORS.get(next((part for part in path.split("/") if part in VENDORS), "")) for path in paths}
    known = {path: vendor for path, vendor in asked.items() if vendor}
    assert len(known) > 60
    found = {path: looks_like(path).what for path in known}
    assert {path: what for path, what in found.items() if not what.startswith(known[path])} == {}
    assert [path for path in known if LAYOUT.recognise(path) is not None] == []
