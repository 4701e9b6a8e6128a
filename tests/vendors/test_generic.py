"""Files that programs write: templates that ship, and real files by descriptions of a user's own."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import strategies as st

from pointline.io.bronze.paths.unrecognised import describe_foreign
from pointline.tables.registry import event_tables
from pointline.vendors.describe import describe
from pointline.vendors.feeds import Feeds
from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import SAMPLES, Form, Row, decimals, feed_of, shipped, take
from tests.support.vendor_reader import us_of

NEEDS_SAMPLES = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples of vendors beside the repository")
SECOND = 10**6
PRICES = decimals("0.00001", "300000", 5)
BARS = st.fixed_dictionaries({**dict.fromkeys(("open", "high", "low", "close"), PRICES), "volume": PRICES})
ONE_FILE = "the path names no day"


def plain_bar(n: int) -> Row:
    one = Decimal(n + 100)
    return {"open": one, "high": one + 3, "low": one - 1, "close": one + 2, "volume": Decimal(7)}


def prices(row: Row) -> list[str]:
    return [f"{row[name]}" for name in ("open", "high", "low", "close")]


def mt5_bar(row: Row) -> list[str]:
    moment = dt.datetime.fromtimestamp(row["timestamp"] // SECOND, dt.UTC)
    return [f"{moment:%Y.%m.%d}", f"{moment:%H:%M:%S}", *prices(row), "99", f"{row['volume']}", "3"]


def mt5_day(row: Row) -> list[str]:
    return [cell for place, cell in enumerate(mt5_bar(row)) if place != 1]


def ccxt_bar(row: Row) -> list[str]:
    return [f"{row['timestamp'] // 1000}", *prices(row), f"{row['volume']}"]


MT5_BARS = Form(
    feed="generic/mt5-bars",
    path="mt5-utc/broker/EURUSD_M1_202405010000_202405012359.csv",
    columns=("<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<TICKVOL>", "<VOL>", "<SPREAD>"),
    cells=mt5_bar,
    constant={"exchange": "mt5", "symbol": "EURUSD", "interval": "1m", "price_type": "bid"},
    plain=plain_bar,
    rows=BARS,
    time=("<DATE>",),
    word="<CLOSE>",
    span="none",
    step_us=SECOND,
    separator="\t",
)
CCXT_BARS = Form(
    feed="generic/ccxt-ohlcv",
    path="ohlcv/kraken/BTC_USDT-5m.csv",
    columns=("timestamp", "open", "high", "low", "close", "volume"),
    cells=ccxt_bar,
    constant={"exchange": "kraken", "symbol": "BTC_USDT", "interval": "5m", "price_type": "trade"},
    plain=plain_bar,
    rows=BARS,
    time=("timestamp",),
    word="close",
    span="none",
)
FORMS = [
    MT5_BARS,
    replace(
        MT5_BARS,
        feed="generic/mt5-days",
        path="mt5-utc/broker/EURUSD_Daily_202405010000_202412310000.csv",
        columns=tuple(name for name in MT5_BARS.columns if name != "<TIME>"),
        cells=mt5_day,
        constant={**MT5_BARS.constant, "interval": "1d"},
        step_us=86_400 * SECOND,
    ),
    CCXT_BARS,
    replace(
        CCXT_BARS,
        path="ohlcv/kraken/BTC_USDT-15m.csv",
        constant={**CCXT_BARS.constant, "interval": "15m"},
        has_header=False,
    ),
]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "generic", examples=20)


# ---- real files of programs, described by a user

MINE = """
vendor = "mine"

[[feed]]
name = "ninja-bars"
table = "bars"
exchange = "mine"
path = "{symbol}.XCME_{interval:1min}_bars.csv"
separator = ";"
columns = ["timestamp_utc", "open", "high", "low", "close", "volume", "pricetype"]
drop = ["pricetype"]
[feed.map]
timestamp = { from = "timestamp_utc", time = "%Y-%m-%d %H:%M:%S" }
interval = { value = "{interval}", words = { 1min = "1m" } }
price_type = { value = "trade" }

[[feed]]
name = "fxcm-bars"
table = "bars"
exchange = "mine"
path = "fxcm_{symbol}-m1-{price_type:bid|ask}-{date:%Y}.csv"
columns = ["timestamp", "open", "high", "low", "close"]
[feed.map]
timestamp = { from = "timestamp", time = "%Y-%m-%d %H:%M:%S%:z" }
interval = { value = "1m" }
price_type = { value = "{price_type}" }

[[feed]]
name = "fx-ticks"
table = "quotes"
exchange = "mine"
path = "truefx_like_{symbol}-ticks.csv"
columns = ["timestamp", "bid", "ask"]
[feed.map]
timestamp = { from = "timestamp", time = "%Y-%m-%d %H:%M:%S%.f%:z" }
bid_price = "bid"
ask_price = "ask"

[[feed]]
name = "perp-bars"
table = "bars"
exchange = "mine"
path = "{symbol}-{date:%Y%m%d}-{until:%Y%m%d}_{interval:1m}.csv"
columns = ["timestamp", "open", "high", "low", "close", "volume"]
[feed.map]
timestamp = { from = "timestamp", time = "%Y-%m-%d %H:%M:%S%.f" }
interval = { value = "{interval}" }
price_type = { value = "trade" }

[[feed]]
name = "backtrader-quotes"
table = "quotes"
exchange = "mine"
path = "backtrader_{symbol:bidask}.csv"
columns = ["TIMESTAMP", "BID", "ASK"]
[feed.map]
timestamp = { from = "TIMESTAMP", time = "%d/%m/%Y %H:%M:%S" }
bid_price = "BID"
ask_price = "ASK"

[[feed]]
name = "freqtrade-trades"
table = "trades"
exchange = "mine"
path = "{symbol:freqtrade}_public_trades_list_simple_example.csv"
trim = true
columns = ["", "timestamp", "id", "type", "side", "price", "amount", "cost", "date"]
drop = ["type", "cost", "date"]
[feed.map]
timestamp = { from = "timestamp", time = "epoch" }
"""


def mine() -> Feeds:
    vendor = describe(MINE.encode(), "mine.toml", event_tables())
    assert vendor.problems == ()
    return Feeds(event_tables(), (vendor,), lambda: shipped().vendors)


def moment_us(text: str, format_: str = "") -> int:
    moment = dt.datetime.strptime(text, format_) if format_ else dt.datetime.fromisoformat(text)  # noqa: DTZ007
    return us_of(moment.replace(tzinfo=moment.tzinfo or dt.UTC))


def bar(cells: dict[str, str], interval: str, price_type: str) -> Row:
    names = [name for name in ("open", "high", "low", "close", "volume") if name in cells]
    return {"interval": interval, "price_type": price_type, **{name: float(Decimal(cells[name])) for name in names}}


OWN = {
    "6EH4.XCME_1min_bars.csv": (
        "6EH4",
        ";",
        lambda cells: (moment_us(cells["timestamp_utc"]), bar(cells, "1m", "trade")),
    ),
    "fxcm_usdjpy-m1-bid-2013.csv": (
        "usdjpy",
        ",",
        lambda cells: (moment_us(cells["timestamp"]), bar(cells, "1m", "bid")),
    ),
    "truefx_like_usdjpy-ticks.csv": (
        "usdjpy",
        ",",
        lambda cells: (
            moment_us(cells["timestamp"]),
            {"bid_price": float(cells["bid"]), "ask_price": float(cells["ask"])},
        ),
    ),
    "btc-perp-20211231-20220201_1m.csv": (
        "btc-perp",
        ",",
        lambda cells: (moment_us(cells["timestamp"]), bar(cells, "1m", "trade")),
    ),
    "backtrader_bidask.csv": (
        "bidask",
        ",",
        lambda cells: (
            moment_us(cells["TIMESTAMP"], "%d/%m/%Y %H:%M:%S"),
            {"bid_price": float(cells["BID"]), "ask_price": float(cells["ASK"])},
        ),
    ),
    "freqtrade_public_trades_list_simple_example.csv": (
        "freqtrade",
        ",",
        lambda cells: (
            int(cells["timestamp"]) * 1000,
            {
                "id": cells["id"].strip(),
                "side": cells["side"].strip(),
                "price": float(cells["price"]),
                "amount": float(cells["amount"]),
            },
        ),
    ),
}


@NEEDS_SAMPLES
@pytest.mark.parametrize("name", OWN)
def test_a_real_file_comes_in_by_a_description_of_a_users_own(name):
    symbol, separator, read = OWN[name]
    data = (SAMPLES / "generic" / name).read_bytes()
    taken = take((name, data), feeds=mine())
    assert taken.is_success, taken.said
    expected = []
    for cells in csv.DictReader(data.decode().splitlines(), delimiter=separator):
        time_us, values = read(cells)
        clocks = {"timestamp": time_us, "local_timestamp": time_us}
        expected.append({"exchange": "mine", "symbol": symbol, **clocks, **values})
    assert taken.rows() == expected


# ---- what is known and not read


@pytest.mark.parametrize(
    ("path", "what", "advice"),
    [
        ("GLBX/my-trades.dbn.zst", "DBN", "give it the name that the vendor gives"),
        ("GLBX/glbx-mdp3-20240101.definition.csv.zst", "no table", "outside bronze"),
        ("GLBX/glbx-mdp3-20240101.trades.json.zst", "JSON", "encoding CSV"),
        ("GLBX/metadata.json", "says of itself", "nothing is to be done"),
        ("GBPJPY/2012/11/03/BID_candles_min_1.bi5", "bi5", "HHh_ticks.bi5"),
        ("cme/XCME_MD_ES_20120102_20120106.gz", "FIX", "decode them"),
        ("EURUSD_M1_202001020000_202012312359.csv", "MetaTrader 5", "mt5-utc"),
        ("fx/DAT_ASCII_EURUSD_T_201202.txt", "gaps", "nothing is to be done"),
        ("us_futures_cme/trades_v1/2024/05/2024-05-01.csv.gz", "Polygon", "describe it"),
        ("future/cme/minute/es/20131006_quote.zip", "LEAN", "outside bronze"),
        ("SPLITS_US_ALL_BBO_A_20161024.gz", "TAQ", "describe it"),
    ],
)
def test_what_is_not_read_is_named_with_a_way_out(path, what, advice):
    assert feed_of(path) == ""
    told = shipped().why_unread(path)
    assert told is not None
    assert what in told[0]
    assert advice in told[1]


def test_what_is_built_from_documents_alone_says_so():
    unverified = {
        f"{vendor.name}/{one.feed.name}"
        for vendor in shipped().vendors
        for one in vendor.descriptions
        if not one.text.verified
    }
    assert {"taq/trades", "algoseek/trades", "firstrate/bars", "iqfeed/ticks", "generic/mt5-bars"} <= unverified
    assert unverified.isdisjoint({"databento/trades", "polygon/stocks-trades", "histdata/ticks", "lean/equity-trades"})


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("timestamp;open;high;low;close;volume", "its cells are separated by ';', not by commas"),
        ("timestamp\topen\thigh\tlow\tclose\tvolume", "its cells are separated by TAB, not by commas"),
        ("Timestamp,Open,High,Low,Close,Volume", "its column names are in another case"),
        ("timestamp, open, high, low, close, volume", "its column names have blanks around them"),
        ("Timestamp,Open,Price,Amount,Close,Volume", "the header lacks"),
        (",timestamp,open,high,low,close,volume", "it has a column without a name, which no description"),
    ],
)
def test_a_header_that_a_program_wrote_in_another_way_is_refused_with_that_way(header, says):
    assert says in take(("ohlcv/binance/BTC_USDT-1m.csv", f"{header}\n1577836800000,1,2,0.5,1.5,10\n".encode())).said


def test_a_name_of_a_symbol_and_a_date_alone_may_be_anybodys():
    told = describe_foreign("AAPL_2024-01-02.csv", shipped())
    assert told.looks_like.startswith("perhaps ")
    assert "if not, describe it" in told.advice


TILDE = """
vendor = "mine"

[[feed]]
name = "deals"
table = "trades"
exchange = "kraken"
path = "mine/{symbol}.csv"
separator = "~"
columns = ["timestamp", "price", "amount"]

[feed.map]
side = { value = "unknown" }
timestamp = { from = "timestamp", time = "epoch" }
"""


def test_a_header_with_commas_of_a_feed_whose_separator_is_its_own():
    feeds = Feeds(event_tables(), (describe(TILDE.encode(), "mine.toml", event_tables()),), lambda: shipped().vendors)
    taken = take(("mine/A.csv", b"timestamp,price,amount\n1714521600000,1,2\n"), feeds=feeds)
    assert "its cells are separated by commas, not by '~'" in taken.said


@pytest.mark.parametrize("written", ["epoch", "csv", "iso", "parquet"])
def test_candles_of_freqtrade(written):
    times = [dt.datetime(2019, 10, 11, 0, 5 * n, tzinfo=dt.UTC) for n in range(4)]
    bars = pl.DataFrame({"date": times, "open": 1.5, "high": 2.5, "low": 0.5, "close": 1.0, "volume": 3.0})
    if written == "epoch":
        bars = bars.with_columns(pl.col("date").dt.epoch("ms"))
    content = io.BytesIO()
    if written == "parquet":
        bars.with_columns(pl.col("date").cast(pl.Datetime("ns", "UTC"))).write_parquet(content)
    else:
        bars.write_csv(content, datetime_format="%Y-%m-%d %H:%M:%S%:z" if written == "iso" else None)
    ending = "parquet" if written == "parquet" else "csv"
    taken = take((f"ohlcv/binance/XRP_ETH-5m.{ending}", content.getvalue()))
    assert taken.is_success, taken.said
    assert [row["timestamp"] for row in taken.rows()] == [us_of(time) for time in times]
    assert {(row["exchange"], row["symbol"], row["interval"], row["volume"]) for row in taken.rows()} == {
        ("binance", "XRP_ETH", "5m", 3.0)
    }


@pytest.mark.parametrize("ending", ["feather", "json", "json.gz"])
def test_other_files_of_freqtrade_are_known(ending):
    found = describe_foreign(f"user_data/data/binance/XRP_ETH-5m.{ending}", shipped())
    assert found.looks_like == "freqtrade: candles"
    assert "convert-data" in found.advice
