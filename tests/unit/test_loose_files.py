"""Which files count as left behind beside a running writer, whatever its clock says."""

from __future__ import annotations

import os

import pytest

from pointline.io.delta_log.loose_files import ABANDONED_SECONDS, leftovers, orphans

NOW = 1_714_521_600.0
DAY = 86_400.0


@pytest.mark.parametrize(
    ("age", "writer_since", "is_left"),
    [
        (ABANDONED_SECONDS + 1, NOW - 60, True),
        (ABANDONED_SECONDS - 1, NOW - 60, False),
        (8 * DAY, NOW - 9 * DAY, False),  # written since the writer began, before the clock jumped ahead
        (8 * DAY, NOW - 7 * DAY, True),
        (-8 * DAY, NOW - 60, False),  # the clock jumped back
    ],
)
def test_what_a_writer_may_be_writing_is_no_orphan(tmp_path, monkeypatch, age, writer_since, is_left):
    table = tmp_path / "silver/trades"
    log, state = table / "_delta_log", tmp_path / ".pointline"
    for folder in (log, state):
        folder.mkdir(parents=True)
    for path in (table / "part-x.parquet", log / f".{7:020}.json.tmp", state / ".state.json.tmp"):
        path.write_bytes(b"x")
        os.utime(path, (NOW - age, NOW - age))
    found = orphans(table, [], now=NOW, writer=True, writer_since=writer_since)
    assert [one.path for one in found] == ["silver/trades/part-x.parquet"] * is_left
    monkeypatch.setattr("pointline.io.delta_log.loose_files.time.time", lambda: NOW)
    left = leftovers(tmp_path, state, [table], writer=True, writer_since=writer_since)
    assert len(left) == 2 * is_left
    assert len(leftovers(tmp_path, state, [table], writer=False)) == 2
