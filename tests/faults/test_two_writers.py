"""One process writes a lake; others read beside it, and ask it politely to write."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from pointline_daemon.arrival.intake import Intake
from pointline_daemon.opening.requests import Retry, do_or_ask
from pointline_daemon.process.maintenance.thread import Maintenance

from pointline.config import load_config
from pointline.errors import LakeInUse
from pointline.io.lock import LakeLock, holder_of
from pointline.services.loading.load import Loader
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import (
    assert_exact,
    expect,
    file_content,
    file_name,
    put_file,
    read_manifest,
    read_table,
)
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


@pytest.mark.parametrize("how", ["removed", "put back from a copy", "file replaced"])
def test_the_folder_of_the_state_is_not_the_lock(lake, how):
    """Guards LakeLock.keep and Supervisor._keep_lock: nobody gets in, the daemon is named, asked, and goes on."""
    state = lake.root / ".pointline"
    if how == "removed":
        shutil.rmtree(state.rename(lake.root / "away"))  # in one step: the daemon writes into it all the while
    elif how == "file replaced":
        (state / "new").write_text('{"pid": 1}')
        (state / "new").replace(state / "lock")
    else:
        shutil.copytree(state, lake.root / "copy", ignore=shutil.ignore_patterns("*.tmp"))  # the daemon writes on
        state.rename(lake.root / "away")
        (lake.root / "copy").rename(state)
    assert pointline(lake.root, "run", "--once").returncode == IN_USE
    assert wait_until(lambda: lake.events("lock.written_again"), 10)
    second = pointline(lake.root, "run", "--once")
    assert second.returncode == IN_USE
    assert f"process {lake.process.pid} on" in second.stderr
    assert wait_until(lambda: "for" in pointline(lake.root, "status").stdout.splitlines()[2], 10)
    put_file(lake.bronze, REFUSED, b"no gzip")
    lake.wait_for("file.quarantined", REFUSED)
    assert pointline(lake.root, "retry", REFUSED).returncode == 0
    lake.wait_for("file.quarantined", REFUSED, times=2)
    assert json.loads(pointline(lake.root, "status", "--json").stdout)["daemon"]["pid"] == lake.process.pid
    assert lake.stop() == 0


@pytest.mark.parametrize("again", [False, True], ids=["gone", "replaced"])
def test_another_lake_at_its_path_ends_the_daemon(lake, again):
    """Guards LakeLock.require: the daemon writes nothing to a lake that it did not lock, and says why it ends."""
    put_file(lake.bronze, NAME, file_content(NAME, 10))
    lake.wait_for("file.committed", NAME)
    moved = lake.root.with_name("moved")
    lake.root.rename(moved)
    if again:
        shutil.copytree(moved, lake.root)
        before = {path: path.stat().st_mtime_ns for path in lake.root.rglob("*")}
    assert lake.process.wait(20) == 70
    [said] = lake.events("lake.replaced")
    assert said["hint"]
    assert lake.root.exists() == again
    if again:
        assert {path: path.stat().st_mtime_ns for path in lake.root.rglob("*")} == before
        assert pointline(lake.root, "run", "--once").returncode == 0
        assert_exact(lake.root, expect(lake.bronze))


@pytest.mark.parametrize("part", ["intake", "committer"])
def test_each_commit_looks_whose_lake_it_is(tmp_path, monkeypatch, part):
    """Guards require_lake in Intake and Committer: between two looks of the supervisor nothing is written either."""
    # The intake must have something to look at, and for the committer nothing.
    daemon = Daemon(tmp_path / "lake", ingest__rescan_seconds=0.2 if part == "intake" else 60)
    daemon.log_file = tmp_path / "log"
    monkeypatch.setattr("pointline_daemon.process.supervisor.Supervisor._keep_lock", lambda _supervisor: None)
    moved = tmp_path / "moved"

    def move() -> None:
        daemon.root.rename(moved)
        shutil.copytree(moved, daemon.root)
        put_file(daemon.bronze, NAME, file_content(NAME, 10))

    load = Loader.load

    def load_and_move(loader, group):
        loaded = load(loader, group)
        move()
        return loaded

    def blind(kind: type) -> None:
        """Others look at their turns too, and might find out first."""
        make = kind.__init__
        monkeypatch.setattr(
            kind, "__init__", lambda one, *args, **given: make(one, *args, **{**given, "require_lake": lambda: None})
        )

    blind(Maintenance)
    if part == "committer":
        monkeypatch.setattr(Loader, "load", load_and_move)
        blind(Intake)
    with daemon.running():
        daemon.wait_for("rescan.finished")
        if part == "committer":
            put_file(daemon.bronze, NAME, file_content(NAME, 10))
        else:
            move()
        assert daemon.wait_for_end() == 70
    said = daemon.events("lake.replaced")[0]
    assert said["part"] == part
    ledgers = [read_manifest(lake).height for lake in (daemon.root, moved)]
    assert ledgers == ([1, 1] if part == "committer" else [0, 0])
    assert all(read_table(lake, "trades").is_empty() for lake in (daemon.root, moved))


def test_who_waits_for_a_daemon_that_dies_does_it_itself(lake):
    """Guards requests._ask: two seconds after the daemon's death the command has the lock."""
    put_file(lake.bronze, REFUSED, b"no gzip")
    lake.wait_for("file.quarantined", REFUSED)
    paths = load_config(lake.root, environ={}).paths
    os.kill(lake.process.pid, signal.SIGSTOP)
    done = []
    asker = threading.Thread(
        target=lambda: done.append(
            do_or_ask(paths, Retry(file_ids=(1,)), lambda: {"did": holder_of(paths.lock_file)}, purpose="retry")
        )
    )
    asker.start()
    assert wait_until(lambda: list(paths.requests.glob("*.json")), 10)
    lake.kill()
    began = time.monotonic()
    asker.join(20)
    assert time.monotonic() - began < 2
    assert done[0]["did"]["purpose"] == "retry"
    assert not list(paths.requests.iterdir())


def test_requests_removed_under_who_waits_are_left_again(lake):
    """Guards requests._ask: `.pointline` may be removed at any moment, also while somebody waits for an answer."""
    put_file(lake.bronze, REFUSED, b"no gzip")
    lake.wait_for("file.quarantined", REFUSED)
    paths = load_config(lake.root, environ={}).paths
    os.kill(lake.process.pid, signal.SIGSTOP)
    done = []
    asker = threading.Thread(
        target=lambda: done.append(do_or_ask(paths, Retry(file_ids=(1,)), pytest.fail, purpose="retry"))
    )
    asker.start()
    assert wait_until(lambda: list(paths.requests.glob("*.json")), 10)
    shutil.rmtree(paths.state)
    os.kill(lake.process.pid, signal.SIGCONT)
    asker.join(20)
    assert done == [{"put_back": 1}]


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
    """Guards do_or_ask and RequestAnswers.retry: the lock's holder writes, under the same id, and goes on at once."""
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
