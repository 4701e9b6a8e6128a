"""Binance public data: every feed that is described, its samples value by value, made files, and what breaks them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vendor_files import Form, Row, check_round_trip, decimals
from tests.support.vendor_matrix import MATRIX, check_mutation

MAKER = {"buy": "false", "sell": "true"}


def trade_cells(row: Row) -> list[str]:
    time = f"{row['timestamp'] // 1000}"
    return [row["id"], f"{row['price']}", f"{row['amount']}", "1.5", time, MAKER[row["side"]]]


def trades(number: int) -> Row:
    return {"id": f"{number}", "price": Decimal(60_000 + number), "amount": Decimal("0.25"), "side": "buy"}


ANY_TRADE = st.fixed_dictionaries(
    {
        "id": st.integers(1, 10**12).map(str),
        "price": decimals(),
        "amount": decimals(),
        "side": st.sampled_from(["buy", "sell"]),
    }
)

FORMS = [
    Form(
        feed="binance/um-trades",
        path="data/futures/um/daily/trades/BTCUSDT/BTCUSDT-trades-%Y-%m-%d.csv",
        columns=("id", "price", "qty", "quote_qty", "time", "is_buyer_maker"),
        cells=trade_cells,
        constant={"exchange": "binance-futures", "symbol": "BTCUSDT"},
        plain=trades,
        rows=ANY_TRADE,
        time=("time",),
        word="is_buyer_maker",
    )
]
BY_FEED = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.feed)


@BY_FEED
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_what_is_written_as_the_vendor_does_comes_back(form, data):
    check_round_trip(form, data.draw(form.any_rows()))


@BY_FEED
@pytest.mark.parametrize("mutation", MATRIX)
def test_a_broken_file_never_ends_in_other_values(form, mutation):
    check_mutation(form, mutation)
