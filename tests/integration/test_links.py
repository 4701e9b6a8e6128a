"""A symbolic link in silver or in the state folder is named, and nothing is written or removed through it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from pointline_daemon.commands.lake.doctor import examine
from pointline_daemon.commands.lake.verify import verify_lake
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.opening.prepare import prepare
from pointline_daemon.opening.requests import Maintain
from pointline_daemon.process.maintenance.upkeep import Upkeep

from pointline.config import load_config
from pointline.errors import PointlineError, StorageTrouble
from pointline.io.durable import replace_file
from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import pointline
from tests.support.sound_lake import ingest, live_parts

EVERYTHING = Maintain(retention_hours=0.0, below_floor=True)
LINKED = {
    "data file": lambda lake: live_parts(lake, "trades")[0],
    "ledger's data file": lambda lake: live_parts(lake, "ingest_manifest")[0],
    "day": lambda lake: live_parts(lake, "trades")[0].parent,
    "exchange": lambda lake: live_parts(lake, "trades")[0].parent.parent,
    "table": lambda lake: lake / "silver/trades",
    "ledger": lambda lake: lake / "silver/ingest_manifest",
    "log": lambda lake: lake / "silver/trades/_delta_log",
    "quarantine's log": lambda lake: lake / "silver/quarantine/_delta_log",
    "requests": lambda lake: lake / ".pointline/requests",
    "set aside": lambda lake: lake / ".pointline/set_aside",
}


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def link_away(path: Path, to: Path) -> None:
    """Somebody needs room, and moves a folder to another disk."""
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        shutil.move(path, to)
    else:
        path.parent.mkdir(exist_ok=True)
        to.mkdir()
    path.symlink_to(to)


def do_everything(root: Path) -> None:
    """Whatever a daemon, `maintain` and `doctor --fix` change."""
    lake = open_lake(load_config(root, environ={}))
    steps = [lambda: prepare(lake)]
    for repository in (lake.manifest.repository, lake.quarantine, lake.events["trades"]):
        steps += [
            lambda one=repository: one.commit_parts(add=one.write_parts(one.read_all().head(1)), remove=()),
            lambda one=repository: Upkeep(lake).fulfil(
                Maintain(table=one.path.name, retention_hours=0, below_floor=True)
            ),
            lambda one=repository: Upkeep(lake)._all[one.path.name].checkpoint(),
        ]
    for step in steps:
        with contextlib.suppress(PointlineError):
            step()
    examine(root, fix=True, as_json=True)


@pytest.mark.parametrize("what", LINKED)
@pytest.mark.share(4)
def test_a_link_is_named_and_nothing_happens_behind_it(own_lake, tmp_path, capsys, what):
    path, outside = LINKED[what](own_lake), tmp_path / "elsewhere" / "it"
    name = path.relative_to(own_lake).as_posix()
    link_away(path, outside)
    if outside.is_dir():
        for stray in ("part-stray.parquet", "question.json", ".00000000000000000009.json.tmp"):
            (outside / stray).write_bytes(b"mine")
            os.utime(outside / stray, (1, 1))
    before = contents(outside.parent)
    for look in (
        lambda: verify_lake(own_lake, deep=False, as_json=True),
        lambda: examine(own_lake, fix=False, as_json=True),
    ):
        assert look() == 1
        found = json.loads(capsys.readouterr().out)["findings"]
        [link] = [one for one in found if one["kind"] == "symbolic_link"]
        assert link["path"] == name
        assert str(outside) in link["what"]
        assert link["try"]
    do_everything(own_lake)
    assert contents(outside.parent) == before
    assert path.is_symlink()


@pytest.mark.parametrize("what", ["day", "table", "log"])
def test_writing_is_refused_with_what_to_do(own_lake, tmp_path, what):
    table = open_lake(load_config(own_lake, environ={})).events["trades"]
    rows = table.read_all()
    link_away(LINKED[what](own_lake), tmp_path / "elsewhere")
    with pytest.raises(StorageTrouble, match="is a symbolic link to") as refused:
        table.commit_parts(add=table.write_parts(rows.head(1)), remove=())
    assert refused.value.hint
    assert table.read_all().equals(rows)


def test_no_file_is_written_through_a_link_that_lies_in_its_way(tmp_path):
    """The staged name of a file is known beforehand."""
    target = tmp_path / "mine"
    target.write_text("mine")
    (tmp_path / ".state.json.tmp").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        replace_file(tmp_path / "state.json", b"{}")
    assert target.read_text() == "mine"


@pytest.mark.parametrize("linked", ["silver", "bronze", "root"])
def test_the_lake_silver_and_bronze_may_be_links(sound_lake, tmp_path, capsys, linked):
    lake = Path(shutil.copytree(sound_lake, tmp_path / "lake"))
    path = lake if linked == "root" else lake / linked
    link_away(path, tmp_path / "disk" / linked)
    put_file(lake / "bronze", file_name("trades", "NEW"), file_content(file_name("trades", "NEW"), 10))
    ingest(lake)
    assert pointline(lake, "maintain", "--compact", "--vacuum").returncode == 0
    assert verify_lake(lake, data=True, deep=False, as_json=True) == 0, capsys.readouterr().out
    assert "NEW" in pl.read_delta(str(lake / "silver/trades"))["symbol"]
