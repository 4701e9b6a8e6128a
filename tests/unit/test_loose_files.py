"""Which files count as left behind beside a running writer, whatever its clock says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pointline.io.delta_log import loose_files
from pointline.io.delta_log.loose_files import ABANDONED_SECONDS, leftovers, orphans, remove_leftovers

NOW = 1_714_521_600.0
DAY = 86_400.0


@pytest.mark.parametrize(
    ("age", "writer_since", "is_left"),
    [
        (ABANDONED_SECONDS + 1, NOW - 60, True),
        (ABANDONED_SECONDS, NOW - 60, False),
        (ABANDONED_SECONDS - 1, NOW - 60, False),
        (8 * DAY, NOW - 8 * DAY, False),
        (8 * DAY, NOW - 9 * DAY, False),  # written since the writer began, before the clock jumped ahead
        (8 * DAY, NOW - 7 * DAY, True),
        (-8 * DAY, NOW - 60, False),  # the clock jumped back
    ],
)
def test_what_a_writer_may_be_writing_is_no_orphan(tmp_path, monkeypatch, age, writer_since, is_left):
    table = tmp_path / "silver/trades"
    log, state = table / "_delta_log", tmp_path / ".pointline"
    for folder in (log, state):
        folder.mkdir(parents=True)
    for path in (table / "part-x.parquet", log / f".{7:020}.json.tmp", state / ".state.json.tmp"):
        path.write_bytes(b"x")
        os.utime(path, (NOW - age, NOW - age))
    found = orphans(table, [], now=NOW, writer=True, writer_since=writer_since)
    assert [one.path for one in found] == ["silver/trades/part-x.parquet"] * is_left
    monkeypatch.setattr("pointline.io.delta_log.loose_files.time.time", lambda: NOW)
    left = leftovers(tmp_path, state, [table], writer=True, writer_since=writer_since)
    assert len(left) == 2 * is_left
    assert len(leftovers(tmp_path, state, [table], writer=False)) == 2


class Lake:
    """Files of a byte in a table, its log and the state folder, all but a second old."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.table, self.state = root / "silver" / "trades", root / ".pointline"
        self.log = self.table / "_delta_log"
        for folder in (self.log, self.state / "requests"):
            folder.mkdir(parents=True)

    def put(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        return path

    def orphans(self, *live: str) -> list[str]:
        return [one.path.removeprefix("silver/trades/") for one in orphans(self.table, live)]

    def leftovers(self) -> list[str]:
        return [one.path for one in leftovers(self.root, self.state, [self.table], writer=False)]


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path)


def test_parquet_files_that_no_version_names(lake):
    """Whatever the folder they are in: those of the log, of other programs' names and behind links are none."""
    for name in ("a.parquet", "exchange=x/b.parquet", "exchange=x/date=1/c.parquet", "d.txt", "_delta_log/e.parquet"):
        lake.put(lake.table / name)
    (lake.table / "folder.parquet").mkdir()
    (lake.table / "link.parquet").symlink_to(lake.table / "a.parquet")
    (lake.table / "elsewhere").symlink_to(lake.table / "exchange=x")
    assert lake.orphans() == ["a.parquet", "exchange=x/b.parquet", "exchange=x/date=1/c.parquet"]
    assert lake.orphans("a.parquet", "exchange=x/date=1/c.parquet") == ["exchange=x/b.parquet"]
    entry = lake.log / f"{0:020}.json"
    entry.write_text('{"remove":{"path":"exchange=x/b.parquet","deletionTimestamp":1}}')
    assert lake.orphans("a.parquet") == ["exchange=x/date=1/c.parquet"], "what a commit removed waits for the vacuum"
    [found] = orphans(lake.table, ["a.parquet"])
    assert (found.table, found.path, found.size_bytes) == ("trades", "silver/trades/exchange=x/date=1/c.parquet", 1)


@pytest.mark.parametrize("now", [None, 1e12])
def test_beside_a_writer_the_age_is_by_the_clock_of_the_wall(lake, now):
    lake.put(lake.table / "a.parquet")
    assert len(orphans(lake.table, [], now=now, writer=True)) == (0 if now is None else 1)


def test_one_that_goes_meanwhile_is_passed_over(lake, monkeypatch):
    """A daemon that runs beside removes what it has no use for."""
    lake.put(lake.table / "b.parquet")
    gone = lake.put(lake.table / "a.parquet")
    lake.put(lake.state / ".b.tmp")
    staged = lake.put(lake.state / ".a.tmp")
    real = loose_files.part_files

    def files(table):
        found = sorted(real(table), key=lambda one: one[0])
        gone.unlink()
        return found

    monkeypatch.setattr(loose_files, "part_files", files)
    assert lake.orphans() == ["b.parquet"]
    half_written = loose_files._half_written

    def half(state, tables):
        found = [*half_written(state, tables)]
        staged.unlink()
        return found

    monkeypatch.setattr(loose_files, "_half_written", half)
    assert lake.leftovers() == [".pointline/.b.tmp"]


def test_what_a_killed_process_left_half_written(lake):
    kept = [".pointline/state.json", "silver/trades/_delta_log/00000000000000000001.json"]
    left = [
        ".pointline/.state.json.tmp",
        ".pointline/requests/a.json",
        ".pointline/requests/.b.tmp",
        f"silver/trades/_delta_log/.{7:020}.json.tmp",
    ]
    for name in (*kept, *left):
        lake.put(lake.root / name)
    (lake.state / "requests" / "folder").mkdir()
    assert sorted(lake.leftovers()) == sorted(left)
    remove_leftovers(lake.root, leftovers(lake.root, lake.state, [lake.table], writer=False))
    assert lake.leftovers() == []
    assert all((lake.root / name).exists() for name in kept)


@pytest.mark.parametrize("linked", ["state", "requests", "log", "no log"])
def test_nothing_is_looked_for_behind_a_link(lake, linked):
    lake.put(lake.state / ".a.tmp")
    lake.put(lake.state / "requests" / "b.json")
    lake.put(lake.log / f".{7:020}.json.tmp")
    folder = {"state": lake.state, "requests": lake.state / "requests"}.get(linked, lake.log)
    folder.rename(lake.root / "elsewhere")
    if linked != "no log":
        folder.symlink_to(lake.root / "elsewhere")
    found = {name.split("/")[-1] for name in lake.leftovers()}
    every = {".a.tmp", "b.json", f".{7:020}.json.tmp"}
    behind = {"state": {".a.tmp", "b.json"}, "requests": {"b.json"}}.get(linked, {f".{7:020}.json.tmp"})
    assert found == every - behind


def test_what_is_removed_is_gone_after_a_power_cut_too(lake, monkeypatch):
    flushed = []
    monkeypatch.setattr(loose_files, "flush_folder", flushed.append)
    lake.put(lake.state / ".a.tmp")
    found = leftovers(lake.root, lake.state, [lake.table], writer=False)
    for _ in range(2):
        remove_leftovers(lake.root, found)  # a second time there is nothing to do
    assert flushed == [lake.state] * 2
