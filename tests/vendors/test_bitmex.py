"""BitMEX: whole markets by the day, a D between date and time, nine decimals."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import Form, Row, decimals, expected, feed_of, take
from tests.support.vendor_reader import written_us
from tests.support.vendor_rows import UUIDS, any_trade, text, trade, wall
from tests.support.vendor_samples import Sample, check_sample, number

WALL = "%Y-%m-%dD%H:%M:%S"
TRADE = (
    "timestamp",
    "symbol",
    "side",
    "size",
    "price",
    "tickDirection",
    "trdMatchID",
    "grossValue",
    "homeNotional",
    "foreignNotional",
)
SIZES = ("bid_amount", "bid_price", "ask_price", "ask_amount")


def nine_digits(row: Row) -> str:
    return wall(row["timestamp"], f"{WALL}.%f") + "000"


def trade_cells(row: Row) -> list[str]:
    side = "" if row["side"] == "unknown" else row["side"].title()
    first = [nine_digits(row), row["symbol"], side, text(row["amount"]), repr(float(row["price"]))]
    return [*first, "PlusTick", row["id"], "13050", "0.0", "1"]


TRADE_FORM = Form(
    feed="bitmex/trade",
    path="data/trade/%Y%m%d.csv",
    columns=TRADE,
    cells=trade_cells,
    constant={"exchange": "bitmex", "symbol": "XBTUSD"},
    plain=trade,
    rows=st.builds(
        lambda one, symbol, side: {**one, "symbol": symbol, "side": side},
        any_trade(UUIDS),
        st.sampled_from(["ADAM19", "XBTUSD", ".BXBT"]),
        st.sampled_from(["buy", "sell", "unknown"]),
    ),
    time=("timestamp",),
    word="side",
    step_us=1,
)
QUOTE_FORM = Form(
    feed="bitmex/quote",
    path="data/quote/%Y%m%d.csv",
    columns=("timestamp", "symbol", "bidSize", "bidPrice", "askPrice", "askSize"),
    cells=lambda row: [nine_digits(row), row["symbol"], *(text(row[name]) for name in SIZES)],
    constant={"exchange": "bitmex", "symbol": "XBTUSD"},
    plain=lambda n: {name: Decimal(n + at) for at, name in enumerate(SIZES, 1)},
    rows=st.fixed_dictionaries(dict.fromkeys(SIZES, st.one_of(st.none(), decimals()))),
    time=("timestamp",),
    word="askSize",
    step_us=1,
)
FORMS = [
    TRADE_FORM,
    replace(TRADE_FORM, columns=(*TRADE, "trdType"), cells=lambda row: [*trade_cells(row), "Regular"]),
    QUOTE_FORM,
]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "bitmex")


def quote_row(cells: dict[str, str]) -> Row:
    time = written_us(cells["timestamp"], WALL)
    return {
        "exchange": "bitmex",
        "symbol": cells["symbol"],
        "timestamp": time,
        "local_timestamp": time,
        "ask_amount": number(cells["askSize"]),
        "ask_price": number(cells["askPrice"]),
        "bid_price": number(cells["bidPrice"]),
        "bid_amount": number(cells["bidSize"]),
    }


def test_a_real_file_is_in_the_lake_value_by_value():
    sample = Sample(
        file="transcribed/bitmex/quote/20181205.csv", path="quote/20181205.csv", feed="bitmex/quote", row=quote_row
    )
    taken = check_sample(sample)
    assert taken.outcome is not None
    assert taken.outcome.symbols == ("ADAZ18", "XBTUSD")


def test_symbols_stand_one_after_the_other_and_times_go_back_between_them():
    rows = [{**row, "symbol": symbol} for symbol in ("ADAM19", "XBTUSD") for row in TRADE_FORM.plain_rows()]
    taken = take((TRADE_FORM.path_of(TRADE_FORM.day), TRADE_FORM.file(TRADE_FORM.written(rows))))
    assert taken.is_success, taken.said
    assert taken.rows() == expected(rows)


def test_what_is_finer_than_a_microsecond_is_cut():
    form = TRADE_FORM
    row = form.complete(trade(1), form.first_us + 451_986)
    line = form.cells(row)
    line[0] = line[0][:-3] + "388"
    assert take((form.path_of(form.day), form.file([line]))).rows() == expected([row])


@pytest.mark.parametrize("path", ["trade/20190419.csv.gz", "public.bitmex.com/data/trade/20190419.csv"])
def test_paths(path):
    assert feed_of(path) == "bitmex/trade"
