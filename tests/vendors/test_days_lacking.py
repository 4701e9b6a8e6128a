"""Two files of a feed with days of each other, where one lacks a day or a row: nothing is lost, whatever came first."""

from __future__ import annotations

import datetime as dt
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from tests.support.process import pointline

MONTH, YEAR = "DAT_ASCII_EURUSD_M1_202401.csv", "DAT_ASCII_EURUSD_M1_2024.csv"
OKX = "instrument_name,trade_id,side,price,size,created_time\n"
AT = [dt.datetime(2024, 1, 2, hour, tzinfo=dt.UTC) for hour in (0, 10, 16, 20)]
"""On one UTC day, of two days of OKX, which are cut at 16:00."""


def put(root: Path, name: str, text: str) -> None:
    (root / "bronze").mkdir(exist_ok=True)
    (root / "bronze" / name).write_text(text)


def once(root: Path) -> None:
    done = pointline(root, "run", "--once")
    assert done.returncode == 0, done.stdout


def held(root: Path, table: str, column: str) -> dict[object, str]:
    """Value of a column of each row, and the file that it came from."""
    files = pl.read_delta(str(root / "silver" / "ingest_manifest")).select("file_id", "bronze_file_path")
    rows = pl.read_delta(str(root / "silver" / table)).join(files, on="file_id")
    found = rows.select(pl.col(column), "bronze_file_path").rows()
    assert len(dict(found)) == len(found), "a row is in twice"
    return dict(found)


def bars(days: tuple[int, ...]) -> str:
    return "".join(f"202401{day:02} 120000;1.1;1.2;1.0;1.1;0\n" for day in days)


@pytest.mark.parametrize("first", [MONTH, YEAR, ""], ids=["month first", "year first", "together"])
def test_a_day_that_only_the_less_preferred_file_has(tmp_path, first):
    """It lies between two days of the other one."""
    texts = {MONTH: bars((3, 9, 11)), YEAR: bars((3, 9, 10, 11))}
    for name in sorted(texts, key=lambda name: name != first):
        put(tmp_path, name, texts[name])
        if first:
            once(tmp_path)
    once(tmp_path)
    found = {day.day: name for day, name in held(tmp_path, "bars", "date").items()}
    assert found == {3: MONTH, 9: MONTH, 10: YEAR, 11: MONTH}
    assert pointline(tmp_path, "verify", "--deep").returncode == 0


def trades(numbers: tuple[int, ...]) -> str:
    lines = (f"BTC-USDT-SWAP,{one},buy,1.5,1,{int(AT[one].timestamp() * 1000)}\n" for one in numbers)
    return OKX + "".join(lines)


DAYS = {"2024-01-02": (0, 1), "2024-01-03": (2, 3)}


ORDERS = [*permutations([["2024-01-02"], ["2024-01-03"], ["2024-01"]]), *permutations([list(DAYS), ["2024-01"]])]


@pytest.mark.share(2)
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: " ".join("+".join(batch) for batch in order))
@pytest.mark.parametrize(
    "month", [(0, 1, 2), (1, 2, 3), (0, 1, 2, 3)], ids=["lacks the last", "lacks the first", "whole"]
)
def test_two_files_make_up_a_day_of_which_the_month_lacks_a_row(tmp_path, order, month):
    """In whatever order they come: the day that came first is read again for the rows that it had left."""
    for batch in order:
        for name in batch:
            put(tmp_path, f"BTC-USDT-SWAP-trades-{name}.csv", trades(DAYS.get(name, month)))
        once(tmp_path)
    found = held(tmp_path, "trades", "id")
    assert sorted(found) == ["0", "1", "2", "3"]
    assert {"2024-01.csv" in name for name in found.values()} == {len(month) == 4}
    assert '"differing": []' in pointline(tmp_path, "coverage", "--json").stdout
    assert pointline(tmp_path, "verify", "--deep").returncode == 0


def binance(days: tuple[int, ...]) -> str:
    at = (int(dt.datetime(2024, 1, day, tzinfo=dt.UTC).timestamp() * 1000) for day in days)
    rows = "".join(f"{time // 1000},1.5,1,1,{time},true\n" for time in at)
    return "id,price,qty,quote_qty,time,is_buyer_maker\n" + rows


@pytest.mark.parametrize("first", ["daily", "monthly", ""], ids=["day first", "month first", "together"])
def test_a_file_without_rows_beside_one_that_has_some(tmp_path, first):
    files = {"daily": ("2024-01-05", ()), "monthly": ("2024-01", (3, 5, 7))}
    for span in sorted(files, key=lambda span: span != first):
        time, days = files[span]
        folder = tmp_path / "bronze" / f"data/futures/um/{span}/trades/BTCUSDT"
        folder.mkdir(parents=True)
        (folder / f"BTCUSDT-trades-{time}.csv").write_text(binance(days))
        if first:
            once(tmp_path)
    once(tmp_path)
    assert sorted(day.day for day in held(tmp_path, "trades", "date")) == [3, 5, 7]
    statuses = pl.read_delta(str(tmp_path / "silver" / "ingest_manifest"))["status"]
    assert set(statuses) == {"success"}


GROUPS = """
vendor = "desk"
[[feed]]
name = "all"
table = "trades"
exchange = "kraken"
group = true
prefer = ["monthly", "daily"]
path = ["desk/{span:daily}/{date:%Y-%m-%d}.csv", "desk/{span:monthly}/{date:%Y-%m}.csv"]
columns = ["id", "symbol", "px", "qty", "ms"]
[feed.map]
symbol = "symbol"
price = "px"
amount = "qty"
side = { value = "unknown" }
timestamp = { from = "ms", time = "epoch" }
"""


@pytest.mark.parametrize("first", ["daily", "monthly", ""], ids=["day first", "month first", "together"])
def test_a_symbol_that_a_file_of_many_lacks_on_a_day(tmp_path, first):
    (tmp_path / "vendors").mkdir()
    (tmp_path / "vendors" / "desk.toml").write_text(GROUPS)
    rows = {"monthly": [("A", 1), ("A", 3), ("B", 1), ("B", 2), ("B", 3)], "daily": [("A", 2), ("B", 2)]}
    for span in sorted(rows, key=lambda span: span != first):
        (tmp_path / "bronze" / "desk" / span).mkdir(parents=True)
        lines = ["id,symbol,px,qty,ms\n"]
        for symbol, day in rows[span]:
            at = int(dt.datetime(2024, 1, day, tzinfo=dt.UTC).timestamp() * 1000)
            lines.append(f"{symbol}{day},{symbol},1.5,1,{at}\n")
        name = "2024-01.csv" if span == "monthly" else "2024-01-02.csv"
        (tmp_path / "bronze" / "desk" / span / name).write_text("".join(lines))
        if first:
            once(tmp_path)
    once(tmp_path)
    assert sorted(held(tmp_path, "trades", "id")) == ["A1", "A2", "A3", "B1", "B2", "B3"]
    assert pointline(tmp_path, "verify", "--deep").returncode == 0
