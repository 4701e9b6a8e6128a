"""The daemon on a thread of the tests' own process, so that what it stands on can be made to fail."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from pointline_daemon.logs import configure_logging
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.process.supervisor import Supervisor, _Signalled

from pointline.config import load_config
from pointline.errors import PointlineError
from pointline.io.lock import LakeLock
from tests.support.log import Log
from tests.support.waiting import wait_until

SECONDS = 30.0


class InProcess(Supervisor):
    """A supervisor that is told to stop without a signal."""

    def _handle_signals(self) -> None:
        pass

    def ask_to_stop(self) -> None:
        self._messages.put(_Signalled(signal.SIGTERM))


class Daemon:
    """A lake and the daemon on it. Settings are as in the environment, without the prefix."""

    def __init__(self, root: Path, **settings: object) -> None:
        fast = {"ingest__settle_seconds": 0, "ingest__rescan_seconds": 60, "maintenance__enabled": False}
        self.root = root
        self.bronze = root / "bronze"
        self.bronze.mkdir(parents=True, exist_ok=True)
        environ = {f"POINTLINE_{name.upper()}": str(value) for name, value in {**fast, **settings}.items()}
        self.config = load_config(root, environ=environ)
        self.lake: Lake = open_lake(self.config)
        self.log_file = root / "log"
        self._log = Log(self.log_file)
        self.exit_code: int | None = None
        self.error: PointlineError | None = None
        """Why it could not start."""
        self.supervisor: InProcess | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[InProcess]:
        """Run it; at the end ask it to stop and wait."""
        with self.log_file.open("w") as stream, LakeLock(self.config.paths.lock_file, purpose="run") as lock:
            self._log = Log(self.log_file)
            configure_logging("json", "info", stream)
            supervisor = self.supervisor = InProcess(self.lake, lock=lock)

            def run() -> None:
                try:
                    self.exit_code = supervisor.run()
                except PointlineError as error:
                    self.error = error

            thread = threading.Thread(target=run, name="daemon")
            thread.start()
            try:
                assert wait_until(lambda: self.events("daemon.ready") or not thread.is_alive(), SECONDS)
                if self.error is None:
                    yield supervisor
            finally:
                supervisor.ask_to_stop()
                thread.join(SECONDS)
                assert not thread.is_alive()
            if self.error is not None:
                raise self.error

    def once(self) -> int:
        """Ingest what is there and end; the exit code."""
        with self.log_file.open("w") as stream, LakeLock(self.config.paths.lock_file, purpose="run --once") as lock:
            self._log = Log(self.log_file)
            configure_logging("json", "info", stream)
            return InProcess(self.lake, lock=lock, once=True).run()

    def log_text(self) -> str:
        return self._log.text()

    def events(self, *names: str) -> list[dict[str, object]]:
        return self._log.events(*names)

    def wait_for(self, event: str, times: int = 1) -> dict[str, object]:
        assert wait_until(lambda: len(self.events(event)) >= times, SECONDS), self.log_text()[-3000:]
        return self.events(event)[times - 1]

    def wait_for_end(self) -> int:
        assert wait_until(lambda: self.exit_code is not None, SECONDS), self.log_text()[-3000:]
        assert self.exit_code is not None
        return self.exit_code
