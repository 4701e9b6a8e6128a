"""Second files of a symbol and day: they share data files as the first ones do, whether all of them get in or not."""

from __future__ import annotations

import gzip
import signal
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from pointline.io.delta import parts
from tests.support.daemon_thread import Daemon
from tests.support.kill import Moment, run_until
from tests.support.lake_check import HEADERS, file_name, put_file, read_manifest, read_table

FILES, ROWS = 40, 10
MIDNIGHT_US = 1_714_521_600_000_000
MORNING_S, EVENING_S = 3_600, 72_000


def content(symbol: str, start_s: int) -> bytes:
    times = [MIDNIGHT_US + (start_s + number) * 1_000_000 for number in range(ROWS)]
    lines = [f"binance,{symbol},{at},{at},{at},buy,1.5,2" for at in times]
    return gzip.compress("\n".join([HEADERS["trades"], *lines, ""]).encode(), mtime=0)


def put(daemon: Daemon, folder: str, start_s: int, *, overlapping: int = 0) -> None:
    """A file for each symbol; so many of them begin within the hour of the first ones."""
    for number in range(FILES):
        symbol = f"S{number:03}"
        start = MORNING_S + 5 if number < overlapping else start_s
        put_file(daemon.bronze / folder, file_name("trades", symbol), content(symbol, start))


def trades(daemon: Daemon) -> DeltaTable:
    return DeltaTable(daemon.root / "silver" / "trades")


def live_files(daemon: Daemon) -> list[str]:
    return trades(daemon).file_uris()


@pytest.fixture
def flushed(monkeypatch) -> list[Path]:
    """The data files that were flushed."""
    paths: list[Path] = []
    flush_file = parts.flush_file
    monkeypatch.setattr(parts, "flush_file", lambda path: (paths.append(path), flush_file(path)))
    return paths


@pytest.mark.parametrize("is_one_batch", [False, True], ids=["after the first ones", "with the first ones"])
@pytest.mark.parametrize("overlapping", [0, 3, FILES])
def test_they_share_data_files(tmp_path, flushed, overlapping, is_one_batch):
    """Guards make_groups; and Verdict.refused_in: those that overlap are left out of a data file that others share."""
    daemon = Daemon(tmp_path / "lake")
    put(daemon, "a", MORNING_S)
    if not is_one_batch:
        assert daemon.once() == 0
    put(daemon, "b", EVENING_S, overlapping=overlapping)
    assert daemon.once() == 0
    ledger = read_manifest(daemon.root)
    statuses = dict(ledger["status"].value_counts().iter_rows())
    assert statuses == {"success": 2 * FILES - overlapping} | ({"quarantined": overlapping} if overlapping else {})
    refused = ledger.filter(pl.col("status") == "quarantined")
    assert all("overlap those of file" in error for error in refused["error"])
    assert all(path.startswith("b/") for path in refused["bronze_file_path"])
    rows = read_table(daemon.root, "trades")
    assert rows.height == ROWS * (2 * FILES - overlapping)
    assert rows.select("file_id", "file_seq").is_unique().all()
    assert set(rows["file_id"]).isdisjoint(refused["file_id"])
    batches = sum(entry["operation"] == "WRITE" for entry in trades(daemon).history())
    assert batches <= FILES // 10, "how many batches the files of a scan become depends on the moment"
    assert len(live_files(daemon)) <= 2 * batches
    assert len([path for path in flushed if path.is_relative_to(daemon.root / "silver" / "trades")]) <= 3 * batches


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_a_shared_data_file_is_written_without_some(tmp_path, when):
    """The second data file is the one without those that overlap."""
    daemon = Daemon(tmp_path / "lake")
    put(daemon, "a", MORNING_S)
    assert daemon.once() == 0
    put(daemon, "b", EVENING_S, overlapping=3)
    killed = run_until(daemon.root, Moment("events.trades.part_writer.close", when, 2))
    assert killed.returncode == -signal.SIGKILL
    assert len(live_files(daemon)) == 1
    daemon.once()
    rows = read_table(daemon.root, "trades")
    assert rows.height == ROWS * (2 * FILES - 3)
    assert rows.select("file_id", "file_seq").is_unique().all()
