"""What is in the lake stays what it was, and is told of truly, where settings and descriptions say otherwise now."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

import pointline
from pointline.errors import PointlineError
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import put_file, read_manifest, read_table
from tests.support.process import pointline as run

DAY_US = int(dt.datetime(2024, 5, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
OWN = """
vendor = "mine"

[[feed]]
name = "deals"
table = "trades"
exchange = "kraken"
path = ["mine/{span:daily}-{symbol}-{date:%Y-%m-%d}.csv", "mine/{span:monthly}-{symbol}-{date:%Y-%m}.csv"]
columns = ["id", "price", "amount", "ms"]

[feed.map]
side = { value = "unknown" }
timestamp = { from = "ms", time = "epoch" }
"""
PREFER = OWN.replace("columns =", 'prefer = ["daily", "monthly"]\ncolumns =')


def trades(*symbols: str, price: float = 1.5, hour: int = 1) -> str:
    rows = ((symbol, DAY_US + hour * 3_600_000_000 + n * 1_000_000) for symbol in symbols for n in range(12))
    return TRADES + "".join(f"deribit,{symbol},{at},{at + 1},{at},buy,{price},2\n" for symbol, at in rows)


def deals(*days: int, price: float) -> str:
    at = ((day, DAY_US // 1000 + (day - 1) * 86_400_000 + n * 1000) for day in days for n in range(12))
    return "id,price,amount,ms\n" + "".join(f"{ms},{price},1,{ms}\n" for _, ms in at)


class Lake:
    """A lake in a folder; each run is one of a new process, with what is set now."""

    def __init__(self, root: Path) -> None:
        self.root = root
        Daemon(root)

    def put(self, path: str, text: str, *, modified_at: float | None = None) -> None:
        file = self.root / "bronze" / path
        put_file(file.parent, file.name, text.encode(), modified_at=modified_at)

    def describe(self, text: str) -> None:
        (self.root / "vendors").mkdir(exist_ok=True)
        (self.root / "vendors" / "mine.toml").write_text(text)

    def once(self, **settings: object) -> None:
        Daemon(self.root, **settings).once()

    def statuses(self) -> list[str]:
        return read_manifest(self.root).sort("file_id")["status"].to_list()

    def findings(self, **settings: object) -> list[dict[str, str]]:
        return json.loads(run(self.root, "verify", "--deep", "--json", **settings).stdout)["findings"]

    def explained(self, path: str, **settings: object) -> str:
        return " ".join(run(self.root, "explain", path, **settings).stdout.split())


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def test_a_month_that_left_a_day_does_not_keep_out_its_correction_where_nothing_is_preferred_now(lake):
    lake.describe(PREFER)
    for day in (1, 2, 3):
        lake.put(f"mine/daily-X-2024-05-0{day}.csv", deals(day, price=2))
    lake.put("mine/monthly-X-2024-05.csv", deals(1, 2, 3, 4, 5, price=1))
    lake.once()
    lake.describe(OWN)
    lake.put("mine/daily-X-2024-05-03.csv", deals(3, price=6))
    lake.once()
    rows = read_table(lake.root, "trades").sort("timestamp")
    assert rows["price"].to_list() == [2.0] * 24 + [6.0] * 12 + [1.0] * 24
    assert lake.findings() == []


def test_rows_that_are_in_twice_are_found_whatever_is_called_a_group_now(lake):
    lake.put("deribit_trades_2024-05-01_EVERYTHING.csv", trades("BTC", "ETH"))
    lake.once(bronze__groups='["EVERYTHING"]')
    lake.put("deribit_trades_2024-05-01_BTC.csv", trades("BTC", price=3))
    lake.once()
    twice = [one for one in lake.findings() if one["kind"] == "rows_overlap"]
    assert len(twice) == lake.statuses().count("success") - 1 == 1


class TestSpelling:
    """Of a symbol, in capitals or not: it is the same one, and rows are spelled as the ledger has it."""

    def test_of_a_path(self, lake):
        lake.put("mine/daily-ab-2024-05-01.csv", deals(1, price=1))
        lake.describe(OWN)
        lake.once()
        (lake.root / "bronze" / "mine" / "daily-ab-2024-05-01.csv").rename(
            lake.root / "bronze" / "mine" / "daily-AB-2024-05-01.csv"
        )
        lake.once()
        assert lake.findings() == []

    def test_of_a_description(self, lake):
        lake.put("mine/daily-ab-2024-05-01.csv", deals(1, price=1))
        lake.describe(OWN)
        lake.once()
        lake.describe(OWN.replace("columns =", 'symbols = { ab = "AB" }\ncolumns ='))
        lake.once()
        assert lake.findings() == []
        assert run(lake.root, "withdraw", "1").returncode == 0
        assert run(lake.root, "retry", "1").returncode == 0
        lake.once()
        assert read_table(lake.root, "trades").select("symbol", "file_id").unique().rows() == [("AB", 2)]
        assert lake.findings() == []


def test_a_list_that_names_no_symbol_says_nothing(lake):
    lake.put("tardis/exchange=deribit/type=instruments/date=2024-05-01/all.json", "[]")
    lake.once()
    assert lake.statuses() == ["success"]
    assert lake.findings() == []


def test_a_changed_file_that_nothing_reads_now_is_not_promised_to_come_in(lake):
    named = "/".join(f"(?P<{one}>[^/]+)" for one in ("date", "exchange", "data_type", "symbol"))
    pattern = json.dumps([rf"by-day/{named}\.csv"])
    lake.put("by-day/20240501/deribit/trades/BTC.csv", trades("BTC"))
    lake.once(bronze__patterns=pattern)
    assert lake.statuses() == ["success"]
    lake.put("by-day/20240501/deribit/trades/BTC.csv", trades("BTC", price=2.25), modified_at=DAY_US / 1e6)
    [found] = [one for one in lake.findings() if one["kind"] == "bronze_changed"]
    assert "explain" in found["try"]
    assert "run --once" not in found["try"]
    [found] = [one for one in lake.findings(bronze__patterns=pattern) if one["kind"] == "bronze_changed"]
    assert "run --once" in found["try"]


def test_a_refused_file_in_a_folder_that_is_ignored_now_is_not_said_to_be_gone(lake):
    lake.put("deribit_trades_2024-05-01_BTC.csv", trades("BTC"))
    lake.once()
    lake.put("x/deribit_trades_2024-05-01_BTC.csv", trades("BTC", price=3))
    lake.once()
    assert lake.statuses() == ["success", "quarantined"]
    ignored = {"bronze__ignore_also": '["x"]'}
    lake.once(**ignored)
    assert lake.statuses() == ["success", "gone"]
    said = lake.explained("x/deribit_trades_2024-05-01_BTC.csv", **ignored)
    assert "Nothing is at its path" not in said
    assert "It is left alone" in said


COMMANDS = (
    "status",
    "files",
    "files --unrecognised",
    "explain 1",
    "coverage",
    "trace trades 1 1",
    "maintain",
    "doctor",
)


def test_a_lake_that_lost_its_ledger_is_a_lake_and_the_advice_mends_it(tmp_path):
    daemon = Daemon(tmp_path / "lake")
    put_file(daemon.bronze, "deribit_trades_2024-05-01_A.csv", trades("A").encode())
    assert daemon.once() == 0
    shutil.rmtree(daemon.root / "silver" / "ingest_manifest")
    for command in COMMANDS:
        told = run(daemon.root, *command.split())
        assert told.returncode == 1, command
        said = told.stdout + told.stderr
        assert "ledger" in said, command
        assert "is gone" in said, command
        assert "pointline repair" in said, command
    with pytest.raises(PointlineError, match="is gone"):
        pointline.files(lake_root=daemon.root)
    assert run(daemon.root, "repair").returncode == 0
    assert read_manifest(daemon.root)["status"].to_list() == ["success"]
    assert run(daemon.root, "verify", "--deep").returncode == 0
