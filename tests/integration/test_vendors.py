"""The commands about vendors, and what a lake's own descriptions do to all others."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest
import typer
from pointline_daemon import completion

import pointline as reader
from pointline.errors import UnknownValue
from pointline.tables.registry import event_tables
from tests.support import warm
from tests.support.process import Lake, pointline
from tests.support.waiting import wait_until

NAME = "BTCUSDT-trades-2024-01-01.csv"
PATH = f"data/spot/daily/trades/BTCUSDT/{NAME}"
ROWS = [f"{one},100.{one},2,201,{1704067200000 + one},{one % 2 == 0},True" for one in range(1, 31)]
MINE = """\
vendor = "mydesk"
title = "Our own recorder"

[[feed]]
name = "fills"
path = "fills/{symbol}/{date:%Y-%m-%d}.csv"
table = "trades"
exchange = "binance"
columns = ["trade_id", "px", "qty", "taker", "at"]
note = "one file a day"

[feed.map]
id = "trade_id"
price = "px"
amount = "qty"
side = { from = "taker", words = { B = "buy", S = "sell" } }
timestamp = { from = "at", time = "epoch" }

[[feed.example]]
path = "fills/BTCUSDT/2024-05-01.csv"
lines = ["trade_id,px,qty,taker,at", "7,60000.5,0.25,B,1714521600123", "8,60000.5,0.25,?,1714521600124"]
rows = [{ id = "7", symbol = "BTCUSDT", price = 60000.5, side = "buy", timestamp = "2024-05-01T00:00:00.123Z" }]
"""
TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
FILLS = "fills/BTCUSDT/2024-05-01.csv"
FILLS_TEXT = "trade_id,px,qty,taker,at\n7,60000.5,0.25,B,1714521600123\n"
TABLE = """
[[table]]
name = "moods"
columns = [{ name = "mood", kind = "text" }]
"""


@pytest.fixture
def lake(tmp_path) -> Path:
    root = tmp_path / "lake"
    (root / "bronze").mkdir(parents=True)
    return root


def without_lake() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "LAKE_ROOT"}


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def describe(lake: Path, text: str, name: str = "mydesk.toml") -> Path:
    return write(lake / "vendors" / name, text)


def answer(lake: Path, *arguments: str):
    found = pointline(lake, *arguments, "--json")
    return found.returncode, json.loads(found.stdout)


def tried(lake: Path, *arguments: str) -> dict:
    return answer(lake, "vendors", "try", *arguments)[1][0]


def everything(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*")}


class TestList:
    """What is described, and by whom."""

    def test_what_ships_and_what_is_the_lakes_own(self, lake):
        describe(lake, MINE)
        code, vendors = answer(lake, "vendors", "list")
        assert code == 0
        by_name = {one["vendor"]: one for one in vendors}
        assert by_name["mydesk"] == {
            "vendor": "mydesk",
            "title": "Our own recorder",
            "feeds": 1,
            "tables": ["trades"],
            "unverified": [],
            "from": "vendors/mydesk.toml",
        }
        assert by_name["binance"]["from"] == "shipped"
        assert "Our own recorder" in pointline(lake, "vendors", "list").stdout

    def test_no_lake_is_needed(self, lake):
        found = warm.run("pointline_daemon", "vendors", "list", env=without_lake())
        assert found.returncode == 0
        assert "Binance public data" in found.stdout
        assert not found.stderr
        found = pointline(lake, "vendors", "show", "nobody")
        assert found.returncode == 2
        assert "binance" in found.stderr

    def test_a_feed_is_shown_with_what_its_columns_become(self, lake):
        describe(lake, MINE.replace('note = "one', 'verified = false\nnote = "one'))
        _, shown = answer(lake, "vendors", "show", "mydesk")
        (feed,) = shown["feeds"]
        assert feed["paths"] == ["fills/{symbol}/{date:%Y-%m-%d}.csv"]
        assert feed["becomes"]["px"] == "price"
        assert feed["becomes"]["at"] == "timestamp (epoch)"
        assert feed["becomes"]["taker"] == "side (B = buy, S = sell)"
        (feed,) = [one for one in answer(lake, "vendors", "show", "bitmex")[1]["feeds"] if one["table"] == "trades"]
        assert feed["becomes"]["side"] == "side (Buy = buy, Sell = sell; empty = unknown)"
        bars = [one for one in answer(lake, "vendors", "show", "okx")[1]["feeds"] if one["table"] == "bars"]
        assert bars[0]["becomes"]["(always 'trade')"] == "price_type"
        assert bars[0]["becomes"]["(from the path: '{interval}')"] == "interval"
        text = pointline(lake, "vendors", "show", "mydesk").stdout
        for said in ("one file a day", "unverified", "fills/{symbol}", "timestamp (epoch)", "UTC"):
            assert said in text

    def test_a_description_is_printed_as_it_is_written_and_is_right_when_copied(self, lake, tmp_path):
        describe(lake, MINE)
        assert pointline(lake, "vendors", "show", "mydesk", "--toml").stdout.strip() == MINE.strip()
        copy = tmp_path / "copy.toml"
        copy.write_text(pointline(lake, "vendors", "show", "binance", "--toml").stdout)
        assert pointline(lake, "vendors", "check", str(copy)).returncode == 0
        describe(lake, copy.read_text(), "binance.toml")  # it takes the place of the one that ships
        assert tried(lake, str(write(lake / "bronze" / PATH, *ROWS)))["claimed_by"] == ["binance/spot-trades"]

    def test_help_has_the_reference_and_every_table(self, lake):
        text = pointline(lake, "vendors", "help").stdout
        assert "# How to describe a vendor's files" in text
        for table in event_tables().values():
            (line,) = [one for one in text.splitlines() if one.startswith(f"- `{table.name}`: ")]
            assert "symbol* (text), timestamp* (time)" in line
        assert "side (buy|sell|unknown)" in text or "side* (buy|sell|unknown)" in text
        assert "asks.price" in text

    def test_names_are_completed(self):
        asked = {"_POINTLINE_COMPLETE": "complete_bash", "COMP_WORDS": "pointline vendors show bin", "COMP_CWORD": "3"}
        command = [str(Path(sys.executable).with_name("pointline"))]
        found = subprocess.run(command, env={**without_lake(), **asked}, capture_output=True, text=True, check=False)
        assert found.stdout.split() == ["binance"]


class TestTry:
    """A file is read as the ingest would read it, and nothing is changed."""

    def test_a_file_in_bronze_or_elsewhere_or_under_another_path(self, lake, tmp_path):
        inside = write(lake / "bronze" / PATH, *ROWS)
        outside = write(tmp_path / "down" / PATH, *ROWS)
        bare = write(tmp_path / NAME, *ROWS)
        before = everything(tmp_path)
        for arguments in ([str(inside)], [str(outside)], [str(bare), "--as", PATH]):
            code, (found,) = answer(lake, "vendors", "try", *arguments)
            assert code == 0
            assert found["claimed_by"] == ["binance/spot-trades"]
            assert found["rows_read"] == found["rows_fit"] == 30
            assert (found["first"], found["last"]) == ("2024-01-01T00:00:00.001000Z", "2024-01-01T00:00:00.030000Z")
            assert found["lines"] == ROWS[:3]
            assert [row["price"] for row in found["rows"]] == [100.1, 100.2, 100.3]
            assert found["days"] == {"2024-01-01": 30}
        assert everything(tmp_path) == before
        assert found["path"] == PATH

    def test_what_would_be_quarantined_and_what_would_be_refused(self, lake, tmp_path):
        bad = "31,x,2,201,1704067200099,True,True"
        late = "32,1,2,201,1704153600000,True,True"
        some = write(tmp_path / "a" / PATH, *ROWS, bad, late)
        code, (found,) = answer(lake, "vendors", "try", str(some))
        assert code == 0
        assert {(one["rule"], one["column"], one["rows"]) for one in found["quarantined"]} == {
            ("unparseable", "price", 1),
            ("outside_day", "local_timestamp", 1),
        }
        text = pointline(lake, "vendors", "try", str(some)).stdout
        assert "32 read, 30 fit, 2 do not" in text
        assert "1 x unparseable (price)" in text
        many = write(tmp_path / "b" / PATH, *ROWS, *[bad] * 20)
        code, (found,) = answer(lake, "vendors", "try", str(many))
        assert code == 1
        assert "20 of 50 rows cannot be kept" in found["refused"]
        other = write(tmp_path / "c" / PATH, "price,size", "1,2")
        code, (found,) = answer(lake, "vendors", "try", str(other))
        assert code == 1
        assert found["refused"].startswith(f"{other}: the header lacks"), "a path has its first slash"
        assert (found["first_line"], found["header"]) == ("price,size", [])
        text = pointline(lake, "vendors", "try", str(other)).stdout
        assert "line 1    price,size" in text
        assert "the file is empty" not in text

    @pytest.mark.parametrize(
        ("path", "feed", "why"),
        [
            (NAME, "binance/um-trades", "there is no futures/um/"),
            (f"data/spot/daily/trades/BTCUSDT/x{NAME}.bak", "binance/spot-trades", "its name does not match"),
            (f"data/spot/daily/trades/ETHUSDT/{NAME}", "", "two symbols"),
        ],
    )
    def test_why_no_feed_takes_it(self, lake, tmp_path, path, feed, why):
        code, (found,) = answer(lake, "vendors", "try", str(write(tmp_path / path, *ROWS)), "--as", path)
        assert code == 1
        assert found["refused"]
        if feed:
            assert why in {one["feed"]: one["why"] for one in found["not_by"]}[feed]
        else:
            assert why in found["refused"]

    def test_a_file_beside_those_of_an_own_feed(self, lake):
        describe(lake, MINE.replace("/{date:", "/day_{date:"))
        write(lake / "bronze/fills/BTCUSDT/notes.txt", "a,b")
        assert pointline(lake, "run", "--once").returncode == 0
        (found,) = answer(lake, "files", "--unrecognised")[1]
        assert "describe it by a further [[feed]] of mydesk" in found["try"]

    def test_the_lakes_settings_hold(self, lake):
        file = write(lake / "bronze" / PATH, *reversed(ROWS))
        assert "time_backwards" not in str(tried(lake, str(file))["quarantined"])
        found = pointline(lake, "vendors", "try", str(file), "--json", checks__time_backwards="quarantine")
        assert "time_backwards" in found.stdout

    def test_it_says_what_the_ingest_does(self, lake):
        bad = "31,x,2,201,1704067200099,True,True"
        twice = [f"binance,Y,{1714521600000000 + one},{1714521600000000 + one},{one},buy,1,2" for one in range(1, 31)]
        next_day = [line.replace("17145216", "17146080") for line in twice]
        contents = {
            PATH: [*ROWS, bad],
            PATH.replace("BTC", "ETH"): [*ROWS, *[bad] * 30],
            PATH.replace("BTC", "SOL"): [],
            PATH.replace("BTC", "XRP"): ["id,price,qty,quote_qty,time,is_buyer_maker,is_best_match", *ROWS],
            PATH.replace("BTC", "ADA"): ["a,b", *ROWS],
            "binance_trades_2024-05-01_X.csv": ["exchange,symbol", "x,y"],
            "binance_trades_2024-05-01_Y.csv": [TARDIS, *twice, *twice],
            "binance_trades_2024-05-02_Y.csv": [TARDIS, *next_day, *next_day[:3]],
        }
        files = [str(write(lake / "bronze" / path, *lines)) for path, lines in contents.items()]
        _, found = answer(lake, "vendors", "try", *files)
        pointline(lake, "run", "--once")
        ledger = {one["bronze_file_path"]: one for one in answer(lake, "files")[1]}
        assert len(ledger) == len(found) == len(files)
        for one in found:
            known = ledger[one["path"]]
            assert (one["refused"] is None) == (known["status"] == "success"), one["path"]
            if known["status"] == "success":
                assert (one["rows_read"], one["rows_fit"]) == (known["rows_read"], known["rows_written"])
                assert sum(each["rows"] for each in one["quarantined"]) == known["rows_quarantined"]
            else:
                assert one["refused"].partition(";")[0] in known["error"]

    def test_files_of_tardis_too(self, lake, tmp_path):
        row = "binance,BTCUSDT,1714521600000000,1714521600000001,1,buy,1,2"
        file = write(tmp_path / "binance_trades_2024-05-01_BTCUSDT.csv", TARDIS, row)
        found = tried(lake, str(file))
        assert found["rows_fit"] == 1
        assert found["refused"] is None

    def test_a_description_that_is_not_in_the_lake(self, lake, tmp_path):
        file, mine = write(tmp_path / FILLS, *FILLS_TEXT.splitlines()), write(tmp_path / "new.toml", MINE)
        assert answer(lake, "vendors", "try", str(file))[0] == 1
        found = tried(lake, str(file), "--vendor-file", str(mine))
        assert found["claimed_by"] == ["mydesk/fills"]
        assert found["rows"][0]["price"] == 60000.5
        mine.write_text(MINE.replace('table = "trades"', 'table = "trade"'))
        wrong = pointline(lake, "vendors", "try", str(file), "--vendor-file", str(mine))
        assert wrong.returncode == 1
        assert "there is no table 'trade'" in wrong.stderr

    @pytest.mark.parametrize("command", [["try", "nothing.csv"], ["try", "--new", "nothing.csv"], ["check", "no.toml"]])
    def test_a_file_that_is_not_there(self, lake, command):
        found = pointline(lake, "vendors", *command)
        assert found.returncode == 2
        assert "there is no file" in found.stdout + found.stderr


TITLED = (
    MINE.replace('table = "trades"', 'table = "trades"\nskip = 1\ndecimal = ","\nseparator = ";"')
    .replace("trade_id,px,qty,taker,at", '# our ticks;made at night",\n    "trade_id;px;qty;taker;at')
    .replace("7,60000.5,0.25,B,", "7;60000,5;0,25;B;")
    .replace("8,60000.5,0.25,?,", "8;60000,5;0,25;?;")
)
TITLED_ROWS = ["# our ticks;made at night", "trade_id;px;qty;taker;at", "7;60000,5;0,25;B;1714521600123"]


class TestTitle:
    """A file with a title above its header, and with decimal commas."""

    def test_it_comes_in_and_every_line_is_found_again(self, lake, tmp_path):
        mine = describe(lake, TITLED)
        assert pointline(lake, "vendors", "check", str(mine)).returncode == 0
        file = write(lake / "bronze" / FILLS, *TITLED_ROWS)
        found = tried(lake, str(file))
        assert (found["header"], found["rows"][0]["price"]) == (["trade_id", "px", "qty", "taker", "at"], 60000.5)
        assert "header    trade_id;px;qty;taker;at" in pointline(lake, "vendors", "try", str(file)).stdout
        assert pointline(lake, "run", "--once").returncode == 0
        traced = pointline(lake, "trace", "trades", "1", "1").stdout
        assert "line    3 of the file, where the header is line 2" in traced
        assert "trade_id;px;qty;taker;at\n7;60000,5;0,25;B;1714521600123" in traced
        assert answer(lake, "verify", "--deep")[1]["findings"] == []


class TestNew:
    """A skeleton proposes and decides nothing; what is decided step by step becomes a description that is right."""

    def test_every_column_is_to_be_decided(self, lake, tmp_path):
        file = write(tmp_path / "BTCUSDT-2024-05-01.csv", *FILLS_TEXT.splitlines())
        begun = pointline(lake, "vendors", "try", "--new", str(file)).stdout
        (feed,) = tomllib.loads(begun)["feed"]
        assert list(feed["decide"]) == feed["columns"] == ["trade_id", "px", "qty", "taker", "at"]
        assert (feed["map"], feed["drop"]) == ({}, [])
        mine = write(tmp_path / "mine.toml", begun)
        code, found = answer(lake, "vendors", "check", str(mine))
        assert code == 1
        for open_still in (
            "vendor",
            "name",
            "table",
            "exchange",
            "path",
            "header",
            *(f"column {one}" for one in feed["columns"]),
        ):
            assert any(f"{open_still} is still to be decided" in problem for problem in found["problems"])
        assert '# path = "BTCUSDT-{date:%Y-%m-%d}.csv"' in begun  # proposed, in a comment
        assert "Which part of it is the symbol" in begun
        decided = begun.partition("# Each column")[0]
        for key, value in (("vendor", "mydesk"), ("name", "fills"), ("table", "trades"), ("exchange", "binance")):
            decided = decided.replace(f'{key} = "?"', f'{key} = "{value}"')
        decided = decided.replace('path = "?"', 'path = "{symbol}-{date:%Y-%m-%d}.csv"')
        decided = decided.replace('header = "?"', 'header = "required"')
        mine.write_text(decided)
        (problem,) = [
            one for one in answer(lake, "vendors", "check", str(mine))[1]["problems"] if "nothing is said" in one
        ]
        assert "trade_id, px, qty, taker, at" in problem
        mine.write_text(decided + MINE[MINE.index("[feed.map]") :].partition("[feed.map]")[2].partition("[[feed")[0])
        assert answer(lake, "vendors", "check", str(mine))[0] == 0
        assert answer(lake, "vendors", "try", str(file), "--vendor-file", str(mine))[0] == 0

    @pytest.mark.parametrize(
        "lines",
        [
            ["1;2.5;x", "2;3.5;y"],
            ['a "quoted" name|b', "1|2"],
            ["a\tb", "\x01\t'\"\\"],
            ["2024-05-01 00:00:00,5", "2024-05-01 00:00:01,6"],
            ["one"],
            ["ä,é\u2028", "1,2"],
        ],
    )
    def test_whatever_is_in_a_file_the_skeleton_is_toml(self, lake, tmp_path, lines):
        file = write(tmp_path / "some data" / 'odd "name" 20240501.csv', *lines)
        begun = pointline(lake, "vendors", "try", "--new", str(file)).stdout
        (feed,) = tomllib.loads(begun)["feed"]
        assert len(feed["columns"]) == len(feed["decide"])
        assert pointline(lake, "vendors", "check", str(write(tmp_path / "m.toml", begun))).returncode == 1

    def test_lines_of_json_name_their_columns(self, lake, tmp_path):
        line = '{{"kind":"{}","data":{{"market":"XBTUSD","at":{},"bids":[["99.5","{}"]],"asks":[],"note":null}}}}'
        file = tmp_path / "changes" / "XBTUSD" / "2024-05-01.jsonl.gz"
        file.parent.mkdir(parents=True)
        lines = line.format("full", 1714521600123, 1), line.format("change", 1714521600124, 2)
        file.write_bytes(gzip.compress("".join(f"{one}\n" for one in lines).encode()))
        begun = pointline(
            lake, "vendors", "try", "--new", str(file), "--as", "changes/XBTUSD/2024-05-01.jsonl.gz"
        ).stdout
        (feed,) = tomllib.loads(begun)["feed"]
        assert (feed["decoder"], feed["example"][0]["lines"]) == ("json", [lines[0]])
        assert list(feed["decide"]) == feed["columns"] == ["kind", "data.market", "data.at", "data.note"]
        proposed = [
            one.removeprefix("# ")
            for one in begun.splitlines()
            if one.startswith(("# lists =", "# entry =", "# path ="))
        ]
        given = {"vendor": "mydesk", "name": "changes", "table": "incremental_book_L2", "exchange": "kraken"}
        decided = begun.partition("# Each column")[0].replace('path = "?"\n', "")
        for key, value in given.items():
            decided = decided.replace(f'\n{key} = "?"', f'\n{key} = "{value}"')
        path, lists, entry = proposed
        lists = lists.replace('bids" = "?"', 'bids" = "bid"').replace('asks" = "?"', 'asks" = "ask"')
        decided = decided.replace("\ncolumns = [", f"\n{path}\n{lists}\n{entry}\ncolumns = [")
        decided = decided.replace("drop = []", 'drop = ["data.note"]')
        maps = """
            symbol = "data.market"
            timestamp = { from = "data.at", time = "epoch" }
            is_snapshot = { from = "kind", words = { full = true, change = false } }
            side = "list"
            amount = "size"
        """
        mine = write(tmp_path / "mine.toml", decided, *(one.strip() for one in maps.splitlines()))
        assert answer(lake, "vendors", "check", str(mine))[:1] == (0,)
        code, (found,) = answer(lake, "vendors", "try", str(file), "--vendor-file", str(mine))
        assert (code, found["rows_fit"]) == (0, 2)

    @pytest.mark.parametrize(
        ("content", "what", "step"),
        [
            (b"at,px\r1714521600123,1\r", "its lines end with CR alone, as on old Macs", r"tr '\r' '\n'"),
            (bytes(range(256)) * 10, r"is no text: it begins with '\x00\x01", "look at the file"),
            ("at,px\n1,2\n".encode("utf-16-le"), "is UTF-16 text", "save it as UTF-8"),
            (b"at,px\n1,2\r3,4\n", "cannot be cut into cells (new-line character", "look at the file"),
            (b"at," + b"x" * 140_000 + b"\n1,2\n", "cannot be cut into cells (field larger", "look at the file"),
        ],
        ids=["CR", "bytes", "UTF-16", "a CR within", "a long cell"],
    )
    def test_what_is_no_lines_of_cells(self, lake, tmp_path, content, what, step):
        file = tmp_path / "some.csv"
        file.write_bytes(content)
        found = pointline(lake, "vendors", "try", "--new", str(file))
        assert (found.returncode, found.stdout) == (1, "")
        assert what in found.stderr
        assert step in found.stderr
        assert "--debug" not in found.stderr

    @pytest.mark.parametrize("header", ["required", "absent", "auto"])
    def test_lines_of_a_known_feed_that_end_with_cr_alone(self, lake, tmp_path, header):
        mine = MINE.replace("[feed.map]", f'header = "{header}"\n[feed.map]').partition("[[feed.example]]")[0]
        file = tmp_path / FILLS
        file.parent.mkdir(parents=True)
        file.write_bytes(FILLS_TEXT.replace("\n", "\r").encode())
        found = tried(lake, str(file), "--vendor-file", str(write(tmp_path / "mine.toml", mine)))
        assert "its lines end with CR alone, as on old Macs" in found["refused"]
        assert r"tr '\r' '\n'" in found["try"]

    def test_a_title_and_a_decimal_comma_are_seen(self, lake, tmp_path):
        file = write(tmp_path / FILLS, *TITLED_ROWS, "8;60000;0,5;S;1714521600124")
        begun = pointline(lake, "vendors", "try", "--new", str(file)).stdout
        for said in ("# skip = 1", 'skip = "?"', '# decimal = ","', 'decimal = "?"', 'separator = ";"'):
            assert f"\n{said}\n" in begun
        (feed,) = tomllib.loads(begun)["feed"]
        assert feed["columns"] == ["trade_id", "px", "qty", "taker", "at"]
        assert feed["example"][0]["lines"] == TITLED_ROWS
        problems = answer(lake, "vendors", "check", str(write(tmp_path / "m.toml", begun)))[1]["problems"]
        assert [one for one in problems if "skip is still to be decided: how many lines" in one]
        mine = write(tmp_path / "mine.toml", TITLED.replace("skip = 1", "skip = 0").partition("[[feed.example]]")[0])
        found = pointline(lake, "vendors", "try", str(file), "--vendor-file", str(mine)).stdout
        assert (
            "is its first line a title above the header? Remove that line; in a description of your own, `skip = 1`"
            in " ".join(found.split())
        )


class TestCheck:
    """All problems at once, examples too."""

    def test_a_good_one(self, lake, tmp_path):
        code, found = answer(lake, "vendors", "check", str(write(tmp_path / "mine.toml", MINE)))
        assert (code, found["problems"], found["examples"]) == (0, [], 1)
        without = MINE[: MINE.index("[[feed.example]]")]
        assert (
            "no [[feed.example]]"
            in pointline(lake, "vendors", "check", str(write(tmp_path / "b.toml", without))).stdout
        )

    def test_all_that_is_wrong_is_named_together(self, lake, tmp_path):
        wrong = MINE.replace('id = "trade_id"', "").replace('amount = "qty"', 'amount = "qtty"')
        wrong = wrong.replace("{symbol}", "{symbol", 1)
        code, found = answer(lake, "vendors", "check", str(write(tmp_path / "mine.toml", wrong)))
        assert code == 1
        assert len(found["problems"]) >= 4
        for said in ("trade_id", "qtty", "brace"):
            assert any(said in problem for problem in found["problems"])

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("price = 60000.5,", "price = 60000.6,", "price is 60000.5, it says 60000.6"),
            ("00.123Z", "00.124Z", "timestamp is 2024-05-01T00:00:00.123000+00:00"),
            ('id = "7", symbol', 'ident = "7", symbol', "there is no column 'ident'"),
            ('side = "buy", t', 'side = "", t', "side is 'buy', it says nothing"),
            ("0.25,?,", "0.25,S,", "its lines give 2 rows, it says 1 row"),
            ("0.25,B,", "0.25,?,", "its lines give 0 rows, it says 1 row: "),
            (
                'path = "fills/BTCUSDT/2024',
                'path = "fill/BTCUSDT/2024',
                "is none of this feed: it is not in folders fills/",
            ),
            ("2024-05-01.csv", "2024-05-01.csv.gz", ".csv is csv.gz and csv.zst too if it is written .{csv}"),
            ('"trade_id,px,', '"trade_id,pix,', "the header lacks px"),
            ('path = "fills/BTCUSDT/2024-05-01', 'path = "fills/BTCUSDT/2024-02-30', "does not exist"),
        ],
    )
    def test_an_example_that_does_not_come_out(self, lake, tmp_path, old, new, said):
        head, mark, example = MINE.partition("[[feed.example]]")
        assert old in example
        code, found = answer(
            lake, "vendors", "check", str(write(tmp_path / "mine.toml", head + mark + example.replace(old, new)))
        )
        assert code == 1
        assert any(said in problem for problem in found["problems"])

    def test_a_flag_is_no_number(self, lake, tmp_path):
        text = MINE.replace("60000.5,0.25,B", "1,0.25,B").replace("price = 60000.5,", "price = true,")
        code, found = answer(lake, "vendors", "check", str(write(tmp_path / "mine.toml", text)))
        assert code == 1
        assert "price is 1.0, it says True" in found["problems"][0]

    def test_a_path_that_another_vendor_has(self, lake, tmp_path):
        theirs = answer(lake, "vendors", "show", "binance")[1]["feeds"][0]["paths"][0]
        text = MINE[: MINE.index("[[feed.example]]")].replace("fills/{symbol}/{date:%Y-%m-%d}.csv", theirs)
        code, found = answer(lake, "vendors", "check", str(write(tmp_path / "mine.toml", text)))
        assert code == 1
        assert "binance/spot-trades claims" in found["problems"][0]

    def test_the_one_in_the_lake_is_no_second_one_under_another_file_name_either(self, lake, tmp_path):
        describe(lake, MINE + TABLE)
        newer = write(tmp_path / "newer.toml", MINE + TABLE)
        assert pointline(lake, "vendors", "check", str(newer)).returncode == 0

    def test_what_somebody_wrote_from_the_documentation_alone(self, lake):
        """Two feeds and a table of a made-up exchange, right at the first try."""
        written = Path(__file__).parents[1] / "fixtures/descriptions/kampala.toml"
        code, found = answer(lake, "vendors", "check", str(written))
        assert (code, found["problems"], found["examples"]) == (0, [], 2)

    def test_what_it_says_is_shown(self, lake):
        """Each key that changes how a file is read, and the table that comes with it."""
        written = Path(__file__).parents[1] / "fixtures/descriptions/kampala.toml"
        describe(lake, written.read_text())
        shown = pointline(lake, "vendors", "show", "kampala").stdout
        for said in (
            "the first line is left out",
            "separated by ';'",
            "written 1234,5",
            "days are cut in Africa/Kampala",
        ):
            assert said in shown
        assert "table warehouse_stocks: " in shown
        found = answer(lake, "vendors", "show", "kampala")[1]
        assert {len(feed["lines"]) for feed in found["feeds"]} == {3}
        assert "warehouse* (text)" in found["own_tables"]["warehouse_stocks"]

    def test_the_one_in_the_lake_is_no_second_one(self, lake):
        assert pointline(lake, "vendors", "check", str(describe(lake, MINE + TABLE))).returncode == 0


MOODS = """
vendor = "desk"

[[table]]
name = "moods"
columns = [{ name = "mood", kind = "text", required = true }, { name = "score", kind = "number" }]

[[feed]]
name = "diary"
path = "moods/{date:%Y-%m}.csv"
table = "moods"
exchange = "binance"
columns = ["who", "at", "mood", "score"]

[feed.map]
symbol = "who"
timestamp = { from = "at", time = "epoch" }
mood = "mood"
score = "score"
"""
MOOD_ROWS = ["who,at,mood,score", "ann,1714521600,calm,1.5", "bob,1714953600,,2", "bob,1714953601,gay,2"]

ALMOST_EQUAL = [
    ("ann", "calm", 1),
    ("ann", "calm", 2),
    ("ann", "gay", 2),
    ("bob", "gay", 2),
    ("bob", "gay", 2),
    ("bob", "gay", 1),
]
"""One row is the one before it."""


class TestOwnTable:
    """A table of a lake's own answers at every door at which the built-in ones do."""

    @pytest.fixture
    def moods(self, lake) -> Path:
        describe(lake, MOODS, "desk.toml")
        write(lake / "bronze" / "moods/2024-05.csv", *MOOD_ROWS)
        assert pointline(lake, "run", "--once").returncode == 0
        return lake

    def test_from_python(self, moods):
        rows = reader.scan("moods", lake_root=moods, in_order=True).collect()
        assert rows.select("symbol", "mood", "score").rows() == [("ann", "calm", 1.5), ("bob", "gay", 2.0)]
        bob = reader.scan("moods", symbol="bob", start="2024-05-02", columns="score", lake_root=moods)
        assert bob.collect().rows() == [(2.0,)]
        (listed,) = reader.tables(lake_root=moods).filter(table="moods").to_dicts()
        assert (listed["rows"], listed["files"], listed["rows_quarantined"]) == (2, 1, 1)
        assert reader.symbols("moods", lake_root=moods)["symbol"].to_list() == ["ann", "bob"]
        assert reader.files("moods", lake_root=moods)["rows_written"].to_list() == [2]
        assert not reader.coverage("moods", lake_root=moods).is_empty()
        with pytest.raises(UnknownValue, match="no rows of the symbol 'bib'"):
            reader.scan("moods", symbol="bib", lake_root=moods)
        with pytest.raises(UnknownValue) as error:
            reader.scan("mood", lake_root=moods)
        assert "did you mean moods?" in error.value.hint

    @pytest.mark.parametrize(
        "command",
        [
            "files --table moods",
            "coverage --table moods",
            "trace moods 1 1",
            "trace moods 1 3",
            "quarantine 1",
            "maintain --table moods",
            "repair --dry-run --table moods",
            "verify --deep",
        ],
    )
    @pytest.mark.share(2)
    def test_from_the_command_line(self, moods, command):
        found = pointline(moods, *command.split())
        assert found.returncode == 0, found.stdout + found.stderr

    def test_rows_are_equal_where_their_own_columns_are(self, lake):
        describe(lake, MOODS.replace('kind = "number" }]', 'kind = "number" }]\nchecks = ["equal_rows"]'), "desk.toml")
        same_time = [f"{who},1714521600,{mood},{score}" for who, mood, score in ALMOST_EQUAL]
        write(lake / "bronze" / "moods/2024-05.csv", MOOD_ROWS[0], *same_time)
        assert pointline(lake, "run", "--once").returncode == 0
        (file,) = reader.files("moods", lake_root=lake).to_dicts()
        assert (file["rows_written"], json.loads(file["warnings"])) == (6, {"equal_rows": 1})

    def test_another_exchange_in_the_description_is_found_and_the_file_is_read_again_as_of_that(self, moods):
        says = MOODS.replace('exchange = "binance"', 'exchange = "bybit"')
        describe(moods, says, "desk.toml")
        code, found = answer(moods, "verify", "--deep")
        assert (code, [one["kind"] for one in found["findings"]]) == (1, ["claim_differs"])
        assert "bybit moods" in found["findings"][0]["what"]
        assert pointline(moods, "repair").returncode == 1
        assert reader.symbols("moods", lake_root=moods)["exchange"].unique().to_list() == ["binance"]
        for way in ("withdraw", "retry"):
            assert f"`pointline {way} ID`" in found["findings"][0]["try"]
            assert pointline(moods, way, "1").returncode == 0
        assert pointline(moods, "run", "--once").returncode == 0
        assert pointline(moods, "verify", "--deep").returncode == 0
        assert reader.symbols("moods", lake_root=moods)["exchange"].unique().to_list() == ["bybit"]

    def test_without_a_lake_the_names_of_the_program_are_completed(self, monkeypatch):
        monkeypatch.delenv("LAKE_ROOT", raising=False)
        context = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
        for offered in (completion.file_tables, completion.event_tables, completion.all_tables):
            assert offered(context, "tr") == ["trades"]
        assert completion.symbols(context, "") == []

    def test_its_name_is_completed(self, moods):
        context = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
        context.params = {"lake_root": moods}
        for offered in (completion.file_tables, completion.event_tables, completion.all_tables):
            assert offered(context, "mo") == ["moods"]

    def test_what_is_said_when_its_description_is_gone(self, moods):
        (moods / "vendors/desk.toml").unlink()
        code, found = answer(moods, "verify")
        assert code == 1
        (finding,) = [one for one in found["findings"] if one["kind"] == "table_undescribed"]
        assert (finding["table"], "put its description back" in finding["try"]) == ("moods", True)
        with pytest.raises(UnknownValue) as error:
            reader.scan("moods", lake_root=moods)
        assert f"put its description back into {moods / 'vendors'}" in error.value.hint


class TestCorrected:
    """A description that is corrected reaches files that are in by the ways that are advised."""

    @pytest.mark.parametrize("ways", [["verify --deep", "repair"], ["retry 1", "withdraw 1", "retry 1"]])
    def test_files_that_are_in(self, lake, ways):
        describe(lake, MINE)
        write(lake / "bronze" / FILLS, *FILLS_TEXT.splitlines())
        assert pointline(lake, "run", "--once").returncode == 0
        describe(lake, MINE.replace('amount = "qty"', 'amount = { from = "qty", divide = 100, decimals = true }'))
        assert pointline(lake, "run", "--once").returncode == 0
        assert reader.scan("trades", lake_root=lake).collect()["amount"].to_list() == [0.25]
        said = pointline(lake, *ways[0].split()).stdout
        for way in ways[1:]:
            assert f"`pointline {way}" in " ".join(said.split())
            assert pointline(lake, *way.split()).returncode == 0
        assert pointline(lake, "run", "--once").returncode == 0
        assert reader.scan("trades", lake_root=lake).collect().select("amount", "file_id").rows() == [(0.0025, 1)]
        assert answer(lake, "verify", "--deep")[1]["findings"] == []

    @pytest.mark.parametrize("end", ["quarantined", "withdrawn"])
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ('exchange = "binance"', 'exchange = "bybit"'),
            ('table = "trades"', 'table = "liquidations"'),
            ("[feed.map]", 'symbols = { BTCUSDT = "BTC-USD" }\n[feed.map]'),
        ],
    )
    @pytest.mark.share(2)
    def test_files_that_belong_elsewhere_now(self, lake, end, before, after):
        """What was put back is read as what the description says of it then, and the ledger says the same."""
        describe(lake, MINE.replace('B = "buy"', 'Q = "buy"') if end == "quarantined" else MINE)
        write(lake / "bronze" / FILLS, *FILLS_TEXT.splitlines())
        pointline(lake, "run", "--once")
        if end == "withdrawn":
            assert pointline(lake, "withdraw", "1").returncode == 0
        describe(lake, MINE.replace(before, after))
        assert pointline(lake, "retry", "1").returncode == 0
        assert pointline(lake, "run", "--once").returncode == 0
        old, new = reader.files(lake_root=lake).sort("file_id").to_dicts()
        assert (old["status"], new["status"]) == ("superseded", "success")
        assert answer(lake, "verify", "--deep")[1]["findings"] == []


class TestBadDescriptions:
    """They keep the daemon down, with all problems named, and no command that can do without."""

    @pytest.fixture
    def bad(self, lake) -> Path:
        write(lake / "bronze" / "binance_trades_2024-05-01_X.csv", "nonsense")
        assert pointline(lake, "run", "--once").returncode == 1
        describe(lake, MINE.replace('id = "trade_id"', ""))
        describe(lake, MINE.replace('"mydesk"', '"other"').replace('table = "trades"', 'table = "trade"'), "other.toml")
        return lake

    @pytest.mark.parametrize("command", [["run", "--once"], ["config", "check"]])
    def test_all_problems_are_named_and_the_exit_code_is_78(self, bad, command):
        found = pointline(bad, *command)
        assert found.returncode == 78
        assert "vendors/mydesk.toml: feed fills: nothing is said of the columns trade_id" in found.stderr
        assert "vendors/other.toml: feed fills: there is no table 'trade'" in found.stderr
        assert "pointline vendors check" in found.stderr

    def test_doctor_reports_them(self, bad):
        _, found = answer(bad, "doctor")
        named = [one["what"] for one in found["findings"] if one["kind"] == "description"]
        assert len(named) == 2
        assert "trade_id" in named[0]

    @pytest.mark.parametrize(
        "command",
        [
            ["status"],
            ["files"],
            ["files", "--unrecognised"],
            ["explain", "1"],
            ["quarantine"],
            ["config", "show"],
            ["symbols", "show"],
            ["vendors", "list"],
            ["vendors", "show", "binance"],
            ["vendors", "help"],
        ],
        ids=" ".join,
    )
    @pytest.mark.share(2)
    def test_others_go_on(self, bad, command):
        found = pointline(bad, *command)
        assert found.returncode in {0, 1}
        assert ("vendors    vendors/mydesk.toml" in found.stdout) == (command == ["status"])
        assert "error: vendors/" not in found.stderr

    def test_config_check_in_json(self, bad):
        code, found = answer(bad, "config", "check")
        assert code == 78
        assert len(found["problems"]) == 2


class TestDaemon:
    """A daemon that runs takes up what has changed, and refuses what is wrong."""

    @pytest.fixture
    def running(self, tmp_path):
        lake = Lake(tmp_path / "lake", ingest__rescan_seconds=600)
        write(lake.bronze / FILLS, *FILLS_TEXT.splitlines())
        lake.start()
        yield lake
        lake.kill()

    def test_a_new_description_takes_what_was_waiting_and_a_bad_one_changes_nothing(self, running):
        assert running.manifest().is_empty()
        describe(running.root, MINE.replace('id = "trade_id"', ""))
        assert wait_until(lambda: running.events("vendors.refused"), 15)
        (refused,) = running.events("vendors.refused")
        assert "trade_id" in refused["problems"][0]
        self.says(running, "vendors/mydesk.toml", "vendors check FILE")
        describe(running.root, MINE)
        running.wait_for("file.committed", FILLS)
        (changed,) = running.events("vendors.changed")
        assert changed["feeds"] == ["mydesk/fills"]
        assert running.table("trades")["price"].to_list() == [60000.5]
        describe(running.root, MINE.replace('price = "px"', 'price = "pix"'))
        assert wait_until(lambda: len(running.events("vendors.refused")) == 2, 15)
        again = FILLS.replace("-01.csv", "-02.csv")
        write(running.bronze / again, "trade_id,px,qty,taker,at", "7,5,1,S,1714608000000")
        running.wait_for("file.committed", again)
        describe(running.root, MINE + TABLE)
        assert wait_until(lambda: len(running.events("vendors.refused")) == 3, 15)
        refused = running.events("vendors.refused")[-1]
        assert "moods" in refused["problems"][0]
        self.says(running, "vendors/mydesk.toml describes the table moods, new or changed", "restart the daemon")
        assert "restart" in refused["hint"]
        assert running.stop() == 0
        assert not {"moods"} & {path.name for path in (running.root / "silver").iterdir()}
        running.start()
        assert (running.root / "silver" / "moods").is_dir()
        assert running.stop() == 0
        assert not running.events("vendors.changed", "vendors.refused")
        assert running.manifest().filter(pl.col("status") == "success").height == 2

    def says(self, running, problem, step):
        """It is said where people look: for all of the lake, and for a file that waits."""
        waiting = write(running.bronze / "moods/2024-05.csv", *MOOD_ROWS)

        def status():
            return answer(running.root, "status")[1]

        assert wait_until(lambda: problem in status()["reason"], 15)
        found = status()
        assert found["health"] == "degraded"
        assert step in found["descriptions"]["try"]
        assert "vendors: a description " in pointline(running.root, "status").stdout
        told = pointline(running.root, "explain", str(waiting)).stdout
        assert problem in " ".join(told.split())
        assert step in " ".join(told.split())
        waiting.unlink()

    def test_files_of_a_description_that_left_are_refused_by_name(self, running):
        describe(running.root, MINE)
        running.wait_for("file.committed", FILLS)
        (running.root / "vendors" / "mydesk.toml").unlink()
        assert wait_until(lambda: len(running.events("vendors.changed")) == 2, 15)
        assert running.stop() == 0
        assert pointline(running.root, "trace", "trades", "1", "1").returncode == 1
        assert pointline(running.root, "status").returncode == 0
