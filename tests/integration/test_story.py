"""What happened to a file, where a row came from, and what was set aside: told right, with and without a daemon."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pointline_daemon.commands.files.explain import explain
from pointline_daemon.commands.files.quarantine import show_quarantine
from pointline_daemon.commands.files.retry import retry
from pointline_daemon.commands.files.trace import trace
from pointline_daemon.commands.shared.present import print_error
from pointline_daemon.samples import Sample, csv_bytes, gzip_bytes, sample_frame

from pointline.errors import PointlineError
from pointline.tables.ingest_manifest import Status
from tests.support.process import ran
from tests.support.waiting import wait_until

DATE = dt.date(2024, 5, 1)
HEADER = b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
DAY_US = 1_714_521_600_000_000
BLOCKS = 120_000
"""Rows that make several blocks of 4 MB, and more than a file that is typed as a whole."""


def text_of(symbol: str, rows: int = 200, data_type: str = "trades") -> bytes:
    sample = Sample(exchange="binance", data_type=data_type, symbol=symbol, date=DATE, rows=rows)
    return csv_bytes(sample_frame(sample))


def name_of(symbol: str, ending: str = ".csv.gz", data_type: str = "trades") -> str:
    return f"binance_{data_type}_{DATE}_{symbol}{ending}"


def trade(number: int, **cells: str) -> bytes:
    us = str(DAY_US + number * 1_000_000)
    row = {"exchange": "binance", "symbol": "QUOTED", "timestamp": us, "local_timestamp": us, "id": f"i{number}"}
    row |= {"side": "buy", "price": f"{number}.5", "amount": "1"} | cells
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row.values())
    return text.getvalue().encode()


QUOTED = [trade(1), trade(2, id='a\nb,"c"'), trade(3, price="x"), trade(4), trade(5, side="maybe", id="\n"), trade(6)]

MANY = [
    trade(1, symbol=""),
    trade(2, amount=""),
    trade(3, price=""),
    trade(4, side="maybe"),
    b"too,short\n",
    trade(6, timestamp="x"),
]
"""Every row breaks a rule of its own: more rules than an error names."""


def environment(lake: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTLINE_")}
    return {**kept, "LAKE_ROOT": str(lake), **settings}


def run(lake: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return ran(*arguments, env=environment(lake, **settings))


def ledger(lake: Path) -> pl.DataFrame:
    return pl.read_delta(str(lake / "silver" / "ingest_manifest")).sort("file_id")


def id_of(lake: Path, path: str) -> int:
    return ledger(lake).filter(pl.col("bronze_file_path") == path)["file_id"][-1]


@pytest.fixture
def ask(capsys):
    """Call a command in this process and return its exit code and its JSON."""

    def call(command, *arguments, **options):
        capsys.readouterr()
        try:
            code = command(*arguments, as_json=True, **options)
        except PointlineError as error:
            code = print_error(error, as_json=True)
        return code, json.loads(capsys.readouterr().out)

    return call


def told(version: dict) -> str:
    return "\n".join(chapter["what"] for chapter in version["story"])


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """A file of each kind; of one of them a third of the rows is wrong, and cells hold line feeds."""
    root = tmp_path_factory.mktemp("lake")
    files = {
        name_of("GZ"): gzip_bytes(text_of("GZ")),
        name_of("PLAIN", ".csv"): text_of("PLAIN"),
        name_of("ZSTD", ".csv.zst"): bytes(pa.compress(text_of("ZSTD"), codec="zstd", asbytes=True)),
        name_of("LARGE"): gzip_bytes(text_of("LARGE", BLOCKS), level=1),
        name_of("QUOTED", ".csv"): HEADER + b"".join(QUOTED),
        name_of("MANY", ".csv"): HEADER + b"".join(MANY),
        name_of("JUNK"): gzip_bytes(b"no,market\ndata,here\n"),
        name_of("BAD", data_type="quotes"): gzip_bytes(text_of("BAD", data_type="quotes").replace(b"binance,", b"x,")),
        name_of("NONE"): gzip_bytes(b""),
    }
    for name, data in files.items():
        (root / "bronze" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "bronze" / name).write_bytes(data)
    parquet = io.BytesIO()
    pl.read_csv(text_of("PARQUET")).write_parquet(parquet)
    (root / "bronze" / name_of("PARQUET", ".parquet")).write_bytes(parquet.getvalue())
    assert run(root, "run", "--once").returncode == 1
    return root


@pytest.fixture
def own_lake(lake, tmp_path) -> Path:
    """A lake to change."""
    return Path(shutil.copytree(lake, tmp_path / "lake"))


class TestTrace:
    """The line is the one that stands in the file."""

    @pytest.mark.parametrize("ending", [".csv.gz", ".csv", ".csv.zst"])
    def test_every_kind_of_file(self, lake, ask, ending):
        symbol = {".csv.gz": "GZ", ".csv": "PLAIN", ".csv.zst": "ZSTD"}[ending]
        lines = text_of(symbol).decode().splitlines()
        for seq in (1, 77, 200):
            code, found = ask(trace, lake, "trades", id_of(lake, name_of(symbol, ending)), seq)
            assert code == 0
            assert found["line"] == lines[seq]
            assert found["line_number"] == seq + 1
            assert found["row"]["id"] == lines[seq].split(",")[4]

    def test_parquet_as_csv(self, lake, ask):
        lines = text_of("PARQUET").decode().splitlines()
        _, found = ask(trace, lake, "trades", id_of(lake, name_of("PARQUET", ".parquet")), 5)
        assert found["line"] == lines[5]
        assert found["line_number"] is None

    def test_rows_of_a_file_of_many_blocks_after_compaction(self, lake, tmp_path, ask):
        root = Path(shutil.copytree(lake, tmp_path / "lake"))
        settings = {"POINTLINE_MAINTENANCE__MIN_SMALL_FILES": "2"}
        done = run(root, "maintain", "--compact", **settings)  # how many files there are depends on the batches
        assert re.search(r" data files? (regrouped|compacted to \d)", done.stdout)
        lines = text_of("LARGE", BLOCKS).decode().splitlines()
        file_id = id_of(root, name_of("LARGE"))
        for seq in (1, BLOCKS, *random.Random(7).sample(range(2, BLOCKS), 5)):
            code, found = ask(trace, root, "trades", file_id, seq)
            assert (code, found["line"], found["line_number"]) == (0, lines[seq], seq + 1)
            assert (found["row"]["file_id"], found["row"]["file_seq"]) == (file_id, seq)
            assert found["row"]["id"] == lines[seq].split(",")[4]

    def test_line_feeds_in_cells_and_rows_set_aside(self, lake, ask):
        file_id = id_of(lake, name_of("QUOTED", ".csv"))
        place = 2
        for seq, record in enumerate(QUOTED, 1):
            code, found = ask(trace, lake, "trades", file_id, seq)
            assert code == 0
            assert found["line"] == record.decode().removesuffix("\n")
            assert found["line_number"] == place
            assert (found["set_aside"] or {}).get("rule") == {3: "unparseable", 5: "unknown_value"}.get(seq)
            assert (found["row"] is None) == (seq in {3, 5})
            place += record.count(b"\n")

    def test_a_file_that_changed_or_went_is_not_quoted(self, own_lake, ask):
        file_id = id_of(own_lake, name_of("GZ"))
        path = own_lake / "bronze" / name_of("GZ")
        path.write_bytes(gzip_bytes(text_of("OTHER")))
        code, found = ask(trace, own_lake, "trades", file_id, 3)
        assert (code, found["line"]) == (1, None)
        assert "has changed" in found["problem"]
        assert found["row"]["symbol"]
        path.unlink()
        code, found = ask(trace, own_lake, "trades", file_id, 3)
        assert (code, found["line"]) == (1, None)
        assert "gone" in found["problem"]

    def test_a_touched_file_is_still_the_file(self, own_lake, ask):
        os.utime(own_lake / "bronze" / name_of("GZ"))
        assert ask(trace, own_lake, "trades", id_of(own_lake, name_of("GZ")), 3)[0] == 0

    def test_what_is_not_there(self, lake, ask):
        file_id = id_of(lake, name_of("GZ"))
        code, found = ask(trace, lake, "trades", file_id, 201)
        assert code == 2
        assert "has 200 rows" in found["error"]
        assert f"trace trades {file_id} 1" in ask(trace, lake, "quotes", file_id, 1)[1]["try"]
        assert "no file 999" in ask(trace, lake, "trades", 999, 1)[1]["error"]
        assert ask(trace, lake, "candles", file_id, 1)[0] == 2
        assert ask(trace, lake, "trades", file_id, 0)[0] == 2


class TestExplain:
    """Sentences, oldest first, by id and by any spelling of the path."""

    def story(self, ask, lake, target) -> tuple[int, dict]:
        code, stories = ask(explain, lake, [str(target)])
        return code, stories[0]

    def test_a_file_with_rows_set_aside(self, lake, ask):
        file_id = id_of(lake, name_of("QUOTED", ".csv"))
        code, story = self.story(ask, lake, file_id)
        assert code == 0
        (version,) = story["versions"]
        sentences = [chapter["what"] for chapter in version["story"]]
        assert sentences[0].startswith(f"It was found in bronze by a scan and became file {file_id}")
        assert sentences[1].startswith("It was read: 6 rows")
        assert "rule unknown_value (side), such as row 5: binance,QUOTED," in sentences[2]
        assert "rule unparseable (price), such as row 3: binance,QUOTED," in sentences[3]
        assert sentences[4].startswith("4 rows went into trades, with version ")
        assert story["bronze"] == "It is in bronze, unchanged since it was found"
        assert f"pointline quarantine {file_id}" in story["next"]
        times = [chapter["at"] for chapter in version["story"] if chapter["at"]]
        assert times == sorted(times)

    def test_the_version_named_is_the_one_that_brought_the_rows(self, lake, ask):
        file_id = id_of(lake, name_of("GZ"))
        (version,) = self.story(ask, lake, file_id)[1]["versions"]
        named = re.search(r"200 rows went into trades, with version (\d+) of that table", told(version))
        for number, rows in ((int(named[1]) - 1, 0), (int(named[1]), 200)):
            at_version = pl.read_delta(str(lake / "silver" / "trades"), version=number)
            assert at_version.filter(file_id=file_id).height == rows

    def test_a_version_that_cannot_be_opened_any_more_is_not_guessed(self, own_lake, ask):
        table = own_lake / "silver" / "trades"
        summed_up = DeltaTable(table).version()
        DeltaTable(table).create_checkpoint()
        (own_lake / "bronze" / name_of("NEW")).write_bytes(gzip_bytes(text_of("NEW")))
        run(own_lake, "run", "--once")
        for version in range(summed_up + 1):
            (table / "_delta_log" / f"{version:020}.json").unlink()
        (version,) = self.story(ask, own_lake, name_of("GZ"))[1]["versions"]
        assert f"in a version before {summed_up + 1}, the oldest one that can still be opened" in told(version)

    @pytest.mark.parametrize("spelling", ["relative", "absolute", "working directory", "through a link"])
    def test_a_path_in_any_spelling(self, lake, ask, spelling, monkeypatch, tmp_path):
        name = name_of("GZ")
        (tmp_path / "link").symlink_to(lake)
        monkeypatch.chdir(lake)
        targets = {
            "relative": name,
            "absolute": f"{lake}/bronze/{name}",
            "working directory": f"bronze/../bronze/{name}",
            "through a link": f"{tmp_path}/link/bronze/{name}",
        }
        code, story = self.story(ask, lake, targets[spelling])
        assert (code, story["path"]) == (0, name)
        assert story["versions"][0]["file_id"] == id_of(lake, name)

    def test_a_refused_file_names_its_reason(self, lake, ask):
        (version,) = self.story(ask, lake, name_of("JUNK"))[1]["versions"]
        assert "It was refused: " in told(version)
        assert "does not begin with the header of trades" in told(version)
        assert f"pointline retry {id_of(lake, name_of('JUNK'))}" in version["next"]

    def test_a_day_without_data(self, lake, ask):
        (version,) = self.story(ask, lake, name_of("NONE"))[1]["versions"]
        assert "holds no rows" in told(version)

    def test_a_touched_file_waits_for_nothing(self, own_lake, ask):
        first = id_of(own_lake, name_of("GZ"))
        os.utime(own_lake / "bronze" / name_of("GZ"))
        story = self.story(ask, own_lake, first)[1]
        assert "with another time stamp" in story["bronze"]
        assert "only where its content differs" in story["next"]
        run(own_lake, "run", "--once")
        assert "its time stamp has changed since, its content has not" in self.story(ask, own_lake, first)[1]["bronze"]

    def test_replaced_moved_and_copied(self, own_lake, ask):
        bronze = own_lake / "bronze"
        first, plain = id_of(own_lake, name_of("GZ")), id_of(own_lake, name_of("PLAIN", ".csv"))
        (bronze / name_of("GZ")).write_bytes(gzip_bytes(text_of("GZ", 300)))
        (bronze / "elsewhere").mkdir()
        (bronze / name_of("PLAIN", ".csv")).rename(bronze / "elsewhere" / name_of("PLAIN", ".csv"))
        shutil.copy(bronze / name_of("ZSTD", ".csv.zst"), bronze / "elsewhere")
        assert "has changed since it was read" in self.story(ask, own_lake, first)[1]["bronze"]
        run(own_lake, "run", "--once")

        _, story = self.story(ask, own_lake, name_of("GZ"))
        old, new = story["versions"]
        assert (old["file_id"], old["status"], new["status"]) == (first, "superseded", "success")
        assert f"File {new['file_id']} (a newer version) took its place: its rows left the table in" in told(old)
        came, left = re.findall(r"(?:in|with) version (\d+)", told(old))
        assert int(came) < int(left)
        assert f"200 rows went into trades, with version {came} of that table" in told(old)
        assert f"300 rows went into trades, with version {left} of that table" in told(new)
        assert f"takes the place of file {first}" in told(new)
        assert f"was replaced by file {new['file_id']}" in ask(trace, own_lake, "trades", first, 1)[1]["absent"]

        (moved,) = self.story(ask, own_lake, plain)[1]["versions"]
        assert f"found again at elsewhere/{name_of('PLAIN', '.csv')}, was {name_of('PLAIN', '.csv')}" in told(moved)

        (copy,) = self.story(ask, own_lake, "elsewhere/" + name_of("ZSTD", ".csv.zst"))[1]["versions"]
        original = id_of(own_lake, name_of("ZSTD", ".csv.zst"))
        assert f"same content as file {original} ({name_of('ZSTD', '.csv.zst')})" in told(copy)

    def test_a_name_alone_is_the_one_file_of_that_name_below_folders(self, own_lake, ask):
        (own_lake / "bronze/below").mkdir()
        (own_lake / "bronze/below" / name_of("NESTED", ".csv")).write_bytes(text_of("NESTED", 3))
        run(own_lake, "run", "--once")
        _, story = self.story(ask, own_lake, name_of("NESTED", ".csv"))
        assert story["path"] == f"below/{name_of('NESTED', '.csv')}"

    def test_a_lake_that_was_copied_tells_of_no_move(self, own_lake, ask, tmp_path):
        copied = tmp_path / "copied"
        shutil.copytree(own_lake, copied)
        (copied / "bronze" / name_of("NEW", ".csv")).write_bytes(text_of("NEW", 3))
        run(copied, "run", "--once")
        for path in (copied / "bronze").iterdir():
            assert "found again" not in " ".join(map(told, self.story(ask, copied, path.name)[1]["versions"]))

    def test_what_the_ledger_does_not_know(self, own_lake, ask, tmp_path):
        bronze = own_lake / "bronze"
        (bronze / name_of("FRESH")).write_bytes(b"")
        (bronze / "notes.txt").write_text("x")
        (tmp_path / "beside.csv").write_text("x")
        asked = {
            name_of("FRESH"): (0, "still changing"),
            "notes.txt": (0, "ends in none of .csv"),
        }
        unknown = {"nothing/here.csv": "is not in bronze", str(tmp_path / "beside.csv"): "is outside bronze"}
        for target, (code, words) in asked.items():
            found, story = self.story(ask, own_lake, target)
            assert found == code
            assert words in story["bronze"]
            assert story["next"]
        for target, words in unknown.items():
            code, error = ask(explain, own_lake, [target])
            assert code == 2
            assert words in error["error"]
            assert error["try"]
        assert name_of("GZ") in ask(explain, own_lake, [f"wrong/{name_of('GZ')}"])[1]["try"]
        assert "no file 999" in ask(explain, own_lake, ["999"])[1]["error"]

    def test_people_get_lines_that_steer_no_terminal(self, own_lake, capsys):
        name = name_of("A\x1b[2J\nB")
        (own_lake / "bronze" / name).write_bytes(b"")
        assert explain(own_lake, [name], as_json=False) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\nnow   It is in bronze" in out
        assert "\nnext  no daemon is running" in out


class TestQuarantine:
    """By file and rule; with a file or a rule also the lines; CSV holds all of it."""

    def test_groups(self, lake, ask):
        _, found = ask(show_quarantine, lake, [], rule=None, last=20, as_csv=False)
        aside = pl.read_delta(str(lake / "silver" / "quarantine"))
        counts = aside.group_by("file_id", "rule", "column").len()
        seen = {(group["file_id"], group["rule"], group["column"], group["rows"]) for group in found["groups"]}
        assert seen == set(counts.iter_rows())
        assert found["rows"] == aside.height
        assert found["lines"] is None

    def test_lines_of_a_file_and_of_a_rule(self, lake, ask):
        name = name_of("QUOTED", ".csv")
        _, found = ask(show_quarantine, lake, [name], rule=None, last=20, as_csv=False)
        assert [(line["file_seq"], line["raw"]) for line in found["lines"]] == [
            (seq, QUOTED[seq - 1].decode().removesuffix("\n")) for seq in (3, 5)
        ]
        _, found = ask(show_quarantine, lake, [], rule="other_exchange", last=3, as_csv=False)
        assert len(found["lines"]) == 3
        assert found["rows"] == 200
        _, found = ask(show_quarantine, lake, [], rule="nul_byte", last=3, as_csv=False)
        assert found["groups"] == []

    def test_csv_round_trip(self, lake):
        out = run(lake, "quarantine", name_of("QUOTED", ".csv"), "--csv").stdout
        rows = list(csv.DictReader(io.StringIO(out, newline="")))
        assert [row["raw"] for row in rows] == [QUOTED[seq - 1].decode().removesuffix("\n") for seq in (3, 5)]
        assert [row["rule"] for row in rows] == ["unparseable", "unknown_value"]

    def test_usage(self, lake, ask):
        assert ask(show_quarantine, lake, [], rule=None, last=-1, as_csv=False)[0] == 2
        code, found = ask(show_quarantine, lake, ["nothing.csv"], rule=None, last=1, as_csv=False)
        assert code == 2
        assert "no file at nothing.csv, neither in the ledger nor in bronze" in found["error"]
        assert "check the spelling" in found["try"]


class TestRetry:
    """By id, path, folder, status and rule; a dry run changes nothing."""

    def chosen(self, ask, lake, *targets, status=None, rule=None) -> list[int]:
        _, found = ask(retry, lake, list(targets), status=status, rule=rule, dry_run=True)
        return [one["file_id"] for one in found["files"]]

    def test_each_way_to_name_files(self, lake, ask):
        junk, bad = id_of(lake, name_of("JUNK")), id_of(lake, name_of("BAD", data_type="quotes"))
        many = id_of(lake, name_of("MANY", ".csv"))
        before = ledger(lake)
        assert self.chosen(ask, lake, str(junk)) == [junk]
        assert self.chosen(ask, lake, name_of("JUNK"), str(bad)) == sorted([junk, bad])
        assert self.chosen(ask, lake, f"{lake}/bronze/{name_of('JUNK')}") == [junk]
        assert self.chosen(ask, lake, status=Status.QUARANTINED) == sorted([junk, bad, many])
        assert self.chosen(ask, lake, rule="other_exchange") == [bad]
        assert "unparseable" not in before.filter(file_id=many)["error"].item()
        assert self.chosen(ask, lake, rule="unparseable") == [many]
        assert self.chosen(ask, lake, str(junk), rule="other_exchange") == []
        assert self.chosen(ask, lake, name_of("GZ")) == []
        assert ledger(lake).equals(before)

    def test_digits_that_name_a_folder_are_no_file_id(self, own_lake, ask, monkeypatch):
        """Guards that ``withdraw 02`` takes out the day that is meant, and asks where it may be both."""
        month = own_lake / "bronze" / "2024"
        (month / "02").mkdir(parents=True)
        (month / "02" / name_of("DAY")).write_bytes(gzip_bytes(text_of("DAY")))
        run(own_lake, "run", "--once")
        mine = id_of(own_lake, f"2024/02/{name_of('DAY')}")
        monkeypatch.chdir(month)
        assert self.chosen(ask, own_lake, "02") == []
        assert (
            ask(explain, own_lake, ["02"])[1][0]["bronze"]
            == "It is a folder, and the ledger has 1 file (1 success) in it"
        )
        assert self.chosen(ask, own_lake, str(mine)) == []
        (month / str(mine)).mkdir()
        for code, found in (
            ask(explain, own_lake, [str(mine)]),
            ask(retry, own_lake, [str(mine)], status=None, rule=None, dry_run=True),
        ):
            assert (code, found["error"]) == (2, f"{mine} may be a file id, and may be 2024/{mine} in bronze")
        code, found = ask(retry, own_lake, ["../../bronze"], status=None, rule=None, dry_run=True)
        assert (code, found["error"]) == (2, "../../bronze is bronze itself")

    def test_without_a_daemon(self, own_lake, ask):
        bad = id_of(own_lake, name_of("BAD", data_type="quotes"))
        assert ask(retry, own_lake, [str(bad)], status=None, rule=None, dry_run=False)[0] == 0
        assert ledger(own_lake).filter(file_id=bad)["status"].item() == "pending"
        assert "put back and waits" in told(ask(explain, own_lake, [str(bad)])[1][0]["versions"][0])
        run(own_lake, "run", "--once")
        assert ledger(own_lake).filter(file_id=bad)["status"].item() == "quarantined"
        assert pl.read_delta(str(own_lake / "silver" / "quarantine")).filter(file_id=bad).height == 200

    def test_a_withdrawn_file_has_no_reason_to_show(self, own_lake):
        assert run(own_lake, "withdraw", name_of("PLAIN", ".csv")).returncode == 0
        said = run(own_lake, "retry", name_of("PLAIN", ".csv"), "--dry-run").stdout.splitlines()
        assert "withdrawn" in said[0]
        assert said[1:] == ["", "1 file would be tried again"]

    def test_beside_a_daemon(self, own_lake, ask):
        junk = id_of(own_lake, name_of("JUNK"))

        def is_tried_after(moment_us: int) -> bool:
            time.sleep(0.1)
            row = ledger(own_lake).filter(file_id=junk).row(0, named=True)
            return row["status"] == "quarantined" and row["updated_at_us"] > moment_us

        def tried_at() -> int:
            return ledger(own_lake).filter(file_id=junk)["updated_at_us"].item()

        before = tried_at()
        settings = {"POINTLINE_INGEST__SETTLE_SECONDS": "0.1", "POINTLINE_INGEST__RESCAN_SECONDS": "3600"}
        with subprocess.Popen(
            [sys.executable, "-m", "pointline_daemon", "run"],
            env=environment(own_lake, **settings),
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                assert wait_until(lambda: is_tried_after(before), 30), "in a copied lake its inode is another one"
                before = tried_at()
                retried = "it is read for its new inode, and pending meanwhile"
                assert wait_until(lambda: "running daemon" in run(own_lake, "retry", str(junk)).stdout, 30), retried
                assert wait_until(lambda: is_tried_after(before), 30)
                staged = own_lake / "bronze" / ".staged"
                staged.write_bytes(gzip_bytes(text_of("EVENT")))
                staged.rename(own_lake / "bronze" / name_of("EVENT"))

                def is_in() -> bool:
                    time.sleep(0.1)
                    found = ledger(own_lake).filter(bronze_file_path=name_of("EVENT"))
                    return found["status"].to_list() == ["success"]

                assert wait_until(is_in, 30)
                (story,) = ask(explain, own_lake, [name_of("EVENT")])[1]
                assert "found in bronze by an event" in told(story["versions"][0])
                assert ask(trace, own_lake, "trades", id_of(own_lake, name_of("EVENT")), 9)[0] == 0
                assert ask(show_quarantine, own_lake, [], rule=None, last=1, as_csv=False)[0] == 0
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0


@pytest.mark.parametrize(
    "command", [["explain", "1"], ["trace", "trades", "1", "1"], ["quarantine"], ["retry", "--status", "failed"]]
)
def test_a_lake_that_does_not_exist_is_named_and_not_made(tmp_path, command):
    root = tmp_path / "nowhere"
    found = run(root, *command)
    assert found.returncode == 1
    assert f"there is no lake at {root}" in found.stderr
    assert not root.exists()
