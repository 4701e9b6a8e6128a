"""``WaitingRoom``: when a file counts as finished, and when one is tried again."""

from __future__ import annotations

import datetime as dt

import pytest
from pointline_daemon.arrival.waiting import WaitingRoom

from pointline.io.protocols.file_version import BronzeFileMetadata

SECOND = 1_000_000
NOW = 1_714_521_600 * SECOND
SETTLE = 2 * SECOND


def meta(modified: int, size: int = 1, path: str = "a") -> BronzeFileMetadata:
    return BronzeFileMetadata(
        exchange="binance",
        data_type="trades",
        symbol="S",
        date=dt.date(2024, 5, 1),
        bronze_file_path=path,
        file_size_bytes=size,
        last_modified_ts=modified,
    )


def look(room: WaitingRoom, file: BronzeFileMetadata, now: int, *, finished: bool) -> bool:
    """By a clock that agrees with that of the files."""
    return room.is_finished(file, now, age_us=max(0, now - file.last_modified_ts), finished=finished)


@pytest.fixture
def room():
    return WaitingRoom(SETTLE)


def test_a_rename_into_place_counts_at_once(room):
    assert look(room, meta(NOW), NOW, finished=True)
    assert room.unfinished == 0


@pytest.mark.parametrize("age", [SETTLE, SETTLE + 1, 9 * SETTLE])
def test_a_file_of_old_counts_at_once(room, age):
    assert look(room, meta(NOW - age), NOW, finished=False)
    assert (room.unfinished, room.next_due_us()) == (0, None)


def test_a_young_one_waits_for_the_rest_of_the_settle_time(room):
    """Guards that the time stamp counts, not the moment of the first look."""
    assert look(room, meta(NOW - SECOND), NOW, finished=False) is False
    assert (room.unfinished, room.next_due_us()) == (1, NOW + SECOND)
    assert room.take_due(NOW + SECOND - 1) == []
    assert room.take_due(NOW + SECOND) == ["a"]
    assert look(room, meta(NOW - SECOND), NOW + SECOND, finished=False)
    assert room.unfinished == 0


@pytest.mark.parametrize("again", [meta(NOW, size=2), meta(NOW + SECOND // 2)], ids=["larger", "later"])
def test_one_that_changed_begins_to_wait_anew(room, again):
    assert not look(room, meta(NOW), NOW, finished=False)
    assert not look(room, again, NOW + SECOND, finished=False)
    later = again.last_modified_ts + SETTLE
    assert not look(room, again, later - 1, finished=False)
    assert look(room, again, later, finished=False)


def test_a_time_stamp_of_the_future_says_nothing(room):
    """Guards against a file that would wait for as long as its clock was wrong."""
    file = meta(NOW + 3600 * SECOND)
    assert not look(room, file, NOW, finished=False)
    assert not look(room, file, NOW + SETTLE - 1, finished=False)
    assert look(room, file, NOW + SETTLE, finished=False)


def test_no_settle_time(room):
    assert look(WaitingRoom(0), meta(NOW), NOW, finished=False)


def test_a_try_waits_for_its_time(room):
    assert room.is_due("a", NOW)
    room.retry_at("a", NOW + SECOND)
    assert not room.is_due("a", NOW)
    assert room.is_due("a", NOW + SECOND)
    assert (room.scheduled, room.next_due_us()) == (1, NOW + SECOND)
    assert room.take_due(NOW) == []
    assert room.take_due(NOW + SECOND) == ["a"]


def test_the_last_schedule_counts(room):
    room.retry_at("a", NOW + SECOND)
    room.retry_at("a", NOW + 3 * SECOND)
    assert room.take_due(NOW + SECOND) == []
    assert room.take_due(NOW + 3 * SECOND) == ["a"]
    assert room.scheduled == 1


def test_what_is_due_comes_in_order_and_once(room):
    for path, seconds in (("c", 3), ("a", 1), ("b", 2), ("a", 1)):
        room.retry_at(path, NOW + seconds * SECOND)
    assert room.take_due(NOW + 9 * SECOND) == ["a", "b", "c"]
    assert room.take_due(NOW + 9 * SECOND) == []
    assert room.next_due_us() is None


def test_forgotten_it_is_not_due_any_more(room):
    """Guards forget: a file that is gone is nobody's business."""
    look(room, meta(NOW, path="young"), NOW, finished=False)
    room.retry_at("failed", NOW + SECOND)
    for path in ("young", "failed", "unknown"):
        room.forget(path)
    assert (room.unfinished, room.scheduled) == (0, 0)
    assert room.take_due(NOW + 9 * SECOND) == []
    assert room.is_due("failed", NOW)
