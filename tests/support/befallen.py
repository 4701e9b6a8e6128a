"""Lakes that something befell, and the command that makes each whole: to be cut short by a kill or a power cut."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import pointline

FIXTURE = Path(__file__).parents[1] / "fixtures/lake-e0ba0e8.tar.xz"
BTC, ETH, QUOTES = file_name("trades", "BTCUSDT"), file_name("trades", "ETHUSDT"), file_name("quotes", "BTCUSDT")


def fill(root: Path) -> None:
    """Two tables, bad rows, a replacement, and a part that two files share."""
    bronze = root / "bronze"
    root.mkdir(parents=True, exist_ok=True)
    (root / "pointline.toml").write_text("[ingest]\nsettle_seconds = 0\n")
    for name, rows, bad in ((BTC, 20, []), (ETH, 30, [3, 7]), (QUOTES, 12, [2])):
        put_file(bronze, name, file_content(name, rows, bad=bad))
    start(root)
    put_file(bronze, BTC, file_content(BTC, 25, issue=2))
    later = file_name("trades", "SOLUSDT", day="2024-05-02")
    put_file(bronze, later, file_content(later, 5))
    start(root)


def start(lake: Path) -> None:
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


def unpacked(folder: Path) -> Path:
    """A lake of an earlier release."""
    with tarfile.open(FIXTURE) as kept:
        kept.extractall(folder, filter="data")
    (folder / "lake/pointline.toml").write_text("[ingest]\nsettle_seconds = 0\n")
    return folder / "lake"
