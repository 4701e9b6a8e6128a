"""``divide`` is for whole numbers of a small unit: a decimal point in such a cell says that it is in another unit."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.support.vendor_files import Taken, take, take_described

TEXT = """
vendor = "own"
[[feed]]
name = "trades"
table = "trades"
exchange = "mine"
path = "mine/{{symbol}}-{{date:%Y-%m-%d}}.csv"
columns = ["time", "price", "size", "side"]
drop = {drop}
[feed.map]
timestamp = {{ from = "time", time = "epoch" }}
price = {{ from = "price", divide = {divisor}{more} }}
{maps}
"""
HEADER = "time,price,size,side"
PATH = "mine/A-2024-05-01.csv"
pytestmark = pytest.mark.usefixtures("each_parser")


def taken(
    *cells: str,
    more: str = "",
    maps: str = 'amount = "size"',
    size: str = "2",
    drop: str = "[]",
    divisor: str = "1e4",
) -> Taken:
    lines = [HEADER, *(f"1714521600000,{cell},{size},buy" for cell in cells)]
    return take_described(TEXT.format(more=more, maps=maps, drop=drop, divisor=divisor), (PATH, lines))


@pytest.mark.parametrize("odd", ["585.33", "5853300.0", "5.8533e6", ".5"])
def test_a_decimal_point_breaks_its_row(odd):
    found = taken("6448000", odd, *["6450000"] * 8)
    assert found.silver["price"].to_list() == [644.8, *[645.0] * 8]
    assert found.aside.select("file_seq", "rule", "column").rows() == [(2, "unparseable", "price")]
    assert "a whole number, such as 1234 for 0.1234, is wanted" in found.said


def test_a_file_in_another_unit_is_refused_as_a_whole():
    found = taken(*["585.33", "585.34"] * 10)
    assert found.silver.is_empty()
    assert "20 of 20 rows" in found.said


@pytest.mark.parametrize(
    ("more", "cells", "prices"),
    [
        (", decimals = true", ["15000", "585.5"], [1.5, 0.05855]),
        (
            ", decimals = true",
            ["9.1", "1.1e-3", "-7E2", "0.30000000000000004"],
            [9.1e-4, 1.1e-7, -0.07, 3.0000000000000004e-5],
        ),
        (', null = ["-1"], decimals = true', ["-1.0", "-1", " 1.5"], [0.00015]),
        (", when_integer = true", ["15000", "585.5"], [1.5, 585.5]),
        (', null = ["-1"], decimals = true', ["15000", "1.5"], [1.5, 0.00015]),
        (', null = ["n.a."]', ["15000", "25000"], [1.5, 2.5]),
        (", absolute = true", ["-15000", "25000"], [1.5, 2.5]),
        ("", ["9007199254740993", "1"], [900719925474.0993, 0.0001]),
    ],
)
def test_what_is_divided(more, cells, prices):
    assert taken(*cells, more=more).silver["price"].to_list() == prices


@pytest.mark.parametrize("divisor", ["10", "100.0", "1e8", "0.01"])
def test_a_number_with_a_point_is_the_nearest_float_to_what_is_written(divisor):
    """It is not rounded twice: once as it is read, and once more as it is divided."""
    cells = [f"{whole * 0.37:.3f}" for whole in range(1, 400)]
    found = taken(*cells, more=", decimals = true", divisor=divisor)
    assert found.silver["price"].to_list() == [float(Fraction(cell) / Fraction(divisor)) for cell in cells]


@pytest.mark.parametrize(("odd", "column"), [("n.a.", "price"), ("1.5", "price")])
def test_a_word_that_says_nothing_stays_one_and_a_decimal_point_breaks_its_row_beside_it(odd, column):
    found = taken("15000", odd, more=', null = ["n.a."]')
    assert found.silver["price"].to_list() == [1.5]
    rule = "missing" if odd == "n.a." else "unparseable"
    assert found.aside.select("rule", "column").rows() == [(rule, column)]


@pytest.mark.parametrize(("size", "is_right"), [("-20", True), ("-2.5", False)])
def test_the_sign_of_a_number_that_is_divided(size, is_right):
    maps = 'amount = { from = "size", divide = 10, absolute = true }'
    maps += '\nside = { from = "size", sign = { plus = "buy", minus = "sell" } }'
    found = taken("15000", maps=maps, size=size, drop='["side"]')
    assert found.silver.select("side", "amount").rows() == ([("sell", 2.0)] if is_right else [])


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("equity/usa/minute/aapl/20210315_aapl_minute_trade.csv", "34200000,644.80,645.00,644.00,644.90,100"),
        ("AAPL_2012-06-21_34200000_57600000_message_5.csv", "34200.5,1,1001,10,585.33,1"),
    ],
)
def test_dollars_where_a_vendor_counts_in_parts_of_one_are_refused(path, line):
    found = take((path, f"{line}\n".encode()))
    assert found.silver.is_empty()
    assert "a number with a decimal point, such as" in found.said
