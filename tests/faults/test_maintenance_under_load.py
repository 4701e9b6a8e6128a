"""Maintenance that nobody notices: drops at full speed, readers that count, compaction every two seconds.

Takes minutes and measures, so it runs by itself:
``pytest -n 0 -s -m soak tests/faults/test_maintenance_under_load.py``.
"""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from pointline_daemon.samples import Sample, csv_bytes, gzip_bytes, sample_frame

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
DROPS = int(os.environ.get("POINTLINE_DROPS", "5000"))
ROWS = 200
DAYS = [dt.date(2024, 5, day) for day in (1, 2, 3, 4)]
MOST_PARTS = 3


def stage(folder: Path) -> list[Path]:
    """Drops of ``ROWS`` rows each, one symbol per drop, into one partition per day."""
    folder.mkdir()
    texts = {
        day: csv_bytes(
            sample_frame(Sample(exchange="binance", data_type="trades", symbol="SYMBOL", date=day, rows=ROWS))
        )
        for day in DAYS
    }
    files = []
    for number in range(DROPS):
        day = DAYS[number % len(DAYS)]
        path = folder / f"binance_trades_{day}_S{number}.csv.gz"
        path.write_bytes(gzip_bytes(texts[day].replace(b"SYMBOL", b"S%d" % number), 1))
        files.append(path)
    return files


def count_in_a_loop(table: str, stop: multiprocessing.synchronize.Event, wrong: multiprocessing.Queue) -> None:
    """A reader: every count is a multiple of a drop's rows and never shrinks."""
    last = 0
    looks = 0
    while not stop.is_set():
        try:
            count = pl.scan_delta(table).select(pl.len()).collect().item()
        except Exception as error:  # noqa: BLE001 - a reader that fails is what is looked for
            wrong.put(f"a read failed: {error!r}"[:300])
            continue
        looks += 1
        if count % ROWS or count < last:
            wrong.put(f"read {count} after {last}")
        last = count
    wrong.put(looks)


def run(tmp_path: Path, files: list[Path], *, maintained: bool, readers: int) -> dict[str, object]:
    lake = tmp_path / f"lake_{maintained}_{readers}"
    bronze = lake / "bronze"
    bronze.mkdir(parents=True)
    environment = {
        **os.environ,
        "LAKE_ROOT": str(lake),
        "POINTLINE_MAINTENANCE__ENABLED": str(maintained).lower(),
        "POINTLINE_MAINTENANCE__INTERVAL_SECONDS": "2",
        "POINTLINE_LOG__FORMAT": "json",
    }
    log = (lake / "log").open("w")
    daemon = subprocess.Popen([sys.executable, "-m", "pointline_daemon", "run"], cwd=ROOT, env=environment, stdout=log)
    table = str(lake / "silver" / "trades")
    assert wait_until(lambda: "daemon.ready" in (lake / "log").read_text(), 60)
    context = multiprocessing.get_context("spawn")
    stop, wrong = context.Event(), context.Queue()
    processes = [context.Process(target=count_in_a_loop, args=(table, stop, wrong)) for _ in range(readers)]
    for process in processes:
        process.start()
    dropped: dict[str, float] = {}
    started = time.time()
    for file in files:
        os.link(file, bronze / f".{file.name}")
        dropped[file.name] = time.time()
        (bronze / f".{file.name}").rename(bronze / file.name)

    def committed() -> list[dict[str, object]]:
        lines = (json.loads(line) for line in (lake / "log").read_text().splitlines())
        return [line for line in lines if line["event"] == "file.committed"]

    assert wait_until(lambda: len(committed()) >= len(files), 600)
    seconds = time.time() - started
    latencies = [
        dt.datetime.fromisoformat(str(line["ts"])).timestamp() - dropped[str(line["path"])] for line in committed()
    ]

    if maintained:
        assert wait_until(lambda: max(live_parts(table).values()) <= MOST_PARTS, 60), live_parts(table)
    stop.set()
    found = [wrong.get(timeout=60) for _ in processes] if readers else []
    for process in processes:
        process.join(30)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(60) == 0
    ledger = pl.read_delta(str(lake / "silver" / "ingest_manifest"))
    assert ledger["status"].unique().to_list() == ["success"]
    assert ledger.height == len(files)
    rows = (
        pl.scan_delta(table).select(pl.len(), pl.struct("file_id", "file_seq").n_unique().alias("distinct")).collect()
    )
    assert rows.row(0) == (len(files) * ROWS, len(files) * ROWS)
    return {
        "lake": lake,
        "seconds": seconds,
        "p95": statistics.quantiles(latencies, n=20)[-1],
        "looks": [one for one in found if isinstance(one, int)],
        "wrong": [one for one in found if not isinstance(one, int)],
        "parts": live_parts(table),
    }


def live_parts(table: str) -> dict[object, int]:
    actions = pl.DataFrame(DeltaTable(table).get_add_actions(flatten=True))
    return dict(actions.group_by("partition.date").len().iter_rows())


@pytest.mark.soak
def test_nobody_notices(tmp_path: Path) -> None:
    """No failed or doubled file, no wrong count ever read, few parts at the end, and no one waits much longer."""
    files = stage(tmp_path / "stage")
    on = run(tmp_path, files, maintained=True, readers=2)
    off = run(tmp_path, files, maintained=False, readers=2)
    ratio = float(str(on["p95"])) / float(str(off["p95"]))
    print(f"\nwith maintenance    {on}\nwithout maintenance {off}\np95 ratio {ratio:.2f}")
    assert not on["wrong"]
    assert all(count > 0 for count in on["looks"])
    verify = [sys.executable, "-m", "pointline_daemon", "verify", "--deep", "--lake-root", str(on["lake"])]
    assert subprocess.run(verify, cwd=ROOT, check=False).returncode == 0
    assert ratio <= 1.5
