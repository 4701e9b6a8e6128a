"""The metrics port of a real daemon: what it says against what was dropped, and its page in a real browser."""

from __future__ import annotations

import datetime as dt
import gzip
import html
import json
import re
import shutil
import socket
import struct
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from pointline_daemon.page.web import PAGE
from pointline_daemon.samples import Sample, csv_bytes, sample_frame, write_sample
from prometheus_client.parser import text_string_to_metric_families

from tests.support.observed import free_port
from tests.support.process import Lake, pointline
from tests.support.waiting import wait_until

DAY = dt.date(2024, 5, 1)
PHONE = "--window-size=390,1200"
HOSTILE = f"binance_trades_{DAY}_<img src=x onerror=document.title='pwned'>&amp;.csv"


def sample(symbol: str, rows: int = 100, **facts) -> Sample:
    return Sample(
        **{"exchange": "binance", "data_type": "trades", "symbol": symbol, "date": DAY, "rows": rows, **facts}
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A daemon with a port, four files: one of another table, one with a row set aside, one that is refused."""
    lake = Lake(tmp_path_factory.mktemp("metrics") / "lake", metrics__port=free_port(), maintenance__interval_seconds=1)
    lake.start()
    assert wait_until(lambda: lake.events("metrics.started"), 10)
    for one in (sample("A"), sample("B", 50, data_type="quotes")):
        write_sample(one, lake.bronze / one.file_name)
    lines = csv_bytes(sample_frame(sample("C"))).splitlines(keepends=True)
    lines[1] = lines[1].replace(b"binance", b"elsewhere", 1)
    (lake.bronze / sample("C").file_name).write_bytes(gzip.compress(b"".join(lines)))
    (lake.bronze / HOSTILE).write_bytes(b"no,market\ndata,here\n")
    lake.wait_for_settled(4)
    yield lake
    lake.kill()


def ask(lake: Lake, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{lake.settings['metrics__port']}{path}", timeout=10) as answer:
        return answer.read()


def samples(lake: Lake) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(ask(lake, "/metrics").decode())
    return {
        (one.name, *(one.labels[name] for name in sorted(one.labels))): one.value
        for family in families
        for one in family.samples
    }


class TestMetrics:
    """The figures are those of the files."""

    def test_files_rows_and_bytes(self, lake):
        found = samples(lake)
        assert found["pointline_files_total", "success", "trades"] == 2
        assert found["pointline_files_total", "success", "quotes"] == 1
        assert found["pointline_files_total", "quarantined", "trades"] == 1
        assert found["pointline_ledger_files", "success", "trades"] == 2
        assert found["pointline_ledger_files", "quarantined", "trades"] == 1
        assert found["pointline_rows_written_total", "trades"] == 199
        assert found["pointline_rows_written_total", "quotes"] == 50
        assert found["pointline_rows_quarantined_total", "other_exchange", "trades"] == 1
        sizes = {
            table: sum(file.stat().st_size for file in lake.bronze.glob(f"*_{table}_*"))
            for table in ("trades", "quotes")
        }
        assert found["pointline_bytes_total", "trades"] == sizes["trades"]
        assert found["pointline_bytes_total", "quotes"] == sizes["quotes"]

    def test_times(self, lake):
        found = samples(lake)
        assert found["pointline_drop_to_queryable_seconds_count",] == 3
        assert found["pointline_commit_seconds_count",] >= 1
        assert 0 <= found["pointline_last_success_age_seconds",] < 120
        committed = lake.events("file.committed")
        whole = [one["waited_ms"] + one["commit_ms"] for one in committed]
        assert found["pointline_drop_to_queryable_seconds_sum",] * 1000 >= sum(whole) - 10

    def test_machine_and_work(self, lake):
        assert wait_until(lambda: samples(lake).get(("pointline_files_in_flight",)) == 0, 10)
        found = samples(lake)
        assert found["pointline_healthy",] == 1
        assert found["pointline_paused",] == 0
        assert found["pointline_queue_depth",] == 0
        assert found["pointline_resident_memory_bytes",] > 1 << 20
        assert 0 < found["pointline_disk_free_bytes",] < found["pointline_disk_total_bytes",]

    def test_bytes_of_tables(self, lake):
        """As they lie on the disk, whatever maintenance does meanwhile, and `status` says the same."""

        def as_on_disk() -> bool:
            found = samples(lake)
            told = json.loads(pointline(lake.root, "status", "--json").stdout)["tables"]["trades"]
            files = sum(file.stat().st_size for file in (lake.root / "silver/trades").glob("exchange=*/**/*.parquet"))
            known = {name: found.get((f"pointline_{name}", "trades")) for name in ("live_bytes", "dead_bytes")}
            return known == told and sum(told.values()) == files > 0 and found["pointline_live_bytes", "quotes"] > 0

        assert wait_until(as_on_disk, 30)

    def test_health(self, lake):
        assert json.loads(ask(lake, "/healthz")) == {"health": "healthy", "reason": "", "serves": True}

    def test_bronze_that_cannot_be_scanned_is_unhealthy_until_it_can(self, tmp_path):
        lake = Lake(tmp_path / "lake", metrics__port=free_port(), ingest__rescan_seconds=0.2)
        lake.start()
        try:
            assert wait_until(lambda: status_of(lake) == 200, 20)
            away = lake.root / "away"
            (lake.root / "blocker").touch()
            lake.bronze.rename(away)
            (lake.root / "blocker").rename(lake.bronze)  # a folder that is merely gone is made anew
            assert wait_until(lambda: status_of(lake) == 503, 20)
            assert wait_until(lambda: lake.events("watcher.failed"), 20)
            lake.bronze.unlink()
            away.rename(lake.bronze)
            assert wait_until(lambda: status_of(lake) == 200, 20)
            assert [len(lake.events(f"{part}.failed")) for part in ("rescan", "watcher")] == [1, 1], lake.log_text()
            assert lake.stop() == 0
        finally:
            lake.kill()


def status_of(lake: Lake) -> int:
    try:
        ask(lake, "/healthz")
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:
        return 0  # not there yet
    return 200


class TestPage:
    """`/` in Debian's chromium, as on a phone."""

    @pytest.fixture
    def browse(self, lake, tmp_path):
        browser = shutil.which("chromium")
        if browser is None:
            pytest.skip("chromium is not installed")

        def browse(*options: str, anchor: str = "") -> str:
            command = [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={tmp_path / 'profile'}",
                "--virtual-time-budget=5000",
                "--hide-scrollbars",
                PHONE,
                *options,
                f"http://127.0.0.1:{lake.settings['metrics__port']}/{anchor}",
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr[-2000:]
            return done.stdout

        return browse

    def test_health_and_last_files_with_hostile_names_as_text(self, lake, browse):
        page = browse("--dump-dom")
        assert re.search(r'<span id="health" class="word good"[^>]*>✓ healthy</span>', page)
        for name in lake.ledger():
            assert html.escape(name, quote=False) in page
        assert "1 quarantined" in page
        assert "onerror" in page
        assert "<img" not in page
        assert "<title>✓ healthy · Pointline</title>" in page
        coverage = page.partition('<section class="coverage">')[2]
        assert "trades" in coverage
        assert "1 quarantined" not in coverage

    def test_the_story_of_a_file_that_was_refused(self, lake, browse):
        (refused,) = (one["file_id"] for one in lake.events("file.quarantined"))
        story = browse("--dump-dom", anchor=f"#file-{refused}").partition("<dialog")[2].partition("</dialog>")[0]
        assert html.escape(HOSTILE, quote=False) in story
        assert "It was found in bronze" in story
        assert "Next: " in story

    def test_a_picture_of_it_can_be_taken(self, browse, tmp_path):
        picture = tmp_path / "page.png"
        browse(f"--screenshot={picture}")
        assert struct.unpack(">I", picture.read_bytes()[16:20]) == (390,)

    def test_it_comes_with_the_package(self):
        assert PAGE.is_file()


def test_after_a_restart_the_page_shows_the_lake(tmp_path):
    lake = Lake(tmp_path / "lake", metrics__port=free_port())
    try:
        for run in (1, 2):
            lake.start()
            if run == 1:
                write_sample(sample("A"), lake.bronze / sample("A").file_name)
                lake.wait_for_settled(1)
            assert wait_until(lambda: status_of(lake) == 200, 20)
            told = json.loads(ask(lake, "/lake.json"))
            assert [(one["table"], one["files"], one["rows"]) for one in told["tables"]] == [("trades", 1, 100)], run
            assert [one["status"] for one in told["last_files"]] == ["success"]
            assert (sum(told["minutes"]["files"]), sum(told["minutes"]["rows"])) == (1, 100)
            assert "binance trades" in ask(lake, "/coverage").decode()
            assert lake.stop() == 0
    finally:
        lake.kill()


def test_a_port_that_is_taken_stops_nothing(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        lake = Lake(tmp_path / "lake", metrics__port=holder.getsockname()[1])
        lake.start()
        try:
            write_sample(sample("A"), lake.bronze / sample("A").file_name)
            lake.wait_for_settled(1)
            assert len(lake.events("metrics.failed")) == 1
            assert wait_until(lambda: status(lake)["health"] == "troubled", 20)
            assert "port" in status(lake)["reason"]
            assert lake.stop() == 0
        finally:
            lake.kill()


def status(lake: Lake) -> dict:
    command = [sys.executable, "-m", "pointline_daemon", "status", "--json", "--lake-root", str(lake.root)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


def test_without_a_port_there_is_no_server_and_no_client_library():
    modules = "sys, pointline_daemon.process.supervisor, pointline_daemon.commands.run"
    code = f"import {modules}; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
