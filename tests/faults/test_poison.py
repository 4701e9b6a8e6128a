"""A file that ends the process each time it is opened: it is given up and named, and everything else is in."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from pointline.vendors.claim import Claim
from pointline.vendors.feeds import Feeds
from tests.support import warm
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import file_content, file_name, put_file, read_manifest, read_table
from tests.support.log import Log
from tests.support.process import SECONDS, environment, pointline
from tests.support.waiting import wait_until

MOST = 4
GOOD = ["GOOD1", "GOOD2", "ZGOOD"]


class PoisonedLake:
    """A lake with good files on either side, by name, of those that kill."""

    def __init__(self, root: Path, *poisons: str) -> None:
        self.root = root
        self.poisons = [self._put(symbol) for symbol in poisons]
        self.good = [self._put(symbol) for symbol in GOOD]
        self.starts = 0

    def _put(self, symbol: str) -> str:
        name = file_name("trades", symbol)
        put_file(self.root / "bronze", name, file_content(name, 3), modified_at=1_714_600_000.0)
        return name

    def start(self, how: str) -> tuple[warm.Process, Log]:
        self.starts += 1
        log = self.root.parent / f"{self.starts}.log"
        env = environment(self.root, ingest__max_attempts=MOST, ingest__settle_seconds=0)
        with log.open("wb") as output:
            program = [str(self.root), how, *self.poisons]
            process = warm.start("tests.support.poison", *program, env=env, stdout=output, stderr=output)
        return process, Log(log)

    def assert_good_files_are_in(self) -> None:
        entries = read_manifest(self.root)
        statuses = dict(entries.select("bronze_file_path", "status").iter_rows())
        assert {path: statuses[path] for path in self.good} == dict.fromkeys(self.good, "success")
        assert read_table(self.root, "trades").height == 3 * len(self.good)
        for path in self.poisons:
            entry = entries.row(by_predicate=pl.col("bronze_file_path") == path, named=True)
            assert (entry["status"], entry["attempts"]) == ("failed", MOST)
            assert f"the process ended {MOST} times" in str(entry["error"])


@pytest.mark.parametrize("poisons", [["AAA"], ["HHH"], ["ZZZ"], ["AAA", "ZZZ"]], ids="+".join)
@pytest.mark.share(2)
def test_once(tmp_path, poisons):
    lake = PoisonedLake(tmp_path / "lake", *poisons)
    codes = []
    while not codes or codes[-1] == -signal.SIGKILL:
        process, _ = lake.start("--once")
        codes.append(process.wait(SECONDS))
        assert len(codes) <= 10, "it goes on dying"
    # Both of two are begun together twice; then each dies alone for the times that are left.
    assert len(codes) == 2 + (MOST - 2) * len(poisons) + 1
    lake.assert_good_files_are_in()


def test_a_daemon_that_is_started_again_and_again_comes_up_and_stays(tmp_path):
    lake = PoisonedLake(tmp_path / "lake", "HHH")
    for _ in range(MOST):
        process, _ = lake.start("run")
        assert process.wait(SECONDS) == -signal.SIGKILL
    process, log = lake.start("run")
    try:
        assert wait_until(lambda: log.events("file.failed"), SECONDS), log.text()
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(SECONDS) == 0
    lake.assert_good_files_are_in()
    assert pointline(lake.root, "retry", "1", "2", "3", "4").returncode == 0
    process, _ = lake.start("--once")
    assert process.wait(SECONDS) == -signal.SIGKILL, "a person's word counts"


def test_a_name_that_nothing_can_judge_stops_nothing(tmp_path, monkeypatch):
    """What a fault of ours makes of a name: its file is refused with it, and the others are in."""
    claims = Feeds.claims

    def breaks(feeds: Feeds, path: str) -> Sequence[Claim]:
        if "odd" in path:
            raise OverflowError("date value out of range")
        return claims(feeds, path)

    monkeypatch.setattr(Feeds, "claims", breaks)
    daemon = Daemon(tmp_path / "lake")
    put_file(daemon.bronze, "odd-1m-2024.csv", b"a,b\n1,2\n")
    for symbol in GOOD:
        put_file(daemon.bronze, file_name("trades", symbol), file_content(file_name("trades", symbol), 3))
    daemon.once()
    entries = read_manifest(daemon.root)
    assert sorted(entries["status"]) == ["quarantined", *["success"] * len(GOOD)]
    (said,) = entries["error"].drop_nulls()
    assert said.startswith("its path cannot be judged, OverflowError: date value out of range")
    assert pointline(daemon.root, "files").returncode == 0
