"""A sound lake to do damage to, and the questions that audits are asked about it."""

from __future__ import annotations

import shutil
from pathlib import Path

from deltalake import DeltaTable

from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import pointline

NAMES = [file_name(table, symbol) for table in ("trades", "quotes") for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")]


def make_sound_lake(root: Path) -> None:
    """Six files in two batches, two bad rows in each of two, and one replaced by a newer version."""
    for name in NAMES[:-1]:
        put_file(root / "bronze", name, file_content(name, 40, bad=[3, 7] if "BTC" in name else []))
    ingest(root)
    put_file(root / "bronze", NAMES[-1], file_content(NAMES[-1], 20))
    put_file(root / "bronze", NAMES[1], file_content(NAMES[1], 30, issue=2))
    ingest(root)


def ingest(lake: Path) -> None:
    ran = pointline(lake, "run", "--once")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def copy_lake(lake: Path, to: Path) -> Path:
    return Path(shutil.copytree(lake, to))


def live_parts(lake: Path, table: str) -> list[Path]:
    return sorted(Path(uri) for uri in DeltaTable(lake / "silver" / table).file_uris())


def newest_entry(lake: Path, table: str) -> Path:
    return max((lake / "silver" / table / "_delta_log").glob("*.json"))
