"""Symbol metadata dropped into bronze: taken like any other file, and what it says is in ``dim_symbol`` once."""

from __future__ import annotations

import gzip
import io
import json
import signal
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

import pointline as library
from tests.support.kill import Moment, run_once, run_until
from tests.support.lake_check import batch_of, file_content, file_name, put_file, read_manifest, read_table
from tests.support.process import Lake, pointline

CHANGE = {"until": "2023-06-01T00:00:00.000Z", "priceIncrement": 0.5}
BTC = {
    "id": "BTCUSDT",
    "exchange": "binance",
    "baseCurrency": "BTC",
    "quoteCurrency": "USDT",
    "type": "spot",
    "active": True,
    "availableSince": "2019-01-01T00:00:00.000Z",
    "priceIncrement": 0.1,
    "amountIncrement": 0.001,
    "minTradeAmount": 0.001,
    "changes": [CHANGE],
}


def instruments(*items: dict[str, object]) -> bytes:
    return gzip.compress(json.dumps(items).encode(), mtime=0)


def exchange_info(day: str, *symbols: str) -> bytes:
    at = int(pl.Series([day]).str.to_datetime(time_zone="UTC").dt.epoch("ms")[0])
    listed = [
        {"symbol": one, "status": "TRADING", "baseAsset": one.removesuffix("USDT"), "quoteAsset": "USDT", "filters": []}
        for one in symbols
    ]
    return json.dumps({"serverTime": at, "symbols": listed}).encode()


def folder(day: str, exchange: str = "binance") -> str:
    return f"tardis/exchange={exchange}/type=instruments/date={day}"


def drop(lake: Path, path: str, content: bytes) -> str:
    put_file((lake / "bronze" / path).parent, path.rpartition("/")[2], content)
    return path


def versions(lake: Path) -> list[tuple[str, str, str | None, float | None]]:
    rows = read_table(lake, "dim_symbol").sort("exchange", "symbol", "valid_from")
    times = [pl.col(name).dt.strftime("%Y-%m-%d") for name in ("valid_from", "valid_until")]
    return rows.select("symbol", *times, "tick_size").rows()


def statuses(lake: Path) -> dict[str, str]:
    return dict(read_manifest(lake).select("bronze_file_path", "status").iter_rows())


HISTORY = [("BTCUSDT", "2019-01-01", "2023-06-01", 0.5), ("BTCUSDT", "2023-06-01", None, 0.1)]


class TestForms:
    """What is recognised and read."""

    @pytest.mark.parametrize(
        "name",
        [
            f"{folder('2024-05-01')}/all.json.gz",
            f"{folder('2024-05-01')}/symbol=BTCUSDT/one.json.gz",
            "anywhere/binance_instruments_2024-05-01_SPOT.json.gz",
            "binance/instruments/2024/05/01/SPOT.json.gz",
        ],
    )
    @pytest.mark.share(2)
    def test_tardis_instruments_with_their_history(self, tmp_path, name):
        drop(tmp_path, name, instruments(BTC))
        ran = pointline(tmp_path, "run", "--once")
        assert ran.returncode == 0, ran.stdout
        assert versions(tmp_path) == HISTORY
        row = read_manifest(tmp_path).row(0, named=True)
        assert (row["data_type"], row["status"], row["rows_read"], row["rows_written"]) == (
            "instruments",
            "success",
            2,
            2,
        )

    def test_snapshots_of_binance_in_the_order_of_their_times(self, tmp_path):
        """The names sort against the times."""
        drop(
            tmp_path, f"{folder('2024-05-01')}/z.json", exchange_info("2024-05-01", "AUSDT", "BUSDT", "CUSDT", "DUSDT")
        )
        drop(tmp_path, f"{folder('2024-05-02')}/m.json", exchange_info("2024-05-02", "AUSDT", "BUSDT", "CUSDT"))
        drop(
            tmp_path, f"{folder('2024-05-03')}/a.json", exchange_info("2024-05-03", "AUSDT", "BUSDT", "CUSDT", "DUSDT")
        )
        assert pointline(tmp_path, "run", "--once").returncode == 0
        assert [one[:3] for one in versions(tmp_path)] == [
            ("AUSDT", "2024-05-01", None),
            ("BUSDT", "2024-05-01", None),
            ("CUSDT", "2024-05-01", None),
            ("DUSDT", "2024-05-01", "2024-05-02"),
            ("DUSDT", "2024-05-03", None),
        ]

    @pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
    @pytest.mark.share(3)
    def test_columns_hold_from_the_day_of_the_path(self, tmp_path, kind):
        table = pl.DataFrame(
            {"symbol": ["X"], "base_asset": "X", "quote_asset": "Y", "market_type": "spot", "tick_size": 0.5}
        ).with_columns(lot_size=1.0, contract_size=1.0)
        content = io.BytesIO()
        table.write_parquet(content) if kind == "parquet" else table.write_csv(content)
        data = content.getvalue()
        drop(tmp_path, f"{folder('2024-05-01')}/x.{kind}", gzip.compress(data) if kind.endswith("gz") else data)
        assert pointline(tmp_path, "run", "--once").returncode == 0
        assert versions(tmp_path) == [("X", "2024-05-01", None, 0.5)]

    def test_json_of_anything_else_is_left_alone(self, tmp_path):
        drop(tmp_path, "binance_trades_2024-05-01_BTCUSDT.json", b"[]")
        assert pointline(tmp_path, "run", "--once").returncode == 0
        assert statuses(tmp_path) == {}
        said = pointline(tmp_path, "explain", "binance_trades_2024-05-01_BTCUSDT.json").stdout
        assert "read of instruments only" in " ".join(said.split())


class TestRefused:
    """Content that cannot be accepted is quarantined, with cause and remedy; it changes nothing."""

    @pytest.mark.parametrize(
        ("content", "cause"),
        [
            (b'{"error": "rate limited"}', "rate limited"),
            (b'[{"id": "BTCUSDT"', "not JSON"),
            (instruments({**BTC, "priceIncrement": "much"}), "priceIncrement"),
            (instruments({**BTC, "exchange": None}), "without exchange"),
        ],
    )
    @pytest.mark.share(2)
    def test_malformed(self, tmp_path, content, cause):
        path = drop(tmp_path, f"{folder('2024-05-01')}/all.json", content)
        assert pointline(tmp_path, "run", "--once").returncode == 1
        row = read_manifest(tmp_path).row(0, named=True)
        assert row["status"] == "quarantined"
        assert cause in row["error"]
        assert "; " in row["error"]
        assert versions(tmp_path) == []
        drop(tmp_path, path, instruments(BTC))
        assert pointline(tmp_path, "run", "--once").returncode == 0
        assert versions(tmp_path) == HISTORY

    def test_a_partial_snapshot_does_not_delist_the_world(self, tmp_path):
        names = [f"S{number}USDT" for number in range(8)]
        drop(tmp_path, f"{folder('2024-05-01')}/a.json", exchange_info("2024-05-01", *names))
        partial = drop(tmp_path, f"{folder('2024-05-02')}/b.json", exchange_info("2024-05-02", *names[:2]))
        drop(tmp_path, f"{folder('2024-05-03')}/c.json", exchange_info("2024-05-03", *names[:7]))
        assert pointline(tmp_path, "run", "--once").returncode == 1
        row = read_manifest(tmp_path).filter(bronze_file_path=partial).row(0, named=True)
        assert row["status"] == "quarantined"
        assert "lacks 6 of the 8 symbols of binance" in row["error"]
        assert f"`pointline retry {row['file_id']} --accept`" in row["error"]
        assert [one[1:3] for one in versions(tmp_path)] == [("2024-05-01", None)] * 7 + [("2024-05-01", "2024-05-03")]

    def test_the_share_is_a_setting(self, tmp_path):
        names = [f"S{number}USDT" for number in range(8)]
        drop(tmp_path, f"{folder('2024-05-01')}/a.json", exchange_info("2024-05-01", *names))
        drop(tmp_path, f"{folder('2024-05-02')}/b.json", exchange_info("2024-05-02", *names[:2]))
        assert pointline(tmp_path, "run", "--once", symbols__max_missing_share=0.75).returncode == 0
        assert [one[2] for one in versions(tmp_path)] == [None] * 2 + ["2024-05-02"] * 6


class TestRowsThatCannotBeRight:
    """They go to quarantine with their line, and a list says nothing of their symbols, not even that they are gone."""

    NAMES = tuple(f"S{number:02}USDT" for number in range(40))

    def put(self, lake: Path, day: int, bad: int, names: Sequence[str] = NAMES) -> str:
        """A list of which the first rows have a tick of zero."""
        lines = gzip.decompress(as_csv(names)).decode().splitlines()
        broken = [line.replace(",0.1,", ",0.0,") for line in lines[1 : bad + 1]]
        content = "\n".join([lines[0], *broken, *lines[bad + 1 :], ""]).encode()
        return drop(lake, f"{folder(f'2024-05-{day:02}')}/list.csv", content)

    def test_the_symbol_stays_what_it_was(self, tmp_path):
        self.put(tmp_path, 1, 0)
        path = self.put(tmp_path, 2, 3)
        assert pointline(tmp_path, "run", "--once").returncode == 0
        assert [one[1:3] for one in versions(tmp_path)] == [("2024-05-01", None)] * 40
        row = read_manifest(tmp_path).filter(bronze_file_path=path).row(0, named=True)
        counts = (row["status"], row["rows_read"], row["rows_written"], row["rows_quarantined"])
        assert counts == ("success", 40, 37, 3)
        assert "3 of 40 rows cannot be right: 3 symbol updates with a zero or negative tick_size" in row["error"]
        aside = read_table(tmp_path, "quarantine").sort("file_seq")
        assert aside.select("rule", "column", "file_seq").rows() == [
            ("not_positive", "tick_size", n) for n in (2, 3, 4)
        ]
        assert aside["raw"][0].startswith("S00USDT,")
        # The next list really lacks one of them and two others: only these are delisted, when that was seen.
        self.put(tmp_path, 3, 0, self.NAMES[1:-2])
        assert pointline(tmp_path, "run", "--once").returncode == 0
        gone = [(name, until) for name, _, until, _ in versions(tmp_path) if until]
        assert gone == [(name, "2024-05-03") for name in ("S00USDT", "S38USDT", "S39USDT")]
        assert pointline(tmp_path, "verify", "--deep").returncode == 0

    def test_too_many_of_them(self, tmp_path):
        self.put(tmp_path, 1, 0)
        path = self.put(tmp_path, 2, 12)
        assert pointline(tmp_path, "run", "--once").returncode == 1
        row = read_manifest(tmp_path).filter(bronze_file_path=path).row(0, named=True)
        assert row["status"] == "quarantined"
        assert "12 of 40 rows cannot be right" in row["error"]
        assert f"`pointline retry {row['file_id']} --accept` takes the rest" in row["error"]
        assert pointline(tmp_path, "retry", str(row["file_id"]), "--accept").returncode == 0
        assert pointline(tmp_path, "run", "--once").returncode == 0
        assert statuses(tmp_path)[path] == "success"
        assert [one[1:3] for one in versions(tmp_path)] == [("2024-05-01", None)] * 40


class TestBesideTheRest:
    """The commands know such files; trades of the same batch go in as ever."""

    @pytest.fixture
    def lake(self, tmp_path):
        drop(tmp_path, f"{folder('2024-05-01')}/all.json.gz", instruments(BTC))
        name = file_name("trades", "BTCUSDT")
        drop(tmp_path, name, file_content(name, 5))
        assert pointline(tmp_path, "run", "--once").returncode == 0
        return tmp_path

    @pytest.mark.parametrize(
        "command",
        [
            "verify --deep",
            "doctor",
            "maintain",
            "status",
            "coverage",
            "files",
            "files --table instruments",
            "explain 1",
        ],
    )
    @pytest.mark.share(4)
    def test_no_command_chokes_on_it(self, lake, command):
        before = versions(lake)
        ran = pointline(lake, *command.split(), "--json")
        assert ran.returncode == 0 or command == "doctor", ran.stdout + ran.stderr  # the machine may not be in order
        assert "dim_symbol" not in ran.stdout or command in {"explain 1", "status"}
        assert "instruments" not in ran.stdout or command not in {"coverage", "verify --deep"}
        assert versions(lake) == before

    def test_its_story_names_the_version_it_made(self, lake):
        (file_id,) = read_manifest(lake).filter(data_type="instruments")["file_id"]
        story = " ".join(pointline(lake, "explain", str(file_id)).stdout.split())
        assert "2 rows went into symbol_observations, with version 1 of that table" in story

    def test_the_rows_see_their_symbols(self, lake):
        joined = library.with_symbols(library.scan("trades", lake_root=lake), lake_root=lake).collect()
        assert joined["tick_size"].to_list() == [0.1] * 5

    def test_a_newer_file_of_the_path_replaces_the_older(self, lake):
        path = drop(lake, f"{folder('2024-05-01')}/all.json.gz", instruments({**BTC, "priceIncrement": 0.01}))
        assert pointline(lake, "run", "--once").returncode == 0
        entries = read_manifest(lake).filter(bronze_file_path=path)
        assert entries["status"].to_list() == ["superseded", "success"]
        assert [one[3] for one in versions(lake)] == [0.5, 0.01]
        assert pointline(lake, "verify", "--deep").returncode == 0

    def test_what_says_nothing_new_makes_no_version(self, lake):
        drop(lake, f"{folder('2024-05-02')}/all.json.gz", instruments(BTC))
        before = versions(lake), sorted((lake / "silver/dim_symbol").glob("*.parquet"))
        assert pointline(lake, "run", "--once").returncode == 0
        assert (versions(lake), sorted((lake / "silver/dim_symbol").glob("*.parquet"))) == before
        assert set(statuses(lake).values()) == {"success"}


MOMENTS = {
    Moment("manifest.resolve_file_ids", "after"): 0,
    Moment("events.trades.commit", "before"): 0,
    Moment("events.trades.commit", "after"): 1,
    Moment("observations.commit", "before"): 1,
    Moment("observations.commit", "after"): 4,
    Moment("symbols.replace", "before"): 4,
    Moment("symbols.replace", "after"): 4,
    Moment("manifest.update_statuses", "before"): 4,
    Moment("manifest.update_statuses", "after"): 0,
}
"""When a process is killed, and how many files are in silver then that the ledger does not know of."""


@pytest.mark.parametrize(("moment", "brings_up"), MOMENTS.items(), ids=str)
@pytest.mark.share(4)
def test_exactly_once_whatever_crashes(tmp_path, moment, brings_up):
    """Snapshots whose second application would differ: the first is judged against an empty table."""
    names = [f"S{number}USDT" for number in range(4)]
    for day, listed in (("2024-05-01", names), ("2024-05-02", names[:3]), ("2024-05-03", names)):
        drop(tmp_path, f"{folder(day)}/binance.csv.gz", as_csv(listed))
    trades = file_name("trades", "BTCUSDT")
    drop(tmp_path, trades, file_content(trades, 5))
    assert run_until(tmp_path, moment).returncode == -signal.SIGKILL
    ran = run_once(tmp_path)
    assert ran.returncode == 0
    brought_up = sum(json.loads(line)["brought_up"] for line in ran.stdout.splitlines() if "recovery.finished" in line)
    assert brought_up == brings_up
    assert [one[1:3] for one in versions(tmp_path)] == [("2024-05-01", None)] * 3 + [
        ("2024-05-01", "2024-05-02"),
        ("2024-05-03", None),
    ]
    assert set(statuses(tmp_path).values()) == {"success"}
    assert read_table(tmp_path, "trades").height == 5
    assert batch_of(tmp_path, "dim_symbol") == batch_of(tmp_path, "symbol_observations")
    assert batch_of(tmp_path, "dim_symbol") <= batch_of(tmp_path, "ingest_manifest")
    assert sorted(files_in(tmp_path)) == sorted(read_manifest(tmp_path).filter(data_type="instruments")["file_id"])
    assert pointline(tmp_path, "verify", "--deep").returncode == 0


def files_in(lake: Path) -> list[int]:
    """The files that the commits of observations name."""
    log = (lake / "silver" / "symbol_observations" / "_delta_log").glob("*.json")
    infos = [json.loads(entry.read_text().splitlines()[0]).get("commitInfo", {}) for entry in log]
    return [outcome[0] for info in infos for outcome in info.get("pointline_outcomes", [])]


def as_csv(symbols: Sequence[str]) -> bytes:
    table = pl.DataFrame({"symbol": list(symbols)}).with_columns(
        base_asset=pl.lit("S"), quote_asset=pl.lit("USDT"), market_type=pl.lit("spot"),
        tick_size=0.1, lot_size=1.0, contract_size=1.0,
    )  # fmt: skip
    return gzip.compress(table.write_csv().encode(), mtime=0)


def test_a_running_daemon_takes_them(tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.start()
    path = drop(lake.root, f"{folder('2024-05-01')}/all.json.gz", instruments(BTC))
    line = lake.wait_for("file.committed", path)
    assert (line["table"], line["rows_written"]) == ("instruments", 2)
    assert versions(lake.root) == HISTORY
    assert lake.stop() == 0
