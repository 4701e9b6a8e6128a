"""The data files of the ledger by their ids: which can hold a row, which neighbours are merged, what that costs."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from pointline.io.delta.id_ranges import FEW_ROWS, holding, in_order, neighbours_to_merge, spread
from pointline.io.protocols.tables import Part


def part(first: int, last: int | None = None, *, rows: int | None = None) -> Part:
    last = first if last is None else last
    rows = last - first + 1 if rows is None else rows
    return Part(path=f"{first}-{last}", partition={}, size_bytes=1, rows=rows, first_file_id=first, last_file_id=last)


def side_by_side(*rows: int) -> list[Part]:
    """Parts of so many rows, one behind the other."""
    first, found = 1, []
    for count in rows:
        found.append(part(first, first + count - 1))
        first += count
    return found


def merged(*rows: int, full_rows: int = 512, least: int = 2) -> list[list[int]]:
    parts = side_by_side(*rows)
    random.Random(1).shuffle(parts)
    return [[one.rows for one in run] for run in neighbours_to_merge(parts, full_rows=full_rows, least=least)]


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ([1], ["1-9"]),
        ([9], ["1-9"]),
        ([10], ["10-10"]),
        ([11, 19], []),
        ([20], ["20-29"]),
        ([29], ["20-29"]),
        ([30, 0], []),
        ([30, 25, 5], ["1-9", "20-29"]),
        ([9, 10, 20], ["1-9", "10-10", "20-29"]),
        ([], []),
    ],
)
def test_which_can_hold_an_id(ids, found):
    parts = [part(1, 9), part(10), part(20, 29)]
    assert [one.path for one in holding(parts, ids)] == found


def test_those_between_whose_rows_others_lie():
    assert spread([part(20, 29), part(1, 9), part(10)]) == []
    assert [one.path for one in spread([part(5, 6), part(1, 9), part(20)])] == ["1-9"]
    assert [one.path for one in spread([part(9, 20), part(1, 9)])] == ["1-9"], "one id in both"
    assert [one.path for one in in_order([part(2, 9), part(2, 3), part(1)])] == ["1-1", "2-3", "2-9"]


@pytest.mark.parametrize(
    ("rows", "runs"),
    [
        ((), []),
        ((1,), []),
        ((1, 1), [[1, 1]]),
        ((600, 1, 1), [[1, 1]]),
        ((600, 1), []),
        ((511, 511), [[511, 511]]),
        ((512, 511), []),
        ((512, 512), []),
        ((1, 1, 600, 1, 1), [[1, 1], [1, 1]]),
        ((500, 1, 1), [[1, 1]]),
        ((FEW_ROWS, 1), [[FEW_ROWS, 1]]),
        ((FEW_ROWS + 1, 1), []),
        ((FEW_ROWS + 1, FEW_ROWS + 1), [[FEW_ROWS + 1] * 2]),
        ((400, 200, 100, 100), [[400, 200, 100, 100]]),
        ((401, 200, 100, 100), [[200, 100, 100]]),
        ((1, 401, 200, 100, 100), [[200, 100, 100]]),
        ((300, 1, 300), [[300, 1, 300]]),
    ],
)
def test_an_old_one_is_merged_when_as_much_has_come_behind_it(rows, runs):
    assert merged(*rows) == runs


def test_few_small_ones_are_left_alone():
    assert merged(1, 1, 1, least=4) == []
    assert merged(1, 1, 1, 1, least=4) == [[1, 1, 1, 1]]
    assert merged(1, 1, 600, 1, 1, least=4) == [], "they do not stand side by side"
    assert merged(400, 1, 1, 1, least=4) == [[1, 1, 1]], "there are so many, whatever is done with them"


@pytest.mark.parametrize("seed", range(5))
def test_a_ledger_that_grows_is_rewritten_a_few_times_and_stays_in_order(seed):
    """Each row as often as doubling takes to fill a data file, however long the ledger is."""
    rng = random.Random(seed)
    parts: list[Part] = []
    last = written = 0
    for number in range(3_000):
        rows = rng.choice([1, 1, 1, 3, 40])
        parts.append(part(last + 1, last + rows))
        last += rows
        if number % 16 == 15:
            for run in neighbours_to_merge(parts, full_rows=512, least=16):
                assert [one.path for one in run] == [one.path for one in in_order(run)]
                parts = [one for one in parts if one not in run]
                total = sum(one.rows for one in run)
                written += total
                ends = range(run[0].first_file_id, run[-1].last_file_id + 1, 1024)
                parts += [part(first, min(first + 1023, run[-1].last_file_id)) for first in ends]
            assert spread(parts) == []
            assert all(one.last_file_id + 1 == after.first_file_id for one, after in pairwise(in_order(parts)))
    assert written <= 6 * last
    assert len(parts) <= last / 512 + 40
