"""One process writes a lake; others read beside it, and ask it politely to write."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from daemon.requests import Retry, do_or_ask
from pointline.config import load_config
from pointline.errors import LakeInUse
from pointline.io.lock import LakeLock
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file
from tests.support.process import Lake, pointline
from tests.support.waiting import wait_until

NAME = file_name("trades", "A")
REFUSED = file_name("trades", "B")
IN_USE = 75


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.start()
    yield lake
    lake.kill()


@pytest.mark.parametrize("how", [["run"], ["run", "--once"]])
def test_a_second_run_names_the_holder(lake, how):
    """Guards LakeLock: the second writer leaves with a code of its own before it has touched anything."""
    before = lake.versions()
    second = pointline(lake.root, *how)
    assert second.returncode == IN_USE
    assert "Traceback" not in second.stderr
    assert f"process {lake.process.pid} on" in second.stderr
    assert "pointline run" in second.stderr
    assert "try:" in second.stderr
    assert lake.versions() == before
    put_file(lake.bronze, NAME, file_content(NAME, 10))
    lake.wait_for("file.committed", NAME)


def test_the_lock_goes_with_its_holder(lake):
    """Guards the kernel's lock: a holder that was killed is in nobody's way, whatever it wrote of itself."""
    put_file(lake.bronze, NAME, file_content(NAME, 10))
    lake.kill()
    assert pointline(lake.root, "run", "--once").returncode == 0
    assert_exact(lake.root, expect(lake.bronze))


@pytest.mark.parametrize(
    "command",
    [["status"], ["status", "--json"], ["files", "--json"], ["config", "show"], ["retry", REFUSED, "--dry-run"]],
    ids=" ".join,
)
def test_commands_that_read_work_beside_it(lake, command):
    """Guards that reading takes no lock and writes nothing: neither of the two notices the other."""
    put_file(lake.bronze, REFUSED, file_content(REFUSED, 3, bad=[1, 2, 3]))
    put_file(lake.bronze, NAME, b"no gzip")
    lake.wait_for_settled(2)
    before = lake.versions()
    done = pointline(lake.root, *command)
    assert done.returncode in {0, 1}, done.stderr
    assert done.stderr == ""
    assert lake.versions() == before
    assert lake.stop() == 0


def test_retry_asks_the_daemon(lake):
    """Guards do_or_ask and Supervisor._retry: the holder of the lock writes, under the same id, and goes on at once."""
    put_file(lake.bronze, NAME, b"no gzip")
    lake.wait_for("file.quarantined", NAME)
    before = lake.entry(NAME)
    done = pointline(lake.root, "retry", str(before["file_id"]), "--json")
    assert done.returncode == 0, done.stderr
    assert [one["file_id"] for one in json.loads(done.stdout)["files"]] == [before["file_id"]]
    lake.wait_for("file.quarantined", NAME, times=2)
    after = lake.entry(NAME)
    assert [after[fact] for fact in ("file_id", "created_at_us", "status")] == [
        before[fact] for fact in ("file_id", "created_at_us", "status")
    ]
    assert after["updated_at_us"] > before["updated_at_us"]
    requests_left = list((lake.root / ".pointline" / "requests").iterdir())
    assert requests_left == []
    assert lake.process.poll() is None


def test_a_holder_that_does_not_answer_is_named(lake):
    """Guards the limit in requests._ask: whoever asks is told, and the question is taken back."""
    paths = load_config(lake.root, environ={}).paths
    os.kill(lake.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(LakeInUse, match=f"process {lake.process.pid} .* does not answer"):
            do_or_ask(paths, Retry(file_ids=()), pytest.fail, purpose="retry", patience=0.2)
    finally:
        os.kill(lake.process.pid, signal.SIGCONT)
    assert not list(paths.requests.glob("*.json"))


@pytest.mark.parametrize(
    "question",
    [
        "no JSON",
        "[]",
        '{"command": "retry"}',
        pytest.param('{"command": "fly"}'),
    ],
)
def test_a_request_that_makes_no_sense_is_answered(lake, question):
    """Guards requests._answer: nobody's question ends the daemon, and nobody waits for nothing."""
    folder: Path = load_config(lake.root, environ={}).paths.requests
    folder.mkdir(parents=True, exist_ok=True)
    staged = folder / ".question"
    staged.write_text(question)
    staged.rename(folder / "question.json")
    answer = folder / "question.answer"
    assert wait_until(answer.exists, 5)
    assert "error" in json.loads(answer.read_text())
    assert lake.stop() == 0


def test_a_command_that_writes_holds_the_lock_itself_where_nobody_does(tmp_path):
    """Guards do_or_ask the other way: without a daemon there is nobody to ask."""
    paths = load_config(tmp_path, environ={}).paths

    def do():
        with pytest.raises(LakeInUse, match="pointline retry"), LakeLock(paths.lock_file, purpose="run"):
            pass
        return {"did": "it"}

    assert do_or_ask(paths, Retry(file_ids=()), do, purpose="retry") == {"did": "it"}
    with LakeLock(paths.lock_file, purpose="run"):
        pass
