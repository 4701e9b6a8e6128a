"""Quarantined rows are counted of the versions of now; those of an older version are shown where it is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.process import pointline

PATH = "binance_trades_2024-05-01_BTCUSDT.csv"
HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"


def drop(root: Path, bad: int) -> None:
    start = 1714521600000000
    rows = (
        f"binance,BTCUSDT,{start + one},{start + one},{one},buy,{'x' if one < bad else 100},1\n" for one in range(60)
    )
    (root / "bronze").mkdir(exist_ok=True)
    (root / "bronze" / PATH).write_text(HEADER + "".join(rows))
    assert pointline(root, "run", "--once").returncode == 0


@pytest.fixture(scope="module")
def replaced(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    for bad in (5, 2):
        drop(root, bad)
    return root


@pytest.mark.parametrize(
    ("arguments", "rows"), [((), 2), (("--rule", "unparseable"), 2), (("1",), 5), (("2",), 2), ((PATH,), 7)]
)
def test_quarantine(replaced, arguments, rows):
    assert json.loads(pointline(replaced, "quarantine", *arguments, "--json").stdout)["rows"] == rows


def test_status(replaced):
    lines = pointline(replaced, "status").stdout.splitlines()
    [trades] = [line.split() for line in lines if line.startswith("trades")]
    assert trades == ["trades", "1", "58", "2", "1", "superseded"]
