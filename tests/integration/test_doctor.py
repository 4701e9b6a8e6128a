"""What ``pointline doctor`` finds around a lake, and what ``--fix`` may do about it."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from pointline_daemon.commands.lake.doctor import examine

from pointline.io import health
from pointline.io.bronze import file_system
from pointline.io.delta_log import loose_files
from pointline.io.lock import LakeLock
from pointline.parse import cells
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file
from tests.support.process import start_cold
from tests.support.sound_lake import ingest, live_parts, newest_entry


@pytest.fixture
def lake(own_lake) -> Path:
    return own_lake


def kinds(answer: dict) -> list[str]:
    assert all(one["try"] and one["what"] and one["path"] for one in answer["findings"])
    return sorted(one["kind"] for one in answer["findings"])


def contents(lake: Path) -> dict[str, bytes]:
    return {path.relative_to(lake).as_posix(): path.read_bytes() for path in lake.rglob("*") if path.is_file()}


def test_a_sound_lake(lake, examined):
    before = contents(lake)
    answer = examined(lake)
    assert kinds(answer) == []
    assert {"file_system", "inotify", "disk", "clock", "versions", "daemon", "orphans"} <= set(answer["checked"])
    assert examined(lake, fix=True)["fixed"] == []
    assert contents(lake) == before


def test_no_lake_is_named_and_not_made(tmp_path, examined):
    answer = examined(tmp_path / "nowhere")
    assert answer["code"] == 1
    assert "there is no lake" in answer["error"]
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("torn", [b"", b'{"commitInfo":{"timestamp":1', b'{"commitInfo":{}}\n{"add":'])
def test_a_torn_newest_commit_is_set_aside_and_its_files_come_again(lake, examined, torn):
    newest = newest_entry(lake, "trades")
    following = newest.with_name(f"{int(newest.stem) + 1:020}.json")
    following.write_bytes(torn)
    answer = examined(lake)
    assert "commit_torn" in kinds(answer)
    assert following.exists()
    mended = examined(lake, fix=True)
    assert kinds(mended) == []
    assert following.name in mended["fixed"][0]
    assert not following.exists()
    (kept,) = (lake / ".pointline/set_aside").iterdir()
    assert kept.read_bytes() == torn
    ingest(lake)
    assert_exact(lake, expect(lake / "bronze"))


def test_what_is_set_aside_is_not_written_over(lake):
    """A commit cut off between its two names: the staged one is the same file, and is written to next time."""
    newest = newest_entry(lake, "trades")
    following = newest.with_name(f"{int(newest.stem) + 1:020}.json")
    following.write_bytes(b'{"commitInfo":{"timestamp":1')
    os.link(following, following.with_name(f".{following.name}.tmp"))
    put_file(lake / "bronze", file_name("trades", "NEW"), file_content(file_name("trades", "NEW"), 2))
    ingest(lake)
    assert_exact(lake, expect(lake / "bronze"))
    (kept,) = (lake / ".pointline/set_aside").iterdir()
    assert kept.read_bytes() == b'{"commitInfo":{"timestamp":1'


def test_an_older_torn_commit_is_named_and_left_alone(lake, examined):
    entries = sorted((lake / "silver/trades/_delta_log").glob("*.json"))
    entries[1].write_bytes(b"")
    answer = examined(lake, fix=True)
    assert "commit_torn" in kinds(answer)
    assert any(one["path"].endswith(entries[1].name) for one in answer["findings"])
    assert entries[1].exists()


def test_leftovers_are_removed_and_data_is_not(lake, examined):
    log = lake / "silver/trades/_delta_log"
    requests = lake / ".pointline/requests"
    requests.mkdir(exist_ok=True)
    left = [
        log / f".{7:020}.json.tmp",
        log / f"{7:020}.json#1",
        log / "_commit_0f0f.json.tmp",
        log / f".{7:020}.checkpoint.parquet.tmp",
        log / "._removed.parquet.tmp",
        lake / ".pointline/.state.json.tmp",
        requests / "0f0f.answer",
    ]
    for path in left:
        path.write_text("{}")
    before = contents(lake)
    assert kinds(examined(lake)) == ["leftover"] * len(left)
    assert contents(lake) == before
    answer = examined(lake, fix=True)
    assert len(answer["fixed"]) == len(left)
    assert kinds(answer) == []
    names = {path.relative_to(lake).as_posix() for path in left}
    assert contents(lake) == {name: content for name, content in before.items() if name not in names}


def test_a_record_of_removed_parts_that_cannot_be_read_is_set_aside(lake, examined):
    record = lake / "silver/trades/_delta_log/_removed.parquet"
    record.write_bytes(b"PAR1 and nothing else")
    answer = examined(lake)
    assert kinds(answer) == ["unreadable_table"]
    assert "removed files" in answer["findings"][0]["what"]
    mended = examined(lake, fix=True)
    assert kinds(mended) == []
    assert record.name in mended["fixed"][0]


def test_an_orphan_is_never_removed(lake, examined):
    part = next((lake / "silver/trades").rglob("part-*.parquet"))
    stray = Path(shutil.copy(part, part.with_name("part-stray.parquet")))
    answer = examined(lake, fix=True)
    assert kinds(answer) == ["orphan"]
    assert answer["checked"]["orphans"] == {"files": 1, "bytes": stray.stat().st_size}
    assert "maintain --vacuum" in answer["findings"][0]["try"]
    assert stray.exists()


class TestBesideAWriter:
    """A writer's half-done work is its own."""

    def test_fix_says_who_has_the_lake(self, lake, examined):
        with LakeLock(lake / ".pointline/lock", purpose="run"):
            answer = examined(lake, fix=True)
        assert answer["code"] == 75
        assert "in use" in answer["error"]

    def test_young_files_are_no_orphans_and_no_leftovers(self, lake, examined):
        part = next((lake / "silver/trades").rglob("part-*.parquet"))
        stray = Path(shutil.copy(part, part.with_name("part-young.parquet")))
        staged = lake / "silver/trades/_delta_log/_commit_1.json.tmp"
        staged.write_text("")
        os.utime(stray)
        with LakeLock(lake / ".pointline/lock", purpose="run"):
            answer = examined(lake)
            assert kinds(answer) == []
            assert answer["checked"]["daemon"]["pid"] == os.getpid()
            long_ago = time.time() - 2 * loose_files.ABANDONED_SECONDS
            for path in (stray, staged):
                os.utime(path, (long_ago, long_ago))
            assert kinds(examined(lake)) == ["leftover", "orphan"]


class TestMachine:
    """What is read of the system."""

    def test_every_folder_needs_a_watch_and_no_link_does(self, tmp_path):
        for folder in ("a/b/c", "a/b/d/e", "f"):
            tmp_path.joinpath(folder).mkdir(parents=True)
        tmp_path.joinpath("a/b/file").write_text("")
        tmp_path.joinpath("f/link").symlink_to(tmp_path / "a")
        assert health.count_folders(tmp_path) == 7
        assert health.count_folders(tmp_path / "none") == 0

    def test_the_innermost_mount_counts(self, tmp_path):
        mounts = tmp_path / "mountinfo"
        mounts.write_text(
            "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / /srv/my\\040lake rw - nfs4 host:/x rw\n"
            "3 1 0:6 / /srv/my rw - tmpfs tmpfs rw\n"
        )
        assert health.file_system_of(Path("/srv/my lake/bronze"), mounts) == "nfs4"
        assert health.file_system_of(Path("/srv/mylake"), mounts) == "ext4"
        assert health.file_system_of(Path("/srv"), tmp_path / "none") is None

    def test_a_network_file_system_is_warned_of(self, lake, monkeypatch, capsys):
        monkeypatch.setattr(health, "file_system_of", lambda path: "nfs4")
        assert examine(lake, fix=False, as_json=True) == 1
        (finding,) = (one for one in json.loads(capsys.readouterr().out)["findings"] if "network" in one["kind"])
        assert "nfs4" in finding["what"]

    def test_too_few_watches_are_warned_of(self, lake, monkeypatch, capsys):
        limits = {"max_user_watches": 1, "max_user_instances": 128, "max_queued_events": 16_384}
        monkeypatch.setattr(health, "inotify_limits", lambda: limits)
        assert examine(lake, fix=False, as_json=True) == 1
        (finding,) = (one for one in json.loads(capsys.readouterr().out)["findings"] if "inotify" in one["kind"])
        assert "max_user_watches" in finding["try"]

    @pytest.mark.parametrize(
        ("part", "shown"),
        [
            ((cells, "parser", "compiled", ""), "parser     compiled"),
            ((cells, "parser", "polars", ""), "for the fast one install a C compiler"),
            ((cells, "parser", "polars", "/a b/_parser.abi3.so"), "the compiled one is stale"),
            ((file_system, "listing", "compiled", ""), "listing    compiled"),
            ((file_system, "listing", "python", ""), "listing    that of Python; for the fast one install"),
            ((file_system, "listing", "python", "/a b/_f.abi3.so"), "that of Python: the compiled one is stale"),
        ],
    )
    def test_what_is_compiled(self, lake, monkeypatch, capsys, part, shown):
        module, fact, used, stale = part
        monkeypatch.setattr(module, fact.upper(), used)
        monkeypatch.setattr(module, "STALE", stale)
        assert examine(lake, fix=False, as_json=False) == bool(stale)
        said = capsys.readouterr().out
        assert shown in said
        assert (f"stale_{fact}" in said, f"rm '{stale}', then" in said) == (bool(stale), bool(stale))

    def test_a_clock_behind_the_newest_commit(self, lake, monkeypatch, capsys):
        monkeypatch.setattr(health, "newest_write", lambda tables: time.time() + 4000)
        assert examine(lake, fix=False, as_json=True) == 1
        assert "clock" in {one["kind"] for one in json.loads(capsys.readouterr().out)["findings"]}


@pytest.mark.parametrize("command", ["verify", "doctor"])
def test_what_people_see_on_a_pipe(lake, command):
    part = live_parts(lake, "trades")[0]
    damaged = part.with_name("part-stray.parquet") if command == "doctor" else part
    damaged.write_bytes(b"PAR1")
    found = start_cold(lake, command)
    assert found.returncode == 1, found.stderr
    assert "\x1b" not in found.stdout
    assert damaged.name in found.stdout
    prose = [line for line in found.stdout.splitlines() if "where" not in line and " try " not in line]
    assert max(map(len, prose)) <= 80
