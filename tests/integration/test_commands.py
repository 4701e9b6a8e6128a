"""What people and programs get from the commands, with and without a daemon."""

from __future__ import annotations

import datetime as dt
import json
import os
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from pointline_daemon.commands.shared.known import known_exchange
from pointline_daemon.samples import Sample, write_sample

from pointline.errors import UnknownValue
from pointline.tables.ingest_manifest import Status
from tests.support import warm
from tests.support.oracle import read_rows
from tests.support.process import environment, pointline
from tests.support.waiting import wait_until

DATE = dt.date(2024, 5, 1)
BAD = {"POINTLINE_INGEST__WORKERS": "many", "POINTLINE_LOG__LEVEL": "loud"}


@contextmanager
def running_daemon(lake: Path):
    process = start_daemon(lake)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(30) == 0


def start_daemon(lake: Path) -> warm.Process:
    with Path(os.devnull).open("wb") as nothing:
        return warm.start("pointline_daemon", "run", env=environment(lake), stdout=nothing, stderr=nothing)


def sample(symbol: str, data_type: str = "trades") -> Sample:
    return Sample(exchange="binance", data_type=data_type, symbol=symbol, date=DATE, rows=50)


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """Three good files, one of them of another table, and one that is no market data inside."""
    root = tmp_path_factory.mktemp("lake")
    bronze = root / "bronze"
    for one in (sample("BTCUSDT"), sample("ETHUSDT"), sample("BTCUSDT", "quotes")):
        write_sample(one, bronze / one.file_name)
    (bronze / f"binance_trades_{DATE}_JUNK.csv").write_text("no,market\ndata,here\n")
    assert pointline(root, "run", "--once").returncode == 1
    return root


class TestStatus:
    """Status answers with and without a daemon, and makes nothing."""

    @pytest.mark.parametrize("as_json", [False, True])
    def test_a_lake_that_does_not_exist_is_named_and_not_made(self, tmp_path, as_json):
        root = tmp_path / "nowhere"
        found = pointline(root, "status", *["--json"] * as_json)
        assert found.returncode == 1
        assert not root.exists()
        if as_json:
            assert str(root) in json.loads(found.stdout)["error"]
        else:
            assert f"error: there is no lake at {root}" in found.stderr
            assert "try:" in found.stderr
            assert not found.stdout

    def test_without_a_daemon(self, lake):
        found = pointline(lake, "status")
        assert found.returncode == 0
        assert "down" in found.stdout
        assert "not running" in found.stdout
        assert "1 quarantined" in found.stdout
        assert "does not begin with the header" in found.stdout

    def test_json_agrees_with_the_input_files(self, lake):
        answer = json.loads(pointline(lake, "status", "--json").stdout)
        assert answer["health"] == "down"
        assert answer["daemon"] == {"running": False}
        success = [one for one in answer["files"] if one["status"] == "success"]
        good = list((lake / "bronze").glob("*.csv.gz"))
        assert sum(one["files"] for one in success) == len(good)
        assert sum(one["rows"] for one in success) == sum(len(read_rows(path)) for path in good)
        assert [one["status"] for one in answer["last_errors"]] == ["quarantined"]
        assert answer["last_errors"][0]["next_step"]

    def test_a_running_daemon_is_healthy(self, tmp_path):
        def status() -> dict:
            return json.loads(pointline(tmp_path, "status", "--json").stdout or "{}")

        with running_daemon(tmp_path) as process:
            assert wait_until(lambda: status().get("health") == "healthy", 30)
            answer = status()
            assert answer["daemon"]["pid"] == process.pid
            assert answer["work"]["queued"] == 0
        assert status()["health"] == "down"

    def test_a_killed_daemon_is_told_from_a_stopped_one(self, tmp_path):
        process = start_daemon(tmp_path)
        try:
            assert wait_until(lambda: '"health": "healthy"' in pointline(tmp_path, "status", "--json").stdout, 30)
        finally:
            process.kill()
            process.wait()
        answer = json.loads(pointline(tmp_path, "status", "--json").stdout)
        assert answer["health"] == "down"
        assert "unexpectedly" in answer["reason"]


class TestFiles:
    """The ledger, filtered; what cannot be a filter is refused with the values that can."""

    def listed(self, lake: Path, *filters: str) -> list[dict]:
        found = pointline(lake, "files", "--json", *filters)
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout)

    def test_newest_first(self, lake):
        times = [(one["updated_at_us"], one["file_id"]) for one in self.listed(lake)]
        assert len(times) == 4
        assert times == sorted(times, reverse=True)

    def test_filters(self, lake):
        assert [one["symbol"] for one in self.listed(lake, "--status", "quarantined")] == ["JUNK"]
        assert {one["symbol"] for one in self.listed(lake, "--table", "trades")} == {"BTCUSDT", "ETHUSDT", "JUNK"}
        assert [one["data_type"] for one in self.listed(lake, "--symbol", "BTCUSDT", "--table", "quotes")] == ["quotes"]
        assert self.listed(lake, "--symbol", "JUNK", "--table", "quotes") == []
        everything = self.listed(lake)
        for name in {one["exchange"] for one in everything}:
            assert self.listed(lake, "--exchange", name) == [one for one in everything if one["exchange"] == name]

    def test_last(self, lake):
        assert self.listed(lake, "--last", "1") == self.listed(lake, "--last", "0")[:1]

    def test_paths_are_whole_on_a_pipe(self, lake):
        lines = pointline(lake, "files").stdout
        assert all(one["bronze_file_path"] in lines for one in self.listed(lake))
        assert "\x1b" not in lines

    @pytest.mark.parametrize(
        ("filters", "named"),
        [
            (["--status", "good"], list(Status)),
            (["--table", "trade"], ["trades", "quotes"]),
            (["--exchange", "nowhere"], []),
            (["--last", "-1"], []),
        ],
    )
    def test_what_cannot_be_is_refused(self, lake, filters, named):
        found = pointline(lake, "files", *filters)
        assert found.returncode == 2
        assert found.stderr.startswith("error: ")
        assert all(name in found.stderr for name in named)


class TestConfig:
    """All problems at once, exit code 78."""

    def test_check_names_all_problems(self, tmp_path):
        found = pointline(tmp_path, "config", "check", **BAD)
        assert found.returncode == 78
        assert "ingest.workers" in found.stderr
        assert "log.level" in found.stderr

    def test_check_json(self, tmp_path):
        found = pointline(tmp_path, "config", "check", "--json", **BAD)
        assert found.returncode == 78
        assert len(json.loads(found.stdout)["problems"]) == 2
        assert json.loads(pointline(tmp_path, "config", "check", "--json").stdout) == {"ok": True, "problems": []}

    @pytest.mark.parametrize(("column", "said"), [("price", ""), ("pric", "a column 'pric'; did you mean price")])
    def test_check_knows_the_columns_of_the_tables(self, tmp_path, column, said):
        found = pointline(tmp_path, "config", "check", maintenance__z_order=json.dumps([column]))
        assert (found.returncode, said in found.stderr) == (78 if said else 0, True)

    def test_nothing_is_ingested_with_bad_settings(self, tmp_path):
        for command in (["run", "--once"], ["run"]):
            assert pointline(tmp_path, *command, **BAD).returncode == 78
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("command", "bad", "code"),
        [
            (["status"], {"metrics__port": "x", "log__level": "loud"}, 0),
            (["status"], {"ingest__workers": "0"}, 0),
            (["files"], {"ingest__workers": "0"}, 0),
            (["coverage"], {"maintenance__interval_seconds": "-1"}, 0),
            (["quarantine"], {"bronze__patterns": "["}, 0),
            (["explain", "1"], {"metrics__port": "x"}, 0),
            (["explain", "1"], {"bronze__patterns": '["("]'}, 78),
            (["trace", "quotes", "1", "1"], {"ingest__max_line_bytes": "no"}, 78),
            (["verify"], {"metrics__port": "x"}, 0),
            (["verify"], {"checks__crossed_book": "perhaps"}, 78),
            (["maintain"], {"ingest__workers": "0"}, 0),
            (["maintain"], {"maintenance__target_file_bytes": "none"}, 78),
            (["retry", "1", "--dry-run"], {"metrics__port": "x"}, 1),
            (["retry", "1"], {"ingest__overlap": "perhaps"}, 78),
            (["config", "show"], {"ingest__workers": "0"}, 0),
            (["doctor"], {"ingest__workers": "0"}, 1),
        ],
        ids=str,
    )
    @pytest.mark.share(2)
    def test_a_bad_setting_stops_what_needs_it(self, own_lake, command, bad, code):
        """Guards settings_for: the rest works, and says once what it left out."""
        found = pointline(own_lake, *command, **bad)
        assert found.returncode == code, found.stdout + found.stderr
        for setting in bad:
            assert (found.stdout + found.stderr).count(setting.replace("__", ".") + " = ") == 1

    def test_a_settings_file_that_cannot_be_read(self, own_lake):
        (own_lake / "pointline.toml").write_text("[ingest\n")
        assert pointline(own_lake, "status").returncode == 0
        assert "pointline.toml" in pointline(own_lake, "status").stdout
        assert pointline(own_lake, "explain", "1").returncode == 78

    def test_show_names_the_source(self, tmp_path):
        lines = pointline(tmp_path, "config", "show", POINTLINE_INGEST__WORKERS="3").stdout.splitlines()
        (line,) = (line for line in lines if line.startswith("ingest.workers"))
        assert line.split() == ["ingest.workers", "3", "environment", "POINTLINE_INGEST__WORKERS"]
        shown = json.loads(pointline(tmp_path, "config", "show", "--json").stdout)
        assert shown["ingest.workers"]["source"] == "default"


def test_once_twice_changes_nothing(lake, tmp_path):
    before = json.loads(pointline(lake, "files", "--json", "--last", "0").stdout)
    assert pointline(lake, "run", "--once").returncode == 1  # the quarantined file is still in bronze
    assert json.loads(pointline(lake, "files", "--json", "--last", "0").stdout) == before
    assert pointline(tmp_path, "run", "--once").returncode == 0


class TestNewLake:
    """A wrong LAKE_ROOT looks like an empty lake: it is said, or refused."""

    def test_is_said_once(self, tmp_path):
        first, second = (pointline(tmp_path / "lake", "run", "--once") for _ in range(2))
        assert (first.returncode, second.returncode) == (0, 0)
        said = [line for line in first.stdout.splitlines() if "lake.created" in line]
        assert len(said) == 1
        assert str(tmp_path / "lake") in said[0]
        assert "environment LAKE_ROOT" in said[0]
        assert "lake.created" not in second.stdout

    def test_in_a_folder_of_files_says_that_they_are_not_read(self, tmp_path):
        lake = tmp_path / "ticks"
        (lake / "2023").mkdir(parents=True)
        (lake / "2024.csv.gz").touch()
        assert (
            "the folder has 2023 and 1 other: only what is in bronze is read" in pointline(lake, "run", "--once").stdout
        )

    @pytest.mark.parametrize("made", ["bronze", "vendors", ".hidden"])
    def test_in_a_folder_that_is_prepared_says_nothing_of_it(self, tmp_path, made):
        (tmp_path / "lake" / made).mkdir(parents=True)
        said = pointline(tmp_path / "lake", "run", "--once").stdout
        assert "lake.created" in said
        assert "the folder has" not in said

    @pytest.mark.parametrize("command", [["run", "--once"], ["run"]])
    def test_is_not_made_where_its_disk_is_missing(self, tmp_path, command):
        found = pointline(tmp_path / "disk" / "data" / "lake", *command)
        assert found.returncode == 1
        assert f"the folder {tmp_path}/disk does not exist" in found.stderr
        assert "mounted" in found.stderr
        assert not list(tmp_path.iterdir())


def test_withdrawn_files_are_told_of(tmp_path):
    """Who withdraws the last copy hears of it, and coverage does not send for what lies in bronze."""
    bronze = tmp_path / "bronze"
    for symbol in ("BTCUSDT", "ETHUSDT"):
        write_sample(sample(symbol), bronze / sample(symbol).file_name)
    assert pointline(tmp_path, "run", "--once").returncode == 0
    (bronze / sample("BTCUSDT").file_name).unlink()
    lost = "bronze does not have this version of it"
    both = pointline(tmp_path, "withdraw", "1", "2", "--dry-run").stdout
    assert both.count(lost) == 1
    assert "`pointline retry ID`" in both
    alone = json.loads(pointline(tmp_path, "files", "--json").stdout)
    gone = next(one["file_id"] for one in alone if "BTCUSDT" in one["bronze_file_path"])
    assert "`pointline retry ID`" not in pointline(tmp_path, "withdraw", str(gone), "--dry-run").stdout
    files = json.loads(pointline(tmp_path, "withdraw", str(gone), "--json").stdout)["files"]
    assert [one["in_bronze"] for one in files] == [False]
    assert "1 withdrawn file is not counted" in pointline(tmp_path, "coverage").stdout
    assert json.loads(pointline(tmp_path, "coverage", "--json").stdout)["withdrawn_files"] == 1


@pytest.mark.parametrize("command", [("files",), ("coverage",)])
def test_exchanges_are_compared_without_case(lake, command):
    assert pointline(lake, *command, "--exchange", "BINANCE").returncode == 0
    assert pointline(lake, *command, "--exchange", "BINANC").returncode == 2


def test_an_exchange_that_stands_there_as_it_was_spelled_is_found():
    """A file of symbols, or an older lake, may have one in other letters."""
    files = pl.LazyFrame({"exchange": ["Deribit", "okex"]})
    found = [known_exchange(files, name) for name in ("Deribit", "OKEX", "okex", None)]
    assert found == ["Deribit", "okex", "okex", None]
    with pytest.raises(UnknownValue):
        known_exchange(files, "deribit-")


def test_all_problems_of_settings_are_named_at_once(tmp_path):
    bad = {**BAD, "maintenance__z_order": json.dumps(["prize"])}
    problems = json.loads(pointline(tmp_path, "config", "check", "--json", **bad).stdout)["problems"]
    assert [one.partition(" ")[0] for one in problems] == ["ingest.workers", "log.level", "maintenance.z_order"]
