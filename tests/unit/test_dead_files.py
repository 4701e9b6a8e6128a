"""``DeadFiles``: how much of a folder nobody needs, and how much of that for long enough."""

from __future__ import annotations

import pytest

from pointline.io.clock import Clock
from pointline.io.delta_log.dead_files import DeadFiles
from pointline.io.protocols.tables import Part

NOW = 1_714_521_600.0
HOUR = 3600.0


class Passed:
    def __init__(self) -> None:
        self.seconds, self.jump = 0.0, 0.0

    def clock(self) -> Clock:
        return Clock(wall=lambda: NOW + self.seconds + self.jump, steady=lambda: self.seconds)


@pytest.fixture
def passed() -> Passed:
    return Passed()


@pytest.fixture
def dead(passed) -> DeadFiles:
    return DeadFiles(passed.clock())


def parts(*sizes: int) -> list[Part]:
    return [Part(path=f"{number}", partition={}, size_bytes=size, rows=1) for number, size in enumerate(sizes)]


def test_nothing_is_known_before_somebody_looked(dead):
    dead.add(parts(5), int(NOW * 1000))
    assert dead.size_bytes is None
    dead.found([(NOW, 7), (NOW - HOUR, 1)])
    assert dead.size_bytes == 8, "what was there is what was found"
    dead.add(parts(5, 6), int(NOW * 1000))
    assert dead.size_bytes == 19
    dead.found([])
    assert dead.size_bytes == 0


@pytest.mark.parametrize("seconds", [1.0, HOUR])
@pytest.mark.parametrize("at", [0.0, 30.0, 59.0])
def test_none_is_taken_for_older_than_it_is_and_a_minute_later_it_is_known(dead, passed, seconds, at):
    passed.seconds = at
    dead.found([(NOW + at, 3)])
    dead.add(parts(4), int((NOW + at) * 1000))
    passed.seconds = at + seconds - 0.5
    assert dead.older_than(seconds) == 0
    passed.seconds = at + seconds + 60.0
    assert dead.older_than(seconds) == 7
    assert dead.older_than(seconds + 121.0) == 0


def test_only_the_old_ones_count(dead, passed):
    dead.found([(NOW - 3 * HOUR, 1), (NOW - 2 * HOUR, 2), (NOW, 4)])
    assert dead.older_than(HOUR) == 3
    assert dead.older_than(2.5 * HOUR) == 1
    passed.seconds = 2 * HOUR
    assert dead.older_than(HOUR) == 7


def test_a_time_that_no_clock_has_shown_is_not_old(dead, passed):
    dead.found([(NOW + 10 * HOUR, 9)])
    passed.seconds = HOUR
    assert dead.older_than(0.0) == 0
    assert dead.size_bytes == 9
