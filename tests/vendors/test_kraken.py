"""Kraken: no header, no date in the path, the whole history in one file."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import strategies as st

from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import Form, Row, decimals, expected, feed_of, take
from tests.support.vendor_rows import ANY_PRICES, ZERO_OR_MORE, prices, text
from tests.support.vendor_samples import Sample, check_sample

INTERVALS = {1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 720: "12h", 1440: "1d"}
TIMES = ("timestamp", "local_timestamp")


def seconds(row: Row) -> str:
    return f"{row['timestamp'] // 10**6}"


SALES = Form(
    feed="kraken/time-and-sales",
    path="kraken/time_and_sales/XBTUSD.csv",
    columns=("time", "price", "volume"),
    cells=lambda row: [seconds(row), text(row["price"]), text(row["amount"])],
    constant={"exchange": "kraken", "symbol": "XBTUSD", "side": "unknown"},
    plain=lambda n: {"price": Decimal(n + 1), "amount": Decimal("0.5")},
    rows=st.fixed_dictionaries({"price": decimals(), "amount": decimals()}),
    time=("time",),
    word="price",
    span="none",
    step_us=1_000_000,
    has_header=False,
)


def bars(minutes: int, interval: str) -> Form:
    volumes = st.fixed_dictionaries({"volume": ZERO_OR_MORE, "trade_count": st.integers(0, 10**6)})
    return Form(
        feed=f"kraken/ohlcvt-{interval}",
        path=f"Kraken_OHLCVT/XBTUSD_{minutes}.csv",
        columns=("time", "open", "high", "low", "close", "volume", "trades"),
        cells=lambda row: [
            seconds(row),
            *(text(row[name]) for name in ("open", "high", "low", "close", "volume")),
            f"{row['trade_count']}",
        ],
        constant={"exchange": "kraken", "symbol": "XBTUSD", "interval": interval, "price_type": "trade"},
        plain=lambda n: {**prices(n), "volume": Decimal(n), "trade_count": n},
        rows=st.builds(lambda one, other: {**one, **other}, ANY_PRICES, volumes),
        time=("time",),
        word="close",
        span="none",
        step_us=1_000_000,
        has_header=False,
    )


FORMS = [SALES, *(bars(minutes, interval) for minutes, interval in INTERVALS.items())]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "kraken")


def sales_row(cells: dict[str, str]) -> Row:
    time = int(cells["time"]) * 10**6
    return {
        "exchange": "kraken",
        "symbol": "BCHEUR",
        "timestamp": time,
        "local_timestamp": time,
        "side": "unknown",
        "price": float(cells["price"]),
        "amount": float(cells["volume"]),
    }


def test_a_real_file_is_in_the_lake_value_by_value():
    taken = check_sample(
        Sample(
            file="kraken/time_and_sales/BCHEUR.csv",
            path="kraken/trades_csv/BCHEUR.csv",
            feed="kraken/time-and-sales",
            row=sales_row,
            columns=("time", "price", "volume"),
        )
    )
    assert taken.silver.height == 148


def test_equal_trades_are_trades_of_their_own():
    row = SALES.plain_rows()[0]
    taken = take((SALES.path, SALES.file(SALES.written([row, row, row]))))
    assert taken.rows() == expected([row, row, row])


def test_a_history_over_days_and_years_goes_into_the_partitions_of_its_rows():
    day_us = 86_400 * 10**6
    rows = [SALES.complete(SALES.plain(n), SALES.first_us + n * 200 * day_us) for n in range(4)]
    taken = take((SALES.path, SALES.file(SALES.written(rows))))
    assert taken.rows() == expected(rows)
    assert taken.silver["date"].n_unique() == 4
    assert (taken.silver["date"] == taken.silver["local_timestamp"].dt.date()).all()


@pytest.mark.parametrize(
    ("path", "feed"),
    [
        ("Kraken_OHLCVT/XBTUSD_1440.csv", "kraken/ohlcvt-1d"),
        ("kraken/incremental_q2/BCHEUR.csv", "kraken/time-and-sales"),
        ("KRAKEN/ETH2.SEUR.csv", "kraken/time-and-sales"),
        ("XBTUSD_1440.csv", ""),
        ("mine/XBTUSD.csv", ""),
    ],
)
def test_paths(path, feed):
    assert feed_of(path) == feed
