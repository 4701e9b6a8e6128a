"""Files that say a row several times: it is one row, however far apart the file is read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lake_check import read_manifest
from tests.support.loading import blocks_of
from tests.support.process import pointline
from tests.support.vendor_files import take

PATH = "data/futures/um/daily/liquidationSnapshot/BTCUSDT/BTCUSDT-liquidationSnapshot-2024-05-01.csv"
HEADER = (
    "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,last_fill_quantity,"
    "accumulated_fill_quantity\n"
)


def line(number: int, side: str = "SELL") -> str:
    return f"{1714521600000 + number},{side},LIMIT,IOC,1,{3000 + number % 7}.5,3000,FILLED,1,1\n"


@settings(deadline=None, max_examples=30)
@given(
    numbers=st.lists(st.integers(0, 60), min_size=80, max_size=300),
    size=st.sampled_from([300, 1000, 5000]),
    odd=st.booleans(),
)
@pytest.mark.examples(10)
def test_each_is_in_once_at_its_first_place(numbers, size, odd):
    lines = [line(number) for number in numbers]
    if odd:  # its block is typed line by line, the others in one go
        lines.insert(len(lines) // 2, line(61, "perhaps"))
    with blocks_of(size):
        taken = take((PATH, (HEADER + "".join(lines)).encode()))
    assert taken.aside.height == odd
    assert taken.is_success, taken.said
    first = {text: place for place, text in reversed(list(enumerate(lines, 1))) if "perhaps" not in text}
    assert taken.silver["file_seq"].to_list() == sorted(first.values())


def test_what_reads_it_again_agrees(tmp_path):
    lines = [line(number) for number in range(100_000)]
    file = tmp_path / "bronze" / PATH
    file.parent.mkdir(parents=True)
    file.write_text(HEADER + "".join([*lines, *lines[500:1500], *lines[300:]]))
    assert pointline(tmp_path, "run", "--once").returncode == 0
    assert pointline(tmp_path, "verify", "--deep").returncode == 0
    assert read_manifest(tmp_path)["rows_written"].to_list() == [100_000]
    assert "100,000 fit" in pointline(tmp_path, "vendors", "try", str(file)).stdout
