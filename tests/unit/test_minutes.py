"""Files and rows per minute: bounded, and the same after a restart."""

from __future__ import annotations

from pointline_daemon.condition.minutes import MINUTES, SECONDS, Minutes

NOON = 28_333_080
"""A minute since the epoch."""


class Clock:
    def __init__(self) -> None:
        self.minute = float(NOON)

    def __call__(self) -> float:
        return self.minute * SECONDS


def counted(minutes: Minutes) -> dict[int, tuple[int, int]]:
    """What is not zero, by minute before now."""
    told = minutes.as_json()
    assert len(told["files"]) == len(told["rows"]) == MINUTES
    pairs = zip(reversed(told["files"]), reversed(told["rows"]), strict=True)
    return {place: pair for place, pair in enumerate(pairs) if pair != (0, 0)}


def test_what_gets_in_adds_up_by_minute():
    clock = Clock()
    minutes = Minutes(clock)
    minutes.add(1, 10)
    minutes.add(2, 5)
    clock.minute += 3.5
    minutes.add(1, 1)
    assert counted(minutes) == {3: (3, 15), 0: (1, 1)}
    assert minutes.as_json()["first"] == (NOON + 3 - MINUTES + 1) * SECONDS


def test_what_got_in_before_comes_once():
    clock = Clock()
    minutes = Minutes(clock)
    minutes.add(1, 10)
    earlier = [(NOON, 4, 40), (NOON - 7, 1, 1), (NOON - MINUTES, 9, 9)]
    assert not minutes.is_told
    minutes.tell(earlier)
    minutes.tell(earlier)
    assert counted(minutes) == {0: (5, 50), 7: (1, 1)}


def test_years_of_minutes_are_not_kept():
    clock = Clock()
    minutes = Minutes(clock)
    for _ in range(5 * MINUTES):
        clock.minute += 1
        minutes.add(1, 1)
    assert len(minutes._counts) <= 2 * MINUTES + 1
    assert sum(minutes.as_json()["files"]) == MINUTES
    clock.minute += MINUTES
    assert counted(minutes) == {}
