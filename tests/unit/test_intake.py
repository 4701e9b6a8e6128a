"""``Intake``, one turn of its loop at a time: when a batch begins, what it waits for, what is read alone."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from concurrent.futures import Future

import pytest
from msgspec.structs import replace
from pointline_daemon.arrival import intake as intake_module
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.arrival.intake import MOST_IN_FLIGHT, Intake
from pointline_daemon.process.flow import Flow
from structlog.testing import capture_logs

from pointline.errors import DiskFull, StorageTrouble
from pointline.io.clock import Clock
from pointline.io.protocols import BronzeFileMetadata
from pointline.services.files.identity import Candidate, Move, Sorted
from pointline.services.ingest.batch import Batch, Entry, Group, Loaded
from pointline.services.ingest.departure import Departures
from pointline.settings import IngestSettings

META = BronzeFileMetadata(
    exchange="binance",
    data_type="trades",
    symbol="S",
    date=dt.date(2024, 5, 1),
    bronze_file_path="",
    file_size_bytes=10,
    last_modified_ts=0,
)


class Turns:
    """A stop event that lets so many turns pass."""

    def __init__(self, turns: int) -> None:
        self._left = turns + 1

    def is_set(self) -> bool:
        self._left -= 1
        return self._left <= 0


class Source:
    def __init__(self) -> None:
        self.metas: dict[str, BronzeFileMetadata] = {}

    def look(self, path: str) -> BronzeFileMetadata | None:
        return self.metas.get(path)


class Service:
    """Begins whatever it is given; ``deaths`` by path are suspects, and ``trouble`` is raised once."""

    def __init__(self) -> None:
        self.begun: list[list[str]] = []
        self.gone: list[str] = []
        self.deaths: dict[str, int] = {}
        self.known: set[str] = set()
        self.found = Sorted()
        self.trouble: Exception | None = None

    def begin(self, metas: Sequence[BronzeFileMetadata]) -> tuple[Batch, Sorted]:
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            raise trouble
        self.begun.append([meta.bronze_file_path for meta in metas])
        entries = tuple(
            Entry(file_id=number, candidate=Candidate(meta=meta))
            for number, meta in enumerate(metas, 1)
            if meta.bronze_file_path not in self.known
        )
        for meta in metas:
            self.deaths.pop(meta.bronze_file_path, None)
        return Batch(entries=entries, groups=(Group(table="trades", entries=entries),) if entries else ()), self.found

    def suspects(self, metas: Sequence[BronzeFileMetadata]) -> dict[str, int]:
        return {meta.bronze_file_path: self.deaths[meta.bronze_file_path] for meta in metas
                if meta.bronze_file_path in self.deaths}  # fmt: skip

    def note_gone(self, paths: Sequence[str]) -> Departures:
        self.gone += paths
        return Departures(freed={1: "freed"})


class Pool:
    def __init__(self) -> None:
        self.loads: list[Future[Loaded]] = []

    def submit(self, load, group: Group) -> Future[Loaded]:
        self.loads.append(Future())
        return self.loads[-1]


class Bench:
    def __init__(self, **settings: object) -> None:
        self.inbox = Inbox(100)
        self.flow = Flow(self.inbox.wake)
        self.source, self.service, self.pool = Source(), Service(), Pool()
        self.touched: list[tuple[int, str]] = []
        self.unread: list[str] = []
        self.now_us = 1_714_600_000_000_000
        self.intake = Intake(
            inbox=self.inbox,
            flow=self.flow,
            source=self.source,  # type: ignore[arg-type]
            service=self.service,  # type: ignore[arg-type]
            loader=type("Loader", (), {"load": None})(),
            pool=self.pool,  # type: ignore[arg-type]
            settings=IngestSettings(settle_seconds=0, **settings),  # type: ignore[arg-type]
            clock=Clock(wall=lambda: self.now_us / 1e6, steady=lambda: self.now_us / 1e6),
            require_lake=lambda: None,
            on_touched=lambda file_id, meta: self.touched.append((file_id, meta.bronze_file_path)),
            on_unread=self.unread.append,
        )

    def drop(self, *paths: str) -> None:
        for path in paths:
            self.source.metas[path] = replace(META, bronze_file_path=path)
            self.inbox.offer(path, finished=True)

    def turn(self, turns: int = 1) -> None:
        """Turns of the loop without an end: what was gathered is kept."""
        landed, self.inbox.landed = self.inbox.landed, lambda path: None  # type: ignore[method-assign]
        stopping = Turns(turns)
        real = stopping.is_set

        def is_set() -> bool:
            self.inbox.landed = landed  # type: ignore[method-assign]
            done = real()
            if done:  # the end of ``run`` lets go of what was gathered
                self.inbox.landed = lambda path: None  # type: ignore[method-assign]
            return done

        stopping.is_set = is_set  # type: ignore[method-assign]
        self.intake.run(stopping)  # type: ignore[arg-type]
        self.inbox.landed = landed  # type: ignore[method-assign]

    def land(self, *, due_us: int | None = None) -> None:
        """The oldest batch is committed."""
        running = self.flow.oldest(0)
        assert running is not None
        for load in running.loads:
            load.done() or load.set_result(Loaded(group=running.batch.groups[0]))
        self.flow.finished([(entry.meta.bronze_file_path, due_us) for entry in running.batch.entries])


@pytest.fixture
def bench(monkeypatch) -> Bench:
    monkeypatch.setattr(intake_module, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(intake_module, "IDLE_SECONDS", 0.0)
    return Bench()


def test_a_batch_begins_at_once_where_nothing_is_loaded_in_the_order_of_names(bench):
    bench.drop("b", "a")
    bench.turn()
    assert bench.service.begun == [["a", "b"]]
    assert bench.flow.in_flight == 1


def test_while_something_is_loaded_it_gathers(bench):
    bench.drop("a")
    bench.turn()
    bench.drop("b")
    bench.turn(2)
    assert bench.service.begun == [["a"]]
    bench.pool.loads[0].set_result(Loaded(group=Group(table="trades", entries=())))
    bench.turn()
    assert bench.service.begun == [["a"], ["b"]]


@pytest.mark.parametrize(
    "limits",
    [{"batch_max_files": 1}, {"batch_max_bytes": 10}, {"batch_max_seconds": 0}],
    ids=lambda one: next(iter(one)),
)
def test_a_limit_closes_the_batch(monkeypatch, limits):
    monkeypatch.setattr(intake_module, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(intake_module, "IDLE_SECONDS", 0.0)
    bench = Bench()
    object.__setattr__(bench.intake, "_settings", _with(bench.intake._settings, limits))
    bench.drop("a")
    bench.turn()
    bench.drop("b")
    bench.turn()
    assert bench.service.begun == [["a"], ["b"]]


def _with(settings: IngestSettings, limits: dict[str, int]) -> object:
    import msgspec  # noqa: PLC0415 - of the settings

    return msgspec.structs.replace(settings, **limits)


def test_no_more_than_so_many_in_flight(bench):
    for number in range(MOST_IN_FLIGHT + 1):
        bench.drop(f"{number}")
        bench.turn()
        for load in bench.pool.loads:
            load.done() or load.set_result(Loaded(group=Group(table="trades", entries=())))
    bench.turn()
    assert len(bench.service.begun) == MOST_IN_FLIGHT
    bench.land()
    bench.turn()
    assert len(bench.service.begun) == MOST_IN_FLIGHT + 1


def test_a_file_that_comes_again_waits_from_then_on(bench):
    """Guards ``_first_seen``: what is settled is forgotten, and the next version of the path counts from its own."""
    bench.drop("a")
    bench.turn()
    first = bench.flow.oldest(0)
    bench.land()
    bench.turn()
    later = time.monotonic()
    bench.drop("a")
    bench.turn()
    second = bench.flow.oldest(0)
    assert first is not None
    assert second is not None
    assert first.seen_at["a"] < later <= second.seen_at["a"]


@pytest.mark.parametrize("end", ["known", "gone"])
def test_nothing_is_remembered_of_what_does_not_enter(bench, end):
    bench.drop("a")
    if end == "known":
        bench.service.known.add("a")
    else:
        del bench.source.metas["a"]
    bench.turn()
    assert bench.intake._first_seen == {}
    assert "a" not in bench.inbox._in_flight
    assert bench.service.gone == (["a"] if end == "gone" else [])
    assert bench.unread == (["a"] if end == "gone" else []), "it may be one that is not read"
    assert bench.inbox.depth == (1 if end == "gone" else 0), "what it stood in the way of is offered"


@pytest.mark.parametrize("trouble", [StorageTrouble("no"), DiskFull("full")])
def test_trouble_at_the_beginning_is_tried_again(bench, trouble):
    bench.drop("a")
    bench.service.trouble = trouble
    bench.turn()
    assert bench.service.begun == []
    assert bench.flow.is_paused is isinstance(trouble, DiskFull)
    assert bench.flow.scheduled == 1
    bench.turn(2)
    assert bench.service.begun == [], "it is not due yet"
    bench.now_us += intake_module.GIVE_BACK_US
    bench.turn(3)
    assert bench.service.begun == [["a"]]
    assert not bench.flow.is_paused


def test_a_file_that_is_to_be_tried_again_is_not_tried_before(bench):
    bench.drop("a")
    bench.turn()
    bench.land(due_us=bench.now_us + 1000)
    bench.drop("a")
    bench.turn(3)
    assert len(bench.service.begun) == 1
    bench.now_us += 1000
    bench.turn(3)
    assert len(bench.service.begun) == 2


def test_a_scan_does_not_let_go_of_what_is_in_flight(bench):
    """A scan postpones by the ledger; a file that is being read must not be begun a second time beside that."""
    bench.drop("a")
    bench.turn()
    bench.flow.postpone("a", bench.now_us)
    bench.turn(3)
    assert "a" in bench.inbox._in_flight
    assert len(bench.service.begun) == 1
    bench.flow.postpone("b", bench.now_us + 5)
    bench.source.metas["b"] = replace(META, bronze_file_path="b")
    bench.turn(2)
    bench.now_us += 5
    bench.pool.loads[0].set_result(Loaded(group=Group(table="trades", entries=())))
    bench.turn(3)
    assert bench.service.begun == [["a"], ["b"]]


class TestSuspects:
    """What may end the process is read after all others, alone, the least suspicious first."""

    def test_alone_and_last(self, bench):
        bench.service.deaths = {"a": 3, "c": 2, "b": 2}
        bench.drop("a", "b", "c", "d")
        bench.turn(3)
        assert bench.service.begun == [["d"]]
        for done in (["b"], ["c"], ["a"]):
            bench.land()
            bench.drop(f"new {done}")
            bench.turn()
            bench.turn(2)
            assert bench.service.begun[-1] == [f"new {done}"], "others go first"
            bench.land()
            bench.turn(3)
            assert bench.service.begun[-1] == done
            bench.drop(f"beside {done}")
            bench.turn(2)
            assert bench.service.begun[-1] == done, "nothing beside it"
            bench.land()
            bench.turn(3)
            assert bench.service.begun[-1] == [f"beside {done}"]

    def test_they_do_not_wait_for_ever(self, bench, monkeypatch):
        monkeypatch.setattr(intake_module, "SUSPECT_SECONDS", 0.0)
        bench.service.deaths = {"a": 2}
        bench.drop("a", "b")
        bench.turn()
        bench.drop("c")
        bench.turn(2)
        assert bench.service.begun == [["b"]]
        bench.land()
        bench.turn()
        assert bench.service.begun == [["b"], ["a"]]


def test_what_a_batch_came_upon_is_passed_on(bench):
    """What was touched is noted under its file, and who may be read again comes at once."""
    bench.service.found = Sorted(
        touched=[(7, replace(META, bronze_file_path="t"))],
        moved=[Move(file_id=3, before="old", meta=replace(META, bronze_file_path="new"))],
        reopened=("r",),
    )
    bench.drop("a")
    with capture_logs() as lines:
        bench.turn()
    assert bench.touched == [(7, "t")]
    assert bench.inbox.depth == 1
    assert take(bench) == [("r", True)]
    [moved] = [line for line in lines if line["event"] == "file.moved"]
    assert (moved["file_id"], moved["path"], moved["before"]) == (3, "new", "old")


def take(bench: Bench) -> list[tuple[str, bool]]:
    return [(path, finished) for path, finished, _ in bench.inbox.take(10, 0)]


@pytest.mark.parametrize("by", ["a scan", "an event"])
def test_who_found_a_file_is_told(bench, by):
    bench.source.metas["a"] = replace(META, bronze_file_path="a")
    if by == "a scan":
        assert bench.inbox.put("a", finished=True, give_up=lambda: False)
    else:
        bench.inbox.offer("a", finished=True)
    bench.turn()
    running = bench.flow.oldest(0)
    assert running is not None
    assert [entry.meta.found_by for entry in running.batch.entries] == [by]


def test_at_the_end_what_was_gathered_is_let_go(bench):
    bench.drop("a")
    bench.turn()
    bench.drop("b")
    bench.turn()
    assert "b" in bench.inbox._in_flight
    bench.intake.run(Turns(0))
    assert "b" not in bench.inbox._in_flight
    assert "a" in bench.inbox._in_flight, "its batch ends with the committer"
