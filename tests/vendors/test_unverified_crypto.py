"""Vendors of crypto that are described from documents alone: what the documents say is what is read."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import Form, Row, decimals, expected, feed_of, shipped, take
from tests.support.vendor_matrix import feeds_of
from tests.support.vendor_reader import epoch_us, seconds_us, written_us
from tests.support.vendor_rows import (
    ANY_PRICES,
    RATES,
    UUIDS,
    ZERO_OR_MORE,
    any_trade,
    milliseconds,
    prices,
    seconds,
    text,
    trade,
    wall,
)
from tests.support.vendor_samples import Sample, check_sample

EAST = dt.timezone(dt.timedelta(hours=8))
VENDORS = ("gate", "kucoin", "htx", "bitget", "coinapi", "hyperliquid")
Cells = Callable[[Row], list[str]]


def trades(feed: str, path: str, exchange: str, columns: str, cells: Cells, **more: object) -> Form:
    names = tuple(columns.split(","))
    known: dict[str, object] = {
        "plain": trade,
        "rows": any_trade(),
        "time": names[1:2],
        "word": names[-1],
        "constant": {"exchange": exchange, "symbol": path.rpartition("/")[2].partition("-")[0]},
    }
    return Form(feed=feed, path=path, columns=names, cells=cells, **{**known, **more})  # type: ignore[arg-type]


def bars(feed: str, path: str, exchange: str, columns: str, time: Callable[[Row], str], **more: object) -> Form:
    """Bars whose columns, the time first, are named after those of the table."""
    names = tuple(columns.split(","))
    table = {"turnover": "quote_volume", "vol": "quote_volume", "amount": "volume"}
    kept = [table.get(name, name) for name in names[1:]]
    volumes = [name for name in kept if "volume" in name]
    return Form(
        feed=feed,
        path=path,
        columns=names,
        cells=lambda row: [time(row), *(text(row[name]) for name in kept)],
        constant={
            "exchange": exchange,
            "symbol": path.rpartition("/")[2].partition("-")[0],
            "interval": "1m",
            "price_type": "trade",
            **more.pop("constant", {}),  # type: ignore[dict-item]
        },
        plain=lambda n: {**prices(n), **{name: Decimal(n + at) for at, name in enumerate(volumes)}},
        rows=st.builds(
            lambda one, other: {**one, **other}, ANY_PRICES, st.fixed_dictionaries(dict.fromkeys(volumes, ZERO_OR_MORE))
        ),
        time=names[:1],
        word="close",
        **more,  # type: ignore[arg-type]
    )


def six_decimals(row: Row) -> str:
    return seconds(row, 6)


def whole_seconds(row: Row) -> str:
    return f"{row['timestamp'] // 10**6}"


# ---- Gate

GATE = {"span": "month", "has_header": False, "step_us": 1}
TICKER = ("index_price", "mark_price", "last_price")
FUTURES = "futures_usdt/{}/202405/BTC_USDT-%Y%m.csv"


def gate_deal(row: Row) -> list[str]:
    side = {"sell": "1", "buy": "2"}[row["side"]]
    return [six_decimals(row), row["id"], text(row["price"]), text(row["amount"]), side]


def gate_trade(row: Row) -> list[str]:
    sign = "-" if row["side"] == "sell" else ""
    return [six_decimals(row), row["id"], text(row["price"]), sign + text(row["amount"])]


def gate() -> list[Form]:
    deals = "timestamp,id,price,amount,side"
    candle = "timestamp,volume,close,high,low,open"
    ticker = st.fixed_dictionaries({name: decimals() for name in TICKER})
    named = {"exchange": "gate-io-futures", "symbol": "BTC_USDT"}
    return [
        trades(
            "gate/spot-deals",
            "spot/deals/202405/BTC_USDT-%Y%m.csv",
            "gate-io",
            deals,
            gate_deal,
            **{**GATE, "time": ("timestamp",)},
        ),
        trades(
            "gate/futures-trades",
            FUTURES.format("trades"),
            "gate-io-futures",
            "timestamp,id,price,size",
            gate_trade,
            **{**GATE, "time": ("timestamp",)},
        ),
        bars(
            "gate/spot-candles",
            "spot/candlesticks_1m/202405/BTC_USDT-%Y%m.csv",
            "gate-io",
            candle,
            six_decimals,
            **GATE,
        ),
        bars(
            "gate/futures-candles",
            FUTURES.format("candlesticks_1m"),
            "gate-io-futures",
            candle,
            six_decimals,
            **GATE,
        ),
        Form(
            feed="gate/funding-rates",
            path=FUTURES.format("funding_applies"),
            columns=("timestamp", "rate"),
            cells=lambda row: [whole_seconds(row), text(row["funding_rate"])],
            constant=named,
            plain=lambda n: {"funding_rate": Decimal(n) / 10000},
            rows=st.fixed_dictionaries({"funding_rate": RATES}),
            time=("timestamp",),
            word="rate",
            span="month",
            has_header=False,
            step_us=1_000_000,
            wrong_unit=lambda text: text + "000",
        ),
        Form(
            feed="gate/mark-prices",
            path=FUTURES.format("mark_prices"),
            columns=("timestamp", "index_price", "mark_price", "last_price"),
            cells=lambda row: [six_decimals(row), *(text(row[name]) for name in TICKER)],
            constant=named,
            plain=lambda n: {name: Decimal(n + at) for at, name in enumerate(TICKER, 1)},
            rows=ticker,
            time=("timestamp",),
            word="index_price",
            **GATE,  # type: ignore[arg-type]
        ),
    ]


# ---- KuCoin, HTX, Bitget


def kucoin_trade(row: Row) -> list[str]:
    return [row["id"], milliseconds(row), text(row["price"]), text(row["amount"]), row["side"].upper()]


def kucoin() -> list[Form]:
    columns = "trade_id,trade_time,price,size,side"
    return [
        trades(
            "kucoin/spot-trades",
            "historical-data.kucoin.com/data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-%Y-%m-%d.csv",
            "kucoin",
            columns,
            kucoin_trade,
        ),
        trades(
            "kucoin/futures-trades",
            "kucoin/futures/daily/trades/BTCUSDTM/BTCUSDTM-trades-%Y-%m-%d.csv",
            "kucoin-futures",
            columns,
            kucoin_trade,
            constant={"exchange": "kucoin-futures", "symbol": "XBTUSDTM"},
        ),
        bars(
            "kucoin/spot-klines",
            "kucoin/data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-%Y-%m-%d.csv",
            "kucoin",
            "time,open,close,high,low,volume,turnover",
            milliseconds,
        ),
        bars(
            "kucoin/futures-klines",
            "kucoin/data/futures/daily/klines/ETHUSDTM/1m/ETHUSDTM-1m-%Y-%m-%d.csv",
            "kucoin-futures",
            "time,open,high,low,close,volume",
            milliseconds,
        ),
    ]


HTX = {
    "spot": ("huobi", "id,ts,price,amount,direction", []),
    "future": ("huobi-dm", "id,ts,price,amount,quantity,direction", ["3"]),
    "swap": ("huobi-dm-swap", "id,ts,price,amount,quantity,direction", ["3"]),
    "linear-swap": ("huobi-dm-linear-swap", "id,ts,price,amount,quantity,trade_turnover,direction", ["3", "4"]),
    "option": ("huobi-dm-options", "id,ts,price,amount,quantity,trade_turnover,direction", ["3", "4"]),
}

HTX_NAMES = {"future": "futures"}


def htx_trades(business: str) -> Form:
    exchange, columns, dropped = HTX[business]

    def cells(row: Row) -> list[str]:
        return [row["id"], milliseconds(row), text(row["price"]), text(row["amount"]), *dropped, row["side"]]

    path = f"futures.huobi.com/data/trades/{business}/daily/btcusdt/btcusdt-trades-%Y-%m-%d.csv"
    return trades(
        f"htx/{HTX_NAMES.get(business, business)}-trades", path, exchange, columns, cells, has_header=False, zone=EAST
    )


def htx() -> list[Form]:
    klines = bars(
        "htx/spot-klines",
        "data/klines/spot/daily/btcusdt/1min/btcusdt-1min-%Y-%m-%d.csv",
        "huobi",
        "id,open,close,high,low,vol,amount",
        whole_seconds,
        has_header=False,
        zone=EAST,
        step_us=1_000_000,
        constant={"interval": "1m"},
    )
    swaps = [
        bars(
            f"htx/{HTX_NAMES.get(business, business)}-klines",
            f"data/klines/{business}/daily/{symbol}/1min/{symbol}-1min-%Y-%m-%d.csv",
            HTX[business][0],
            "id,open,close,high,low,volume",
            whole_seconds,
            has_header=False,
            zone=EAST,
            step_us=1_000_000,
            constant={"interval": "1m", "symbol": symbol},
        )
        for business, symbol in (
            ("linear-swap", "BTC-USDT"),
            ("swap", "BTC-USD"),
            ("future", "BTC230407"),
            ("option", "BTC-USDT-200828-C-10500"),
        )
    ]
    swaps = [
        replace(one, columns=(*one.columns, "amount"), cells=lambda row, cells=one.cells: [*cells(row), "7"])
        for one in swaps
    ]
    return [*(htx_trades(business) for business in HTX), klines, *swaps, *htx_since_2026()]


def htx_since_2026() -> list[Form]:
    columns = "instId,tradeId,px,side,size,ts"
    named = {"time": ("ts",), "word": "side"}
    forms = []
    for feed, exchange, instrument, symbol in (
        ("new-spot-trades", "huobi", "ETH-USDT", "ETHUSDT"),
        ("new-linear-swap-trades", "huobi-dm-linear-swap", "LTC-USDT-PERP", "LTC-USDT"),
        ("new-linear-swap-trades", "huobi-dm-linear-swap", "LTC-USDT-260206", "LTC-USDT-260206"),
        ("new-swap-trades", "huobi-dm-swap", "LTC-USD-PERP", "LTC-USD"),
        ("new-futures-trades", "huobi-dm", "LTC-USD-260206", "LTC260206"),
    ):
        market = "spot" if exchange == "huobi" else "futures"
        path = f"historical_data/{market}/daily/trades/{instrument}/{instrument}-trades-%Y-%m-%d.csv"

        def cells(row: Row, instrument: str = instrument) -> list[str]:
            return [instrument, row["id"], text(row["price"]), row["side"], text(row["amount"]), milliseconds(row)]

        constant = {"exchange": exchange, "symbol": symbol}
        forms.append(trades(f"htx/{feed}", path, exchange, columns, cells, zone=EAST, constant=constant, **named))
    klines = bars(
        "htx/new-spot-klines",
        "historical_data/spot/daily/klines/ETH-USDT/1min/ETH-USDT-1min-%Y-%m-%d.csv",
        "huobi",
        "ts,open,high,low,close,volume,turnover",
        milliseconds,
        zone=EAST,
        constant={"symbol": "ETHUSDT"},
    )
    columns_of_file = ("instId", "open", "high", "low", "close", "vol", "volCcy", "volCcyQuote", "ts")
    return [
        *forms,
        replace(
            klines,
            columns=columns_of_file,
            time=("ts",),
            cells=lambda row: ["ETH-USDT", *klines.cells(row)[1:], "7", klines.cells(row)[0]],
        ),
    ]


def bitget_cells(row: Row) -> list[str]:
    return [row["id"], milliseconds(row), text(row["price"]), row["side"], "2.5", text(row["amount"])]


def bitget() -> list[Form]:
    columns = "trade_id,timestamp,price,side,volume(quote),size(base)"
    constant = {"exchange": "bitget", "symbol": "BTCUSDT"}
    spot = trades(
        "bitget/spot-trades",
        "online/trades/SPBL/BTCUSDT/%Y%m%d_001.csv",
        "bitget",
        columns,
        bitget_cells,
        zone=EAST,
        word="side",
        constant=constant,
    )
    futures = replace(spot, feed="bitget/futures-trades", constant={**constant, "exchange": "bitget-futures"})
    return [
        spot,
        replace(spot, path="BTCUSDT_SPBL_%Y%m%d_002.csv"),
        replace(spot, path="USDT-BTCUSDT_%Y%m%d_001.csv"),
        replace(futures, path="BTCUSDT-BTCUSDT_%Y%m%d_001.csv"),
        replace(futures, path="online/trades/UMCBL/BTCUSDT/%Y%m%d_015.csv"),
    ]


# ---- CoinAPI, Hyperliquid

SEVEN = "%Y-%m-%dT%H:%M:%S.%f"
COINAPI = "E-BITMEX/IDDI-1+SC-BITMEX_PERP_BTC_USD+S-XBTUSD.csv"
BOOK = ("ask_price", "ask_amount", "bid_price", "bid_amount")


def coinapi_times(row: Row) -> list[str]:
    return [wall(row[name], SEVEN) + "0" for name in ("timestamp", "local_timestamp")]


def coinapi() -> list[Form]:
    quotes = Form(
        feed="coinapi/quotes",
        path=f"T-QUOTES/D-%Y%m%d/{COINAPI}",
        columns=("time_exchange", "time_coinapi", "ask_price", "ask_size", "bid_price", "bid_size"),
        cells=lambda row: [*coinapi_times(row), *(text(row[name]) for name in BOOK)],
        constant={"exchange": "coinapi", "symbol": "BITMEX_PERP_BTC_USD"},
        plain=lambda n: {name: Decimal(n + at) for at, name in enumerate(BOOK, 1)},
        rows=st.fixed_dictionaries(dict.fromkeys(BOOK, decimals())),
        time=("time_exchange",),
        word="bid_size",
        separator=";",
        received=True,
        step_us=1,
    )
    on_disk = ("id_site_coinapi", "time_exchange", "time_coinapi", "ask_px", "ask_sx", "bid_px", "bid_sx")
    return [
        trades(
            "coinapi/trades",
            f"T-TRADES/D-%Y%m%d/{COINAPI}",
            "coinapi",
            "time_exchange,time_coinapi,guid,price,base_amount,taker_side",
            lambda row: [
                *coinapi_times(row),
                row["id"],
                text(row["price"]),
                text(row["amount"]),
                row["side"].upper(),
            ],
            constant=quotes.constant,
            rows=any_trade(UUIDS),
            time=("time_exchange",),
            separator=";",
            received=True,
            step_us=1,
        ),
        quotes,
        replace(quotes, columns=on_disk, cells=lambda row: ["7", *quotes.cells(row)], word="bid_sx"),
    ]


CONTEXT = ("funding_rate", "open_interest", "index_price", "mark_price")


def hyperliquid() -> list[Form]:
    def cells(time: str, empty: str) -> Cells:
        def made(row: Row) -> list[str]:
            rate, interest, index, mark = (empty if row[name] is None else text(row[name]) for name in CONTEXT)
            at = wall(row["timestamp"], time)
            return [at, row["symbol"], rate, interest, "1", "1000", empty, index, mark, "1.3", "1.29", empty]

        return made

    numbers = st.one_of(st.none(), decimals())
    rows = st.fixed_dictionaries({"symbol": st.sampled_from(["BTC", "HYPE"]), **dict.fromkeys(CONTEXT, numbers)})
    form = Form(
        feed="hyperliquid/asset-contexts",
        path="hyperliquid-archive/asset_ctxs/%Y%m%d.csv",
        columns=(
            "time",
            "coin",
            "funding",
            "open_interest",
            "prev_day_px",
            "day_ntl_vlm",
            "premium",
            "oracle_px",
            "mark_px",
            "mid_px",
            "impact_bid_px",
            "impact_ask_px",
        ),
        cells=cells("%Y-%m-%dT%H:%M:%SZ", "null"),
        constant={"exchange": "hyperliquid", "symbol": "BTC"},
        plain=lambda n: {name: Decimal(n + at) for at, name in enumerate(CONTEXT, 1)},
        rows=rows,
        time=("time",),
        word="mark_px",
        step_us=1_000_000,
    )
    return [form, replace(form, cells=cells("%Y-%m-%d %H:%M:%S", ""))]


FORMS = [*gate(), *kucoin(), *htx(), *bitget(), *coinapi(), *hyperliquid()]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, *VENDORS)


def test_all_of_them_are_marked():
    vendors = (*VENDORS, "cryptolake")
    found = {one.name: one.text.verified for v in shipped().vendors if v.name in vendors for one in v.descriptions}
    assert not any(found.values())


# ---- Crypto Lake: Parquet

LAKE = ("binance", "binance-futures", "okx", "bybit", "coinbase", "kucoin")
LAKE_PATH = "crypto/{table}/exchange={exchange}/symbol=BTC-USDT/dt=2024-05-01/1.snappy.parquet"
FIRST_US = 1_714_521_600_000_000


def test_every_feed_of_crypto_lake_has_a_path():
    paths = [
        LAKE_PATH.format(table=table, exchange=name.upper().replace("-", "_"))
        for table in ("trades", "book")
        for name in LAKE
    ]
    assert {feed_of(path) for path in paths} == feeds_of("cryptolake")


def lake_parquet(rows: list[Row]) -> bytes:
    times = [[row[name] * 1000 + 77 for row in rows] for name in ("timestamp", "local_timestamp")]
    frame = pl.DataFrame(
        {
            "side": [row["side"] for row in rows],
            "quantity": [float(row["amount"]) for row in rows],
            "price": [float(row["price"]) for row in rows],
            "trade_id": [row["id"] for row in rows],
            "origin_time": pl.Series(times[0]).cast(pl.Datetime("ns")),
            "received_time": pl.Series(times[1]).cast(pl.Datetime("ns")),
        }
    )
    made = io.BytesIO()
    frame.write_parquet(made)
    return made.getvalue()


@settings(deadline=None, max_examples=10)
@given(st.lists(any_trade(), min_size=1, max_size=20))
def test_trades_of_crypto_lake_come_back(made):
    constant = {"exchange": "binance-futures", "symbol": "BTCUSDT"}
    rows = [
        {**constant, "timestamp": FIRST_US + n * 1001, "local_timestamp": FIRST_US + n * 1001 + 5, **row}
        for n, row in enumerate(made)
    ]
    path = LAKE_PATH.format(table="trades", exchange="BINANCE_FUTURES").replace("BTC-USDT", "BTC-USDT-PERP")
    taken = take((path, lake_parquet(rows)))
    assert taken.is_success, taken.said
    assert taken.rows() == expected(rows)
    assert taken.outcome is not None
    assert taken.outcome.warnings.get("nanoseconds_cut")


RAW = {"amount": "quantity", "id": "trade_id", "timestamp": "origin_time", "receipt_timestamp": "received_time"}
"""The vendor's own client gives the columns other names when it reads a file."""


def test_files_of_crypto_lake_as_they_are_stored():
    constant = {"exchange": "binance", "symbol": "BTCUSDT"}
    times = {"timestamp": FIRST_US + 1001, "local_timestamp": FIRST_US + 1006}
    rows = [{**constant, **times, "side": "buy", "amount": Decimal("0.5"), "price": Decimal(19000), "id": "7"}]
    made = io.BytesIO()
    pl.read_parquet(lake_parquet(rows)).rename({name: stored for stored, name in RAW.items()}).write_parquet(made)
    taken = take((LAKE_PATH.format(table="trades", exchange="BINANCE"), made.getvalue()))
    assert taken.is_success, taken.said
    assert taken.rows() == expected(rows)


def test_books_of_crypto_lake_come_back():
    times = {"origin_time": FIRST_US + 1000, "received_time": FIRST_US + 2000}
    sides = {
        f"{side}_{level}_{what}": [float(1000 * at + 10 * level + (what == "size"))]
        for at, side in enumerate(("bid", "ask"))
        for level in range(20)
        for what in ("price", "size")
    }
    clocks = {name: pl.Series([time]).cast(pl.Datetime("us")) for name, time in times.items()}
    made = io.BytesIO()
    pl.DataFrame({**clocks, "sequence_number": [7], **sides}).write_parquet(made)
    taken = take((LAKE_PATH.format(table="book", exchange="OKX"), made.getvalue()))
    assert taken.is_success, taken.said
    [row] = taken.rows()
    for name, first in (("bid_price", 0), ("bid_amount", 1), ("ask_price", 1000), ("ask_amount", 1001)):
        assert row[name] == [first + 10.0 * level for level in range(20)]
    assert (row["exchange"], row["local_timestamp"]) == ("okex", FIRST_US + 2000)


# ---- quoted rows


def common(exchange: str, symbol: str, time: int, **more: object) -> Row:
    return {"exchange": exchange, "symbol": symbol, "timestamp": time, "local_timestamp": time, **more}


def bitget_row(exchange: str) -> Callable[[dict[str, str]], Row]:
    return lambda cells: common(
        exchange,
        "BTCUSDT",
        epoch_us(cells["timestamp"]),
        id=cells["trade_id"],
        side=cells["side"],
        price=float(cells["price"]),
        amount=float(cells["size(base)"]),
    )


REAL = [
    Sample(
        file="transcribed/gate/futures_usdt/mark_prices/BTC_USDT-202601.csv",
        path="gate/futures_usdt/mark_prices/BTC_USDT-202601.csv",
        feed="gate/mark-prices",
        row=lambda cells: common(
            "gate-io-futures",
            "BTC_USDT",
            seconds_us(cells["time"]),
            index_price=float(cells["index"]),
            mark_price=float(cells["mark"]),
            last_price=float(cells["last"]),
        ),
        columns=("time", "index", "mark", "last"),
    ),
    Sample(
        file="transcribed/kucoin/spot/BTCUSDT-trades-2022-12-31.csv",
        path="kucoin/data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2022-12-31.csv",
        feed="kucoin/spot-trades",
        row=lambda cells: common(
            "kucoin",
            "BTCUSDT",
            epoch_us(cells["trade_time"]),
            id=cells["trade_id"],
            side=cells["side"].lower(),
            price=float(cells["price"]),
            amount=float(cells["size"]),
        ),
    ),
    Sample(
        file="transcribed/bitget/BTCUSDT_SPBL_20250101_001.csv",
        path="bitget/BTCUSDT_SPBL_20250101_001.csv",
        feed="bitget/spot-trades",
        row=bitget_row("bitget"),
    ),
    Sample(
        file="transcribed/bitget/USDT-BTCUSDT_20260901_001.csv",
        path="bitget/USDT-BTCUSDT_20260901_001.csv",
        feed="bitget/spot-trades",
        row=bitget_row("bitget"),
    ),
    Sample(
        file="transcribed/coinapi/T-TRADES/bitmex_20180901.csv",
        path=f"T-TRADES/D-20180901/{COINAPI}",
        feed="coinapi/trades",
        row=lambda cells: {
            **common("coinapi", "BITMEX_PERP_BTC_USD", written_us(cells["time_exchange"], "%Y-%m-%dT%H:%M:%S")),
            "local_timestamp": written_us(cells["time_coinapi"], "%Y-%m-%dT%H:%M:%S"),
            "id": cells["guid"],
            "side": cells["taker_side"].lower(),
            "price": float(cells["price"]),
            "amount": float(cells["base_amount"]),
        },
        separator=";",
    ),
    Sample(
        file="transcribed/hyperliquid/asset_ctxs/20260430.csv",
        path="asset_ctxs/20260430.csv",
        feed="hyperliquid/asset-contexts",
        row=lambda cells: common(
            "hyperliquid",
            cells["coin"],
            written_us(cells["time"], "%Y-%m-%d %H:%M:%S"),
            funding_rate=float(cells["funding"]),
            open_interest=float(cells["open_interest"]),
            index_price=float(cells["oracle_px"]),
            mark_price=float(cells["mark_px"]),
        ),
    ),
]


def form_of(feed: str) -> Form:
    return next(one for one in FORMS if one.feed == feed)


@pytest.mark.parametrize("sample", REAL, ids=str)
def test_a_quoted_file_is_in_the_lake_value_by_value(sample):
    check_sample(sample)


def test_a_size_of_zero_says_no_side():
    form = form_of("gate/futures-trades")
    lines = form.written(form.plain_rows())
    lines[7][-1] = "0"
    taken = take((form.path_of(form.day), form.file(lines)))
    assert taken.rows() == expected([row for n, row in enumerate(form.plain_rows()) if n != 7])
    assert "unknown_value (size), such as '0'; a number above or below zero is wanted" in taken.said


def test_files_of_one_day_in_pieces_are_all_read():
    form = form_of("bitget/spot-trades")
    rows = form.plain_rows()
    pieces = [
        (f"SPBL/BTCUSDT/20240501_{number:03d}.csv", form.file(form.written(rows[start : start + 16])))
        for number, start in enumerate(range(0, 48, 16), 1)
    ]
    assert take(*pieces).rows() == expected(rows)


def test_an_estimated_side_is_a_side():
    form = form_of("coinapi/trades")
    lines = form.written(form.plain_rows()[:4])
    for line, word in zip(lines, ("BUY_ESTIMATED", "SELL_ESTIMATED", "UNKNOWN", "BUY"), strict=True):
        line[-1] = word
    sides = [row["side"] for row in take((form.path_of(form.day), form.file(lines))).rows()]
    assert sides == ["buy", "sell", "unknown", "buy"]


def test_sides_of_kucoin_stand_in_small_letters_too():
    form = form_of("kucoin/spot-trades")
    rows = form.plain_rows()
    lines = form.written(rows)
    for line in lines[::2]:
        line[-1] = line[-1].lower()
    assert take((form.path_of(form.day), form.file(lines))).rows() == expected(rows)


@pytest.mark.parametrize(("digest", "is_taken"), [(hashlib.md5, True), (hashlib.sha256, True), (hashlib.sha1, False)])
@pytest.mark.parametrize("content", [None, b"another"])
def test_a_checksum_of_kucoin_is_an_md5(digest, is_taken, content):
    form = form_of("kucoin/spot-trades")
    path, data = form.path_of(form.day), form.file(form.written(form.plain_rows()))
    said = f"{digest(content or data).hexdigest()}  {path.rpartition('/')[2]}\n"
    taken = take((path, data), beside={f"{path}.CHECKSUM": said.encode()})
    assert taken.is_success == (is_taken and content is None), taken.said
    if not taken.is_success:
        assert ("says" if is_taken else "is no checksum as sha256sum or md5sum writes it") in taken.said


HTX_HEADERS = {
    "spot-trades": "Trade ID,Trade Time,Trade Price,Volume (Base Currency),Side (buy/sell)",
    "linear-swap-trades": "Trade ID,Trade Time,Trade Price,Volume (in Contracts),Volume (in Base Currency),"
    "Turnover,Side (buy/sell)",
    "spot-klines": "timestamp,open,close,high,low,vol,amount",
}


@pytest.mark.parametrize("feed", HTX_HEADERS)
def test_later_files_of_htx_have_a_header(feed):
    form = form_of(f"htx/{feed}")
    rows = form.plain_rows()
    lines = form.written(rows)
    data = f"{HTX_HEADERS[feed]}\n".encode() + form.file(lines)
    assert take((form.path_of(form.day), data)).rows() == expected(rows)


@pytest.mark.parametrize(
    ("path", "feed"),
    [
        ("spot/candlesticks_1m/202606/BTC_USDT-20260601.csv.gz", "gate/spot-candles"),
        ("spot/candlesticks_1h/202606/BTC_USDT-202606.csv.gz", "gate/spot-candles"),
        ("futures_usdt/candlesticks_10s/202601/BTC_USDT-202601.csv.gz", "gate/futures-candles"),
        ("USDC-BTCUSDC_20260901_001.zip", "bitget/spot-trades"),
        ("historical_data/data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.zip", "binance/spot-trades"),
        ("BTCUSD-BTCUSD_20260901_001.zip", "bitget/futures-trades"),
        (
            "T-TRADES/D-20240901/E-DERIBIT/IDDI-1+SC-DERIBIT_OPT_BTC_USD_240927_60000_C+S-BTC%2D27SEP24%2D60000%2DC.csv.gz",
            "coinapi/trades",
        ),
        (
            "data/klines/linear-swap/daily/BTC-USDT-230407/1min/BTC-USDT-230407-1min-2023-04-01.zip",
            "htx/linear-swap-klines",
        ),
        ("data/klines/linear-swap/monthly/BTC-USDT/1min/BTC-USDT-1min-2023-04.zip", "htx/linear-swap-klines"),
        ("data/klines/future/daily/BTC230407/5min/BTC230407-5min-2023-04-01.zip", "htx/futures-klines"),
        (
            "data/klines/option/daily/BTC-USDT-200828-C-10500/1min/BTC-USDT-200828-C-10500-1min-2020-08-20.zip",
            "htx/option-klines",
        ),
        ("data/futures/daily/trades/XBTUSDTM/XBTUSDTM-trades-2024-05-01.zip", "kucoin/futures-trades"),
        ("data/futures/daily/klines/ETHUSDTM/1m/ETHUSDTM-1m-2024-05-01.zip", "kucoin/futures-klines"),
    ],
)
def test_paths(path, feed):
    assert feed_of(path) == feed


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("futures_usdt/funding_updates/202601/BTC_USDT-202601.csv.gz", "Gate: how the rate"),
        ("kucoin/data/futures/daily/index/BTCUSDTM/1m/BTCUSDTM-1m-2022-12-31.zip", "KuCoin: a kind of file"),
        ("historical_data/futures/daily/mark-klines/BTC-USDT-PERP/1m/BTC-USDT-PERP-1m-2026-02-01.zip", "HTX: klines"),
        ("historical_data/spot/daily/orderbook/lv400/BTC-USDT/BTC-USDT-lv400-2026-06-01.tar.gz", "HTX: files of"),
        ("USDT-BTCUSDT_1_20260901.zip", "Bitget"),
        ("spot/orderbooks/202405/BTC_USDT-2024050112.csv.gz", "Gate: order books"),
        ("T-LIMITBOOK_FULL/D-20240501/E-BITMEX/IDDI-1+SC-BITMEX_PERP_BTC_USD+S-XBTUSD.csv.gz", "CoinAPI"),
        ("market_data/20230916/9/l2Book/SOL.lz4", "Hyperliquid"),
        ("BTCUSDT_klines_20250101.zip", "Bitget"),
    ],
)
def test_what_is_not_read_is_named(path, what):
    assert feed_of(path) == ""
    assert what in (shipped().why_unread(path) or ("", ""))[0]
