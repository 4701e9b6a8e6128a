"""Dukascopy's packed ticks: a sample, made hours, the same rows as its CSV, and what breaks a file."""

from __future__ import annotations

import datetime as dt
import lzma
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointline.errors import Unfinished
from pointline.io.decoders.bi5 import decode_bi5
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table
from tests.support.process import pointline as run
from tests.support.vendor_files import SAMPLES, Refused, Row, claim_of, feed_of, shipped, take
from tests.support.vendor_matrix import feeds_of

SAMPLE = SAMPLES / "dukascopy" / "bi5" / "GBPJPY" / "2012" / "11" / "03" / "00h_ticks.bi5"
NEEDS_SAMPLES = pytest.mark.skipif(not SAMPLE.is_file(), reason="no samples of vendors beside the repository")
Tick = tuple[int, int, int, float, float]
"""Milliseconds since the hour began, ask and bid in points, their volumes."""
HOUR = dt.datetime(2024, 1, 31, 7, tzinfo=dt.UTC)
POINTS = {
    "ticks-bi5": ("EURUSD", 10**5),
    "ticks-bi5-3": ("XAUUSD", 10**3),
    "ticks-bi5-4": ("EURCZK", 10**4),
    "ticks-bi5-1": ("BTCUSD", 10),
}
BY_FEED = pytest.mark.parametrize("feed", POINTS)


def path_of(symbol: str, hour: dt.datetime = HOUR) -> str:
    return f"{symbol}/{hour:%Y}/{hour.month - 1:02}/{hour:%d}/{hour:%H}h_ticks.bi5"


def unpacked(ticks: Sequence[Tick]) -> bytes:
    return b"".join(struct.pack(">IIIff", *tick) for tick in ticks)


def packed(ticks: Sequence[Tick]) -> bytes:
    return lzma.compress(unpacked(ticks), format=lzma.FORMAT_ALONE)


def some(count: int = 48) -> list[Tick]:
    return [(n * 60_000, 108_300 + n, 108_290 - n, 1.5, 0.75 + n) for n in range(count)]


def rows_of(feed: str, ticks: Sequence[Tick], hour: dt.datetime = HOUR) -> list[Row]:
    symbol, points = POINTS[feed]
    begins = int(hour.timestamp()) * 10**6
    return [
        {
            "exchange": "dukascopy",
            "symbol": symbol,
            "timestamp": begins + ms * 1000,
            "local_timestamp": begins + ms * 1000,
            "ask_price": ask / points,
            "bid_price": bid / points,
            "ask_amount": ask_volume,
            "bid_amount": bid_volume,
        }
        for ms, ask, bid, ask_volume, bid_volume in ticks
    ]


def in_thousandths(number: int) -> float:
    """The number that is nearest to what is written: in a file it is a float of 32 bits."""
    return number / 1000


TICKS = st.lists(
    st.tuples(
        st.integers(0, 3_599_999),
        st.integers(1, 2**32 - 1),
        st.integers(1, 2**32 - 1),
        st.integers(0, 10**6).map(in_thousandths),
        st.integers(0, 10**6).map(in_thousandths),
    ),
    min_size=1,
    max_size=40,
).map(lambda ticks: sorted(ticks, key=lambda tick: tick[0]))


@pytest.mark.parametrize("empty_first", [False, True])
def test_an_hour_without_ticks_says_nothing_of_the_other_hours(tmp_path, empty_first):
    """On Fridays the last hours of the day have none."""
    daemon = Daemon(tmp_path / "lake")
    hours = [HOUR.replace(hour=hour) for hour in (20, 21, 22, 23)]
    for is_full in (False, True) if empty_first else (True, False):
        for hour in hours:
            if (hour.hour < 22) is is_full:
                put(daemon.bronze, hour, packed(some()) if is_full else b"")
        assert daemon.once() == 0
    assert read_manifest(daemon.root)["status"].to_list() == ["success"] * 4
    assert read_table(daemon.root, "quotes").height == 2 * len(some())


def test_an_hour_that_has_ticks_is_not_emptied_by_a_copy_without(tmp_path):
    daemon = Daemon(tmp_path / "lake")
    put(daemon.bronze, HOUR, packed(some()))
    assert daemon.once() == 0
    put(daemon.bronze, HOUR, b"", folder="again")
    daemon.once()
    ledger = read_manifest(daemon.root).sort("file_id")
    assert sorted(ledger["status"].to_list()) == ["quarantined", "success"]
    assert "it holds no rows, but file" in "".join(ledger["error"].drop_nulls())
    assert read_table(daemon.root, "quotes").height == len(some())


def test_every_feed_is_tested():
    assert {f"dukascopy/{name}" for name in POINTS} == feeds_of("dukascopy", decoded=True)


@NEEDS_SAMPLES
def test_the_sample_comes_in_value_by_value():
    taken = take(("duka/GBPJPY/2012/11/03/00h_ticks.bi5", SAMPLE.read_bytes()))
    assert taken.is_success, taken.said
    ticks = list(struct.iter_unpack(">IIIff", SAMPLE.with_suffix(".bin").read_bytes()))
    begins = 1354492800 * 10**6  # 3 December 2012
    assert [row["timestamp"] for row in taken.rows()] == [begins + tick[0] * 1000 for tick in ticks]
    assert [(row["ask_price"], row["bid_price"]) for row in taken.rows()] == [(t[1] / 1000, t[2] / 1000) for t in ticks]
    amounts = [(row["ask_amount"], row["bid_amount"]) for row in taken.rows()]
    assert [tuple(struct.pack("<f", one) for one in pair) for pair in amounts] == [
        tuple(struct.pack("<f", one) for one in tick[3:]) for tick in ticks
    ]
    assert taken.rows()[0] | {"ask_price": 132.158, "bid_price": 132.141, "bid_amount": 1.13} == taken.rows()[0]


@BY_FEED
@settings(deadline=None, max_examples=15)
@given(ticks=TICKS)
def test_made_hours_come_back(feed, ticks):
    path = path_of(POINTS[feed][0])
    assert feed_of(path) == f"dukascopy/{feed}"
    taken = take((path, packed(ticks)))
    assert taken.is_success, taken.said
    assert taken.rows() == rows_of(feed, ticks)


def test_the_same_ticks_as_csv_give_the_same_rows():
    ticks = [(n * 60_000, 108_300 + n, 108_290 - n, 1.13, n / 100) for n in range(48)]
    lines = [
        f"{HOUR + dt.timedelta(milliseconds=ms):%d.%m.%Y %H:%M:%S.000},{ask / 10**5:.5f},{bid / 10**5:.5f},{av},{bv}\n"
        for ms, ask, bid, av, bv in ticks
    ]
    csv = "".join(["Gmt time,Ask,Bid,AskVolume,BidVolume\n", *lines]).encode()
    theirs = take((f"EURUSD_Ticks_{HOUR:%d.%m.%Y}-{HOUR:%d.%m.%Y}.csv", csv))
    ours = take((path_of("EURUSD"), packed(ticks)))
    assert ours.is_success, ours.said
    assert ours.silver.drop("file_id").equals(theirs.silver.drop("file_id"))


@given(data=st.data(), ticks=TICKS)
def test_wherever_chunks_end(data, ticks):
    whole = unpacked(ticks)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    lines = b"".join(decode_bi5(iter(chunks), "x.bi5").blocks).decode().splitlines()
    assert [tuple(map(int, line.split(",")[:3])) for line in lines] == [tick[:3] for tick in ticks]
    assert [tuple(map(float, line.split(",")[3:])) for line in lines] == [tick[3:] for tick in ticks]


def test_a_file_of_no_bytes_is_an_hour_without_ticks():
    taken = take((path_of("EURUSD"), b""))
    assert taken.is_success
    assert (taken.outcome.rows_read, taken.silver.height) == (0, 0)


# ---- what breaks a file


def with_tick(number: int, tick: Tick) -> bytes:
    ticks = some()
    return packed([*ticks[:number], tick, *ticks[number + 1 :]])


MUTATIONS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "ticks of another hour": (
        path_of("EURUSD"),
        lambda: with_tick(5, (3_600_000, 1, 1, 1, 1)),
        "its tick 6 is 3600000 ms after the hour began, which has 3600000; is it an hour of ticks",
    ),
    "other bytes": (path_of("EURUSD"), lambda: lzma.compress(b"<html>" * 50, lzma.FORMAT_ALONE), "its tick 1 is"),
    "text": (path_of("EURUSD"), lambda: b"Gmt time,Ask,Bid,\n" * 20, "its tick 1 is"),
    "least significant byte first": (
        path_of("EURUSD"),
        lambda: b"".join(struct.pack("<IIIff", *tick) for tick in some()),
        "its tick 2 is",
    ),
    "a volume that is no number": (
        path_of("EURUSD"),
        lambda: with_tick(5, (300_000, 1, 1, float("nan"), 1)),
        "non_finite (ask_amount)",
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_broken_files(mutation):
    path, make, says = MUTATIONS[mutation]
    taken = take((path, make()))
    assert re.search(re.escape(says), taken.said), taken.said
    whole = rows_of("ticks-bi5", some())
    assert len(taken.rows()) < len(whole)
    assert all(row in whole for row in taken.rows())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (packed(some())[:-30], "lzma ends before its end mark"),
        (lzma.compress(unpacked(some())[:-7], lzma.FORMAT_ALONE), "ends in the middle of tick 48: 13 of 20 bytes"),
        (b"\x5d\0\0", "lzma ends in its first bytes"),
    ],
)
def test_a_file_that_ends_early_is_waited_for(data, says):
    with pytest.raises(Unfinished, match=says):
        take((path_of("EURUSD"), data))


class TestNames:
    def test_months_are_counted_from_zero(self):
        claim = claim_of("duka/GBPJPY/2012/11/03/00h_ticks.bi5")
        assert (claim.symbol, claim.date) == ("GBPJPY", dt.date(2012, 12, 3))
        refused = claim_of("duka/GBPJPY/2012/12/03/00h_ticks.bi5")
        assert isinstance(refused, Refused)
        assert "months are counted from 00, so that 11 is December" in refused.reason

    @pytest.mark.parametrize(
        ("path", "said"),
        [
            ("PEPPERUSD/2024/00/31/07h_ticks.bi5", "for another instrument write a description of your own"),
            ("EURUSD/07h_ticks.bi5", "put it into the folders of the vendor: SYMBOL/YEAR/MONTH/DAY"),
            ("EURUSD/2024/00/31/BID_candles_min_1.bi5", "take the files HHh_ticks.bi5"),
        ],
    )
    def test_what_is_said_of_others(self, path, said):
        assert feed_of(path) == ""
        assert said in shipped().why_unread(path)[1]

    def test_no_instrument_is_in_two_feeds(self):
        for vendor in shipped().vendors:
            for one in vendor.descriptions if vendor.name == "dukascopy" else ():
                for symbol in re.findall(r"[A-Z0-9]{6,}", one.paths[0].folder_text):
                    assert len(shipped().claims(path_of(symbol))) == 1, symbol


# ---- in a lake


def put(bronze: Path, hour: dt.datetime, data: bytes, *, folder: str = "", symbol: str = "EURUSD") -> Path:
    path = bronze / folder / path_of(symbol, hour)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def statuses(root: Path) -> dict[str, str]:
    return dict(read_manifest(root).select("bronze_file_path", "status").iter_rows())


def test_equal_bytes_of_two_hours_are_two_hours_and_a_copy_of_one_is_a_copy(tmp_path):
    """The path says when the ticks were: guards that such contents are told apart by their times."""
    daemon = Daemon(tmp_path / "lake")
    hours = [HOUR + dt.timedelta(hours=n) for n in range(3)]
    same = packed([(0, 108_300, 108_290, 1.0, 1.0)])
    for hour in hours:
        put(daemon.bronze, hour, same)
    put(daemon.bronze, hours[0], same, folder="copy")
    for n in range(4, 9):
        put(daemon.bronze, HOUR + dt.timedelta(hours=n), b"")
    daemon.once()
    found = statuses(daemon.root)
    assert sorted(found.values()) == ["duplicate", *["success"] * 8]
    rows = read_table(daemon.root, "quotes")
    assert sorted(rows["timestamp"].dt.hour()) == [hour.hour for hour in hours]
    put(daemon.bronze, hours[2], same, folder="again")
    daemon.once()
    assert statuses(daemon.root)[f"again/{path_of('EURUSD', hours[2])}"] == "duplicate"
    assert read_table(daemon.root, "quotes").height == 3
    assert run(daemon.root, "verify", "--deep").returncode == 0


def test_an_instrument_that_no_feed_names_takes_a_description_that_begins_from_its_file(tmp_path):
    daemon = Daemon(tmp_path / "lake")
    path = put(daemon.bronze, HOUR, packed(some(5)), symbol="AAPLUSUSD")
    assert "for another instrument write a description" in run(daemon.root, "vendors", "try", str(path)).stdout
    assert "the decoder bi5 names the columns" in run(daemon.root, "vendors", "show", "dukascopy").stdout
    begun = run(daemon.root, "vendors", "try", "--new", str(path)).stdout
    assert '# path = "{symbol}/{year:%Y}/{month:%0m}/{day:%d}/{hour:%H}h_ticks.bi5"' in begun
    [timestamp] = re.findall(r"perhaps (timestamp = .*)'", begun)
    decided = re.sub(r"# path = (.*)\npath = .*", r"path = \1", begun.partition("# Each column")[0])
    for key, value in {"vendor": "mine", "name": "ticks", "table": "quotes", "exchange": "dukascopy"}.items():
        decided = decided.replace(f'{key} = "?"', f'{key} = "{value}"')
    decided = decided.replace("{symbol}/", "{symbol:AAPLUSUSD}/")
    prices = "".join(f'{side}_price = {{ from = "{side}", divide = 1e3 }}\n' for side in ("ask", "bid"))
    amounts = 'ask_amount = "ask_volume"\nbid_amount = "bid_volume"\n'
    (daemon.root / "vendors").mkdir()
    (daemon.root / "vendors" / "mine.toml").write_text(f"{decided}{timestamp}\n{prices}{amounts}")
    assert run(daemon.root, "vendors", "check", str(daemon.root / "vendors" / "mine.toml")).returncode == 0
    Daemon(daemon.root).once()
    rows = read_table(daemon.root, "quotes")
    assert (set(rows["symbol"]), rows["ask_price"][0], str(rows["timestamp"][1])) == (
        {"AAPLUSUSD"},
        108.3,
        "2024-01-31 07:01:00+00:00",
    )


def test_a_file_is_replaced_and_traced_to_its_record(tmp_path):
    daemon = Daemon(tmp_path / "lake")
    path = put(daemon.bronze, HOUR, packed(some(5)))
    put(daemon.bronze, HOUR, packed([(7, 161_500, 161_400, 1.0, 1.0)]), symbol="USDJPY")
    daemon.once()
    path.write_bytes(packed(some(9)))
    daemon.once()
    rows = read_table(daemon.root, "quotes").filter(symbol="EURUSD")
    assert rows.height == 9
    file_id = rows["file_id"][0]
    traced = run(daemon.root, "trace", "quotes", str(file_id), "9").stdout
    assert "record 9 of the file, decoded by bi5 and written as CSV" in traced
    assert "480000,108308,108282,1.5,8.75" in traced
    assert run(daemon.root, "verify", "--deep").returncode == 0


@pytest.mark.parametrize("to", [path_of("EURUSD", HOUR.replace(hour=9)), f"duka/{path_of('EURUSD')}"])
def test_a_file_that_is_moved_has_the_times_of_its_new_path(tmp_path, to):
    daemon = Daemon(tmp_path / "lake")
    origin, target = daemon.bronze / path_of("EURUSD"), daemon.bronze / to
    origin.parent.mkdir(parents=True)
    origin.write_bytes(packed(some()))
    daemon.once()
    target.parent.mkdir(parents=True, exist_ok=True)
    origin.rename(target)
    daemon.once()
    quotes = read_table(daemon.root, "quotes")
    hour = HOUR.hour if "duka" in to else 9
    assert (quotes.height, set(quotes["timestamp"].dt.hour())) == (48, {hour})
    assert run(daemon.root, "verify", "--deep").returncode == 0
