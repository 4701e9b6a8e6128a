"""Bars may be further apart than the interval that their path names, but never nearer: such a file is refused."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pointline.io.descriptions import shipped_vendors
from pointline.services.files.claims import Claims
from pointline.services.rows.steps import Steps
from pointline.tables.ingest_manifest import Status
from pointline.tables.registry import event_tables
from pointline.vendors.describe import describe
from pointline.vendors.feeds import Feeds
from tests.support.loading import Bench, blocks_of
from tests.support.vendor_files import Taken, take

NEW_YORK = ZoneInfo("America/New_York")
MIDNIGHT = dt.datetime(2024, 5, 2, tzinfo=dt.UTC)
POLYGON = "ticker,volume,open,close,high,low,window_start,transactions\n"
OKX = "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm\n"
DATABENTO = "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"


def seconds(at: dt.datetime) -> int:
    return int(at.timestamp())


VENDORS = {
    "binance": (
        "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-05-02.csv",
        "1h",
        "",
        lambda at: f"{seconds(at)}000,100,101,99,100,10,{seconds(at)}999,1,1,1,1,0",
    ),
    "polygon": (
        "us_stocks_sip/day_aggs_v1/2024/05/2024-05-02.csv",
        "1d",
        POLYGON,
        lambda at: f"A,1,10,11,12,9,{seconds(at) + 14400}000000000,5",
    ),
    "okx": (
        "1h/BTC-USDT-SWAP-candlesticks-2024-05-02.csv",
        "1h",
        OKX,
        lambda at: f"BTC-USDT-SWAP,1,2,0.5,1.5,10,1,15,{seconds(at)}000,1",
    ),
    "kraken": ("kraken/XBTUSD_1440.csv", "1d", "", lambda at: f"{seconds(at)},1,2,0.5,1.5,10,3"),
    "ccxt": (
        "ohlcv/kraken/BTC_USDT-1d.csv",
        "1d",
        "timestamp,open,high,low,close,volume\n",
        lambda at: f"{seconds(at)}000,1,2,0.5,1.5,10",
    ),
    "firstrate": ("stocks/MSFT_full_1day.txt", "1d", "", lambda at: f"{at:%Y-%m-%d %H:%M:%S},1,2,0.5,1.5,10"),
    "databento": (
        "glbx-mdp3-20240502.ohlcv-1h.csv",
        "1h",
        DATABENTO,
        lambda at: f"{seconds(at)}000000000,34,1,1,100000000000,100000000000,100000000000,100000000000,10,ES",
    ),
    "htx": (
        "klines/spot/daily/btcusdt/60min/btcusdt-60min-2024-05-02.csv",
        "1h",
        "",
        lambda at: f"{seconds(at) - 28800},1,2,3,0.5,100,50",
    ),
    "lean": (
        "equity/usa/minute/msft/20240502_msft_minute_trade.csv",
        "1m",
        "",
        lambda at: f"{(at.hour * 60 + at.minute) * 60000 + at.second * 1000},6448000,6450000,6440000,6449000,100",
    ),
}
LENGTHS = {"1d": dt.timedelta(days=1), "1h": dt.timedelta(hours=1), "1m": dt.timedelta(minutes=1)}


def taken(vendor: str, step: dt.timedelta, count: int = 3) -> Taken:
    path, _, header, line = VENDORS[vendor]
    lines = [line(MIDNIGHT + number * step) for number in range(count)]
    return take((path, (header + "".join(f"{one}\n" for one in lines)).encode()))


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("times", [1, 2], ids=["apart", "with-gaps"])
def test_bars_of_the_interval_go_in(vendor, times):
    step = LENGTHS[VENDORS[vendor][1]] * times
    found = taken(vendor, step, 1 if vendor == "polygon" else 3)
    assert found.is_success, found.said


@pytest.mark.parametrize("vendor", VENDORS)
def test_bars_that_lie_nearer_are_refused_with_both_intervals(vendor):
    interval = VENDORS[vendor][1]
    step, word = (dt.timedelta(seconds=5), "5s") if interval == "1m" else (dt.timedelta(minutes=5), "5m")
    found = taken(vendor, step)
    assert found.silver.is_empty()
    assert f"its rows are {word} apart, the name says {interval}; 2 rows come too early" in found.said
    assert f"so that its path says {word}; else" in found.said


def test_a_few_among_many_are_said_and_times_in_another_unit_are_asked_for():
    path, _, _, line = VENDORS["binance"]
    hours = [line(MIDNIGHT + hour * LENGTHS["1h"]) for hour in range(24)]
    odd = line(MIDNIGHT + dt.timedelta(hours=5, minutes=30))
    found = take((path, "\n".join([*hours[:6], odd, *hours[6:], ""]).encode()))
    assert found.is_success, found.said
    assert found.outcomes[0].warnings["too_early_for:1h"] == 2
    found = take((path, "\n".join([hours[5], odd, hours[6], ""]).encode()))
    assert "its rows are 30m apart, the name says 1h; 2 rows come too early" in found.said
    path = VENDORS["lean"][0]
    found = take((path, b"34200,6448000,6450000,6440000,6449000,100\n34260,6448000,6450000,6440000,6449000,100\n"))
    assert "its rows are 60ms apart, the name says 1m" in found.said
    assert "are its times in another unit" in found.said


ORDERS = {"forward": list, "back": lambda times: times[::-1], "twice": lambda times: [*times, *times[-3:]]}


@pytest.mark.parametrize("case", [(60, 13, False), (300, 13, True), (300, 12, False)])
@pytest.mark.parametrize("odd", [0, 30])
@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("order", ORDERS)
def test_bars_that_look_like_those_of_a_longer_interval_are_said_to(case, odd, files, order):
    minutes, bars, is_said = case
    path, _, _, line = VENDORS["binance"]
    month = path.replace("daily", "monthly").replace("-02.csv", ".csv")
    times = [MIDNIGHT + dt.timedelta(minutes=minutes * bar + odd * (bar == 2)) for bar in range(bars)]
    others = [MIDNIGHT + dt.timedelta(hours=bar) for bar in range(bars)]
    contents = [ORDERS[order](times), *[others] * (files - 1)]
    found = take(
        *(
            (month.replace("BTC", f"BTC{number}"), "\n".join([*map(line, one), ""]).encode())
            for number, one in enumerate(contents)
        )
    )
    assert found.is_success, found.said
    said = [one.warnings.get("far_apart_for:1h") for one in found.outcomes]
    assert said == [bars - 1 if is_said and not odd else None, *[None] * (files - 1)]


def test_of_small_files_that_are_typed_together_only_the_wrong_one_is_refused():
    def file(day: int, step: dt.timedelta) -> tuple[str, bytes]:
        begin = MIDNIGHT + dt.timedelta(days=day - 2)
        text = "".join(VENDORS["binance"][3](begin + number * step) + "\n" for number in range(24))
        return VENDORS["binance"][0].replace("05-02", f"05-{day:02}"), text.encode()

    found = take(file(2, LENGTHS["1h"]), file(3, LENGTHS["1m"]), file(4, LENGTHS["1h"]))
    statuses = [outcome.status for outcome in found.outcomes if outcome is not None]
    assert statuses == [Status.SUCCESS, Status.QUARANTINED, Status.SUCCESS]
    assert found.silver.height == 48


DAY = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
HEADER = "name,at,interval,price_type,open,high,low,close\n"
DESCRIPTION = b"""
vendor = "own"
[[feed]]
name = "bars"
table = "bars"
exchange = "mine"
path = "mine/{part}.csv"
columns = ["name", "at", "interval", "price_type", "open", "high", "low", "close"]
sorted = false
group = true
[feed.map]
symbol = "name"
timestamp = { from = "at", time = "epoch" }
"""


def own(*bars: tuple[str, str, dt.datetime], interval: str = "1h") -> Taken:
    """Bars of many symbols whose rows say what they are of."""
    vendor = describe(DESCRIPTION, "own.toml", event_tables())
    assert not vendor.problems
    rows = [f"{symbol},{seconds(at)},{interval},{kind},1,2,0.5,1.5\n" for symbol, kind, at in bars]
    return take(("mine/x.csv", (HEADER + "".join(rows)).encode()), feeds=Feeds(event_tables(), [vendor]))


@pytest.mark.parametrize("size", [60, 1 << 20], ids=["blocks", "whole"])
@pytest.mark.parametrize("late", [5, 60], ids=["too-early", "in-time"])
@pytest.mark.parametrize("other", ["symbol", "price_type"])
def test_only_bars_of_one_series_are_compared_over_blocks_too(size, late, other):
    """Those of other series lie between them, a minute apart."""
    names = [(f"S{n}", "trade") if other == "symbol" else ("S0", ("trade", "mark", "bid")[n]) for n in range(3)]
    bars = [(*name, later(hours=hour, minutes=n)) for hour in range(12) for n, name in enumerate(names)]
    with blocks_of(size):  # the first block has 512 bytes or more, all others have two bars
        found = own(*bars, (*names[0], later(hours=11, minutes=late)))
    assert found.silver.height == 37, found.said
    assert found.outcomes[0].warnings.get("too_early_for:1h", 0) == (0 if late == 60 else 1)


def days(*numbers: int, zone: dt.tzinfo = dt.UTC) -> list[dt.datetime]:
    return [dt.datetime(2024, 3, 1, tzinfo=zone) + dt.timedelta(days=number) for number in numbers]


def later(**length: int) -> dt.datetime:
    return DAY + dt.timedelta(**length)


NEARER = {
    "a day of 23 hours": ("1d", days(8, 9, 10, 11, zone=NEW_YORK), True),
    "half days": ("1d", [DAY, later(hours=12)], False),
    "a bar that is there twice": ("1h", [DAY, DAY, later(hours=1), later(hours=1)], True),
    "newest first": ("1h", [later(hours=2), later(hours=1), DAY], True),
    "newest first, nearer": ("1h", [later(minutes=30), DAY], False),
    "weeks that end on days of trade": ("1w", days(0, 7, 13, 21, 24), True),
    "days as weeks": ("1w", days(0, 1, 2, 3), False),
    "months": ("1mo", days(0, 31, 59, 90), True),
    "months of an API": ("1M", days(0, 31, 61), True),
    "weeks as months": ("1mo", days(0, 7, 14), False),
    "minutes as months of an API": ("1M", [DAY, later(minutes=1)], False),
    "minutes as days in words": ("1day", [DAY, later(minutes=1)], False),
    "ten seconds as fifteen": ("15sec", [DAY, later(seconds=10)], False),
    "a word that nobody knows": ("tick", [DAY, later(seconds=10)], True),
}


@pytest.mark.parametrize("case", NEARER)
def test_what_counts_as_nearer(case):
    interval, times, is_right = NEARER[case]
    found = own(*[("S", "trade", at) for at in times], interval=interval)
    assert found.is_success is is_right, found.said


def test_who_accepts_a_file_takes_its_bars_as_they_are_called(tmp_path):
    names = "exchange,symbol,timestamp,local_timestamp,interval,price_type,open,high,low,close,"
    names += "volume,quote_volume,trade_count,taker_buy_volume,taker_buy_quote_volume"
    times = [f"{seconds(later(minutes=number))}000000" for number in range(3)]
    rows = [f"binance,S,{at},{at},1h,trade,1,2,0.5,1.5,,,,," for at in times]
    bench = Bench(tmp_path, {}, Claims())
    meta = bench.put("\n".join([names, *rows, ""]).encode(), table="bars", symbol="S")
    refused, silver = bench.load(meta)
    assert "`pointline retry 1 --accept` takes them as bars of 1h" in (refused.outcomes[1].error or "")
    assert silver.is_empty()
    accepted, silver = Bench(tmp_path, {}, Claims()).load(meta, accepted=(1,))
    assert accepted.outcomes[1].status is Status.SUCCESS
    assert (accepted.outcomes[1].warnings, silver.height) == ({"too_early_for:1h": 2}, 3)


def test_each_vendor_that_ships_spells_intervals_alike():
    """A query of ``1h`` finds the bars of all of them."""
    spelled = re.compile(r"[1-9][0-9]*(?:s|m|h|d|w|mo)")
    odd = {}
    for one in (one for vendor in shipped_vendors() for one in vendor.descriptions if "interval" in one.text.map):
        said = one.text.map["interval"]
        fields = [found for path in one.paths for found in re.findall(r"\{interval:([^}]*)\}", path.text)]
        words = said.words.values() or ("|".join(fields).split("|") if "{" in said.value else [said.value])
        assert words, one.name
        if found := [word for word in words if not spelled.fullmatch(str(word))]:
            odd[one.name] = found
    assert odd == {}


def test_steps_of_bars_without_an_interval():
    """A table of a person's own may leave it empty."""
    steps = Steps(event_tables()["bars"])
    bars = {"timestamp": [at * 60_000_000 for at in range(20)], "interval": [None] * 20, "symbol": ["A"] * 20}
    others = {name: ["x"] * 20 for name in event_tables()["bars"].series if name not in bars}
    schema = {"timestamp": pl.Int64, **dict.fromkeys((*bars, *others), pl.String)} | {"timestamp": pl.Int64}
    steps.add(pl.DataFrame({**bars, **others}, schema_overrides=schema))
    assert (steps.far(), steps.short()) == (None, None)


@pytest.mark.parametrize("at_once", [1, 5, 30])
def test_how_far_bars_are_apart_does_not_depend_on_blocks(at_once):
    minutes = [0, 10, 25, 35, 50, 60, 75, 85, 100, 110, 125, 135, 150, 155, 170]
    table = event_tables()["bars"]
    frame = pl.DataFrame({"timestamp": [one * 60_000_000 for one in minutes], "interval": "1m", "symbol": "A"})
    frame = frame.with_columns(pl.lit("x").alias(name) for name in table.series if name not in frame.columns)
    steps = Steps(table)
    for start in range(0, len(minutes), at_once):
        steps.add(frame[start : start + at_once])
    assert steps.far() == ("1m", len(minutes) - 1)
