"""Parquet files as people write them: only the columns that matter are read, and nothing expands unnoticed."""

from __future__ import annotations

import datetime as dt
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pointline.errors import Rejected
from pointline.io.content.decode import Limits
from pointline.io.content.parquet_input import ParquetInput
from pointline.parse.feed import own_columns
from pointline.services.rows.header import wanted_columns
from pointline.tables.registry import event_tables
from tests.support.vendor_files import take

LIMITS = Limits(max_expansion_ratio=200, max_line_bytes=1 << 20)
WANTED = wanted_columns(own_columns(event_tables()["trades"]))
AT_US = 1_714_525_200_000_000
ROWS = 10
EXPANDS = "expands more than|has a cell of"


def trades(**columns) -> pa.Table:
    stamps = [AT_US + number for number in range(ROWS)]
    made = {
        "exchange": ["binance"] * ROWS,
        "symbol": ["S"] * ROWS,
        "timestamp": stamps,
        "local_timestamp": stamps,
        "id": [f"id{number}" for number in range(ROWS)],
        "side": ["buy"] * ROWS,
        "price": [100.5] * ROWS,
        "amount": [0.25] * ROWS,
    }
    return pa.table({**made, **columns})


def opened(tmp_path, table: pa.Table, **options) -> ParquetInput:
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, **options)
    return ParquetInput(path.open("rb"), "x.parquet", LIMITS)


def lines_of(parquet: ParquetInput, wanted=WANTED) -> list[str]:
    return b"".join(parquet.blocks(wanted)).decode().splitlines()


ODD = {
    "date": pa.array([dt.date(2024, 5, 1)] * ROWS),
    "list": pa.array([[1]] * ROWS),
    "struct": pa.array([{"a": 1}] * ROWS),
    "bytes": pa.array([b"\xff\0"] * ROWS),
    "time": pa.array([dt.time(1)] * ROWS),
    "duration": pa.array([dt.timedelta(1)] * ROWS),
    "map": pa.array([[("k", 1)]] * ROWS, pa.map_(pa.string(), pa.int64())),
    "text": pa.array(["x"] * ROWS),
    'a,"b\n': pa.array([1] * ROWS),
}


@pytest.mark.parametrize("name", ODD)
def test_a_column_that_is_not_needed_may_be_of_any_type(tmp_path, name):
    parquet = opened(tmp_path, trades(**{name: ODD[name]}))
    assert parquet.names == (*WANTED, name)
    assert lines_of(parquet) == [line + "," for line in lines_of(opened(tmp_path, trades()))]


@pytest.mark.parametrize("column", ["timestamp", "price", "symbol", "side"])
@pytest.mark.parametrize("name", ["date", "list", "struct", "bytes", "time", "duration"])
def test_a_column_that_is_needed_is_refused_with_its_type_and_what_is_wanted(tmp_path, column, name):
    parquet = opened(tmp_path, trades(**{column: ODD[name]}))
    with pytest.raises(Rejected, match=f"column {column} is of type .*; {WANTED[column]} are wanted"):
        lines_of(parquet)


@pytest.mark.parametrize(
    ("unit", "factor", "cut"), [("s", 1e-6, 0), ("ms", 1e-3, 0), ("us", 1, 0), ("ns", 1_000, 0), ("ns", 1_000, 123)]
)
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_stamps_become_microseconds(tmp_path, unit, factor, cut, zone):
    times = pa.array([int((AT_US + 1_000_000 * row) * factor) + cut for row in range(ROWS)], pa.timestamp(unit, zone))
    parquet = opened(tmp_path, trades(timestamp=times))
    assert [int(line.split(",")[2]) for line in lines_of(parquet)] == [AT_US + 1_000_000 * row for row in range(ROWS)]
    assert parquet.nanoseconds_cut == (ROWS if cut else 0)


def test_missing_stamps_stay_missing(tmp_path):
    times = pa.array([None] * ROWS, pa.timestamp("ns", "UTC"))
    parquet = opened(tmp_path, trades(timestamp=times))
    assert {line.split(",")[2] for line in lines_of(parquet)} == {""}
    assert parquet.nanoseconds_cut == 0


def test_stamps_out_of_range(tmp_path):
    parquet = opened(tmp_path, trades(timestamp=pa.array([2**62] * ROWS, pa.timestamp("ms", "UTC"))))
    with pytest.raises(Rejected, match="out of range"):
        lines_of(parquet)


@pytest.mark.parametrize(
    "options",
    [
        {"use_dictionary": True},
        {"use_dictionary": False},
        {"use_dictionary": False, "column_encoding": {"id": "DELTA_BYTE_ARRAY"}},
        {"use_dictionary": False, "column_encoding": {"id": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"use_dictionary": True, "store_schema": False},
    ],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int16(), pa.string())])
def test_text_is_the_same_however_it_is_stored(tmp_path, options, kind):
    if pa.types.is_dictionary(kind) and "column_encoding" in options:
        pytest.skip("Arrow stores no dictionary like that")
    many = [f"id{number % 700}" if number % 5 else None for number in range(20_000)]
    table = pa.table({name: trades()[name].to_pylist() * 2_000 for name in WANTED} | {"id": pa.array(many).cast(kind)})
    found = [line.split(",")[4] for line in lines_of(opened(tmp_path, table, **options))]
    assert found == [text or "" for text in many]


POISON = """
import io, sys
import pyarrow as pa, pyarrow.parquet as pq
from pointline.errors import Rejected
from pointline.io.content.decode import Limits
from pointline.io.content.parquet_input import ParquetInput
from pointline.parse.feed import own_columns
from pointline.services.rows.header import wanted_columns
from pointline.tables.registry import event_tables
parquet = ParquetInput(open(sys.argv[1], "rb"), "x.parquet", Limits(max_expansion_ratio=200, max_line_bytes=1 << 20))
try:
    for block in parquet.blocks(wanted_columns(own_columns(event_tables()["trades"]))):
        assert len(block) < 100 << 20
    print("read")
except Rejected as error:
    print(error)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
@pytest.mark.parametrize(
    ("form", "size"),
    [
        ("dictionary", 20_000),
        ("dictionary", 1_000_000),
        ("dictionary", 4 << 20),
        ("large dictionary", 4 << 20),
        ("text", 1_000_000),
        ("text", 4 << 20),
        ("differences", 20_000),
    ],
)
def test_one_long_value_for_all_rows_does_not_fill_memory(tmp_path, size, form):
    rows = 4096
    values = pa.array(["A" * size], pa.large_string() if form == "large dictionary" else pa.string())
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), values)
    table = pa.table({name: trades()[name].to_pylist()[:1] * rows for name in WANTED} | {"id": ids})
    options = {"compression": "zstd", "store_schema": "dictionary" in form, "dictionary_pagesize_limit": 1 << 30}
    if form == "differences":
        few = pa.array(["A" * size] * 300)
        table = pa.table({name: trades()[name].to_pylist()[:1] * 300 for name in WANTED} | {"id": few})
        options |= {"use_dictionary": False, "column_encoding": {"id": "DELTA_BYTE_ARRAY"}}
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, **options)
    limit = 6 << 30
    done = subprocess.run(
        [sys.executable, "-c", POISON, str(path)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    said, peak = done.stdout.splitlines()
    assert said == "read" or any(part in said for part in EXPANDS.split("|")), said
    assert int(peak) < 700


COLUMNS = ("side", "quantity", "price", "trade_id", "origin_time", "received_time")


@pytest.mark.parametrize(
    "order", [COLUMNS, COLUMNS[::-1], (*COLUMNS[3:], *COLUMNS[:3])], ids=["as told", "back", "cut"]
)
def test_the_order_of_named_columns_says_nothing(tmp_path, order):
    stamps = [AT_US * 1000 + number for number in range(ROWS)]
    cells = {"side": ["buy"] * ROWS, "quantity": [0.5] * ROWS, "price": [100.5] * ROWS}
    cells |= {"trade_id": list(range(ROWS)), "origin_time": stamps, "received_time": stamps}
    pq.write_table(pa.table({name: cells[name] for name in order}), tmp_path / "x.parquet")
    path = "trades/exchange=BINANCE/symbol=BTC-USDT/dt=2024-05-01/1.snappy.parquet"
    found = take((path, (tmp_path / "x.parquet").read_bytes()))
    assert found.is_success, found.said
    assert found.silver.select("side", "price", "amount", "id").row(3) == ("buy", 100.5, 0.5, "3")


def test_a_column_that_no_description_has_is_named_all_the_same(tmp_path):
    pq.write_table(pa.table({name: [1] for name in (*COLUMNS[:-1], "fee")}), tmp_path / "x.parquet")
    path = "trades/exchange=BINANCE/symbol=BTC-USDT/dt=2024-05-01/1.snappy.parquet"
    assert "the header lacks received_time, it has fee" in take((path, (tmp_path / "x.parquet").read_bytes())).said
