"""The daemon as people run it: a process, a folder, and whatever they do to that folder."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from pointline_daemon.samples import Sample, csv_bytes, gzip_bytes, sample_frame, write_sample

from tests.support.process import Lake, pointline
from tests.support.waiting import wait_until

DAY = dt.date(2024, 5, 1)


def sample(symbol: str = "BTCUSDT", rows: int = 100, **facts) -> Sample:
    return Sample(
        **{"exchange": "binance", "data_type": "trades", "symbol": symbol, "date": DAY, "rows": rows, **facts}
    )


def lines_of(one: Sample) -> list[bytes]:
    """The header line and the data lines, line ends included."""
    return csv_bytes(sample_frame(one)).splitlines(keepends=True)


def put(path: Path, content: bytes) -> None:
    """Rename a finished file into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f"{path.name}.tmp")
    staged.write_bytes(content)
    staged.replace(path)


def packed(lines: list[bytes]) -> bytes:
    return gzip_bytes(b"".join(lines))


NAME = sample().file_name


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    yield lake
    lake.kill()


@pytest.fixture
def running(lake):
    lake.start()
    return lake


class TestArriving:
    """However a file gets into bronze, it is taken once, whole, and not before it is finished."""

    def test_there_before_the_start(self, lake):
        write_sample(sample(), lake.bronze / NAME)
        lake.start()
        lake.wait_for("file.committed", NAME)
        assert lake.table("trades").height == 100

    def test_renamed_into_place(self, running):
        write_sample(sample(), running.bronze / NAME)
        facts = running.wait_for("file.committed", NAME)
        assert (facts["rows_read"], facts["rows_written"], facts["rows_quarantined"]) == (100, 100, 0)
        assert running.table("trades").height == 100

    @pytest.mark.parametrize("ending", [".csv.gz", ".csv"])
    def test_written_in_place_it_is_not_taken_before_the_end(self, running, ending):
        content = packed(lines_of(sample(rows=400))) if ending == ".csv.gz" else b"".join(lines_of(sample(rows=400)))
        name = NAME.removesuffix(".csv.gz") + ending
        step = len(content) // 8 + 1
        with (running.bronze / name).open("wb", buffering=0) as file:
            for start in range(0, len(content), step):
                assert not running.events("file.committed", "file.quarantined", "file.waiting")
                file.write(content[start : start + step])
                time.sleep(0.12)  # the writer's pace, not a wait: shorter than the settle time
        running.wait_for("file.committed", name)
        assert running.manifest()["rows_written"].to_list() == [400]
        assert running.table("trades").height == 400

    @pytest.mark.parametrize("way", ["delete", "withdraw"])
    def test_what_was_in_its_way_leaves_while_it_is_written(self, running, way):
        """It is known already, and let in: all the same somebody may be writing to it."""
        name = NAME.removesuffix(".gz")
        first = running.bronze / "first" / name
        first.parent.mkdir()
        first.write_bytes(b"".join(lines_of(sample(rows=10))))
        running.wait_for("file.committed", f"first/{name}")
        (running.bronze / name).write_bytes(b"".join(lines_of(sample(rows=20))))
        running.wait_for("file.quarantined", name)
        content = b"".join(lines_of(sample(rows=400)))
        step = len(content) // 8 + 1
        with ThreadPoolExecutor(1) as beside, (running.bronze / name).open("wb", buffering=0) as file:
            for start in range(0, len(content), step):
                if start == 4 * step and way == "delete":
                    first.unlink()
                elif start == 4 * step:  # the writer does not wait for it
                    done = beside.submit(pointline, running.root, "withdraw", "1")
                file.write(content[start : start + step])
                time.sleep(0.12)  # the writer's pace, not a wait: shorter than the settle time
        assert way == "delete" or done.result().returncode == 0
        running.wait_for("file.committed", name)
        told = [
            (one["rows_written"], one["rows_quarantined"])
            for one in running.events("file.committed")
            if one["path"] == name
        ]
        assert told == [(400, 0)]

    def test_in_folders_made_a_moment_before(self, running):
        samples = [sample(f"C{number}", 20) for number in range(20)]
        for number, one in enumerate(samples):
            folder = running.bronze / f"{number}" / "deep" / "deeper"
            folder.mkdir(parents=True)
            (folder / one.file_name).write_bytes(packed(lines_of(one)))
        running.wait_for_settled(20)
        assert running.table("trades").height == 400
        assert set(running.ledger().values()) == {"success"}

    def test_moved_in_as_a_whole_folder(self, running, tmp_path):
        for number in range(5):
            one = sample(f"C{number}", 20)
            write_sample(one, tmp_path / "elsewhere" / one.hive_path)
        (tmp_path / "elsewhere").rename(running.bronze / "batch")
        running.wait_for_settled(5)
        assert running.table("trades").height == 100

    def test_all_layouts_side_by_side(self, running):
        by_layout = {"AUSDT": "hive_path", "BUSDT": "file_name", "CUSDT": "url_path"}
        for symbol, layout in by_layout.items():
            one = sample(symbol, 30)
            write_sample(one, running.bronze / getattr(one, layout))
        running.wait_for_settled(3)
        found = running.table("trades").group_by("symbol").len().sort("symbol").rows()
        assert found == [("AUSDT", 30), ("BUSDT", 30), ("CUSDT", 30)]

    def test_two_thousand_at_once_through_a_small_queue(self, tmp_path):
        lake = Lake(tmp_path / "lake", ingest__queue_size=50, ingest__rescan_seconds=1)
        try:
            lake.start()
            header, *rows = lines_of(sample("S", rows=2_000))
            for number, row in enumerate(rows):
                name = f"binance_trades_{DAY}_S{number}.csv"
                folder = lake.bronze / f"{number % 100}"
                folder.mkdir(exist_ok=True)
                (folder / name).write_bytes(header + row.replace(b",S,", b",S%d," % number))
            assert wait_until(lambda: len(lake.events("file.committed")) >= 2_000, 60), lake.log_text()[-2000:]
            assert lake.stop() == 0
            trades = lake.table("trades")
            assert trades.height == 2_000
            assert trades["file_id"].n_unique() == 2_000
            assert lake.manifest()["status"].value_counts().rows() == [("success", 2_000)]
        finally:
            lake.kill()


class TestStopping:
    """SIGTERM ends the daemon with 0; what it had begun is in, what it had not is found at the next start."""

    def test_idle(self, running):
        assert running.stop() == 0
        assert running.events("daemon.stopped")

    def test_in_the_middle_of_work(self, lake):
        for number in range(60):
            one = sample(f"C{number}", 500)
            write_sample(one, lake.bronze / one.file_name)
        lake.settings["ingest__batch_max_files"] = 5
        lake.settings["ingest__drain_seconds"] = "off"
        lake.start()
        assert wait_until(lambda: lake.events("file.committed"), 20)
        assert lake.stop() == 0
        manifest = lake.manifest()
        assert "pending" not in manifest["status"].to_list()
        assert lake.table("trades").height == manifest["rows_written"].sum()
        assert lake.once() == 0
        assert lake.table("trades").height == 60 * 500
        assert lake.table("trades").select("file_id", "file_seq").is_duplicated().sum() == 0


class TestRowsAtFault:
    """A row that cannot be kept is set aside with its line and the rule; the rest of its file goes in."""

    def test_five_of_a_hundred(self, lake):
        lines = lines_of(sample())
        lines[7] = lines[7].replace(b"binance", b"kraken", 1)
        lines[30] = lines[30].rstrip(b"\n") + b",surplus\n"
        lines[50] = b",".join(lines[50].split(b",")[:-2]) + b",not-a-number,1\n"
        lines[60] = lines[60].replace(b"buy", b"bought").replace(b"sell", b"bought")
        lines[100] = lines[100].replace(b",1714", b",1814")
        put(lake.bronze / NAME, packed(lines))
        assert lake.once() == 0
        entry = lake.entry(NAME)
        assert (entry["rows_read"], entry["rows_written"], entry["rows_quarantined"]) == (100, 95, 5)
        aside = lake.table("quarantine").sort("file_seq").select("file_seq", "rule", "column", "raw").rows()
        assert aside == [
            (7, "other_exchange", "exchange", lines[7].decode().rstrip()),
            (30, "ragged", "", lines[30].decode().rstrip()),
            (50, "unparseable", "price", lines[50].decode().rstrip()),
            (60, "unknown_value", "side", lines[60].decode().rstrip()),
            (100, "outside_day", "local_timestamp", lines[100].decode().rstrip()),
        ]
        kept = lake.table("trades")["file_seq"].sort().to_list()
        assert kept == [seq for seq in range(1, 101) if seq not in {7, 30, 50, 60, 100}]


class TestFilesAtFault:
    """A file that cannot be read is told apart by name, cause and remedy, and the daemon goes on."""

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(os.urandom(20_000), id="noise"),
            pytest.param(b"\x1f\x8b" + os.urandom(5_000), id="noise that begins like gzip"),
            pytest.param(packed(lines_of(sample()))[:-100], id="truncated"),
            pytest.param(packed(lines_of(sample())) + b"tail", id="bytes after the end"),
            pytest.param(gzip_bytes(b"<html>not found</html>\n"), id="a page of HTML"),
            pytest.param(b"", id="no bytes at all"),
        ],
    )
    def test_unreadable(self, lake, content):
        put(lake.bronze / NAME, content)
        write_sample(sample("ETHUSDT"), lake.bronze / sample("ETHUSDT").file_name)
        assert lake.once() == 1
        entry = lake.entry(NAME)
        assert entry["status"] == "quarantined"
        cause, _, remedy = str(entry["error"]).partition("; ")
        assert NAME in cause
        assert remedy
        assert lake.ledger()[sample("ETHUSDT").file_name] == "success"
        assert lake.table("trades").height == 100

    def test_the_daemon_goes_on(self, running):
        put(running.bronze / NAME, os.urandom(5_000))
        running.wait_for("file.quarantined", NAME)
        write_sample(sample("ETHUSDT"), running.bronze / sample("ETHUSDT").file_name)
        running.wait_for("file.committed", sample("ETHUSDT").file_name)
        assert running.stop() == 0

    def test_renamed_it_is_gone_from_its_old_name_at_once(self, running):
        """Guards that ``status`` and ``coverage`` do not speak of it until the next scan: its cause was removed."""
        write_sample(sample("ETHUSDT"), running.bronze / NAME)
        running.wait_for("file.quarantined", NAME)
        (running.bronze / NAME).rename(running.bronze / sample("ETHUSDT").file_name)
        running.wait_for("file.committed", sample("ETHUSDT").file_name)
        running.wait_for("file.gone", NAME)
        assert running.ledger() == {NAME: "gone", sample("ETHUSDT").file_name: "success"}

    @pytest.mark.parametrize(
        ("content", "status"),
        [
            pytest.param(b"\n" + b"".join(lines_of(sample())), "quarantined", id="a blank line before the header"),
            pytest.param(b"\n\n\n", "success", id="blank lines alone"),
            pytest.param(
                b"".join(
                    line.rstrip(b"\n") + (b",row,field_0,file_id\n" if number == 0 else b",1,2,3\n")
                    for number, line in enumerate([*lines_of(sample())[:-1], b"bad,,,,,,,\n"])
                ),
                "success",
                id="extra columns with the names of inner ones, and a bad row",
            ),
            pytest.param(
                b"".join(line.replace(b"binance", b"\0", 1) for line in lines_of(sample())), "quarantined", id="NUL"
            ),
        ],
    )
    def test_no_content_ends_the_daemon(self, lake, content, status):
        name = NAME.removesuffix(".gz")
        put(lake.bronze / name, content)
        assert lake.once() in {0, 1}, lake.log_text()[-1500:]
        assert lake.ledger()[name] == status

    def test_two_files_with_the_same_unacceptable_content(self, lake):
        content = packed(lines_of(sample(exchange="kraken")))
        put(lake.bronze / NAME, content)
        put(lake.bronze / "copy" / NAME, content)
        assert lake.once(10) == 1
        assert lake.ledger()[NAME] == "quarantined"
        assert "pending" not in lake.manifest()["status"].to_list()

    def test_truncated_then_complete(self, running):
        """The rest of a file that ended early is waited for."""
        content = packed(lines_of(sample()))
        running.settings["ingest__unfinished_seconds"] = 60
        running.stop()
        running.start()
        (running.bronze / NAME).write_bytes(content[:500])
        running.wait_for("file.waiting", NAME)
        with (running.bronze / NAME).open("ab") as file:
            file.write(content[500:])
        running.wait_for("file.committed", NAME)
        assert running.table("trades").height == 100


class TestOddNames:
    """A name out of the ordinary is a matter of that file; the table stays readable and replaceable."""

    @pytest.mark.parametrize("exchange", ["ex a", "ex%20b", "exü", 'a"b', "a=b", "a#b", "a?b", "a:b"])
    def test_exchange(self, lake, exchange):
        name = sample(exchange=exchange).file_name
        put(lake.bronze / name, packed(lines_of(sample(exchange=exchange))))
        write_sample(sample(), lake.bronze / NAME)
        lake.once()
        expected = {"binance": 100} | ({exchange: 100} if lake.ledger()[name] == "success" else {})
        assert dict(pl.read_delta(str(lake.root / "silver" / "trades")).group_by("exchange").len().rows()) == expected
        if exchange not in expected:
            assert lake.ledger()[name] == "quarantined"
            return
        put(lake.bronze / name, packed(lines_of(sample(exchange=exchange, rows=40))))
        assert lake.once(10) == 0, lake.log_text()[-1500:]
        assert dict(lake.table("trades").group_by("exchange").len().rows()) == {"binance": 100, exchange: 40}


class TestIdentity:
    """Each content is in the lake exactly once, whatever is done to the files that hold it."""

    def test_same_content_at_another_path(self, running):
        write_sample(sample(), running.bronze / NAME)
        running.wait_for("file.committed", NAME)
        write_sample(sample(), running.bronze / "copy" / NAME)
        running.wait_for("file.duplicate", f"copy/{NAME}")
        assert running.table("trades").height == 100
        assert running.ledger() == {NAME: "success", f"copy/{NAME}": "duplicate"}

    def test_same_content_twice_at_once(self, lake):
        for folder in "abc":
            write_sample(sample(), lake.bronze / folder / NAME)
        assert lake.once() == 0
        assert sorted(lake.ledger().values()) == ["duplicate", "duplicate", "success"]
        assert lake.table("trades").height == 100

    @pytest.mark.parametrize("name", [NAME, NAME.replace("2024-05-01", "2024-05-03")], ids=["in the lake", "refused"])
    def test_one_that_is_touched_is_no_change(self, running, name):
        write_sample(sample(), running.bronze / name)
        running.wait_for("file.committed" if name == NAME else "file.quarantined", name)
        (running.bronze / name).touch()
        audit = pointline(running.root, "verify", "--json")
        assert json.loads(audit.stdout)["checked"]["bronze_changing"] == 0, audit.stdout

    def test_moved(self, running):
        write_sample(sample(), running.bronze / NAME)
        running.wait_for("file.committed", NAME)
        (running.bronze / "new").mkdir()
        (running.bronze / NAME).rename(running.bronze / "new" / NAME)
        running.wait_for("file.moved", f"new/{NAME}")
        assert [line["before"] for line in running.events("file.moved")] == [NAME]
        assert running.ledger() == {f"new/{NAME}": "success"}
        assert running.table("trades").height == 100

    def test_moved_and_copied_between_two_looks(self, lake):
        write_sample(sample(), lake.bronze / NAME)
        assert lake.once() == 0
        for folder in "ab":
            (lake.bronze / folder).mkdir()
            shutil.copy2(lake.bronze / NAME, lake.bronze / folder / NAME)
        (lake.bronze / NAME).unlink()
        assert lake.once() == 0, lake.log_text()[-1500:]
        assert sorted(lake.ledger().items()) == [(f"a/{NAME}", "success"), (f"b/{NAME}", "duplicate")] or sorted(
            lake.ledger().items()
        ) == [(f"a/{NAME}", "duplicate"), (f"b/{NAME}", "success")]
        assert lake.table("trades").height == 100

    def test_touched(self, running):
        write_sample(sample(), running.bronze / NAME)
        running.wait_for("file.committed", NAME)
        before = running.manifest()
        os.utime(running.bronze / NAME, (1_750_000_000, 1_750_000_000))
        write_sample(sample("ETHUSDT"), running.bronze / sample("ETHUSDT").file_name)
        running.wait_for("file.committed", sample("ETHUSDT").file_name)
        assert running.stop() == 0
        assert running.once() == 0
        assert running.manifest().head(1).equals(before)
        assert running.manifest().height == 2

    def test_issued_again(self, running):
        write_sample(sample(), running.bronze / NAME)
        first = running.wait_for("file.committed", NAME)["file_id"]
        write_sample(sample(rows=120, seed=1), running.bronze / NAME)
        second = running.wait_for("file.committed", NAME, times=2)["file_id"]
        old, new = running.manifest().to_dicts()
        assert (old["file_id"], old["status"], old["superseded_by"]) == (first, "superseded", second)
        assert (new["file_id"], new["status"], new["superseded_by"]) == (second, "success", None)
        assert (old["rows_read"], old["rows_written"]) == (100, 100)
        assert running.table("trades")["file_id"].value_counts().rows() == [(second, 120)]

    def test_issued_again_among_others_of_its_part(self, lake):
        """Small files share a part: replacing one leaves the rows of the others as they are."""
        for symbol in ("AUSDT", "BUSDT", "CUSDT"):
            write_sample(sample(symbol, 10), lake.bronze / sample(symbol).file_name)
        assert lake.once() == 0
        write_sample(sample("BUSDT", 7, seed=1), lake.bronze / sample("BUSDT").file_name)
        assert lake.once() == 0
        found = lake.table("trades").group_by("symbol").len().sort("symbol").rows()
        assert found == [("AUSDT", 10), ("BUSDT", 7), ("CUSDT", 10)]

    def test_issued_again_unreadable_the_old_rows_stay(self, lake):
        write_sample(sample(), lake.bronze / NAME)
        assert lake.once() == 0
        put(lake.bronze / NAME, os.urandom(2_000))
        assert lake.once() == 1
        assert lake.table("trades").height == 100
        assert lake.manifest()["status"].to_list() == ["success", "quarantined"]

    def test_an_older_version_comes_back(self, lake):
        for rows, seed in ((50, 0), (60, 1), (50, 0)):
            write_sample(sample(rows=rows, seed=seed), lake.bronze / NAME)
            os.utime(lake.bronze / NAME, (1_700_000_000 + seed, 1_700_000_000 + seed))
            assert lake.once() == 0
            assert lake.table("trades").height == rows
        assert lake.manifest()["status"].to_list() == ["superseded", "superseded", "success"]
        before = lake.versions()
        assert lake.once() == 0
        assert lake.versions() == before

    def test_an_older_version_is_back_with_its_folder(self, lake):
        """Guards that what was refused there is closed: a renamed folder keeps ctime and inode of its files."""
        day, away = lake.bronze / "day", lake.bronze.parent / "away"
        write_sample(sample(), day / NAME)
        assert lake.once() == 0
        day.rename(away)
        put(day / NAME, b"no gzip at all")
        assert lake.once() == 1
        day.rename(lake.bronze.parent / "bad")
        away.rename(day)
        assert lake.once() == 0
        statuses = lake.manifest().sort("file_id")["status"].to_list()
        assert statuses == ["success", "superseded"]
        assert not lake.events("file.committed"), "it is in already"
        assert pointline(lake.root, "verify", "--deep").returncode == 0

    def test_the_copy_keeps_its_rows_when_the_original_is_issued_again(self, lake):
        """A duplicate leans on the rows of its original; when those leave, its own have to come."""
        header, *rows = lines_of(sample())
        put(lake.bronze / NAME, packed([header, *rows[:50]]))
        assert lake.once() == 0
        put(lake.bronze / "part1" / NAME, packed([header, *rows[:50]]))
        assert lake.once() == 0
        put(lake.bronze / NAME, packed([header, *rows[50:]]))
        assert lake.once() == 0
        assert lake.once() == 0
        assert lake.table("trades").height == 100

    def test_a_new_issue_without_one_good_row(self, lake):
        """What cannot be accepted replaces nothing: the rows of before stay until something better comes."""
        header, *rows = lines_of(sample())
        put(lake.bronze / NAME, packed([header, *rows]))
        assert lake.once() == 0
        put(lake.bronze / NAME, packed([header, b"garbage\n"]))
        assert lake.once() == 1
        assert lake.table("trades").height == len(rows)
        put(lake.bronze / NAME, packed([header, *rows[:60]]))
        assert lake.once() == 0
        assert lake.table("trades").height == 60

    def test_rotated_between_two_looks(self, lake):
        """The file of before is at a new path, new rows are at the old one: both are in."""
        header, *rows = lines_of(sample())
        put(lake.bronze / NAME, packed([header, *rows[:50]]))
        assert lake.once() == 0
        (lake.bronze / "part1").mkdir()
        (lake.bronze / NAME).rename(lake.bronze / "part1" / NAME)
        put(lake.bronze / NAME, packed([header, *rows[50:]]))
        assert lake.once() == 0
        assert lake.once() == 0
        assert lake.table("trades").height == 100

    def test_deleted_from_bronze(self, running):
        write_sample(sample(), running.bronze / NAME)
        running.wait_for("file.committed", NAME)
        (running.bronze / NAME).unlink()
        assert running.stop() == 0
        assert running.once() == 0
        assert running.table("trades").height == 100
        assert running.ledger() == {NAME: "success"}

    def test_deleted_before_it_was_read(self, lake):
        """Nothing is left to wait for, or to complain about."""
        content = packed(lines_of(sample()))
        lake.settings["ingest__unfinished_seconds"] = 60
        lake.start()
        put(lake.bronze / NAME, content[:300])
        lake.wait_for("file.waiting", NAME)
        (lake.bronze / NAME).unlink()
        assert lake.stop() == 0
        assert lake.once() == 0


class TestPartsOfADay:
    """Files of one day side by side, unless a row could be counted twice."""

    def parts(self, *ranges: tuple[int, int]) -> list[bytes]:
        header, *rows = lines_of(sample())
        return [packed([header, *rows[low:high]]) for low, high in ranges]

    def test_side_by_side(self, running):
        for name, content in zip(("a", "b"), self.parts((0, 50), (50, 100)), strict=True):
            put(running.bronze / name / NAME, content)
        running.wait_for_settled(2)
        assert running.ledger() == {f"a/{NAME}": "success", f"b/{NAME}": "success"}
        assert running.table("trades").height == 100

    @pytest.mark.parametrize("at_once", [True, False])
    def test_overlapping(self, lake, at_once):
        first, second = self.parts((0, 60), (50, 100))
        put(lake.bronze / "a" / NAME, first)
        if not at_once:
            assert lake.once() == 0
        put(lake.bronze / "b" / NAME, second)
        assert lake.once() == 1
        ledger = lake.ledger()
        assert sorted(ledger.values()) == ["quarantined", "success"]
        taken, refused = sorted(ledger, key=lambda path: ledger[path] != "success")
        assert taken in str(lake.entry(refused)["error"])
        assert lake.table("trades").height == lake.entry(taken)["rows_written"]

    def test_overlapping_where_that_is_allowed(self, lake):
        lake.settings["ingest__overlap"] = "allow"
        for name, content in zip(("a", "b"), self.parts((0, 60), (50, 100)), strict=True):
            put(lake.bronze / name / NAME, content)
        assert lake.once() == 0
        assert lake.table("trades").height == 110


class TestNoData:
    """An empty gzip is the vendor's way of saying "no data this day"."""

    def test_empty_gzip(self, lake):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            put(lake.bronze / sample(symbol).file_name, gzip.compress(b""))
        assert lake.once() == 0
        found = lake.manifest().select("status", "rows_read", "rows_written", "rows_quarantined").rows()
        assert found == [("success", 0, 0, 0)] * 2

    def test_header_alone(self, lake):
        put(lake.bronze / NAME, packed(lines_of(sample())[:1]))
        assert lake.once() == 0
        assert lake.entry(NAME)["rows_read"] == 0

    def test_data_after_all(self, lake):
        put(lake.bronze / NAME, gzip.compress(b""))
        assert lake.once() == 0
        write_sample(sample(), lake.bronze / NAME)
        assert lake.once() == 0
        assert lake.manifest()["status"].to_list() == ["superseded", "success"]
        assert lake.table("trades").height == 100

    def test_withdrawn(self, lake):
        write_sample(sample(), lake.bronze / NAME)
        assert lake.once() == 0
        put(lake.bronze / NAME, gzip.compress(b""))
        assert lake.once() == 1
        assert lake.table("trades").height == 100, "it is held until a person accepts it"
        assert "`pointline retry 2 --accept`" in lake.entry(NAME)["error"]
        assert pointline(lake.root, "retry", "2", "--accept").returncode == 0
        assert lake.once() == 0
        assert lake.table("trades").height == 0
        assert lake.manifest()["status"].to_list() == ["superseded", "success"]


class TestOnce:
    """``run --once`` ends when everything that lay there has an outcome, not before."""

    def test_files_that_have_just_been_written(self, lake):
        for number in range(5):
            (lake.bronze / sample(f"C{number}").file_name).write_bytes(packed(lines_of(sample(f"C{number}", 10))))
        assert lake.once() == 0
        assert lake.table("trades").height == 50

    def test_a_copy_with_its_time_stamp_in_the_future(self, lake):
        write_sample(sample(), lake.bronze / NAME)
        os.utime(lake.bronze / NAME, (time.time() + 3600, time.time() + 3600))
        assert lake.once() == 0
        assert lake.table("trades").height == 100

    def test_a_second_writer_is_turned_away(self, running):
        other = Lake.__new__(Lake)
        other.__dict__.update(running.__dict__)
        other.log_file = running.root.parent / "second.log"
        assert other.once() == 75
        assert running.stop() == 0
