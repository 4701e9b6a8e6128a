"""``Attempts``: a file that ends the process is found, read alone and given up; what a bad day killed is not."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from msgspec.structs import replace

from pointline.io.protocols.file_version import ACCEPTED, PROCESS_ENDED, BronzeFileMetadata, Outcome
from pointline.services.ingest.attempts import ALONE_AFTER, Attempts
from pointline.tables.ingest_manifest import Status
from tests.support.fakes import MemoryManifest

MOST = 5
META = BronzeFileMetadata(
    exchange="binance",
    data_type="trades",
    symbol="S",
    date=dt.date(2024, 5, 1),
    bronze_file_path="",
    file_size_bytes=1,
    last_modified_ts=0,
)
A, B = (replace(META, bronze_file_path=path) for path in "ab")


@pytest.fixture
def manifest() -> MemoryManifest:
    manifest = MemoryManifest()
    manifest.resolve_file_ids([A, B])
    return manifest


def die_with(manifest: MemoryManifest, *file_ids: int, most: int = MOST) -> dict[int, Outcome]:
    """A process begins these files and ends; what it refused to begin is recorded."""
    refused = Attempts(manifest, most).note(manifest.rows_of(file_ids))
    manifest.update_statuses(refused.values())
    return refused


def suspects(manifest: MemoryManifest) -> dict[str, int]:
    return Attempts(manifest, MOST).suspects([A, B])


def attempts_of(manifest: MemoryManifest, file_id: int) -> object:
    return manifest.rows[file_id - 1]["attempts"]


def test_the_first_attempt_is_noted_with_the_id(manifest):
    assert attempts_of(manifest, 1) == 1
    assert suspects(manifest) == {}


def test_two_deaths_make_a_suspect(manifest):
    die_with(manifest, 1, 2)
    assert suspects(manifest) == {"a": 2, "b": 2}
    assert Attempts(manifest, MOST).suspects([B]) == {"b": 2}


def test_the_one_that_goes_on_is_given_up_and_named(manifest):
    for ended in range(1, MOST):
        assert die_with(manifest, 1) == {}, ended
    (outcome,) = die_with(manifest, 1).values()
    assert (outcome.file_id, outcome.status) == (1, Status.FAILED)
    assert outcome.error is not None
    assert f"the process ended {MOST} times" in outcome.error
    assert "`pointline retry 1`" in outcome.error
    assert attempts_of(manifest, 1) == MOST, "it was not tried again"
    assert suspects(manifest) == {}


@pytest.mark.parametrize("most", [1, 2])
def test_nothing_is_given_up_before_it_was_read_alone(manifest, most):
    for _ in range(ALONE_AFTER):
        assert die_with(manifest, 1, most=most) == {}
    assert die_with(manifest, 1, most=most).keys() == {1}


def test_what_the_process_lived_through_is_no_death(manifest):
    for _ in range(2 * MOST):
        living = Attempts(manifest, MOST)
        assert living.note(manifest.rows_of([1])) == {}
        manifest.update_statuses([Outcome.put_off(1, error="the disk does not answer")])
    assert suspects(manifest) == {}
    assert die_with(manifest, 1) == {}


def test_a_second_begin_in_one_process_is_no_death(manifest):
    """``begin`` may fail behind the note, and the same files come again."""
    living = Attempts(manifest, MOST)
    for _ in range(2 * MOST):
        assert living.note(manifest.rows_of([1])) == {}
    assert json.loads(str(manifest.rows[0]["warnings"])) == {PROCESS_ENDED: 1}
    assert living.suspects([A]) == {}


def test_a_new_version_has_no_past(manifest):
    for _ in range(MOST):
        die_with(manifest, 1)
    manifest.resolve_file_ids([replace(A, file_size_bytes=2)])
    manifest.update_statuses([Outcome.superseded(1, by=3)])
    assert suspects(manifest) == {}


@pytest.mark.parametrize("accepted", [True, False])
def test_put_back_by_a_person_it_begins_anew_and_stays_accepted(manifest, accepted):
    for _ in range(MOST):
        die_with(manifest, 1)
    manifest.update_statuses([Outcome.reopened(1, accepted=accepted)])
    assert (attempts_of(manifest, 1), suspects(manifest)) == (0, {})
    die_with(manifest, 1)
    assert (attempts_of(manifest, 1), suspects(manifest)) == (1, {})
    assert json.loads(str(manifest.rows[0]["warnings"])) == ({ACCEPTED: 1} if accepted else {})
    die_with(manifest, 1)
    assert suspects(manifest) == {"a": 2}


def test_given_up_and_put_back_in_one_process_it_is_tried(manifest):
    for _ in range(MOST - 1):
        die_with(manifest, 1)
    living = Attempts(manifest, MOST)
    refused = living.note(manifest.rows_of([1]))
    manifest.update_statuses(refused.values())
    assert (refused.keys(), living.suspects([A])) == ({1}, {})
    manifest.update_statuses([Outcome.reopened(1)])
    assert living.note(manifest.rows_of([1])) == {}


def test_what_this_process_begins_it_knows_to_live():
    manifest = MemoryManifest()
    living = Attempts(manifest, MOST)
    manifest.resolve_file_ids([A])
    for attempts in (2, 3):
        assert living.note(manifest.rows_of([1])) == {}
        assert (attempts_of(manifest, 1), json.loads(str(manifest.rows[0]["warnings"]))) == (attempts, {})
    assert living.suspects([A]) == {}
