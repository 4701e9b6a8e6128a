"""`trace` shows a line only as what it is: where it gives another row now than silver has, it says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.process import pointline

DESCRIPTION = """
vendor = "mine"
[[feed]]
name = "fills"
path = "mine/{symbol}_{date:%Y%m%d}.txt"
table = "trades"
exchange = "kraken"
header = "absent"
columns = ["at", "px", "qty"]
[feed.map]
timestamp = { from = "at", time = "epoch" }
price = "px"
amount = "qty"
side = { value = "unknown" }
"""
ROWS = "at,px,qty\n" + "".join(f"{1714521600123 + row},{row}.5,{row + 10}\n" for row in range(12))
BOOK = "lob/AAPL_2024-05-08_34200000_57600000_{}_1.csv"


def put(root: Path, name: str, text: str) -> None:
    path = root / "bronze" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def describe(root: Path, text: str) -> None:
    (root / "vendors").mkdir(exist_ok=True)
    (root / "vendors" / "mine.toml").write_text(text)


def problem(root: Path, table: str, file_id: int, row: int, code: int) -> str:
    told = pointline(root, "trace", table, str(file_id), str(row), "--json")
    assert told.returncode == code, told.stdout
    assert (pointline(root, "trace", table, str(file_id), str(row)).stdout.find("\ndiffers ") >= 0) == bool(code)
    return json.loads(told.stdout)["problem"] or ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('header = "absent"\nskip = 1', "timestamp is"),
        ('header = "absent"\nwhere = { qty = ["1"] }', "this line gives no row"),
        ('header = "absent"\nday_zone = "+08:00"', ""),
    ],
    ids=["its rows are others", "it is no row", "it is the same row"],
)
def test_a_description_that_was_changed(tmp_path, change, said):
    describe(tmp_path, DESCRIPTION)
    put(tmp_path, "mine/ABC_20240501.txt", ROWS.removeprefix("at,px,qty\n"))
    assert pointline(tmp_path, "run", "--once").returncode == 0
    assert problem(tmp_path, "trades", 1, 3, 0) == ""
    describe(tmp_path, DESCRIPTION.replace('header = "absent"', change))
    assert said in problem(tmp_path, "trades", 1, 3, 1 if said else 0)


def test_quotes_that_are_part_of_cells(tmp_path):
    """Rows are counted as the ingest counts them, by what the feed says of quotes."""
    plain = DESCRIPTION.replace('header = "absent"', 'header = "absent"\nquote = false')
    describe(tmp_path, plain.replace('"qty"]', '"qty", "id"]'))
    text = "".join(f"{1714521600123 + row},{row}.5,1,{cell}\n" for row, cell in enumerate(('"a', 'b"', "c", "d")))
    put(tmp_path, "mine/ABC_20240501.txt", text)
    assert pointline(tmp_path, "run", "--once").returncode == 0
    for row in range(1, 5):
        assert problem(tmp_path, "trades", 1, row, 0) == ""


def test_the_file_beside_it_has_changed(tmp_path):
    def messages(since: int) -> str:
        return "".join(f"{since + row}.5,1,{row + 1},100,5850000,1\n" for row in range(5))

    put(tmp_path, BOOK.format("message"), messages(34200))
    put(tmp_path, BOOK.format("orderbook"), "".join(f"{5853300 + row},18,{5850000 - row},7\n" for row in range(5)))
    assert pointline(tmp_path, "run", "--once").returncode == 0
    files = json.loads(pointline(tmp_path, "files", "--json").stdout)
    book = next(one["file_id"] for one in files if "orderbook" in one["bronze_file_path"])
    assert problem(tmp_path, "quotes", book, 3, 0) == ""
    put(tmp_path, BOOK.format("message"), messages(50000))
    assert "timestamp is 2024-05-08 17:53:22.500000" in problem(tmp_path, "quotes", book, 3, 1)
