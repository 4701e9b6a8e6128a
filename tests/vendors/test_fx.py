"""HistData, TrueFX and Dukascopy: samples value by value, made files, and what breaks them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from pointline.parse import cells, fast_path
from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import (
    SAMPLES,
    Form,
    Refused,
    Row,
    claim_of,
    decimals,
    feed_of,
    shipped,
    take,
)
from tests.support.vendor_reader import read_cells, us_of

NEEDS_SAMPLES = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples of vendors beside the repository")
NEW_YORK_ALL_YEAR = dt.timezone(dt.timedelta(hours=-5))
MS, SECOND, MINUTE = 1000, 10**6, 60 * 10**6


# ---- samples


@NEEDS_SAMPLES
def test_ticks_of_histdata_come_in_value_by_value():
    data = (SAMPLES / "histdata" / "DAT_ASCII_EURUSD_T_201202.csv").read_bytes()
    taken = take(("fx/DAT_ASCII_EURUSD_T_201202.csv", data))
    assert taken.is_success, taken.said
    expected = []
    for one in read_cells(data, ["time", "bid", "ask", "volume"]):
        day, clock = one["time"].split(" ")
        whole = dt.datetime.strptime(f"{day}{clock[:6]}-0500", "%Y%m%d%H%M%S%z")
        time_us = us_of(whole) + int(clock[6:]) * MS
        expected.append(
            {
                "exchange": "histdata",
                "symbol": "EURUSD",
                "timestamp": time_us,
                "local_timestamp": time_us,
                "bid_price": float(Decimal(one["bid"])),
                "ask_price": float(Decimal(one["ask"])),
            }
        )
    assert taken.rows() == expected
    assert taken.rows()[0]["timestamp"] == us_of(dt.datetime(2012, 2, 1, 5, 0, 3, 660_000, dt.UTC))


@NEEDS_SAMPLES
def test_a_quoted_tick_of_truefx_comes_in_value_by_value():
    data = (SAMPLES / "transcribed" / "truefx" / "EURUSD-2016-05.csv").read_bytes()
    taken = take(("truefx/EURUSD-2016-05.csv", data))
    assert taken.is_success, taken.said
    time_us = us_of(dt.datetime(2016, 5, 2, 0, 0, 0, 959_000, dt.UTC))
    prices = {"bid_price": 1.14601, "ask_price": 1.14605}
    one = {"exchange": "truefx", "symbol": "EUR/USD", "timestamp": time_us, "local_timestamp": time_us, **prices}
    assert taken.rows() == [one]


# ---- made files


def clock(us: object, format_: str, zone: dt.tzinfo = dt.UTC) -> str:
    moment = dt.datetime.fromtimestamp(int(str(us)) // SECOND, zone)
    return moment.strftime(format_).replace("MS", f"{int(str(us)) % SECOND // MS:03}")


def plain_quote(n: int) -> Row:
    return {"bid_price": Decimal(n + 1) / 8, "ask_price": Decimal(n + 2) / 8}


def plain_sized(n: int) -> Row:
    return {**plain_quote(n), "bid_amount": Decimal("1.5"), "ask_amount": Decimal("0.75")}


def plain_bar(n: int) -> Row:
    one = Decimal(n + 10) / 8
    return {"open": one, "high": one + 3, "low": one - 1, "close": one + 2}


def plain_voluminous(n: int) -> Row:
    return {**plain_bar(n), "volume": Decimal("25.5")}


PRICES = decimals("0.00001", "300000", 5)
QUOTE = {"bid_price": PRICES, "ask_price": PRICES}
BAR = dict.fromkeys(("open", "high", "low", "close"), PRICES)
SIZES = decimals("0.01", "500", 2)


def histdata_tick(row: Row) -> list[str]:
    time = clock(row["timestamp"], "%Y%m%d %H%M%SMS", NEW_YORK_ALL_YEAR)
    return [time, f"{row['bid_price']}", f"{row['ask_price']}", "2147483647"]


def histdata_bar(row: Row) -> list[str]:
    return [clock(row["timestamp"], "%Y%m%d %H%M%S", NEW_YORK_ALL_YEAR), *prices(row), "0"]


def prices(row: Row) -> list[str]:
    return [f"{row[name]}" for name in ("open", "high", "low", "close")]


def truefx_tick(row: Row) -> list[str]:
    time = clock(row["timestamp"], "%Y%m%d %H:%M:%S.MS")
    return [row["symbol"], time, f"{row['bid_price']}", f"{row['ask_price']}"]


def dukascopy_tick(row: Row) -> list[str]:
    time = clock(row["timestamp"], "%d.%m.%Y %H:%M:%S.MS")
    return [time, *(f"{row[name]}" for name in ("ask_price", "bid_price", "ask_amount", "bid_amount"))]


def dukascopy_bar(row: Row) -> list[str]:
    return [clock(row["timestamp"], "%d.%m.%Y %H:%M:%S.MS"), *prices(row), f"{row['volume']}"]


def jforex_bar(row: Row) -> list[str]:
    return [clock(row["timestamp"], "%Y.%m.%d %H:%M:%S"), *prices(row), f"{row['volume']}"]


MONTH = "the file is of a month: a day off, or hours, within it are as good"
DATES_OF_A_BROWSER = {"a zone off": "the name has dates of any zone: its rows may be of the day after"}
DUKASCOPY_BARS = Form(
    feed="dukascopy/bars",
    path="EURUSD_Candlestick_1_M_BID_%d.%m.%Y-%d.%m.%Y.csv",
    columns=("Gmt time", "Open", "High", "Low", "Close", "Volume"),
    cells=dukascopy_bar,
    constant={"exchange": "dukascopy", "symbol": "EURUSD", "interval": "1m", "price_type": "bid"},
    plain=plain_voluminous,
    rows=st.fixed_dictionaries({**BAR, "volume": SIZES}),
    time=("Gmt time",),
    word="Volume",
    step_us=MINUTE,
    unproved=DATES_OF_A_BROWSER,
)
FORMS = [
    Form(
        feed="histdata/ticks",
        path="EURUSD/DAT_ASCII_EURUSD_T_%Y%m.csv",
        columns=("time", "bid", "ask", "volume"),
        cells=histdata_tick,
        constant={"exchange": "histdata", "symbol": "EURUSD"},
        plain=plain_quote,
        rows=st.fixed_dictionaries(QUOTE),
        time=("time",),
        word="bid",
        span="month",
        zone=NEW_YORK_ALL_YEAR,
        step_us=MS,
        has_header=False,
        wrong_unit=lambda text: text[:-3],
        unproved={"a zone off": MONTH},
    ),
    Form(
        feed="histdata/bars",
        path="EURUSD/DAT_ASCII_EURUSD_M1_%Y%m.csv",
        columns=("time", "open", "high", "low", "close", "volume"),
        cells=histdata_bar,
        constant={"exchange": "histdata", "symbol": "EURUSD", "interval": "1m", "price_type": "bid"},
        plain=plain_bar,
        rows=st.fixed_dictionaries(BAR),
        time=("time",),
        word="close",
        span="month",
        zone=NEW_YORK_ALL_YEAR,
        step_us=MINUTE,
        has_header=False,
        separator=";",
        wrong_unit=lambda text: f"{text}000",
        unproved={"a zone off": MONTH},
    ),
    Form(
        feed="truefx/ticks",
        path="truefx/2024/EURUSD-%Y-%m.csv",
        columns=("pair", "time", "bid", "ask"),
        cells=truefx_tick,
        constant={"exchange": "truefx", "symbol": "EUR/USD"},
        plain=plain_quote,
        rows=st.fixed_dictionaries(QUOTE),
        time=("time",),
        word="ask",
        span="month",
        step_us=MS,
        has_header=False,
        unproved={"a zone off": MONTH},
    ),
    Form(
        feed="dukascopy/ticks",
        path="EURUSD_Ticks_%d.%m.%Y-%d.%m.%Y.csv",
        columns=("Gmt time", "Ask", "Bid", "AskVolume", "BidVolume"),
        cells=dukascopy_tick,
        constant={"exchange": "dukascopy", "symbol": "EURUSD"},
        plain=plain_sized,
        rows=st.fixed_dictionaries({**QUOTE, "bid_amount": SIZES, "ask_amount": SIZES}),
        time=("Gmt time",),
        word="AskVolume",
        step_us=MS,
        unproved=DATES_OF_A_BROWSER,
    ),
    DUKASCOPY_BARS,
    replace(
        DUKASCOPY_BARS,
        feed="dukascopy/jforex-bars",
        path="EURUSD_UTC_1 Min_Bid_%Y.%m.%d_%Y.%m.%d.csv",
        columns=("Time (UTC)", "Open", "High", "Low", "Close", "Volume "),
        cells=jforex_bar,
        time=("Time (UTC)",),
        word="Close",
        unproved={},
    ),
]
BY_FORM = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.feed)
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(
    FORMS, "histdata", "truefx", "dukascopy", examples=20
)


@pytest.mark.skipif(cells.PARSER != "compiled", reason="the parser of Polars leaves blanks to a closer look")
@BY_FORM
def test_a_sound_file_is_typed_in_one_go(form):
    vendor, _, name = form.feed.partition("/")
    path, feed = form.path_of(form.day), shipped().feed("", name, vendor)
    lines = form.file(form.written(form.plain_rows()))
    body = lines.partition(b"\n")[2] if form.has_header else lines
    symbol = str(form.constant["symbol"])
    belonging = shipped().belonging(path, name, exchange=vendor, symbol=symbol, date=form.day, escalated=frozenset())
    assert fast_path.parse(feed, feed.headers[0], body, belonging) is not None


class TestHistData:
    @pytest.mark.parametrize("day", ["2021-03-13", "2021-03-14", "2021-03-15", "2021-07-01", "2021-11-07"])
    def test_no_date_shifts_for_daylight_saving(self, day):
        date = dt.date.fromisoformat(day)
        line = f"{date:%Y%m%d} 120000000,1.1,1.2,0\n".encode()
        taken = take((f"DAT_ASCII_EURUSD_T_{date:%Y%m}.csv", line))
        assert taken.rows()[0]["timestamp"] == us_of(dt.datetime.combine(date, dt.time(17), dt.UTC))

    def test_the_last_evening_of_a_month_is_of_the_next_month_in_utc(self):
        rows = b"20240131 185959;1;1;1;1;0\n20240131 235900;1;1;1;1;0\n"
        taken = take(("DAT_ASCII_EURUSD_M1_202401.csv", rows))
        assert taken.silver["date"].to_list() == [dt.date(2024, 1, 31), dt.date(2024, 2, 1)]
        assert "outside_day" in take(("DAT_ASCII_EURUSD_M1_202402.csv", rows)).said

    def test_a_past_year_of_bars_is_one_file(self):
        rows = b"20230102 170000;1;1;1;1;0\n20231229 165800;1;1;1;1;0\n"
        taken = take(("DAT_ASCII_EURUSD_M1_2023.csv", rows))
        assert taken.is_success, taken.said
        assert len(taken.rows()) == 2

    @pytest.mark.parametrize(
        ("name", "feed"),
        [
            ("HISTDATA_COM_ASCII_EURUSD_M12023.zip", "histdata/bars"),
            ("HISTDATA_COM_ASCII_EURUSD_M1202601.zip", "histdata/bars"),
            ("HISTDATA_COM_ASCII_EURUSD_M1_202609.zip", "histdata/bars"),
            ("HISTDATA_COM_ASCII_EURUSD_T201512.zip", "histdata/ticks"),
            ("DAT_ASCII_EURUSD_T_201512.txt", ""),
        ],
    )
    def test_names(self, name, feed):
        assert feed_of(name) == feed


class TestTrueFX:
    def test_rows_of_another_pair_than_the_name_says_are_refused(self):
        lines = "".join(f"GBP/USD,20160502 00:00:{n:02}.959,1.1,1.2\n" for n in range(20)).encode()
        taken = take(("truefx/EURUSD-2016-05.csv", lines))
        assert "GBP/USD" in taken.said
        assert taken.silver.is_empty()

    def test_a_name_without_a_folder_may_be_of_anybody(self):
        assert feed_of("EURUSD-2016-05.csv") != "truefx/ticks"


class TestDukascopy:
    def test_a_file_of_several_days(self):
        made = FORMS[4]
        rows = [*made.plain_rows(4), *made.plain_rows(4, shift_us=86_400 * SECOND)]
        data = made.file(made.written(rows))
        taken = take(("EURUSD_Candlestick_1_h_ASK_01.05.2024-02.05.2024.csv", data))
        assert taken.is_success, taken.said
        told = {(row["interval"], row["price_type"]) for row in taken.rows()}
        assert (len(taken.rows()), told) == (8, {("1h", "ask")})

    def test_an_interval_that_nobody_knows_is_refused(self):
        claim = claim_of("EURUSD_Candlestick_7_Moons_ASK_01.05.2024-02.05.2024.csv")
        assert isinstance(claim, Refused)
        assert "interval '7_Moons'" in claim.reason

    def test_an_export_in_local_time_is_refused(self):
        made = FORMS[4]
        header = ["Local time", *made.columns[1:]]
        lines = [[f"{line[0]} GMT+0200", *line[1:]] for line in made.written(made.plain_rows())]
        taken = take((made.path_of(made.day), made.file(lines, header)))
        assert "lacks Gmt time" in taken.said
        assert taken.silver.is_empty()


def test_weeks_of_dukascopy_are_bars_too():
    line = b"Gmt time,Open,High,Low,Close,Volume\n31.12.2018 00:00:00.000,1.14,1.15,1.13,1.14,12.5\n"
    (row,) = take(("EURUSD_Candlestick_1_W_BID_31.12.2018-30.11.2019.csv", line)).rows()
    assert (row["interval"], row["price_type"], row["close"]) == ("1w", "bid", 1.14)


def test_an_export_in_local_time_is_refused_with_what_to_do():
    line = b"Local time,Open,High,Low,Close,Volume\n16.08.2025 00:00:00.000 GMT+0900,1,1,1,1,1\n"
    taken = take(("USDJPY_Candlestick_1_M_BID_16.08.2025-17.08.2025.csv", line))
    assert "the header lacks Gmt time, it has Local time" in taken.said
    assert "export it in GMT" in taken.said


@pytest.mark.parametrize("interval", ["5_m", "5_M"])
def test_a_name_has_the_dates_of_the_browser_that_exported_it(interval):
    """West of Greenwich midnight is in the evening before: so are 15 of 16 exports in a public repository."""
    times = ("01.09.2009 00:00:00.000", "30.09.2009 23:55:00.000")
    lines = "".join(f"{time},1.43,1.44,1.42,1.43,100\n" for time in times)
    content = f"Gmt time,Open,High,Low,Close,Volume\n{lines}".encode()
    taken = take((f"EURUSD_Candlestick_{interval}_BID_31.08.2009-29.09.2009.csv", content))
    assert [row["timestamp"] for row in taken.rows()] == [
        us_of(dt.datetime(2009, 9, 1, tzinfo=dt.UTC)),
        us_of(dt.datetime(2009, 9, 30, 23, 55, tzinfo=dt.UTC)),
    ]
    assert "outside_day" in take((f"EURUSD_Candlestick_{interval}_BID_30.08.2009-28.09.2009.csv", content)).said
