"""``NotedPartitions``: which partitions a pass looks at, and with how much effort, as time goes by."""

from __future__ import annotations

import pytest
from pointline_daemon.process.maintenance import noted_partitions
from pointline_daemon.process.maintenance.noted_partitions import COLD_SECONDS, MANY_BATCHES, NotedPartitions

from pointline.services.compaction import COLD, COOL, while_hot
from pointline.settings import MaintenanceSettings

A, B, C = (("trades", "binance", f"2024-05-0{day}") for day in (1, 2, 3))
SETTINGS = MaintenanceSettings(interval_seconds=60, min_small_files=4)
COOLED = 120.0
HOT = while_hot(4)


class Passed:
    seconds = 0.0


@pytest.fixture
def passed(monkeypatch) -> type[Passed]:
    Passed.seconds = 1_000.0
    monkeypatch.setattr(noted_partitions.time, "monotonic", lambda: Passed.seconds)
    return Passed


@pytest.fixture
def noted(passed) -> NotedPartitions:
    return NotedPartitions(SETTINGS)


def effort(noted: NotedPartitions, partition=A):
    look = noted.look(partition)
    assert look is not None
    return look.effort


def compact(noted: NotedPartitions, partition=A) -> None:
    look = noted.look(partition)
    assert look is not None
    noted.settle(look)


class TestEffort:
    @pytest.mark.parametrize(
        ("seconds", "batches", "wanted"),
        [
            (0, 1, HOT),
            (COOLED - 1, MANY_BATCHES, HOT),
            (COOLED, 1, COOL),
            (COOLED, MANY_BATCHES - 1, COOL),
            (COOLED, MANY_BATCHES, COLD),
            (COLD_SECONDS - 1, 1, COOL),
            (COLD_SECONDS, 1, COLD),
        ],
    )
    def test_by_time_and_by_what_came(self, noted, passed, seconds, batches, wanted):
        for _ in range(batches):
            noted.note([A])
        passed.seconds += seconds
        assert effort(noted) == wanted

    def test_each_batch_makes_it_hot_again(self, noted, passed):
        noted.note([A])
        passed.seconds += COOLED
        noted.note([A, B])
        passed.seconds += COOLED - 1
        assert [effort(noted, A), effort(noted, B)] == [HOT, HOT]

    def test_one_from_before_the_start_got_many(self, noted, passed):
        noted.note_old([A])
        assert (noted.waiting, noted.due()) == (1, [A])
        passed.seconds += COOLED - 0.5
        assert effort(noted) == HOT
        passed.seconds += 0.5
        assert effort(noted) == COLD
        noted.note_old([B], seconds=COOLED)
        assert effort(noted, B) == COLD


class TestWhatATurnLooksAt:
    def test_all_that_changed(self, noted):
        noted.note([B, A])
        assert noted.due() == [A, B]
        assert noted.waiting == 2
        assert noted.look(C) is None

    def test_a_hot_one_is_looked_at_again_and_again(self, noted):
        noted.note([A])
        compact(noted)
        assert noted.due() == [A]
        assert noted.waiting == 1

    def test_a_cool_one_rests_until_it_is_cold_and_is_forgotten_then(self, noted, passed):
        noted.note([A])
        passed.seconds += COOLED
        compact(noted)
        assert noted.due() == []
        assert noted.waiting == 0
        assert noted.first_waiting(5) == []
        passed.seconds += COLD_SECONDS - COOLED - 1
        assert noted.due() == []
        passed.seconds += 1
        assert noted.due() == [A]
        assert noted.waiting == 0
        compact(noted)
        assert noted.due() == []
        assert noted.look(A) is None

    def test_a_cool_one_to_which_something_comes_is_due(self, noted, passed):
        noted.note([A])
        passed.seconds += COOLED
        compact(noted)
        noted.note([A])
        assert noted.due() == [A]
        assert effort(noted) == HOT
        assert noted.waiting == 1

    def test_what_comes_while_it_is_compacted_is_not_settled_with_it(self, noted, passed):
        noted.note_old([A])
        passed.seconds += COOLED
        look = noted.look(A)
        passed.seconds += 1
        noted.note([A])
        noted.settle(look)
        assert noted.due() == [A]
        assert noted.waiting == 1

    def test_one_that_is_forgotten_meanwhile_is_no_trouble(self, noted, passed):
        noted.note_old([A])
        passed.seconds += COOLED
        look = noted.look(A)
        noted.settle(look)
        noted.settle(look)
        assert noted.look(A) is None

    def test_the_longest_untouched_come_first(self, noted, passed):
        for partition in (C, A, B):
            noted.note([partition])
            passed.seconds += 1
        noted.note([C])
        assert noted.first_waiting(2) == [A, B]
        assert noted.first_waiting(9) == [A, B, C]


class TestBusy:
    """Twice as many batches as are worth a compaction: it does not wait for the interval."""

    def test_from_so_many_on(self, noted):
        for _ in range(7):
            noted.note([A])
        noted.note([B])
        assert noted.take_busy() == []
        noted.note([A])
        assert noted.take_busy() == [A]
        assert noted.take_busy() == []

    def test_counted_anew_once_it_was_looked_at(self, noted):
        for _ in range(8):
            noted.note([A])
        noted.look(A)
        noted.take_busy()
        for _ in range(7):
            noted.note([A])
        assert noted.take_busy() == []
        noted.note([A])
        assert noted.take_busy() == [A]

    def test_a_turn_looks_at_them_anyway(self, noted):
        for _ in range(8):
            noted.note([B])
        for _ in range(8):
            noted.note([A])
        assert noted.due() == [A, B]
        assert noted.take_busy() == []
        for _ in range(8):
            noted.note([B, A])
        assert noted.take_busy() == [A, B]
