"""What a service manager hears from a daemon: a socket in its place, a real process at the other end."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from pointline_daemon.samples import Sample, write_sample

from tests.support import warm
from tests.support.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
SECONDS = 30.0
SAMPLE = Sample(exchange="binance", data_type="trades", symbol="BTCUSDT", date=dt.date(2024, 5, 1), rows=50)

# Loops turn ten times a second, so that one second without a message says something.
PROGRAM = """
import os, sys, threading, time
from pathlib import Path
import pointline_daemon.arrival.intake
import pointline_daemon.process.maintenance.thread, pointline_daemon.process.notify
import pointline_daemon.arrival.rescanner, pointline_daemon.process.supervisor
from pointline_daemon.process.maintenance.thread import Maintenance
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.services.ingest.effects import IngestService
from pointline.services.loading.load import Loader
from pointline_daemon.cli import main
from pointline_daemon.process.committing import committer

committer.IDLE_SECONDS = committer.LOOK_SECONDS = 0.1
pointline_daemon.arrival.intake.IDLE_SECONDS = 0.1
pointline_daemon.process.maintenance.thread.LOOK_SECONDS = pointline_daemon.arrival.rescanner.LONGEST_WAIT_SECONDS = 0.1
pointline_daemon.process.notify.LEAST_SECONDS = pointline_daemon.process.supervisor.TICK_SECONDS = 0.1

def hang(*_args, **_kwargs):
    os.write(1, b'{"event": "hung"}\\n')  # in one go: other threads write lines as well
    threading.Event().wait()

def read_slowly(self, group, load=Loader.load):
    os.write(1, b'{"event": "slow"}\\n')
    while not Path(os.environ["LAKE_ROOT"], "go").exists():
        self._reader.steps += 1
        time.sleep(0.05)
    return load(self, group)

def tick(self, turn=pointline_daemon.process.supervisor.Supervisor._tick):
    turn(self)
    os.write(1, b'{"event": "turn"}\\n')

pointline_daemon.process.supervisor.Supervisor._tick = tick

def fail(*_args, **_kwargs):
    raise RuntimeError("line one\\nWATCHDOG=1\\nREADY=1")

CHANGE
sys.argv = ["pointline", "run"]
main()
"""
HANGS = {
    "rescanner": "FolderBronzeSource.survey = hang",
    "intake": "IngestService.begin = hang",
    "worker": "Loader.load = hang",
    "committer": "IngestService.commit = hang",
    "maintenance": "Maintenance._maintain = hang",
}


class Manager:
    """Listens as systemd does, and keeps what it hears: one dictionary of lists per datagram would lose the order."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = self._bind()
        self._messages: list[list[str]] = []

    def _bind(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listening.bind("\0" + self.address[1:] if self.address.startswith("@") else self.address)
        listening.setblocking(False)
        return listening

    def messages(self) -> list[list[str]]:
        """All messages so far, each as its lines."""
        while True:
            try:
                self._messages.append(self._socket.recv(65_536).decode().split("\n"))
            except BlockingIOError:
                return self._messages

    def lines(self, start: str = "") -> list[str]:
        return [line for message in self.messages() for line in message if line.startswith(start)]

    def wait_for(self, start: str, times: int = 1) -> None:
        assert wait_until(lambda: len(self.lines(start)) >= times, SECONDS), (start, self.messages())

    def heard_within(self, seconds: float, start: str) -> int:
        """How many such lines come in that time: a silence has to be listened to."""
        before = len(self.lines(start))
        time.sleep(seconds)
        return len(self.lines(start)) - before

    def falls_silent(self, start: str) -> bool:
        """Whether such lines end to come. What was on its way may still arrive."""
        return wait_until(lambda: self.heard_within(1.0, start) == 0, SECONDS)

    def go(self) -> None:
        self._socket.close()
        if not self.address.startswith("@"):
            Path(self.address).unlink()

    def come_back(self) -> None:
        self._socket = self._bind()

    def close(self) -> None:
        self._socket.close()


class Daemon:
    """``pointline run`` with something changed, on a lake with one file to do."""

    def __init__(self, root: Path, address: str) -> None:
        self.root = root
        self.log_file = root.parent / "log"
        self.address = address
        self.process: warm.Process | None = None
        write_sample(SAMPLE, root / "bronze" / SAMPLE.file_name)

    def start(self, change: str = "", **settings: str) -> None:
        told = {"NOTIFY_SOCKET": self.address, "LAKE_ROOT": str(self.root)}
        told |= {"POINTLINE_LOG__FORMAT": "json", "POINTLINE_INGEST__SETTLE_SECONDS": "0", **settings}
        with self.log_file.open("wb") as output:
            program = self.root.parent / "program.py"
            program.write_text(PROGRAM.replace("CHANGE", change))
            env = {**os.environ, **told}
            self.process = warm.start("tests.support.run_file", str(program), env=env, stdout=output, stderr=output)

    def events(self, name: str) -> list[dict[str, object]]:
        lines = [
            line
            for line in self.log_file.read_text().splitlines(keepends=True)
            if line.startswith("{") and line.endswith("}\n")
        ]
        return [one for one in map(json.loads, lines) if one["event"] == name]

    def wait_for(self, event: str) -> None:
        assert wait_until(lambda: self.events(event), SECONDS), self.log_file.read_text()

    def wait_for_turns(self, turns: int) -> None:
        """Wait until the supervisor's loop has turned so often: it says something, or tries to, at each."""
        before = len(self.events("turn"))
        assert wait_until(lambda: len(self.events("turn")) >= before + turns, SECONDS), self.log_file.read_text()

    def go_on(self) -> None:
        """Let what is read slowly come to its end."""
        (self.root / "go").touch()

    def tell_to_stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def wait(self, manager: Manager) -> int:
        """Its exit code. The manager listens meanwhile: what it does not take in is lost after a few messages."""
        process = self.process
        assert process is not None
        assert wait_until(lambda: bool(manager.messages()) and process.poll() is not None, SECONDS)
        return process.wait()


@pytest.fixture(params=["path", "abstract"])
def address(request, tmp_path):
    if request.param == "path":
        return str(tmp_path / "notify")
    if sys.platform != "linux":
        pytest.skip("abstract names exist on Linux only")
    return f"@pointline-test-{os.getpid()}"


@pytest.fixture
def manager(address):
    manager = Manager(address)
    yield manager
    manager.close()


@pytest.fixture
def daemon(tmp_path, manager):
    daemon = Daemon(tmp_path / "lake", manager.address)
    yield daemon
    if daemon.process is not None:
        daemon.process.kill()
        daemon.process.wait()


on_a_path = pytest.mark.parametrize("address", ["path"], indirect=True)


def test_a_life(daemon, manager):
    daemon.start()
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1", times=2)
    assert wait_until(lambda: "50 rows since the start" in manager.lines("STATUS=")[-1], SECONDS)
    daemon.tell_to_stop()
    assert daemon.wait(manager) == 0
    lines = manager.lines()
    assert lines.count("READY=1") == lines.count("STOPPING=1") == 1
    assert lines[0].startswith("STATUS=starting: 0 queued, 0 in flight; nothing committed yet")
    order = [line.partition("=")[0] for line in lines if not line.startswith("STATUS")]
    assert order[0] == "READY"
    assert order[1] == "WATCHDOG"
    assert order[order.index("STOPPING") - 1] == "WATCHDOG"
    assert order[order.index("STOPPING") + 1] == "EXTEND_TIMEOUT_USEC"
    assert "WATCHDOG" not in order[order.index("STOPPING") :]
    status = manager.lines("STATUS=")[-1]
    assert status.startswith("STATUS=stopping: 0 queued, 0 in flight; last commit 20")
    assert "UTC; 1 file, 50 rows since the start" in status


@on_a_path
class TestReady:
    """READY comes when the first scan has begun and every part runs, and not a moment before."""

    def test_not_while_it_recovers(self, daemon, manager):
        daemon.start("pointline_daemon.opening.prepare.recover = hang")
        daemon.wait_for("hung")
        assert manager.heard_within(1.0, "READY") == 0
        assert manager.lines() == ["STATUS=starting: 0 queued, 0 in flight; nothing committed yet"]

    @pytest.mark.parametrize(
        "body",
        [
            "pointline_daemon.arrival.intake.Intake.run",
            "pointline_daemon.process.committing.committer.Committer.run",
            "Maintenance.run",
        ],
    )
    def test_not_while_a_part_does_not_run(self, daemon, manager, body):
        daemon.start(f"{body} = hang")
        daemon.wait_for("daemon.ready")
        assert manager.heard_within(1.0, "READY") == 0

    def test_not_before_the_first_scan(self, daemon, manager):
        daemon.start("pointline_daemon.arrival.rescanner.Rescanner._take_requests = hang")
        daemon.wait_for("daemon.ready")
        assert manager.heard_within(1.0, "READY") == 0

    def test_while_the_first_scan_lasts(self, daemon, manager):
        daemon.start(HANGS["rescanner"])
        manager.wait_for("READY=1")


@on_a_path
class TestWatchdog:
    """Every sign of life stands for a turn of every loop."""

    def test_idle(self, daemon, manager):
        daemon.start()
        daemon.wait_for("file.committed")
        manager.wait_for("WATCHDOG=1", times=len(manager.lines("WATCHDOG=1")) + 3)

    @pytest.mark.parametrize("part", HANGS)
    def test_not_when_one_hangs(self, daemon, manager, part):
        daemon.start(HANGS[part], POINTLINE_MAINTENANCE__INTERVAL_SECONDS="0.5")
        manager.wait_for("READY=1")
        daemon.wait_for("hung")
        assert manager.falls_silent("WATCHDOG=1")
        assert daemon.process.poll() is None

    def test_while_a_large_file_is_read(self, daemon, manager):
        daemon.start("Loader.load = read_slowly")
        daemon.wait_for("slow")
        manager.wait_for("WATCHDOG=1", times=len(manager.lines("WATCHDOG=1")) + 5)
        assert not daemon.events("file.committed")

    def test_while_the_scan_waits_for_room_in_the_queue(self, daemon, manager):
        for number in range(9):
            one = replace(SAMPLE, symbol=f"S{number}")
            write_sample(one, daemon.root / "bronze" / one.file_name)
        few = {"QUEUE_SIZE": "1", "BATCH_MAX_FILES": "1", "WORKERS": "1"}
        # A file that has to settle first leaves the queue, and all of them would pass through it at once.
        few["SETTLE_SECONDS"] = "0"
        daemon.start("Loader.load = read_slowly", **{f"POINTLINE_INGEST__{name}": few[name] for name in few})
        daemon.wait_for("slow")
        manager.wait_for("STATUS=1 queued, 3 in flight")
        manager.wait_for("WATCHDOG=1", times=len(manager.lines("WATCHDOG=1")) + 5)
        assert not daemon.events("rescan.finished")


@on_a_path
class TestDraining:
    """The time to stop is extended for as long as the part that is waited for goes on."""

    def test_extended_while_it_goes_on(self, daemon, manager):
        daemon.start("Loader.load = read_slowly")
        daemon.wait_for("slow")
        daemon.tell_to_stop()
        manager.wait_for("EXTEND_TIMEOUT_USEC=120000000", times=8)
        daemon.go_on()
        assert daemon.wait(manager) == 0
        assert daemon.events("file.committed")

    @pytest.mark.parametrize("part", ["worker", "committer"])
    def test_not_extended_when_it_hangs(self, daemon, manager, part):
        daemon.start(HANGS[part])
        daemon.wait_for("hung")
        daemon.tell_to_stop()
        manager.wait_for("STOPPING=1")
        assert manager.falls_silent("EXTEND_TIMEOUT_USEC")
        assert daemon.process.poll() is None
        assert "1 in flight" in manager.lines("STATUS=stopping")[-1]


@on_a_path
class TestTrouble:
    """The manager hears of trouble, and is trouble itself only in the log."""

    def test_a_part_that_dies_is_named_and_speaks_no_protocol(self, daemon, manager):
        daemon.start("IngestService.commit = fail")
        assert daemon.wait(manager) == 70
        status = manager.lines("STATUS=")[-1]
        assert "troubled: committer: died: line one\\nWATCHDOG=1\\nREADY=1" in status
        after = manager.lines()[manager.lines().index("STOPPING=1") :]
        assert not {"WATCHDOG=1", "READY=1"} & set(after)

    def test_a_manager_that_goes_and_comes_back(self, daemon, manager):
        daemon.start()
        manager.wait_for("WATCHDOG=1")
        manager.go()
        daemon.wait_for("notify.failed")
        daemon.wait_for_turns(4)  # several messages fail
        manager.come_back()
        daemon.wait_for("notify.resumed")
        manager.wait_for("WATCHDOG=1", times=2)
        assert len(daemon.events("notify.failed")) == len(daemon.events("notify.resumed")) == 1

    def test_a_manager_that_is_busy_is_not_waited_for(self, daemon, manager):
        daemon.start()
        manager.wait_for("READY=1")
        while True:  # nobody fetches, until no more fits
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
                full.settimeout(0)
                try:
                    full.sendto(b"NOISE=1", manager.address)
                except BlockingIOError:
                    break
        daemon.wait_for_turns(4)
        daemon.tell_to_stop()
        assert daemon.wait(manager) == 0
        assert not daemon.events("notify.failed")
