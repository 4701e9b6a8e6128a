"""A lake that is complete: how fast the daemon knows that nothing is to do, and what it costs to go on knowing."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.known_files import KnownFiles
from tests.bench.measure import Bench, Measure
from tests.bench.process import BenchmarkFailed
from tests.bench.report import progress

MB = 1_000_000
CALM_SECONDS = 5.0
NO_RESCAN_SECONDS = 86_400


def start(bench: Bench) -> Iterator[Measure]:
    """From the start of the process until the first scan has found that nothing is to do."""
    known = KnownFiles.prepare(bench.scratch, bench.size(1_000_000, 50_000))
    seconds, peaks, ready = [], [], []
    for turn in range(1, bench.runs + 1):
        with known.lake().daemon() as daemon:
            daemon.wait_for("daemon.ready")
            ready.append(time.perf_counter() - daemon.begun)
            scan = daemon.wait_for("rescan.finished")
            seconds.append(time.perf_counter() - daemon.begun)
            peaks.append(daemon.peak_bytes() / MB)
        if (scan["files"], scan["offered"]) != (known.files, 0):
            raise BenchmarkFailed(f"the first scan found {scan} in a complete lake of {known.files:,} files")
        progress(f"{turn}/{bench.runs} {seconds[-1]:.2f} s, {peaks[-1]:,.0f} MB")
    known.check()
    notes = [f"{known.files:,} files in ledger and bronze; watching after {min(ready):.2f} s at best"]
    yield Measure.median("start", "nothing to do", "s", seconds, must=15, aim=5, notes=notes)
    yield Measure.median("start", "peak until then", "MB", peaks, must=900, aim=500)


def idle(bench: Bench) -> Iterator[Measure]:
    """Processor time between rescans, as a share of one core."""
    known = KnownFiles.prepare(bench.scratch, bench.size(100_000, 10_000))
    window = bench.size(60, 5)
    shares = []
    with known.lake(ingest__rescan_seconds=NO_RESCAN_SECONDS).daemon() as daemon:
        daemon.wait_for("rescan.finished")
        time.sleep(CALM_SECONDS)
        for turn in range(1, bench.runs + 1):
            begun, cpu = time.perf_counter(), daemon.cpu_seconds()
            time.sleep(window)
            shares.append((daemon.cpu_seconds() - cpu) / (time.perf_counter() - begun) * 100)
            progress(f"{turn}/{bench.runs} {shares[-1]:.3f} %")
    known.check()
    notes = [f"{known.files:,} files; windows of {window} s"]
    yield Measure.median("idle", "of one core", "%", shares, must=0.5, aim=0.1, notes=notes)
