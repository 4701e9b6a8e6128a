"""``kill -9`` inside withdrawal, the rebuild of a ledger, healing at a start, `repair` and an upgrade.

Whatever each of them writes, its log entries get their names one after the other: it is killed just before and just
after each of these moments, and then done again. In between nothing is doubled; in the end nothing is lost, and ids are
as they were.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.support.befallen import CASES, Case, fill, start, unpacked
from tests.support.kill import Moment, run_until
from tests.support.lake_check import (
    assert_exact,
    expect,
    find_doubled,
    ids_by_version,
    read_manifest,
    read_table,
)
from tests.support.process import pointline

LONGEST = 40
"""Entries that one command may write."""


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("sound") / "lake"
    fill(lake)
    return lake


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("older"))


def kill_and_redo(case: Case, lake: Path, moment: Moment) -> bool:
    """Return whether the command came to that moment; if so it was killed there, and the lake is whole again."""
    ids = ids_by_version(lake)
    case.befall(lake)
    ran = run_until(lake, moment, "command", *case.command)
    if ran.returncode != -signal.SIGKILL:
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return False
    assert [one for one in find_doubled(lake) if one[0] != "quarantine"] == []
    done = pointline(lake, *case.command)
    assert done.returncode == 0, f"{moment}: {done.stdout}{done.stderr}"
    start(lake)
    check(case, lake, ids)
    return True


def check(case: Case, lake: Path, ids: dict[tuple[str, int, str], int]) -> None:
    if case.leaves:
        manifest = read_manifest(lake).filter(~read_manifest(lake)["status"].is_in(["superseded"]))
        left = manifest.filter(manifest["bronze_file_path"].is_in(case.leaves))
        assert left["status"].unique().to_list() == ["withdrawn"]
        for table in ("trades", "quotes", "quarantine"):
            assert not set(read_table(lake, table)["file_id"]) & set(left["file_id"]), table
    else:
        assert_exact(lake, expect(lake / "bronze"), ids)
    audit = pointline(lake, "verify", "--deep")
    assert audit.returncode == 0, audit.stdout


def moments() -> Iterator[Moment]:
    for nth in range(1, LONGEST):
        for when in ("before", "after"):
            yield Moment("disk.link", when, nth)


FEW = list(zip(CASES, cycle((Moment("disk.link", "after", 1), Moment("disk.link", "before", 3))), strict=False))


@pytest.mark.parametrize(("name", "moment"), FEW, ids=str)
@pytest.mark.share(2)
def test_killed_at_some_moments(name, moment, sound, older, tmp_path):
    """Guards that each of them can be begun again wherever it was cut."""
    case = CASES[name]
    lake = Path(shutil.copytree(older if case.older else sound, tmp_path / "lake"))
    assert kill_and_redo(case, lake, moment) or moment.nth > case.least, "never came to it"


@pytest.mark.soak
@pytest.mark.parametrize("name", CASES)
def test_killed_at_every_moment(name, sound, older, tmp_path):
    """The same at each of them, to the last."""
    case = CASES[name]
    for number, moment in enumerate(moments()):
        lake = Path(shutil.copytree(older if case.older else sound, tmp_path / f"lake-{number}"))
        if not kill_and_redo(case, lake, moment):
            assert moment.nth > case.least, f"it wrote {moment.nth - 1} entries"
            break
        shutil.rmtree(lake)
