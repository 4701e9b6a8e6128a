"""Rows of the tables as vendors have them, without times: plain ones by number, and any."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import strategies as st

from tests.support.vendor_files import Row, decimals

SIDES = st.sampled_from(["buy", "sell"])
INTEGER_IDS = st.integers(1, 10**15).map(str)
UUIDS = st.uuids().map(str)
RATES = decimals("-0.05", "0.05")
ZERO_OR_MORE = decimals("0", "100000000", 6)


def trade(number: int) -> Row:
    return {
        "id": f"{number}",
        "price": Decimal(60_000 + number),
        "amount": Decimal("0.25") + number,
        "side": "buy" if number % 3 else "sell",
    }


def any_trade(ids: st.SearchStrategy[str] = INTEGER_IDS) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries({"id": ids, "price": decimals(), "amount": decimals(), "side": SIDES})


def level(number: int) -> Row:
    return {
        "is_snapshot": number < 8,
        "side": "bid" if number % 4 < 2 else "ask",
        "price": Decimal("60000.5") + number,
        "amount": Decimal("0.25") * (number % 5),
    }


ANY_LEVEL = st.fixed_dictionaries(
    {
        "is_snapshot": st.booleans(),
        "side": st.sampled_from(["bid", "ask"]),
        "price": decimals(),
        "amount": ZERO_OR_MORE,
    }
)


def without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def prices(number: int) -> Row:
    low = Decimal(100 + number)
    return {"open": low + 1, "high": low + 3, "low": low, "close": low + 2}


ANY_PRICES = st.fixed_dictionaries({name: decimals() for name in ("open", "high", "low", "close")})


def text(value: object) -> str:
    """A number without an exponent; a number that is not there is an empty cell."""
    return "" if value is None else f"{value:f}"


def wall(time_us: object, format_: str, zone: dt.tzinfo = dt.UTC) -> str:
    """A time as it stands on a wall."""
    assert isinstance(time_us, int)
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=time_us)
    return moment.astimezone(zone).strftime(format_)


def milliseconds(row: Row) -> str:
    return f"{row['timestamp'] // 1000}"


def seconds(row: Row, places: int) -> str:
    whole, micros = divmod(row["timestamp"], 10**6)
    return f"{whole}.{micros:06d}"[: 11 + places]
