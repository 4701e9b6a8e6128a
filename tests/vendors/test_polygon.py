"""Polygon flat files: samples value by value, made files, and what breaks them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import SAMPLES, Form, Refused, Row, claim_of, decimals, feed_of, take
from tests.support.vendor_reader import epoch_us, read_cells

QUOTED = SAMPLES / "transcribed" / "polygon"
NEEDS_SAMPLES = pytest.mark.skipif(not QUOTED.is_dir(), reason="no samples of vendors beside the repository")
NEW_YORK = ZoneInfo("America/New_York")
MINUTE_US = 60_000_000
HEADERS = {
    "stocks-trades": (
        "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size,tape,"
        "trf_id,trf_timestamp"
    ),
    "stocks-quotes": (
        "ticker,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,conditions,indicators,"
        "participant_timestamp,sequence_number,sip_timestamp,tape,trf_timestamp"
    ),
    "aggs": "ticker,volume,open,close,high,low,window_start,transactions",
    "options-trades": "ticker,conditions,correction,exchange,price,sip_timestamp,size",
    "options-quotes": (
        "ticker,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,sequence_number,sip_timestamp"
    ),
    "indices-aggs": "ticker,open,close,high,low,window_start",
    "crypto-trades": "ticker,conditions,exchange,id,participant_timestamp,price,size",
    "forex-quotes": "ticker,ask_exchange,ask_price,bid_exchange,bid_price,participant_timestamp",
}


# ---- samples


@NEEDS_SAMPLES
def test_a_quoted_trade_comes_in_value_by_value():
    path = "us_stocks_sip/trades_v1/2026/05/2026-05-22.csv"
    data = (QUOTED / path).read_bytes()
    taken = take((path, data))
    assert taken.is_success, taken.said
    assert taken.rows() == [
        {
            "exchange": "us_stocks_sip",
            "symbol": cells["ticker"],
            "timestamp": epoch_us(cells["participant_timestamp"]),
            "local_timestamp": epoch_us(cells["sip_timestamp"]),
            "id": cells["id"],
            "side": "unknown",
            "price": float(Decimal(cells["price"])),
            "amount": float(Decimal(cells["size"])),
        }
        for cells in read_cells(data)
    ]


@NEEDS_SAMPLES
def test_quoted_aggregates_come_in_value_by_value():
    path = "us_stocks_sip/minute_aggs_v1/2025/04/2025-04-16.csv"
    data = (QUOTED / path).read_bytes()
    taken = take((path, data))
    assert taken.is_success, taken.said
    assert taken.rows() == [
        {
            "exchange": "us_stocks_sip",
            "symbol": cells["ticker"],
            "timestamp": epoch_us(cells["window_start"]),
            "local_timestamp": epoch_us(cells["window_start"]),
            "interval": "1m",
            "price_type": "trade",
            **{name: float(Decimal(cells[name])) for name in ("open", "high", "low", "close", "volume")},
            "trade_count": int(cells["transactions"]),
        }
        for cells in read_cells(data)
    ]


# ---- made files


def ns(us: object) -> str:
    return f"{us}678"


def stock_trade(row: Row) -> list[str]:
    begin = [row["symbol"], '"12,37"', "0", "4", row["id"], ns(row["timestamp"]), f"{row['price']}"]
    return [*begin, "3478", ns(row["local_timestamp"]), f"{row['amount']}", "1", "201", ns(row["timestamp"])]


def stock_quote(row: Row) -> list[str]:
    ask = ["11", text(row, "ask_price"), text(row, "ask_amount")]
    bid = ["12", text(row, "bid_price"), text(row, "bid_amount")]
    clock = [ns(row["timestamp"]), "4", ns(row["local_timestamp"]), "1", ""]
    return [row["symbol"], *ask, *bid, "1", "", *clock]


def text(row: Row, name: str) -> str:
    return "" if row.get(name) is None else f"{row[name]}"


def agg(row: Row) -> list[str]:
    prices = [f"{row[name]}" for name in ("open", "close", "high", "low")]
    return [row["symbol"], f"{row['volume']}", *prices, f"{row['timestamp']}000", f"{row['trade_count']}"]


def option_trade(row: Row) -> list[str]:
    return [row["symbol"], "209", "0", "301", f"{row['price']}", ns(row["timestamp"]), f"{row['amount']}"]


def option_quote(row: Row) -> list[str]:
    return [*stock_quote(row)[:7], "77", ns(row["timestamp"])]


def index_agg(row: Row) -> list[str]:
    return [row["symbol"], *(f"{row[name]}" for name in ("open", "close", "high", "low")), f"{row['timestamp']}000"]


def crypto_trade(row: Row) -> list[str]:
    return [row["symbol"], "1", "2", row["id"], ns(row["timestamp"]), f"{row['price']}", f"{row['amount']}"]


def forex_quote(row: Row) -> list[str]:
    return [row["symbol"], "48", text(row, "ask_price"), "48", text(row, "bid_price"), ns(row["timestamp"])]


SYMBOLS = st.sampled_from(["NA", "NULL", "nan", "None", "null", "TRUE", "inf", "BRK.A", "O:SPY230327P00390000", "1"])
PRICES = decimals(places=6)
TRADE = {"symbol": SYMBOLS, "price": PRICES, "amount": PRICES}
IDS = {"id": st.integers(0, 2**64).map(str)}
TRADES = st.fixed_dictionaries({**TRADE, **IDS})
PRICE_OR_NONE = st.one_of(st.none(), PRICES)
SIZED = dict.fromkeys(("ask_price", "ask_amount", "bid_price", "bid_amount"), PRICE_OR_NONE)
PRICED = {"ask_price": PRICE_OR_NONE, "bid_price": PRICE_OR_NONE}
BAR = {"symbol": SYMBOLS, **dict.fromkeys(("open", "high", "low", "close"), PRICES)}
COUNTED = {"volume": PRICES, "trade_count": st.integers(1, 10**9)}


def plain_trade(n: int) -> Row:
    return {"price": Decimal(n + 1), "amount": Decimal("28038.875816"), "id": f"{n}"}


def plain_anonymous(n: int) -> Row:
    return {"price": Decimal(n + 1), "amount": Decimal(1)}


def plain_quote(n: int) -> Row:
    return {**plain_prices(n), "ask_amount": Decimal(3), "bid_amount": Decimal(4)}


def plain_prices(n: int) -> Row:
    return {"ask_price": Decimal(n + 2), "bid_price": Decimal(n + 1)}


def plain_index(n: int) -> Row:
    one = Decimal(n + 10)
    return {"open": one, "high": one + 3, "low": one - 3, "close": one + 2}


def plain_agg(n: int) -> Row:
    return {**plain_index(n), "volume": Decimal("28038.875816"), "trade_count": n + 1}


def form(feed: str, kind: str, market: str, header: str, **options: object) -> Form:
    made: dict[str, object] = {
        "path": f"flatfiles/{market}/{kind}/%Y/%m/%Y-%m-%d.csv",
        "columns": tuple(HEADERS[header].split(",")),
        "constant": {"exchange": market, "symbol": "AAPL"},
        "zone": NEW_YORK,
        "step_us": 1,
        "word": "price",
        "time": ("sip_timestamp",),
    }
    return Form(feed=f"polygon/{feed}", **{**made, **options})  # type: ignore[arg-type]


def bars(feed: str, market: str, interval: str, header: str = "aggs", zone: dt.tzinfo = NEW_YORK) -> Form:
    has_volume = header == "aggs"
    return form(
        feed,
        f"{interval}_aggs_v1",
        market,
        header,
        constant={
            "exchange": market,
            "symbol": "AAPL",
            "interval": {"minute": "1m", "day": "1d"}[interval],
            "price_type": "trade" if has_volume else "index",
        },
        cells=agg if has_volume else index_agg,
        plain=plain_agg if has_volume else plain_index,
        rows=st.fixed_dictionaries({**BAR, **(COUNTED if has_volume else {})}),
        time=("window_start",),
        word="high",
        step_us=MINUTE_US,
        zone=zone,
    )


def trades(feed: str, market: str, header: str, **options: object) -> Form:
    constant = {"exchange": market, "symbol": "NA", "side": "unknown"}
    made = {"cells": stock_trade, "plain": plain_trade, "rows": TRADES, "constant": constant}
    return form(feed, "trades_v1", market, header, **{**made, **options})


def quotes(feed: str, market: str, header: str, **options: object) -> Form:
    rows = st.fixed_dictionaries({"symbol": SYMBOLS, **SIZED})
    made = {"cells": stock_quote, "plain": plain_quote, "rows": rows, "word": "ask_price"}
    return form(feed, "quotes_v1", market, header, **{**made, **options})


FORMS = [
    trades(
        "stocks-trades",
        "us_stocks_sip",
        "stocks-trades",
        received=True,
        time=("participant_timestamp", "sip_timestamp"),
    ),
    quotes(
        "stocks-quotes",
        "us_stocks_sip",
        "stocks-quotes",
        received=True,
        time=("participant_timestamp", "sip_timestamp"),
    ),
    bars("stocks-aggs", "us_stocks_sip", "minute"),
    trades(
        "options-trades",
        "us_options_opra",
        "options-trades",
        cells=option_trade,
        plain=plain_anonymous,
        rows=st.fixed_dictionaries(TRADE),
    ),
    quotes("options-quotes", "us_options_opra", "options-quotes", cells=option_quote),
    bars("options-aggs", "us_options_opra", "minute"),
    bars("indices-aggs", "us_indices", "minute", "indices-aggs"),
    trades(
        "crypto-trades",
        "global_crypto",
        "crypto-trades",
        cells=crypto_trade,
        zone=dt.UTC,
        time=("participant_timestamp",),
    ),
    bars("crypto-aggs", "global_crypto", "minute", zone=dt.UTC),
    quotes(
        "forex-quotes",
        "global_forex",
        "forex-quotes",
        zone=dt.UTC,
        cells=forex_quote,
        plain=plain_prices,
        rows=st.fixed_dictionaries({"symbol": SYMBOLS, **PRICED}),
        time=("participant_timestamp",),
    ),
    bars("forex-aggs", "global_forex", "minute", zone=dt.UTC),
]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "polygon", examples=15)


def test_corrected_trades_stay_as_they_are_now_and_what_was_wrong_is_passed_over():
    """1 marks a trade with its corrected price, 12 the price that it had before."""
    made = FORMS[0]
    lines = made.written(made.plain_rows(6))
    for line, code in zip(lines, ["0", "1", "7", "8", "12", "0"], strict=True):
        line[2] = code
    taken = take((made.path_of(made.day), made.file(lines)))
    assert taken.is_success, taken.said
    assert taken.silver["file_seq"].to_list() == [1, 2, 6]
    assert [row["id"] for row in taken.rows()] == ["0", "1", "5"]


@pytest.mark.parametrize("feed", ["stocks-quotes", "options-quotes"])
def test_a_side_that_nobody_quotes_is_nothing(feed):
    made = next(one for one in FORMS if one.feed == f"polygon/{feed}")
    lines = made.written(made.plain_rows(3))
    for line, zero in zip(lines, ["0", "0.0", "0.00"], strict=True):
        for name in ("ask_price", "ask_size", "bid_price", "bid_size"):
            line[made.columns.index(name)] = zero
        line[made.columns.index("bid_price")] = "45.3"
    rows = take((made.path_of(made.day), made.file(lines))).rows()
    nothing = ("ask_price", "ask_amount", "bid_amount")
    assert [[row["bid_price"], *(row.get(name) for name in nothing)] for row in rows] == [[45.3, None, None, None]] * 3


def test_a_newer_column_at_the_end_is_known():
    made = FORMS[0]
    lines = [[*line, "4.000000"] for line in made.written(made.plain_rows())]
    taken = take((made.path_of(made.day), made.file(lines, [*made.columns, "decimal_size"])))
    assert taken.is_success, taken.said
    assert taken.rows() == take((made.path_of(made.day), made.file(made.written(made.plain_rows())))).rows()


@pytest.mark.parametrize(
    ("day", "hours"), [("2024-03-10", 23), ("2024-05-01", 24), ("2024-11-03", 25)], ids=["spring", "plain", "autumn"]
)
def test_a_day_is_one_of_new_york(day, hours):
    """A day on which clocks are set has 23 or 25 hours, and no minute of the next."""
    date = dt.date.fromisoformat(day)
    first = int(dt.datetime.combine(date, dt.time(), NEW_YORK).timestamp())
    made = FORMS[2]
    lines = [["AAPL", "1", "1", "1", "1", "1", f"{(first + 60 * n) * 10**9}", "1"] for n in range(60 * hours)]
    path = date.strftime(made.path)
    assert len(take((path, made.file(lines))).rows()) == 60 * hours
    late = [*lines, ["AAPL", "1", "1", "1", "1", "1", f"{(first + 3600 * hours) * 10**9}", "1"]]
    taken = take((path, made.file(late)))
    assert taken.aside["rule"].to_list() == ["outside_day"]


def test_a_month_of_folders_that_contradicts_the_name_is_refused():
    claim = claim_of("us_stocks_sip/trades_v1/2024/04/2024-05-01.csv.gz")
    assert isinstance(claim, Refused)
    assert "two dates" in claim.reason


def test_a_name_without_its_folders_is_of_no_feed():
    assert feed_of("2024-05-01.csv.gz") == ""
    assert feed_of("us_stocks_sip/trades_v1/2024/05/2024-05-01.csv.gz") == "polygon/stocks-trades"
