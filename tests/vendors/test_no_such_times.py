"""Times that are none, or that a spreadsheet has rounded, never become others: each is named, and its row stays out."""

from __future__ import annotations

import pytest

from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table

IQFEED = "{},5,1,1,1,1,1,C,1,01,\n"
COINAPI = "time_exchange;time_coinapi;guid;price;base_amount;taker_side\n"
BYBIT = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n"
GOOD = 30


def outcome(tmp_path, path: str, text: str) -> tuple[int, str]:
    """How many rows are in silver, and what is said of the others."""
    daemon = Daemon(tmp_path / "lake")
    file = daemon.bronze / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    daemon.once()
    (row,) = read_manifest(daemon.root).iter_rows(named=True)
    said = str(row["error"])
    rows = 0 if row["status"] != "success" else read_table(daemon.root, row["data_type"]).height
    return rows, said


@pytest.mark.parametrize(
    "time", ["1601-01-01 00:00:00", "2609-01-01 10:00:00", "1445-10-22 10:00:00", "-2024-05-01 10:00:00"]
)
def test_years_that_nobody_trades_in(tmp_path, time):
    """Nanoseconds of 64 bits end with 2262, and go on with 1677."""
    rows = [IQFEED.format(f"2024-05-01 10:00:{second:02}") for second in range(GOOD)]
    held, said = outcome(tmp_path, "iqfeed/ticks/IBM.csv", "".join([*rows, IQFEED.format(time)]))
    assert held == GOOD
    assert "1 x implausible_time" in said


@pytest.mark.parametrize("ticks", ["1014572638579349", "-9223372036854775808", "9223372036854775807", "18446744073709"])
def test_seconds_that_are_none(tmp_path, ticks):
    """A product of 64 bits begins anew where it ends."""
    rows = [f"{1381095255 + second},1,2\n" for second in range(GOOD)]
    held, said = outcome(tmp_path, "kraken/DOTUSD.csv", "".join([*rows, f"{ticks},1,2\n"]))
    assert held == GOOD
    assert "1 x implausible_time" in said


@pytest.mark.parametrize("seconds", ["18448458595309.55", "-18448458595309.55", "1e300"])
def test_decimal_seconds_that_are_none(tmp_path, seconds):
    line = "{},XRPUSDT,Buy,1,{},x,a,1,1,1\n"
    rows = [line.format(1696980000 + second, second + 1) for second in range(GOOD)]
    held, said = outcome(
        tmp_path, "trading/XRPUSDT/XRPUSDT2023-10-10.csv", BYBIT + "".join([*rows, line.format(seconds, 9)])
    )
    assert held == GOOD
    assert "1 x implausible_time" in said or "such as" in said


@pytest.mark.usefixtures("each_parser")
def test_programs_that_write_all_digits_with_an_exponent_are_read(tmp_path):
    """As numpy.savetxt does."""
    rows = [f"{1696980000 + second / 4:.18e},XRPUSDT,Buy,1,{second + 1},x,a,1,1,1\n" for second in range(GOOD)]
    held, said = outcome(tmp_path, "trading/XRPUSDT/XRPUSDT2023-10-10.csv", BYBIT + "".join(rows))
    assert (held, said) == (GOOD, "None")


ROUNDED = {
    "trading/XRPUSDT/XRPUSDT2023-10-10.csv": (BYBIT, "{},XRPUSDT,Buy,1,{},x,a,1,1,1\n", "1.69698E+09", "1696980000.5"),
    "gate/spot/deals/202310/BTC_USDT-202310.csv": ("", "{},1,{},6,1\n", "1.69698e9", "1696980000.512345"),
    "SPY_2023-10-10_34200000_57600000_message_5.csv": ("", "{},1,11,1,22382{:02},-1\n", "3.42E+04", "34200.017459617"),
}


@pytest.mark.usefixtures("each_parser")
@pytest.mark.parametrize("path", ROUNDED)
def test_rounded_by_a_spreadsheet(tmp_path, path):
    header, line, rounded, exact = ROUNDED[path]
    rows = [line.format(rounded if row == 3 else exact, row + 10) for row in range(GOOD + 1)]
    held, said = outcome(tmp_path, path, header + "".join(rows))
    assert held == GOOD
    assert f"a number as a spreadsheet rounds it, with digits lost, such as '{rounded}'" in said
