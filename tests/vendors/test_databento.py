"""Databento CSV, raw and pretty: samples value by value, made files, and what breaks them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from pointline.parse import fast_path
from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import (
    SAMPLES,
    Form,
    Refused,
    Row,
    claim_of,
    decimals,
    feed_of,
    shipped,
    take,
)
from tests.support.vendor_reader import epoch_us, read_cells, written_us

MADE = SAMPLES / "made-here" / "dbn-to-csv"
NEEDS_SAMPLES = pytest.mark.skipif(not MADE.is_dir(), reason="no samples of vendors beside the repository")
NO_PRICE, NO_TIME = "9223372036854775807", "18446744073709551615"
BEGIN = ("ts_recv", "ts_event", "rtype", "publisher_id", "instrument_id", "action", "side")
MIDDLE = ("depth", "price", "size", "flags", "ts_in_delta", "sequence")
SIDES = {"B": "buy", "A": "sell", "N": "unknown"}
ACTIONS = {"A": "add", "M": "modify", "C": "cancel", "F": "fill", "T": "trade", "R": "clear", "N": "none"}
LETTER = {word: letter for letter, word in {**ACTIONS, **SIDES}.items()}


def levels(depth: int) -> tuple[str, ...]:
    return tuple(
        f"{side}_{what}_{n:02}" for n in range(depth) for what in ("px", "sz", "ct") for side in ("bid", "ask")
    )


# ---- samples, read by csv, datetime and decimal


def time_us(text: str) -> int:
    return epoch_us(text) if text.isdigit() else written_us(text, "%Y-%m-%dT%H:%M:%S")


def price(text: str) -> float | None:
    if text in ("", NO_PRICE):
        return None
    return float(Decimal(text) if "." in text else Decimal(text) / 10**9)


def as_trade(cells: dict[str, str]) -> Row:
    return {
        "id": cells["sequence"],
        "side": SIDES[cells["side"]],
        "price": price(cells["price"]),
        "amount": float(cells["size"]),
    }


def as_quote(cells: dict[str, str]) -> Row:
    return {
        f"{side}_{name}": value
        for side in ("bid", "ask")
        for name, value in (("price", price(cells[f"{side}_px_00"])), ("amount", float(cells[f"{side}_sz_00"])))
    }


def as_book(cells: dict[str, str]) -> Row:
    return {
        f"{side}_{name}": [price(cells[f"{side}_{what}_{n:02}"] + ".0" * (what == "sz")) for n in range(10)]
        for side in ("bid", "ask")
        for name, what in (("price", "px"), ("amount", "sz"))
    }


def as_order(cells: dict[str, str]) -> Row:
    whole = {"flags": int(cells["flags"]), "sequence": int(cells["sequence"]), "order_id": cells["order_id"]}
    return {
        **whole,
        "action": ACTIONS[cells["action"]],
        "side": SIDES[cells["side"]],
        "price": price(cells["price"]),
        "amount": float(cells["size"]),
    }


def as_bar(cells: dict[str, str]) -> Row:
    prices = {name: price(cells[name]) for name in ("open", "high", "low", "close")}
    return {**prices, "volume": float(cells["volume"]), "price_type": "trade"}


READERS = {
    "trades": (as_trade, "ts_event", "ts_recv", {}),
    "tbbo": (as_trade, "ts_event", "ts_recv", {}),
    "mbp-1": (as_quote, "ts_event", "ts_recv", {}),
    "bbo-1s": (as_quote, "ts_recv", "ts_recv", {}),
    "mbp-10": (as_book, "ts_event", "ts_recv", {}),
    "mbo": (as_order, "ts_event", "ts_recv", {}),
    "ohlcv-1m": (as_bar, "ts_event", "ts_event", {"interval": "1m"}),
    "ohlcv-1d": (as_bar, "ts_event", "ts_event", {"interval": "1d"}),
}


@NEEDS_SAMPLES
@pytest.mark.parametrize("form", ["raw", "pretty"])
@pytest.mark.parametrize("schema", READERS)
def test_a_sample_comes_in_value_by_value(schema, form):
    read, event, received, constant = READERS[schema]
    data = (MADE / f"test_data.{schema}.GLBX.MDP3.{form}.csv").read_bytes()
    taken = take((f"GLBX-20251008-D86947YJLS/glbx-mdp3-20201228.{schema}.csv", data))
    assert taken.is_success, taken.said
    assert taken.rows() == [
        {
            "exchange": "glbx-mdp3",
            "symbol": cells["symbol"],
            "timestamp": time_us(cells[event]),
            "local_timestamp": time_us(cells[received]),
            **constant,
            **read(cells),
        }
        for cells in read_cells(data)
    ]


@NEEDS_SAMPLES
@pytest.mark.parametrize("schema", READERS)
def test_raw_and_pretty_give_the_same_rows(schema):
    files = [(MADE / f"test_data.{schema}.GLBX.MDP3.{form}.csv").read_bytes() for form in ("raw", "pretty")]
    raw, pretty = (take((f"glbx-mdp3-20201228.{schema}.csv", data)).rows() for data in files)
    assert raw == pretty
    assert raw


# ---- made files

RAW, PRETTY = "raw", "pretty"


def written_time(us: int, how: str) -> str:
    if how == RAW:
        return f"{us}{us % 1000:03}"
    moment = dt.datetime.fromtimestamp(us // 10**6, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{us % 10**6:06}{us % 1000:03}Z"


def written_price(value: object, how: str) -> str:
    if value is None:
        return NO_PRICE if how == RAW else ""
    text = f"{value:.9f}"
    return str(int(text.replace(".", ""))) if how == RAW else text


def times(row: Row, how: str) -> list[str]:
    return [written_time(row["local_timestamp"], how), written_time(row["timestamp"], how)]


def trade_cells(row: Row, how: str) -> list[str]:
    what = ["0", "1", "5482", "T", LETTER[row["side"]], "0", written_price(row["price"], how), f"{row['amount']}"]
    return [*times(row, how), *what, "0", "100", row["id"], row["symbol"]]


def tbbo_cells(row: Row, how: str) -> list[str]:
    whole = trade_cells(row, how)
    return [*whole[:-1], written_price(Decimal("1.5"), how), written_price(None, how), "8", "0", "7", "0", whole[-1]]


def level_cells(side_values: Sequence[tuple[object, object]], how: str) -> list[str]:
    """Bid and ask of one level: prices, sizes, counts."""
    prices = [written_price(one, how) for one, _ in side_values]
    return [*prices, *(f"{int(size or 0)}" for _, size in side_values), "1", "1"]


def quote_cells(row: Row, how: str) -> list[str]:
    what = ["1", "1", "5482", "A", "B", "0", written_price(Decimal(7), how), "1", "130", "26128", "145805"]
    book = [(row.get("bid_price"), row.get("bid_amount")), (row.get("ask_price"), row.get("ask_amount"))]
    return [*times(row, how), *what, *level_cells(book, how), row["symbol"]]


def bbo_cells(row: Row, how: str) -> list[str]:
    whole = quote_cells(row, how)
    received = written_time(row["timestamp"], how)
    return [received, NO_TIME if how == RAW else "", *whole[2:5], "A", *whole[8:11], "145805", *whole[13:]]


def book_cells(row: Row, how: str) -> list[str]:
    what = ["10", "1", "5482", "A", "B", "0", written_price(Decimal(7), how), "1", "130", "26128", "145805"]
    book = [
        cell
        for n in range(10)
        for cell in level_cells([(row[f"{side}_price"][n], row[f"{side}_amount"][n]) for side in ("bid", "ask")], how)
    ]
    return [*times(row, how), *what, *book, row["symbol"]]


def order_cells(row: Row, how: str) -> list[str]:
    what = ["160", "1", "5482", LETTER_OF_ACTION[row["action"]], LETTER[row["side"]]]
    amount = [written_price(row.get("price"), how), f"{row['amount']}", "0", row["order_id"], f"{row['flags']}", "0"]
    return [*times(row, how), *what, *amount, f"{row['sequence']}", row["symbol"]]


def bar_cells(row: Row, how: str) -> list[str]:
    prices = [written_price(row[name], how) for name in ("open", "high", "low", "close")]
    return [written_time(row["timestamp"], how), "33", "1", "5482", *prices, f"{row['volume']}", row["symbol"]]


LETTER_OF_ACTION = {word: letter for letter, word in ACTIONS.items()}
PRICES = decimals("-1000", "9000000", 9)
SIZES = st.integers(1, 10**6).map(Decimal)
SYMBOLS = st.sampled_from(["ESH1", "NA", "NULL", "nan", "ES:BF H1-M1-U1".replace(" ", "_"), "BRK.A"])
TRADES = st.fixed_dictionaries(
    {
        "symbol": SYMBOLS,
        "id": st.integers(0, 2**32 - 1).map(str),
        "side": st.sampled_from(list(SIDES.values())),
        "price": PRICES,
        "amount": SIZES,
    }
)
ONE_SIDE = st.one_of(st.tuples(PRICES, SIZES), st.just((None, None)))
QUOTES = st.tuples(SYMBOLS, ONE_SIDE, ONE_SIDE).map(
    lambda made: {
        "symbol": made[0],
        "bid_price": made[1][0],
        "bid_amount": made[1][1],
        "ask_price": made[2][0],
        "ask_amount": made[2][1],
    }
)
FLOATS = st.lists(
    st.one_of(st.none(), st.integers(-(10**12), 10**15).map(lambda n: n / 10**9)), min_size=10, max_size=10
)
SOME_BOOK = {"price": FLOATS, "amount": st.lists(st.integers(1, 9999).map(float), min_size=10, max_size=10)}


def book_of(asks: list[float | None], bids: list[float | None], amounts: list[float]) -> Row:
    def sized(prices: list[float | None]) -> list[float | None]:
        return [None if one is None else amount for one, amount in zip(prices, amounts, strict=True)]

    return {"ask_price": asks, "ask_amount": sized(asks), "bid_price": bids, "bid_amount": sized(bids)}


ORDERS = st.fixed_dictionaries(
    {
        "symbol": SYMBOLS,
        "order_id": st.integers(0, 2**64 - 1).map(str),
        "action": st.sampled_from(list(ACTIONS.values())),
        "side": st.sampled_from(list(SIDES.values())),
        "price": st.one_of(st.none(), PRICES),
        "amount": SIZES,
        "flags": st.integers(0, 255),
        "sequence": st.integers(0, 2**32 - 1),
    }
)
BARS = st.fixed_dictionaries(
    {"symbol": SYMBOLS, **dict.fromkeys(("open", "high", "low", "close"), PRICES), "volume": SIZES}
)


def plain_trade(n: int) -> Row:
    return {"id": f"{n}", "side": "buy", "price": Decimal(3700 + n) / 4, "amount": Decimal(1)}


def plain_quote(n: int) -> Row:
    bid = Decimal(3700 + n)
    return {"bid_price": bid, "bid_amount": Decimal(2), "ask_price": bid + 1, "ask_amount": Decimal(3)}


def plain_book(n: int) -> Row:
    prices: list[float | None] = [3700.25 + n + level for level in range(10)]
    return book_of(prices, [one - 20 for one in prices if one is not None], [float(level + 1) for level in range(10)])


def plain_order(n: int) -> Row:
    numbers = {"order_id": f"{n}", "flags": 40, "sequence": n}
    return {**numbers, "action": "add", "side": "sell", "price": Decimal(n) + 1, "amount": Decimal(2)}


def plain_bar(n: int) -> Row:
    one = Decimal(n) + 1
    return {"open": one, "high": one + 3, "low": one, "close": one + 2, "volume": Decimal(7)}


def form(schema: str, how: str) -> Form:
    feed, columns, cells, plain, rows, word = FEEDS[schema]
    received = schema not in ("bbo-1s", "ohlcv-1m")
    constant = {"interval": "1m", "price_type": "trade"} if schema == "ohlcv-1m" else {}
    return Form(
        feed=f"databento/{feed}",
        path=f"GLBX-1/glbx-mdp3-%Y%m%d.{schema}.csv",
        columns=columns,
        cells=lambda row: cells(row, how),
        constant={"exchange": "glbx-mdp3", "symbol": "ESH1", **constant},
        plain=plain,
        rows=rows,
        time=("ts_recv",) if schema == "bbo-1s" else ("ts_event",) if schema == "ohlcv-1m" else ("ts_event", "ts_recv"),
        word=word,
        step_us=1,
        received=received,
        wrong_unit=lambda text: text + "00" if text.isdigit() else text.replace("T", " "),
    )


FEEDS = {
    "trades": ("trades", (*BEGIN, *MIDDLE, "symbol"), trade_cells, plain_trade, TRADES, "side"),
    "tbbo": ("tbbo", (*BEGIN, *MIDDLE, *levels(1), "symbol"), tbbo_cells, plain_trade, TRADES, "side"),
    "mbp-1": ("mbp-1", (*BEGIN, *MIDDLE, *levels(1), "symbol"), quote_cells, plain_quote, QUOTES, "bid_px_00"),
    "bbo-1s": (
        "bbo",
        (*BEGIN[:5], "side", "price", "size", "flags", "sequence", *levels(1), "symbol"),
        bbo_cells,
        plain_quote,
        QUOTES,
        "ask_px_00",
    ),
    "mbp-10": (
        "mbp-10",
        (*BEGIN, *MIDDLE, *levels(10), "symbol"),
        book_cells,
        plain_book,
        st.builds(book_of, FLOATS, FLOATS, SOME_BOOK["amount"]),
        "ask_px_09",
    ),
    "mbo": (
        "mbo",
        (*BEGIN, "price", "size", "channel_id", "order_id", "flags", "ts_in_delta", "sequence", "symbol"),
        order_cells,
        plain_order,
        ORDERS,
        "action",
    ),
    "ohlcv-1m": (
        "ohlcv",
        ("ts_event", "rtype", "publisher_id", "instrument_id", "open", "high", "low", "close", "volume", "symbol"),
        bar_cells,
        plain_bar,
        BARS,
        "high",
    ),
}
FORMS = [form(schema, how) for schema in FEEDS for how in (RAW, PRETTY)]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "databento", examples=20)


class TestEachOptionByItself:
    """Times and prices are raw or pretty independently of each other, and a file may be neither."""

    @pytest.mark.parametrize(("time", "px"), [(RAW, PRETTY), (PRETTY, RAW)])
    def test_one_pretty_and_one_raw(self, time, px):
        made = form("trades", RAW)
        rows = made.plain_rows()
        lines = [
            [*raw[:2], *nice[2:]] for raw, nice in ((trade_cells(row, time), trade_cells(row, px)) for row in rows)
        ]
        taken = take((made.path_of(made.day), made.file(lines)))
        assert [row["price"] for row in taken.rows()] == [float(row["price"]) for row in rows]
        assert [row["timestamp"] for row in taken.rows()] == [row["timestamp"] for row in rows]

    @pytest.mark.parametrize("odd", ["3.70275e12", "3702.75.0", "1e5", "3,702.75", "0x10", "inf", "nan", "3702."])
    def test_a_price_that_is_neither_is_no_price(self, odd):
        made = form("trades", RAW)
        lines = made.written(made.plain_rows())
        lines[3][8] = f'"{odd}"'
        taken = take((made.path_of(made.day), made.file(lines)))
        assert taken.aside["column"].to_list() == ["price"]
        assert "a whole one of 1e-09, is wanted" in taken.said
        assert len(taken.rows()) == len(lines) - 1

    def test_a_price_that_no_float_is_near_enough_to_divide_is_the_nearest_all_the_same(self):
        made = form("trades", RAW)
        ticks = [2**53 + 1, 9_123_456_789_012_345_677, -9_007_199_254_740_993, 3_702_750_000_000]
        lines = made.written(made.plain_rows(len(ticks)))
        for line, tick in zip(lines, ticks, strict=True):
            line[8] = str(tick)
        rows = take((made.path_of(made.day), made.file(lines))).rows()
        assert [row["price"] for row in rows] == [float(Decimal(tick) / 10**9) for tick in ticks]


class TestDays:
    def test_the_snapshot_of_an_order_book_stays_in_the_day_that_it_begins(self):
        made = form("mbo", RAW)
        rows = made.plain_rows()
        evening = made.first_us - 4 * 3_600_000_000
        rows[0] |= {"timestamp": evening, "local_timestamp": made.first_us}
        taken = take((made.path_of(made.day), made.file(made.written(rows))))
        assert taken.is_success, taken.said
        assert taken.rows()[0]["timestamp"] == evening
        assert taken.silver["date"].unique().to_list() == [made.day]

    def test_a_file_of_several_days_may_have_rows_of_each(self):
        made = form("trades", PRETTY)
        rows = [*made.plain_rows(4), *made.plain_rows(4, shift_us=24 * 3_600_000_000)]
        taken = take(("xnas-itch-20240501-20240502.trades.csv", made.file(made.written(rows))))
        assert taken.is_success, taken.said
        assert len(taken.rows()) == 8
        assert {row["exchange"] for row in taken.rows()} == {"xnas-itch"}

    def test_a_file_of_several_days_has_no_rows_after_the_last(self):
        made = form("trades", PRETTY)
        rows = made.plain_rows(40, shift_us=48 * 3_600_000_000)
        taken = take(("xnas-itch-20240501-20240502.trades.csv", made.file(made.written(rows))))
        assert "outside_day" in taken.said
        assert taken.silver.is_empty()

    def test_days_the_wrong_way_round_are_refused(self):
        claim = claim_of("xnas-itch-20240502-20240501.trades.csv")
        assert isinstance(claim, Refused)
        assert "ends on 2024-05-01, before it begins" in claim.reason


@pytest.mark.parametrize(
    ("path", "feed"),
    [
        ("a/glbx-mdp3-20240101.trades.csv.zst", "databento/trades"),
        ("a/glbx-mdp3-20240101.trades.ESH4.csv.zst", "databento/trades"),
        ("a/xnas-itch-20240101-20240131.ohlcv-1d.csv", "databento/ohlcv"),
        ("a/glbx-mdp3-20240101.bbo-1m.csv", "databento/bbo"),
        ("a/glbx-mdp3-20240101.statistics.csv.zst", ""),
        ("a/glbx-mdp3-20240101.mbp-2.csv", ""),
    ],
)
def test_names(path, feed):
    assert feed_of(path) == feed


def test_a_file_without_symbols_is_refused():
    made = form("trades", RAW)
    lines = [line[:-1] for line in made.written(made.plain_rows())]
    taken = take((made.path_of(made.day), made.file(lines, made.columns[:-1])))
    assert "the header lacks symbol" in taken.said
    assert taken.silver.is_empty()


@pytest.mark.parametrize("how", [RAW, PRETTY])
@pytest.mark.parametrize("schema", FEEDS)
def test_a_sound_file_is_typed_in_one_go(schema, how):
    """Whole columns at once; a raw file without a look at its times and prices as text."""
    made = form(schema, how)
    name = made.feed.partition("/")[2]
    feed = shipped().feed("", name, "databento")
    head, _, body = made.file(made.written(made.plain_rows())).partition(b"\n")
    path = made.path_of(made.day)
    belonging = shipped().belonging(path, name, exchange="glbx-mdp3", symbol=None, date=made.day, escalated=frozenset())
    header = tuple(head.decode().split(","))
    assert feed.whole is not None
    assert (fast_path.parse(feed.whole, header, body, belonging) is not None) == (how == RAW)
    assert fast_path.parse(feed, header, body, belonging) is not None
