"""Files without one good row are given up early: their lines are in bronze, not in memory."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from pointline.services.files.claims import Claims
from pointline.tables.ingest_manifest import Status
from tests.support.loading import Bench, blocks_of

HEADER = b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
MOST = 20


def row(number: int, *, bad: bool) -> bytes:
    price = "x" if bad else "1.5"
    return f"binance,BTCUSDT,{1714521600000000 + number},{1714521600000001 + number},{number},buy,{price},2\n".encode()


@pytest.mark.parametrize(
    ("bad", "good_first", "is_given_up"), [(MOST, 0, False), (MOST + 60, 0, True), (MOST + 60, 1, False)]
)
def test_a_file_of_nothing_but_bad_rows_is_given_up(tmp_path, bad, good_first, is_given_up):
    data = HEADER + b"".join(row(number, bad=number >= good_first) for number in range(good_first + bad))
    bench = Bench(tmp_path, {}, Claims())
    with patch("pointline.services.rows.tally.MOST_BAD_ROWS", MOST), blocks_of(500):
        outcome, silver, aside = bench.load_one(bench.put(data))
    assert outcome.status is Status.QUARANTINED
    assert silver.is_empty()
    assert outcome.error is not None
    assert ("none of the first" in outcome.error) is is_given_up
    if is_given_up:
        assert (outcome.rows_read, aside.height) == (0, 0), "nothing of it is kept"


@pytest.mark.parametrize(("most", "is_given_up"), [(2_000, True), (1 << 20, False)])
def test_lines_for_quarantine_have_a_limit_whatever_else_is_in_the_file(tmp_path, most, is_given_up):
    data = HEADER + b"".join(row(number, bad=number % 2 == 1) for number in range(200))
    bench = Bench(tmp_path, {}, Claims())
    with patch("pointline.services.rows.tally.MOST_BAD_BYTES", most), blocks_of(500):
        outcome, silver, _ = bench.load_one(bench.put(data))
    assert outcome.status is Status.QUARANTINED
    assert silver.is_empty()
    assert outcome.error is not None
    assert ("MiB of lines" in outcome.error) is is_given_up
