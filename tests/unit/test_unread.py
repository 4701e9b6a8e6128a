"""What the daemon counts as not read: by scans, and by what arrives between two of them; said when it changes."""

from __future__ import annotations

import io
import json

import pytest
from pointline_daemon.arrival import unread as module
from pointline_daemon.arrival.unread import Unread
from pointline_daemon.logs import configure_logging

from pointline.io.bronze.paths.unrecognised import EXAMPLES, Seen, describe_foreign


class Told:
    """An ``Unread`` over a bronze in which every path but those of ``read`` is foreign, and its log."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.looks = 0
        self.unread = Unread(self.look)
        self.stream = io.StringIO()
        configure_logging("json", "info", self.stream)

    def look(self, path: str):
        self.looks += 1
        return None if path in self.read else describe_foreign(path)

    def scan(self, *foreign: str) -> None:
        self.unread.scan_begins()
        self.unread.scanned(Seen(list(foreign), []))
        self.unread.say()

    def files(self) -> int | None:
        state = self.unread.state
        return None if state is None else state["files"]

    def said(self) -> list[dict]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def told():
    return Told()


def test_before_the_first_scan_nothing_is_known_and_nothing_said(told):
    told.unread.met("a.zip")
    told.unread.say()
    assert told.files() is None
    assert told.said() == []


def test_a_line_per_change_and_none_without(told):
    told.scan()
    told.scan()
    assert told.said() == []
    told.scan("a.zip", "b.zip")
    told.scan("b.zip", "a.zip")
    told.scan()
    first, last = told.said()
    assert (first["event"], first["level"], first["files"]) == ("bronze.unrecognised", "warning", 2)
    assert [one["path"] for one in first["examples"]] == ["a.zip", "b.zip"]
    assert set(first["examples"][0]) == {"path", "looks_like"}
    assert "pointline files --unrecognised" in first["hint"]
    assert (last["level"], last["files"], last["examples"]) == ("info", 0, [])


def test_the_examples_are_few_and_the_first_by_path(told):
    told.scan(*(f"{number:03}.zip" for number in reversed(range(100))))
    assert told.files() == 100
    assert [one["path"] for one in told.unread.state["examples"]] == [f"{number:03}.zip" for number in range(EXAMPLES)]


def test_what_arrives_between_two_scans_is_counted_once(told):
    told.scan("b.zip")
    told.read.add("good.csv")
    for path in ("a.zip", "b.zip", "a.zip", "good.csv"):
        told.unread.met(path)
    assert told.files() == 2
    told.unread.say()
    told.unread.say()
    assert [one["files"] for one in told.said()] == [1, 2]
    assert [one["path"] for one in told.unread.state["examples"]] == ["a.zip", "b.zip"]
    told.scan("a.zip", "b.zip")
    assert told.files() == 2
    told.scan("b.zip")
    assert told.files() == 1


def test_what_arrives_during_a_scan_is_not_forgotten_by_it(told):
    told.scan()
    told.unread.scan_begins()
    told.unread.met("late.zip")
    told.unread.scanned(Seen([], []))
    assert told.files() == 1
    told.scan()
    assert told.files() == 0


def test_with_too_many_the_scans_alone_count(told, monkeypatch):
    monkeypatch.setattr(module, "MOST_REMEMBERED", 3)
    told.scan("1.zip")
    for number in range(10):
        told.unread.met(f"new-{number}.zip")
    assert told.files() == 4
    told.scan(*(f"{number}.zip" for number in range(9)))
    told.unread.met("another.zip")
    assert told.files() == 9
    assert told.looks == 3
