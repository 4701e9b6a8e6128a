"""Descriptions at the edges of the language: what they say happens, or they are refused for what is wrong."""

from __future__ import annotations

import pytest

from pointline.tables.registry import event_tables
from pointline.vendors.describe import describe
from tests.support.vendor_files import take_described

PATH = "f/BTC/2024-05-01.csv"
FEED = """
vendor = "own"
[[feed]]
name = "f"
table = "trades"
exchange = "kraken"
path = "f/{{symbol}}/{{date:%Y-%m-%d}}.csv"
columns = {columns}
{more}
[feed.map]
id = "id"
amount = {price}
side = "side"
price = {price}
timestamp = {time}
"""
COLUMNS = ["id", "price", "side", "at"]


def feed(more: str = "", *, columns: list[str] | None = None, price: str = '"price"', time: str = "") -> str:
    time = time or '{ from = "at", time = "epoch", unit = "s" }'
    return FEED.format(columns=columns or COLUMNS, more=more, price=price, time=time)


def lines(*rows: str, columns: list[str] | None = None) -> list[str]:
    return [",".join(columns or COLUMNS), *rows]


def problems(text: str) -> str:
    return " | ".join(describe(text.encode(), "own.toml", event_tables()).problems)


TABLE = 'vendor = "own"\n[[table]]\nname = "mine"\ncolumns = [{names}]\n'


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("price", "Price"), "it has Price twice, in capitals or not"),
        (("Symbol",), "every table has a column Symbol already"),
        (("",), "'' is no name of a column"),
        (("a b",), "'a b' is no name of a column"),
        (("row",), "a column cannot be called 'row'"),
        (("price", "amount_2"), ""),
    ],
)
def test_names_of_columns_of_a_table(names, says):
    columns = ", ".join(f'{{ name = "{name}", kind = "number" }}' for name in names)
    said = problems(TABLE.replace("{names}", columns))
    assert says in said
    assert bool(said) == bool(says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (feed(columns=[*COLUMNS, "row"], more='drop = ["row"]'), "a column cannot be called 'row'"),
        (feed(time='{ from = ["id", "at"], time = "epoch" }'), "several columns are joined to be read by formats"),
        (feed(time='{ from = ["id", "at"], time = "seconds" }'), "several columns are joined to be read by formats"),
        (feed('separator = ";"').replace(".csv", ".{csv|parquet}"), "separator is of lines of text"),
        (feed("quote = false").replace(".csv", ".{csv|parquet}"), "quote is of lines of text"),
        (feed('trailer = "TOTAL"').replace(".csv", ".{csv|parquet}"), "trailer is of lines of text"),
        (feed(), ""),
    ],
)
def test_what_cannot_be_meant_is_refused(text, says):
    said = problems(text)
    assert says in said
    assert bool(said) == bool(says)


def test_a_whole_number_is_of_the_first_format_that_it_fits():
    """Whatever else is in its block."""
    text = feed(time='{ from = "at", time = ["%y%m%d%H%M", "epoch"] }')
    alone = take_described(text, (PATH, lines("a,1,buy,2405011200"))).silver
    beside = take_described(text, (PATH, lines("a,1,buy,2405011200", "b,1,buy,1714564800000"))).silver
    assert alone["timestamp"].to_list() == beside["timestamp"].head(1).to_list()
    assert f"{alone['timestamp'].item()}".startswith("2024-05-01 12:00:00")


@pytest.mark.parametrize(("divisor", "price"), [("2.5", 9007199254740993 / 2.5), ("0.5", 18014398509481986.0)])
def test_a_large_number_is_divided_by_what_is_said(divisor, price):
    text = feed(price=f'{{ from = "price", divide = {divisor} }}')
    assert take_described(text, (PATH, lines("a,9007199254740993,buy,1714521600"))).silver["price"].to_list() == [price]


@pytest.mark.parametrize(
    ("where", "ids"),
    [('{ price = ["1"] }', ["a"]), ('{ price = ["1.0", "2"] }', ["a", "b"]), ('{ side = ["buy"] }', ["a", "b"])],
)
def test_where_is_asked_of_what_cells_mean(where, ids):
    rows = lines("a,1,buy,1714521600", "b,2.0,buy,1714521601", "c,3,ask,soon")
    assert take_described(feed(f"where = {where}"), (PATH, rows)).silver["id"].to_list() == ids


def test_rows_that_are_not_meant_have_no_fault():
    rows = lines("a,1,buy,1714521600", *(f"{one},x,ask,soon" for one in range(20)))
    taken = take_described(feed('where = { side = ["buy"] }'), (PATH, rows))
    assert taken.silver["id"].to_list() == ["a"]
    assert taken.aside.is_empty()
    assert taken.outcome is not None
    assert (taken.outcome.warnings or {}).items() >= {"rows_left_out": 20, "left_out:side=ask": 20}.items()


@pytest.mark.parametrize(("count", "is_whole"), [(2, True), (3, False)])
def test_a_trailer_counts_rows_and_no_lines(count, is_whole):
    rows = lines('"a\nb",1,buy,1714521600', "c,1,buy,1714521601", f"END {count}")
    assert take_described(feed('trailer = "END {rows}"'), (PATH, rows)).is_success is is_whole
