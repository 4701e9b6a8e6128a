"""Small files are typed together: what is said of each of them is what would be said of it alone."""

from __future__ import annotations

from itertools import accumulate

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointline.io.protocols.file_version import Outcome
from pointline.services.rows.end_to_end import EndToEnd, neighbours
from tests.support.vendor_files import take

FIRST_MS = 1_714_521_600_000
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
PRICES = st.sampled_from(["100", "100", "100", "101.5", "0", "-1", "99"])
STEPS_MS = st.sampled_from([0, 60_000, 60_000, 60_000, 120_000, -60_000, 1_000])
ODD_ROWS = st.lists(st.tuples(STEPS_MS, PRICES, PRICES), min_size=1, max_size=12)
PLAIN_ROWS = st.lists(st.tuples(st.just(60_000), st.just("100"), st.just("101")), min_size=1, max_size=12)
Rows = list[tuple[int, str, str]]


def _times(rows: Rows) -> list[int]:
    return [max(FIRST_MS, at) for at in accumulate((step for step, _, _ in rows), initial=FIRST_MS)][1:]


def _trades(symbol: str, rows: Rows) -> tuple[str, str]:
    lines = [
        f"{number},{price},{other},1,{at},true\n"
        for number, (at, (_, price, other)) in enumerate(zip(_times(rows), rows, strict=True))
    ]
    return f"data/futures/um/daily/trades/{symbol}/{symbol}-trades-2024-05-01.csv", "".join(lines)


def _bars(symbol: str, rows: Rows) -> tuple[str, str]:
    lines = [
        f"{at},{price},{other},{price},{other},1,{at + 59_999},1,1,1,1,0\n"
        for at, (_, price, other) in zip(_times(rows), rows, strict=True)
    ]
    return f"data/futures/um/daily/klines/{symbol}/1m/{symbol}-1m-2024-05-01.csv", "".join(lines)


def _quotes(symbol: str, rows: Rows) -> tuple[str, str]:
    header = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
    lines = [
        f"binance,{symbol},{at}000,{at}000,1,{ask},{bid},1\n"
        for at, (_, bid, ask) in zip(_times(rows), rows, strict=True)
    ]
    return f"binance/quotes/2024/05/01/{symbol}.csv", header + "".join(lines)


def _said(outcome: Outcome | None) -> dict[str, object]:
    assert outcome is not None
    names = ("status", "rows_read", "rows_written", "rows_quarantined", "first_local_us", "last_local_us", "symbols")
    return {name: getattr(outcome, name) for name in (*names, "warnings")}


@pytest.mark.examples(15)
@pytest.mark.parametrize("made", [_trades, _bars, _quotes], ids=["trades", "bars", "quotes"])
@given(files=st.lists(st.one_of(ODD_ROWS, PLAIN_ROWS), min_size=2, max_size=3))
@settings(max_examples=60, deadline=None)
def test_each_is_as_it_is_alone(made, files):
    paths = [made(symbol, rows) for symbol, rows in zip(SYMBOLS, files, strict=False)]
    together = take(*((path, text.encode()) for path, text in paths))
    alone = [take((path, text.encode())) for path, text in paths]
    assert [_said(one) for one in together.outcomes] == [_said(one.outcome) for one in alone]
    rows = pl.concat([one.silver.drop("file_id") for one in alone if one.silver.height] or [together.silver.head(0)])
    assert together.silver.select(rows.columns).rows() == rows.rows()
    numbers = [number for number, one in enumerate(alone, 1) for _ in range(one.silver.height)]
    assert together.silver["file_id"].to_list() == numbers


@given(files=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=6))
def test_against_plain_lists(files):
    laid = EndToEnd([len(one) for one in files])
    values = pl.Series([value for one in files for value in one])
    assert laid.height == len(values)
    assert laid.each_of([f"file {place}" for place in range(len(files))]).to_list() == [
        f"file {place}" for place, one in enumerate(files) for _ in one
    ]
    assert laid.numbers().to_list() == [number for one in files for number in range(1, len(one) + 1)]
    assert [laid.of(values.to_frame("a"), place)["a"].to_list() for place in range(len(files))] == files
    later, earlier = neighbours(values)
    expected = {
        start + place
        for start, one in zip(laid.starts, files, strict=True)
        for place in range(1, len(one))
        if one[place] < one[place - 1]
    }
    assert laid.inside(later < earlier) == expected
