"""Copies that browsers and file managers make: what their names say is what the name of the original says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointline.io.bronze.paths.unrecognised import describe_foreign
from pointline.vendors.paths.copied import original_of
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table
from tests.support.process import pointline as run
from tests.support.vendor_files import feed_of, shipped

NAMES = {
    "x (1).csv.gz": "x.csv.gz",
    "x.csv (1).gz": "x.csv.gz",
    "x(2).csv": "x.csv",
    "x - Copy.zip": "x.zip",
    "x - Copy (2).zip": "x.zip",
    "x copy.csv": "x.csv",
    "x copy 2.csv": "x.csv",
    "Copy of x.csv": "x.csv",
    "x.csv": None,
    "photocopy.csv": None,
    "copy.csv": None,
    "x (1)": None,
}
ORIGINALS = (
    "data/futures/um/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.zip",
    "trading/BTCUSDT/BTCUSDT2024-05-01.csv.gz",
    "GLBX-20240501-AAAAAAAAAA/glbx-mdp3-20240501.trades.csv.zst",
    "us_stocks_sip/trades_v1/2024/05/2024-05-01.csv.gz",
    "kraken/XBTUSD.csv",
    "ohlcv/ftx/BTC_USDT-1m.csv",
)
BARS = "ohlcv/ftx/{}.csv"


@pytest.mark.parametrize("folder", ["", "a (1)/"])
def test_names(folder):
    wanted = {f"{folder}{name}": original and f"{folder}{original}" for name, original in NAMES.items()}
    assert {name: original_of(name) for name in wanted} == wanted


@pytest.mark.parametrize("path", ORIGINALS)
def test_a_copy_claims_what_its_original_does(path):
    folder, _, name = path.rpartition("/")
    stem, ending = name.split(".csv" if ".csv" in name else ".zip")
    ending = name[len(stem) :]
    [original] = shipped().claims(path)
    for copy in (f"{stem} (1){ending}", f"{stem} - Copy{ending}", f"Copy of {name}"):
        [claim] = shipped().claims(f"{folder}/{copy}")
        assert (claim.symbol, claim.date, claim.feed) == (original.symbol, original.date, original.feed)
    assert feed_of(f"{folder}/{stem} (1){ending}") == feed_of(path)


def bars(path: Path, first: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{1714521600000 + n * 60_000},{first + n},{first + n},{first + n},{first + n},9" for n in range(5)]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *lines, ""]))


def test_a_copy_is_no_symbol_of_its_own(tmp_path):
    """Equal to its original it is a duplicate; with other rows it says in whose way it is; alone it is taken."""
    daemon = Daemon(tmp_path / "lake")
    bars(daemon.bronze / BARS.format("BTC_USDT-1m"), 1)
    bars(daemon.bronze / BARS.format("BTC_USDT-1m (1)"), 1)
    bars(daemon.bronze / BARS.format("Copy of BTC_USDT-1m"), 2)
    bars(daemon.bronze / BARS.format("ETH_USDT-1m (1)"), 3)
    daemon.once()
    ledger = read_manifest(daemon.root)
    status = {Path(path).stem: status for path, status in ledger.select("bronze_file_path", "status").iter_rows()}
    assert status.pop("ETH_USDT-1m (1)") == "success"
    assert sorted(status.values()) == ["duplicate", "quarantined", "success"]
    assert set(read_table(daemon.root, "bars")["symbol"]) == {"BTC_USDT", "ETH_USDT"}
    assert read_table(daemon.root, "bars").height == 10
    assert run(daemon.root, "verify", "--deep").returncode == 0


@pytest.mark.parametrize("path", ORIGINALS)
def test_endings_may_be_in_capitals(path):
    name, ending = path.split(".csv" if ".csv" in path else ".zip")
    ending = path[len(name) :]
    assert feed_of(f"{name}{ending.upper()}") == feed_of(path) != ""


@pytest.mark.parametrize("path", [path for path in ORIGINALS if ".csv" in path])
def test_files_that_were_packed_again_are_of_the_same_feed(path):
    stem = path.partition(".csv")[0]
    assert {feed_of(f"{stem}.csv{packed}") for packed in ("", ".gz", ".zst", ".GZ")} == {feed_of(path)}


class TestTwoOfOneDay:
    """What is said of a second file with rows of the same times: only ways out that work."""

    HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    ZIP = "data/futures/um/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.{}"

    def refused(self, daemon: Daemon, files: dict[str, str]) -> str:
        for path, text in files.items():
            file = daemon.bronze / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            daemon.once()
        row = read_manifest(daemon.root).row(1, named=True)
        assert row["status"] == "quarantined"
        return str(row["error"])

    def rows(self, price: int, count: int = 2) -> str:
        lines = [f"{n},{price},0.5,10,{1714521600000 + n * 1000},true\n" for n in range(count)]
        return "".join(["id,price,qty,quote_qty,time,is_buyer_maker\n", *lines])

    def test_of_one_vendor_it_may_lie_where_the_other_does(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        paths = [self.ZIP.format("zip"), self.ZIP.format("csv")]
        said = self.refused(daemon, {paths[0]: self.rows(1), paths[1]: self.rows(2)})
        assert "as many rows as this file: it may be the same one, packed in another way" in said
        assert f"delete {paths[0]}; move this file onto it; type `pointline withdraw " in said
        (daemon.bronze / paths[1]).replace(daemon.bronze / paths[0])
        daemon.once()
        assert set(read_table(daemon.root, "trades")["price"]) == {2.0}

    def test_of_two_vendors_it_may_not(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        lines = [f"binance-futures,BTCUSDT,{us},{us},{us},sell,1,0.5\n" for us in (1714521600000000, 1714521600500000)]
        other = "binance-futures_trades_2024-05-01_BTCUSDT.csv"
        said = self.refused(daemon, {other: "".join([self.HEADER, *lines]), self.ZIP.format("csv"): self.rows(2, 3)})
        assert "move this file onto it" not in said
        assert "packed in another way" not in said
        assert f"delete {other}; type `pointline withdraw " in said
        (daemon.bronze / other).unlink()
        daemon.once()
        assert set(read_table(daemon.root, "trades")["price"]) == {2.0}


@pytest.mark.parametrize("path", ORIGINALS)
@pytest.mark.parametrize("mark", [".1", "~", ".bak", ".old"])
def test_a_backup_is_never_told_to_take_the_name_of_a_file_that_is_there(path, mark):
    found = describe_foreign(f"{path}{mark}", shipped())
    name = path.rpartition("/")[2]
    assert found.reason == "its name is that of a copy or a backup of another file"
    assert found.advice == f"rename it to {name!r}; if that is there, keep the right one"


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("Kraken_Trading_History.zip", "unpack it into a folder with kraken in its name"),
        ("kraken/all.tar.gz", "unpack it into a folder with kraken in its name"),
        ("us_stocks_sip/trades_v1/2024/05/2024-05.zip", "files of polygon/stocks-trades are read unpacked: unpack it"),
        ("data/futures/um/daily/trades/BTCUSDT/all.zip", "give it the name under which it was published"),
    ],
)
def test_an_archive_that_is_not_read_says_so(tmp_path, path, advice):
    daemon = Daemon(tmp_path / "lake")
    file = daemon.bronze / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"PK\3\4")
    daemon.once()
    assert advice in run(daemon.root, "files", "--unrecognised", "--json").stdout


def test_a_file_goes_before_its_copy(tmp_path):
    """Guards the order within a batch: by their names alone ``x (1).csv`` would go before ``x.csv``."""
    daemon = Daemon(tmp_path / "lake")
    bars(daemon.bronze / BARS.format("BTC_USDT-1m (1)"), 2)
    bars(daemon.bronze / BARS.format("BTC_USDT-1m"), 1)
    daemon.once()
    ledger = read_manifest(daemon.root)
    status = {Path(path).stem: status for path, status in ledger.select("bronze_file_path", "status").iter_rows()}
    assert status == {"BTC_USDT-1m": "success", "BTC_USDT-1m (1)": "quarantined"}
