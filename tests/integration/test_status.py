"""``pointline status`` over a state that stands still: what is in flight, what is stuck, and ``--watch``."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from pointline_daemon.opening.lake import open_lake

from pointline.config import load_config
from pointline.io.lock import LakeLock
from tests.support.process import pointline
from tests.support.waiting import wait_until

MIB = 1 << 20
STATE = {
    "running": True,
    "queued": 12,
    "in_flight": 3,
    "in_flight_bytes": 200 * MIB,
    "in_flight_read_bytes": 50 * MIB,
    "reading": [{"path": "day/binance_trades_\x1b[31m2024-05-01_A.csv.gz", "bytes": 100 * MIB, "read_bytes": 37 * MIB}],
    "rate": {"bytes": 5 * MIB, "files": 1.5, "rows": 1_200_000},
    "eta_seconds": 30,
    "partitions_waiting": 5,
    "partitions": ["trades binance/2024-05-01"],
    "machine": {"rss_bytes": 123 * MIB},
}
ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def root(tmp_path):
    open_lake(load_config(tmp_path, environ={})).create()
    return tmp_path


@contextmanager
def kept(root: Path, **changes):
    """Somebody keeps the lake and has published this a moment ago."""
    with LakeLock(root / ".pointline" / "lock", purpose="run"):
        publish(root, **changes)
        yield


def publish(root: Path, **changes) -> None:
    state = {**STATE, "pid": os.getpid(), "at": time.time(), **changes}
    (root / ".pointline").mkdir(exist_ok=True)
    (root / ".pointline" / "state.json").write_text(json.dumps(state))


def command(root: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "pointline_daemon", "status", "--lake-root", str(root), *options]


def status(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return pointline(root, "status", *options)


class TestLive:
    """What the daemon published."""

    def test_what_is_on_its_way(self, root):
        with kept(root):
            text = status(root).stdout
        assert "12 queued, 3 in flight" in text
        assert "25 % of 200.0 MiB read, 5.0 MiB/s, 1.5 files/s, 1,200,000 rows/s, 30 s left" in text
        assert "37 % of 100.0 MiB  day/binance_trades_" in text
        assert "5 partitions waiting: trades binance/2024-05-01, 4 more" in text
        assert "123.0 MiB of memory" in text
        assert "\x1b" not in text

    def test_json(self, root):
        with kept(root):
            answer = json.loads(status(root, "--json").stdout)
        assert answer["live"]["eta_seconds"] == 30
        assert answer["live"]["rate"] == STATE["rate"]
        assert answer["work"]["partitions_waiting"] == 5

    @pytest.mark.parametrize(
        ("changes", "word", "named"),
        [
            ({"stuck": {"ingest": "no progress since 12:00:00 UTC"}}, "troubled", "no progress since"),
            ({"retrying": {"commit": "trades: busy"}}, "troubled", "commit: trades: busy"),
            ({"paused": True}, "paused", "no space left"),
            ({"at": 1.0}, "silent", "no sign of life"),
            ({"pid": 1}, "starting", ""),
        ],
    )
    def test_health(self, root, changes, word, named):
        with kept(root, **changes):
            answer = json.loads(status(root, "--json").stdout)
        assert answer["health"] == word
        assert named in answer["reason"]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({}, 0),
            ({"retrying": {"no events": "inotify is full"}}, 0),
            ({"stuck": {"ingest": "no progress"}}, 1),
            ({"paused": True}, 1),
            ({"at": 1.0}, 1),
            ({"pid": 1}, 1),
        ],
    )
    def test_check_exits_by_health(self, root, changes, code):
        with kept(root, **changes):
            assert [status(root, "--check", *form).returncode for form in ([], ["--json"])] == [code, code]
            assert status(root).returncode == 0

    def test_check_without_a_daemon(self, root):
        assert status(root, "--check").returncode == 1

    def test_to_do_is_what_is_still_to_do(self, root):
        scan = {"files": 40, "offered": 30, "reasons": ["start"]}
        with kept(root, last_scan=scan):
            assert "start: it found 40 files in bronze; 15 to do now" in status(root).stdout
        with kept(root, last_scan=scan, queued=0, in_flight=0):
            assert "start: it found 40 files in bronze; 0 to do now" in status(root).stdout

    def test_what_a_daemon_of_before_published_is_not_shown(self, root):
        publish(root, running=False)
        found = status(root).stdout
        assert "not running" in found
        assert "in flight" not in found
        assert json.loads(status(root, "--json").stdout)["live"] == {}


class TestWatch:
    """In place on a terminal, a document per line for programs, and refused on a plain pipe."""

    def test_a_pipe_is_refused_with_what_to_do(self, root):
        found = status(root, "--watch")
        assert found.returncode == 2
        assert not found.stdout
        assert "terminal" in found.stderr
        assert "--json" in found.stderr

    def test_a_lake_that_is_not_there_ends_it(self, tmp_path):
        found = status(tmp_path / "nowhere", "--watch", "--json")
        assert found.returncode == 1
        assert "no lake" in json.loads(found.stdout)["error"]

    def test_json_is_a_document_per_line_until_the_reader_leaves(self, root):
        with subprocess.Popen(
            command(root, "--watch", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert [json.loads(process.stdout.readline())["health"] for _ in range(2)] == ["down", "down"]
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            assert process.stderr is not None
            assert not process.stderr.read()

    def test_a_terminal_is_refreshed_in_place(self, root):
        """Each picture begins at the top, and none of its lines is wider or taller than the screen."""
        with Terminal(command(root, "--watch"), columns=60, rows=12) as terminal, kept(root):
            assert wait_until(lambda: "12 queued" in terminal.pictures()[-1], 30), terminal.text()
            publish(root, queued=99)
            assert wait_until(lambda: "99 queued" in terminal.pictures()[-1], 30), terminal.text()
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.process.wait(20) == 0
        for picture in terminal.pictures()[1:]:
            lines = ANSI.sub("", picture).splitlines()
            assert len(lines) <= 12
            assert max(map(len, lines)) <= 60


class Terminal:
    """A process on a pseudo-terminal of a size."""

    def __init__(self, arguments: list[str], *, columns: int, rows: int) -> None:
        self._master, slave = pty.openpty()
        environ = {**os.environ, "COLUMNS": str(columns), "LINES": str(rows), "TERM": "xterm"}
        self.process = subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=slave, env=environ)
        os.close(slave)
        self._seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def text(self) -> str:
        try:
            while select.select([self._master], [], [], 0)[0]:
                self._seen += os.read(self._master, 65536)
        except OSError:
            pass  # the process has ended
        return self._seen.decode()

    def pictures(self) -> list[str]:
        return self.text().replace("\r\n", "\n").split("\x1b[H")
