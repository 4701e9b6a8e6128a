"""The one word for a daemon, by its live state, and whether files get in."""

from __future__ import annotations

import pytest
from pointline_daemon.condition.health import NEXT, OTHERWISE, SILENT_SECONDS, WORDS, judge_state

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("state", "word", "serves", "named"),
    [
        ({}, "healthy", True, ""),
        ({"at": NOW - SILENT_SECONDS - 1}, "silent", False, "no sign of life"),
        ({"paused": True}, "paused", False, "no space left"),
        ({"paused": True, "machine": {"no_inodes": True}}, "paused", False, "no inodes left"),
        ({"stuck": {"rescan": "bronze is gone"}}, "troubled", False, "rescan: bronze is gone"),
        ({"machine": {"disk_full": True}}, "troubled", False, "disk is full"),
        ({"machine": {"state_disk_full": True}}, "troubled", True, "disk of .pointline: it is full"),
        ({"retrying": {"commit": "cannot be written"}}, "troubled", True, "commit: cannot be written"),
        ({"maintenance": "vacuum trades: busy"}, "troubled", True, "maintenance: vacuum trades"),
        ({"troubles": {"watcher": "too many folders"}}, "troubled", True, "watcher: too many"),
        ({"troubles": {"no events": "too many folders"}}, "degraded", True, "no events: too many"),
        (
            {"troubles": {"no events": "none"}, "stuck": {"rescan": "gone"}},
            "troubled",
            False,
            "rescan: gone; no events",
        ),
        ({"troubles": {"no events": "none"}, "retrying": {"commit": "busy"}}, "troubled", True, "no events: none"),
        ({"vanished": 1200}, "troubled", True, "all 1,200 files of the ledger vanished"),
        ({"descriptions": {"problem": "no feed", "try": "add one"}}, "degraded", True, "vendors: no feed"),
        (
            {"descriptions": {"problem": "no feed", "try": "add one"}, "vanished": 2},
            "troubled",
            True,
            "mounted?; vendors: no feed",
        ),
        ({"starting": True, "at": 1.0}, "starting", False, ""),
        ({"stopping": True, "paused": True}, "stopping", False, "second signal"),
    ],
)
def test_word(state, word, serves, named):
    health = judge_state({"at": NOW, **state}, now=NOW)
    assert (health.word, health.serves) == (word, serves)
    assert named in health.reason
    assert bool(health.next_step) == bool(health.reason)


@pytest.mark.parametrize(("age", "word"), [(SILENT_SECONDS, "healthy"), (SILENT_SECONDS + 0.5, "silent")])
@pytest.mark.parametrize("state", [{"at": NOW}, {}])
def test_silent(state, age, word):
    """A state without a time is as old as the clock."""
    assert judge_state(state, now=state.get("at", 0.0) + age).word == word


@pytest.mark.parametrize(
    ("state", "word", "reason"),
    [
        ({"stopping": True, "troubles": {"committer": "died"}}, "troubled", "committer: died"),
        ({"paused": True, "troubles": {"committer": "died"}}, "paused", WORDS["paused"][0]),
        ({"stopping": True, "paused": True, "troubles": {"committer": "died"}}, "paused", WORDS["paused"][0]),
        ({"stopping": True, "stuck": {"ingest": "x"}}, "stopping", WORDS["stopping"][0]),
    ],
)
def test_why_it_stops_says_more(state, word, reason):
    health = judge_state({"at": NOW, **state}, now=NOW)
    assert (health.word, health.reason) == (word, reason)


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ({"stuck": {"ingest": "x"}, "troubles": {"metrics": "y"}}, NEXT["ingest"]),
        ({"stuck": {"rescan": "x"}, "machine": {"disk_full": True}}, NEXT["rescan"]),
        ({"machine": {"disk_full": True}, "troubles": {"metrics": "y"}}, NEXT["the disk"]),
        ({"stuck": {"another": "x"}}, OTHERWISE),
        ({"troubles": {"metrics": "y"}}, NEXT["metrics"]),
        ({"vanished": 3}, NEXT["bronze"]),
        ({"maintenance": "busy"}, NEXT["maintenance"]),
        ({"retrying": {"commit": "busy"}}, OTHERWISE),
        ({"troubles": {"no events": "none"}}, NEXT["no events"]),
    ],
)
def test_what_to_do_is_about_the_first_reason(state, step):
    assert judge_state({"at": NOW, **state}, now=NOW).next_step == step


def test_everything_wrong_is_named():
    state = {"at": NOW, "stuck": {"ingest": "no progress"}, "troubles": {"watcher": "down"}}
    assert judge_state(state, now=NOW).reason == "ingest: no progress; watcher: down"
