"""Bybit: trading and spot files, with and without the later column, and times of seconds with decimals."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from dataclasses import replace

import pytest

from tests.support.json_form import JsonForm
from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import SAMPLES, Form, Row, expected, feed_of, shipped, take
from tests.support.vendor_reader import epoch_us, seconds_us
from tests.support.vendor_rows import ANY_LEVEL, UUIDS, any_trade, level, milliseconds, seconds, text, trade
from tests.support.vendor_samples import Sample, check_sample

TRADING = (
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


def trading_cells(row: Row) -> list[str]:
    first = [seconds(row, 4), row["symbol"], row["side"].title(), text(row["amount"]), text(row["price"])]
    return [*first, "ZeroMinusTick", row["id"], "4.50554e+08", "0.86", "4.50554"]


def spot_cells(row: Row) -> list[str]:
    return [row["id"], milliseconds(row), text(row["price"]), text(row["amount"]), row["side"]]


TRADING_FORM = Form(
    feed="bybit/trading",
    path="trading/BTC-14MAR25/BTC-14MAR25%Y-%m-%d.csv",
    columns=TRADING,
    cells=trading_cells,
    constant={"exchange": "bybit", "symbol": "BTC-14MAR25"},
    plain=lambda n: {**trade(n), "id": f"{n:08d}-b174-51b9-ba56-150186ba6c27"},
    rows=any_trade(UUIDS),
    time=("timestamp",),
    word="side",
    step_us=100,
)
SPOT_FORM = Form(
    feed="bybit/spot",
    path="spot/BTCUSDT/BTCUSDT_%Y-%m-%d.csv",
    columns=("id", "timestamp", "price", "volume", "side"),
    cells=spot_cells,
    constant={"exchange": "bybit-spot", "symbol": "BTCUSDT"},
    plain=trade,
    rows=any_trade(),
    time=("timestamp",),
    word="side",
)


def book_cells(row: Row) -> list[str]:
    kind = "snapshot" if row["is_snapshot"] else "delta"
    sent = milliseconds(row)
    first = [sent, kind, row["side"], text(row["price"]), text(row["amount"])]
    return [*first, f"{int(sent) - 3}", "17", "42", f"orderbook.500.{row['symbol']}", row["symbol"]]


BOOK_FORM = JsonForm(
    feed="bybit/books",
    path="orderbook/linear/BTCUSDT/%Y-%m-%d_BTCUSDT_ob500.data",
    columns=("ts", "type", "list", "price", "size", "cts", "data.u", "data.seq", "topic", "data.s"),
    cells=book_cells,
    constant={"exchange": "bybit", "symbol": "BTCUSDT"},
    plain=level,
    rows=ANY_LEVEL,
    time=("ts",),
    word="type",
    lists={"bid": "data.b", "ask": "data.a"},
    entry=("price", "size"),
    whole=("ts", "cts", "data.u", "data.seq"),
    said={
        "two names swapped": "other_symbol",
        "a column more": "broken_line: Object contains unknown field `surprise`",
        "a column less": "broken_line: Object missing required field `type`",
        "ragged last row": "broken_line: Input data was truncated",
    },
)
FORMS = [
    BOOK_FORM,
    replace(
        BOOK_FORM,
        feed="bybit/spot-books",
        path="spot/BTCUSDT/%Y-%m-%d_BTCUSDT_ob200.data",
        constant={"exchange": "bybit-spot", "symbol": "BTCUSDT"},
        spaced=True,
        line_end="\r\n",
    ),
    TRADING_FORM,
    replace(TRADING_FORM, columns=(*TRADING, "RPI"), cells=lambda row: [*trading_cells(row), "0"]),
    SPOT_FORM,
    replace(SPOT_FORM, columns=(*SPOT_FORM.columns, "rpi"), cells=lambda row: [*spot_cells(row), "1"]),
    replace(SPOT_FORM, path="spot/BTCUSDT/BTCUSDT-%Y-%m.csv", span="month"),
]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "bybit")


def trading_row(cells: dict[str, str]) -> Row:
    time = seconds_us(cells["timestamp"])
    return {
        "exchange": "bybit",
        "symbol": cells["symbol"],
        "timestamp": time,
        "local_timestamp": time,
        "id": cells["trdMatchID"],
        "side": cells["side"].lower(),
        "price": float(cells["price"]),
        "amount": float(cells["size"]),
    }


def spot_row(cells: dict[str, str]) -> Row:
    time = epoch_us(cells["timestamp"])
    return {
        "exchange": "bybit-spot",
        "symbol": "BTCUSDT",
        "timestamp": time,
        "local_timestamp": time,
        "id": cells["id"],
        "side": cells["side"],
        "price": float(cells["price"]),
        "amount": float(cells["volume"]),
    }


REAL = [
    Sample(
        file="bybit/trading_csv/FXSUSDT-ticks-2023-10-10.csv",
        path="trading/FXSUSDT/FXSUSDT2023-10-10.csv",
        feed="bybit/trading",
        row=trading_row,
    ),
    *(
        Sample(
            file=f"transcribed/bybit/spot/BTCUSDT/BTCUSDT_{day}.csv",
            path=f"bybit/spot/BTCUSDT/BTCUSDT_{day}.csv",
            feed="bybit/spot",
            row=spot_row,
        )
        for day in ("2025-05-19", "2023-10-01")
    ),
]


@pytest.mark.parametrize("sample", REAL, ids=str)
def test_a_real_file_is_in_the_lake_value_by_value(sample):
    check_sample(sample)


def test_ids_that_begin_again_in_each_file_are_no_reason_to_drop_rows():
    next_day = SPOT_FORM.day + dt.timedelta(days=1)
    rows, more = SPOT_FORM.plain_rows(), replace(SPOT_FORM, day=next_day).plain_rows()
    assert [row["id"] for row in rows] == [row["id"] for row in more]
    files = [
        (SPOT_FORM.path_of(day), SPOT_FORM.file(SPOT_FORM.written(given)))
        for day, given in ((SPOT_FORM.day, rows), (next_day, more))
    ]
    taken = take(*files)
    assert taken.is_success
    assert taken.rows() == expected(rows + more)


def test_rows_of_another_symbol_than_the_name_says_are_named():
    data = TRADING_FORM.file(TRADING_FORM.written(TRADING_FORM.plain_rows()))
    taken = take(("trading/ETHUSDT/ETHUSDT2024-05-01.csv", data))
    assert taken.silver.is_empty()
    assert "48 of 48 rows are of BTC-14MAR25, the name says ETHUSDT" in taken.said


@pytest.mark.parametrize(
    ("path", "feed"),
    [
        ("trading/BTCUSDT/BTCUSDT2025-01-15.csv.gz", "bybit/trading"),
        ("trading/BTC-14MAR25/BTC-14MAR252025-03-14.csv.gz", "bybit/trading"),
        ("trading/BTCUSDT/ETHUSDT2025-01-15.csv.gz", ""),
        ("spot/BTCUSDT/BTCUSDT_2025-01-15.csv.gz", "bybit/spot"),
        ("spot/BTCUSDT/BTCUSDT-2025-01.csv.gz", "bybit/spot"),
        ("orderbook/linear/BTCUSDT/2025-08-20_BTCUSDT_ob500.data.zip", "bybit/books"),
        ("inverse/2025-08-20_BTCUSD_ob200.data", "bybit/books"),
        ("orderbook/spot/BTCUSDT/2025-08-20_BTCUSDT_ob200.data.zip", "bybit/spot-books"),
        ("linear/ETHUSDT/2025-08-20_BTCUSDT_ob500.data.zip", ""),
        ("2025-08-20_BTCUSDT_ob500.data.zip", ""),
    ],
)
def test_paths(path, feed):
    assert feed_of(path) == feed


def test_order_books_in_no_folder_of_a_market_are_named_with_what_to_do():
    what, advice = shipped().why_unread("BTCUSDT/2025-08-20_BTCUSDT_ob500.data.zip") or ("", "")
    assert "no folder that names the market" in what
    assert "linear, inverse or spot" in advice


def test_a_real_book_is_in_the_lake_value_by_value():
    file = SAMPLES / "bybit/orderbook_jsonl/xrpusdt-ob500.data.zip"
    if not file.exists():
        pytest.skip(f"{file} is not there: samples of vendors are no part of the repository")
    taken = take(("linear/XRPUSDT/2024-12-01_XRPUSDT_ob500.data.zip", file.read_bytes()))
    assert taken.is_success, taken.said
    with zipfile.ZipFile(file) as packed:
        messages = [json.loads(line) for line in packed.read(packed.namelist()[0]).splitlines()]
    assert taken.rows() == [
        {
            "exchange": "bybit",
            "symbol": message["data"]["s"],
            "timestamp": message["ts"] * 1000,
            "local_timestamp": message["ts"] * 1000,
            "is_snapshot": message["type"] == "snapshot",
            "side": side,
            "price": float(price),
            "amount": float(amount),
        }
        for message in messages
        for side in ("bid", "ask")
        for price, amount in message["data"][side[0]]
    ]
