"""A start that finds no room on the disk to mend the lake waits for some, as ingest does."""

from __future__ import annotations

import time

import pytest
from pointline_daemon.condition.health import judge_state
from pointline_daemon.condition.state import read_state
from pointline_daemon.opening.prepare import prepare
from pointline_daemon.process import supervisor as module

from pointline.errors import DiskFull
from pointline.io.lock import LakeLock
from tests.support.daemon_thread import Daemon, InProcess
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file

NAME = file_name("trades", "A")


@pytest.fixture
def daemon(tmp_path) -> Daemon:
    daemon = Daemon(tmp_path / "lake")
    put_file(daemon.bronze, NAME, file_content(NAME, 9))
    return daemon


@pytest.fixture
def full(daemon, monkeypatch):
    """A disk on which the first starts find no room; what the state said of the daemon at each further one."""
    said: list[tuple[str, str]] = []

    def begin(times: int):
        tries = []

        def tried(lake):
            tries.append(lake)
            if len(tries) > 1:
                health = judge_state(read_state(daemon.config.paths.state_file), now=time.time())
                said.append((health.word, health.reason))
            if len(tries) <= times:
                raise DiskFull("no space left while writing x", subject="x", hint="free some")
            prepare(lake)

        monkeypatch.setattr(module, "prepare", tried)
        monkeypatch.setattr(module, "PAUSE_SECONDS", 0.05)
        monkeypatch.setattr(module, "TICK_SECONDS", 0.02)
        return said

    return begin


def test_it_waits_and_goes_on(daemon, full):
    said = full(3)
    with daemon.running():
        daemon.wait_for("file.committed")
    assert [word for word, _ in said] == ["paused"] * 3
    assert "no space left" in said[0][1]
    assert daemon.exit_code == 0
    assert [len(daemon.events(one)) for one in ("ingest.paused", "ingest.resumed")] == [1, 1]
    assert_exact(daemon.root, expect(daemon.bronze))


def test_it_ends_when_it_is_told_to(daemon, full):
    full(10**6)
    with LakeLock(daemon.config.paths.lock_file, purpose="run") as lock:
        supervisor = InProcess(daemon.lake, lock=lock)
        supervisor.ask_to_stop()
        assert supervisor.run() == 0


def test_a_single_run_says_so_and_ends(daemon, full):
    full(1)
    with pytest.raises(DiskFull):
        daemon.once()
    assert daemon.once() == 0
