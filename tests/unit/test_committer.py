"""``Committer``: a batch is repeated where that is safe, said once, and left in good order where it must end."""

from __future__ import annotations

from concurrent.futures import Future

import polars as pl
import pytest
from msgspec.structs import replace
from pointline_daemon.condition.account import BatchDone
from pointline_daemon.process.committing import committer as committer_module
from pointline_daemon.process.committing import report
from pointline_daemon.process.committing.committer import Committer
from pointline_daemon.process.committing.repeating import PAUSE_SECONDS, TRIES
from pointline_daemon.process.committing.report import _shares
from pointline_daemon.process.flow import Flow, RunningBatch
from structlog.testing import capture_logs

from pointline.errors import DiskFull, LakeDamaged, NoAccess, PartsLost, StorageTrouble
from pointline.io.protocols.file_version import Outcome
from pointline.io.protocols.tables import Part
from pointline.services.files.identity.candidate import Candidate
from pointline.services.ingest.batch import Batch, Entry, Group, Loaded, LoadedPart, Timing
from pointline.services.ingest.effects import Committed
from pointline.tables.ingest_manifest import Status
from tests.unit.test_verdict import META

ENTRY = Entry(file_id=1, candidate=Candidate(meta=META))
GROUP = Group(table="trades", entries=(ENTRY,))
PART = LoadedPart(table="trades", part=Part(path="part", partition={}, size_bytes=1, rows=1), file_ids=frozenset({1}))


class Sign:
    """A stop sign; ``after`` so many waits it is set."""

    def __init__(self, after: int = 1000) -> None:
        self._left = after
        self.waits: list[float] = []

    def is_set(self) -> bool:
        return self._left <= 0

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self._left -= 1
        return self.is_set()

    def turn(self) -> None:
        pass


class Service:
    """Fails as it is told, one error after the other, then commits."""

    def __init__(self, *errors: Exception, status: Status = Status.SUCCESS) -> None:
        self.errors = list(errors)
        self.status = status
        self.commits: list[list[Loaded]] = []
        self.left: list[Batch] = []
        self.discarded: list[LoadedPart] = []

    def commit(self, batch: Batch, loaded: list[Loaded]) -> Committed:
        self.commits.append(list(loaded))
        if self.errors:
            raise self.errors.pop(0)
        outcomes = [Outcome(file_id=1, status=self.status), Outcome.superseded(9, by=1)]
        return Committed(number=7, outcomes=outcomes)

    def discard(self, loaded: list[Loaded]) -> None:
        self.discarded += [part for group in loaded for part in group.parts]

    def leave(self, batch: Batch) -> None:
        self.left.append(batch)
        raise StorageTrouble("still no room")


class Pool:
    """Loads a group again, with the error that it is told."""

    def __init__(self) -> None:
        self.submitted = 0
        self.error: Exception | None = None

    def submit(self, load, group):
        self.submitted += 1
        return done(self.error or Loaded(group=group))


def done(result: Loaded | Exception) -> Future[Loaded]:
    future: Future[Loaded] = Future()
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
    return future


class Bench:
    def __init__(
        self,
        service: Service,
        first: Loaded | Exception | None = None,
        *,
        attempts: int = 1,
        waits_for_access: bool = True,
    ) -> None:
        self.flow = Flow(lambda: None)
        self.service, self.pool = service, Pool()
        self.reported: list[BatchDone] = []
        self.required: list[int] = []
        self.committer = Committer(
            flow=self.flow,
            service=service,  # type: ignore[arg-type]
            loader=type("Loader", (), {"load": None})(),
            pool=self.pool,  # type: ignore[arg-type]
            on_committed=self.note,
            attempts_of=lambda ids: dict.fromkeys(ids, attempts),
            steps_read=lambda: 0,
            clock=lambda: 1_000,
            require_lake=lambda: self.required.append(len(service.commits)),
            waits_for_access=waits_for_access,
        )
        batch = Batch(entries=(ENTRY,), groups=(GROUP,))
        load = done(Loaded(group=GROUP, parts=[PART]) if first is None else first)
        self.flow.began(RunningBatch(batch=batch, loads=[load], seen_at={"a": 0.0}))

    def note(self, _committed: Committed, batch: BatchDone) -> None:
        assert self.flow.in_flight, "what it reopened is on its way before the batch counts as finished"
        self.reported.append(batch)

    def begin(self, *loaded: Loaded) -> None:
        """Begin another batch, of these groups."""
        batch = Batch(entries=(ENTRY,), groups=tuple(one.group for one in loaded))
        self.flow.began(RunningBatch(batch=batch, loads=[done(one) for one in loaded], seen_at={"a": 0.0}))

    def run(self, sign: Sign | None = None) -> Sign:
        sign = sign or Sign()
        sign_after = sign._left
        self.flow.wake()
        original = self.flow.finished

        def finished(landed):
            original(landed)
            sign._left = 0  # that was the last batch

        self.flow.finished = finished  # type: ignore[method-assign]
        assert sign_after > 0
        self.committer.run(sign)  # type: ignore[arg-type]
        return sign


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(committer_module, "IDLE_SECONDS", 0.0)


def test_what_is_committed_lands_and_is_told():
    bench = Bench(Service())
    bench.run()
    assert bench.flow.take_landed() == [("a", None)]
    (batch,) = bench.reported
    assert (batch.number, [one.outcome.file_id for one in batch.files]) == (7, [1]), "not what gave way"
    assert bench.flow.is_idle


def test_what_waits_comes_back_at_its_time():
    bench = Bench(Service(status=Status.PENDING), attempts=3)
    bench.run()
    ((path, due),) = bench.flow.take_landed()
    assert path == "a"
    assert due is not None
    assert 3_000_000 <= due - 1_000 <= 5_000_000


@pytest.mark.parametrize("failures", [1, TRIES - 1])
def test_passing_trouble_is_tried_again_with_the_same_batch(failures):
    bench = Bench(Service(*[StorageTrouble("no")] * failures))
    sign = bench.run()
    assert len(bench.service.commits) == failures + 1
    assert len(sign.waits) == failures
    assert bench.flow.retries == {"commit": failures}
    assert bench.required == [*range(failures + 1)], "the lake that it is committed to is still the one that was opened"
    assert bench.flow.failing == {}
    assert bench.pool.submitted == 0


def test_trouble_that_does_not_pass_ends_the_thread():
    bench = Bench(Service(*[StorageTrouble("no")] * TRIES))
    with pytest.raises(StorageTrouble):
        bench.run()
    assert len(bench.service.commits) == TRIES
    assert bench.flow.in_flight == 1


def test_damage_is_not_tried_again():
    bench = Bench(Service(LakeDamaged("broken")))
    with pytest.raises(LakeDamaged):
        bench.run()
    assert len(bench.service.commits) == 1


def test_a_full_disk_is_waited_for_as_long_as_it_takes():
    bench = Bench(Service(*[DiskFull("full")] * (3 * TRIES)))
    sign = bench.run()
    assert len(bench.service.commits) == 3 * TRIES + 1
    assert sign.waits == [PAUSE_SECONDS] * 3 * TRIES
    assert not bench.flow.is_paused


def test_told_to_stop_on_a_full_disk_it_leaves_in_good_order():
    bench = Bench(Service(*[DiskFull("full")] * 10))
    bench.run(Sign(after=2))
    assert len(bench.service.commits) == 2
    assert [batch.entries for batch in bench.service.left] == [(ENTRY,)], "the ledger is told, where there is room"
    assert bench.flow.in_flight == 0


def test_groups_whose_data_files_are_gone_are_loaded_again():
    bench = Bench(Service(PartsLost("gone", paths=frozenset({"part"}))))
    bench.run()
    before, after = bench.service.commits
    assert (before[0].parts, after[0].parts) == ([PART], [])
    assert bench.service.discarded == [PART], "what is left of them is written again"
    assert bench.pool.submitted == 1


def test_groups_whose_data_files_are_there_are_not():
    bench = Bench(Service(PartsLost("gone", paths=frozenset({"another"}))))
    bench.run()
    assert bench.pool.submitted == 0
    assert len(bench.service.commits) == 2


def test_a_table_that_cannot_be_written_holds_up_its_own_files_and_keeps_nothing_of_them():
    """They are read again whenever they are tried: for a week of that the disk would be filled with their rows."""
    bench = Bench(Service(NoAccess("shut", subject="trades")))
    bench.run()
    assert [(group.parts, list(group.delays)) for group in bench.service.commits[1]] == [([], [1])]
    assert bench.service.discarded == [PART]


@pytest.mark.parametrize("error", [StorageTrouble("no"), DiskFull("full")])
def test_what_could_not_be_loaded_is_loaded_again(error):
    bench = Bench(Service(), first=error)
    bench.run()
    assert bench.pool.submitted == 1
    assert len(bench.service.commits) == 1


LEVELS = {
    Status.SUCCESS: ("file.committed", "info"),
    Status.DUPLICATE: ("file.duplicate", "info"),
    Status.QUARANTINED: ("file.quarantined", "warning"),
    Status.FAILED: ("file.failed", "warning"),
    Status.PENDING: ("file.waiting", "warning"),
}


@pytest.mark.parametrize("attempts", [0, 1, 2])
@pytest.mark.parametrize("status", LEVELS)
def test_one_line_per_file(status, attempts):
    """What waits is said when it begins; how it ends is always said."""
    bench = Bench(Service(status=status), attempts=attempts)
    with capture_logs() as lines:
        bench.run()
    said = [(line["event"], line["log_level"], line["path"], line["attempts"]) for line in lines if "path" in line]
    is_silent = status is Status.PENDING and attempts > 1
    assert said == ([] if is_silent else [(*LEVELS[status], "a", attempts)])
    ((_, due),) = bench.flow.take_landed()
    assert (due is not None) is (status is Status.PENDING)


@pytest.mark.parametrize(
    ("sizes", "shares"),
    [((100, 300), [(1, 10.0, 20.0), (2, 30.0, 60.0)]), ((0, 0), [(1, 20.0, 40.0), (2, 20.0, 40.0)])],
)
def test_each_file_has_its_share_of_the_time(sizes, shares):
    entries = tuple(
        replace(
            ENTRY, file_id=number, candidate=replace(ENTRY.candidate, meta=replace(ENTRY.meta, file_size_bytes=size))
        )
        for number, size in enumerate(sizes, 1)
    )
    loaded = Loaded(group=replace(GROUP, entries=entries), timing=Timing(parse_ms=40.0, write_ms=80.0))
    found = [(file_id, timing.parse_ms, timing.write_ms) for file_id, timing in _shares(loaded)]
    assert found == shares


def said_in(lines) -> list[tuple[str, str]]:
    return [(line["event"], line["log_level"]) for line in lines if "path" not in line and line["log_level"] != "debug"]


PLACE = "trades binance/2024-05-01"


class TestHeldUp:
    """What cannot be written holds up its own files, is said once, and once more when that has passed."""

    @pytest.mark.parametrize(("error", "tries"), [(NoAccess("shut"), 1), (StorageTrouble("no"), TRIES)])
    def test_a_partition(self, error, tries):
        bench = Bench(Service(), first=error)
        bench.pool.error = error
        with capture_logs() as lines:
            bench.run()
        ((group,),) = bench.service.commits
        assert (group.parts, group.delays) == ([], {1: error})
        assert bench.pool.submitted == tries - 1
        assert bench.flow.partitions_held_up == {PLACE: str(error)}
        [held_up] = [line for line in lines if line["event"] == "partition.held_up"]
        assert (held_up["log_level"], held_up["partition"], held_up["files"]) == ("error", PLACE, 1)
        bench.begin(Loaded(group=GROUP))
        bench.run()
        assert bench.flow.partitions_held_up != {}, "nothing was written to it"
        bench.begin(Loaded(group=GROUP, parts=[PART]))
        with capture_logs() as lines:
            bench.run()
        assert bench.flow.partitions_held_up == {}
        assert [line["partition"] for line in lines if line["event"] == "partition.released"] == [PLACE]

    def test_a_partition_is_said_to_be_held_up_once(self):
        bench = Bench(Service(), first=NoAccess("shut"))
        with capture_logs() as lines:
            bench.run()
            for _ in range(2):
                bench.begin(Loaded(group=GROUP))
                bench.flow.oldest(0).loads[0] = done(NoAccess("shut"))
                bench.run()
        assert [line["event"] for line in lines].count("partition.held_up") == 1

    def test_a_table(self):
        """Its groups alone, and only those that are not put off already."""
        other = Loaded(group=replace(GROUP, table="quotes"), parts=[PART])
        late = Loaded(group=GROUP, delays={1: StorageTrouble("no")})
        shut = NoAccess("shut", subject="trades")
        bench = Bench(Service(shut))
        bench.flow._batches.clear()
        bench.begin(Loaded(group=GROUP, parts=[PART]), other, late)
        with capture_logs() as lines:
            bench.run()
        _, second = bench.service.commits
        assert [one.delays for one in second] == [{1: shut}, {}, late.delays]
        assert second[1].parts == [PART]
        assert bench.flow.partitions_held_up == {"trades": "shut"}
        assert said_in(lines) == [("partition.held_up", "error")]
        bench.begin(Loaded(group=GROUP, parts=[PART]))
        with capture_logs() as lines:
            bench.run()
        assert (said_in(lines), bench.flow.partitions_held_up) == ([("partition.released", "info")], {})

    @pytest.mark.parametrize("waits", [True, False])
    def test_the_ledger(self, waits):
        """A daemon waits until somebody opens it; `run --once` ends."""
        bench = Bench(Service(*[NoAccess("shut", subject="ingest_manifest")] * 3), waits_for_access=waits)
        if waits:
            sign = bench.run()
            assert (len(bench.service.commits), sign.waits) == (4, [PAUSE_SECONDS] * 3)
        else:
            with pytest.raises(NoAccess):
                bench.run()

    @pytest.mark.parametrize(
        ("waits", "error", "comes_back"),
        [
            (True, NoAccess("shut"), True),
            (False, NoAccess("shut"), False),
            (False, StorageTrouble("no"), True),
        ],
    )
    def test_who_comes_back(self, waits, error, comes_back):
        """Where nobody waits for access, a file that may not be read is not looked at again and again."""
        late = Loaded(group=GROUP, delays={1: error})
        bench = Bench(Service(status=Status.PENDING), first=late, waits_for_access=waits)
        bench.run()
        [(path, due)] = bench.flow.take_landed()
        assert (path, due is not None) == ("a", comes_back)


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([], []),
        ([StorageTrouble("no")] * 3, [("ingest.retried", "warning"), ("ingest.resumed", "info")]),
        ([DiskFull("full")] * 3, [("ingest.paused", "error"), ("ingest.resumed", "info")]),
    ],
)
@pytest.mark.parametrize("step", ["commit", "load"])
def test_trouble_is_said_where_it_begins_and_where_it_ends(errors, said, step):
    bench = Bench(Service(*errors) if step == "commit" else Service(), errors[0] if errors and step == "load" else None)
    with capture_logs() as lines:
        bench.run()
    assert said_in(lines) == said
    told = [line for line in lines if line["event"].startswith("ingest.")]
    assert all(line["step"] == step for line in told)
    assert [line["error"] for line in told if "error" in line] == [str(error) for error in errors[:1]]


def test_the_waits_grow_up_to_a_limit():
    sign = Bench(Service(*[StorageTrouble("no")] * (TRIES - 1))).run()
    assert len(sign.waits) == TRIES - 1
    for number, wait in enumerate(sign.waits):
        assert 0.1 * 2**number <= wait <= 0.1 * 2**number + 0.1


def test_groups_that_have_all_their_data_files_are_not_loaded_again():
    other = LoadedPart(table="quotes", part=replace(PART.part, path="other"), file_ids=frozenset({2}))
    bench = Bench(Service(PartsLost("gone", paths=frozenset({"part", "elsewhere"}))))
    bench.flow._batches.clear()
    bench.begin(
        Loaded(group=GROUP, parts=[PART, other]), Loaded(group=replace(GROUP, table="quotes"), parts=[other, other])
    )
    bench.run()
    assert [[part.part.path for part in one.parts] for one in bench.service.commits[1]] == [[], ["other", "other"]]
    assert bench.pool.submitted == 1


def test_what_is_said_of_a_file(monkeypatch):
    """A line is all that an operator has of a file."""
    at = {"now": 20.0}
    monkeypatch.setattr(report.time, "monotonic", lambda: at["now"])
    aside = pl.DataFrame(
        [(1, "trades", "ragged"), (1, "trades", "ragged"), (1, "trades", "price"), (2, "trades", "ragged")],
        schema=["file_id", "data_type", "rule"],
        orient="row",
    )
    timing = Timing(parse_ms=40.16, write_ms=80.06)
    entry = replace(ENTRY, candidate=replace(ENTRY.candidate, replaces=(3, 4)))
    outcome = Outcome(
        file_id=1,
        status=Status.SUCCESS,
        rows_read=10,
        rows_written=7,
        rows_quarantined=3,
        warnings={"unknown_column:fee": 1},
        error="3 rows are bad",
    )
    bench = Bench(Service())

    def commit(_batch: Batch, _loaded: list[Loaded]) -> Committed:
        at["now"] += 0.12348
        return Committed(number=7, outcomes=[outcome])

    bench.service.commit = commit  # type: ignore[method-assign]
    bench.flow._batches.clear()
    group = Group(table="trades", entries=(entry,))
    load = done(Loaded(group=group, set_aside=[aside, aside], timing=timing))
    batch = Batch(entries=(entry,), groups=(group,))
    bench.flow.began(RunningBatch(batch=batch, loads=[load], seen_at={"a": 12.0}, begun_at=15.00016))
    with capture_logs() as lines:
        bench.run()
    [line] = [line for line in lines if line["event"] == "file.committed"]
    assert line == {
        "event": "file.committed",
        "log_level": "info",
        "file_id": 1,
        "path": "a",
        "table": "trades",
        "exchange": "binance",
        "symbol": "S",
        "date": "2024-05-01",
        "status": "success",
        "bytes": 1,
        "rows_read": 10,
        "rows_written": 7,
        "rows_quarantined": 3,
        "warnings": {"unknown_column:fee": 1},
        "error": "3 rows are bad",
        "replaces": [3, 4],
        "attempts": 1,
        "batch": 7,
        "waited_ms": 3000.2,
        "parse_ms": 40.2,
        "write_ms": 80.1,
        "commit_ms": 123.5,
    }
    [reported] = bench.reported
    assert reported.set_aside == {("trades", "ragged"): 4, ("trades", "price"): 2}
    [file] = reported.files
    assert (file.seconds, file.attempts) == (pytest.approx(8.12348), 1)
    [told] = [line for line in lines if line["event"] == "batch.committed"]
    assert (told["batch"], told["files"], told["log_level"]) == (7, 1, "debug")


def test_nothing_is_said_of_what_is_not_known():
    """Of a file that was refused before it was read, for one."""
    bench = Bench(Service())
    bench.flow._batches.clear()
    bench.begin()
    bench.committer._attempts_of = lambda _ids: {}
    with capture_logs() as lines:
        bench.run()
    [line] = [line for line in lines if line["event"] == "file.committed"]
    assert not {"warnings", "error", "replaces"} & line.keys()
    assert (line["parse_ms"], line["write_ms"], bench.reported[0].files[0].timing) == (None, None, None)
    assert line["attempts"] == 0
    assert bench.reported[0].set_aside == {}


def test_while_workers_read_it_is_seen_to_turn(monkeypatch):
    """The watchdog of a service manager goes by that: workers that hang shall not look alive."""
    load: Future[Loaded] = Future()
    read = iter([0, 0, 0, 0, 6, 6, 6])
    bench = Bench(Service())
    bench.flow.oldest(0).loads[0] = load
    bench.committer._steps_read = lambda: next(read, 6)
    sign, turns, waits = Sign(), [], []
    sign.turn = lambda: turns.append(len(waits))  # type: ignore[method-assign]

    def wait(futures, seconds):
        waits.append(seconds)
        if len(waits) == 6:
            load.set_result(Loaded(group=GROUP, parts=[PART]))

    monkeypatch.setattr(committer_module, "wait", wait)
    bench.run(sign)
    assert turns == [0, 3]
    assert waits == [committer_module.LOOK_SECONDS] * 6


def test_told_to_stop_it_ends_when_nothing_is_in_flight():
    bench = Bench(Service())
    bench.begin(Loaded(group=GROUP))
    bench.committer.run(Sign(after=0))  # type: ignore[arg-type]
    assert (len(bench.service.commits), bench.flow.in_flight) == (2, 0)


def test_it_waits_for_batches_until_it_is_told_to_stop(monkeypatch):
    monkeypatch.setattr(committer_module, "IDLE_SECONDS", 5.0)
    bench, sign = Bench(Service()), Sign()
    bench.flow._batches.clear()
    waits = []

    def oldest(seconds):
        waits.append(seconds)
        sign._left = 1000 if len(waits) < 3 else 0

    bench.flow.oldest = oldest  # type: ignore[method-assign]
    bench.committer.run(sign)  # type: ignore[arg-type]
    assert waits == [5.0, 5.0, 5.0, 0.0], "the last look does not wait"
