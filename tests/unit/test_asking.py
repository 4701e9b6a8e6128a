"""Whoever asks the daemon gets its answer, notices its death, and does not wait for ever: over a clock of its own."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from pointline_daemon.opening import requests
from pointline_daemon.opening.requests import FOLDER_SECONDS, LIFE_SECONDS, LOOK_SECONDS, Retry, _ask, do_or_ask

from pointline.config import LakePaths
from pointline.errors import LakeInUse, NotTheOwner, PointlineError
from pointline.io.lock import LakeLock

REQUEST = Retry(file_ids=(1, 2))
PATIENCE = 20 * LIFE_SECONDS


class Clock:
    """Time passes while one sleeps; what is planned happens then."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.plans: list[tuple[float, Callable[[], object]]] = []
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        due = [plan for plan in self.plans if plan[0] <= self.now]
        self.plans = [plan for plan in self.plans if plan not in due]
        for _, act in due:
            act()

    def plan(self, seconds: float, act: Callable[[], object]) -> None:
        self.plans.append((self.now + seconds, act))


class Bench:
    def __init__(self, root, monkeypatch) -> None:
        self.paths = LakePaths(root)
        self.paths.requests.mkdir(parents=True)
        self.paths.bronze.mkdir()
        self.clock = Clock()
        self.is_held = True
        monkeypatch.setattr(requests, "time", self.clock)
        monkeypatch.setattr(requests, "holder_of", lambda _path: {"pid": 1} if self.is_held else None)
        monkeypatch.setattr(requests, "describe_holder", lambda _path: "pointline run")

    def names(self) -> list[str]:
        return sorted(path.suffix for path in self.paths.requests.iterdir())

    def answer(self, facts: object) -> None:
        [question] = self.paths.requests.glob("*.json")
        assert msgspec.json.decode(question.read_bytes(), type=dict)["file_ids"] == [1, 2]
        question.with_suffix(".answer").write_text(json.dumps(facts))

    def die(self) -> None:
        self.is_held = False

    def ask(self, patience: float = PATIENCE):
        return _ask(self.paths, REQUEST, self.clock.now + patience)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return Bench(tmp_path / "lake", monkeypatch)


@pytest.mark.parametrize("after", [0.0, LOOK_SECONDS * 3, LIFE_SECONDS * 3.5])
def test_the_answer_comes(bench, after):
    bench.clock.plan(after, lambda: bench.answer({"put_back": 2}))
    assert bench.ask() == {"put_back": 2}
    assert bench.names() == []
    assert set(bench.clock.slept) == {LOOK_SECONDS}
    assert sum(bench.clock.slept) <= after + 2 * LOOK_SECONDS


def test_an_error_is_raised_with_its_advice(bench):
    bench.clock.plan(0, lambda: bench.answer({"error": "no room", "hint": "make some"}))
    with pytest.raises(PointlineError, match="no room") as caught:
        bench.ask()
    assert caught.value.hint == "make some"
    assert bench.names() == []


@pytest.mark.parametrize("after", [0.0, LIFE_SECONDS, 2.5 * LIFE_SECONDS])
def test_the_death_of_who_was_asked_is_noticed(bench, after):
    bench.clock.plan(after, bench.die)
    assert bench.ask() is None
    assert bench.names() == [], "nobody shall do it later"
    assert sum(bench.clock.slept) <= after + LIFE_SECONDS + 2 * LOOK_SECONDS


def test_an_answer_before_death_counts(bench):
    bench.clock.plan(LIFE_SECONDS, lambda: (bench.answer({"put_back": 2}), bench.die()))
    assert bench.ask() == {"put_back": 2}


def test_an_answer_that_came_in_the_moment_of_death_counts(bench, monkeypatch):
    """Guards against doing here what was done there."""

    def holder_of(_path):
        bench.answer({"put_back": 2})

    monkeypatch.setattr(requests, "holder_of", holder_of)
    assert bench.ask() == {"put_back": 2}


@pytest.mark.parametrize("befall", ["answered", "lost"])
def test_only_a_question_that_was_lost_is_asked_again(bench, monkeypatch, befall):
    asked = []
    put_file = requests.put_file
    monkeypatch.setattr(requests, "put_file", lambda path, content: asked.append(path) or put_file(path, content))

    def holder_of(_path):
        if len(asked) == 1:
            if befall == "answered":
                bench.answer({"put_back": 2})
            asked[0].unlink()
        return {"pid": 1}

    monkeypatch.setattr(requests, "holder_of", holder_of)
    bench.clock.plan(3 * LIFE_SECONDS, lambda: befall == "lost" and bench.answer({"put_back": 2}))
    assert bench.ask() == {"put_back": 2}
    assert len(asked) == (1 if befall == "answered" else 2)
    assert bench.names() == []


def test_it_is_not_looked_all_the_time_whether_the_daemon_lives(bench, monkeypatch):
    looked = []
    monkeypatch.setattr(requests, "holder_of", lambda _path: looked.append(bench.clock.now) or {"pid": 1})
    bench.clock.plan(4 * LIFE_SECONDS, lambda: bench.answer({}))
    bench.ask()
    assert 3 <= len(looked) <= 4


def test_a_question_that_is_being_answered_is_not_asked_twice(bench):
    """The daemon takes it away first, and then answers; a folder that was put back has neither."""
    asked = []

    def lose() -> None:
        for path in bench.paths.requests.glob("*.json"):
            asked.append(path.name)
            path.unlink()

    bench.clock.plan(0, lose)
    bench.clock.plan(1.5 * LIFE_SECONDS, lambda: bench.answer({"put_back": 2}))
    assert bench.ask() == {"put_back": 2}
    assert len(asked) == 1


def test_who_does_not_answer_is_named(bench):
    with pytest.raises(LakeInUse, match="pointline run has the lake and does not answer"):
        bench.ask(patience=3 * LIFE_SECONDS)
    assert bench.names() == []
    assert 3 * LIFE_SECONDS <= sum(bench.clock.slept) <= 3 * LIFE_SECONDS + 2 * LOOK_SECONDS


def test_the_folder_is_made_where_the_daemon_did_not(bench):
    bench.paths.requests.rmdir()
    bench.clock.plan(FOLDER_SECONDS + 3 * LOOK_SECONDS, lambda: bench.answer({"put_back": 2}))
    assert bench.ask() == {"put_back": 2}


def test_the_daemon_has_time_to_make_it_first(bench):
    bench.paths.requests.rmdir()
    bench.clock.plan(FOLDER_SECONDS / 2, bench.paths.requests.mkdir)
    bench.clock.plan(FOLDER_SECONDS / 2 + 2 * LOOK_SECONDS, lambda: bench.answer({}))
    assert bench.ask() == {}


class TestWhoDoesIt:
    """Here where the lock is free, there where it is not; whoever may not write asks, and is refused alone."""

    def test_here(self, bench, monkeypatch):
        bench.is_held = False
        became_owner = []
        monkeypatch.setattr(requests, "act_as_owner", became_owner.append)
        done = do_or_ask(bench.paths, REQUEST, lambda: {"did": "here"}, purpose="retry")
        assert (done, became_owner) == ({"did": "here"}, [bench.paths.root])
        assert bench.clock.slept == []

    def test_there(self, bench):
        bench.clock.plan(LOOK_SECONDS, lambda: bench.answer({"did": "there"}))
        with LakeLock(bench.paths.lock_file, purpose="run"):
            assert do_or_ask(bench.paths, REQUEST, pytest.fail, purpose="retry") == {"did": "there"}

    def test_here_after_its_death(self, bench):
        lock = LakeLock(bench.paths.lock_file, purpose="run")
        lock.acquire()
        bench.clock.plan(0, lambda: (lock.release(), bench.die()))
        assert do_or_ask(bench.paths, REQUEST, lambda: {"did": "here"}, purpose="retry") == {"did": "here"}

    @pytest.mark.parametrize("is_held", [False, True])
    def test_who_may_not_write(self, bench, monkeypatch, is_held):
        monkeypatch.setattr(requests, "may_write", lambda _root: False)
        bench.is_held = is_held
        if is_held:
            bench.clock.plan(0, lambda: bench.answer({"did": "there"}))
            assert do_or_ask(bench.paths, REQUEST, pytest.fail, purpose="retry") == {"did": "there"}
        else:
            with pytest.raises(NotTheOwner):
                do_or_ask(bench.paths, REQUEST, pytest.fail, purpose="retry")

    @pytest.mark.parametrize("why", ["its folder for requests does not exist", "Not a directory"])
    def test_who_can_neither_write_nor_ask_is_told_what_to_type(self, bench, monkeypatch, why):
        monkeypatch.setattr(requests, "may_write", lambda _root: False)
        bench.paths.requests.rmdir()
        if why == "Not a directory":
            bench.paths.requests.write_bytes(b"")
        with pytest.raises(PointlineError, match=f"pointline run has the lake and cannot be asked: {why}") as caught:
            do_or_ask(bench.paths, REQUEST, pytest.fail, purpose="retry")
        assert "members of the group" in caught.value.hint
