"""Questions that mean nothing, or everything: each has an answer that is true."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys

import polars as pl
import pytest

import pointline
from pointline.config import LakePaths
from pointline.io.lock import LakeLock
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import pointline as run
from tests.support.waiting import wait_until

NAME = file_name("trades", "A")


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Daemon:
    daemon = Daemon(tmp_path_factory.mktemp("odd") / "lake")
    put_file(daemon.bronze, NAME, file_content(NAME, 9))
    (daemon.bronze / "binance_trades_2024-05-02_B.csv").write_text("no header\n")
    daemon.once()
    return daemon


@pytest.mark.parametrize("end", ["0001-01-01", dt.date(1, 1, 1), dt.datetime.min])  # noqa: DTZ901
def test_nothing_is_before_the_first_day(lake, end):
    assert pointline.scan("trades", end=end, lake_root=lake.root).collect().is_empty()
    assert pointline.files(end=end, lake_root=lake.root).is_empty()
    assert pointline.coverage(end=end, lake_root=lake.root).is_empty()


@pytest.mark.parametrize("names", ["status", "symbol", "exchange"])
def test_of_no_name_there_is_no_file(lake, names):
    assert pointline.files(**{names: []}, lake_root=lake.root).is_empty()


@pytest.mark.parametrize("command", ["explain", "withdraw", "retry", "quarantine"])
@pytest.mark.parametrize("where", [".", "./", "whole"])
def test_bronze_itself_is_no_file(lake, command, where, monkeypatch):
    monkeypatch.chdir(lake.bronze)
    done = run(lake.root, command, os.fspath(lake.bronze) if where == "whole" else where)
    assert done.returncode == 2
    assert "is bronze itself" in done.stderr
    assert "name files or folders in it" in done.stderr


def test_programs_are_told_what_people_are(lake):
    done = run(lake.root, "retry", NAME, "--json")
    (kept,) = json.loads(done.stdout)["kept"]
    assert (done.returncode, kept["status"], kept["bronze_file_path"]) == (1, "success", NAME)
    bad = lake.root / "bronze/binance_trades_2024-05-02_B.csv"
    (number,) = pointline.files(status="quarantined", lake_root=lake.root)["file_id"]
    told = json.loads(run(lake.root, "quarantine", str(bad), "--json").stdout)
    assert (told["rows"], told["refused_whole"]) == (0, [number])
    (answer,) = json.loads(run(lake.root, "explain", NAME, "--json").stdout)
    for chapter in answer["versions"][0]["story"]:
        assert chapter["at"] is None or dt.datetime.strptime(chapter["at"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007


def test_rows_that_are_not_known_are_not_nothing(tmp_path):
    """Of a file of two symbols the ledger has the sum alone."""
    daemon = Daemon(tmp_path / "lake")
    name = "deribit_trades_2024-05-01_FUTURES.csv"
    rows = "".join(f"deribit,{one},1714521600000000,1714521600000001,x,buy,1,1\n" for one in ("A", "B", "B"))
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    (daemon.bronze / name).write_text(header + rows + "deribit,A,x,1714521600000001,x,buy,1,1\n")
    daemon.once()
    found = json.loads(run(daemon.root, "coverage", "--json").stdout)
    assert [one["rows"] for one in found["series"]] == [None, None]
    days = pointline.coverage("trades", lake_root=daemon.root)
    assert days.select(pl.col("rows", "rows_quarantined").null_count()).row(0) == (2, 2)


def test_a_copy_under_the_name_of_another_symbol(tmp_path):
    """It is told wherever files are told, and so is a refused second file beside a day that is in."""
    daemon = Daemon(tmp_path / "lake")
    content = file_content(NAME, 9)
    put_file(daemon.bronze, NAME, content)
    put_file(daemon.bronze, file_name("trades", "B"), content)
    daemon.once()
    ((original,), (copy,)) = (
        pointline.files(status=one, lake_root=daemon.root)["file_id"] for one in ("success", "duplicate")
    )
    done = run(daemon.root, "explain", str(original), str(copy), "nothing.csv")
    assert (done.returncode, "nothing.csv" in done.stderr) == (2, True)
    text = " ".join(done.stdout.split())
    assert f"file {original}, success" in text
    assert "there is no row of trades of binance, B, 2024-05-01 in it" in text
    assert "there is no row of" in run(daemon.root, "files", "--status", "duplicate").stdout
    days = run(daemon.root, "coverage").stdout
    assert "only a copy" in days
    assert "never came" not in days.partition("gap")[2]
    (daemon.bronze / "again").mkdir()
    put_file(daemon.bronze, f"again/{NAME}", file_content(NAME, 8))
    daemon.once()
    assert "100% of 1 day" in run(daemon.root, "coverage", "--symbol", "A").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_that_is_ended_while_it_waits_asks_for_nothing_any_more(lake, number):
    """The lake's holder does not answer: it would do later what nobody waits for any more."""
    paths = LakePaths(lake.root)
    paths.requests.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pointline_daemon", "withdraw", NAME, "--lake-root", str(lake.root)]
    with LakeLock(paths.lock_file, purpose="run"), subprocess.Popen(command, stderr=subprocess.PIPE) as asking:
        assert wait_until(lambda: list(paths.requests.glob("*.json")), 20)
        asking.send_signal(number)
        asking.communicate(timeout=20)
        assert asking.returncode != 0
    assert list(paths.requests.iterdir()) == []


@pytest.mark.parametrize("accept", [True, False])
def test_what_nobody_can_accept_is_said(tmp_path, accept):
    daemon = Daemon(tmp_path / "lake")
    put_file(daemon.bronze, NAME, file_content(NAME, 9))
    put_file(daemon.bronze / "again", NAME, file_content(NAME, 9, issue=2))
    put_file(daemon.bronze, file_name("trades", "B"), file_content(file_name("trades", "B"), 40, bad=range(1, 39)))
    daemon.once()
    refused = pointline.files(status="quarantined", lake_root=daemon.root)
    assert len(refused) == 2
    said = run(daemon.root, "retry", *map(str, refused["file_id"]), "--dry-run", *["--accept"] * accept).stdout
    told = said.split("\nfile ")
    assert ["does not settle this" in one for one in told] == [accept and "overlap" in one for one in told], said


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_list_that_is_cut_says_so_beside_it(lake, how):
    cut, whole = (run(lake.root, "files", *last, *how) for last in (["--last", "1"], []))
    assert "1 of 2 files; --last 0 shows all" in cut.stderr
    assert not whole.stderr
    if how:
        assert [len(json.loads(one.stdout)) for one in (cut, whole)] == [1, 2]


@pytest.mark.parametrize("command", ["run", "retry", "symbols", "service", "maintain"])
def test_a_command_is_no_topic_and_has_help_of_its_own(lake, command):
    done = run(lake.root, "help", command)
    assert done.returncode == 2
    assert f"`pointline {command} --help`" in done.stderr


def test_what_was_taken_out_and_put_back_is_told(tmp_path):
    daemon = Daemon(tmp_path / "lake")
    put_file(daemon.bronze, NAME, file_content(NAME, 9))
    daemon.once()
    for command in (["withdraw", "1"], ["retry", "1"], ["run", "--once"]):
        assert run(daemon.root, *command).returncode == 0
    said = run(daemon.root, "explain", "1").stdout
    assert "file 1, success" in said
    assert said.index("You withdrew it: its rows left the table in version 2; later you put it back") < said.index(
        "9 rows went into trades, with version 3"
    )
