"""``thinned``: what is left of a file that leaves days to others, and what the ledger says of that."""

from __future__ import annotations

import pytest

from pointline.io.protocols import LEFT_TO, Outcome
from pointline.services.files.preference import thinned
from pointline.tables.ingest_manifest import Status

MONTH = Outcome(
    file_id=1,
    status=Status.SUCCESS,
    rows_read=12,
    rows_written=10,
    rows_quarantined=2,
    days={"2024-05-01": 4, "2024-05-02": 5, "2024-05-03": 1},
    warnings={"known": 1},
)


@pytest.mark.parametrize(
    ("given_up", "days", "rows_left"),
    [
        ({"2024-05-01": 7}, {"2024-05-02": 5, "2024-05-03": 1}, 4),
        ({"2024-05-01": 7, "2024-05-03": 8}, {"2024-05-02": 5}, 5),
        ({"2024-05-09": 7}, MONTH.days, 0),
        ({}, MONTH.days, 0),
    ],
)
def test_a_file_of_several_days(given_up, days, rows_left):
    left = thinned(MONTH, given_up)
    assert (left.days, left.rows_read, left.rows_written, left.rows_quarantined) == (
        days,
        12 - rows_left,
        10 - rows_left,
        2,
    )
    assert left.rows_read == left.rows_written + left.rows_quarantined
    told = {f"{LEFT_TO}{by}:{date}": MONTH.days[date] for date, by in given_up.items() if date in MONTH.days}
    assert left.warnings == {"known": 1, **told}
    assert (left.file_id, left.status) == (1, Status.SUCCESS)
    assert len(MONTH.days) == 3, "what was read is not changed"


@pytest.mark.parametrize(("read", "written", "left"), [(10, 10, 0), (12, 10, 2), (0, 0, 0), (None, None, 0)])
def test_a_file_of_one_day_leaves_all(read, written, left):
    one_day = Outcome(file_id=1, status=Status.SUCCESS, rows_read=read, rows_written=written, warnings=None)
    found = thinned(one_day, {"2024-05-01": 7})
    assert (found.days, found.rows_read, found.rows_written) == ({}, left, 0)
    assert found.warnings == {f"{LEFT_TO}7:2024-05-01": written or 0}
