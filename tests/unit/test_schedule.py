"""``next_try_us``: doubling waits with a spread that everybody computes alike."""

from __future__ import annotations

import pytest
from pointline_daemon.arrival.rescanner import Rescanner

from pointline.io.clock import Clock
from pointline.services.ingest.schedule import FIRST_SECONDS, JITTER, LONGEST_SECONDS, next_try_us

SECOND = 1_000_000
NOW = 1_714_521_600 * SECOND


@pytest.mark.parametrize("attempts", range(1, 101))
def test_the_wait_doubles_up_to_a_limit_within_the_spread(attempts):
    """Guards the limit and the jitter, for every number of attempts that may be set."""
    plain = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (attempts - 1))
    waits = [(next_try_us(f"file-{number}", attempts, NOW) - NOW) / SECOND for number in range(50)]
    assert all(plain * (1 - JITTER) <= wait <= plain * (1 + JITTER) for wait in waits)
    assert max(waits) - min(waits) > plain * JITTER


def test_it_is_a_matter_of_the_ledger_alone():
    """Guards the restart: the same file, attempt and time give the same moment in every process."""
    assert next_try_us("a", 3, 0) == 3_568_004
    assert next_try_us("binance_trades_2024-05-01_A.csv.gz", 3, 0) == 4_367_904
    assert next_try_us("a", 3, NOW + SECOND) == next_try_us("a", 3, NOW) + SECOND


def test_not_tried_yet_is_like_tried_once():
    wait = (next_try_us("a", 0, NOW) - NOW) / SECOND
    assert FIRST_SECONDS * (1 - JITTER) <= wait <= FIRST_SECONDS * (1 + JITTER)


@pytest.mark.parametrize("jump_seconds", [0, 8 * 86_400, -8 * 86_400])
def test_a_jump_of_the_clock_lets_no_file_wait_for_days(jump_seconds):
    """Guards Rescanner._due_us, for tries of before a jump, of after it, and of a clock that was wrong."""
    machine = {"passed": 0.0, "ahead": NOW / SECOND}
    rescanner = Rescanner.__new__(Rescanner)
    rescanner._clock = Clock(wall=lambda: machine["passed"] + machine["ahead"], steady=lambda: machine["passed"])
    before = NOW
    machine["ahead"] += jump_seconds
    machine["passed"] = 60.0
    rescanner._clock.look()
    after = NOW + (60 + jump_seconds) * SECOND
    machine["passed"] = 61.0
    left = [rescanner._due_us("a", 9, tried) - rescanner._clock.now_us() for tried in (before, after)]
    whole = next_try_us("a", 9, 0)
    assert left == pytest.approx([whole - 61 * SECOND, whole - SECOND], abs=SECOND)
    assert rescanner._due_us("a", 9, NOW + 99 * 86_400 * SECOND) == 0
