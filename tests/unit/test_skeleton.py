"""What ``vendors try --new`` suggests of a path and of lines; it decides nothing."""

from __future__ import annotations

import tomllib

import pytest

from pointline.vendors.drafts.skeleton import skeleton

LINES = ["time,area,price", "1714521600000,NO2,5.5", "1714521600001,NO2,6.5"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("fx/EUR_SEK.2024-06-03.tsv", "fx/EUR_SEK.{date:%Y-%m-%d}.tsv"),
        ("KCE/trades/COFFEE/20240603_trades.csv", "KCE/trades/COFFEE/{date:%Y%m%d}_trades.csv"),
        ("NTS/2024-05-03/trades_NO2_20240503.csv.gz", "NTS/{date:%Y-%m-%d}/trades_{symbol}_{date:%Y%m%d}.csv.gz"),
        ("BTC/BTC-2024-06-03-2024-06-03.csv", "{symbol}/{symbol}-{date:%Y-%m-%d}-{date:%Y-%m-%d}.csv"),
        ("a/2024/05/03/x-2024-05-03.csv", "a/{date:%Y/%m/%d}/x-{date:%Y-%m-%d}.csv"),
        ("2024-05/x-20240503.csv", "{date:%Y-%m}/x-{date:%Y%m%d}.csv"),
        ("a/20240101/x-20240503.csv", "a/{date:%Y%m%d}/x-20240503.csv"),
        ("x-d1-2024-05-03-2024-06-01.csv", "x-d1-{date:%Y-%m-%d}-{until:%Y-%m-%d}.csv"),
        ("x-20240503_20240601/x.csv", "x-{date:%Y%m%d}_{until:%Y%m%d}/x.csv"),
        ("x-2024-06-03-2024-05-01.csv", "x-{date:%Y-%m-%d}-2024-05-01.csv"),
        ("trades.csv", "trades.csv"),
        ("x/NO2B_NO2.csv", "x/NO2B_{symbol}.csv"),
    ],
)
def test_a_path(path, wanted):
    begun = skeleton(path, LINES)
    assert f'# path = "{wanted}"\n' in begun
    assert ("Which part of it is the symbol" in begun) == ("{symbol}" not in wanted)
    assert tomllib.loads(begun)["feed"][0]["path"] == "?"


@pytest.mark.parametrize(
    ("lines", "titles", "columns"),
    [
        (["# a, b, c, d, e", "x;y", "1;2"], 1, ["x", "y"]),
        (["made", "by us", "x,y", "1,2"], 2, ["x", "y"]),
        (["x,y", "1,2,3", "1,2"], 0, ["x", "y"]),
        (["x,y", '"Mar 01, 2024",1', '"Mar 02, 2024",2'], 0, ["x", "y"]),
        (["x,y"], 0, ["x", "y"]),
        (["x", "1"], 0, ["x"]),
    ],
)
def test_lines_above_the_header(lines, titles, columns):
    begun = skeleton("x.csv", lines)
    (feed,) = tomllib.loads(begun)["feed"]
    assert feed["columns"] == columns
    assert (f"# skip = {titles}\n" in begun) == ("skip" in feed) == bool(titles)
