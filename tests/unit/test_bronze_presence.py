"""Bronze emptied at once is told from bronze that people cleared."""

from __future__ import annotations

import pytest
from pointline_daemon.arrival.bronze_presence import BronzePresence, Identity

HERE, ELSEWHERE = Identity(1, 2), Identity(1, 3)


@pytest.mark.parametrize(
    ("before", "scans", "vanished"),
    [
        pytest.param(None, [(0, HERE)], 0, id="a new lake"),
        pytest.param(HERE, [(0, HERE)], 0, id="empty at the start, the same folder: cleared meanwhile"),
        pytest.param(HERE, [(0, ELSEWHERE)], 9, id="empty at the start, another folder: not mounted"),
        pytest.param(HERE, [(0, None)], 9, id="not to be looked at"),
        pytest.param(None, [(3, HERE), (0, HERE)], 9, id="all at once"),
        pytest.param(None, [(3, HERE), (0, HERE), (0, HERE)], 9, id="it stays said"),
        pytest.param(None, [(3, HERE), (0, HERE), (1, HERE)], 0, id="something is there again"),
        pytest.param(None, [(3, HERE), (2, HERE)], 0, id="some"),
        pytest.param(None, [(3, HERE), (0, ELSEWHERE), (1, ELSEWHERE)], 9, id="one under the mount point"),
        pytest.param(None, [(3, HERE), (0, ELSEWHERE), (1, ELSEWHERE), (4, ELSEWHERE)], 9, id="some under it"),
        pytest.param(None, [(3, HERE), (0, ELSEWHERE), (5, ELSEWHERE)], 0, id="most are in another folder"),
        pytest.param(None, [(3, HERE), (0, ELSEWHERE), (1, HERE)], 0, id="mounted again"),
        pytest.param(HERE, [(1, ELSEWHERE)], 0, id="another folder at the start, and not empty"),
    ],
)
def test_vanished(before, scans, vanished):
    presence = BronzePresence(before)
    for files, identity in scans:
        presence.note(files=files, in_ledger=0 if files else 9, identity=identity)
    assert presence.vanished == vanished


def test_files_that_came_by_events_were_there_too():
    """No scan has seen them: the ledger has more than at the last one, and bronze has none."""
    presence = BronzePresence(None)
    assert [presence.note(files=0, in_ledger=known, identity=HERE) for known in (0, 9, 9)] == [False, True, False]
    assert presence.vanished == 9


@pytest.mark.parametrize("in_ledger", [1, 9])
def test_news_is_told_once(in_ledger):
    presence = BronzePresence(None)
    scans = [3, 0, 0, 2, 2]
    assert [presence.note(files=files, in_ledger=in_ledger, identity=HERE) for files in scans] == [
        False,
        True,
        False,
        True,
        False,
    ]
