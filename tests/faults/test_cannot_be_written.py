"""What root may not write either: immutable files, and disks that can only be read. It is said, with the remedy."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pointline_daemon.condition.health import SILENT_SECONDS

from pointline.io.health import headroom
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import pointline
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mark and mount")
NAMES = [file_name("trades", "A"), file_name("quotes", "B")]


@pytest.fixture
def daemon(tmp_path) -> Daemon:
    daemon = Daemon(tmp_path / "lake")
    put_file(daemon.bronze, NAMES[0], file_content(NAMES[0], 20))
    daemon.once()
    return daemon


@pytest.fixture
def shut(daemon) -> Iterator[object]:
    """Mark a path of the lake immutable; it is free again behind the test."""
    marked: list[Path] = []

    def mark(path: Path) -> None:
        try:
            if subprocess.run(["chattr", "+i", path], check=False, capture_output=True).returncode:
                pytest.skip("the file system knows no such mark")
        except FileNotFoundError as error:
            pytest.skip(str(error))
        marked.append(path)

    yield mark
    for path in marked:
        subprocess.run(["chattr", "-i", path], check=True)


def findings(daemon: Daemon) -> list[dict[str, str]]:
    found = json.loads(pointline(daemon.root, "doctor", "--json").stdout)["findings"]
    return [one for one in found if one["kind"] == "not_writable"]


@pytest.mark.parametrize(
    "place", [".pointline", ".pointline/state.json", "silver", "silver/trades/_delta_log", "silver/ingest_manifest"]
)
def test_doctor_names_what_is_immutable(daemon, shut, place):
    assert findings(daemon) == []
    shut(daemon.root / place)
    [found] = findings(daemon)
    assert (found["path"], "it may not be written" in found["what"]) == (place, True)
    subprocess.run(shlex.split(found["try"].split("`")[-2].removeprefix("sudo ")), check=True)
    assert findings(daemon) == []


def test_a_daemon_whose_state_cannot_be_written_is_not_called_dead(daemon, shut):
    with daemon.running():
        state = daemon.root / ".pointline/state.json"
        kept = json.loads(state.read_bytes())
        old = json.dumps({**kept, "at": time.time() - SILENT_SECONDS - 9})
        shut(state)
        while state.read_text() != old:  # the daemon writes it too, and may have done so in between
            subprocess.run(["chattr", "-i", state], check=True)
            state.write_text(old)
            subprocess.run(["chattr", "+i", state], check=True)
        put_file(daemon.bronze, NAMES[1], file_content(NAMES[1], 20))
        assert wait_until(lambda: daemon.events("file.committed"), 20)
        assert wait_until(lambda: daemon.events("state.unwritten"), 20)
        told = json.loads(pointline(daemon.root, "status", "--json").stdout)
        assert (told["health"], f"{state} may not be written" in told["reason"]) == ("silent", True)
        assert len(daemon.events("state.unwritten")) == 1
        assert "chattr -i" in daemon.events("state.unwritten")[0]["hint"]


@pytest.fixture
def read_only(daemon) -> Iterator[Path]:
    """Silver as a disk of its own that can only be read."""
    silver = daemon.root / "silver"
    if subprocess.run(["mount", "--bind", silver, silver], check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    subprocess.run(["mount", "-o", "remount,ro,bind", silver], check=True)
    yield silver
    subprocess.run(["umount", "-l", silver], check=True)


def test_a_lake_that_can_only_be_read(daemon):
    """What only looks and takes the lock all the same names the command that writes nothing."""
    if subprocess.run(["mount", "--bind", daemon.root, daemon.root], check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", daemon.root], check=True)
        refused = pointline(daemon.root, "repair", "--dry-run")
        assert (refused.returncode, "`pointline verify` writes nothing" in refused.stderr) == (1, True), refused.stderr
        assert pointline(daemon.root, "verify").returncode == 0
    finally:
        subprocess.run(["umount", "-l", daemon.root], check=True)


def test_a_silver_that_can_only_be_read(daemon, read_only):
    """What waits says why, and `doctor` does, and all is well once it can be written."""
    [found] = findings(daemon)
    assert (found["path"], "mounted read-only" in found["what"], found["try"]) == (
        "silver",
        True,
        "remount it for writing",
    )
    with daemon.running():
        put_file(daemon.bronze, NAMES[1], file_content(NAMES[1], 20))
        told = lambda: json.loads(pointline(daemon.root, "explain", NAMES[1], "--json").stdout)  # noqa: E731
        assert wait_until(lambda: "the daemon is " in json.dumps(told()), 20), told()
        subprocess.run(["mount", "-o", "remount,rw,bind", read_only], check=True)
        assert wait_until(lambda: daemon.events("file.committed"), 30)


@pytest.mark.parametrize("total", [64 << 20, 200 << 20, 1 << 40])
def test_a_small_disk_is_not_called_full(total):
    """Half of it being free, whatever a batch may take."""
    assert headroom(256 << 20, total) <= total // 20
    assert headroom(256 << 20, 1 << 40) == 512 << 20
