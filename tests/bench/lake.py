"""A lake to measure, and the product's processes on it, seen from outside: their log, their tables, their cost."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from tests.bench.inputs import Input
from tests.bench.process import REPOSITORY, BenchmarkFailed, Cost, environment, module, run, tail
from tests.bench.sums import check_rows, check_table

READY_SECONDS = 600.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.002
Fact = dict[str, Any]


class BenchLake:
    """A lake in a folder of its own, with the default settings but for those given as ``SECTION__KEY``."""

    def __init__(self, root: Path, **settings: object) -> None:
        self.root = root
        self.bronze = root / "bronze"
        self.log = root.with_name(f"{root.name}.log")
        names = {f"POINTLINE_{name.upper()}": value for name, value in settings.items()}
        self.settings = {"LAKE_ROOT": root, "POINTLINE_LOG__FORMAT": "json", **names}

    def renew(self, source: Input | None = None) -> None:
        """Begin anew, with the files of an input in bronze."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.bronze.mkdir(parents=True)
        if source is not None:
            source.link_into(self.bronze)

    def table(self, name: str) -> Path:
        return self.root / "silver" / name

    def command(self, *arguments: object) -> Cost:
        """Run ``pointline ...`` as a process, from start to exit."""
        return run(module("pointline_daemon", *arguments), self.log, self.settings)

    def once(self) -> Cost:
        return self.command("run", "--once")

    def check(self, source: Input) -> None:
        """Count and sums: the ledger has every file as in, and silver exactly what was generated."""
        check_table(self.table(source.data_type), source.sums)
        done = DeltaTable(self.table("ingest_manifest")).to_pyarrow_table(columns=["status"])["status"].to_pylist()
        check_rows(done.count("success"), source.sums.files, "the ledger, of files that are in,")

    def events(self, *names: str) -> list[Fact]:
        """The complete log lines of these events, oldest first."""
        return [line for line in read_log(self.log) if line["event"] in names]

    @contextlib.contextmanager
    def daemon(self) -> Iterator[Daemon]:
        """A running daemon; asked to stop at the end, and made to if it does not."""
        os.sync()
        with self.log.open("wb") as output:
            process = subprocess.Popen(
                module("pointline_daemon", "run"),
                cwd=REPOSITORY,
                env=environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield Daemon(process=process, lake=self, begun=time.perf_counter())
            process.send_signal(signal.SIGTERM)
            if process.wait(STOP_SECONDS):
                raise BenchmarkFailed(f"the daemon ended with {process.returncode}:\n{tail(self.log)}")
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A daemon that runs. ``begun`` is of ``time.perf_counter``."""

    process: subprocess.Popen[bytes]
    lake: BenchLake
    begun: float

    def wait_for(self, event: str) -> Fact:
        """Wait for the first line of an event."""
        deadline = time.perf_counter() + READY_SECONDS
        while time.perf_counter() < deadline:
            if found := self.lake.events(event):
                return found[0]
            if self.process.poll() is not None:
                break
            time.sleep(POLL_SECONDS * 5)
        raise BenchmarkFailed(f"no {event}:\n{tail(self.lake.log)}")

    def peak_bytes(self) -> int:
        """The most memory it has held so far. Linux."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def cpu_seconds(self) -> float:
        """Processor time of the process so far, of threads that have ended too, to the nanosecond. Linux."""
        clock_of_process = ~self.process.pid << 3 | 2  # what clock_getcpuclockid(3) returns
        return time.clock_gettime(clock_of_process)


def read_log(path: Path) -> list[Fact]:
    with path.open(encoding="utf-8", errors="replace") as log:
        return [json.loads(line) for line in log if line.startswith("{") and line.endswith("\n")]
