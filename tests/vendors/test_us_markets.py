"""TAQ, AlgoSeek, FirstRate, IQFeed, LEAN: samples value by value, made files, and what breaks them."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import SAMPLES, Form, Row, decimals, feed_of, shipped, take
from tests.support.vendor_reader import us_of, written_us

NEEDS_SAMPLES = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples of vendors beside the repository")
NEW_YORK = ZoneInfo("America/New_York")
SECOND = 10**6
TAQ_HEADER = (
    "Time|Exchange|Symbol|Sale Condition|Trade Volume|Trade Price|Trade Stop Stock Indicator|"
    "Trade Correction Indicator|Sequence Number|Trade Id|Source of Trade|Trade Reporting Facility|"
    "Participant Timestamp|Trade Reporting Facility TRF Timestamp|Trade Through Exempt Indicator"
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Counted(Form):
    """A file whose last line counts its rows."""

    def file(self, lines: Sequence[Sequence[str]], header: Sequence[str] | None = None) -> bytes:
        return super().file(lines, header) + f"END|20240501|{len(lines)}|||||||||||||\n".encode()


# ---- samples


class TestSamples:
    pytestmark = NEEDS_SAMPLES

    def test_taq(self):
        """The quoted rows are the first of a file of 27 million: the count in the last line shows it."""
        data = (SAMPLES / "transcribed" / "nyse_taq" / "EQY_US_ALL_TRADE_20161024").read_bytes()
        taken = take(("EQY_US_ALL_TRADE_20161024", data))
        assert "its last line counts 27052068 rows, there are 3" in taken.said
        assert taken.silver.is_empty()
        whole = take(("EQY_US_ALL_TRADE_20161024", data.replace(b"|27052068|", b"|3|")))
        assert whole.is_success, whole.said
        expected = []
        for line in data.decode().splitlines()[1:-1]:
            cells = line.split("|")
            event, received = (taq_us("2016-10-24", cells[place]) for place in (12, 0))
            numbers = {"price": float(Decimal(cells[5])), "amount": float(Decimal(cells[4]))}
            names = {"exchange": "taq", "symbol": cells[2], "side": "unknown"}
            expected.append({**names, "timestamp": event, "local_timestamp": received, **numbers})
        assert whole.rows() == expected

    def test_algoseek(self):
        data = (SAMPLES / "transcribed" / "algoseek" / "BIPC.csv").read_bytes()
        taken = take(("us-equity-taq-2023/20230609/B/BIPC.csv", data))
        assert taken.is_success, taken.said
        time_us = written_us("20230609 09:30:00.791480832", "%Y%m%d %H:%M:%S", "America/New_York")
        clocks = {"timestamp": time_us, "local_timestamp": time_us}
        names = {"exchange": "algoseek", "symbol": "BIPC", "side": "unknown"}
        assert taken.rows() == [{**names, **clocks, "price": 47.58, "amount": 4000.0}]

    def test_firstrate(self):
        data = (SAMPLES / "transcribed" / "firstrate" / "AAPL_full_1min.txt").read_bytes()
        taken = take(("stocks/AAPL_full_1min.txt", data))
        assert taken.is_success, taken.said
        time_us = written_us("2008-01-29 10:00:00", "%Y-%m-%d %H:%M:%S", "America/New_York")
        names = {"exchange": "firstrate", "symbol": "AAPL", "interval": "1m", "price_type": "trade"}
        prices = {"open": 9.51, "high": 9.99, "low": 9.5, "close": 9.5, "volume": 89745.0}
        assert taken.rows() == [{**names, "timestamp": time_us, "local_timestamp": time_us, **prices}]

    @pytest.mark.parametrize(
        ("path", "feed", "zone", "divisor"),
        [
            ("equity/usa/minute/aapl/20140605_trade.zip", "lean/equity-trades", "America/New_York", 10_000),
            ("crypto/bybit/minute/btcusdt/20221213_trade.zip", "lean/crypto-trades", "UTC", 1),
        ],
    )
    def test_bars_of_lean(self, path, feed, zone, divisor):
        with zipfile.ZipFile(SAMPLES / "lean" / path) as archive:
            (name,) = archive.namelist()
            data = archive.read(name)
        unpacked = f"{path.rpartition('/')[0]}/{name}"
        assert feed_of(path) == feed_of(unpacked) == feed
        taken = take((unpacked, data))
        assert taken.is_success, taken.said
        market, symbol = path.split("/")[1], path.split("/")[3]
        names = {"exchange": f"lean-{market}", "symbol": symbol, "interval": "1m", "price_type": "trade"}
        expected = []
        for line in data.decode().splitlines():
            ms, *prices, volume = line.split(",")
            time_us = wall_us(name[:8], int(ms) * 1000, zone)
            numbers = dict(
                zip(("open", "high", "low", "close"), (float(Decimal(one) / divisor) for one in prices), strict=True)
            )
            clocks = {"timestamp": time_us, "local_timestamp": time_us}
            expected.append({**names, **clocks, **numbers, "volume": float(Decimal(volume))})
        assert taken.rows() == expected

    def test_ticks_of_lean(self):
        with zipfile.ZipFile(SAMPLES / "lean" / "forex/oanda/tick/eurusd/20140504_quote.zip") as archive:
            data = archive.read("20140504_eurusd_tick_quote.csv")
        taken = take(("forex/oanda/tick/eurusd/20140504_eurusd_tick_quote.csv", data))
        assert taken.is_success, taken.said
        expected = []
        for line in data.decode().splitlines():
            ms, bid, ask = line.split(",")
            time_us = wall_us("20140504", int(ms) * 1000, "UTC")
            clocks = {"timestamp": time_us, "local_timestamp": time_us}
            names = {"exchange": "lean-oanda", "symbol": "eurusd"}
            expected.append({**names, **clocks, "bid_price": float(bid), "ask_price": float(ask)})
        assert taken.rows() == expected
        assert taken.rows()[0]["timestamp"] == us_of(dt.datetime(2014, 5, 4, 21, 0, 0, 462_000, dt.UTC)), (
            "Sunday's open"
        )


@pytest.mark.parametrize(
    ("path", "clock"),
    [
        ("forex/oanda/tick/eurusd/20240702_quote.zip", "+00:00"),
        ("forex/fxcm/tick/eurusd/20240702_quote.zip", "-05:00"),
        ("equity/usa/minute/aapl/20240702_trade.zip", "-04:00"),
        ("cryptofuture/binance/minute/btcusdt/20240702_trade.zip", "+00:00"),
    ],
)
def test_each_market_of_lean_has_its_clock(path, clock):
    """As LEAN's market-hours-database.json has them; FXCM's does not know summer."""
    name = path.rpartition("/")[2].removesuffix(".zip").replace("_", f"_{path.split('/')[3]}_{path.split('/')[2]}_")
    cells = b"1,2\n" if "quote" in path else b"1,2,1,1,5\n"
    (row,) = take((f"{path.rpartition('/')[0]}/{name}.csv", b"3600000," + cells)).rows()
    assert row["timestamp"] == us_of(dt.datetime.fromisoformat(f"2024-07-02T01:00:00{clock}"))


@pytest.mark.parametrize(
    "path",
    [
        "equity/india/minute/yesbank/20190709_trade.zip",
        "forex/other/tick/eurusd/20240702_quote.zip",
        "equity/usa/tick/spy/20131007_trade.zip",
        "crypto/coinbase/tick/btcusd/20161007_trade.zip",
        "cfd/oanda/tick/xauusd/20140504_quote.zip",
        "index/usa/minute/spx/20210104_trade.zip",
    ],
)
def test_a_file_of_lean_that_no_description_has_is_named_and_sent_nowhere(path):
    assert feed_of(path) == ""
    told = shipped().why_unread(path)
    assert told is not None
    assert told[0].startswith("LEAN")
    assert "put it" not in told[1]


@pytest.mark.parametrize(
    ("path", "clock"),
    [
        ("crypto_full_1min_n1q56ok/BTC_full_1min.txt", "+00:00"),
        ("stocks/AAPL_full_1min.txt", "-04:00"),
        ("index_full_1min_n1q56ok/SPX_full_1min.txt", "-04:00"),
        ("firstrate/AAPL_full_1min.txt", "-04:00"),
        ("firstrate/crypto/BTC_full_1min.txt", "+00:00"),
        ("BITO_full_1min_adjsplitdiv.txt", "-04:00"),
        ("crypto-etf/BITO_full_1min_adj_split.txt", "-04:00"),
        ("index-futures/ES_full_1min_continuous_UNadjusted.txt", "-04:00"),
        ("stocks/2024/AAPL_full_1min.txt", "-04:00"),
        ("Crypto/1min/BTC_full_1min.txt", "+00:00"),
    ],
)
def test_the_folder_says_by_which_clock_bars_of_firstrate_are(path, clock):
    volume = b"" if path.startswith("index_") else b",12.5"
    (row,) = take((path, b"2024-07-02 01:00:00,5,7,4,6" + volume + b"\n")).rows()
    assert row["timestamp"] == us_of(dt.datetime.fromisoformat(f"2024-07-02T01:00:00{clock}"))


@pytest.mark.parametrize("path", ["BTC_full_1min.txt", "fx/GBPUSD_full_1min.txt", "data/AAPL_full_1day.csv"])
def test_a_name_of_firstrate_that_tells_no_clock_is_sent_below_a_folder_that_does(path):
    assert feed_of(path) == ""
    told = shipped().why_unread(path)
    assert told is not None
    assert "`crypto` (UTC)" in told[1]


def wall_us(day: str, since_us: int, zone: str) -> int:
    """The instant at which a clock on the wall shows so long after midnight."""
    local = dt.datetime.strptime(day, "%Y%m%d") + dt.timedelta(microseconds=since_us)  # noqa: DTZ007
    return us_of(local.replace(tzinfo=ZoneInfo(zone)))


def taq_us(day: str, text: str) -> int:
    return written_us(f"{day} {text[:6]}.{text[6:]}", "%Y-%m-%d %H%M%S", "America/New_York")


# ---- made files


def clock(us: object, format_: str, zone: dt.tzinfo = NEW_YORK) -> str:
    moment = dt.datetime.fromtimestamp(int(str(us)) // SECOND, zone)
    return moment.strftime(format_).replace("US", f"{int(str(us)) % SECOND:06}")


def plain_trade(n: int) -> Row:
    return {"price": Decimal(n + 1) / 8, "amount": Decimal(100), "id": f"{n}"}


def plain_anonymous(n: int) -> Row:
    return {"price": Decimal(n + 1) / 8, "amount": Decimal(100)}


def plain_bar(n: int) -> Row:
    one = Decimal(n + 100)
    return {"open": one, "high": one + 3, "low": one - 1, "close": one + 2, "volume": Decimal(7)}


def taq_trade(row: Row) -> list[str]:
    received, event = (clock(row[name], "%H%M%SUS") + "789" for name in ("local_timestamp", "timestamp"))
    trade = ["A", row["symbol"], '@ "B', f"{row['amount']}", f"{row['price']}", "N", "00", "1231", row["id"]]
    return [received, *trade, "C", "", event, "", "0"]


def algoseek_trade(row: Row) -> list[str]:
    time = [clock(row["timestamp"], "%Y%m%d"), clock(row["timestamp"], "%H:%M:%S.US") + "123"]
    return [*time, "TRADE NB", row["symbol"], f"{row['price']}", f"{row['amount']}", "NYSE", "20000040"]


def firstrate_bar(row: Row) -> list[str]:
    return [clock(row["timestamp"], "%Y-%m-%d %H:%M:%S"), *prices(row, "open high low close volume")]


def firstrate_coin(row: Row) -> list[str]:
    return [clock(row["timestamp"], "%Y-%m-%d %H:%M:%S", dt.UTC), *firstrate_bar(row)[1:]]


def firstrate_index(row: Row) -> list[str]:
    return [clock(row["timestamp"], "%Y-%m-%d %H:%M:%S"), *prices(row, "open high low close")]


def prices(row: Row, names: str) -> list[str]:
    return [f"{row[name]}" for name in names.split()]


def iqfeed_tick(row: Row) -> list[str]:
    time = clock(row["timestamp"], "%Y-%m-%d %H:%M:%S.US")
    last = [f"{row['price']}", f"{row['amount']}", "1000", "1.56", "1.57", row["id"]]
    return [time, *last, "E", "11", "1747", "0", "1", ""]


def iqfeed_bar(row: Row) -> list[str]:
    begin = [clock(row["timestamp"], "%Y-%m-%d %H:%M:%S"), *prices(row, "high low open close")]
    return [*begin, "99", f"{row['volume']}", f"{row['trade_count']}", ""]


def lean_bar(row: Row) -> list[str]:
    ms = (row["timestamp"] - LEAN_FIRST_US) // 1000
    scaled = [f"{int(row[name] * 10_000)}" for name in ("open", "high", "low", "close")]
    return [f"{ms}", *scaled, f"{row['volume']}"]


def lean_coin(row: Row) -> list[str]:
    return [f"{(row['timestamp'] - UTC_FIRST_US) // 1000}", *prices(row, "open high low close volume")]


def lean_tick(row: Row) -> list[str]:
    return [f"{(row['timestamp'] - UTC_FIRST_US) // 1000}", *prices(row, "bid_price ask_price")]


def lean_tick_of_fxcm(row: Row) -> list[str]:
    return [f"{(row['timestamp'] - UTC_FIRST_US - 5 * 3600 * SECOND) // 1000}", *prices(row, "bid_price ask_price")]


LEAN_FIRST_US = us_of(dt.datetime(2024, 5, 1, tzinfo=NEW_YORK))
UTC_FIRST_US = us_of(dt.datetime(2024, 5, 1, tzinfo=dt.UTC))
PRICES = decimals("0.0001", "900000", 4)
SIZES = st.integers(1, 10**9).map(Decimal)
TRADES = st.fixed_dictionaries({"price": PRICES, "amount": SIZES, "id": st.integers(1, 10**15).map(str)})
ANONYMOUS = st.fixed_dictionaries({"price": PRICES, "amount": SIZES})
BARS = st.fixed_dictionaries({**dict.fromkeys(("open", "high", "low", "close"), PRICES), "volume": SIZES})
COUNTED = st.builds(lambda bar, count: {**bar, "trade_count": count}, BARS, st.integers(1, 10**6))
QUOTES = st.fixed_dictionaries({"bid_price": PRICES, "ask_price": PRICES})
ONE_FILE = "one file holds all days"
BAR = ("open", "high", "low", "close", "volume")
FIRSTRATE = Form(
    feed="firstrate/bars",
    path="AAPL_full_1min_adjsplit.txt",
    columns=("time", *BAR),
    cells=firstrate_bar,
    constant={"exchange": "firstrate", "symbol": "AAPL", "interval": "1m", "price_type": "trade"},
    plain=plain_bar,
    rows=BARS,
    time=("time",),
    word="close",
    span="none",
    zone=NEW_YORK,
    step_us=60 * SECOND,
    has_header=False,
)
LEAN_TICKS = Form(
    feed="lean/forex-ticks",
    path="forex/oanda/tick/eurusd/%Y%m%d_eurusd_tick_quote.csv",
    columns=("ms", "bid", "ask"),
    cells=lean_tick,
    constant={"exchange": "lean-oanda", "symbol": "eurusd"},
    plain=lambda n: {"bid_price": Decimal(n + 1) / 8, "ask_price": Decimal(n + 2) / 8},
    rows=QUOTES,
    time=("ms",),
    word="bid",
    has_header=False,
    line_end="\r\n",
    wrong_unit=lambda text: f"{int(text) * 1000 + 10**9}",
    unproved={"a day off": "the rows say no day, the name alone does"},
)
LEAN_COINS = Form(
    feed="lean/crypto-trades",
    path="crypto/bybit/minute/btcusdt/%Y%m%d_btcusdt_minute_trade.csv",
    columns=("ms", *BAR),
    cells=lean_coin,
    constant={"exchange": "lean-bybit", "symbol": "btcusdt", "interval": "1m", "price_type": "trade"},
    plain=plain_bar,
    rows=BARS,
    time=("ms",),
    word="high",
    step_us=60 * SECOND,
    has_header=False,
    wrong_unit=lambda text: f"{int(text) * 1000 + 10**9}",
    unproved={"a day off": "the rows say no day, the name alone does"},
)
FORMS = [
    Counted(
        feed="taq/trades",
        path="EQY_US_ALL_TRADE_%Y%m%d",
        columns=tuple(TAQ_HEADER.split("|")),
        cells=taq_trade,
        constant={"exchange": "taq", "symbol": "NA", "side": "unknown"},
        plain=plain_trade,
        rows=TRADES,
        time=("Participant Timestamp", "Time"),
        word="Trade Price",
        zone=NEW_YORK,
        step_us=1,
        received=True,
        separator="|",
        wrong_unit=lambda text: text[:-3],
        unproved={
            "a zone off": "the rows say no day: nine hours later is as good",
            "a day off": "see TestTrailerOfTaq",
        },
    ),
    Form(
        feed="algoseek/trades",
        path="algoseek/%Y/%Y%m%d/BIPC.csv",
        columns=("Date", "Timestamp", "EventType", "Ticker", "Price", "Quantity", "Exchange", "Conditions"),
        cells=algoseek_trade,
        constant={"exchange": "algoseek", "symbol": "BIPC", "side": "unknown"},
        plain=plain_anonymous,
        rows=ANONYMOUS,
        time=("Date", "Timestamp"),
        word="Price",
        zone=NEW_YORK,
        step_us=1,
    ),
    FIRSTRATE,
    replace(FIRSTRATE, feed="firstrate/plain-bars", path="stocks/AAPL_full_1min.txt"),
    replace(
        FIRSTRATE,
        feed="firstrate/crypto-bars",
        path="crypto_full_1min/BTC_full_1min.txt",
        cells=firstrate_coin,
        constant={**FIRSTRATE.constant, "symbol": "BTC"},
        zone=dt.UTC,
    ),
    replace(
        FIRSTRATE,
        feed="firstrate/index-bars",
        path="index/SPX_full_1min.txt",
        columns=("time", *BAR[:4]),
        cells=firstrate_index,
        constant={**FIRSTRATE.constant, "symbol": "SPX", "price_type": "index"},
        plain=lambda n: {name: value for name, value in plain_bar(n).items() if name != "volume"},
        rows=st.fixed_dictionaries(dict.fromkeys(BAR[:4], PRICES)),
    ),
    Form(
        feed="iqfeed/ticks",
        path="iqfeed/ticks/AAPL.csv",
        columns=(
            *("time", "last", "size", "total_volume", "bid", "ask", "tick_id", "basis", "market_centre"),
            *("conditions", "aggressor", "day_code", ""),
        ),
        cells=iqfeed_tick,
        constant={"exchange": "iqfeed", "symbol": "AAPL", "side": "unknown"},
        plain=plain_trade,
        rows=TRADES,
        time=("time",),
        word="last",
        span="none",
        zone=NEW_YORK,
        step_us=1,
        has_header=False,
        line_end="\r\n",
        trailer="!ENDMSG!,\r\n",
    ),
    Form(
        feed="iqfeed/bars",
        path="iqfeed/bars/1m/AAPL.csv",
        columns=("time", "high", "low", "open", "close", "total_volume", "volume", "trades", ""),
        cells=iqfeed_bar,
        constant={"exchange": "iqfeed", "symbol": "AAPL", "interval": "1m", "price_type": "trade"},
        plain=lambda n: {**plain_bar(n), "trade_count": n + 1},
        rows=COUNTED,
        time=("time",),
        word="close",
        span="none",
        zone=NEW_YORK,
        step_us=SECOND,
        has_header=False,
        line_end="\r\n",
    ),
    Form(
        feed="lean/equity-trades",
        path="equity/usa/minute/aapl/%Y%m%d_aapl_minute_trade.csv",
        columns=("ms", *BAR),
        cells=lean_bar,
        constant={"exchange": "lean-usa", "symbol": "aapl", "interval": "1m", "price_type": "trade"},
        plain=plain_bar,
        rows=BARS,
        time=("ms",),
        word="high",
        zone=NEW_YORK,
        step_us=60 * SECOND,
        has_header=False,
        wrong_unit=lambda text: f"{int(text) * 1000 + 10**9}",
        unproved={"a day off": "the rows say no day, the name alone does"},
    ),
    LEAN_COINS,
    replace(
        LEAN_COINS,
        feed="lean/crypto-futures-trades",
        path="cryptofuture/bybit/minute/btcusdt/%Y%m%d_btcusdt_minute_trade_perp.csv",
        constant={**LEAN_COINS.constant, "exchange": "lean-bybit-cryptofuture"},
    ),
    LEAN_TICKS,
    replace(
        LEAN_TICKS,
        feed="lean/forex-ticks-fxcm",
        path=LEAN_TICKS.path.replace("oanda", "fxcm"),
        cells=lean_tick_of_fxcm,
        constant={**LEAN_TICKS.constant, "exchange": "lean-fxcm"},
        zone=dt.timezone(-dt.timedelta(hours=5)),
    ),
]
_, test_files_come_back, test_broken_files = checks_of(FORMS, examples=20)


class TestTrailerOfTaq:
    LINES = FORMS[0].written(FORMS[0].plain_rows(6))
    PATH = "EQY_US_ALL_TRADE_20240501"

    @pytest.mark.parametrize(
        ("end", "says"),
        [
            ("", "it does not end with 'END"),
            ("END|20240501|5||\n", "its last line counts 5 rows, there are 6"),
            ("END|20240501|7||\n", "its last line counts 7 rows, there are 6"),
            ("END|20240501||\n", "it does not end with 'END"),
            ("END\n", "it does not end with 'END"),
        ],
    )
    def test_a_file_that_is_not_whole_is_refused(self, end, says):
        data = Form.file(FORMS[0], self.LINES) + end.encode()
        taken = take((self.PATH, data))
        assert says in taken.said
        assert "download it again" in taken.said
        assert taken.silver.is_empty()

    def test_a_file_of_another_day_than_its_name_says_is_refused(self):
        taken = take(("EQY_US_ALL_TRADE_20240502", FORMS[0].file(self.LINES)))
        assert "its last line says '20240501', its name does not" in taken.said
        assert taken.silver.is_empty()

    def test_rows_that_cannot_be_kept_are_counted_all_the_same(self):
        lines = [list(line) for line in self.LINES]
        lines[2][5] = "perhaps"
        taken = take((self.PATH, FORMS[0].file(lines)))
        assert taken.is_success, taken.said
        assert len(taken.rows()) == 5

    def test_corrections_and_cancelled_trades_are_passed_over(self):
        lines = [list(line) for line in self.LINES]
        for line, code in zip(lines, ["00", "01", "07", "08", "12", "00"], strict=True):
            line[7] = code
        taken = take((self.PATH, FORMS[0].file(lines)))
        assert taken.silver["file_seq"].to_list() == [1, 2, 6]


class TestClocksThatAreSet:
    """New York sets its clocks on 2021-03-14 at 2:00 and 2021-11-07 at 2:00."""

    @pytest.mark.parametrize(
        ("day", "hour", "utc"),
        [("20210313", 18, 23), ("20210314", 1, 6), ("20210314", 18, 22), ("20211107", 18, 23), ("20211106", 18, 22)],
    )
    def test_a_time_since_midnight_is_that_of_the_clock_on_the_wall(self, day, hour, utc):
        data = f"{hour * 3_600_000},1,1,1,1,1\n".encode()
        taken = take((f"equity/usa/minute/aapl/{day}_aapl_minute_trade.csv", data))
        assert taken.is_success, taken.said
        wanted = dt.datetime.strptime(day, "%Y%m%d").replace(tzinfo=dt.UTC) + dt.timedelta(hours=utc)
        assert taken.rows()[0]["timestamp"] == us_of(wanted)

    @pytest.mark.parametrize(
        ("text", "utc"),
        [("2021-03-12 16:00:00", "2021-03-12T21:00"), ("2021-03-15 16:00:00", "2021-03-15T20:00")],
    )
    def test_written_times_shift_too(self, text, utc):
        for path, line in (
            ("iqfeed/bars/1m/AAPL.csv", f"{text},1,1,1,1,1,1,1,\r\n"),
            ("AAPL_full_1min_adjsplit.txt", f"{text},1,1,1,1,1\n"),
        ):
            rows = take((path, line.encode())).rows()
            assert rows[0]["timestamp"] == us_of(dt.datetime.fromisoformat(f"{utc}+00:00"))

    def test_an_hour_that_is_left_out_is_no_time(self):
        taken = take(("AAPL_full_1min_adjsplit.txt", b"2021-03-14 02:30:00,1,1,1,1,1\n2021-03-14 03:30:00,1,1,1,1,1\n"))
        assert taken.aside["rule"].to_list() == ["skipped_by_clocks"]


class TestIQFeed:
    def test_older_ticks_have_two_cells_less_and_may_be_newest_first(self):
        lines = [
            "2021-03-01 04:00:01.000001,1.52,10,1000,1.56,1.57,2,E,11,1747,\r\n",
            "2021-03-01 04:00:00.028010,1.51,10,990,1.56,1.57,1,C,11,1747,\r\n",
        ]
        taken = take(("iqfeed/ticks/AAPL.csv", "".join(lines).encode()))
        assert taken.is_success, taken.said
        assert [row["id"] for row in taken.rows()] == ["2", "1"]

    def test_days_have_high_and_low_first(self):
        taken = take(("iqfeed/daily/AAPL.csv", b"2021-03-01,4,1,2,3,1000,0,\r\n!ENDMSG!,\r\n"))
        assert taken.is_success, taken.said
        (row,) = taken.rows()
        assert [row[name] for name in ("open", "high", "low", "close", "volume")] == [2, 4, 1, 3, 1000]
        assert row["timestamp"] == us_of(dt.datetime(2021, 3, 1, 5, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("folder", "member", "problem"),
    [
        ("crypto/bybit", "btcusdt_minute_trade", ""),
        ("cryptofuture/bybit", "btcusdt_minute_trade_perp", ""),
        ("cryptofuture/bybit", "ethusdt_minute_trade_perp", "the symbol in the file is 'ethusdt'"),
        ("crypto/bybit", "ethusdt_minute_trade_perp", "the symbol in the file is 'ethusdt'"),
        ("crypto/bybit", "btcusdt_minute_trade_perp", "the kind in the file is 'perp', the path says 'crypto'"),
        ("crypto/bybit", "btcusdt_second_trade", "the interval in the file is 'second'"),
    ],
)
def test_a_member_of_lean_says_what_it_is(folder, member, problem):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"20221213_{member}.csv", "0,1,2,0.5,1,3\n60000,1,2,0.5,1,3\n")
    taken = take((f"{folder}/minute/btcusdt/20221213_trade.zip", packed.getvalue()))
    assert taken.is_success == (not problem), taken.said
    assert problem in taken.said
    if not problem:
        kind = "-cryptofuture" if "future" in folder else ""
        assert {row["exchange"] for row in taken.rows()} == {f"lean-bybit{kind}"}


@pytest.mark.parametrize("name", ["20140605_aapl_minute_trade.csv", "20131006_quote.zip"])
def test_a_file_of_lean_outside_of_its_folders_is_sent_there(name):
    what, advice = shipped().why_unread(f"dump/{name}") or ("", "")
    assert "outside of the folders" in what
    assert "equity/usa/minute/SYMBOL" in advice
