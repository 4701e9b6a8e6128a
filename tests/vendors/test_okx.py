"""OKX: days of UTC+8, headers in two encodings, instruments told by their shape."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from tests.support.json_form import JsonForm
from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import HOUR_US, Form, Row, Taken, expected, feed_of, shipped, take
from tests.support.vendor_reader import epoch_us
from tests.support.vendor_rows import (
    ANY_LEVEL,
    ANY_PRICES,
    RATES,
    ZERO_OR_MORE,
    any_trade,
    level,
    milliseconds,
    prices,
    text,
    trade,
)
from tests.support.vendor_samples import Sample, check_sample

EAST = dt.timezone(dt.timedelta(hours=8))
MARKETS = {
    "spot": ("okex", "BTC-USDT"),
    "swap": ("okex-swap", "BTC-USDT-SWAP"),
    "futures": ("okex-futures", "BTC-USD-250328"),
    "options": ("okex-options", "BTC-USD-250328-60000-C"),
}
GBK = ("trade_id/撮合id", "side/交易方向", "size/数量", "price/价格", "created_time/成交时间")
NEW = ("instrument_name", "trade_id", "side", "price", "size", "created_time")


def constant(market: str, **more: object) -> Row:
    exchange, symbol = MARKETS[market]
    return {"exchange": exchange, "symbol": symbol, **more}


def as_float(value: object) -> str:
    """As programs print floats: ``1.912e-05``."""
    return repr(float(value))


def new_cells(row: Row) -> list[str]:
    return [row["symbol"], row["id"], row["side"], as_float(row["price"]), as_float(row["amount"]), milliseconds(row)]


def old_cells(row: Row) -> list[str]:
    return [row["id"], row["side"], as_float(row["amount"]), as_float(row["price"]), milliseconds(row)]


def trades(market: str, kind: str = "trades") -> Form:
    return Form(
        feed=f"okx/{market}-{'agg-' if kind == 'aggtrades' else ''}trades",
        path=f"{MARKETS[market][1]}-{kind}-%Y-%m-%d.csv",
        columns=NEW,
        cells=new_cells,
        constant=constant(market),
        plain=trade,
        rows=any_trade(),
        time=("created_time",),
        word="side",
        zone=EAST,
    )


def legacy(market: str, kind: str = "aggtrades") -> Form:
    return replace(
        trades(market, kind), columns=GBK, cells=old_cells, encoding="gbk", line_end="\r\n", time=GBK[-1:], word=GBK[1]
    )


def family(feed: str, path: str, market: str) -> Form:
    _, symbol = MARKETS[market]
    return replace(trades(market), feed=f"okx/{feed}", path=path, constant=constant(market, symbol=symbol))


CANDLE = (
    "instrument_name",
    "open",
    "high",
    "low",
    "close",
    "vol",
    "vol_ccy",
    "vol_quote",
    "open_time",
    "confirm",
)


def candles(market: str) -> Form:
    def cells(row: Row) -> list[str]:
        four = [text(row[name]) for name in ("open", "high", "low", "close")]
        volumes = [text(row["volume"]), "3", text(row["quote_volume"])]
        return [row["symbol"], *four, *volumes, milliseconds(row), "1"]

    volumes = st.fixed_dictionaries({"volume": ZERO_OR_MORE, "quote_volume": ZERO_OR_MORE})
    return Form(
        feed=f"okx/{market}-candles",
        path=f"candlesticks/1m/{MARKETS[market][1]}-candlesticks-%Y-%m-%d.csv",
        columns=CANDLE,
        cells=cells,
        constant=constant(market, interval="1m", price_type="trade"),
        plain=lambda n: {**prices(n), "volume": Decimal(n), "quote_volume": Decimal(n) / 2},
        rows=st.builds(lambda one, other: {**one, **other}, ANY_PRICES, volumes),
        time=("open_time",),
        word="close",
        zone=EAST,
    )


def chain_candles(market: str, kind: str) -> Form:
    one = candles(market)
    path = f"candlesticks/1m/BTC-USD-{kind}chain-candlesticks-%Y-%m-%d.csv"
    symbol = MARKETS[market][1].replace("250328", "250627")  # not that of the form of one symbol
    named = {**one.constant, "symbol": symbol}
    return replace(one, feed=f"okx/{kind}-chain-candles", path=path, constant=named)


def funding(feed: str, path: str, span: str) -> Form:
    return Form(
        feed=f"okx/{feed}",
        path=path,
        columns=("instrument_name", "funding_rate", "funding_time"),
        cells=lambda row: [row["symbol"], text(row["funding_rate"]), milliseconds(row)],
        constant=constant("swap"),
        plain=lambda n: {"funding_rate": Decimal(n) / 10000},
        rows=st.fixed_dictionaries({"funding_rate": RATES}),
        time=("funding_time",),
        word="funding_rate",
        zone=EAST,
        span=span,
    )


def book_cells(row: Row) -> list[str]:
    kind = "snapshot" if row["is_snapshot"] else "update"
    level = [text(row["price"]), text(row["amount"]), "0" if not row["amount"] else "3"]
    return [row["side"], milliseconds(row), *level, kind, row["symbol"]]


def books(market: str) -> JsonForm:
    return JsonForm(
        feed=f"okx/{market}-books",
        path=f"L2/400lv/daily/20240501/{MARKETS[market][1]}-L2orderbook-400lv-%Y-%m-%d.data",
        columns=("list", "ts", "price", "size", "orders", "action", "instId"),
        cells=book_cells,
        constant=constant(market),
        plain=level,
        rows=ANY_LEVEL,
        time=("ts",),
        word="action",
        lists={"bid": "bids", "ask": "asks"},
        entry=("price", "size", "orders"),
        said={
            "two names swapped": "unknown_value.*'BTC-.*'; known are snapshot, update",
            "a column more": "broken_line: Object contains unknown field `surprise`",
            "a column less": "broken_line: Object missing required field `ts`",
            "ragged last row": "broken_line: Input data was truncated",
        },
    )


FORMS = [
    *(books(market) for market in MARKETS),
    *(trades(market, kind) for market in MARKETS for kind in ("trades", "aggtrades")),
    *(legacy(market, kind) for market in ("spot", "swap") for kind in ("trades", "aggtrades")),
    family("all-swap-trades", "allswap-trades-%Y-%m-%d.csv", "swap"),
    family("futures-chain-trades", "BTC-USD-futureschain-trades-%Y-%m-%d.csv", "futures"),
    family("option-chain-trades", "BTC-USD-optionchain-trades-%Y-%m-%d.csv", "options"),
    *(candles(market) for market in ("spot", "swap", "futures")),
    *(chain_candles(market, kind) for market, kind in (("futures", "futures"), ("options", "option"))),
    funding("all-swap-funding-rates", "allswap-fundingrates-%Y-%m-%d.csv", "day"),
    funding("swap-funding-rates", "BTC-USDT-SWAP-fundingrates-%Y-%m.csv", "month"),
]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "okx")


def new_row(cells: dict[str, str]) -> Row:
    time = epoch_us(cells["created_time"])
    return {
        "exchange": "okex-swap",
        "symbol": cells["instrument_name"],
        "timestamp": time,
        "local_timestamp": time,
        "id": cells["trade_id"],
        "side": cells["side"],
        "price": float(cells["price"]),
        "amount": float(cells["size"]),
    }


def old_row(cells: dict[str, str]) -> Row:
    return {**new_row({**cells, "instrument_name": "BTC-USDT"}), "exchange": "okex"}


REAL = [
    Sample(
        file="transcribed/okx/trades/BTC-USDT-SWAP-trades-2025-06-01.csv",
        path="okx/BTC-USDT-SWAP-trades-2025-06-01.csv",
        feed="okx/swap-trades",
        row=new_row,
    ),
    *(
        Sample(
            file=f"{folder}/BTC-USDT-aggtrades-2023-11-18.csv",
            path="okx/BTC-USDT-aggtrades-2023-11-18.csv",
            feed="okx/spot-agg-trades",
            row=old_row,
            columns=[name.partition("/")[0] for name in GBK],
            skips=1,
        )
        for folder in ("okx/trades_legacy", "transcribed/okx/trades_legacy_gbk")
    ),
]


@pytest.mark.parametrize("sample", REAL, ids=str)
def test_a_real_file_is_in_the_lake_value_by_value(sample):
    check_sample(sample)


@pytest.mark.parametrize(("market", "symbol"), [("swap", "BTC-USD_UM-SWAP"), ("futures", "BTC-USD_UM-310404")])
def test_a_margin_is_part_of_a_symbol(market, symbol):
    form = replace(trades(market), constant=constant(market, symbol=symbol), path=f"{symbol}-trades-%Y-%m-%d.csv")
    rows = form.plain_rows()
    taken = take((form.path_of(form.day), form.file(form.written(rows))))
    assert taken.is_success, taken.said
    assert taken.rows() == expected(rows)


def test_a_file_begins_on_the_utc_day_before_and_two_of_them_fill_one():
    form = trades("swap")
    next_day = form.day + dt.timedelta(days=1)
    rows, more = form.plain_rows(), replace(form, day=next_day).plain_rows()
    taken = take(
        (form.path_of(form.day), form.file(form.written(rows))),
        (form.path_of(next_day), form.file(form.written(more))),
    )
    assert taken.is_success, taken.said
    assert taken.rows() == expected(rows + more)
    by_day = dict(taken.silver.group_by("date").len().iter_rows())
    days = [form.day + dt.timedelta(days=n) for n in (-1, 0, 1)]
    assert by_day == dict(zip(days, (16, 48, 32), strict=True))
    of_both = taken.silver.filter(taken.silver["date"] == form.day).sort("timestamp")
    assert of_both["timestamp"].is_unique().all()
    assert of_both["file_id"].to_list() == [1] * 32 + [2] * 16
    assert of_both["timestamp"].diff().drop_nulls().n_unique() == 1


def test_a_file_of_a_utc_day_under_such_a_name_is_refused():
    form = trades("swap")
    data = form.file(form.written(form.plain_rows(shift_us=8 * HOUR_US)))
    taken = take((form.path_of(form.day), data))
    assert taken.silver.is_empty()
    assert "the name says 2024-04-30 16:00 to 2024-05-01 15:59 UTC" in taken.said


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_both_headers_say_the_same(line_end):
    new, old = trades("spot"), replace(legacy("spot", "trades"), line_end=line_end)
    rows = new.plain_rows()
    files = [(form.path_of(form.day), form.file(form.written(rows))) for form in (new, old)]
    assert take(files[0]).rows() == take(files[1]).rows() == expected(rows)


def test_old_files_of_several_symbols_are_typed_together_each_with_its_own():
    files, rows = [], []
    for symbol in ("BTC-USDT", "ETH-USDT"):
        form = replace(
            legacy("spot"), path=f"{symbol}-aggtrades-%Y-%m-%d.csv", constant=constant("spot", symbol=symbol)
        )
        rows += form.plain_rows()
        files.append((form.path_of(form.day), form.file(form.written(form.plain_rows()))))
    assert take(*files).rows() == expected(rows)


@pytest.mark.parametrize("header", [(*GBK[:-1], "time/成交时间"), (*GBK[:-2], GBK[-1], GBK[-2])])
def test_an_unknown_gbk_header_is_refused(header):
    form = legacy("spot")
    taken = take((form.path_of(form.day), form.file(form.written(form.plain_rows()), header)))
    assert taken.silver.is_empty()
    assert "has time, which no description" in taken.said or "another order" in taken.said


def test_a_row_of_another_instrument_is_quarantined():
    form = trades("swap")
    lines = form.written(form.plain_rows())
    lines[3][0] = "ETH-USDT-SWAP"
    taken = take((form.path_of(form.day), form.file(lines)))
    assert taken.silver.height == 47
    assert "other_symbol (symbol): ETH-USDT-SWAP; the name says BTC-USDT-SWAP" in taken.said


def test_bars_that_were_not_over_are_left_out():
    form = candles("swap")
    lines = form.written(form.plain_rows())
    lines[-1][-1] = "0"
    taken = take((form.path_of(form.day), form.file(lines)))
    assert taken.rows() == expected(form.plain_rows()[:-1])
    assert taken.outcome is not None
    assert taken.outcome.warnings["rows_left_out"] == 1


HTX = ("linear-swap", "swap", "future")
"""Folders of its own tree, where the same names are."""


@pytest.mark.parametrize(
    ("path", "feed"),
    [
        ("trades/daily/20250601/BTC-USDT-SWAP-trades-2025-06-01.zip", "swap-trades"),
        ("BTC-USDT-trades-2025-06-01.zip", "spot-trades"),
        ("BTC-USD-250328-trades-2025-02.zip", "futures-trades"),
        ("BTC-USD-250328-60000-P-trades-2025-02-01.zip", "options-trades"),
        ("BTC-USDT-aggtrades-2023-11-18.zip", "spot-agg-trades"),
        ("1m/BTC-USDT-candlesticks-2023-11-18.zip", "spot-candles"),
        ("BTC-USDT-candlesticks-2023-11-18.zip", "spot-candles"),
        ("candlesticks/daily/20231118/BTC-USDT-SWAP-candlesticks-2023-11-18.zip", "swap-candles"),
        ("candlesticks/monthly/202311/BTC-USD-240329-candlesticks-2023-11.zip", "futures-candles"),
        ("BTC-USDT-futureschain-candlesticks-2026-06-01.zip", "futures-chain-candles"),
        ("historical_data/spot/daily/trades/BTC-USDT/BTC-USDT-trades-2026-05-01.zip", None),
        ("L2/400lv/daily/20250601/BTC-USDT-L2orderbook-400lv-2025-06-01.tar.gz", "spot-books"),
        ("BTC-USDT-SWAP-L2orderbook-5000lv-2025-06-01.tar.gz", "swap-books"),
        ("BTC-USDT-260626-L2orderbook-400lv-2026-06-02.data", "futures-books"),
        ("BTC-USD-260626-80000-C-L2orderbook-400lv-2026-05-01.data", "options-books"),
        ("spot/daily/orderbook/lv400/BTC-USDT/BTC-USDT-l2orderbook-400lv-2026-08-01.tar.gz", None),
        ("huobi/trades/linear-swap/daily/BTC-USDT/BTC-USDT-trades-2021-01-01.zip", None),
        *((f"data/trades/{kind}/daily/BTC-USD/BTC-USD-trades-2024-05-01.zip", None) for kind in HTX),
    ],
)
def test_paths(path, feed):
    found = feed_of(path)
    assert found == f"okx/{feed}" if feed else not found.startswith("okx/")


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("20250601/BTC-USD-optionchain-L2orderbook-5000lv-2025-06-01.tar.gz", "tar xf"),
        ("20250601/BNB-USD_UM_XPERP-310523-L2orderbook-400lv-2025-06-01.tar.gz", "vendors show okx --toml"),
    ],
)
def test_what_is_not_read_is_named(path, advice):
    assert advice in (shipped().why_unread(path) or ("", ""))[1]


class TestIntervalThatNothingNames:
    """As published, neither folder nor name says it: the bars are those of a minute, or the file is refused."""

    PATH = "candlesticks/daily/20240501/BTC-USDT-SWAP-candlesticks-2024-05-01.csv"

    def taken(self, *minutes: int, path: str = PATH) -> Taken:
        form = candles("swap")
        rows = [form.complete(form.plain(n), form.first_us + at * 60_000_000) for n, at in enumerate(minutes)]
        return take((path, form.file(form.written(rows))))

    def test_bars_of_a_minute_are_taken(self):
        taken = self.taken(0, 1, 2, 5)
        assert taken.is_success, taken.said
        assert set(taken.silver["interval"]) == {"1m"}

    @pytest.mark.parametrize(("step", "found"), [(5, "5m"), (60, "1h"), (120, "2h"), (7, "7m")])
    def test_others_are_refused_with_the_folder_that_they_need(self, step, found):
        taken = self.taken(*(step * n for n in range(4)))
        assert f"its bars are {found} apart" in taken.said
        assert f"put it into a folder that is called {found}" in taken.said
        if found != "7m":
            again = self.taken(*(step * n for n in range(4)), path=f"{found}/{self.PATH}")
            assert set(again.silver["interval"]) == {found}

    def test_one_bar_tells_nothing(self):
        assert "one bar, which does not tell its interval" in self.taken(0).said
        assert self.taken(0, path=f"1d/{self.PATH}").is_success
