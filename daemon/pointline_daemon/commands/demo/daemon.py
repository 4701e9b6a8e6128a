"""A real daemon for the demonstration: its own process, ended with the demonstration whatever happens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from pointline.config import load_config
from pointline.errors import PointlineError
from pointline_daemon import events
from pointline_daemon.commands.run import keep_lake
from pointline_daemon.mailbox import Mailbox

START_SECONDS = 30.0
ENDED = "ended"
STOP_SECONDS = 10.0
LINES_SHOWN = 3
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoDaemon:
    """``pointline run`` on a lake. Use as a context manager: entering waits until bronze is watched."""

    def __init__(self, lake: Path, log_file: Path) -> None:
        self._lake = lake
        self._log_file = log_file
        self._events: Mailbox[tuple[float, dict[str, Any]] | str] = Mailbox()
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, name="demo-reader", daemon=True)
        self._handlers: dict[int, Any] = {}
        self._is_interrupted = False

    def __enter__(self) -> Self:
        # Told to end, this process must take the daemon with it.
        self._handlers = {number: signal.signal(number, self._interrupt) for number in ENDING}
        # In a session of its own, Ctrl-C reaches it by way of us alone.
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", __name__, str(self._lake)],
            cwd=self._lake,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader.start()
        is_ready = False
        try:
            self._wait_until_ready()
            is_ready = True
        finally:
            if not is_ready:
                self.stop()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def events_within(self, seconds: float) -> Iterator[tuple[float, dict[str, Any]]]:
        """Yield what is logged, with the monotonic time at which it was read; at least wait that long for one."""
        deadline = time.monotonic() + seconds
        while True:
            if self._is_interrupted:
                raise KeyboardInterrupt
            found = self._events.get(deadline - time.monotonic())
            if found is None:
                return
            if isinstance(found, str):
                raise self._ended()
            yield found

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Python drops what is raised while it destroys something: so it is noted too, and raised at the next look."""
        self._is_interrupted = True
        raise KeyboardInterrupt

    def stop(self) -> int:
        """Ask the daemon to finish what it has, then wait for it. Returns its exit code."""
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        code = process.wait()
        self._reader.join(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        return code

    def _wait_until_ready(self) -> None:
        for _, event in self.events_within(START_SECONDS):
            if event.get("event") == events.DAEMON_READY:
                return
        raise PointlineError("the daemon did not start in time", hint=f"look into {self._log_file}")

    def _ended(self) -> PointlineError:
        last = self._log_file.read_text(encoding="utf-8").splitlines()[-LINES_SHOWN:]
        return PointlineError(f"the daemon ended early: {' | '.join(last)}", hint=f"look into {self._log_file}")

    def _read(self) -> None:
        """Body of the reader's thread: it ends with the daemon's output."""
        process = self._process
        if process is None or process.stdout is None:
            return
        with self._log_file.open("a", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    self._events.put((time.monotonic(), event))
        self._events.put(ENDED)


def _run(lake: str) -> int:
    """Body of the process: ``pointline run`` without the user's settings, which are for the user's lake."""
    try:
        return keep_lake(load_config(lake, {"log": {"format": "json", "level": "info"}}, environ={}), once=False)
    except PointlineError as error:
        print(f"{error}; {error.hint}")
        return 1


if __name__ == "__main__":
    raise SystemExit(_run(sys.argv[1]))
