"""``Clock``: ages survive jumps of days in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointline.io import clock
from pointline.io.clock import SLACK_SECONDS, Clock

DAY = 86_400.0
START = 1_714_521_600.0


class Machine:
    """A machine whose wall clock is set by hand."""

    def __init__(self, passed: float = 0.0) -> None:
        self.passed = passed
        self.ahead = START
        self.clock = Clock(wall=self.wall, steady=lambda: self.passed)

    def wall(self) -> float:
        return self.passed + self.ahead


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize("jump", [8 * DAY, -8 * DAY, 3600.0, -3600.0])
def test_a_jump_ages_nothing(machine, jump):
    machine.passed = 100
    before = machine.wall()
    machine.passed = 160
    machine.ahead += jump
    assert machine.clock.age(before) == pytest.approx(60)
    after = machine.wall()
    machine.passed = 190
    assert machine.clock.age(before) == pytest.approx(90)
    assert machine.clock.age(after) == pytest.approx(30)
    assert machine.clock.now_us() == (START + 190) * 1_000_000


def test_what_was_before_the_process_has_the_age_that_it_had(machine):
    machine.passed = 10
    machine.ahead += 8 * DAY
    assert machine.clock.age(START - DAY) == pytest.approx(DAY + 10)


def test_a_time_that_no_clock_has_shown_is_of_this_moment(machine):
    assert machine.clock.age(START + DAY) is None
    assert machine.clock.age_us(int((START + DAY) * 1_000_000)) == 0
    machine.ahead += 8 * DAY
    machine.passed = 200
    assert machine.clock.age(START + DAY) is None, "between the two reckonings"


def test_what_is_made_now_has_no_age():
    machine = Machine(passed=500.0)
    assert machine.clock.age(machine.wall()) == 0.0
    assert machine.clock.age(machine.wall() + SLACK_SECONDS / 2) == 0.0, "a little ahead"
    assert machine.clock.now_us() == int(machine.wall() * 1_000_000)
    machine.passed += 7
    assert machine.clock.age(START + 500.0) == pytest.approx(7)
    assert machine.clock.age_us(int((START + 500.0) * 1_000_000)) == pytest.approx(7_000_000, abs=1)


@pytest.mark.parametrize("jump", [SLACK_SECONDS, -SLACK_SECONDS, SLACK_SECONDS + 0.5, -SLACK_SECONDS - 0.5])
def test_a_little_off_is_no_jump(machine, jump):
    """The clock is corrected all the time: each correction of its own would be forgotten by the next hundreds."""
    machine.passed = 100
    machine.ahead += jump
    machine.clock.look()
    machine.clock.look()
    assert len(machine.clock._reckonings) == (1 if abs(jump) <= SLACK_SECONDS else 2)


@pytest.mark.parametrize("look", ["stamp_ms", "now_us", "look"])
def test_whoever_looks_at_the_clock_notices_a_jump(machine, look):
    machine.passed = 100
    machine.ahead += DAY
    shown = {"stamp_ms": (START + DAY + 100) * 1000, "now_us": (START + 100) * 1_000_000, "look": None}
    assert getattr(machine.clock, look)() == shown[look]
    machine.passed = 160
    machine.ahead -= 3 * DAY
    assert machine.clock.age(START + DAY + 100) == pytest.approx(60), "it is of the time between the jumps"


def test_of_many_jumps_the_first_reckoning_and_the_last_ones_are_kept(machine, monkeypatch):
    monkeypatch.setattr(clock, "MOST_RECKONINGS", 3)
    stamps = []
    for _ in range(5):
        machine.passed += 100
        machine.ahead += DAY
        machine.clock.look()
        stamps.append(machine.wall())
        machine.passed += 100
    ages = [machine.clock.age(stamp) for stamp in stamps]
    assert ages[-2:] == pytest.approx([300, 100])
    assert len(machine.clock._reckonings) == 3
    assert machine.clock.now_us() == (START + 1000) * 1_000_000


@given(
    jumps=st.lists(st.floats(-20 * DAY, 20 * DAY), max_size=5),
    waits=st.lists(st.floats(0, 3 * DAY), min_size=6, max_size=6),
    at=st.integers(0, 5),
)
def test_nothing_that_the_process_made_is_taken_for_older_than_it_is(jumps, waits, at):
    """Nor for younger, but where the clock showed the same time twice."""
    machine = Machine()
    made = None
    for step, wait in enumerate(waits):
        machine.clock.look()
        if step == at:
            made = machine.passed, machine.wall()
        machine.passed += wait
        machine.clock.look()
        if step < len(jumps):
            machine.ahead += jumps[step]
    moment, stamp = made
    age = machine.clock.age(stamp)
    assert age is not None
    assert age <= machine.passed - moment + 2 * SLACK_SECONDS
