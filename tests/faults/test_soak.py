"""A long run: what people and machines do to a lake, for an hour, with nothing growing and every count exact.

Files are dropped, issued again, moved, withdrawn and read again, some with bad rows or cut short at first. The daemon
is killed, and data files are lost or cut while it is down. ``POINTLINE_SOAK_SECONDS`` says how long,
``POINTLINE_SOAK_LIVES`` in how many lives (1: it is never killed), ``POINTLINE_SEED`` repeats one, and
``POINTLINE_SOAK_OUT`` names a folder for ``soak.csv`` and ``soak.svg``: memory, sizes, counts over time.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import pytest
from deltalake import DeltaTable

from tests.support.counted_daemon import flushes_in
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file, read_manifest
from tests.support.process import pointline
from tests.support.soak_plot import write_measures
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
LIVES = int(os.environ.get("POINTLINE_SOAK_LIVES", "6"))
"""The process is killed so many times less one, evenly spread."""


BAD_ROWS = 9
"""With ten or more a file may be refused as a whole."""
LEAST_ROWS = 12
ACTS = {"drop": 100, "move": 4, "withdraw": 2, "retry": 2}
"""How often people do what."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What one process held, and what lay on the disk, ``at`` seconds after the start."""

    at: float
    rss_mb: float
    open_files: int
    threads: int
    ledger_mb: float
    log_entries: int
    data_files: int
    lake_mb: float
    dropped: int
    """Files dropped so far."""
    flushes: int
    """Flushes to the disk so far, by all processes together."""


class Soak:
    def __init__(self, folder: Path, seed: int) -> None:
        self.root = folder / "lake"
        self.bronze = self.root / "bronze"
        self.log = folder / "log"
        self.flushes = folder / "flushes"
        self.rng = random.Random(seed)
        self.began = time.monotonic()
        self.issues: dict[str, int] = {}
        self.folders: dict[str, str] = {}
        self.moves = 0
        self.withdrawn = 0
        self.damaged = 0
        self.dropped = 0
        self.kills = 0
        self.daemon: psutil.Popen | None = None

    def start(self) -> None:
        settings = {
            "INGEST__SETTLE_SECONDS": "0",
            "INGEST__RESCAN_SECONDS": "5",
            "INGEST__UNFINISHED_SECONDS": "1",
            "INGEST__MIN_REPLACEMENT_SHARE": "0",
            "MAINTENANCE__INTERVAL_SECONDS": "5",
            "LOG__FORMAT": "json",
        }
        environ = {**os.environ, **{f"POINTLINE_{name}": value for name, value in settings.items()}}
        begun_at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            counted = ["tests.support.counted_daemon", str(self.flushes)]
            command = [sys.executable, "-m", *counted, "run", "--lake-root", str(self.root)]
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

    def act(self) -> None:
        """Something that people do."""
        getattr(self, self.rng.choices(list(ACTS), list(ACTS.values()))[0])()

    def place(self, name: str) -> Path:
        return self.bronze / self.folders.get(name, "")

    def drop(self) -> None:
        """A new file or a new issue; a tenth of the rows of some are bad, and some files end early at first."""
        if len(self.issues) < FILES and self.rng.random() < 0.3:
            name = file_name(self.rng.choice(["trades", "quotes"]), f"S{len(self.issues)}")
        elif self.issues:
            name = self.rng.choice(sorted(self.issues))
        else:
            return
        self.issues[name] = issue = self.issues.get(name, 0) + 1
        rows = self.rng.randint(LEAST_ROWS, 60)
        bad = [number for number in range(1, rows + 1) if self.rng.random() < 0.1] if self.rng.random() < 0.3 else []
        content = file_content(name, rows, bad=bad[:BAD_ROWS], issue=issue)
        if self.rng.random() < 0.1:
            put_file(self.place(name), name, content[:-20])
            time.sleep(self.rng.random() * 0.2)
        put_file(self.place(name), name, content)
        self.dropped += 1

    def move(self) -> None:
        """A file goes to another folder, whatever the daemon is doing with it."""
        if self.issues:
            name = self.rng.choice(sorted(self.issues))
            before = self.place(name) / name
            self.folders[name] = f"moved-{self.rng.randint(1, 5)}"
            self.place(name).mkdir(exist_ok=True)
            before.rename(self.place(name) / name)
            self.moves += 1

    def withdraw(self) -> None:
        """A person takes a file out: beside the daemon, which does it."""
        if self.issues:
            name = self.rng.choice(sorted(self.issues))
            path = (self.place(name) / name).relative_to(self.bronze).as_posix()
            done = pointline(self.root, "withdraw", path)
            assert done.returncode in {0, 1, 2}, done.stdout + done.stderr
            self.withdrawn += done.returncode == 0

    def retry(self) -> None:
        """A person has everything that is withdrawn or refused read again."""
        for status in ("withdrawn", "quarantined"):
            ids = read_manifest(self.root).filter(status=status)["file_id"] if self.has_ledger() else []
            if len(ids):
                done = pointline(self.root, "retry", *map(str, ids))
                assert done.returncode in {0, 1}, done.stdout + done.stderr

    def has_ledger(self) -> bool:
        return "status" in read_manifest(self.root).columns

    def damage(self) -> None:
        """A data file is lost, or cut short, while nobody runs: the next start makes up for it from bronze."""
        tables = [DeltaTable(self.root / "silver" / name) for name in ("trades", "quotes")]
        files = sorted(Path(uri) for table in tables for uri in table.file_uris())
        if files:
            victim = self.rng.choice(files)
            if self.rng.random() < 0.5:
                victim.unlink()
            else:
                os.truncate(victim, victim.stat().st_size // 2)
            self.damaged += 1

    def measure(self) -> Measure:
        assert self.daemon is not None
        with self.daemon.oneshot():
            return Measure(
                **self.on_disk(),
                dropped=self.dropped,
                flushes=flushes_in(self.flushes),
                at=round(time.monotonic() - self.began, 1),
                rss_mb=self.daemon.memory_info().rss / 1e6,
                open_files=self.daemon.num_fds(),
                threads=sum(not self.is_transient(thread.id) for thread in self.daemon.threads()),
            )

    def on_disk(self) -> dict[str, float]:
        """Sizes in megabytes and counts of what lies in silver; files come and go meanwhile."""
        sizes = dict.fromkeys(("ledger_mb", "lake_mb", "log_entries", "data_files"), 0.0)
        for folder, _, names in os.walk(self.root / "silver"):
            is_log = folder.endswith("_delta_log")
            sizes["log_entries"] += sum(is_log and name.endswith(".json") for name in names)
            sizes["data_files"] += sum(not is_log and name.endswith(".parquet") for name in names)
            for name in names:
                with suppress(FileNotFoundError):
                    size = (Path(folder) / name).stat().st_size / 1e6
                    sizes["lake_mb"] += size
                    sizes["ledger_mb"] += size if "ingest_manifest" in folder else 0.0
        return {name: round(size, 3) for name, size in sizes.items()}

    def is_settled(self) -> bool:
        """The ledger has the version of every file that is there now, and nothing is pending."""
        manifest = read_manifest(self.root)
        known = set(manifest.select("bronze_file_path", "file_size_bytes").rows())
        paths = [*self.bronze.rglob("*.csv.gz")]
        there = {(path.relative_to(self.bronze).as_posix(), path.stat().st_size) for path in paths}
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
        before, after = (_flushes_a_file(part) for part in (middle, last))
        assert after <= before * 1.15 + 2, f"{before:.1f} flushes a file in the middle, {after:.1f} at the end"
        for fact, growth, slack in (("rss_mb", 1.15, 20), ("open_files", 1.0, 4), ("threads", 1.0, 4)):
            before, after = (median(getattr(one, fact) for one in part) for part in (middle, last))
            assert after <= before * growth + slack, f"{fact}: {before} in the middle of a life, {after} at its end"


def _flushes_a_file(measures: list[Measure]) -> float:
    first, last = measures[0], measures[-1]
    return (last.flushes - first.flushes) / max(1, last.dropped - first.dropped)


def test_soak(tmp_path):
    """Guards that months pass as the first hour does: memory, open files, threads and flushes a file stay flat."""
    seconds = float(os.environ.get("POINTLINE_SOAK_SECONDS", "3600"))
    seed = int(os.environ.get("POINTLINE_SEED", str(time.time_ns() % 1_000_000)))
    print(f"seed {seed}")
    soak = Soak(tmp_path, seed)
    began = time.monotonic()
    lives: list[list[Measure]] = [[]]
    next_line = 60.0
    soak.start()
    out = os.environ.get("POINTLINE_SOAK_OUT")
    try:
        while (at := time.monotonic() - began) < seconds:
            if at >= len(lives) * seconds / LIVES:
                if is_damaging := len(lives) % 2 == 1:
                    soak.wait_for_all()  # what is damaged is in bronze as it was read
                soak.kill()
                if is_damaging:
                    soak.damage()
                soak.start()
                lives.append([])
            soak.act()
            time.sleep(soak.rng.random() * 0.2)
            assert soak.daemon.poll() is None, soak.tail()
            if not lives[-1] or at >= lives[-1][-1].at + 1:
                lives[-1].append(soak.measure())
            if at >= next_line:
                next_line += 60.0
                say(soak, at)
        soak.wait_for_all()
        soak.retry()
        soak.wait_for_all()
        say(soak, time.monotonic() - began)
        soak.daemon.send_signal(signal.SIGTERM)
        assert soak.daemon.wait(SETTLE_SECONDS) == 0
    finally:
        if soak.daemon.poll() is None:
            soak.daemon.kill()
            soak.daemon.wait()
        if out:
            write_measures(Path(out), lives)
    assert_exact(soak.root, expect(soak.bronze), were_put_back=True)
    audit = pointline(soak.root, "verify", "--deep")
    assert audit.returncode == 0, audit.stdout
    assert_flat(lives)
    lines = soak.log.read_text().count("\n")
    rescans = (seconds / 5 + 10) * 2
    assert lines <= LINES_PER_VERSION * soak.dropped + rescans + 100 * soak.kills, lines
    assert soak.kills == LIVES - 1


def say(soak: Soak, at: float) -> None:
    now = soak.measure()
    print(
        f"{at:6.0f} s  {soak.dropped} dropped  {soak.moves} moved  {soak.withdrawn} withdrawn  {soak.kills} kills  "
        f"{soak.damaged} data files lost  {now.rss_mb:.0f} MB  {now.open_files} open files  {now.threads} threads  "
        f"log {soak.log.stat().st_size / 1e6:.2f} MB  ledger {now.ledger_mb:.2f} MB  "
        f"{now.log_entries:.0f} log entries  {now.data_files:.0f} data files  {now.flushes} flushes",
        flush=True,
    )
