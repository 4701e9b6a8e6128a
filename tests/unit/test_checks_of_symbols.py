"""Checks that look at the row before, in files of many symbols: that of another symbol says nothing of a row."""

from __future__ import annotations

import pytest

from pointline.services.files.claims import Claims
from tests.support.loading import Bench, blocks_of

HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
START = 1714521600000000
BY_SYMBOL = [(f"S{symbol}", time) for symbol in range(20) for time in range(3)]
"""Each symbol begins again at the first time; the last row of one equals none of the next."""
BY_TIME = [(f"S{symbol}", time) for time in range(3) for symbol in range(20)]
"""Rows of one time are alike but for their symbol."""
AGAIN = [(symbol, time) for symbol, time in BY_SYMBOL for _ in range(2)]
BACK = [(symbol, 2 - time) for symbol, time in BY_SYMBOL]
CASES = {"by symbol": (BY_SYMBOL, {}), "by time": (BY_TIME, {})}
CASES |= {"rows twice": (AGAIN, {"equal_rows": 60}), "times back": (BACK, {"time_backwards": 40})}


def file(rows: list[tuple[str, int]]) -> bytes:
    lines = [f"binance,{symbol},{START + time},{START + time},,buy,1.5,2\n" for symbol, time in rows]
    return (HEADER + "".join(lines)).encode()


@pytest.mark.parametrize("size", [200, 1 << 20], ids=["blocks", "pack"])
@pytest.mark.parametrize("action", ["count", "quarantine"])
@pytest.mark.parametrize("case", CASES)
def test_a_row_is_held_against_the_one_before_it_of_its_symbol(tmp_path, case, action, size):
    rows, found = CASES[case]
    bench = Bench(tmp_path, dict.fromkeys(("equal_rows", "time_backwards"), action), Claims())
    meta = bench.put(file(rows), symbol="SPOT")
    with blocks_of(size):
        outcome, _, aside = bench.load_one(meta, groups=("SPOT",), max_quarantined_share=1.0)
    if action == "count":
        assert (outcome.warnings, outcome.rows_written) == (found, len(rows))
    elif size > 200:  # rows of a block are not held against those of the block before where they are quarantined
        assert dict(aside["rule"].value_counts().iter_rows() if aside.height else ()) == found
    else:
        assert outcome.rows_quarantined <= sum(found.values())
