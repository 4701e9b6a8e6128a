"""Errors have one shape, whichever command meets them and wherever it notices them; ``--version`` is an answer."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.lake_check import file_content, file_name, put_file, read_table
from tests.support.process import environment, pointline

WRONG = [
    ("files", "--status", "nothing"),
    ("retry", "--accept"),
    ("retry",),
    ("repair", "--table", "x"),
    ("trace", "nothing", "1", "1"),
    ("trace", "trades", "1", "0"),
    ("withdraw", "99"),
    ("coverage", "--from", "yesterday"),
    ("symbols", "show", "--at", "yesterday"),
    ("symbols", "update", "nowhere.csv"),
    ("quarantine", "99"),
]
NOWHERE = [("status",), ("files",), ("doctor",), ("verify",), ("repair",), ("coverage",), ("explain", "1")]


def assert_one_shape(lake: Path, command: tuple[str, ...]) -> None:
    plain, as_json = pointline(lake, *command), pointline(lake, *command, "--json")
    assert plain.returncode == as_json.returncode != 0
    answer = json.loads(as_json.stdout)
    assert answer.keys() == {"error", "subject", "try"}
    assert answer["error"]
    lines = plain.stderr.splitlines()
    assert lines == [f"error: {answer['error']}", f"try:   {answer['try']}"]


@pytest.mark.parametrize("command", WRONG, ids=" ".join)
def test_what_is_asked_cannot_be(sound_lake, command):
    assert_one_shape(sound_lake, command)


@pytest.mark.parametrize("command", NOWHERE, ids=" ".join)
def test_there_is_no_lake(tmp_path, command):
    assert_one_shape(tmp_path, command)


def test_settings_that_cannot_be_used(tmp_path):
    (tmp_path / "pointline.toml").write_text("[ingest]\nworkers = 0\n")
    done = pointline(tmp_path, "retry", "1", "--json")
    assert done.returncode == 78
    assert json.loads(done.stdout).keys() == {"error", "subject", "try"}


def test_version(tmp_path):
    done = pointline(tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"pointline {version('pointline')}\n")


def test_what_is_withdrawn_may_be_withdrawn_again(own_lake):
    """An earlier try may have been cut short after its last step: it is done, and no error."""
    assert pointline(own_lake, "withdraw", "1").returncode == 0
    again = pointline(own_lake, "withdraw", "1")
    assert (again.returncode, again.stdout) == (0, "nothing to do: 1 file withdrawn already\n")
    assert pointline(own_lake, "withdraw", "1", "--dry-run").returncode == 0


def in_shell(lake: Path, command: str, streams: str) -> subprocess.CompletedProcess[str]:
    """Run a command with streams that a shell has closed, or led elsewhere."""
    typed = f"{shlex.quote(sys.executable)} -m pointline_daemon {command} {streams}"
    env = environment(lake, ingest__settle_seconds=0.1)
    return subprocess.run(["sh", "-c", typed], env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_keep_nothing_from_being_done(tmp_path, streams):
    put_file(tmp_path / "bronze", name := file_name("trades", "BTCUSDT"), file_content(name, 5))
    for command in ("run --once", "status", "files --json", "verify"):
        done = in_shell(tmp_path, command, streams)
        assert (done.returncode, "Error" in done.stdout + done.stderr) == (0, False), done.stderr
    assert read_table(tmp_path, "trades").height == 5
    assert pointline(tmp_path, "verify", "--deep").returncode == 0


@pytest.mark.parametrize("command", [("files", "--json"), ("status",), ("help", "vendors")])
def test_a_reader_who_has_enough_is_no_finding(sound_lake, command):
    arguments = [sys.executable, "-m", "pointline_daemon", *command]
    with subprocess.Popen(
        arguments, env=environment(sound_lake), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", ["files", "files --json"])
def test_an_answer_that_cannot_be_written(sound_lake, command):
    done = in_shell(sound_lake, command, "> /dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the answer cannot be written: No space left on device\n")
    assert "Traceback" not in done.stderr
