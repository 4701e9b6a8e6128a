"""``Inbox``: bounded, without duplicates, never in the observer's way."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from pointline_daemon.arrival.inbox import Inbox

from tests.support.waiting import wait_until


@pytest.fixture
def inbox():
    return Inbox(2)


def take(inbox: Inbox, most: int = 10) -> list[tuple[str, bool]]:
    return [(path, finished) for path, finished, _ in inbox.take(most, 0)]


def test_first_come_first_served(inbox):
    inbox.offer("a", finished=False)
    inbox.offer("b", finished=True)
    assert inbox.depth == 2
    assert take(inbox, 1) == [("a", False)]
    assert take(inbox) == [("b", True)]
    assert take(inbox) == []


def test_a_path_is_queued_once_and_finished_outweighs(inbox):
    """Guards the merge of hints in _accept: created, written, closed, renamed are one look at one file."""
    for finished in (False, True, False):
        assert inbox.offer("a", finished=finished)
    assert take(inbox) == [("a", True)]


def test_full_it_refuses_and_tells_once(inbox):
    """Guards the bound and the flag that asks for a rescan."""
    assert [inbox.offer(path, finished=False) for path in "abc"] == [True, True, False]
    assert inbox.offer("a", finished=True), "what is queued already needs no room"
    assert (inbox.take_overflow(), inbox.take_overflow()) == (True, False)
    assert inbox.depth == 2


def test_a_path_in_flight_comes_back_when_it_landed(inbox):
    """Guards _again: a file that changed while it was worked on is looked at again, even if the queue is full."""
    inbox.offer("a", finished=False)
    take(inbox)
    for finished in (True, False):
        assert inbox.offer("a", finished=finished)
    assert inbox.depth == 0
    for path in "bc":
        inbox.offer(path, finished=False)
    inbox.landed("a")
    assert take(inbox) == [("b", False), ("c", False), ("a", True)]
    inbox.landed("a")
    assert take(inbox) == []


@pytest.mark.parametrize("finished", [True, False])
def test_in_flight_it_is_remembered_how_it_came(inbox, finished):
    inbox.offer("a", finished=True)
    take(inbox)
    inbox.offer("a", finished=finished)
    inbox.landed("a")
    assert take(inbox) == [("a", finished)]


def test_idle_means_nothing_queued_and_nothing_in_flight(inbox):
    assert inbox.is_idle
    inbox.offer("a", finished=False)
    assert not inbox.is_idle
    take(inbox)
    assert not inbox.is_idle
    inbox.landed("a")
    assert inbox.is_idle


def test_put_waits_for_room(inbox):
    """Guards the rescanner's patience: it may wait, hints may not."""
    for path in "ab":
        inbox.put(path, finished=False, give_up=lambda: False)
    done: list[bool] = []
    thread = threading.Thread(
        target=lambda: done.append(inbox.put("c", finished=False, give_up=lambda: False, wake_seconds=30))
    )
    thread.start()
    assert not wait_until(lambda: done, 0.05)
    assert take(inbox, 1) == [("a", False)]
    assert wait_until(lambda: done == [True])
    thread.join()
    assert not inbox.take_overflow()


def test_who_gives_up_does_not_wait_for_room(inbox):
    for path in "ab":
        inbox.put(path, finished=False, give_up=lambda: False)
    assert inbox.put("c", finished=False, give_up=lambda: True) is False
    assert [path for path, _ in take(inbox)] == ["a", "b"]


def test_close_lets_everybody_return(inbox):
    for path in "ab":
        inbox.put(path, finished=False, give_up=lambda: False)
    done: list[bool] = []
    thread = threading.Thread(
        target=lambda: done.append(inbox.put("c", finished=False, give_up=lambda: False, wake_seconds=30))
    )
    thread.start()
    inbox.close()
    assert wait_until(lambda: done == [False])
    thread.join()
    take(inbox)
    assert inbox.take(1, 30) == []


@pytest.mark.parametrize("stir", [lambda inbox: inbox.wake(), lambda inbox: inbox.offer("a", finished=False)])
def test_take_returns_when_something_happens(inbox, stir):
    done: list[list[tuple[str, bool, float]]] = []
    thread = threading.Thread(target=lambda: done.append(inbox.take(1, 30)))
    thread.start()
    # Stirred until it is awake: the thread may not have begun to wait yet.
    assert wait_until(lambda: (stir(inbox), done)[1])
    thread.join()


@pytest.mark.parametrize(("queued", "most", "is_closed"), [*itertools.product(["", "a"], [0, 1], [False, True])])
def test_when_a_take_waits(inbox, monkeypatch, queued, most, is_closed):
    """Who can take nothing waits all the same: else a full batch would have it turn without an end."""
    for path in queued:
        inbox.offer(path, finished=False)
    if is_closed:
        inbox.close()
    waited = []
    monkeypatch.setattr(inbox._changed, "wait", waited.append)
    inbox.take(most, 7)
    assert waited == ([] if is_closed or (queued and most) else [7])


def test_there_is_room_below_its_capacity(inbox):
    assert inbox.has_room
    inbox.offer("a", finished=False)
    assert inbox.has_room
    inbox.offer("b", finished=False)
    assert not inbox.has_room


def test_seen_at_is_when_the_path_was_queued_first(inbox):
    before = time.monotonic()
    inbox.offer("a", finished=False)
    queued = time.monotonic()
    inbox.offer("a", finished=True)
    [(_, _, seen_at)] = inbox.take(1, 0)
    assert before <= seen_at <= queued


def put(inbox: Inbox, path: str) -> None:
    assert inbox.put(path, finished=False, give_up=lambda: False)


@pytest.mark.parametrize(
    ("steps", "by_scan"),
    [
        ("put", True),
        ("offer", False),
        ("offer put", False),
        ("put offer", True),
        ("put take", True),
        ("offer take put", False),
        ("put take landed", False),
        ("put take landed offer", False),
        ("put take put landed", False),
    ],
)
def test_who_brought_it_first(inbox, steps, by_scan):
    does = {
        "put": lambda: put(inbox, "a"),
        "offer": lambda: inbox.offer("a", finished=False),
        "take": lambda: take(inbox),
        "landed": lambda: inbox.landed("a"),
    }
    for step in steps.split():
        does[step]()
    assert inbox.is_by_scan("a") is by_scan
    assert not inbox.is_by_scan("b")
