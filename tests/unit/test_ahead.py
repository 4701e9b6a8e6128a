"""Items that are made ahead of who needs them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pointline.ahead import ahead
from tests.support.waiting import wait_until


def test_the_same_items_in_order():
    with ahead(iter(range(100))) as numbers:
        assert list(numbers) == list(range(100))


def test_the_next_one_is_in_the_making_while_one_is_looked_at_and_no_more():
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    with ahead(items()) as numbers:
        assert next(numbers) == 0
        assert wait_until(lambda: made == [0, 1], 2)
        assert next(numbers) == 1
        assert wait_until(lambda: made == [0, 1, 2], 2)


def test_what_the_making_raises_comes_where_the_item_would_have():
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    with ahead(items()) as numbers:
        assert next(numbers) == 1
        with pytest.raises(ValueError, match="two"):
            next(numbers)


def test_whoever_leaves_early_waits_for_the_one_in_the_making():
    begun, release = threading.Event(), threading.Event()
    ended: list[int] = []

    def items() -> Iterator[int]:
        yield 0
        begun.set()
        release.wait(5)
        ended.append(1)
        yield 1

    def leave() -> None:
        with ahead(items()) as numbers:
            next(numbers)
            begun.wait(5)
            threading.Timer(0.05, release.set).start()

    leave()
    assert ended == [1]


def test_steps_one_behind_the_other():
    with ahead(iter(range(50))) as numbers, ahead(number * number for number in numbers) as squares:
        assert sum(squares) == sum(number * number for number in range(50))
