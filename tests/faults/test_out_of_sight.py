"""What cannot be seen is not gone: disks that are not mounted, folders and files that may not be read."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pointline.io.access import access_hint
from tests.faults.test_owners import NAME, OWNER, STRANGER, Owned, filled, folder, lake  # noqa: F401 - fixtures
from tests.support.lake_check import file_content, file_name, put_file, read_manifest
from tests.support.process import Lake, pointline

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the users of these tests")
COMMANDS = ["status", "files", "verify", "doctor", "repair --dry-run", "run --once", "coverage"]


def statuses(root: Path) -> dict[str, str]:
    rows = read_manifest(root)
    return dict(rows.sort("file_id").select("bronze_file_path", "status").iter_rows())


class TestDisksThatAreNotMounted:
    """A link leads to each; its target is moved away, as if it were not mounted, and comes back."""

    @pytest.fixture
    def disk(self, tmp_path):
        disk = tmp_path / "disk" / "inside"
        disk.mkdir(parents=True)
        return disk

    @pytest.mark.parametrize("linked", ["folder", "file"])
    def test_what_is_behind_a_link_in_bronze_keeps_its_place(self, tmp_path, disk, linked):
        daemon = Lake(tmp_path / "lake", bronze__follow_links=True)
        put_file(disk, NAME, file_content(NAME, 20))
        at = "far" if linked == "folder" else f"far/{NAME}"
        (daemon.bronze / at).parent.mkdir(exist_ok=True)
        (daemon.bronze / at).symlink_to(disk if linked == "folder" else disk / NAME)
        daemon.once()
        put_file(daemon.bronze, NAME, file_content(NAME, 12, issue=2))
        daemon.once()
        before = statuses(daemon.root)
        assert before == {f"far/{NAME}": "success", NAME: "quarantined"}
        disk.rename(disk.with_name("away"))
        for _ in range(2):
            daemon.once()
            assert statuses(daemon.root) == before
        disk.with_name("away").rename(disk)
        daemon.once()
        assert statuses(daemon.root) == before
        shutil.rmtree(disk if linked == "folder" else daemon.bronze / "far")  # this is seen
        if linked == "folder":
            (daemon.bronze / at).unlink()
        daemon.once()
        assert statuses(daemon.root)[NAME] == "success"

    @pytest.mark.parametrize("command", COMMANDS)
    def test_a_link_of_silver_to_nothing_is_said_to_be_one(self, tmp_path, disk, command):
        daemon = Lake(tmp_path / "lake")
        put_file(daemon.bronze, NAME, file_content(NAME, 20))
        (daemon.root / "silver").symlink_to(disk)
        daemon.once()
        disk.rename(disk.with_name("away"))
        done = pointline(daemon.root, *command.split())
        assert done.returncode != 0
        assert f"silver is a link to {disk}, and nothing is there" in done.stderr
        assert "mount its disk" in done.stderr
        disk.with_name("away").rename(disk)
        assert statuses(daemon.root) == {NAME: "success"}

    def test_an_empty_silver_is_named_before_bronze_is_read_anew(self, tmp_path):
        daemon = Lake(tmp_path / "lake")
        put_file(daemon.bronze, NAME, file_content(NAME, 20))
        daemon.once()
        assert not daemon.events("lake.empty")
        (daemon.root / "silver").rename(tmp_path / "away")
        (daemon.root / "silver").mkdir()
        daemon.once()
        [said] = daemon.events("lake.empty")
        assert said["ids_given"] == 1
        assert "mount it and start again" in str(said["hint"])
        assert statuses(daemon.root) == {NAME: "success"}
        daemon.once()
        assert not daemon.events("lake.empty")


@AS_ROOT
class TestWhatMayNotBeRead:
    """The owner of the lake looks; root has taken the right to read away."""

    @pytest.fixture
    def lake(self, lake):  # noqa: F811
        filled(lake)
        (lake.bronze / "in a folder").mkdir()
        name = file_name("quotes", "C")
        put_file(lake.bronze / "in a folder", name, file_content(name, 7))
        assert lake.run("owner", "run", "--once").returncode == 1  # one is refused, as before
        return lake

    @pytest.mark.parametrize(("place", "table"), [(NAME, "trades"), ("in a folder", "quotes")])
    def test_bronze(self, lake, place, table):  # noqa: F811
        (lake.bronze / place).chmod(0)
        rows = json.loads(lake.run("owner", "files", "--json").stdout)
        [file_id] = [one["file_id"] for one in rows if one["data_type"] == table and one["status"] == "success"]
        said = lake.run("owner", "trace", table, str(file_id), "1").stdout
        assert "has changed" not in said
        assert "is gone" not in said
        assert "read" in said.partition("line ")[2]
        done = lake.run("owner", "verify", "--deep")
        assert done.returncode == 1
        assert "bronze_unreadable" in done.stdout
        assert "no longer there" not in done.stdout

    def test_a_file_that_waits(self, lake):  # noqa: F811
        name = file_name("trades", "D")
        put_file(lake.bronze, name, file_content(name, 7))
        (lake.bronze / name).chmod(0)
        lake.run("owner", "run", "--once")
        said = lake.run("owner", "explain", str(lake.bronze / name)).stdout
        assert "you may not read it" in said
        assert "`chmod a+r`" in said
        (lake.bronze / name).chmod(0o644)
        lake.run("owner", "run", "--once")
        assert statuses(lake.root)[name] == "success"

    @pytest.mark.parametrize("deep", [[], ["--deep"]])
    def test_a_data_file(self, lake, deep):  # noqa: F811
        [part] = (lake.root / "silver/trades").rglob("*.parquet")
        part.chmod(0)
        found = json.loads(lake.run("owner", "verify", *deep, "--json").stdout)["findings"]
        assert {one["kind"] for one in found} == {"part_shut"}
        said = lake.run("owner", "trace", "trades", "1", "1").stderr
        assert "--debug" not in said
        assert "no access" in said


@AS_ROOT
class TestAdviceToAReader:
    def test_it_does_not_take_the_lake_from_its_owner(self, lake):  # noqa: F811
        filled(lake)
        table = lake.root / "silver/trades"
        table.chmod(0o750)
        at_home = os.geteuid()
        os.seteuid(STRANGER)
        try:
            hint = access_hint(table / "_delta_log", 13)
        finally:
            os.seteuid(at_home)
        command = shlex.split(hint.split("`")[1])
        assert command[:3] == ["sudo", "chmod", "-R"]
        subprocess.run(command[1:], check=True)
        assert table.stat().st_uid == OWNER
        assert lake.run("stranger", "trace", "trades", "1", "1").returncode == 0

    @pytest.mark.parametrize("command", ["status", "files", "verify"])
    def test_a_lake_that_is_shut_is_no_wrong_option(self, lake, command):  # noqa: F811
        filled(lake)
        lake.root.chmod(0o700)
        done = lake.run("stranger", command, "--lake-root", str(lake.root))
        assert done.returncode == 1
        assert "you have no access" in done.stderr
        assert "sudo -u" in done.stderr
