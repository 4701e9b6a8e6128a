"""Death at a chosen moment: a proxy round each adapter that ends the process before or after one of its calls.

As a program: ``python -m tests.support.kill LAKE CALL before|after NTH`` takes all of bronze in one batch, as a run
does that finds it at start, and is killed on the way. With steps of ``tests.support.maintained`` behind, it takes those
instead; with ``command`` and the words of one behind, it is that command of the program. A call is named
``manifest.update_statuses``, ``events.trades.commit`` or, of a part, ``events.trades.part_writer.close``. Of what is
behind the adapters there is ``ledger.commit_parts``, ``disk.link`` and ``disk.unlink``,
``upkeep._drop_entries_before``, and what delta-rs does: ``delta.create_checkpoint``. A command knows those of the disk
alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from msgspec.structs import replace
from pointline_daemon import cli
from pointline_daemon.logs import configure_logging
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.process.supervisor import Supervisor

from pointline.config import load_config
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.io.lock import LakeLock
from tests.support import warm
from tests.support.maintained import tend
from tests.support.process import pointline


@dataclass(frozen=True, slots=True)
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


def watch(owner: object, function: str, name: str, fuse: Fuse) -> None:
    """Tell the fuse about every call of a function."""
    setattr(owner, function, Proxy(owner, name, fuse).__getattr__(function))


def watch_disk(fuse: Fuse) -> None:
    """What every writer does, whichever adapters it made for itself; a log entry gets its name by a link."""
    watch(os, "link", "disk", fuse)
    watch(Path, "unlink", "disk", fuse)


def surround(lake: Lake, moment: Moment) -> Lake:
    """Return the lake with a proxy round every adapter that writes."""
    fuse = Fuse(moment)
    watch_disk(fuse)
    watch(DeltaTable, "create_checkpoint", "delta", fuse)
    watch(TableUpkeep, "_drop_entries_before", "upkeep", fuse)
    watch(lake.manifest.repository, "commit_parts", "ledger", fuse)
    return replace(
        lake,
        manifest=Proxy(lake.manifest, "manifest", fuse),
        quarantine=Proxy(lake.quarantine, "quarantine", fuse),
        observations=Proxy(lake.observations, "observations", fuse),
        symbols=Proxy(lake.symbols, "symbols", fuse),
        events={name: Proxy(table, f"events.{name}", fuse) for name, table in lake.events.items()},
    )


def run_until(lake: Path, moment: Moment, *steps: str) -> subprocess.CompletedProcess[str]:
    """Run a process that is killed at that moment; the caller asserts that it came to it."""
    arguments = (str(lake), moment.call, moment.when, str(moment.nth), *steps)
    return warm.run("tests.support.kill", *arguments, env=os.environ)


def run_once(lake: Path) -> subprocess.CompletedProcess[str]:
    """Start the program as a person does."""
    return pointline(lake, "run", "--once")


def _main() -> int:
    root, call, when, nth, *steps = sys.argv[1:]
    if steps[:1] == ["command"]:
        watch_disk(Fuse(Moment(call, when, int(nth))))
        sys.argv = ["pointline", *steps[1:], "--lake-root", root]
        cli.main()
    config = load_config(root, environ={})
    configure_logging("json", "debug")
    lake = surround(open_lake(config), Moment(call, when, int(nth)))
    if steps:
        with LakeLock(config.paths.lock_file, purpose="maintain"):
            tend(lake, steps)
        return 0
    with LakeLock(config.paths.lock_file, purpose="run --once") as lock:
        supervisor = Supervisor(lake, lock=lock, once=True)
        for path in sorted(config.paths.bronze.rglob("*.csv.gz")):
            # All of it before anything begins, so that it makes one batch.
            supervisor.components.inbox.offer(path.relative_to(config.paths.bronze).as_posix(), finished=True)
        return supervisor.run()


if __name__ == "__main__":
    raise SystemExit(_main())
