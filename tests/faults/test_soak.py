"""A long run: drops, re-issues, bad files and kills for an hour, with nothing growing and every count exact.

``POINTLINE_SOAK_SECONDS`` says how long, ``POINTLINE_SEED`` repeats one.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import pytest

from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file, read_manifest
from tests.support.waiting import wait_until
from tests.support.warm import REPOSITORY

pytestmark = pytest.mark.soak

FILES = 60
"""Names in use: after a while everything dropped is a new issue, so that a lake of constant size is kept."""
SETTLE_SECONDS = 120.0
LINES_PER_VERSION = 6
"""Log lines that a file version may cost, kills and maintenance included."""
READY_SECONDS = 60.0
SHORTEST_LIFE = 120
"""Measures, one a second, from which a life tells whether something grows; before that it warms up."""
TRANSIENT = "tokio-rt-worker"
"""Threads of Delta's runtime: they come with the load and go ten seconds after it."""
LIVES = 6
"""The process is killed so many times less one, evenly spread."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What one process held at one moment."""

    rss_mb: float
    open_files: int
    threads: int


class Soak:
    def __init__(self, folder: Path, seed: int) -> None:
        self.root = folder / "lake"
        self.bronze = self.root / "bronze"
        self.log = folder / "log"
        self.rng = random.Random(seed)
        self.issues: dict[str, int] = {}
        self.dropped = 0
        self.kills = 0
        self.daemon: psutil.Popen | None = None

    def start(self) -> None:
        settings = {
            "INGEST__SETTLE_SECONDS": "0",
            "INGEST__RESCAN_SECONDS": "5",
            "INGEST__UNFINISHED_SECONDS": "1",
            "MAINTENANCE__INTERVAL_SECONDS": "5",
            "LOG__FORMAT": "json",
        }
        environ = {**os.environ, **{f"POINTLINE_{name}": value for name, value in settings.items()}}
        begun_at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            command = [sys.executable, "-m", "daemon", "run", "--lake-root", str(self.root)]
            self.daemon = psutil.Popen(command, cwd=REPOSITORY, env=environ, stdout=output, stderr=output)

        def is_ready() -> bool:
            with self.log.open("rb") as log:
                log.seek(begun_at)
                return b"daemon.ready" in log.read()

        assert wait_until(is_ready, READY_SECONDS), self.tail()

    def tail(self) -> str:
        return self.log.read_text()[-3000:]

    def kill(self) -> None:
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()
        self.kills += 1

    def drop(self) -> None:
        """A new file or a new issue; a tenth of the rows of some are bad, and some files end early at first."""
        if len(self.issues) < FILES and self.rng.random() < 0.3:
            name = file_name(self.rng.choice(["trades", "quotes"]), f"S{len(self.issues)}")
        elif self.issues:
            name = self.rng.choice(sorted(self.issues))
        else:
            return
        self.issues[name] = issue = self.issues.get(name, 0) + 1
        rows = self.rng.randint(0, 60)
        bad = [number for number in range(1, rows + 1) if self.rng.random() < 0.1] if self.rng.random() < 0.3 else []
        content = file_content(name, rows, bad=bad, issue=issue)
        if self.rng.random() < 0.1:
            put_file(self.bronze, name, content[:-20])
            time.sleep(self.rng.random() * 0.2)
        put_file(self.bronze, name, content)
        self.dropped += 1

    def measure(self) -> Measure:
        assert self.daemon is not None
        with self.daemon.oneshot():
            return Measure(
                rss_mb=self.daemon.memory_info().rss / 1e6,
                open_files=self.daemon.num_fds(),
                threads=sum(not self.is_transient(thread.id) for thread in self.daemon.threads()),
            )

    def is_settled(self) -> bool:
        """The ledger has the version of every file that is there now, and nothing is pending."""
        manifest = read_manifest(self.root)
        known = set(manifest.select("bronze_file_path", "file_size_bytes").rows())
        there = {(path.name, path.stat().st_size) for path in self.bronze.glob("*.csv.gz")}
        return there <= known and "pending" not in manifest["status"].to_list()

    def is_transient(self, thread: int) -> bool:
        assert self.daemon is not None
        try:
            return Path(f"/proc/{self.daemon.pid}/task/{thread}/comm").read_text().strip() == TRANSIENT
        except OSError:  # gone meanwhile, or another system
            return False

    def wait_for_all(self) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while not self.is_settled():
            assert time.monotonic() < deadline, self.tail()
            time.sleep(0.5)  # each look reads the ledger: not more often than it is worth


def assert_flat(lives: list[list[Measure]]) -> None:
    """Compare the last third of each life with the one before it, by what is usual in each."""
    for life in (life for life in lives if len(life) >= SHORTEST_LIFE):
        third = len(life) // 3
        middle, last = life[third : 2 * third], life[2 * third :]
        for fact, growth, slack in (("rss_mb", 1.15, 20), ("open_files", 1.0, 4), ("threads", 1.0, 4)):
            before, after = (median(getattr(one, fact) for one in part) for part in (middle, last))
            assert after <= before * growth + slack, f"{fact}: {before} in the middle of a life, {after} at its end"


def test_soak(tmp_path):
    """Guards that months pass as the first hour does: resident memory, open files, threads and log size stay flat."""
    seconds = float(os.environ.get("POINTLINE_SOAK_SECONDS", "3600"))
    seed = int(os.environ.get("POINTLINE_SEED", str(time.time_ns() % 1_000_000)))
    print(f"seed {seed}")
    soak = Soak(tmp_path, seed)
    began = time.monotonic()
    lives: list[list[Measure]] = [[]]
    next_line = 60.0
    soak.start()
    try:
        while (at := time.monotonic() - began) < seconds:
            if at >= len(lives) * seconds / LIVES:
                soak.kill()
                soak.start()
                lives.append([])
            soak.drop()
            time.sleep(soak.rng.random() * 0.2)
            assert soak.daemon.poll() is None, soak.tail()
            if int(at) > len(lives[-1]) + int((len(lives) - 1) * seconds / LIVES):
                lives[-1].append(soak.measure())
            if at >= next_line:
                next_line += 60.0
                say(soak, at)
        soak.wait_for_all()
        say(soak, time.monotonic() - began)
        soak.daemon.send_signal(signal.SIGTERM)
        assert soak.daemon.wait(SETTLE_SECONDS) == 0
    finally:
        if soak.daemon.poll() is None:
            soak.daemon.kill()
            soak.daemon.wait()
    assert_exact(soak.root, expect(soak.bronze))
    assert_flat(lives)
    lines = soak.log.read_text().count("\n")
    rescans = (seconds / 5 + 10) * 2
    assert lines <= LINES_PER_VERSION * soak.dropped + rescans + 100 * soak.kills, lines
    assert soak.kills == LIVES - 1


def say(soak: Soak, at: float) -> None:
    now = soak.measure()
    print(
        f"{at:6.0f} s  {soak.dropped} dropped  {soak.kills} kills  {now.rss_mb:.0f} MB  {now.open_files} open files  "
        f"{now.threads} threads  log {soak.log.stat().st_size / 1e6:.2f} MB",
        flush=True,
    )
