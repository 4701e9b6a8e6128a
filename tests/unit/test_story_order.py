"""The order and the words of a file's story, from rows alone."""

import datetime as dt

import polars as pl
import pytest
from pointline_daemon.commands.shared.ledger_view import view_ledger

from pointline.io.protocols.file_version import Move
from pointline.phrases import AGAIN, WAIT_OR_AGAIN
from pointline.services.telling.chapter import Sources
from pointline.services.telling.next_steps import next_step
from pointline.services.telling.story import tell
from pointline.tables import ingest_manifest

MOMENT = dt.datetime(2024, 5, 2, tzinfo=dt.UTC)
ROW = {
    "file_id": 1,
    "bronze_file_path": "a.csv",
    "status": "withdrawn",
    "file_size_bytes": 10,
    "last_modified_ts": MOMENT,
    "data_type": "trades",
    "feed": None,
    "exchange": "deribit",
    "symbol": "A",
    "date": MOMENT.date(),
    "content_hash": "h",
    "rows_read": 2,
    "rows_written": 1,
    "rows_quarantined": 1,
    "first_local_timestamp": None,
    "last_local_timestamp": None,
    "warnings": None,
    "error": None,
    "attempts": 1,
    "superseded_by": None,
    "created_at_us": 1,
    "updated_at_us": 9,
}


def test_what_happened_is_told_in_order_of_time_and_without_a_reason_that_is_not_there():
    said = [one.what for one in tell(ROW, Sources(moves=[Move(target="b.csv", origin="a.csv", at_us=5)]))]
    assert [one.split(" ")[:3] for one in said[-2:]] == [["It", "was", "moved:"], ["You", "withdrew", "it:"]]
    assert said[2] == "1 row quarantined"


@pytest.mark.parametrize("daemon_runs", [True, False])
def test_a_file_that_ends_early_is_waited_for_or_fetched_again(daemon_runs, tmp_path):
    row = ROW | {"status": "pending", "error": f"a.csv.gz: gzip ends before its end mark; {AGAIN}"}
    assert next_step(row, daemon_runs=daemon_runs) == WAIT_OR_AGAIN
    frame = pl.DataFrame([{name: row.get(name) for name in ingest_manifest.SCHEMA}], schema=ingest_manifest.SCHEMA)
    frame.write_delta(tmp_path / "ledger")
    assert [one["next_step"] for one in view_ledger(tmp_path / "ledger", 0).errors] == [WAIT_OR_AGAIN]
