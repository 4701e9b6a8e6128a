"""``Account``: what the daemon has done, added up."""

from __future__ import annotations

import pytest
from pointline_daemon import events
from pointline_daemon.condition.account import RECENT_COMMITS, RECENT_FILES, UNKNOWN, Account, Histogram

from pointline.tables.ingest_manifest import Status
from tests.support.observed import TABLES, batch_done, file_done


@pytest.fixture
def account():
    return Account(TABLES, clock=lambda: 1000.0)


def test_a_batch_is_added_up_by_table_and_status(account):
    account.add_batch(
        batch_done(file_done(1), file_done(2, table="quotes", rows=7), file_done(3, status=Status.FAILED, rows=0))
    )
    account.add_batch(batch_done(file_done(4)))
    counts = account.read(lambda counts: counts)
    assert counts.batches == 2
    assert counts.files == {("trades", "success"): 2, ("quotes", "success"): 1, ("trades", "failed"): 1}
    assert counts.rows == {("trades",): 200, ("quotes",): 7}
    assert counts.bytes == {("trades",): 3000, ("quotes",): 1000}
    assert counts.last_success_at == 1000.0


def test_a_file_that_has_to_wait_is_not_dealt_with_yet(account):
    account.add_batch(batch_done(file_done(status=Status.PENDING, rows=0)))
    counts = account.read(lambda counts: counts)
    assert counts.files == {("trades", "pending"): 1}
    assert not counts.bytes
    assert not sum(counts.queryable_seconds.counts)
    assert not counts.last_success_at
    assert not account.recent()["last_commits"]


def test_names_that_files_bring_do_not_multiply_what_is_counted(account):
    refused = [
        file_done(number, status=Status.QUARANTINED, rows=0, table=f"<b>{number}")  # a data type nobody knows
        for number in range(50)
    ]
    account.add_batch(batch_done(*refused))
    counts = account.read(lambda counts: counts)
    assert counts.files == {(UNKNOWN, "quarantined"): 50}
    assert counts.bytes == {(UNKNOWN,): 50_000}


def test_rows_set_aside_are_counted_by_rule(account):
    account.add_batch(batch_done(file_done(set_aside=3), missing=2, unparseable=1))
    account.add_batch(batch_done(file_done(set_aside=5), missing=5))
    assert account.read(lambda counts: counts.set_aside) == {("trades", "missing"): 7, ("trades", "unparseable"): 1}


def test_the_newest_come_first_and_are_few(account):
    for number in range(30):
        account.add_batch(batch_done(file_done(number), number=number))
    recent = account.recent()
    assert [one["file_id"] for one in recent["last_files"]] == list(range(29, 29 - RECENT_FILES, -1))
    assert [one["batch"] for one in recent["last_commits"]] == list(range(29, 29 - RECENT_COMMITS, -1))


def test_upkeep(account):
    account.add_upkeep(events.PARTITION_COMPACTED, {"table": "trades"})
    account.add_upkeep(events.TABLE_VACUUMED, {"table": "trades", "files": 12})
    account.add_upkeep(events.TABLE_CHECKPOINTED, {"table": "quotes"})
    counts = account.read(lambda counts: counts)
    assert counts.compactions == {("trades",): 1}
    assert counts.vacuumed_files == {("trades",): 12}
    assert counts.checkpoints == {("quotes",): 1}


def test_a_bound_belongs_to_its_bucket():
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 3.0):
        histogram.observe(value)
    assert histogram.counts == [2, 1, 1]
    assert histogram.total == 6.0
