"""``pointline coverage`` on a real lake: on a pipe, on a terminal, as a page, as a picture, as JSON."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from PIL import Image
from pointline_daemon.commands.coverage.html import render_fragment
from pointline_daemon.commands.coverage.maps import make_maps
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.samples import Sample, write_sample

from pointline.config import load_config
from pointline.io.protocols.file_version import BronzeFileMetadata, Outcome
from pointline.services.coverage.asked import Selection
from pointline.services.coverage.days import survey
from pointline.tables.ingest_manifest import SCHEMA, Status
from tests.support.process import ran

FIRST = dt.date(2024, 4, 20)
NEVER_CAME = (5, 6, 20)
SPARSE, REFUSED = 12, 25
HOSTILE = "<b>\x1b[31mX\u0416"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def environment(lake: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    return {**kept, "LAKE_ROOT": str(lake), "PYTHONIOENCODING": "utf-8", "TERM": "xterm-256color", **settings}


def run(lake: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = environment(lake, **settings)
    if not any(name.startswith("PYTHON") for name in settings):
        return ran(*arguments, env=env)
    return subprocess.run(
        [sys.executable, "-m", "pointline_daemon", *arguments],
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def coverage(lake: Path, *arguments: str, **settings: str) -> str:
    found = run(lake, "coverage", *arguments, **settings)
    assert found.returncode == 0, found.stderr
    return found.stdout


def on_terminal(lake: Path, columns: int, *arguments: str, **settings: str) -> list[str]:
    """Lines as a terminal of that width gets them."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "pointline_daemon", "coverage", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment(lake, **settings)) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                block = os.read(ours, 65_536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not block:
                break
            text += block
    os.close(ours)
    assert process.returncode == 0
    return [line.rstrip("\r") for line in text.decode().split("\n")]


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """Forty days of two symbols with a hole, a sparse day, a refused file, and a file with a hostile name."""
    root = tmp_path_factory.mktemp("lake")
    bronze = root / "bronze"
    for number in range(40):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            if number in NEVER_CAME or (number == REFUSED and symbol == "ETHUSDT"):
                continue
            rows = 10 if number == SPARSE and symbol == "BTCUSDT" else 300
            one = Sample(exchange="binance", data_type="trades", symbol=symbol, date=day(number), rows=rows)
            write_sample(one, bronze / one.file_name)
    for name in (f"binance_trades_{day(REFUSED)}_ETHUSDT.csv", f"binance_quotes_{day(3)}_{HOSTILE}.csv"):
        (bronze / name).write_text("no,market\ndata,here\n")
    assert run(root, "run", "--once").returncode == 1
    return root


class TestPipe:
    """Plain text: no colours, every gap on a line of its own."""

    def test_a_month_per_row_and_a_sign_per_day(self, lake):
        lines = coverage(lake, "--symbol", "BTCUSDT").splitlines()
        may = next(line for line in lines if line.startswith("2024-05"))
        signs = may[8:70:2]
        assert "".join(sign for sign in signs) == "█▄" + "█" * 7 + "x" + "█" * 19 + "  "
        assert any("x never came" in line and "▄ few rows" in line for line in lines)

    def test_gaps(self, lake):
        lines = coverage(lake).splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("gap "))
        rows = [re.split(r"  +", line)[:6] for line in lines[start + 1 : lines.index("", start)]]
        for symbol in ("BTCUSDT", "ETHUSDT"):
            assert ["never came", str(day(5)), str(day(6)), "2", "binance", "trades"] in rows
            assert sum(line.startswith("never came ") and symbol in line for line in lines) == 2
        assert ["few rows", str(day(SPARSE)), str(day(SPARSE)), "1", "binance", "trades"] in rows
        assert any("10 rows, usually 300" in line for line in lines)
        assert any(line.startswith("quarantined") and "does not begin with the header" in line for line in lines)
        assert any(line.startswith("never came:") for line in lines)

    def test_no_colours_and_nothing_that_steers(self, lake):
        assert "\x1b" not in coverage(lake, FORCE_COLOR="1")

    def test_signs_that_any_encoding_holds(self, lake):
        text = coverage(lake, PYTHONIOENCODING="ascii")
        assert text.isascii()
        assert "\n2024-05 # ~ # #" in text
        assert "\\u0416" in text

    def test_narrowed_to_days(self, lake):
        text = coverage(lake, "--from", "2024-05-01", "--to", "2024-05-04", "--table", "trades")
        assert "2024-04" not in text.partition("gap ")[0]
        assert "of 8 days covered" in text

    def test_days_inside_a_hole(self, lake):
        text = coverage(lake, "--from", str(day(5)), "--to", str(day(6)))
        assert text.startswith("no file has rows of these days\n\n2 gaps\n")


class TestTerminal:
    """Eighty columns hold it; wide ones hold two calendars; colour only where it is wanted."""

    @pytest.mark.parametrize("columns", [80, 160])
    def test_no_line_is_wider(self, lake, columns):
        lines = on_terminal(lake, columns)
        assert max(len(COLOUR.sub("", line)) for line in lines) <= columns
        assert any("\x1b[" in line for line in lines)
        assert sum(COLOUR.sub("", line).count("2024-04 ") for line in lines if "█" in line) >= 2

    def test_side_by_side(self, lake):
        lines = [COLOUR.sub("", line) for line in on_terminal(lake, 160)]
        assert any("BTCUSDT, 92% of 40 days" in line and line.count(" of ") == 2 for line in lines)

    def test_no_color(self, lake):
        text = "\n".join(on_terminal(lake, 80, NO_COLOR="1"))
        assert not re.search(r"\x1b\[[0-9;]*[34]8;", text)
        assert "█ ▄ █" in COLOUR.sub("", text)

    def test_names_steer_nothing(self, lake):
        text = "\n".join(on_terminal(lake, 80))
        assert "\\x1b[31mX" in COLOUR.sub("", text)
        assert "\x1b[31m" not in text

    def test_symbols_that_lack_the_same_days_stand_together(self, lake):
        lines = [COLOUR.sub("", line) for line in on_terminal(lake, 80)]
        assert any(line.startswith("never came") and "BTCUSDT, ETHUSDT" in line for line in lines)


class TestUsage:
    """What cannot be is refused with what can."""

    @pytest.mark.parametrize(
        ("arguments", "code", "named"),
        [
            (["--table", "trade"], 2, "trades"),
            (["--from", "May"], 2, "2024-05-01"),
            (["--from", "2024-05-02", "--to", "2024-05-01"], 2, "after"),
            (["--exchange", "binanc"], 2, "binance"),
            (["--html", "/nowhere/at/all.html"], 1, "cannot be written"),
            (["--html", "."], 1, ". cannot be written: Is a directory"),
        ],
    )
    @pytest.mark.share(2)
    def test_refused(self, lake, arguments, code, named):
        found = run(lake, "coverage", *arguments)
        assert found.returncode == code
        assert not found.stdout
        assert found.stderr.startswith("error: ")
        assert named in found.stderr
        assert "Traceback" not in found.stderr
        as_json = run(lake, "coverage", "--json", *arguments)
        assert as_json.returncode == code
        assert json.loads(as_json.stdout)["error"]

    def test_no_lake(self, tmp_path):
        found = run(tmp_path / "none", "coverage")
        assert found.returncode == 1
        assert "there is no lake" in found.stderr


def test_json(lake):
    answer = json.loads(coverage(lake, "--json", "--symbol", "ETHUSDT"))
    assert [one["symbol"] for one in answer["series"]] == ["ETHUSDT"]
    assert {name: answer["series"][0][name] for name in ("first", "last", "present", "missing", "quarantined")} == {
        "first": str(day(0)), "last": str(day(39)), "present": 36, "missing": 3, "quarantined": 1,
    }  # fmt: skip
    assert len(answer["days"]) == 37
    assert [(one["state"], one["days"]) for one in answer["gaps"]] == [
        ("quarantined", 1),
        ("missing", 2),
        ("missing", 1),
    ]
    assert coverage(lake, "--json").isascii()
    assert HOSTILE in {one["symbol"] for one in json.loads(coverage(lake, "--json"))["series"]} | {
        one["symbol"] for one in json.loads(coverage(lake, "--json"))["gaps"]
    }


class Page(HTMLParser):
    """Which elements a page has, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.loads: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.loads += [value for name, value in attrs if name in {"src", "href", "srcset", "action"}]

    def handle_data(self, data):
        self.text += data


class TestHtml:
    """One file that loads nothing and in which names are text."""

    def test_page(self, lake, tmp_path):
        target = tmp_path / "map.html"
        assert str(target) in coverage(lake, "--html", str(target))
        text = target.read_text(encoding="utf-8")
        page = Page()
        page.feed(text)
        assert page.loads == []
        assert "url(" not in text
        assert "@import" not in text
        assert 'name="viewport"' in text
        assert "\x1b" not in text
        assert "<b>\\x1b[31mXЖ" in page.text
        assert f'class="missing" title="{day(5)}: never came' in text
        assert "script" not in page.elements

    def test_fragment(self):
        names = {"exchange": '"><script>', "data_type": "'&amp;", "symbol": "<i onload=x>"}
        row = {**names, "date": FIRST, "status": "failed", "file_id": 1, "error": "<script>alert(1)</script>"}
        found = survey(pl.DataFrame([row], schema=SCHEMA).lazy(), Selection())
        text = render_fragment(make_maps(found, most_symbols=10), found.gaps)
        page = Page()
        page.feed(text)
        assert "script" not in page.elements
        assert "<script>alert(1)</script>" in page.text
        assert "<i onload=x>" in page.text
        assert text.startswith("<section")


def test_png(lake, tmp_path):
    target = tmp_path / "map.png"
    coverage(lake, "--png", str(target))
    with Image.open(target) as picture:
        assert picture.format == "PNG"
        used = {colour for _, colour in picture.convert("RGB").getcolors(picture.width * picture.height)}
    drawn = {tuple(bytes.fromhex(colour)) for colour in ("2ea043", "d1353b", "9b4dca", "f2c62e")}
    assert drawn <= used


def test_png_without_its_library(lake, tmp_path):
    """What it needs is said in a sentence, and nothing is written."""
    (tmp_path / "PIL.py").write_text("raise ImportError\n")
    target = tmp_path / "map.png"
    told = run(lake, "coverage", "--png", str(target), PYTHONPATH=str(tmp_path))
    assert (told.returncode, target.exists()) == (1, False)
    assert "`pip install pillow`" in told.stderr


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("many")
    with_lake = open_lake(load_config(root))
    with_lake.create()
    metas = [
        BronzeFileMetadata(
            exchange=f"exchange-{symbol % 10}", data_type="trades", symbol=f"S{symbol}", date=day(number),
            bronze_file_path=f"{number}/{symbol}", file_size_bytes=1, last_modified_ts=1,
        )
        for number in range(60) for symbol in range(300) if (number, symbol) != (7, 7)
    ]  # fmt: skip
    ids = with_lake.manifest.resolve_file_ids(metas)
    with_lake.manifest.update_statuses(
        Outcome(file_id=file_id, status=Status.SUCCESS, rows_read=500, rows_written=500) for file_id in ids
    )
    return root


class TestMany:
    """Three hundred symbols: one calendar per exchange and table; ten tables and exchanges: a line each."""

    def test_a_line_per_exchange(self, many):
        lines = [COLOUR.sub("", line) for line in on_terminal(many, 80)]
        assert "exchange-0 trades       30     100%  ███" in lines
        assert "exchange-7 trades       30      99%  ▓██" in lines
        assert any(line.startswith("to see days: --exchange") for line in lines)
        assert any(line.startswith("never came") and "S7" in line for line in lines)

    def test_a_calendar_of_all_symbols(self, many):
        lines = coverage(many, "--exchange", "exchange-7").splitlines()
        assert lines[0] == "exchange-7 trades, 30 symbols, 99% of 1,800 days"
        assert lines[2].split()[-5:] == ["▓", "█", "█", "█", "99%"]
