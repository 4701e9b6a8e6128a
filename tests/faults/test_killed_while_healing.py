"""``kill -9`` inside withdrawal, the rebuild of a ledger, healing at a start, `repair` and an upgrade.

Whatever each of them writes, its log entries get their names one after the other: it is killed just before and just
after each of these moments, and then done again. In between nothing is doubled; in the end nothing is lost, and ids are
as they were.
"""

from __future__ import annotations

import shutil
import signal
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from deltalake import DeltaTable

from tests.support.kill import Moment, run_until
from tests.support.lake_check import (
    assert_exact,
    expect,
    file_content,
    file_name,
    find_doubled,
    ids_by_version,
    put_file,
    read_manifest,
    read_table,
)
from tests.support.process import pointline

FIXTURE = Path(__file__).parents[1] / "fixtures/lake-e0ba0e8.tar.xz"
LONGEST = 40
"""Entries that one command may write."""
BTC, ETH, QUOTES = file_name("trades", "BTCUSDT"), file_name("trades", "ETHUSDT"), file_name("quotes", "BTCUSDT")


def fill(root: Path) -> None:
    """Two tables, bad rows, a replacement, and a part that two files share."""
    bronze = root / "bronze"
    (root / "pointline.toml").parent.mkdir(parents=True, exist_ok=True)
    (root / "pointline.toml").write_text("[ingest]\nsettle_seconds = 0\n")
    for name, rows, bad in ((BTC, 20, []), (ETH, 30, [3, 7]), (QUOTES, 12, [2])):
        put_file(bronze, name, file_content(name, rows, bad=bad))
    run_once(root)
    put_file(bronze, BTC, file_content(BTC, 25, issue=2))
    later = file_name("trades", "SOLUSDT", day="2024-05-02")
    put_file(bronze, later, file_content(later, 5))
    run_once(root)


def run_once(lake: Path) -> None:
    ran = pointline(lake, "run", "--once")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def nothing(_lake: Path) -> None:
    pass


def lose_ledger(lake: Path) -> None:
    shutil.rmtree(lake / "silver/ingest_manifest")


def lose_table(lake: Path) -> None:
    shutil.rmtree(lake / "silver/trades")


def lose_data_file(lake: Path) -> None:
    a_data_file(lake, "trades").unlink()


def lose_quarantine(lake: Path) -> None:
    shutil.rmtree(lake / "silver/quarantine")


def flip_bits(lake: Path) -> None:
    path = a_data_file(lake, "trades")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def tear_ledger(lake: Path) -> None:
    newest = max((lake / "silver/ingest_manifest/_delta_log").glob("*.json"))
    newest.write_bytes(newest.read_bytes().replace(b"add", b"sub"))


def a_data_file(lake: Path, table: str) -> Path:
    return min(Path(uri) for uri in DeltaTable(lake / "silver" / table).file_uris())


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What befalls a lake, and the command that is killed; done again without a kill it ends well."""

    befall: Callable[[Path], None]
    command: tuple[str, ...]
    least: int
    """Entries that it writes at least."""
    leaves: tuple[str, ...] = ()
    """Files that are withdrawn in the end."""
    older: bool = False


CASES = {
    "withdraw": Case(befall=nothing, command=("withdraw", BTC, ETH, QUOTES), least=4, leaves=(BTC, ETH, QUOTES)),
    "ledger lost": Case(befall=lose_ledger, command=("run", "--once"), least=3),
    "table lost": Case(befall=lose_table, command=("run", "--once"), least=3),
    "data file lost": Case(befall=lose_data_file, command=("run", "--once"), least=3),
    "quarantine lost": Case(befall=lose_quarantine, command=("run", "--once"), least=3),
    "repair of a damaged file": Case(befall=flip_bits, command=("repair",), least=3),
    "repair of a ledger": Case(befall=tear_ledger, command=("repair",), least=1),
    "upgrade": Case(befall=nothing, command=("run", "--once"), least=10, older=True),
}


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("sound") / "lake"
    fill(lake)
    return lake


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(FIXTURE) as kept:
        kept.extractall(folder, filter="data")
    (folder / "lake/pointline.toml").write_text("[ingest]\nsettle_seconds = 0\n")
    return folder / "lake"


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
    run_once(lake)
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


FEW = [(name, Moment("disk.link", when, nth)) for name in CASES for when, nth in (("after", 1), ("before", 3))]


@pytest.mark.parametrize(("name", "moment"), FEW, ids=str)
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
