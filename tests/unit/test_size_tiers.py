"""Which data files are merged: few are left, and what came in is rewritten a few times at most."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pointline.tables.size_tiers import runs_to_merge
from tests.support.tiers import Sized, Tiers

FULL = 1 << 20


def merged(*rows: int, ratio: float = 2, most: int = 100, full_bytes: int = FULL) -> list[list[int]]:
    runs = runs_to_merge([Sized(one) for one in rows], ratio=ratio, full_bytes=full_bytes, most=most)
    return [[one.rows for one in run] for run in runs]


@pytest.mark.parametrize(
    ("rows", "ratio", "runs"),
    [
        ((), 2, []),
        ((10,), 2, []),
        ((10, 10), 2, [[10, 10]]),
        ((10, 9), 2, []),
        ((10, 5, 5), 2, [[10, 5, 5]]),
        ((10, 4, 4), 2, [[4, 4]]),
        ((10, 10), 4, []),
        ((10, 10, 10, 10), 4, [[10, 10, 10, 10]]),
        ((40, 10, 40, 10, 40, 10, 10), 4, [[40, 10, 40, 10, 40, 10, 10]]),
        ((400, 10, 40, 10, 40, 10, 10), 4, [[10, 10, 10, 10]]),
        ((0, 0), 2, [[0, 0]]),
    ],
)
def test_each_comes_into_one_several_times_as_large(rows, ratio, runs):
    assert merged(*rows, ratio=ratio) == runs


def test_too_many_are_merged_whatever_it_costs_from_the_smallest_on():
    assert merged(100, 40, 15, 6, 1) == []
    assert merged(100, 40, 15, 6, 1, most=3) == [[15, 6, 1]]
    assert merged(100, 40, 15, 6, 1, most=1) == [[100, 40, 15, 6, 1]]


def test_a_full_one_stays_and_none_becomes_larger():
    half = Sized(1).size_bytes * 5
    assert merged(50_000, 1, 1, most=1) == [[1, 1]], "the large one is full"
    assert merged(*[1] * 25, full_bytes=2 * half) == [[1] * 10, [1] * 10, [1] * 5]
    assert merged(*[1] * 11, full_bytes=2 * half) == [[1] * 10], "one that is left over waits for others"


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """A data file of so many rows and bytes."""

    rows: int
    size_bytes: int


def exact(*pieces: tuple[int, int], ratio: float = 2, most: int = 100) -> list[list[tuple[int, int]]]:
    """Full is a hundred bytes."""
    runs = runs_to_merge([Exact(*one) for one in pieces], ratio=ratio, full_bytes=100, most=most)
    return [[(one.rows, one.size_bytes) for one in run] for run in runs]


A, TWO = (1, 10), (2, 10)


@pytest.mark.parametrize(
    ("pieces", "ratio", "runs"),
    [
        ([(1, 49), (1, 49)], 2, [[(1, 49), (1, 49)]]),
        ([(1, 50), (1, 49)], 2, []),
        ([(1, 40), (1, 40), (1, 20)], 3, [[(1, 40), (1, 40), (1, 20)]]),
        ([(1, 40), (1, 40), (1, 21), (1, 1)], 3, [[(1, 40), (1, 40)]]),
        ([A] * 10, 90, [[A] * 10]),
        ([A] * 9 + [(1, 9)], 90, []),
        ([A] * 15, 8, [[A] * 10, [A] * 5]),
        ([A] * 14 + [(1, 9)], 8, [[A] * 10]),
        ([A] * 10 + [(10, 10), (4, 10)], 2, [[A] * 10]),
        ([A] * 10 + [(10, 10), (5, 10), (5, 10)], 2, [[A] * 10, [(10, 10), (5, 10), (5, 10)]]),
        ([A] * 20 + [(1, 1)] * 3, 50, [[A] * 10, [A] * 10]),
        ([A] * 19 + [(1, 11)] + [A] * 6, 8, [[A] * 10, [A] * 9, [(1, 11), *[A] * 6]]),
        ([(0, 10), (0, 10)], 4, []),
        ([(0, 10)] * 4, 4, [[(0, 10)] * 4]),
        ([TWO], 1, []),
        ([TWO, A], 1, [[TWO, A]]),
    ],
)
def test_to_the_byte(pieces, ratio, runs):
    assert exact(*pieces, ratio=ratio) == runs


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_are_merged_than_are_too_many(most):
    pieces = [(number**4, 10) for number in range(1, 5)]
    assert exact(*pieces, most=4) == []
    assert exact(*pieces, most=most) == [pieces[: 5 - most]]


@pytest.mark.parametrize(
    ("count", "rewritten", "left"),
    [(500, 6, 3), (5_000, 6, 3), (20_000, 6, 3), (86_400, 8, 3)],
    ids=["few", "some", "20,000 batches of one", "a day at one a second"],
)
@pytest.mark.parametrize("rows", [lambda _: 90, lambda number: 1 + number * 7919 % 180], ids=["alike", "mixed"])
def test_a_partition_that_grows_one_by_one(count, rewritten, left, rows):
    """The figures that a lake of months stands on; rows count for more than bytes do, as each file has a footer."""
    tiers = Tiers(full_bytes=64 << 20)
    tiers.take(count, rows, look_every=16, ratio=8, most=32)
    assert tiers.most_files <= 50
    tiers.merge(ratio=2, most=3)
    tiers.merge(ratio=2, most=3)
    assert 1 <= len(tiers.files) <= left
    assert tiers.rewritten_share <= rewritten
    assert sum(one.rows for one in tiers.files) == sum(rows(number) for number in range(count))


def test_a_large_one_that_was_cut_is_not_rewritten_for_what_came_in_its_place():
    tiers = Tiers(full_bytes=64 << 20)
    tiers.add(1_000_000)
    for _ in range(50):  # files that are replaced one by one, each after the partition has cooled
        tiers.files[0] = Sized(tiers.files[0].rows - 100)
        tiers.add(100)
        tiers.merge(ratio=2, most=3)
    assert tiers.rewritten_bytes < Sized(1_000_000).size_bytes / 10
    assert len(tiers.files) <= 3
