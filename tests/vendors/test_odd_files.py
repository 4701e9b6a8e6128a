"""Files as no vendor means them: each is taken as it is, or refused in words that name what is wrong with it."""

from __future__ import annotations

import random

import pytest

from tests.support.vendor_files import take

BINANCE = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv"
COINAPI = "T-TRADES/D-20240501/E-BITMEX/IDDI-1+SC-BITMEX_PERP_BTC_USD+S-XBTUSD.csv"
FUTURES = "data/futures/um/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv"
BYBIT = "trading/BTCUSDT/BTCUSDT2024-05-01.csv.gz"
POLYGON = "global_crypto/trades_v1/2024/07/2024-07-09.csv"
AT_MS = 1714521600000


def binance(*numbers: int, end: str = "\n") -> str:
    return "".join(f"{one},60000,1,60000,{AT_MS + one},true,true{end}" for one in numbers)


def futures(*numbers: int, end: str = "\n") -> str:
    return "".join(f"{one},60000,1,60000,{AT_MS + one},true{end}" for one in numbers)


def coinapi(number: int, symbol: str = "a") -> str:
    return f"2024-05-01T00:00:0{number}.0000000;2024-05-01T00:00:0{number}.0020000;{symbol};{number};1;BUY\n"


FLAGGED = "id,price,qty,quote_qty,time,is_buyer_maker\n"
HEADER = "time_exchange;time_coinapi;guid;price;base_amount;taker_side\n"
NOISE = random.Random(7).randbytes(4000).replace(b"\n", b"\r")


CASES = {
    "joined": (BINANCE, "\ufeff" + binance(1, 2) + "\ufeff" + binance(3), 2, "invisible_character id"),
    "LF CR": (BINANCE, binance(1, 2, end="\n\r"), 1, "invisible_character"),
    "CR CR LF": (FUTURES, FLAGGED + futures(1, 2, 3, end="\r\r\n"), 1, "CR CR LF: write the file again"),
    "CR": (BINANCE, binance(1, 2, 3, end="\r"), 0, "lines end with CR alone"),
    "noise": (BINANCE, b"\x01" + NOISE, 0, "it is not text: it begins with"),
    "lines in a cell": (COINAPI, HEADER + coinapi(1) + coinapi(2, '"b\n;9;9;9\n"') + coinapi(3), 3, ""),
    "second 60": (COINAPI, HEADER + coinapi(1) + coinapi(2).replace("02.0", "60.0"), 1, "unparseable"),
    "minute 60": (COINAPI, HEADER + coinapi(1) + coinapi(2).replace("00:02", "60:02"), 1, "unparseable"),
}


@pytest.mark.parametrize(("path", "data", "rows", "says"), CASES.values(), ids=CASES)
def test_what_is_in_and_what_is_said(path, data, rows, says):
    taken = take((path, data if isinstance(data, bytes) else data.encode()))
    assert taken.silver.height == rows, taken.said
    assert says in taken.said
    assert bool(taken.said) == bool(says)


@pytest.mark.parametrize("data", [b"\n", b"\xef\xbb\xbf\r\n\n"], ids=["a line end", "blank lines behind a mark"])
def test_a_blank_file_named_gz_is_no_word_of_the_vendor(data):
    taken = take((BYBIT, data))
    assert taken.outcome is not None
    assert "no_rows" in (taken.outcome.warnings or {})


def test_a_month_in_the_folders_is_not_left_out_of_the_advice():
    header = "ticker,conditions,exchange,id,participant_timestamp,price,size\n"
    rows = "".join(f"X:BTC-USD,1,1,{one},{AT_MS + one}000000,60000,1\n" for one in range(20))
    said = take((POLYGON, (header + rows).encode())).said
    assert "rename or move the file so that its path says the date" in said, said
