"""The one word for a daemon, by its live state, and whether files get in."""

from __future__ import annotations

import pytest
from pointline_daemon.condition.health import SILENT_SECONDS, judge_state

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("state", "word", "serves", "named"),
    [
        ({}, "healthy", True, ""),
        ({"at": NOW - SILENT_SECONDS - 1}, "silent", False, "no sign of life"),
        ({"paused": True}, "paused", False, "no space left"),
        ({"stuck": {"rescan": "bronze is gone"}}, "troubled", False, "rescan: bronze is gone"),
        ({"machine": {"disk_full": True}}, "troubled", False, "disk is full"),
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
        ({"starting": True, "at": 1.0}, "starting", False, ""),
        ({"stopping": True, "paused": True}, "stopping", False, "second signal"),
    ],
)
def test_word(state, word, serves, named):
    health = judge_state({"at": NOW, **state}, now=NOW)
    assert (health.word, health.serves) == (word, serves)
    assert named in health.reason
    assert bool(health.next_step) == bool(health.reason)


def test_everything_wrong_is_named():
    state = {"at": NOW, "stuck": {"ingest": "no progress"}, "troubles": {"watcher": "down"}}
    assert judge_state(state, now=NOW).reason == "ingest: no progress; watcher: down"
