"""Files that are renamed to what their rows are not: the same bytes under a path that says something else of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table
from tests.support.process import pointline as run

DAY = 86_400_000
FIRST = 1_714_521_600_000
"""2024-05-01, in milliseconds."""
MONTH = "spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-05.csv"
FIRST_DAY = "spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv"
MINE = """
vendor = "mine"
[[feed]]
name = "sides"
table = "trades"
exchange = "mine"
path = "mine/{symbol}_{kind:b|s}_{date:%Y%m%d}.csv"
columns = ["time", "price", "amount"]
[feed.map]
side = { value = "{kind}", words = { b = "buy", s = "sell" } }
timestamp = { from = "time", time = "epoch" }
"""


def put(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))


def move(bronze: Path, old: str, new: str) -> None:
    (bronze / new).parent.mkdir(parents=True, exist_ok=True)
    (bronze / old).rename(bronze / new)


@pytest.mark.parametrize("days", [1, 3])
def test_a_month_under_the_name_of_its_first_day(tmp_path, days):
    """It is that day where it holds no other; else it is refused, and what is in stays."""
    daemon = Daemon(tmp_path / "lake")
    put(daemon.bronze / MONTH, [f"{n},1.5,1,1.5,{FIRST + n * DAY},true,true" for n in range(days)])
    assert daemon.once() == 0
    move(daemon.bronze, MONTH, FIRST_DAY)
    daemon.once()
    new = read_manifest(daemon.root).filter(bronze_file_path=FIRST_DAY).row(0, named=True)
    assert new["status"] == ("success" if days == 1 else "quarantined")
    assert days == 1 or "would replace 3 rows of file 1" in new["error"]
    assert read_table(daemon.root, "trades").height == days
    told = run(daemon.root, "verify", "--deep")
    assert told.returncode == 0, told.stdout


def test_a_word_of_the_path_that_fills_a_column(tmp_path):
    (tmp_path / "lake/vendors").mkdir(parents=True)
    (tmp_path / "lake/vendors/mine.toml").write_text(MINE)
    daemon = Daemon(tmp_path / "lake")
    put(daemon.bronze / "mine/X_b_20240501.csv", ["time,price,amount", *(f"{FIRST + n},1.5,1" for n in range(5))])
    assert daemon.once() == 0
    move(daemon.bronze, "mine/X_b_20240501.csv", "mine/X_s_20240501.csv")
    assert daemon.once() == 0
    assert read_table(daemon.root, "trades")["side"].to_list() == ["sell"] * 5
    move(daemon.bronze, "mine/X_s_20240501.csv", "elsewhere/mine/X_s_20240501.csv")
    assert daemon.once() == 0
    assert read_manifest(daemon.root).height == 2, "what says the same is moved, not read again"
    told = run(daemon.root, "verify", "--deep")
    assert told.returncode == 0, told.stdout
