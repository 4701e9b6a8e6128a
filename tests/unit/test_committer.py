"""``Committer``: a batch is repeated where that is safe, said once, and left in good order where it must end."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from msgspec.structs import replace
from pointline_daemon.condition.account import BatchDone
from pointline_daemon.process import committer as committer_module
from pointline_daemon.process.committer import TRIES, Committer
from pointline_daemon.process.flow import Flow, RunningBatch
from structlog.testing import capture_logs

from pointline.errors import DiskFull, LakeDamaged, NoAccess, PartsLost, StorageTrouble
from pointline.io.protocols import Outcome, Part
from pointline.services.files.identity import Candidate
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
    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, load, group):
        self.submitted += 1
        return done(Loaded(group=group))


def done(result: Loaded | Exception) -> Future[Loaded]:
    future: Future[Loaded] = Future()
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
    return future


class Bench:
    def __init__(self, service: Service, first: Loaded | Exception | None = None, *, attempts: int = 1) -> None:
        self.flow = Flow(lambda: None)
        self.service, self.pool = service, Pool()
        self.reported: list[BatchDone] = []
        self.committer = Committer(
            flow=self.flow,
            service=service,  # type: ignore[arg-type]
            loader=type("Loader", (), {"load": None})(),
            pool=self.pool,  # type: ignore[arg-type]
            on_committed=lambda _committed, batch: self.reported.append(batch),
            attempts_of=lambda ids: dict.fromkeys(ids, attempts),
            steps_read=lambda: 0,
            clock=lambda: 1_000,
            require_lake=lambda: None,
            waits_for_access=True,
        )
        batch = Batch(entries=(ENTRY,), groups=(GROUP,))
        load = done(Loaded(group=GROUP, parts=[PART]) if first is None else first)
        self.flow.began(RunningBatch(batch=batch, loads=[load], seen_at={"a": 0.0}))

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
    assert sign.waits == [committer_module.PAUSE_SECONDS] * 3 * TRIES
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
    found = [(file_id, timing.parse_ms, timing.write_ms) for file_id, timing in committer_module._shares(loaded)]
    assert found == shares
