"""What a person sees of the ledger: every status can be listed, on a terminal as on a pipe."""

from __future__ import annotations

import sys

import pytest
from pointline_daemon.commands.files.listing import list_files

from pointline.config import LakePaths
from pointline.io.protocols.file_version import Outcome
from pointline.tables.ingest_manifest import Status
from tests.support.known_ledger import KnownLedger


@pytest.mark.parametrize("terminal", [True, False])
def test_each_status_is_listed(tmp_path, monkeypatch, capsys, terminal):
    known = KnownLedger(LakePaths(tmp_path).silver, len(Status))
    known.manifest.update_statuses([Outcome(file_id=one, status=status) for one, status in enumerate(Status, 1)])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    filters = {"status": None, "table": None, "exchange": None, "symbol": None, "last": None}
    assert list_files(tmp_path, **filters, as_json=False) == 0
    shown = capsys.readouterr().out
    assert [status for status in Status if status.value not in shown] == []
