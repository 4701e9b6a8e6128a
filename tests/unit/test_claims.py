"""``Claims``: of equal contents on their way, one is first, until it is certain that it is in or will never be."""

from __future__ import annotations

import datetime as dt

import pytest
from msgspec.structs import replace

from pointline.services.files.claims import BATCHES_REMEMBERED, Claims
from pointline.services.files.identity.candidate import Candidate
from pointline.services.ingest.batch import Entry
from tests.unit.test_verdict import META


def entry(file_id: int, **facts) -> Entry:
    return Entry(file_id=file_id, candidate=Candidate(meta=replace(META, **facts)))


@pytest.fixture
def claims() -> Claims:
    claims = Claims()
    assert claims.claim(entry(1), "x") == 1
    return claims


def test_the_first_holds_it(claims):
    assert claims.claim(entry(2), "x") == 1
    assert claims.claim(entry(1), "x") == 1
    assert claims.claim(entry(3), "y") == 3


@pytest.mark.parametrize(
    "facts", [{"data_type": "quotes"}, {"exchange": "kraken"}, {"date": dt.date(2024, 5, 2)}, {"symbol": "T"}]
)
def test_the_same_bytes_say_something_else_elsewhere(claims, facts):
    assert claims.claim(entry(2, **facts), "x") == 2


def test_a_symbol_is_one_however_it_is_spelled(claims):
    assert claims.claim(entry(2, symbol="s"), "x") == 1


def test_released_it_is_free(claims):
    claims.claim(entry(2), "x")
    claims.release([2])
    assert claims.claim(entry(2), "x") == 1, "who held nothing has nothing to give back"
    claims.release([1])
    assert claims.claim(entry(2), "x") == 2
    claims.release([1])
    assert claims.claim(entry(3), "x") == 2


def test_retired_it_is_remembered_for_the_batches_under_way(claims):
    claims.retire([1])
    for number in range(BATCHES_REMEMBERED - 1):
        claims.retire([100 + number])
    assert claims.claim(entry(2), "x") == 1
    claims.retire([])
    assert claims.claim(entry(2), "x") == 2


def test_bars_of_another_interval_are_another_content_though_the_bytes_are_the_same(claims):
    """Guards the feed in the key: a day with one trade has the same bar of one minute and of five."""
    bars = [entry(number, feed=f"ohlcvt {interval} trade") for number, interval in ((2, "1m"), (3, "5m"), (4, "1m"))]
    assert [claims.claim(one, "x") for one in bars] == [2, 3, 2]
