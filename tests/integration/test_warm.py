"""A warm start is the program: the same words and codes as a cold one, and a process of its own."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.process import environment, pointline, start_cold


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["config", "show"], {"ingest__workers": "3"}),
        (["config", "check"], {"ingest__workers": "many"}),
        (["files", "--last", "-1"], {}),
    ],
    ids=" ".join,
)
def test_it_says_and_returns_what_a_cold_start_does(tmp_path, arguments, settings):
    pairs = [one(tmp_path, *arguments, **settings) for one in (pointline, start_cold)]
    warm_ones, cold_ones = ((ran.returncode, ran.stdout, ran.stderr) for ran in pairs)
    assert warm_ones == cold_ones


def test_a_signal_ends_one_and_not_the_next(tmp_path):
    with Path(os.devnull).open("wb") as nothing:
        first, second = (
            warm.start("pointline_daemon", "run", env=environment(tmp_path / name), stdout=nothing, stderr=nothing)
            for name in "ab"
        )
    try:
        assert first.pid != second.pid
        first.kill()
        assert first.wait(30) == -signal.SIGKILL
        assert second.poll() is None
    finally:
        second.kill()
        assert second.wait(30) == -signal.SIGKILL
