"""Binance public data: every feed that is described, its samples value by value, made files, and what breaks them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vendor_files import Form, Row, check_round_trip, decimals
from tests.support.vendor_matrix import MATRIX, check_mutation, feeds_of
from tests.support.vendor_rows import (
    ANY_PRICES,
    RATES,
    SIDES,
    ZERO_OR_MORE,
    any_trade,
    milliseconds,
    prices,
    text,
    trade,
    wall,
)

MAKER = {"buy": "false", "sell": "true"}
MARKETS = {
    "spot": ("spot", "binance", "BTCUSDT"),
    "um": ("futures/um", "binance-futures", "BTCUSDT"),
    "cm": ("futures/cm", "binance-delivery", "BTCUSD_PERP"),
}
KLINE = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
TRADE = {
    "spot": ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"),
    "um": ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker"),
    "cm": ("id", "price", "qty", "base_qty", "time", "is_buyer_maker"),
}
AGG = ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker")


def path(market: str, kind: str, name: str = "", *, mid: str = "", span: str = "daily") -> str:
    root, _, symbol = MARKETS[market]
    date = "%Y-%m-%d" if span == "daily" else "%Y-%m"
    return f"data/{root}/{span}/{kind}/{symbol}/{mid}{symbol}-{name or kind}-{date}.csv"


def constant(market: str, **more: object) -> Row:
    _, exchange, symbol = MARKETS[market]
    return {"exchange": exchange, "symbol": symbol, **more}


def trades(market: str) -> Form:
    def cells(row: Row) -> list[str]:
        maker = MAKER[row["side"]]
        numbers = [row["id"], text(row["price"]), text(row["amount"]), "1.5", milliseconds(row)]
        return [*numbers, maker.title(), "True"] if market == "spot" else [*numbers, maker]

    return Form(
        feed=f"binance/{market}-trades",
        path=path(market, "trades"),
        columns=TRADE[market],
        cells=cells,
        constant=constant(market),
        plain=trade,
        rows=any_trade(),
        time=("time",),
        word="is_buyer_maker",
        has_header=market != "spot",
    )


def agg_trades(market: str) -> Form:
    def cells(row: Row) -> list[str]:
        first = [row["id"], text(row["price"]), text(row["amount"])]
        ids = [f"{row['first_trade_id']}", f"{row['last_trade_id']}"]
        maker = MAKER[row["side"]]
        return [*first, *ids, milliseconds(row), *([maker.title(), "True"] if market == "spot" else [maker])]

    ids = st.fixed_dictionaries({"first_trade_id": st.integers(0, 2**62), "last_trade_id": st.integers(0, 2**62)})
    return Form(
        feed=f"binance/{market}-agg-trades",
        path=path(market, "aggTrades"),
        columns=(*AGG, "is_best_match") if market == "spot" else AGG,
        cells=cells,
        constant=constant(market),
        plain=lambda n: {**trade(n), "first_trade_id": 10 * n, "last_trade_id": 10 * n + 3},
        rows=st.builds(lambda one, other: {**one, **other}, any_trade(), ids),
        time=("transact_time",),
        word="is_buyer_maker",
        has_header=market != "spot",
    )


VOLUMES = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")


def kline_cells(row: Row) -> list[str]:
    time = milliseconds(row)
    open_to_close = [text(row[name]) for name in ("open", "high", "low", "close")]
    volume, quote, buy, buy_quote = (text(row.get(name, Decimal(9))) for name in VOLUMES)
    count = f"{row.get('trade_count', 60)}"
    return [time, *open_to_close, volume, f"{int(time) + 59_999}", quote, count, buy, buy_quote, "0"]


def klines(market: str, kind: str = "klines", price_type: str = "trade", *, monthly: bool = False) -> Form:
    kept = [name for name in VOLUMES if price_type == "trade" and not (market == "cm" and "quote" in name)]
    name = kind.removesuffix("PriceKlines").removesuffix("IndexKlines").removesuffix("klines")
    known: dict[str, st.SearchStrategy] = dict.fromkeys(kept, ZERO_OR_MORE)
    if kept:
        known["trade_count"] = st.integers(0, 10**9)
    interval = "1mo" if monthly else "1m"

    def plain(number: int) -> Row:
        volumes = {one: Decimal(number * 10 + at) for at, one in enumerate(kept)}
        return {**prices(number), **volumes, **({"trade_count": number} if kept else {})}

    return Form(
        feed=f"binance/{market}-{name + '-' if name else ''}klines",
        path=path(market, kind, interval, mid=f"{interval}/", span="monthly" if monthly else "daily"),
        columns=KLINE,
        cells=kline_cells,
        constant=constant(market, interval=interval, price_type=price_type),
        plain=plain,
        rows=st.builds(lambda one, other: {**one, **other}, ANY_PRICES, st.fixed_dictionaries(known)),
        time=("open_time",),
        word="close",
        has_header=market != "spot",
        span="month" if monthly else "day",
    )


def funding(market: str) -> Form:
    return Form(
        feed=f"binance/{market}-funding-rates",
        path=path(market, "fundingRate", span="monthly"),
        columns=("calc_time", "funding_interval_hours", "last_funding_rate"),
        cells=lambda row: [milliseconds(row), f"{row['interval_hours']}", text(row["funding_rate"])],
        constant=constant(market),
        plain=lambda n: {"funding_rate": Decimal(n) / 10000, "interval_hours": Decimal(8)},
        rows=st.fixed_dictionaries(
            {"funding_rate": RATES, "interval_hours": st.sampled_from([Decimal(4), Decimal(8)])}
        ),
        time=("calc_time",),
        word="last_funding_rate",
        span="month",
    )


RATIOS = ("open_interest_value", "top_account_ratio", "top_position_ratio", "account_ratio", "taker_volume_ratio")
METRICS = (
    "create_time",
    "symbol",
    "sum_open_interest",
    "sum_open_interest_value",
    "count_toptrader_long_short_ratio",
    "sum_toptrader_long_short_ratio",
    "count_long_short_ratio",
    "sum_taker_long_short_vol_ratio",
)


def metrics(market: str) -> Form:
    def cells(row: Row) -> list[str]:
        time = wall(row["timestamp"], "%Y-%m-%d %H:%M:%S")
        ratios = ['""' if row[name] is None else text(row[name]) for name in RATIOS]
        return [time, row["symbol"], text(row["open_interest"]), *ratios]

    maybe = st.one_of(st.none(), ZERO_OR_MORE)
    return Form(
        feed=f"binance/{market}-metrics",
        path=path(market, "metrics"),
        columns=METRICS,
        cells=cells,
        constant=constant(market),
        plain=lambda n: {"open_interest": Decimal(n + 1), **{name: Decimal(n) / 8 for name in RATIOS}},
        rows=st.fixed_dictionaries({"open_interest": ZERO_OR_MORE, **dict.fromkeys(RATIOS, maybe)}),
        time=("create_time",),
        word="count_long_short_ratio",
        step_us=1_000_000,
    )


def book_ticker(market: str) -> Form:
    names = ("bid_price", "bid_amount", "ask_price", "ask_amount")
    return Form(
        feed=f"binance/{market}-book-ticker",
        path=path(market, "bookTicker"),
        columns=(
            "update_id",
            "best_bid_price",
            "best_bid_qty",
            "best_ask_price",
            "best_ask_qty",
            "transaction_time",
            "event_time",
        ),
        cells=lambda row: [
            "7",
            *(text(row[name]) for name in names),
            milliseconds(row),
            f"{int(milliseconds(row)) + 4}",
        ],
        constant=constant(market),
        plain=lambda n: {name: Decimal(n + at) for at, name in enumerate(names, 1)},
        rows=st.fixed_dictionaries(dict.fromkeys(names, decimals())),
        time=("transaction_time",),
        word="best_ask_qty",
    )


def liquidations() -> Form:
    def cells(row: Row) -> list[str]:
        price, amount = text(row["price"]), text(row["amount"])
        return [milliseconds(row), row["side"].upper(), "LIMIT", "IOC", "7", price, "3.5", "FILLED", "1", amount]

    return Form(
        feed="binance/cm-liquidations",
        path=path("cm", "liquidationSnapshot"),
        columns=(
            "time",
            "side",
            "order_type",
            "time_in_force",
            "original_quantity",
            "price",
            "average_price",
            "order_status",
            "last_fill_quantity",
            "accumulated_fill_quantity",
        ),
        cells=cells,
        constant=constant("cm"),
        plain=lambda n: {"side": "sell", "price": Decimal(30_000 + n), "amount": Decimal(n + 1)},
        rows=st.fixed_dictionaries({"side": SIDES, "price": decimals(), "amount": decimals()}),
        time=("time",),
        word="side",
        repeats=2,
    )


def volatility_index() -> Form:
    return Form(
        feed="binance/volatility-index",
        path="data/option/daily/BVOLIndex/BTCBVOLUSDT/BTCBVOLUSDT-BVOLIndex-%Y-%m-%d.csv",
        columns=("calc_time", "symbol", "base_asset", "quote_asset", "index_value"),
        cells=lambda row: [milliseconds(row), "BTCBVOLUSDT", "BTCBVOL", "USDT", text(row["price"])],
        constant={"exchange": "binance-options", "symbol": "BTCBVOLUSDT"},
        plain=lambda n: {"price": Decimal(50 + n)},
        rows=st.fixed_dictionaries({"price": decimals()}),
        time=("calc_time",),
        word="index_value",
    )


FORMS = [
    *(make(market) for make in (trades, agg_trades, klines) for market in MARKETS),
    klines("um", monthly=True),
    *(
        klines(market, kind, price_type)
        for market in ("um", "cm")
        for kind, price_type in (
            ("markPriceKlines", "mark"),
            ("indexPriceKlines", "index"),
            ("premiumIndexKlines", "premium"),
        )
    ),
    *(make(market) for make in (funding, metrics, book_ticker) for market in ("um", "cm")),
    liquidations(),
    volatility_index(),
]
BY_FEED = pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.feed}-{form.span}")


def test_every_feed_has_a_form():
    assert {form.feed for form in FORMS} == feeds_of("binance")


@BY_FEED
@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_what_is_written_as_the_vendor_does_comes_back(form, data):
    check_round_trip(form, data.draw(form.any_rows()))


@BY_FEED
@pytest.mark.parametrize("mutation", MATRIX)
def test_a_broken_file_never_ends_in_other_values(form, mutation):
    check_mutation(form, mutation)
