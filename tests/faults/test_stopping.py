"""A stop does not wait for a large file: it is left, and read again at the next start, once."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file
from tests.support.process import Lake, pointline
from tests.support.waiting import wait_until

SLOW = file_name("trades", "SLOW")
QUICK = file_name("trades", "QUICK")
STREAMED, PACKED = 12_000, 3_000
"""Rows of a file that is read block by block into a data file of its own, and of one that is typed with others."""
LONGEST_SECONDS = 5.0


class SlowLake(Lake):
    """A lake whose daemon reads some files slowly. The batch of SLOW holds QUICK too, which is read by then."""

    module = "tests.support.slow"

    def begin(self, rows: int = STREAMED) -> None:
        """Start the daemon and wait until it is in the middle of the slow file."""
        put_file(self.bronze, QUICK, file_content(QUICK, 50))
        put_file(self.bronze, SLOW, file_content(SLOW, rows))
        self.start()
        assert wait_until(lambda: SLOW in self.reading(), 20), self.log_text()

    def status(self) -> dict[str, object]:
        return json.loads(pointline(self.root, "status", "--json").stdout)

    def reading(self) -> list[str]:
        return [one["path"] for one in self.status()["live"].get("reading") or []]

    def once_as_ever(self) -> None:
        """Read what is left with the program as it is."""
        self.module = Lake.module
        assert self.once() == 0, self.log_text()
        assert_exact(self.root, expect(self.bronze))


@pytest.fixture
def lake(tmp_path):
    lake = SlowLake(tmp_path / "lake", ingest__settle_seconds=0, ingest__drain_seconds=0.3)
    yield lake
    lake.kill()


class TestLargeFile:
    @pytest.mark.parametrize("rows", [STREAMED, PACKED])
    def test_is_left_and_read_again(self, lake, rows):
        """Guards FileReader.stop, and Outcome.attempts of a file that was left: it waits for no try."""
        lake.begin(rows)
        started = time.monotonic()
        assert lake.stop() == 0
        assert time.monotonic() - started < LONGEST_SECONDS
        left = lake.entry(SLOW)
        assert (left["status"], left["attempts"]) == ("pending", 0)
        assert "told to stop" in str(left["error"])
        assert lake.ledger()[QUICK] == "success"
        assert "told to stop" in pointline(lake.root, "explain", SLOW).stdout
        [said] = lake.events("file.waiting", path=SLOW)
        assert "next start" in str(said["error"])
        lake.once_as_ever()

    def test_is_finished_where_that_is_wanted(self, lake):
        lake.settings["ingest__drain_seconds"] = "off"
        lake.begin(4_500)
        lake.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: lake.status()["health"] == "stopping", 2)
        assert lake.process.wait(20) == 0
        assert lake.ledger() == {SLOW: "success", QUICK: "success"}
        assert_exact(lake.root, expect(lake.bronze))

    def test_second_signal(self, lake):
        lake.settings["ingest__drain_seconds"] = "off"
        lake.begin()
        lake.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: lake.events("daemon.stopping"), 5)
        lake.process.send_signal(signal.SIGTERM)
        assert lake.process.wait(LONGEST_SECONDS) == 130
        lake.once_as_ever()

    @pytest.mark.parametrize("call", ["events.trades.commit", "manifest.update_statuses"])
    def test_killed_while_it_stops(self, lake, call, monkeypatch):
        """What was read is committed while the other file is left; a kill in between loses neither."""
        monkeypatch.setenv("SLOW_KILL", f"{call} before 1")
        lake.begin()
        lake.process.send_signal(signal.SIGTERM)
        assert lake.process.wait(LONGEST_SECONDS) == -signal.SIGKILL
        lake.once_as_ever()
