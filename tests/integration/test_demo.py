"""The demonstration: no input, no network, less than a minute, nothing left running."""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import psutil
import pytest
from pointline_daemon.commands.demo.binance import binance_files
from pointline_daemon.commands.demo.daemon import DemoDaemon
from pointline_daemon.commands.demo.instruments import PERPETUALS
from pointline_daemon.commands.demo.lake import BAD_ROWS, DAYS, demo_files

import pointline
from pointline.reading import other_tables
from tests.support.oracle import count_rows
from tests.support.waiting import wait_until

LONGEST_SECONDS = 60.0
"""Of processor time: on an idle machine it takes less than that, and a busy one is no failure."""
DEADLINE_SECONDS = 240.0


def start(directory: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pointline_daemon", "demo", str(directory), *options],
        env={name: value for name, value in os.environ.items() if name != "LAKE_ROOT"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_lake_from_nothing(tmp_path):
    lake = tmp_path / "demo"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with start(lake) as process:
        said, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, said
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime < LONGEST_SECONDS

    paths = [lake / "bronze" / file.path for file in demo_files(0)]
    rows = sum(count_rows(path) for path in paths)
    manifest = pl.read_delta(str(lake / "silver" / "ingest_manifest"))
    assert set(manifest["status"]) == {"success"}
    lists = manifest.filter(data_type="instruments")
    assert lists["rows_written"].sum() == len(PERPETUALS) + 1  # one has two versions
    assert manifest.height == len(paths) + lists.height
    manifest = manifest.filter(pl.col("data_type") != "instruments")
    assert manifest["rows_read"].sum() == rows
    assert manifest["rows_quarantined"].sum() == len(BAD_ROWS)
    silver = [pl.scan_delta(str(lake / "silver" / name)).select(pl.len()) for name in tables(lake)]
    assert pl.concat(silver).collect()["len"].sum() == rows - len(BAD_ROWS)
    quarantine = pl.read_delta(str(lake / "silver" / "quarantine"))
    assert dict(quarantine.select("file_seq", "column").iter_rows()) == BAD_ROWS
    assert f"{len(paths) + lists.height} files" in said
    assert "vwap" in said
    assert f"export LAKE_ROOT={lake}" in said
    assert "\x1b" not in said
    assert json.loads((lake / ".pointline" / "state.json").read_text())["running"] is False
    trades = pointline.scan("trades", exchange="deribit", symbol="BTC-PERPETUAL", lake_root=lake)
    ticks = pointline.with_symbols(trades, lake_root=lake).group_by("date").agg(pl.col("tick_size").unique())
    assert dict(ticks.sort("date").collect().iter_rows()) == {
        dt.date(2024, 5, 1): [0.05],
        dt.date(2024, 5, 2): [0.1],
        dt.date(2024, 5, 3): [0.1],
    }


def tables(lake: Path) -> set[str]:
    return {path.name for path in (lake / "silver").iterdir()} - {*other_tables()}


def test_files_of_binance_are_in_once(tmp_path):
    lake = tmp_path / "demo"
    with start(lake, "--vendor", "binance") as process:
        said, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, said
    files = {file.path: file for file in binance_files(0)}
    manifest = pl.read_delta(str(lake / "silver" / "ingest_manifest"))
    assert dict(manifest.select("bronze_file_path", "checksum").rows()) == dict.fromkeys(files, "ok")
    daily = [file for path, file in files.items() if "/daily/" in path]
    for table in ("trades", "bars"):
        held = pl.read_delta(str(lake / "silver" / table))
        assert held.height == sum(file.frame.height for file in daily if file.table == table)
    assert "Each is in once" in said


def test_interrupted_it_leaves_nothing_running(tmp_path):
    lake = tmp_path / "demo"
    with start(lake) as process:
        assert wait_until((lake / "bronze").exists, 30)
        children = psutil.Process(process.pid).children()
        assert children
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in said
    assert not any(child.is_running() for child in children)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with start(tmp_path) as process:
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "not empty" in said
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_second_run_brings_later_days():
    first, second = ({file.path for file in demo_files(run)} for run in (0, 1))
    assert not first & second
    dates = [{file.sample.date for file in demo_files(run)} for run in (0, 1)]
    assert len(dates[0]) == DAYS
    assert max(dates[0]) < min(dates[1])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_drops_ends_it_all_the_same(tmp_path):
    class Ending:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    daemon = DemoDaemon(tmp_path, tmp_path / "log")
    previous = signal.signal(signal.SIGINT, daemon._interrupt)
    try:
        Ending()
        with pytest.raises(KeyboardInterrupt):
            list(daemon.events_within(0))
    finally:
        signal.signal(signal.SIGINT, previous)
