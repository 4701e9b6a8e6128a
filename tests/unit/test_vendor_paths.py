"""What is said of a path that no description claims, and what happens to a file whose description has left."""

from __future__ import annotations

import datetime as dt

import pytest
from pointline_daemon.arrival.descriptions import Descriptions

from pointline.io.bronze.paths.layout import Recognised, Refused
from pointline.io.bronze.paths.unrecognised import describe_foreign
from pointline.io.descriptions import read_feeds, shipped_vendors
from pointline.services.files.claims import Claims
from pointline.services.files.identity.candidate import Candidate
from pointline.services.ingest.batch import Entry, make_groups
from pointline.tables.ingest_manifest import Status
from pointline.tables.registry import event_tables
from pointline.vendors.describe import describe
from pointline.vendors.feeds import Feeds
from pointline.vendors.paths.template import PathTemplate
from tests.support.loading import Bench
from tests.support.vendor_files import claim_of

TEMPLATE = PathTemplate("data/{kind:spot|um}/{symbol}/**/{symbol}-trades-{date:%Y-%m-%d}.{csv|zip}")
MINE = """
vendor = "{vendor}"
title = "Recorder {vendor}"
[[feed]]
name = "trades"
path = "{vendor}/ticks/{{symbol}}.csv"
table = "trades"
exchange = "binance"
columns = ["id", "price", "amount", "side", "timestamp"]
[feed.map]
timestamp = {{ from = "timestamp", time = "epoch" }}
"""
FEEDS = Feeds(
    event_tables(),
    [describe(MINE.format(vendor="mine").encode(), "vendors/mine.toml", event_tables())],
    shipped_vendors,
)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("data/spot/BTC/BTC-trades-2024-01-01.csv", ""),
        ("any/data/um/BTC/a/b/BTC-trades-2024-01-01.zip", ""),
        ("BTC-trades-2024-01-01.csv", "it is not in folders data/{kind:spot|um}/{symbol}/**: there is no data/"),
        ("data/cm/BTC/BTC-trades-2024-01-01.csv", "there is no {kind:spot|um} after data/"),
        ("xdata/spot/BTC/BTC-trades-2024-01-01.csv", "there is no data/"),
        ("data/spot/BTC-trades-2024-01-01.csv", "there is no / after {kind:spot|um}"),
        ("data/spot/BTC/BTC-aggTrades-2024-01-01.csv", "there is no -trades- after {symbol}"),
        ("data/spot/BTC/BTC-trades-20240101.csv", "there is no {date:%Y-%m-%d} after -trades-"),
        ("data/spot/BTC/BTC-trades-2024-01-01.csv.bak", "there is more after {csv|zip}"),
        ("data/spot/BTC/BTC-trades-2024-01-01.txt", "there is no {csv|zip} after ."),
    ],
)
def test_how_a_path_misses_a_template(path, why):
    folder, _, name = path.rpartition("/")
    miss = TEMPLATE.miss(folder, name)
    assert why in miss.why
    assert bool(miss.why) == bool(why) == (TEMPLATE.match(folder, name) is None)
    assert (miss.fits_folder and miss.fits_name) == (not why)


def test_two_times_are_a_miss_too():
    miss = PathTemplate("{day:%Y-%m-%d}/x-{date:%Y-%m-%d}.csv").miss("2024-01-01", "x-2024-01-02.csv")
    assert miss.fits_folder
    assert miss.fits_name


@pytest.mark.parametrize(
    ("path", "like", "advice"),
    [
        ("BTCUSDT-trades-2024-01.csv", "Binance public data", "only its folders tell"),
        (
            "BTCUSDT-1m-2024-01.csv",
            "perhaps Binance public data",
            "um/daily/klines/SYMBOL/INTERVAL",
        ),
        (
            "x/BTCUSDT-trades-2024-01-01.zip",
            "Binance public data",
            "spot/",
        ),
        ("data/spot/daily/trades/BTCUSDT/x.csv", "Binance public data: a file in the folders of", "vendors try"),
        ("mine/ticks/BTCUSDT.txt", "Recorder mine: a file in the folders of mine/trades", "vendors try"),
        ("desk/prices.xlsx", "a spreadsheet", "soffice --headless --convert-to csv"),
        ("desk/all.7z", "a 7z archive", "7z x"),
        ("desk/day.pcap.gz", "a packet capture", "decode it"),
        ("desk/session.fix", "FIX messages", "one row per message"),
        ("kline_for_metatrader4/BTCUSDT/2024/BTCUSDT_1_2024-01-01_2024-01-31.csv.gz", "Bybit: bars for", "--new FILE"),
        ("premium_index/BTCUSD/BTCUSD2020-01-01_premium_index.csv.gz", "Bybit: values of indices", "--new FILE"),
        ("eurusd-m1-bid-2019-01-13-2019-01-14.csv", "Dukascopy: a file that a download program", "--new FILE"),
        ("BTCUSDT-1M-2024-05.zip", "Binance public data: klines", "vendors try FILE"),
        ("allfuture-trades-2024-05-01.zip", "OKX: all instruments of a kind", "files of the instruments"),
        ("AAPL_1min.txt", "perhaps FirstRate Data: bars under a name", "AAPL_full_1min_adjsplitdiv.txt"),
        ("AAPL_1min.csv", "", "--new FILE"),
        ("mine/20240501.csv.gz", "", "--new FILE"),
        ("bitmex/20240501.csv.gz", "BitMEX: a day outside of the folder", "trade/20240501.csv.gz"),
        ("xnas-itch-20240501.ohlcv-eod.csv", "Databento: a schema that no table holds", "keep it outside bronze"),
        ("data/futures/daily/fundingRates/XBTUSDTM/XBTUSDTM-fundingRates-2024-05-01.zip", "KuCoin:", "--new FILE"),
        ("EURUSD60.hst", "MetaTrader history", "pointline vendors try --new FILE"),
        ("somewhere/prices.csv", "", "pointline vendors try --new FILE"),
        ("ticks/BTCUSDT.csv", "", "pointline vendors try --new FILE"),
    ],
)
def test_what_is_said_of_a_path_that_is_not_read(path, like, advice):
    assert FEEDS.claims(path) == []
    found = describe_foreign(path, FEEDS)
    assert found.looks_like.startswith(like)
    assert bool(found.looks_like) == bool(like)
    assert advice in found.next_step
    assert found.reason


def test_the_folders_that_are_advised_are_right():
    path = "BTCUSDT-trades-2024-01.csv"
    advised = describe_foreign(path, FEEDS).advice.rpartition("such as ")[2].split(" or ")
    assert len(advised) == 3
    for folders in advised:
        folder = folders.replace("{span:daily|monthly}", "daily").replace("{symbol}", "BTCUSDT")
        assert len(FEEDS.claims(f"{folder}/{path}")) == 1


def test_one_in_the_lake_takes_the_place_of_one_that_ships():
    own = describe(MINE.format(vendor="binance").encode(), "vendors/b.toml", event_tables())
    feeds = Feeds(event_tables(), [own], shipped_vendors)
    assert [one.where for one in feeds.vendors if one.name == "binance"] == ["vendors/b.toml"]
    assert feeds.claims("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.csv") == []


def test_a_path_that_another_layout_nearly_reads_can_be_described():
    path = "kline_for_metatrader4/BTCUSDT/2024/BTCUSDT_1_2024-01-01_2024-01-31.csv.gz"
    text = MINE.format(vendor="mine").replace("mine/ticks/{symbol}.csv", "{symbol}_1_{date:%Y-%m-%d}_*.csv.gz")
    own = describe(text.encode(), "vendors/mine.toml", event_tables())
    found = claim_of(path, Feeds(event_tables(), [own], shipped_vendors))
    assert isinstance(found, Recognised)
    assert (found.vendor, found.symbol, found.date) == ("mine", "BTCUSDT", dt.date(2024, 1, 1))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (
            "exchange=binance/type=trade/date=2024-05-01/symbol=BTCUSDT/20240501.csv.gz",
            "no table for data type 'trade'",
        ),
        ("premium_index/binance_trades_2024-02-30_BTCUSDT.csv.gz", "2024-02-30"),
    ],
)
def test_what_a_layout_reads_for_certain_is_refused_by_it(path, why):
    found = claim_of(path)
    assert isinstance(found, Refused)
    assert why in found.reason


def meta_of(bench: Bench, vendor: str):
    from msgspec.structs import replace  # noqa: PLC0415

    meta = bench.put(b"id,price,amount,side,timestamp\n1,2,3,buy,1714521600000\n", name=f"{vendor}.csv")
    return replace(meta, vendor=vendor, feed="trades")


def test_files_of_two_vendors_are_no_group_though_their_feeds_are_called_alike(tmp_path):
    bench = Bench(folder=tmp_path, checks={}, claims=Claims())
    entries = [
        Entry(file_id=number, candidate=Candidate(meta=meta_of(bench, vendor)))
        for number, vendor in enumerate(("one", "two"), 1)
    ]
    assert len(make_groups(entries, {})) == 2


def test_a_file_whose_description_has_left_is_refused_and_says_so(tmp_path):
    bench = Bench(folder=tmp_path, checks={}, claims=Claims())
    outcome, silver, _ = bench.load_one(meta_of(bench, "gone"))
    assert outcome.status is Status.QUARANTINED
    assert "no description of the vendor 'gone' has a feed 'trades' any more" in (outcome.error or "")
    assert silver.is_empty()


def test_work_sees_the_same_feeds_from_beginning_to_end():
    feeds = Feeds(event_tables(), FEEDS.own, shipped_vendors)
    before = feeds.snapshot()
    feeds.replace_own([])
    assert len(before.claims("mine/ticks/BTCUSDT.csv")) == 1
    assert feeds.claims("mine/ticks/BTCUSDT.csv") == []
    assert before.feed("trades", "trades", "mine").name == "trades"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"id", "price"', '"id", "id", "price"', "columns names id twice"),
        ('name = "trades"', 'name = "my trades"', "is not made of letters"),
        ('vendor = "mine"', 'vendor = "my desk"', "is not made of letters"),
        ('vendor = "mine"', 'vendor = "?"', "vendor is still to be decided"),
        ('table = "trades"', 'table = "?"', "table is still to be decided"),
        ('"timestamp", time = "epoch"', '"?", time = "epoch"', "map.timestamp is still to be decided"),
        ("{symbol}.csv", "{symbol}/{hour:%H}/{day:%Y-%m-%d}.csv", "the year has to come before"),
        ("[feed.map]", '[feed.decide]\nfee = "0.1"\n[feed.map]', "column fee is still to be decided (0.1)"),
    ],
)
def test_what_a_description_may_not_say(old, new, problem):
    text = MINE.format(vendor="mine")
    assert old in text
    found = describe(text.replace(old, new).encode(), "mine.toml", event_tables())
    assert any(problem in one for one in found.problems)
    assert describe(text.encode(), "mine.toml", event_tables()).problems == ()


def test_a_feed_that_is_like_another_has_no_examples_of_it():
    text = MINE.format(vendor="mine")
    example = """
[[feed.example]]
path = "mine/ticks/X.csv"
lines = []
rows = []
[[feed]]
name = "other"
like = "trades"
path = "other/{symbol}.csv"
"""
    found = describe((text + example).encode(), "mine.toml", event_tables())
    assert found.problems == ()
    assert [len(one.text.example) for one in found.descriptions] == [1, 0]
    assert found.descriptions[0].feed.columns == found.descriptions[1].feed.columns


def test_only_what_differs_from_what_was_read_at_the_start_is_a_change(tmp_path, monkeypatch):
    monkeypatch.setattr("pointline_daemon.arrival.descriptions.STILL_SECONDS", 0.0)
    file = tmp_path / "vendors" / "mine.toml"
    file.parent.mkdir()
    file.write_text(MINE.format(vendor="mine"))
    feeds = read_feeds(tmp_path)
    descriptions = Descriptions(tmp_path, feeds)
    assert not descriptions.take_up_changes()
    file.write_text(MINE.format(vendor="desk"))
    late = Descriptions(tmp_path, feeds)  # changed after it was read, before anybody looked
    assert late.take_up_changes()
    assert [one.name for one in feeds.own] == ["desk"]
    assert not late.take_up_changes()


def test_what_is_still_being_written_is_left_alone(tmp_path):
    (tmp_path / "vendors").mkdir()
    descriptions = Descriptions(tmp_path, read_feeds(tmp_path))
    (tmp_path / "vendors" / "mine.toml").write_text(MINE.format(vendor="mine"))
    assert not descriptions.take_up_changes()
    assert not descriptions.take_up_changes()


def test_the_day_of_a_file_without_a_date_is_none():
    (claim,) = FEEDS.claims("mine/ticks/BTCUSDT.csv")
    assert claim.date == dt.date(1970, 1, 1)
