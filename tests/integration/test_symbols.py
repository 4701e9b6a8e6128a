"""``pointline symbols update`` and ``show``, beside a daemon and without one."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from pathlib import Path

import pointline_daemon.opening.lake as lake_module
import polars as pl
import pytest
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.process.maintenance import thread as maintenance

from pointline.config import load_config
from pointline.services.symbols.changes import Told
from pointline.tables.symbols.checks import violations
from pointline.vendors.symbols.metadata import read_metadata
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_table
from tests.support.process import Lake, pointline
from tests.support.small_lake import add_symbols, at
from tests.support.symbol_lists import ABSENT, REAL
from tests.support.waiting import wait_until

HEADER = "exchange,symbol,base_asset,quote_asset,market_type,tick_size,lot_size,contract_size"


@pytest.fixture
def lake(tmp_path) -> Path:
    root = tmp_path / "lake"
    (root / "bronze").mkdir(parents=True)
    assert pointline(root, "run", "--once").returncode == 0
    return root


def listing(folder: Path, *rows: str, name: str = "listed.csv", header: str = HEADER) -> str:
    path = folder / name
    path.write_text("\n".join([header, *rows, ""]))
    return str(path)


def row(symbol: str, tick: float = 0.1) -> str:
    return f"okx,{symbol},{symbol},USDT,spot,{tick},1,1"


def said(lake: Path, *arguments: str, code: int = 0) -> str:
    ran = pointline(lake, "symbols", *arguments)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def listing_bytes(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


def fail(*_: object, **__: object) -> None:
    raise OSError("the power went")


class TestUpdate:
    """The table is brought up to a file, and what that changes is shown."""

    def test_diff(self, lake, tmp_path):
        first = listing(tmp_path, row("A"), row("B"))
        out = said(lake, "update", first, "--effective-at", "2024-05-01")
        assert "2 versions: 2 added" in out
        second = listing(tmp_path, row("A", 0.01), row("B"))
        shown = said(lake, "update", second, "--effective-at", "2024-06-01T12:00", "--dry-run")
        lines = [line.split(maxsplit=5) for line in shown.splitlines()]
        assert ["closed", "okx", "A", "2024-05-01", "2024-06-01", "12:00"] in lines
        assert "tick_size 0.1 → 0.01" in shown
        assert "nothing was changed" in shown
        assert read_table(lake, "dim_symbol").height == 2
        said(lake, "update", second, "--effective-at", "2024-06-01T12:00")
        assert violations(read_table(lake, "dim_symbol")) == []
        assert "nothing to change" in said(lake, "update", second, "--effective-at", "2024-06-01T12:00")

    def test_only_a_snapshot_delists(self, lake, tmp_path):
        said(lake, "update", listing(tmp_path, *map(row, "ABCDE")), "--effective-at", "2024-05-01")
        four = listing(tmp_path, *map(row, "ABCD"))
        said(lake, "update", four, "--effective-at", "2024-06-01")
        assert read_table(lake, "dim_symbol")["is_current"].all()
        answer = json.loads(said(lake, "update", four, "--snapshot", "--effective-at", "2024-06-01", "--json"))
        assert [(one["change"], one["symbol"], one["valid_until"]) for one in answer["changes"]] == [
            ("closed", "E", "2024-06-01T00:00:00.000000Z")
        ]

    def test_a_partial_snapshot_needs_insisting(self, lake, tmp_path):
        said(lake, "update", listing(tmp_path, *map(row, "ABCD")), "--effective-at", "2024-05-01")
        one = [listing(tmp_path, row("A")), "--snapshot", "--effective-at", "2024-06-01"]
        refused = said(lake, "update", *one, code=1)
        assert "lacks 3 of the 4 symbols of okx" in refused
        assert read_table(lake, "dim_symbol")["is_current"].all()
        command = shlex.split(" ".join(refused.split("`")[-2].split()))
        assert command[:3] == ["pointline", "symbols", "update"]
        assert "3 closed" in said(lake, *command[2:])

    def test_a_second_one_that_agrees_releases_the_first(self, lake, tmp_path):
        said(lake, "update", listing(tmp_path, *map(row, "ABCD")), "--effective-at", "2024-05-01")
        one = listing(tmp_path, row("A"), name="one.csv")
        said(lake, "update", one, "--snapshot", "--effective-at", "2024-06-01", code=1)
        assert "3 closed" in said(lake, "update", one, "--snapshot", "--effective-at", "2024-06-02")
        ended = read_table(lake, "dim_symbol").filter(~pl.col("is_current"))["valid_until"].dt.day()
        assert ended.to_list() == [1, 1, 1]

    def test_a_file_that_knows_its_time(self, lake, tmp_path):
        info = tmp_path / "info.json"
        info.write_text(json.dumps({"serverTime": 1_714_521_600_000, "symbols": []}))
        both = ["update", str(info), "--exchange", "binance", "--effective-at", "2024-06-01"]
        assert "says itself when it holds (2024-05-01 UTC)" in " ".join(said(lake, *both, code=1).split())
        timed = listing(tmp_path, row("A") + ",2024-05-01", header=HEADER + ",valid_from")
        refused = said(lake, "update", timed, "--effective-at", "2024-06-01", code=1)
        assert "says itself when it holds (in valid_from)" in " ".join(refused.split())

    def test_an_exchange_that_is_nearly_a_known_one(self, lake, tmp_path):
        file = listing(tmp_path, "A,A,USDT,spot,0.1,1,1", header=HEADER.removeprefix("exchange,"))
        said(lake, "update", file, "--effective-at", "2024-05-01", "--exchange", "binance")
        slip = ["update", file, "--effective-at", "2024-05-01", "--exchange", "bnance"]
        assert "did you mean --exchange binance?" in " ".join(said(lake, *slip, code=2).split())
        said(lake, *slip, "--insist")
        assert set(read_table(lake, "dim_symbol")["exchange"]) == {"binance", "bnance"}

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_a_crash_between_the_two_tables(self, lake, tmp_path, moment, monkeypatch):
        """What was said is kept first; the table follows at the next start."""
        said(lake, "update", listing(tmp_path, row("A")), "--effective-at", "2024-05-01")
        opened = open_lake(load_config(lake))
        told = Told(metadata=read_metadata(listing_bytes(row("A"), row("B")), effective_at=at("2024-06-01")))
        service, _ = opened.ingest()
        if moment == "before":
            monkeypatch.setattr(type(opened.symbols), "replace", fail)
            with pytest.raises(OSError, match="the power went"):
                service.update_symbols(told)
            monkeypatch.undo()
            assert read_table(lake, "dim_symbol").height == 1
        else:
            service.update_symbols(told)
        assert pointline(lake, "run", "--once").returncode == 0
        assert read_table(lake, "dim_symbol").filter("is_current")["symbol"].to_list() == ["A", "B"]
        assert pointline(lake, "verify").returncode == 0

    def test_the_exchange_may_be_named(self, lake, tmp_path):
        file = listing(tmp_path, "A,A,USDT,spot,0.1,1,1", header=HEADER.removeprefix("exchange,"))
        assert "exchange" in said(lake, "update", file, "--effective-at", "2024-05-01", code=1)
        said(lake, "update", file, "--effective-at", "2024-05-01", "--exchange", "bybit")
        assert read_table(lake, "dim_symbol")["exchange"].to_list() == ["bybit"]

    @pytest.mark.parametrize(
        ("arguments", "code", "what"),
        [
            (["none.csv"], 2, "there is no file"),
            (["FILE", "--effective-at", "May"], 2, "is not a time"),
            (["FILE"], 1, "without the column valid_from"),
        ],
    )
    def test_mistakes(self, lake, tmp_path, arguments, code, what):
        file = listing(tmp_path, row("A"))
        assert what in said(lake, "update", *(file if one == "FILE" else one for one in arguments), code=code)

    def test_a_file_of_anything_else(self, lake, tmp_path):
        (tmp_path / "notes.py").write_text("import pointline\n\nprint(1)\n")
        for more in ([], ["--effective-at", "2024-05-01"]):
            told = said(lake, "update", str(tmp_path / "notes.py"), *more, code=1)
            assert "no column of it is one of a symbol, it has 'import pointline'" in told

    def test_beside_a_daemon(self, tmp_path):
        lake = Lake(tmp_path / "lake")
        lake.start()
        file = listing(tmp_path, row("A"))
        assert "1 version: 1 added" in said(lake.root, "update", file, "--effective-at", "2024-05-01")
        assert read_table(lake.root, "dim_symbol").height == 1
        refused = said(lake.root, "update", file, "--snapshot", "--effective-at", "2024-06-01", "--exchange", "none")
        assert "nothing to change" in refused
        assert lake.stop() == 0


class TestShow:
    """What holds now, what held at a time, and all of one symbol."""

    @pytest.fixture
    def told(self, lake, tmp_path):
        said(lake, "update", listing(tmp_path, row("A"), row("B")), "--effective-at", "2024-05-01")
        said(lake, "update", listing(tmp_path, row("A", 0.01)), "--effective-at", "2024-06-01")
        return lake

    def shown(self, lake: Path, *arguments: str) -> list[tuple[str, float]]:
        rows = json.loads(said(lake, "show", *arguments, "--json"))
        return [(one["symbol"], one["tick_size"]) for one in rows]

    def test_what_holds(self, told):
        assert self.shown(told) == [("A", 0.01), ("B", 0.1)]
        assert self.shown(told, "--at", "2024-05-31T23:59:59") == [("A", 0.1), ("B", 0.1)]
        assert self.shown(told, "A") == [("A", 0.1), ("A", 0.01)]
        assert self.shown(told, "A", "--at", "2024-06-01", "--exchange", "okx") == [("A", 0.01)]
        assert "A/USDT spot, tick 0.01, lot 1, contract 1" in said(told, "show", "A")

    def test_what_there_is_not(self, told, lake):
        assert "there is no symbol 'Z'" in said(told, "show", "Z", code=2)
        assert "no version of a symbol matches" in said(told, "show", "--at", "2024-04-30", code=1)
        assert "is not a time" in said(told, "show", "--at", "yesterday", code=2)


@pytest.mark.skipif(not REAL.is_dir(), reason=ABSENT)
class TestRealVersions:
    """Eleven versions of a real table over ten years, as files dropped into bronze."""

    def drop(self, lake: Path, versions: list[Path]) -> None:
        for version in versions:
            day = version.name.split("_")[1]
            folder = lake / "bronze" / f"lean/exchange=lean/type=instruments/date={day}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / version.name).write_bytes(version.read_bytes())

    def ingested(self, root: Path, rounds: list[list[Path]]) -> pl.DataFrame:
        (root / "bronze").mkdir(parents=True)
        for versions in rounds:
            self.drop(root, versions)
            # Over the years markets were renamed and dropped as a whole.
            assert pointline(root, "run", "--once", symbols__max_missing_share=1).returncode == 0
        return read_table(root, "dim_symbol")

    def test_in_one_go_one_by_one_and_twice(self, tmp_path):
        versions = sorted(REAL.glob("*.csv.gz"))
        at_once = self.ingested(tmp_path / "at_once", [versions])
        assert at_once.height > 4000
        assert violations(at_once) == []
        one_by_one = self.ingested(tmp_path / "one_by_one", [[version] for version in versions])
        assert one_by_one.equals(at_once)
        again = tmp_path / "one_by_one"
        for version in versions:
            day = version.name.split("_")[1]
            ran = pointline(
                again, "symbols", "update", str(version), "--snapshot", "--effective-at", day, "--insist", "--json"
            )
            assert json.loads(ran.stdout)["changes"] == []


def test_what_begins_becomes_current_without_a_scan(tmp_path, monkeypatch):
    """In a daemon that scans once a day, and whose maintenance is switched off."""
    begins = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=90)
    add_symbols(tmp_path, [("binance", "BTCUSDT", begins, 0.1)])
    late = [0]
    monkeypatch.setattr(maintenance, "SYMBOLS_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(maintenance, "LOOK_SECONDS", 0.01)
    now_us = lake_module.now_us
    monkeypatch.setattr(lake_module, "now_us", lambda: now_us() + late[0])
    daemon = Daemon(tmp_path, ingest__rescan_seconds=86_400)

    def current() -> list[bool]:
        return read_table(tmp_path, "dim_symbol")["is_current"].to_list()

    with daemon.running() as supervisor:
        assert wait_until(lambda: supervisor.components.rescanner.scans, seconds=30)
        assert current() == [False]
        late[0] = 2 * 3_600_000_000
        assert wait_until(lambda: current() == [True], seconds=30)
        assert supervisor.components.rescanner.scans == 1
