"""A lake is written by its owner: root acts as the owner, the group of bronze asks the daemon, others are told how."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import as_user, warm
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file
from tests.support.log import Log
from tests.support.process import environment
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the users of these tests")
OWNER, GROUP, MEMBER, STRANGER, DROPPERS = 61_001, 61_002, 61_003, 61_004, 61_005
NAME, BAD = file_name("trades", "A"), file_name("trades", "B")
AS = {"root": (0, 0, ()), "owner": (OWNER, GROUP, (DROPPERS,)), "member": (MEMBER, MEMBER, (DROPPERS,))}
AS["stranger"] = (STRANGER, STRANGER, ())
SECONDS = 30.0
SYMBOLS = """symbol,base_asset,quote_asset,market_type,tick_size,lot_size,contract_size
BTCUSDT,BTC,USDT,spot,0.1,0.001,
"""


class Owned:
    """A lake of a made-up user, in a folder that all may enter; bronze is written by a group."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bronze = root / "bronze"
        self.bronze.mkdir(parents=True)
        os.chown(root, OWNER, GROUP)
        os.chown(self.bronze, OWNER, DROPPERS)
        self.bronze.chmod(0o2775)
        self.log_file = root.parent / "log"

    def put(self, name: str, content: bytes) -> None:
        put_file(self.bronze, name, content)
        os.chown(self.bronze / name, MEMBER, DROPPERS)

    def environ(self) -> dict[str, str]:
        return environment(self.root, ingest__settle_seconds=0.1, log__format="json")

    def run(self, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return as_user.run(*AS[who], *arguments, env=self.environ())

    @contextlib.contextmanager
    def daemon(self, who: str = "owner") -> Iterator[warm.Process]:
        process = as_user.start(*AS[who], "run", env=self.environ(), output=self.log_file)
        try:
            assert wait_until(lambda: self.events("daemon.ready"), SECONDS), self.log_file.read_text()
            yield process
        finally:
            process.terminate()
            process.wait(SECONDS)

    def events(self, name: str) -> list[dict[str, object]]:
        return Log(self.log_file).events(name)

    def strange(self) -> set[str]:
        """Everything the program wrote that is not its owner's."""
        written = [self.root / "silver", self.root / ".pointline"]
        paths = [path for top in written for path in (top, *top.rglob("*"))]
        return {str(path) for path in paths if path.lstat().st_uid != OWNER}


@pytest.fixture
def folder():
    """Where every user may go: pytest's own folder is closed to all but its user, again at each start of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def lake(folder):
    return Owned(folder / "lake")


COMMANDS = [
    ("run", "--once"),
    ("retry", "--status", "quarantined"),
    ("withdraw", "1"),
    ("maintain",),
    ("symbols", "update", "SYMBOLS", "--snapshot", "--effective-at", "2024-05-01", "--exchange", "binance"),
    ("doctor", "--fix"),
]


def filled(lake: Owned) -> None:
    lake.put(NAME, file_content(NAME, 20))
    lake.put(BAD, b"no gzip")
    assert Daemon(lake.root).once() == 0
    for path in (lake.root / "silver", lake.root / ".pointline", lake.root / "log"):
        for entry in (path, *path.rglob("*")):
            os.chown(entry, OWNER, GROUP)


def with_symbols(lake: Owned, command: tuple[str, ...]) -> list[str]:
    """The command; the file of symbols is root's alone."""
    file = lake.root.parent / "symbols.csv"
    file.write_text(SYMBOLS)
    file.chmod(0o600)
    return [str(file) if word == "SYMBOLS" else word for word in command]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
class TestEachCommandThatWrites:
    """None of them leaves a file that the daemon could not write."""

    @pytest.mark.share(2)
    def test_root_acts_as_the_owner(self, lake, command):
        filled(lake)
        done = lake.run("root", *with_symbols(lake, command))
        assert "Traceback" not in done.stderr
        assert done.returncode in {0, 1}, done.stdout + done.stderr
        assert "error" not in done.stderr
        assert lake.strange() == set()
        again = lake.run("owner", "run", "--once")
        assert again.returncode in {0, 1}, again.stdout + again.stderr

    def test_a_stranger_is_told_what_to_type(self, lake, command):
        filled(lake)
        arguments = [word if word != "SYMBOLS" else "/dev/null" for word in command]
        if command[0] == "symbols":
            arguments[2] = str(lake.root.parent / "listed.csv")
            Path(arguments[2]).write_text(SYMBOLS)
        before = sorted(path for path in lake.root.rglob("*") if "requests" not in path.parts)
        done = lake.run("stranger", *arguments)
        assert done.returncode == 1, done.stdout
        typed = f"sudo -u '#{OWNER}' "
        assert typed in done.stderr
        assert f"{' '.join(arguments)} --lake-root {lake.root}" in done.stderr
        assert sorted(path for path in lake.root.rglob("*") if "requests" not in path.parts) == before


def test_a_new_lake_is_its_makers(lake):
    shutil.rmtree(lake.root)
    assert lake.run("root", "run", "--once").returncode == 0
    assert lake.root.stat().st_uid == 0


class TestBesideTheDaemon:
    """Members of the group that drops files ask the daemon, and so does root."""

    @pytest.mark.parametrize("who", ["member", "root", "owner"])
    def test_is_asked(self, lake, who):
        lake.put(BAD, b"no gzip")
        lake.put(NAME, file_content(NAME, 20))
        with lake.daemon():
            assert wait_until(lambda: lake.events("file.quarantined") and lake.events("file.committed"), SECONDS)
            done = lake.run(who, "retry", BAD, "--json")
            assert done.returncode == 0, done.stdout + done.stderr
            assert wait_until(lambda: len(lake.events("file.quarantined")) == 2, SECONDS)
            done = lake.run(who, "maintain", "--json")
            assert done.returncode == 0, done.stdout + done.stderr
            assert json.loads(done.stdout)["done"] == []
            done = lake.run(who, "withdraw", NAME, "--json")
            assert done.returncode == 0, done.stdout + done.stderr
            assert list((lake.root / ".pointline" / "requests").iterdir()) == []
        assert lake.strange() == set()

    def test_a_stranger_is_told_why_not(self, lake):
        lake.put(BAD, b"no gzip")
        with lake.daemon():
            assert wait_until(lambda: lake.events("file.quarantined"), SECONDS)
            done = lake.run("stranger", "retry", BAD)
        assert done.returncode == 1
        assert "cannot be asked: Permission denied" in done.stderr
        assert f"sudo -u '#{OWNER}' " in done.stderr
        assert len(lake.events("file.quarantined")) == 1

    def test_root_runs_the_daemon_as_the_owner(self, lake):
        lake.put(NAME, file_content(NAME, 20))
        with lake.daemon("root") as process:
            assert wait_until(lambda: lake.events("file.committed"), SECONDS)
            threads = Path(f"/proc/{process.pid}/task").iterdir()
            facts = [
                line.split()[1:]
                for thread in threads
                for line in (thread / "status").read_text().splitlines()
                if line.startswith(("Uid:", "Gid:"))
            ]
            assert {tuple(fact) for fact in facts} == {(str(OWNER),) * 4, (str(GROUP),) * 4}
        assert lake.strange() == set()
        assert_exact(lake.root, expect(lake.bronze))


def test_the_group_asks_after_what_doctor_says(lake):
    """Guards doctor's advice: the owner is not in the group of bronze, and the chgrp that is named makes up for it."""
    usual = AS["owner"]
    AS["owner"] = (OWNER, GROUP, ())
    try:
        lake.put(BAD, b"no gzip")
        with lake.daemon():
            assert wait_until(lambda: lake.events("file.quarantined"), SECONDS)
            assert lake.run("member", "retry", BAD).returncode == 1
            found = json.loads(lake.run("owner", "doctor", "--json").stdout)["findings"]
            [one] = [finding for finding in found if finding["kind"] == "requests"]
            command = shlex.split(one["try"])
            assert command[0] == "sudo"
            subprocess.run(command[1:], check=True)
            requests = lake.root / ".pointline" / "requests"
            assert wait_until(lambda: requests.stat().st_mode & 0o770 == 0o770, 5)
            done = lake.run("member", "retry", BAD)
            assert done.returncode == 0, done.stderr
    finally:
        AS["owner"] = usual


def test_a_partition_of_another_owner_holds_up_its_own_files(lake):
    """For real what test_held_up makes up."""
    lake.put(NAME, file_content(NAME, 20))
    with lake.daemon():
        assert wait_until(lambda: lake.events("file.committed"), SECONDS)
        folder = lake.root / "silver" / "trades" / "exchange=binance" / "date=2024-05-01"
        os.chown(folder, 0, 0)
        more, other = file_name("trades", "C"), file_name("trades", "C", day="2024-05-02")
        for name in (more, other):
            lake.put(name, file_content(name, 20))
        assert wait_until(lambda: len(lake.events("file.committed")) == 2, SECONDS)
        assert wait_until(lambda: lake.events("partition.held_up"), SECONDS)
        found = json.loads(lake.run("owner", "doctor", "--json").stdout)["findings"]
        [one] = [finding for finding in found if finding["kind"] == "owner"]
        assert str(folder.relative_to(lake.root)) in one["what"]
        assert one["try"] == f"sudo chown -R {OWNER}: {lake.root}/silver/trades"
        os.chown(folder, OWNER, GROUP)
        assert wait_until(lambda: len(lake.events("file.committed")) == 3, SECONDS)
    assert_exact(lake.root, expect(lake.bronze))
