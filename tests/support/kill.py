"""Death at a chosen moment: a proxy round each adapter that ends the process before or after one of its calls.

As a program: ``python -m tests.support.kill LAKE CALL before|after NTH`` takes all of bronze in one batch, as a run
does that finds it at start, and is killed on the way. A call is named ``manifest.update_statuses``,
``events.trades.commit`` or, of a part, ``events.trades.part_writer.close``.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any, Self

from daemon.commands.run import run_lake
from daemon.lake import Lake, open_lake
from daemon.logs import configure_logging
from daemon.supervisor import Supervisor
from pointline.config import load_config
from pointline.io.lock import LakeLock

REPOSITORY = Path(__file__).parents[2]
RUN_SECONDS = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """Before or after the ``nth`` call of a method."""

    call: str
    when: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.when}-{self.call}-{self.nth}"


class Fuse:
    """Counts calls and kills the process at its moment."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._lock = threading.Lock()
        self._left = moment.nth

    def reach(self, call: str, when: str) -> None:
        if (call, when) != (self._moment.call, self._moment.when):
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Proxy:
    """Stands in for an adapter and tells the fuse about every call. What starts a part gives a proxy of the part."""

    def __init__(self, inner: object, name: str, fuse: Fuse) -> None:
        self._inner = inner
        self._name = name
        self._fuse = fuse

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._inner, attribute)
        return self._told(f"{self._name}.{attribute}", value) if callable(value) else value

    def _told(self, call: str, method: Callable[..., object]) -> Callable[..., object]:
        def told(*args: object, **kwargs: object) -> object:
            if args and isinstance(args[0], Sized) and not len(args[0]):
                return method(*args, **kwargs)  # nothing to write: no effect, no boundary
            self._fuse.reach(call, "before")
            result = method(*args, **kwargs)
            self._fuse.reach(call, "after")
            return Proxy(result, call, self._fuse) if call.endswith(".part_writer") else result

        return told


def surround(lake: Lake, moment: Moment) -> Lake:
    """Return the lake with a proxy round every adapter that writes."""
    fuse = Fuse(moment)
    return dataclasses.replace(
        lake,
        manifest=Proxy(lake.manifest, "manifest", fuse),
        quarantine=Proxy(lake.quarantine, "quarantine", fuse),
        events={name: Proxy(table, f"events.{name}", fuse) for name, table in lake.events.items()},
    )


def run_until(lake: Path, moment: Moment) -> subprocess.CompletedProcess[str]:
    """Run a process that is killed at that moment; the caller asserts that it came to it."""
    command = [sys.executable, "-m", "tests.support.kill", str(lake), moment.call, moment.when, str(moment.nth)]
    return _run(command)


class Starter:
    """A process that starts the program on one lake after the other, to pay for its imports once."""

    def __enter__(self) -> Self:
        code = "from tests.support.kill import serve_runs; serve_runs()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return self

    def run_once(self, lake: Path) -> int:
        """Do what ``pointline run --once`` does; return its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(lake, file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("exit "):
                return int(line.removeprefix("exit "))
        raise AssertionError("the program died")

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.communicate()


def serve_runs() -> None:
    """Body of a ``Starter``'s process."""
    for line in sys.stdin:
        signal.alarm(RUN_SECONDS)
        code = run_lake(Path(line.rstrip("\n")), once=True)
        signal.alarm(0)
        print(f"exit {code}", flush=True)


def run_once(lake: Path) -> subprocess.CompletedProcess[str]:
    """Start the program as a person does."""
    return _run([sys.executable, "-m", "daemon", "run", "--once", "--lake-root", str(lake)])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)


def _main() -> int:
    root, call, when, nth = sys.argv[1:]
    config = load_config(root, environ={})
    configure_logging("json", "debug")
    lake = surround(open_lake(config), Moment(call, when, int(nth)))
    with LakeLock(config.paths.lock_file, purpose="run --once"):
        supervisor = Supervisor(lake, once=True)
        for path in sorted(config.paths.bronze.rglob("*.csv.gz")):
            # All of it before anything begins, so that it makes one batch.
            supervisor.inbox.offer(path.relative_to(config.paths.bronze).as_posix(), finished=True)
        return supervisor.run()


if __name__ == "__main__":
    raise SystemExit(_main())
