"""What a path claims beside exchange, table and day, and what rows do not say: interval, kind of price, symbol."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import os
import zipfile

import polars as pl
import pytest

from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table
from tests.support.process import pointline as run

DAY_MS = 1_714_521_600_000
UM = "data/futures/um/daily/{kind}/BTCUSDT/{interval}/BTCUSDT-{interval}-2024-05-01.csv"
FUNDING = "data/futures/um/monthly/fundingRate/{0}/{0}-fundingRate-2024-05.csv"


def klines(count: int, minutes: int = 60) -> str:
    opened = [DAY_MS + place * minutes * 60_000 for place in range(count)]
    return "".join(
        f"{ms},1,2,0.5,1.5,{place},{ms + minutes * 60_000 - 1},1,7,1,1,0\n" for place, ms in enumerate(opened)
    )


def funding(rate: str) -> str:
    lines = "".join(f"{DAY_MS + place * 8 * 3_600_000},8,{rate}\n" for place in range(93))
    return f"calc_time,funding_interval_hours,last_funding_rate\n{lines}"


def trades(count: int) -> str:
    return "".join(f"{5000 + n},{100 + n},1,1,{DAY_MS + n * 400},True,True\n" for n in range(count))


@pytest.fixture
def daemon(tmp_path):
    return Daemon(tmp_path / "lake")


@pytest.fixture
def put(daemon):
    def put(path: str, content: str | bytes, *, modified_at: float | None = None) -> None:
        file = daemon.bronze / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        if modified_at is not None:
            os.utime(file, (modified_at, modified_at))

    return put


def move(daemon: Daemon, origin: str, target: str) -> None:
    (daemon.bronze / target).parent.mkdir(parents=True, exist_ok=True)
    (daemon.bronze / origin).rename(daemon.bronze / target)


def is_sound(daemon: Daemon) -> bool:
    return run(daemon.root, "verify", "--deep").returncode == 0


class TestMoves:
    """The rows are those that the new path claims, whichever part of it is another one."""

    @pytest.mark.parametrize(
        ("origin", "target", "said"),
        [
            (("markPriceKlines", "1h"), ("klines", "1h"), ("trade", "1h")),
            (("klines", "1h"), ("indexPriceKlines", "1h"), ("index", "1h")),
            (("klines", "1h"), ("klines", "1m"), ("trade", "1m")),
        ],
    )
    def test_to_another_feed_or_interval_of_the_table(self, daemon, put, origin, target, said):
        old, new = (UM.format(kind=kind, interval=interval) for kind, interval in (origin, target))
        put(old, klines(1))
        daemon.once()
        move(daemon, old, new)
        daemon.once()
        bars = read_table(daemon.root, "bars")
        assert bars.select("price_type", "interval").rows() == [said]
        assert is_sound(daemon)
        move(daemon, new, old)  # and back
        daemon.once()
        bars = read_table(daemon.root, "bars")
        assert bars.height == 1
        assert bars.select("price_type", "interval").rows() != [said]
        assert is_sound(daemon)

    def test_in_a_ring(self, daemon, put):
        kinds = ("markPriceKlines", "indexPriceKlines", "premiumIndexKlines")
        paths = [UM.format(kind=kind, interval="1h") for kind in kinds]
        for place, path in enumerate(paths, 1):
            put(path, klines(place))
        daemon.once()
        move(daemon, paths[0], "aside/x.csv")
        move(daemon, paths[2], paths[0])
        move(daemon, paths[1], paths[2])
        move(daemon, "aside/x.csv", paths[1])
        daemon.once()
        counts = dict(read_table(daemon.root, "bars").group_by("price_type").len().rows())
        assert counts == {"mark": 3, "index": 1, "premium": 2}
        assert is_sound(daemon)


class TestRowsThatNameNoSymbol:
    """The bytes of two symbols may be equal, and are no copies of each other, whichever came first."""

    def rows(self, daemon: Daemon) -> dict[str, int]:
        return dict(read_table(daemon.root, "funding_rates").group_by("symbol").len().rows())

    def test_each_symbol_has_its_rows(self, daemon, put):
        put(FUNDING.format("AAAUSDT"), funding("0.0001"), modified_at=1_000_000)
        put(FUNDING.format("BBBUSDT"), funding("0.0001"), modified_at=2_000_000)
        put(FUNDING.format("CCCUSDT"), funding("0.0002"), modified_at=3_000_000)
        daemon.once()
        put(FUNDING.format("DDDUSDT"), funding("0.0001"), modified_at=4_000_000)
        put(FUNDING.format("CCCUSDT"), funding("0.0001"), modified_at=5_000_000)  # a re-issue with the bytes of AAA
        daemon.once()
        (daemon.bronze / FUNDING.format("AAAUSDT")).unlink()
        put(FUNDING.format("EEEUSDT"), funding("0.0001"), modified_at=6_000_000)
        daemon.once()
        assert self.rows(daemon) == dict.fromkeys(("AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT", "EEEUSDT"), 93)
        assert set(read_manifest(daemon.root)["status"]) == {"success", "superseded"}
        assert is_sound(daemon)

    def test_a_rename_takes_the_rows_along(self, daemon, put):
        put(FUNDING.format("AAAUSDT"), funding("0.0001"))
        daemon.once()
        move(daemon, FUNDING.format("AAAUSDT"), FUNDING.format("BBBUSDT"))
        daemon.once()
        assert self.rows(daemon) == {"BBBUSDT": 93}
        assert is_sound(daemon)

    def test_a_second_name_of_one_symbol_is_a_copy(self, daemon, put):
        for root in ("data", "again/data"):
            put(FUNDING.format("AAAUSDT").replace("data", root, 1), funding("0.0001"))
            daemon.once()
        assert sorted(read_manifest(daemon.root)["status"]) == ["duplicate", "success"]
        assert self.rows(daemon) == {"AAAUSDT": 93}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (UM.format(kind="klines", interval="1h"), klines(24)),
        (UM.format(kind="klines", interval="1m"), klines(1440, 1)),
        ("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv", trades(30)),
        ("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv", trades(200_000)),
    ],
)
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_file_that_starts_again_is_refused_in_every_feed(daemon, put, path, text, newest_first):
    if newest_first:
        text = "".join(reversed(text.splitlines(keepends=True)))
    put(path, text * 2)
    daemon.once()
    [row] = read_manifest(daemon.root).rows(named=True)
    assert (row["status"], row["rows_written"]) == ("quarantined", 0)
    assert f"starts again from its beginning at row {text.count(chr(10)) + 1:d}" in row["error"]


def test_rows_in_no_order_are_no_new_beginning(daemon, put):
    """Of such feeds a few rows may come again, as when months are put together of days."""
    lines = trades(40).splitlines(keepends=True)
    put(
        "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv",
        "".join([*lines[20:], *lines[:20], *lines[20:24]]),
    )
    daemon.once()
    [row] = read_manifest(daemon.root).rows(named=True)
    assert (row["status"], row["rows_written"]) == ("success", 44)


def test_a_clock_that_dips_is_no_new_beginning(daemon, put):
    """Two quotes in turn, by a coarse clock that goes a step back, and on."""
    high, low = (f"binance,BTCUSDT,{DAY_MS * 1000 + us},{DAY_MS * 1000 + us},,buy,{us},1\n" for us in (1000, 999))
    onward = "".join(high.replace("1000,", f"{us},") for us in range(2000, 2050))
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    put("binance_trades_2024-05-01_BTCUSDT.csv", f"{header}{high}{low}{high}{low}{onward}")
    daemon.once()
    [row] = read_manifest(daemon.root).rows(named=True)
    assert (row["status"], row["rows_written"]) == ("success", 54), row["error"]


class TestWithoutRows:
    """An empty gzip says that there was no data; no other file without rows says anything."""

    HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    NAME = "binance_trades_2024-05-{:02}_BTCUSDT"

    def row(self, day: int) -> bytes:
        us = DAY_MS * 1000 + (day - 1) * 86_400_000_000
        return f"{self.HEADER}binance,BTCUSDT,{us},{us},{day},buy,1,1\n".encode()

    def parquet(self) -> bytes:
        written = io.BytesIO()
        pl.read_csv(io.BytesIO(self.row(2))).clear().write_parquet(written)
        return written.getvalue()

    @pytest.mark.parametrize(
        ("ending", "content", "state"),
        [
            (".csv.gz", gzip.compress(b""), "empty"),
            (".csv.gz", gzip.compress(HEADER.encode()), "missing"),
            (".csv", HEADER.encode(), "missing"),
            (".parquet", None, "missing"),
        ],
        ids=["empty gzip", "header, gzip", "header", "Parquet"],
    )
    def test_what_coverage_makes_of_it(self, daemon, put, ending, content, state):
        for day in (1, 3):
            put(f"{self.NAME.format(day)}.csv", self.row(day))
        put(f"{self.NAME.format(2)}{ending}", self.parquet() if content is None else content)
        daemon.once()
        assert set(read_manifest(daemon.root)["status"]) == {"success"}
        found = json.loads(run(daemon.root, "coverage", "--json").stdout)
        gaps = {gap["state"]: (gap["first"], gap["last"]) for gap in found["gaps"]}
        assert gaps == ({"missing": ("2024-05-02", "2024-05-02")} if state == "missing" else {})
        told = run(daemon.root, "explain", f"{self.NAME.format(2)}{ending}").stdout
        assert ("this file says nothing" in " ".join(told.split())) == (state == "missing")


def test_a_file_of_another_container_is_not_said_to_fit_there(daemon, put):
    """A Parquet file under the name of a CSV is refused: nobody is told to move it there."""
    rows = TestWithoutRows()
    put("binance_trades_2024-05-02_BTCUSDT.csv", rows.row(2))
    daemon.once()
    written = io.BytesIO()
    pl.read_csv(io.BytesIO(rows.row(2))).with_columns(price=2).write_parquet(written)
    put("binance_trades_2024-05-02_BTCUSDT.parquet", written.getvalue())
    daemon.once()
    error = read_manifest(daemon.root).filter(status="quarantined")["error"].item()
    assert "delete binance_trades_2024-05-02_BTCUSDT.csv" in error
    assert "move this file onto it" not in error


def zipped(member: str, content: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return packed.getvalue()


class TestMembersOfArchives:
    """The rows of such a file do not name what the path claims; the name of the member in the archive may."""

    FILES = (
        (UM.format(kind="klines", interval="1h"), "{0}-1h-2024-05-01.csv", "BTCUSDT", "ETHUSDT", klines(3)),
        (UM.format(kind="klines", interval="1h"), "BTCUSDT-{0}-2024-05-01.csv", "1h", "1m", klines(3)),
        (
            "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv",
            "{0}-trades-2024-05-01.csv",
            "BTCUSDT",
            "ETHUSDT",
            trades(3),
        ),
        (FUNDING.format("BTCUSDT"), "{0}-fundingRate-2024-05.csv", "BTCUSDT", "ETHUSDT", funding("0.0001")),
        (
            "equity/usa/minute/aapl/20240501_trade.csv",
            "20240501_{0}_minute_trade.csv",
            "AAPL",
            "msft",
            "34200000,10000,10000,10000,10000,5\n",
        ),
        ("DAT_ASCII_EURUSD_T202405.csv", "DAT_ASCII_{0}_T202405.csv", "EURUSD", "USDJPY", "20240501 100000123,1,2,0\n"),
    )

    @pytest.mark.parametrize("file", FILES, ids=[member for _, member, *_ in FILES])
    @pytest.mark.share(2)
    def test_of_another_claim(self, daemon, put, file):
        path, member, own, other, content = file
        path = path.removesuffix(".csv") + ".zip"
        put(path, zipped(member.format(other), content))
        daemon.once()
        refused = read_manifest(daemon.root).row(0, named=True)
        assert refused["status"] == "quarantined"
        assert f"{other!r}, the path says" in refused["error"]
        put(path, zipped(f"any/{member.format(own)}", content))
        daemon.once()
        assert read_manifest(daemon.root)["status"].to_list()[-1] == "success"
        put(path, zipped("unnamed.csv", content + content.splitlines(keepends=True)[-1]))
        daemon.once()
        assert read_manifest(daemon.root)["status"].to_list()[-2:] == ["superseded", "success"]
        assert is_sound(daemon)


class TestSeam:
    """A file may hold the first instant of the next day, and that day's own file begins with it."""

    def metrics(self, *minutes: int) -> str:
        columns = "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio"
        columns += ",sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
        start = dt.datetime(2024, 5, 1)  # noqa: DTZ001 - as it is written
        times = [start + dt.timedelta(minutes=one) for one in minutes]
        return "".join(f"{line}\n" for line in [columns, *(f"{one},BTCUSDT,1,2,3,4,5,6" for one in times)])

    def path(self, day: int) -> str:
        return f"data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-05-{day:02d}.csv"

    @pytest.mark.parametrize("order", [(1, 2), (2, 1)])
    @pytest.mark.parametrize("at_once", [False, True])
    def test_it_keeps_neither_file_out(self, daemon, put, order, at_once):
        texts = {1: self.metrics(*range(5, 1441, 5)), 2: self.metrics(*range(1440, 2880, 5))}
        for day in order:
            put(self.path(day), texts[day])
            if not at_once:
                daemon.once()
        daemon.once()
        assert read_manifest(daemon.root)["status"].to_list() == ["success", "success"]
        assert is_sound(daemon)

    def test_an_instant_that_is_all_a_file_has_keeps_it_out(self, daemon, put):
        put(self.path(2), self.metrics(1440))
        daemon.once()
        put(self.path(1), self.metrics(*range(5, 1441, 5)))
        daemon.once()
        assert sorted(read_manifest(daemon.root)["status"]) == ["quarantined", "success"]
