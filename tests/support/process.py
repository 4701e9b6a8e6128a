"""The program as a real process over a real lake, watched from outside: its log, its tables, its exit code."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from tests.support import warm
from tests.support.in_process import can_run_here, run_here
from tests.support.log import Log
from tests.support.waiting import wait_until

SECONDS = 30.0
FAST = {"ingest__settle_seconds": 0.3, "ingest__unfinished_seconds": 1.0, "log__format": "json"}
SETTLED = ("file.committed", "file.quarantined", "file.failed", "file.duplicate")


def environment(lake: Path, **settings: object) -> dict[str, str]:
    """The environment of a program on this lake. Settings are as there, ``section__key`` will do too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTLINE_")}
    named = {f"POINTLINE_{name.upper().removeprefix('POINTLINE_')}": str(value) for name, value in settings.items()}
    return {**kept, "LAKE_ROOT": str(lake), **named}


def settled(lake: Path, arguments: Sequence[str], settings: Mapping[str, object]) -> Mapping[str, object]:
    """What one run is told besides: to wait for no file to settle. What tests drop is whole when it has its name."""
    file = lake / "pointline.toml"
    is_set = any("settle_seconds" in name.lower() for name in settings)
    if arguments[:2] != ("run", "--once") or is_set or (file.is_file() and "settle_seconds" in file.read_text()):
        return {}
    return {"ingest__settle_seconds": 0}


def pointline(lake: Path, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run a command on a lake to its end, on a pipe as it were: in this process where it can."""
    return ran(*arguments, env=environment(lake, **settings, **settled(lake, arguments, settings)))


def ran(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The same with an environment of the caller's own."""
    if not can_run_here(*arguments):
        return warm.run("pointline_daemon", *arguments, env=env)
    stdout, stderr = io.BytesIO(), io.BytesIO()
    code = run_here(*arguments, env=env, stdout=stdout, stderr=stderr)
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue().decode(), stderr.getvalue().decode())


def start_cold(lake: Path, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a new interpreter, as a shell would."""
    command = [sys.executable, "-m", "pointline_daemon", *arguments]
    return subprocess.run(
        command,
        env=environment(lake, **settings, **settled(lake, arguments, settings)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Lake:
    """A lake in a folder and the processes that were started on it. Settings are ``section__key`` to value."""

    module = "pointline_daemon"
    """The program, as ``python -m`` takes it."""

    def __init__(self, root: Path, **settings: object) -> None:
        self.root = root
        self.bronze = root / "bronze"
        self.bronze.mkdir(parents=True)
        self.settings = {**FAST, **settings}
        self.log_file = root.parent / f"{root.name}.log"
        self._log = Log(self.log_file)
        self.process: warm.Process | None = None

    # ---- processes

    def once(self, seconds: float = SECONDS) -> int:
        """Run ``run --once`` to its end, in this process where it can; the exit code."""
        if type(self).module == Lake.module and can_run_here():
            self._begin_log()
            env = self._environment("run", "--once")
            with self.log_file.open("ab") as output:
                return run_here("run", "--once", env=env, stdout=output, stderr=output, seconds=seconds)
        self._start("run", "--once")
        return self._wait(seconds)

    def start(self) -> None:
        """Start ``run`` and wait until it watches."""
        self._start("run")
        assert wait_until(lambda: self.events("daemon.ready"), SECONDS), self.log_text()

    def stop(self, seconds: float = SECONDS) -> int:
        """Ask the process to end with SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self._wait(seconds)

    def kill(self) -> None:
        """End what is still running, without ceremony."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _environment(self, *arguments: str) -> dict[str, str]:
        asked = {name: value for name, value in self.settings.items() if FAST.get(name) != value}
        return environment(self.root, **{**self.settings, **settled(self.root, arguments, asked)})

    def _begin_log(self) -> None:
        self.log_file.write_bytes(b"")
        self._log = Log(self.log_file)

    def _start(self, *arguments: str) -> None:
        self._begin_log()
        with self.log_file.open("ab") as output:
            env = self._environment(*arguments)
            self.process = warm.start(self.module, *arguments, env=env, stdout=output, stderr=output)

    def _wait(self, seconds: float) -> int:
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {seconds} s: {self.log_text()[-2000:]}") from None

    # ---- what it says

    def log_text(self) -> str:
        return self._log.text()

    def events(self, *names: str, path: str | None = None) -> list[dict[str, object]]:
        """Complete log lines of these events, oldest first."""
        return [one for one in self._log.events(*names) if path is None or one["path"] == path]

    def wait_for(self, event: str, path: str, times: int = 1) -> dict[str, object]:
        """Wait until the log has the event for the file; the newest such line."""
        came = wait_until(lambda: len(self.events(event, path=path)) >= times, SECONDS)
        assert came, f"no {event} for {path}:\n{self.log_text()[-3000:]}"
        return self.events(event, path=path)[-1]

    def wait_for_settled(self, files: int) -> None:
        """Wait until that many files have an outcome."""
        came = wait_until(lambda: len(self.events(*SETTLED)) >= files, SECONDS)
        assert came, f"{len(self.events(*SETTLED))} of {files}:\n{self.log_text()[-3000:]}"

    # ---- what it holds

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_delta(str(self.root / "silver" / name))

    def manifest(self) -> pl.DataFrame:
        return self.table("ingest_manifest").sort("file_id")

    def ledger(self) -> dict[str, str]:
        """Status by path of the newest version of each file."""
        return dict(self.manifest().select("bronze_file_path", "status").iter_rows())

    def entry(self, path: str) -> dict[str, object]:
        """The newest version of a file in the manifest."""
        return self.manifest().filter(pl.col("bronze_file_path") == path).row(-1, named=True)

    def versions(self) -> dict[str, int]:
        """Delta version by table."""
        return {folder.name: DeltaTable(folder).version() for folder in sorted((self.root / "silver").iterdir())}
