"""Whoever may not read a lake gets one error, and the command that gives access or that its owner has to type."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.faults.test_owners import OWNER, Owned, filled, folder, lake  # noqa: F401 - fixtures
from tests.support.lake_check import file_content, file_name

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the users of these tests")

READING = [
    ("status",),
    ("files",),
    ("explain", "1"),
    ("trace", "trades", "1", "1"),
    ("quarantine",),
    ("coverage",),
    ("verify",),
    ("doctor",),
    ("symbols", "show"),
]
WRITING = [
    ("run", "--once"),
    ("retry", "2"),
    ("withdraw", "1"),
    ("maintain",),
    ("repair",),
    ("repair", "--dry-run"),
    ("symbols", "update", "/dev/null"),
]
OTHERS = [("config", "show"), ("config", "check"), ("service", "install", "--print")]
SHUT = {"the lake": "", "the folder above": "..", "silver": "silver", "a log": "silver/ingest_manifest/_delta_log"}


def names(command: tuple[str, ...]) -> str:
    return " ".join(command)


@pytest.fixture
def shut(lake):  # noqa: F811 - the fixture
    """A lake in which a place is open to its owner alone."""
    filled(lake)

    def shut(place: str, mode: int = 0o700) -> Path:
        path = (lake.root / place).resolve()
        os.chown(path, OWNER, -1)
        path.chmod(mode)
        return path

    return shut


def told(lake: Owned, who: str, *command: str) -> dict[str, str]:  # noqa: F811 - not the fixture
    """What a command says in both forms: an error of one line, and what to do."""
    done = lake.run(who, *command)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert [line[:6] for line in lines] == ["error:", "try:  "], done.stderr
    return {"error": lines[0][7:], "try": lines[1][7:]}


@pytest.mark.parametrize(
    ("command", "place"),
    [
        *((one, "the lake") for one in [*READING, *WRITING, *OTHERS]),
        *((one, "the folder above") for one in [READING[0], WRITING[0], OTHERS[0]]),
    ],
    ids=str,
)
@pytest.mark.share(2)
def test_a_stranger_who_may_not_enter(lake, shut, command, place):  # noqa: F811
    path = shut(SHUT[place])
    said = told(lake, "stranger", *command)
    assert str(path) in said["error"]
    typed = shlex.split(said["try"])
    assert typed[:3] == ["sudo", "-u", f"#{OWNER}"]
    assert typed[4:] == [*command, "--lake-root", str(lake.root)]


@pytest.mark.parametrize(
    ("command", "place"), [(("status",), "silver"), (("files",), "a log"), (("verify",), "silver")], ids=str
)
def test_a_stranger_who_may_not_read(lake, shut, command, place):  # noqa: F811
    shut(SHUT[place])
    assert told(lake, "stranger", *command)["try"].startswith(f"sudo -u '#{OWNER}' ")


@pytest.mark.parametrize(
    ("command", "table"),
    [
        *((one, "trades") for one in [*WRITING[:1], *WRITING[3:6], READING[3]]),
        *((one, "ingest_manifest") for one in WRITING[:3]),
    ],
    ids=str,
)
@pytest.mark.share(2)
def test_an_owner_who_may_not_read_a_log(lake, shut, command, table):  # noqa: F811
    """The command that is named gives access, and nothing was moved away or read again."""
    log = shut(f"silver/{table}/_delta_log", 0)
    said = told(lake, "owner", *command)
    assert "ermission denied" in said["error"]
    wanted = f"{log} belongs to {OWNER} and has mode 0000: `chmod -R u+rwX {log}`"
    assert said["try"] == wanted
    subprocess.run(shlex.split(said["try"].split("`")[1]), check=True)
    lake.put(file_name("trades", "Z"), file_content(file_name("trades", "Z"), 5))
    done = lake.run("owner", "run", "--once")
    assert done.returncode in {0, 1}, done.stderr
    assert not (lake.root / ".pointline/set_aside").exists()
    assert json.loads(lake.run("owner", "verify", "--json").stdout)["ok"]


@pytest.mark.parametrize("command", ["doctor", "verify"])
def test_who_looks_names_it(lake, shut, command):  # noqa: F811
    log = shut("silver/trades/_delta_log", 0)
    done = lake.run("owner", command, "--json")
    assert done.returncode == 1
    [found] = [one for one in json.loads(done.stdout)["findings"] if one["table"] == "trades"]
    assert "chmod -R u+rwX" in found["try"]
    assert "silver/trades" in found["path"]
    assert "_delta_log" in found["what"], log


def test_a_partition_that_may_not_be_read_is_not_given_up(lake, shut):  # noqa: F811
    """Bronze has its files no more: nothing of it is called lost, and `repair` leaves it where it is."""
    (lake.bronze / file_name("trades", "A")).unlink()
    partition = shut("silver/trades/exchange=binance/date=2024-05-01", 0)
    lake.put(file_name("quotes", "Z"), file_content(file_name("quotes", "Z"), 5))
    done = lake.run("owner", "run", "--once")
    assert done.returncode in {0, 1}
    assert '"file.committed"' in done.stdout, done.stderr
    assert f"{partition}" in told(lake, "owner", "repair")["try"]
    found = json.loads(lake.run("owner", "verify", "--json").stdout)["findings"]
    assert "part_shut" in [one["kind"] for one in found]
    partition.chmod(0o755)
    assert json.loads(lake.run("owner", "verify", "--json").stdout)["ok"]


MARKS = {
    "immutable": (["chattr", "+i"], ["chattr", "-i"], "chattr -i"),
    "an access list": (["setfacl", "-m", f"u:{OWNER}:r-x"], ["setfacl", "-b"], "chown -R"),
}


@pytest.mark.parametrize("mark", MARKS)
def test_a_partition_that_is_shut_by_other_means_than_its_mode(lake, mark):  # noqa: F811
    """Its files wait, with the reason and what to do; all others go in."""
    begin, end, wanted = MARKS[mark]
    filled(lake)
    partition = lake.root / "silver/trades/exchange=binance/date=2024-05-01"
    if mark != "immutable":
        os.chown(partition, 0, 0)
    try:
        if subprocess.run([*begin, partition], check=False, capture_output=True).returncode:
            pytest.skip("the file system knows no such mark")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    try:
        shut_one, other = file_name("trades", "Z"), file_name("trades", "Z", day="2024-05-02")
        for name in (shut_one, other):
            lake.put(name, file_content(name, 5))
        done = lake.run("owner", "run", "--once")
    finally:
        subprocess.run([*end, partition], check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    [said] = [line for line in lines if line["event"] == "partition.held_up"]
    assert said["partition"] == "trades binance/2024-05-01"
    assert f"{wanted}" in said["hint"]
    assert str(partition) in said["hint"]
    assert [line["path"] for line in lines if line["event"] == "file.committed"] == [other]
