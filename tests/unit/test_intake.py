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
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.files.identity.candidate import Candidate, Move, Sorted
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
        self.absence = self
        """One object is enough for both."""

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
        self.required: list[int] = []
        self.now_us = 1_714_600_000_000_000
        self.intake = Intake(
            inbox=self.inbox,
            flow=self.flow,
            source=self.source,  # type: ignore[arg-type]
            service=self.service,  # type: ignore[arg-type]
            loader=type("Loader", (), {"load": None})(),
            pool=self.pool,  # type: ignore[arg-type]
            settings=IngestSettings(**{"settle_seconds": 0, **settings}),  # type: ignore[arg-type]
            clock=Clock(wall=lambda: self.now_us / 1e6, steady=lambda: self.now_us / 1e6),
            require_lake=lambda: self.required.append(len(self.service.begun)),
            on_touched=lambda file_id, meta: self.touched.append((file_id, meta.bronze_file_path)),
            on_unread=self.unread.append,
        )

    def drop(self, *paths: str, finished: bool = True, **facts: object) -> None:
        for path in paths:
            self.source.metas[path] = replace(META, bronze_file_path=path, **facts)  # type: ignore[arg-type]
            self.inbox.offer(path, finished=finished)

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


def test_what_comes_at_once_is_cut_into_batches_of_bytes_small_files_first(bench):
    """The oldest file is in each, so that a large one is not passed over for ever."""
    object.__setattr__(bench.intake, "_settings", _with(bench.intake._settings, {"batch_max_bytes": 100}))
    bench.drop("large 1", "large 2", "large 3", file_size_bytes=90)
    bench.drop("huge", file_size_bytes=500)
    bench.drop("small", file_size_bytes=5)
    for _ in range(4):
        bench.turn()
        for load in bench.pool.loads:
            load.done() or load.set_result(Loaded(group=Group(table="trades", entries=())))
        bench.land()
    assert bench.service.begun == [["large 1", "small"], ["large 2"], ["large 3"], ["huge"]]


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


@pytest.mark.parametrize("how", ["trouble", "an outcome"])
def test_what_comes_again_is_never_nowhere(bench, how):
    """Guards Intake._end_round: `run --once` ends where nothing is on its way and nothing waits."""
    seen = []
    landed = bench.inbox.landed
    bench.inbox.landed = lambda path: (seen.append((path, bench.flow.waiting)), landed(path))  # type: ignore[method-assign]
    bench.drop("a")
    bench.service.trouble = StorageTrouble("no") if how == "trouble" else None
    bench.turn()
    if how == "an outcome":
        bench.land(due_us=bench.now_us + 1_000_000)
        bench.turn()
    assert seen == [("a", 1)]


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
    assert take(bench) == [("r", False)]
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


class Steady:
    """The monotonic clock, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(intake_module.time, "monotonic", lambda: self.now)


@pytest.fixture
def steady(monkeypatch) -> Steady:
    return Steady(monkeypatch)


def end_loads(bench: Bench) -> None:
    for load in bench.pool.loads:
        load.done() or load.set_result(Loaded(group=Group(table="trades", entries=())))


class TestPatience:
    """For a hint it waits as long as nothing else is due, and takes no more of them than a batch may have."""

    @pytest.fixture
    def taken(self, bench, monkeypatch) -> list[tuple[int, float]]:
        monkeypatch.setattr(intake_module, "IDLE_SECONDS", 5.0)
        monkeypatch.setattr(intake_module, "GATHER_SECONDS", 0.05)
        taken, take = [], bench.inbox.take

        def taking(most, seconds):
            taken.append((most, seconds))
            return take(most, 0)

        monkeypatch.setattr(bench.inbox, "take", taking)
        return taken

    def test_idle(self, bench, taken):
        bench.turn()
        assert taken == [(bench.intake._settings.batch_max_files, 5.0)]

    def test_gathering(self, bench, taken):
        bench.drop("a")
        bench.turn()
        bench.drop("b")
        bench.turn(2)
        most = bench.intake._settings.batch_max_files
        assert taken == [(most, 5.0), (most, 5.0), (most - 1, 0.05)]

    @pytest.mark.parametrize(("due_in_us", "seconds"), [(2_000_000, 2.0), (99_000_000, 5.0), (0, 0.001), (-9, 0.001)])
    def test_a_file_that_is_due(self, bench, taken, due_in_us, seconds):
        bench.intake._room.retry_at("a", bench.now_us + due_in_us)
        bench.turn()
        assert taken == [(bench.intake._settings.batch_max_files, pytest.approx(seconds))]

    def test_suspects_wait_for_what_is_in_flight(self, bench, taken):
        bench.service.deaths = {"a": 2}
        bench.drop("a", "b")
        bench.turn(2)
        assert taken[-1][1] == 5.0
        bench.land()
        bench.intake._flow.take_landed()
        bench.turn()
        assert taken[-1][1] == 0.05

    def test_a_full_batch_takes_no_more(self, bench, taken):
        object.__setattr__(bench.intake, "_settings", _with(bench.intake._settings, {"batch_max_files": 2}))
        for path in "abcdefgh":
            bench.drop(path)
        bench.turn(6)
        assert [most for most, _ in taken][:5] == [2, 2, 2, 2, 0]


class TestFinished:
    """What is still being written waits for the settle time; what cannot be read at all need not."""

    def bench(self, monkeypatch) -> Bench:
        monkeypatch.setattr(intake_module, "GATHER_SECONDS", 0.0)
        monkeypatch.setattr(intake_module, "IDLE_SECONDS", 0.0)
        return Bench(settle_seconds=10)

    @pytest.mark.parametrize("age_seconds", [0, 3, 9])
    def test_a_young_one_waits_for_the_rest(self, monkeypatch, age_seconds):
        bench = self.bench(monkeypatch)
        bench.drop("a", finished=False, last_modified_ts=bench.now_us - age_seconds * 1_000_000)
        bench.turn(2)
        assert (bench.service.begun, bench.flow.unfinished, "a" in bench.inbox._in_flight) == ([], 1, False)
        bench.now_us += (10 - age_seconds) * 1_000_000 - 1_000
        bench.turn(2)
        assert bench.service.begun == []
        bench.now_us += 1_000
        bench.turn(2)
        assert bench.service.begun == [["a"]]
        assert bench.flow.unfinished == 0

    @pytest.mark.parametrize("facts", [{"finished": True}, {"problem": "it is a link"}, {"last_modified_ts": 0}])
    def test_others_do_not(self, monkeypatch, facts):
        bench = self.bench(monkeypatch)
        bench.drop("a", **{"finished": False, "last_modified_ts": bench.now_us, **facts})
        bench.turn()
        assert bench.service.begun == [["a"]]

    def test_a_time_of_the_future_says_nothing(self, monkeypatch):
        bench = self.bench(monkeypatch)
        bench.drop("a", finished=False, last_modified_ts=bench.now_us + 99_000_000)
        bench.turn()
        bench.now_us += 9_999_000
        bench.turn(2)
        assert bench.service.begun == []
        bench.now_us += 1_000
        bench.turn(2)
        assert bench.service.begun == [["a"]]

    def test_onlookers_see_it_before_the_turn_ends(self, monkeypatch):
        """A turn may begin a batch, which takes its time."""
        bench = self.bench(monkeypatch)
        seen = []
        real = bench.service.begin
        bench.service.begin = lambda metas: seen.append(bench.flow.unfinished) or real(metas)  # type: ignore[method-assign]
        bench.drop("a", finished=False, last_modified_ts=bench.now_us)
        bench.drop("b")
        bench.turn()
        assert seen == [1]


def test_since_when_a_file_waits(bench, steady):
    """From the hint on, or from the last write on where that was later: how long it took is told by that."""
    bench.drop("old", last_modified_ts=bench.now_us - 50_000_000)
    bench.inbox._seen_at["old"] = 990.0
    bench.drop("new", last_modified_ts=bench.now_us - 4_000_000)
    bench.inbox._seen_at["new"] = 990.0
    bench.drop("odd", last_modified_ts=bench.now_us + 99_000_000)
    bench.inbox._seen_at["odd"] = 990.0
    bench.turn()
    running = bench.flow.oldest(0)
    assert running is not None
    assert running.seen_at == {"old": 990.0, "new": 996.0, "odd": 990.0}


@pytest.mark.parametrize(("later", "is_begun"), [(0.0, False), (4.9, False), (5.0, True)])
def test_a_batch_is_not_gathered_for_ever(bench, steady, later, is_begun):
    """Counted from the first of its files."""
    object.__setattr__(bench.intake, "_settings", _with(bench.intake._settings, {"batch_max_seconds": 5}))
    bench.drop("a")
    bench.turn()
    steady.now += 100
    bench.drop("b")
    bench.turn()
    steady.now += later
    bench.drop("c")
    bench.turn()
    assert bench.service.begun == ([["a"], ["b", "c"]] if is_begun else [["a"]])


@pytest.mark.parametrize(("size", "begun"), [(9, []), (10, [["b", "c"]]), (11, [["b"]])])
def test_a_batch_has_a_size(bench, size, begun):
    object.__setattr__(bench.intake, "_settings", _with(bench.intake._settings, {"batch_max_bytes": 30}))
    bench.drop("a", file_size_bytes=1000)
    bench.turn()
    for path, bytes_ in (("b", 20), ("c", size)):
        bench.drop(path, file_size_bytes=bytes_)
        bench.turn()
    assert bench.service.begun == [["a"], *begun]


def test_on_a_full_disk_the_committer_finds_out_first(bench):
    bench.drop("a")
    bench.turn()
    end_loads(bench)
    bench.flow.pause("commit")
    bench.drop("b")
    bench.turn(3)
    assert bench.service.begun == [["a"]]
    bench.land()
    bench.turn(2)
    assert bench.service.begun == [["a"], ["b"]], "with nothing in flight it is tried here"


def test_the_lake_is_asked_for_before_anything_is_begun(bench):
    bench.drop("a")
    bench.turn(2)
    assert bench.required == [0, 1]


@pytest.mark.parametrize("trouble", [StorageTrouble("no"), DiskFull("full")])
def test_trouble_is_said_where_it_begins_and_where_it_ends(bench, trouble):
    with capture_logs() as lines:
        for _ in range(3):
            bench.drop("a")
            bench.service.trouble = trouble
            bench.turn()
            bench.now_us += intake_module.GIVE_BACK_US
        bench.turn(3)
    said = [(line["event"], line["log_level"]) for line in lines]
    begins = ("ingest.paused", "error") if isinstance(trouble, DiskFull) else ("ingest.retried", "warning")
    assert said == [begins, ("ingest.resumed", "info")]
    assert {line["step"] for line in lines} == {"begin"}
    assert (bench.flow.failing, bench.flow.is_paused) == ({}, False)


def test_what_left_bronze_is_said_and_lets_others_in(bench):
    bench.service.absence.note_gone = lambda paths: Departures(gone={7: paths[0]}, freed={1: "freed"})  # type: ignore[method-assign]
    bench.inbox.offer("a", finished=True)
    with capture_logs() as lines:
        bench.turn()
    assert [(line["event"], line["path"]) for line in lines] == [("file.gone", "a"), ("file.reopened", "freed")]
    assert take(bench) == [("freed", False)]


def test_trouble_with_what_is_gone_is_left_to_the_next_scan(bench):
    def trouble(_paths):
        raise StorageTrouble("no")

    bench.service.absence.note_gone = trouble  # type: ignore[method-assign]
    bench.inbox.offer("a", finished=True)
    bench.turn()
    assert (bench.flow.failing, bench.inbox.depth) == ({"begin": "no"}, 0)


def test_what_a_rename_left_behind_is_looked_for(bench):
    bench.service.found = Sorted(left_behind=("old",))
    bench.drop("a")
    bench.turn()
    assert bench.service.gone == ["old"]


def test_suspects_wait_for_their_turn_from_the_first_on(bench, steady):
    """Others go first for so long, however many more suspects come meanwhile."""
    bench.service.deaths = {"a": 2, "b": 2}
    bench.drop("a", "x1")
    bench.turn()
    steady.now += 20.0
    bench.drop("b", "x2")
    end_loads(bench)
    bench.turn()
    assert bench.service.begun == [["x1"], ["x2"]]
    end_loads(bench)
    steady.now += intake_module.SUSPECT_SECONDS - 20.0 - 0.1
    bench.drop("x3")
    bench.turn()
    assert bench.service.begun[2:] == [["x3"]]
    end_loads(bench)
    steady.now += 0.1
    bench.drop("x4")
    for _ in range(3):
        bench.turn()
        assert bench.service.begun[3:] == [], "what is in flight ends first"
        bench.land()
    with capture_logs() as lines:
        bench.turn()
    assert bench.service.begun[3:] == [["a"]]
    [said] = [line for line in lines if line["event"] == "file.suspect"]
    assert (said["path"], said["process_ended"], said["log_level"]) == ("a", 2, "warning")
    bench.turn(2)
    assert bench.service.begun[4:] == [], "nothing beside it"
    bench.land()
    bench.turn()
    assert bench.service.begun[4:] == [["x4"]], "the next suspect waits anew"
