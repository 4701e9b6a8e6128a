"""Random people and the lake they work on, live or stopped: one seed is one script, which can be replayed and shrunk.

    python -m tests.support.people SEED [live|stopped]

runs a seed; where it fails, acts are dropped while it still fails, and the shortest script is printed.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from pointline_daemon.cli.app import app
from pointline_daemon.commands.lake.verify import verify_lake
from pointline_daemon.logs import configure_logging
from pointline_daemon.process import supervisor
from typer.testing import CliRunner

from pointline.errors import PointlineError
from pointline.io.lock import LakeLock
from pointline.services.ingest import schedule
from tests.support.daemon_thread import Daemon, InProcess
from tests.support.people_acts import WEIGHTS, Act, Bronze
from tests.support.people_judge import Deeds, describe, judge, read_ledger
from tests.support.waiting import wait_until

BURSTS = 9
QUIET_SECONDS = 60.0  # a machine that runs much else is slow, and no fault of the lake
PAUSE_SECONDS = 0.03
MOST_RUNS = 5
SETTINGS = {"ingest__settle_seconds": 0, "ingest__rescan_seconds": 0.3, "ingest__unfinished_seconds": 0.2}


@dataclass(frozen=True, slots=True)
class Burst:
    """Acts within milliseconds, and what follows: ``on``, ``pause``, ``quiet``; live also ``restart``."""

    acts: tuple[Act, ...]
    then: str
    is_seen: bool
    """In the stopped form: whether a daemon runs meanwhile, which is stopped right after."""


Script = tuple[Burst, ...]


class BrokenError(AssertionError):
    """The lake is not what the model says."""


def make_script(seed: int, bursts: int = BURSTS) -> Script:
    rng = random.Random(seed)
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    # Few files make encounters.
    first = tuple(_act(rng, "new") for _ in range(rng.randint(1, 4)))
    script = [Burst(first, rng.choice(["on", "quiet"]), is_seen=False)]
    for _ in range(bursts):
        chosen = rng.choices(names, weights, k=rng.choice([1, 1, 2, 3, 4, 6]))
        then = rng.choices(["on", "pause", "quiet", "restart"], [2, 2, 4, 1])[0]
        script.append(Burst(tuple(_act(rng, name) for name in chosen), then, is_seen=rng.random() < 0.3))
    return tuple(script)


def _act(rng: random.Random, name: str) -> Act:
    return name, rng.randrange(10**6), rng.randrange(10**6), rng.randrange(10**6)


class World:
    """A lake, its people and its daemon."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.deeds = Deeds()
        (root / "bronze").mkdir(parents=True, exist_ok=True)
        # An empty bronze is taken for one that is not mounted: nothing counts as gone from it.
        (root / "bronze" / "notes.txt").touch()
        self.bronze = Bronze(root / "bronze", self.deeds, self.command)
        self.lines: list[str] = []
        self._daemon: InProcess | None = None
        self._stack = contextlib.ExitStack()

    # ---- the daemon

    def start(self) -> None:
        self._daemon = self._stack.enter_context(Daemon(self.root, **SETTINGS).running())

    def stop(self) -> None:
        self._daemon = None
        self._stack.close()

    def once(self) -> None:
        """``run --once``, until one more changes nothing that anybody can see."""
        before = None
        for _ in range(MOST_RUNS):
            lake = Daemon(self.root, **SETTINGS)
            with (self.root / "log").open("a") as stream, LakeLock(lake.config.paths.lock_file, purpose="run") as lock:
                configure_logging("json", "info", stream)
                code = InProcess(lake.lake, lock=lock, once=True).run()
            if code != 0:
                raise BrokenError(f"run --once ended with {code}")
            now = [str(entry) for entry in read_ledger(self.root)]
            if now == before:
                return
            before = now
        raise BrokenError(f"{MOST_RUNS} times `run --once`, and there is still something to do")

    def command(self, *arguments: str) -> int:
        """A command of the program; what it withdraws is noted."""
        before = read_ledger(self.root) if arguments[0] == "withdraw" else []
        done = CliRunner().invoke(app, [*arguments, "--lake-root", str(self.root)])
        if isinstance(done.exception, PointlineError):
            self.lines.append(f"error: {done.exception}")
        elif done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        if arguments[0] == "withdraw" and done.exit_code == 0:
            entries = [*before, *read_ledger(self.root)]
            at_path = {one.content for one in entries if one.path == arguments[1] and one.content}
            self.deeds.withdrawn |= {arguments[1], *at_path}
        return done.exit_code

    def wait_for_quiet(self) -> None:
        """Everything done is scanned for, nothing is on its way, and the ledger does not change any more."""
        daemon = self._daemon
        assert daemon is not None
        deadline = time.monotonic() + QUIET_SECONDS
        before = None
        while True:
            self._scan(daemon)
            wait_until(lambda: self._is_idle(daemon), QUIET_SECONDS)
            now = self._versions()
            if now == before and self._is_idle(daemon):
                return
            before = now
            if time.monotonic() > deadline:
                raise BrokenError(f"not quiet after {QUIET_SECONDS} s")

    @staticmethod
    def _scan(daemon: InProcess) -> None:
        """Have bronze scanned from now on: a scan that is under way may have looked too early."""
        for _ in range(2):
            scans = daemon.components.rescanner.scans
            daemon.components.rescanner.ask("a person waits")
            assert wait_until(lambda known=scans: daemon.components.rescanner.scans > known, QUIET_SECONDS), "no scan"

    @staticmethod
    def _is_idle(daemon: InProcess) -> bool:
        flow = daemon.components.flow
        return daemon.components.inbox.is_idle and flow.is_idle and not flow.unfinished and not flow.scheduled

    def _versions(self) -> list[str]:
        logs = (self.root / "silver").glob("*/_delta_log/*.json")
        return sorted(f"{log.parent.parent.name}/{log.name}" for log in logs)

    # ---- people

    def act(self, act: Act) -> None:
        done = self.bronze.do(act)
        if done:
            self.lines.append(done)

    def check(self) -> None:
        problems = judge(self.root, self.deeds)
        if problems:
            raise BrokenError("\n".join(problems))

    def audit(self) -> list[str]:
        """What ``verify --deep`` finds, of a lake at rest."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            verify_lake(self.root, deep=True, as_json=True)
        return [f"{one['kind']} {one}" for one in json.loads(out.getvalue())["findings"]]

    def check_deep(self) -> None:
        if findings := self.audit():
            raise BrokenError("\n".join(f"verify --deep: {one}" for one in findings))


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Waits that a person would not notice are cut short."""
    with mock.patch.object(supervisor, "TICK_SECONDS", 0.02), mock.patch.object(schedule, "FIRST_SECONDS", 0.05):
        yield


def play(script: Script, form: str, root: Path) -> None:
    """Play a script on a new lake. Raises BrokenError with all there is to know."""
    world = World(root)
    try:
        with hurried():
            _play_live(script, world) if form == "live" else _play_stopped(script, world)
            world.check_deep()
    except AssertionError as error:
        told = "\n".join(world.lines)
        raise BrokenError(f"{error}\n--- {form}:\n{told}\n--- lake:\n{describe(root, world.deeds)}") from error
    finally:
        world.stop()


def _play_live(script: Script, world: World) -> None:
    world.start()
    for burst in script:
        for act in burst.acts:
            world.act(act)
        world.lines.append(f"... {burst.then}")
        if burst.then == "pause":
            time.sleep(PAUSE_SECONDS)
        elif burst.then == "restart":
            world.stop()
            world.start()
        elif burst.then == "quiet":
            world.wait_for_quiet()
            world.check()
    world.wait_for_quiet()
    world.stop()
    world.check()


def _play_stopped(script: Script, world: World) -> None:
    for burst in script:
        if burst.is_seen:
            world.lines.append("... start")
            world.start()
        for act in burst.acts:
            world.act(act)
        if burst.is_seen:
            world.lines.append("... stop")
            world.stop()
        if burst.then in ("quiet", "restart"):
            world.lines.append("... run --once")
            world.once()
            world.check()
    world.lines.append("... run --once")
    world.once()
    world.check()


def fails(script: Script, form: str) -> str:
    """Play a script in a folder of its own; what is wrong, or nothing."""
    with tempfile.TemporaryDirectory(prefix="people-") as folder:
        try:
            play(script, form, Path(folder) / "lake")
        except BrokenError as error:
            return str(error)
    return ""


def shrink(script: Script, form: str, *, tries: int = 1) -> Script:
    """Drop bursts and acts while the script still fails. What depends on chance is tried several times."""

    def still(shorter: Script) -> bool:
        return any(fails(shorter, form) for _ in range(tries))

    changed = True
    while changed:
        changed = False
        for shorter in _shorter(script):
            if still(shorter):
                script, changed = shorter, True
                break
    return script


def _shorter(script: Script) -> Iterator[Script]:
    for number in reversed(range(len(script))):
        yield script[:number] + script[number + 1 :]
    for number, burst in enumerate(script):
        for dropped in range(len(burst.acts) if len(burst.acts) > 1 else 0):
            acts = burst.acts[:dropped] + burst.acts[dropped + 1 :]
            yield (*script[:number], replace(burst, acts=acts), *script[number + 1 :])


def main() -> None:
    seed, form = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "live"
    script = make_script(seed)
    told = fails(script, form)
    print(told or "holds")
    if told:
        script = shrink(script, form)
        print(f"\n=== shortest\n{script!r}\n{fails(script, form)}")


if __name__ == "__main__":
    main()
