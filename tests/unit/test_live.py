"""``LiveState``: progress, rate, time left, and what is stuck, with parts that only say what they are asked for."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from pointline_daemon.arrival.bronze_presence import BronzePresence
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.condition.account import Account
from pointline_daemon.process import live
from pointline_daemon.process.flow import Flow, RunningBatch
from pointline_daemon.process.live import LiveState

from pointline.config import load_config
from pointline.io.content.file_content import Reading
from pointline.services.ingest.batch import Batch, Group
from tests.support.observed import TABLES, batch_done, file_done

MIB = 1 << 20
EPOCH = 1_700_000_000.0


class Parts:
    """A daemon that stands still; the test moves it and its clock."""

    def __init__(self, root, monkeypatch) -> None:
        self.seconds = 0.0
        clock = SimpleNamespace(
            time=lambda: EPOCH + self.seconds,
            monotonic=lambda: self.seconds,
            strftime=live.time.strftime,
            gmtime=live.time.gmtime,
        )
        monkeypatch.setattr(live, "time", clock)
        self.config = load_config(root, environ={})
        self.inbox = Inbox(100)
        self.flow = Flow(lambda: None)
        self.account = Account(TABLES)
        self.reading: list[Reading] = []
        unread = SimpleNamespace(state={"files": 0, "examples": []})
        self.rescanner = SimpleNamespace(
            to_offer=0,
            failing="",
            scanned_at=EPOCH,
            scans=1,
            last_scan={},
            unread=unread,
            presence=BronzePresence(None),
            refused_descriptions={},
        )
        self.maintenance = SimpleNamespace(waiting=0, failing="", space={}, first_waiting=lambda _most: [])
        self.live = LiveState(
            config=self.config,
            inbox=self.inbox,
            flow=self.flow,
            rescanner=self.rescanner,
            maintenance=self.maintenance,
            reader=SimpleNamespace(reading=lambda: self.reading),
            account=self.account,
        )

    def begin(self, *sizes: int) -> RunningBatch:
        """Begin a batch of one group per size; the groups are with the workers."""
        entries = [file_done(number, size=size, path=f"{number}.csv").entry for number, size in enumerate(sizes)]
        groups = tuple(Group(table="trades", entries=(entry,)) for entry in entries)
        loads: list[Future] = [Future() for _ in groups]
        for load in loads:
            load.set_running_or_notify_cancel()
        running = RunningBatch(batch=Batch(entries=tuple(entries), groups=groups), loads=loads, seen_at={})
        self.flow.began(running)
        return running

    def read(self, number: int, read: int, size: int) -> None:
        self.reading = [Reading(path=f"{number}.csv", bytes=size, read_bytes=read)]

    def after(self, seconds: float) -> dict:
        self.seconds += seconds
        return self.live.collect()


@pytest.fixture
def parts(tmp_path, monkeypatch):
    return Parts(tmp_path, monkeypatch)


def test_an_idle_daemon_has_no_rate_and_no_news(parts):
    first, second = parts.after(1), parts.after(100)
    assert first["rate"] is None
    assert first["eta_seconds"] is None
    assert {**first, "machine": None} == {**second, "machine": None}


def test_rate_and_time_left_within_one_large_file(parts):
    parts.begin(100 * MIB)
    parts.read(0, 0, 100 * MIB)
    assert parts.after(0)["rate"] is None
    parts.read(0, 20 * MIB, 100 * MIB)
    state = parts.after(10)
    assert (state["in_flight"], state["in_flight_bytes"], state["in_flight_read_bytes"]) == (1, 100 * MIB, 20 * MIB)
    assert state["reading"] == [{"path": "0.csv", "bytes": 100 * MIB, "read_bytes": 20 * MIB}]
    assert state["rate"]["bytes"] == 2 * MIB
    assert state["eta_seconds"] == 40


def test_files_that_wait_count_into_the_time_left(parts):
    parts.begin(10 * MIB)
    parts.read(0, 0, 10 * MIB)
    parts.after(0)
    parts.inbox.offer("later.csv", finished=True)
    parts.rescanner.to_offer = 2
    parts.read(0, 5 * MIB, 10 * MIB)
    assert parts.after(5)["eta_seconds"] == 5 + 3 * 10  # three more of the size known so far


def test_what_was_committed_counts_into_the_rate(parts):
    running = parts.begin(MIB)
    parts.read(0, 0, MIB)
    parts.after(0)
    running.loads[0].set_result(None)
    parts.account.add_batch(batch_done(file_done(size=MIB, rows=500)))
    parts.flow.finished([])
    parts.begin(MIB)
    parts.read(0, 0, MIB)
    assert parts.after(2)["rate"] == {"bytes": MIB / 2, "files": 0.5, "rows": 250.0}


def test_a_group_that_waits_for_a_worker_is_not_read(parts):
    running = parts.begin(MIB, 3 * MIB)
    running.loads[0].set_result(None)
    running.loads[1] = Future()
    assert parts.after(0)["in_flight_read_bytes"] == MIB


class TestStuck:
    """Work without progress, and bronze that is not looked at."""

    def test_work_without_progress(self, parts):
        parts.begin(MIB)
        parts.read(0, 5, MIB)
        assert not parts.after(0)["stuck"]
        assert not parts.after(live.STALLED_SECONDS)["stuck"]
        assert "no progress since 22:13:20 UTC" in parts.after(1)["stuck"]["ingest"]
        parts.read(0, 6, MIB)
        assert not parts.after(1)["stuck"]

    def test_a_queue_that_nobody_takes_from(self, parts):
        parts.inbox.offer("a.csv", finished=True)
        parts.after(0)
        assert parts.after(live.STALLED_SECONDS + 1)["stuck"]

    def test_having_nothing_to_do_is_no_trouble(self, parts):
        parts.after(0)
        parts.rescanner.scanned_at += 10_000
        assert not parts.after(10_000)["stuck"]
        parts.begin(MIB)
        assert not parts.after(1)["stuck"]

    def test_a_full_disk_has_a_word_of_its_own(self, parts):
        parts.begin(MIB)
        parts.flow.pause("commit")
        parts.after(0)
        assert not parts.after(live.STALLED_SECONDS + 1)["stuck"]

    def test_rescans_that_fail_or_never_end(self, parts):
        parts.rescanner.failing = "bronze is gone"
        assert parts.after(0)["stuck"] == {"rescan": "bronze is gone"}
        parts.rescanner.failing = ""
        assert not parts.after(0)["stuck"]
        assert parts.after(parts.config.ingest.rescan_seconds + live.OVERDUE_SECONDS + 1)["stuck"].keys() == {"rescan"}
        parts.rescanner.to_offer = 5  # it has ended, and waits for room in the queue
        assert not parts.after(0)["stuck"]
