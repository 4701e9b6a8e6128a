"""Binance public data: every feed that is described, its samples value by value, made files, and what breaks them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from pointline.io.bronze.paths.layout import Refused
from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import (
    HOUR_US,
    SAMPLES,
    Form,
    Row,
    claim_of,
    decimals,
    expected,
    feed_of,
    shipped,
    take,
)
from tests.support.vendor_reader import epoch_us, written_us
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
from tests.support.vendor_samples import Sample, check_sample, number

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
    interval = "15m" if monthly else "1m"

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


def liquidations(market: str = "cm") -> Form:
    def cells(row: Row) -> list[str]:
        price, amount = text(row["price"]), text(row["amount"])
        return [milliseconds(row), row["side"].upper(), "LIMIT", "IOC", "7", price, "3.5", "FILLED", "1", amount]

    return Form(
        feed=f"binance/{market}-liquidations",
        path=path(market, "liquidationSnapshot"),
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
        constant=constant(market),
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
    liquidations("um"),
    volatility_index(),
]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "binance")


# ---- real files


def kline_row(exchange: str, symbol: str) -> Callable[[dict[str, str]], Row]:
    def row(cells: dict[str, str]) -> Row:
        time = epoch_us(cells["open_time"])
        renamed = {
            "quote_volume": "quote_asset_volume",
            "count": "number_of_trades",
            "taker_buy_volume": "taker_buy_base_asset_volume",
            "taker_buy_quote_volume": "taker_buy_quote_asset_volume",
        }
        found = {name: cells.get(name) or cells[other] for name, other in renamed.items()}
        return {
            "exchange": exchange,
            "symbol": symbol,
            "timestamp": time,
            "local_timestamp": time,
            "interval": "1m",
            "price_type": "trade",
            **{name: float(cells[name]) for name in ("open", "high", "low", "close", "volume")},
            "quote_volume": float(found["quote_volume"]),
            "trade_count": int(found["count"]),
            "taker_buy_volume": float(found["taker_buy_volume"]),
            "taker_buy_quote_volume": float(found["taker_buy_quote_volume"]),
        }

    return row


def agg_row(exchange: str) -> Callable[[dict[str, str]], Row]:
    def row(cells: dict[str, str]) -> Row:
        time = epoch_us(cells["transact_time"])
        return {
            "exchange": exchange,
            "symbol": "BTCUSDT",
            "timestamp": time,
            "local_timestamp": time,
            "id": cells["agg_trade_id"],
            "first_trade_id": int(cells["first_trade_id"]),
            "last_trade_id": int(cells["last_trade_id"]),
            "side": {"true": "sell", "false": "buy"}[cells["is_buyer_maker"].lower()],
            "price": float(cells["price"]),
            "amount": float(cells["quantity"]),
        }

    return row


def metrics_row(exchange: str) -> Callable[[dict[str, str]], Row]:
    def row(cells: dict[str, str]) -> Row:
        time = written_us(cells["create_time"], "%Y-%m-%d %H:%M:%S")
        return {
            "exchange": exchange,
            "symbol": cells["symbol"],
            "timestamp": time,
            "local_timestamp": time,
            "open_interest": float(cells["sum_open_interest"]),
            "open_interest_value": number(cells["sum_open_interest_value"]),
            "top_account_ratio": number(cells["count_toptrader_long_short_ratio"]),
            "top_position_ratio": number(cells["sum_toptrader_long_short_ratio"]),
            "account_ratio": number(cells["count_long_short_ratio"]),
            "taker_volume_ratio": number(cells["sum_taker_long_short_vol_ratio"]),
        }

    return row


def ticker_row(cells: dict[str, str]) -> Row:
    time = epoch_us(cells["transaction_time"])
    return {
        "exchange": "binance-futures",
        "symbol": "BTCUSDT",
        "timestamp": time,
        "local_timestamp": time,
        "ask_amount": float(cells["best_ask_qty"]),
        "ask_price": float(cells["best_ask_price"]),
        "bid_price": float(cells["best_bid_price"]),
        "bid_amount": float(cells["best_bid_qty"]),
    }


def funding_row(cells: dict[str, str]) -> Row:
    time = epoch_us(cells["calc_time"])
    return {
        "exchange": "binance-futures",
        "symbol": "BTCUSDT",
        "timestamp": time,
        "local_timestamp": time,
        "funding_rate": float(cells["last_funding_rate"]),
        "interval_hours": float(cells["funding_interval_hours"]),
    }


UM_1M = "data/futures/um/{span}/klines/{symbol}/1m/{symbol}-1m-{date}.csv"
REAL = [
    *(
        Sample(
            file=f"binance/klines_1m_daily/BTCUSDT-1m-{day}.csv",
            path=UM_1M.format(span="daily", symbol="BTCUSDT", date=day),
            feed="binance/um-klines",
            row=kline_row("binance-futures", "BTCUSDT"),
        )
        for day in ("2025-09-03", "2025-09-04")
    ),
    *(
        Sample(
            file=f"binance/um_klines_1m_monthly/NEARUSDT-1m-{name}.csv",
            path=UM_1M.format(span="monthly", symbol="NEARUSDT", date=name[:7]),
            feed="binance/um-klines",
            row=kline_row("binance-futures", "NEARUSDT"),
        )
        for name in ("2023-02", "2025-02", "2025-02.tail")
    ),
    Sample(
        file="binance/klines_alias_header/BTCUSDT-1m-2022-05-06.csv",
        path=UM_1M.format(span="daily", symbol="BTCUSDT", date="2022-05-06"),
        feed="binance/um-klines",
        row=kline_row("binance-futures", "BTCUSDT"),
    ),
    Sample(
        file="binance/spot_klines_noheader/ADABTC-1m-2021-11-27.csv",
        path="data/spot/daily/klines/ADABTC/1m/2021-01-01_2021-12-31/ADABTC-1m-2021-11-27.csv",
        feed="binance/spot-klines",
        row=kline_row("binance", "ADABTC"),
        columns=KLINE,
    ),
    Sample(
        file="transcribed/binance/um_aggTrades/BTCUSDT-aggTrades-2026-08-10.csv",
        path="data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2026-08-10.csv",
        feed="binance/um-agg-trades",
        row=agg_row("binance-futures"),
    ),
    Sample(
        file="transcribed/binance/spot_aggTrades_us/BTCUSDT-aggTrades-2026-08-10.csv",
        path="spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2026-08-10.csv",
        feed="binance/spot-agg-trades",
        row=agg_row("binance"),
        columns=(*AGG, "is_best_match"),
    ),
    *(
        Sample(
            file=f"transcribed/binance/data/futures/{market}/daily/metrics/{symbol}/{symbol}-metrics-{day}.csv",
            path=f"data/futures/{market}/daily/metrics/{symbol}/{symbol}-metrics-{day}.csv",
            feed=f"binance/{market}-metrics",
            row=metrics_row(exchange),
        )
        for market, symbol, day, exchange in (
            ("um", "BTCUSDT", "2026-07-20", "binance-futures"),
            ("cm", "BTCUSD_PERP", "2023-06-25", "binance-delivery"),
        )
    ),
    Sample(
        file="transcribed/binance/data/futures/um/daily/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2023-05-16.csv",
        path="data/futures/um/daily/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2023-05-16.csv",
        feed="binance/um-book-ticker",
        row=ticker_row,
    ),
    Sample(
        file="transcribed/binance/data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2026-06.csv",
        path="data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2026-06.csv",
        feed="binance/um-funding-rates",
        row=funding_row,
    ),
]


@pytest.mark.parametrize("sample", REAL, ids=str)
def test_a_real_file_is_in_the_lake_value_by_value(sample):
    check_sample(sample)


LIQUIDATIONS = "data/futures/cm/daily/liquidationSnapshot/BTCUSD_PERP/BTCUSD_PERP-liquidationSnapshot-2023-06-25.csv"


def test_liquidations_stand_twice_in_their_file_and_once_in_the_lake():
    form = liquidations()
    one, other = form.plain_rows()[:2]
    twice, once = form.cells(one), form.cells(other)
    taken = take((form.path_of(form.day), form.file([twice, twice, once])))
    assert taken.rows() == expected([one, other])
    assert taken.silver["file_seq"].to_list() == [1, 3]
    assert taken.outcome is not None
    assert (taken.outcome.rows_read, taken.outcome.warnings["rows_left_out"]) == (2, 1)


@pytest.mark.skipif(not SAMPLES.exists(), reason="no samples")
def test_real_liquidations():
    taken = take((LIQUIDATIONS, (SAMPLES / "transcribed/binance" / LIQUIDATIONS).read_bytes()))
    assert [(row["side"], row["price"], row["amount"]) for row in taken.rows()] == [
        ("buy", 30741.3, 7.0),
        ("buy", 30756.6, 43.0),
    ]


def test_equal_trades_with_different_ids_are_two_trades():
    form = trades("um")
    row = form.plain_rows()[0]
    rows = [{**row, "id": "1"}, {**row, "id": "2"}, {**row, "id": "2"}]
    taken = take((form.path_of(form.day), form.file(form.written(rows))))
    assert taken.rows() == expected(rows)


@pytest.mark.skipif(not SAMPLES.exists(), reason="no samples")
def test_times_that_a_spreadsheet_rounded_are_refused_with_that_word():
    data = (SAMPLES / "binance/klines_spreadsheet_mangled/BTCUSDT-1h-2023-11-18.csv").read_bytes()
    taken = take(("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2023-11-18.csv", data))
    assert taken.silver.is_empty()
    assert not taken.is_success
    assert "a number as a spreadsheet rounds it, with digits lost, such as '1.70027E+12'" in taken.said


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("market", ["um", "spot"])
def test_a_byte_order_mark_and_crlf_of_a_spreadsheet_do_no_harm(market, mark, line_end):
    form = replace(klines(market), line_end=line_end)
    rows = form.plain_rows()
    taken = take((form.path_of(form.day), mark + form.file(form.written(rows))))
    assert taken.is_success, taken.said
    assert taken.rows() == expected(rows)


class TestUnits:
    """Spot files changed from ms to us on 2025-01-01: the digits tell, and the day proves it."""

    @staticmethod
    def spot(day: dt.date, per_ms: int) -> tuple[str, bytes, list[Row]]:
        form = replace(klines("spot"), day=day)
        rows = form.plain_rows()
        lines = [[f"{int(line[0]) * per_ms}", *line[1:]] for line in form.written(rows)]
        return form.path_of(day), form.file(lines), rows

    def test_times_go_on_without_a_jump(self):
        before = self.spot(dt.date(2024, 12, 31), 1)
        after = self.spot(dt.date(2025, 1, 1), 1000)
        taken = take(before[:2], after[:2])
        assert taken.is_success, taken.said
        assert taken.rows() == expected(before[2] + after[2])
        steps = taken.silver["timestamp"].diff().drop_nulls()
        assert steps.n_unique() == 1

    @pytest.mark.parametrize("per_ms", [1, 1000])
    def test_another_day_is_refused_with_both_days(self, per_ms):
        _, data, _ = self.spot(dt.date(2024, 12, 31), per_ms)
        taken = take((klines("spot").path_of(dt.date(2025, 1, 1)), data))
        assert taken.silver.is_empty()
        assert "48 of 48 rows are of 2024-12-31, the name says 2025-01-01 (outside_day)" in taken.said
        assert "rename the file to BTCUSDT-1m-2024-12-31.csv" in taken.said

    @pytest.mark.parametrize("digits", [11, 12, 14, 15, 17, 18])
    def test_other_numbers_of_digits_are_no_times(self, digits):
        form = klines("spot")
        lines = [[line[0].ljust(digits, "0")[:digits], *line[1:]] for line in form.written(form.plain_rows())]
        taken = take((form.path_of(form.day), form.file(lines)))
        assert taken.silver.is_empty()
        assert "13 (ms), 16 (us)" in taken.said


class TestHeaders:
    """Old files of futures have no header, later ones do; one folder holds both."""

    @pytest.mark.parametrize("form", [agg_trades("um"), klines("cm"), trades("um")], ids=lambda form: form.feed)
    def test_with_and_without_the_rows_are_the_same(self, form):
        next_day = form.day + dt.timedelta(days=1)
        rows = form.plain_rows()
        without = replace(form, has_header=False, day=next_day)
        more = without.plain_rows()
        taken = take(
            (form.path_of(form.day), form.file(form.written(rows))),
            (form.path_of(next_day), without.file(without.written(more))),
        )
        assert taken.is_success, taken.said
        assert taken.rows() == expected(rows + more)
        assert taken.silver["file_seq"].to_list() == [*range(1, 49), *range(1, 49)]

    def test_two_names_swapped_are_refused(self):
        form = agg_trades("um")
        header = ["agg_trade_id", "quantity", "price", *form.columns[3:]]
        taken = take((form.path_of(form.day), form.file(form.written(form.plain_rows()), header)))
        assert taken.silver.is_empty()
        assert "another order: 'agg_trade_id,quantity,price" in taken.said


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "feed"),
        [
            ("spot/daily/klines/BTCUSDT/1s/BTCUSDT-1s-2024-05-01.zip", "spot-klines"),
            ("data/spot/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2024-05.zip", "spot-klines"),
            ("data/futures/um/daily/klines/BTCUSDT_230331/3m/BTCUSDT_230331-3m-2023-03-01.zip", "um-klines"),
            ("data/futures/um/daily/markPriceKlines/BTCUSDT/1h/BTCUSDT-1h-2024-05-01.zip", "um-mark-klines"),
            ("data/futures/cm/daily/indexPriceKlines/BTCUSD/1h/BTCUSD-1h-2024-05-01.zip", "cm-index-klines"),
            ("x/y/data/spot/daily/trades/1000SHIB/2020-01-01_2024-05-01/1000SHIB-trades-2024-05-01.csv", "spot-trades"),
            ("data/futures/um/monthly/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-05.zip", "um-agg-trades"),
        ],
    )
    def test_as_the_script_leaves_them(self, path, feed):
        assert feed_of(path) == f"binance/{feed}"

    @pytest.mark.parametrize(
        "path",
        [
            "BTCUSDT-1m-2024-05-01.zip",  # spot or futures?
            "data/spot/daily/klines/BTCUSDT/1M/BTCUSDT-1M-2024-05-01.zip",
            "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.zip.CHECKSUM",
            "data/futures/um/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2024-05-01.zip",
        ],
    )
    def test_others_are_of_no_feed(self, path):
        assert feed_of(path) == ""

    def test_two_symbols_in_one_path_are_refused(self):
        claim = claim_of("data/spot/daily/trades/BTCUSDT/ETHUSDT-trades-2024-05-01.zip")
        assert isinstance(claim, Refused)
        assert "two symbols, 'BTCUSDT' and 'ETHUSDT'" in claim.reason

    @pytest.mark.parametrize(
        ("path", "what"),
        [
            ("data/futures/um/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2024-05-01.zip", "bookDepth"),
            ("data/option/daily/EOHSummary/BTCUSDT/BTCUSDT-EOHSummary-2023-06-01.zip", "EOHSummary"),
        ],
    )
    def test_what_is_not_read_is_named(self, path, what):
        found = shipped().why_unread(path)
        assert found is not None
        assert what in found[0]
        assert "vendors/" in found[1]


def test_the_last_row_of_metrics_is_of_the_next_day():
    form = metrics("um")
    rows = [*form.plain_rows(), form.complete(form.plain(1), form.first_us + 24 * HOUR_US)]
    taken = take((form.path_of(form.day), form.file(form.written(rows))))
    assert taken.is_success, taken.said
    assert taken.aside.is_empty()
    assert taken.silver["date"].to_list()[-1] == dt.date(2024, 5, 2)


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("data/futures/um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2025-09-03.zip", 1440),
        ("data/futures/um/monthly/klines/NEARUSDT/1m/NEARUSDT-1m-2023-02.zip", 299),
        ("data/spot/daily/klines/ADABTC/1m/ADABTC-1m-2021-11-27.zip", 10),
    ],
)
def test_zip_files_are_the_files_in_them(path, rows):
    pytest.importorskip("pointline.io.content.packed.unzip", reason="this version reads no zip")
    file = SAMPLES / "made-here" / path
    if not file.exists():
        pytest.skip("no samples")
    taken = take((path, file.read_bytes()))
    assert taken.is_success, taken.said
    assert taken.silver.height == rows


def test_a_short_row_is_named_with_its_number():
    form = klines("um")
    lines = form.written(form.plain_rows())
    lines[30] = lines[30][:5]
    taken = take((form.path_of(form.day), form.file(lines)))
    assert taken.aside.select("file_seq", "rule").rows() == [(31, "ragged")]
    assert "5 cells where the header has 12" in taken.said
    assert taken.rows() == expected([row for n, row in enumerate(form.plain_rows()) if n != 30])


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_line_without_anything_in_it_is_called_that(blank):
    form = klines("um")
    lines = form.written(form.plain_rows())
    lines.insert(30, [blank])
    taken = take((form.path_of(form.day), form.file(lines)))
    assert "1 x ragged: a line without anything in it" in taken.said
