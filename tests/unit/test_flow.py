"""``Flow``: what intake, committer and those who look on learn from each other."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest
from msgspec.structs import replace
from pointline_daemon.process import flow as flow_module
from pointline_daemon.process.flow import Flow, RunningBatch

from pointline.services.files.identity.candidate import Candidate
from pointline.services.ingest.batch import Batch, Entry, Group, Loaded
from tests.unit.test_verdict import META


class Bench:
    def __init__(self) -> None:
        self.woken = 0
        self.flow = Flow(self.wake)

    def wake(self) -> None:
        self.woken += 1

    def take_woken(self) -> int:
        woken, self.woken = self.woken, 0
        return woken


@pytest.fixture
def bench() -> Bench:
    return Bench()


def running(*groups: dict[str, int]) -> RunningBatch:
    """A batch of such groups, of each file the path and the size."""
    of_groups = [
        tuple(
            Entry(file_id=1, candidate=Candidate(meta=replace(META, bronze_file_path=path, file_size_bytes=size)))
            for path, size in group.items()
        )
        for group in groups
    ]
    entries = tuple(entry for group in of_groups for entry in group)
    batch = Batch(entries=entries, groups=tuple(Group(table="trades", entries=group) for group in of_groups))
    return RunningBatch(batch=batch, loads=[Future() for _ in groups], seen_at={})


def end(load: Future[Loaded]) -> None:
    load.set_result(Loaded(group=Group(table="trades", entries=())))


def test_batches_are_committed_in_the_order_they_began(bench):
    first, second = running({"a": 1}, {"b": 1}), running({"c": 1})
    assert (bench.flow.oldest(0), bench.flow.is_idle, bench.flow.oldest_batch_seconds()) == (None, True, 0.0)
    for batch in (first, second):
        bench.flow.began(batch)
    assert (bench.flow.in_flight, bench.flow.files_in_flight, bench.flow.is_idle) == (2, 3, False)
    assert bench.flow.oldest(0) is first
    assert bench.flow.oldest(0) is first, "it stays until it is finished"
    bench.flow.finished([("a", None), ("b", 7)])
    assert bench.take_woken() == 1
    assert bench.flow.oldest(0) is second
    assert bench.flow.take_landed() == [("a", None), ("b", 7)]
    assert bench.flow.take_landed() == []
    bench.flow.finished([("c", None)])
    assert (bench.flow.in_flight, bench.flow.is_idle) == (0, False), "the intake has to take it back first"
    bench.flow.take_landed()
    assert bench.flow.is_idle


def test_the_intake_is_woken_by_each_group_that_is_loaded(bench):
    batch = running({"a": 1}, {"b": 1})
    bench.flow.began(batch)
    assert (bench.take_woken(), bench.flow.is_loading) == (0, True)
    for load, is_loading in zip(batch.loads, (True, False), strict=True):
        end(load)
        assert (bench.take_woken(), bench.flow.is_loading) == (1, is_loading)


def test_what_is_postponed_is_told_once(bench):
    bench.flow.postpone("a", 5)
    bench.flow.postpone("b", 6)
    assert bench.take_woken() == 2
    assert bench.flow.take_postponed() == [("a", 5), ("b", 6)]
    assert bench.flow.take_postponed() == []


@pytest.mark.parametrize("act", ["began", "wake"])
def test_who_waits_for_a_batch_is_woken(bench, act):
    """Guards each ``notify_all``: without it the committer would sleep out its time."""
    waiting = threading.Event()
    wait = bench.flow._changed.wait
    bench.flow._changed.wait = lambda seconds: waiting.set() or wait(seconds)  # type: ignore[assignment]
    thread = threading.Thread(target=bench.flow.oldest, args=(60.0,))
    thread.start()
    assert waiting.wait(10)
    {"began": lambda: bench.flow.began(running({"a": 1})), "wake": bench.flow.wake}[act]()
    thread.join(10)
    assert not thread.is_alive()


def test_who_asks_for_a_batch_that_is_there_does_not_wait(bench):
    bench.flow.began(running({"a": 1}))
    began = time.monotonic()
    assert bench.flow.oldest(30.0) is not None
    assert time.monotonic() - began < 10


def test_two_steps_may_wait_for_room(bench):
    flow = bench.flow
    assert (flow.resume("begin"), flow.is_paused) == (False, False)
    assert (flow.pause("begin"), flow.pause("begin"), flow.pause("commit"), flow.is_paused) == (
        True,
        False,
        False,
        True,
    )
    assert flow.resume("other") is False
    assert (flow.resume("begin"), flow.is_paused) == (False, True)
    assert (flow.resume("commit"), flow.is_paused) == (True, False)
    assert flow.resume("commit") is False


def test_trouble_is_said_where_it_begins_and_where_it_ends(bench):
    flow = bench.flow
    assert flow.recovered("commit") is False
    assert [flow.troubled("commit", "no"), flow.troubled("commit", "still"), flow.troubled("begin", "x")] == [
        True,
        False,
        True,
    ]
    assert flow.failing == {"commit": "still", "begin": "x"}
    assert flow.retries == {"commit": 2, "begin": 1}
    assert [flow.recovered("commit"), flow.recovered("commit")] == [True, False]
    assert flow.failing == {"begin": "x"}
    assert flow.retries == {"commit": 2, "begin": 1}


def test_partitions_that_are_held_up(bench):
    flow = bench.flow
    assert flow.released("p") is False
    assert [flow.held_up("p", "no"), flow.held_up("p", "still"), flow.held_up("q", "x")] == [True, False, True]
    assert flow.partitions_held_up == {"p": "still", "q": "x"}
    assert [flow.released("p"), flow.released("p")] == [True, False]


def test_how_many_files_wait(bench):
    assert (bench.flow.unfinished, bench.flow.scheduled) == (0, 0)
    bench.flow.set_waiting(unfinished=3, scheduled=4)
    assert (bench.flow.unfinished, bench.flow.scheduled) == (3, 4)


def test_the_age_of_the_oldest_batch(bench, monkeypatch):
    at = {"now": 100.0}
    monkeypatch.setattr(flow_module.time, "monotonic", lambda: at["now"])
    bench.flow.began(replace(running({"a": 1}), begun_at=100.0))
    at["now"] = 107.0
    bench.flow.began(replace(running({"b": 1}), begun_at=107.0))
    assert bench.flow.oldest_batch_seconds() == 7.0


@pytest.mark.parametrize(
    ("state", "reading", "left"),
    [
        ("waiting", {}, 60),
        ("begun", {"a": 0}, 60),
        ("begun", {"a": 4}, 56),
        ("begun", {"b": 0}, 50),
        ("begun", {"b": 15}, 35),
        ("begun", {"c": 30}, 0),
        ("begun", {"c": 99}, 0),
        ("begun", {}, 0),
        ("done", {"a": 4}, 0),
    ],
)
def test_how_much_of_a_group_is_left_to_read(bench, state, reading, left):
    batch = running({"a": 10, "b": 20, "c": 30}, {"d": 5})
    bench.flow.began(batch)
    if state != "waiting":
        batch.loads[0].set_running_or_notify_cancel()
    if state == "done":
        end(batch.loads[0])
    assert bench.flow.bytes_in_flight(reading) == (65, 65 - left - 5)
