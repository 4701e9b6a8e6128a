"""Power cuts inside withdrawal, the rebuild of a ledger, healing at a start, `repair` and an upgrade.

Each command is recorded once on a lake that something befell, cut at every point in every way a disk may lose, and
given again.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.support import power_cut
from tests.support.befallen import CASES, Case, fill, unpacked
from tests.support.cuts import SEED, Run, check, cuts_of, sample, step
from tests.support.power_cut import Cut

SHORT = 2

pytestmark = [
    pytest.mark.skipif(power_cut.can_trace() is not None, reason=power_cut.can_trace() or ""),
    pytest.mark.xdist_group("power_cut_healing"),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("sound") / "lake"
    fill(lake)
    return lake


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("older"))


def cuts_inside(name: str, case: Case, start: Path, folder: Path) -> list[Cut]:
    lake = Path(shutil.copytree(start, folder / "recorded"))
    case.befall(lake)
    bronze = Path(shutil.copytree(lake / "bronze", folder / "bronze"))
    disk = power_cut.load_disk(lake)
    operations = power_cut.join_writes(power_cut.record_run(lake, folder / "trace", case.command))
    run = Run(
        during=name,
        operations=operations,
        bronze=bronze,
        may_be_thin=False,
        again=() if case.command[0] == "run" else case.command,
        leaves=case.leaves,
    )
    return cuts_of(disk, [run])


@pytest.mark.share(2)
@pytest.mark.parametrize("name", CASES)
def test_cut_at_some_points(name, sound, older, tmp_path):
    """Guards the flushes of each of them, and that each can be begun again."""
    case = CASES[name]
    cuts = cuts_inside(name, case, older if case.older else sound, tmp_path)
    (tmp_path / "lakes").mkdir()
    check(sample(cuts, SHORT, random.Random(SEED), step), tmp_path / "lakes")


@pytest.mark.soak
@pytest.mark.parametrize("name", CASES)
def test_cut_at_every_point(name, sound, older, tmp_path):
    """The same at all of them."""
    case = CASES[name]
    (tmp_path / "lakes").mkdir()
    check(cuts_inside(name, case, older if case.older else sound, tmp_path), tmp_path / "lakes")
