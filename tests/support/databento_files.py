"""Files of Databento as tests make them: the raw or pretty CSV of each schema."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from hypothesis import strategies as st

from tests.support.vendor_files import Form, Row, decimals

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


def exchange_of(schema: str) -> str:
    """What is sampled every second lies beside every change, not among them."""
    return f"glbx-mdp3-{schema}" if schema.startswith("bbo") else "glbx-mdp3"


def form(schema: str, how: str) -> Form:
    feed, columns, cells, plain, rows, word = FEEDS[schema]
    received = schema not in ("bbo-1s", "ohlcv-1m")
    constant = {"interval": "1m", "price_type": "trade"} if schema == "ohlcv-1m" else {}
    return Form(
        feed=f"databento/{feed}",
        path=f"GLBX-1/glbx-mdp3-%Y%m%d.{schema}.csv",
        columns=columns,
        cells=lambda row: cells(row, how),
        constant={"exchange": exchange_of(schema), "symbol": "ESH1", **constant},
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
