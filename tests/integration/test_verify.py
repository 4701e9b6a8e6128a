"""Damage is done to a sound lake, one kind at a time; the audit has to find and name each."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import sys
import threading
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pointline_daemon.commands.lake.verify import verify_lake

from pointline.io.checksums import checksum_of, sealed
from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import Lake, pointline
from tests.support.small_lake import add_symbols, at
from tests.support.sound_lake import NAMES, live_parts, newest_entry


@pytest.fixture
def lake(own_lake) -> Path:
    return own_lake


@pytest.fixture
def verified(capsys):
    def verify(lake: Path, *, deep: bool = False) -> dict:
        code = verify_lake(lake, deep=deep, as_json=True)
        answer = json.loads(capsys.readouterr().out)
        assert code == (0 if answer["ok"] else 1)
        assert answer["ok"] == (not answer["findings"])
        return answer

    return verify


def resealed(entry: bytes) -> bytes:
    """What Pointline would have written: somebody else changed it, and knew of the checksum."""
    return sealed(re.sub(rb'(?<="pointline_crc32":")[0-9a-f]{8}', b"00000000", entry))


class Terminal(io.StringIO):
    """Standard error of somebody who looks at it."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_says_how_far_it_is(lake, monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert verify_lake(lake, deep=True, as_json=False) == 0
    assert "data files checked" in sys.stderr.getvalue()
    assert f"{len(NAMES)} files read again" in sys.stderr.getvalue()
    assert "data files checked" not in capsys.readouterr().out


def kinds(answer: dict) -> set[str]:
    assert all(one["try"] and one["what"] for one in answer["findings"])
    return {one["kind"] for one in answer["findings"]}


def change_manifest(lake: Path, file_id: int, **values: str) -> None:
    DeltaTable(lake / "silver" / "ingest_manifest").update(updates=values, predicate=f"file_id = {file_id}")


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_lake(lake, verified, deep):
    answer = verified(lake, deep=deep)
    assert answer["ok"], answer
    assert answer["checked"]["files"] == 7
    assert answer["checked"]["bronze_files"] == 6
    assert answer["checked"]["contents"] == 6 * deep


def test_a_file_gone_from_bronze_is_no_finding(lake, verified):
    (lake / "bronze" / NAMES[0]).unlink()
    answer = verified(lake, deep=True)
    assert answer["ok"], answer
    assert answer["checked"]["bronze_gone"] == 1


def test_a_member_whose_rows_a_group_has_too(own_lake, verified):
    """Guards the wiring of the audit of overlap to the rows: the ledger knows no times by symbol."""
    group = file_name("trades", "SPOT")
    text = gzip.decompress(file_content(NAMES[0], 10)) + gzip.decompress(file_content(NAMES[1], 10)).split(b"\n", 1)[1]
    put_file(own_lake / "bronze", group, gzip.compress(text))
    ran = pointline(own_lake, "run", "--once", ingest__overlap="allow")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = verified(own_lake)["findings"]
    assert {(one["kind"], symbol) for one in found for symbol in ("BTCUSDT", "ETHUSDT") if symbol in one["what"]} == {
        ("rows_overlap", "BTCUSDT"),
        ("rows_overlap", "ETHUSDT"),
    }
    assert len(found) == 2


def test_a_touched_file_is_no_finding(lake, verified):
    os.utime(lake / "bronze" / NAMES[0], (1, 1))
    assert verified(lake, deep=True)["ok"]


class TestEightKindsOfDamage:
    """A part deleted, cut, replaced; a commit removed; a manifest row changed; a row doubled; bronze; an orphan."""

    def test_a_part_deleted(self, lake, verified):
        part = live_parts(lake, "trades")[0]
        part.unlink()
        answer = verified(lake)
        assert kinds(answer) == {"part_missing", "rows_missing"}
        assert part.name in answer["findings"][0]["path"]

    def test_a_part_cut(self, lake, verified):
        part = live_parts(lake, "trades")[0]
        part.write_bytes(part.read_bytes()[:-20])
        assert "part_size" in kinds(verified(lake))

    def test_a_part_broken_inside_its_size(self, lake, verified):
        part = live_parts(lake, "trades")[0]
        content = part.read_bytes()
        part.write_bytes(content[:-8] + bytes(8))
        assert "part_unreadable" in kinds(verified(lake))

    def test_a_part_replaced_by_another(self, lake, verified):
        part, other = live_parts(lake, "quotes")[:2]
        shutil.copy(other, part)
        assert kinds(verified(lake)) & {"part_size", "part_replaced", "rows_missing", "rows_doubled"}

    def test_a_part_with_other_values(self, lake, verified):
        part = live_parts(lake, "trades")[0]
        table = pq.read_table(part)
        changed = pl.from_arrow(table).with_columns(pl.col("price") + 1).to_arrow().cast(table.schema)
        pq.write_table(changed, part)
        named = part.rename(part.with_name(f"{part.stem[:-8]}{checksum_of(part)}.parquet"))
        entry = next(e for e in (lake / "silver/trades/_delta_log").glob("*.json") if part.name in e.read_text())
        size = json.loads(next(line for line in entry.read_text().splitlines() if part.name in line))["add"]["size"]
        told = entry.read_text().replace(f'"size":{size}', f'"size":{named.stat().st_size}')
        entry.write_bytes(resealed(told.replace(part.name, named.name).encode()))
        assert verified(lake)["ok"]
        answer = verified(lake, deep=True)
        assert kinds(answer) == {"content_differs"}
        assert "price" in answer["findings"][0]["what"]

    @pytest.mark.parametrize("table", ["trades", "ingest_manifest", "quarantine"])
    def test_the_newest_commit_removed(self, lake, verified, table):
        newest_entry(lake, table).unlink()
        assert kinds(verified(lake)), table

    def test_a_commit_removed_between_others(self, lake, examined):
        first = min((lake / "silver/trades/_delta_log").glob("*.json"))
        newest = newest_entry(lake, "trades")
        middle = first.with_name(f"{1:020}.json")
        assert first < middle < newest
        middle.unlink()
        answer = examined(lake)
        assert "commit_missing" in kinds(answer)
        assert any(one["path"].endswith(middle.name) for one in answer["findings"])

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ({"rows_written": "39"}, "manifest_counts"),
            ({"rows_written": "50", "rows_read": "50"}, "rows_missing"),
            ({"rows_written": "30", "rows_read": "30"}, "rows_extra"),
            ({"status": "'failed'"}, "rows_without_success"),
            ({"status": "'pending'"}, "rows_without_success"),
            ({"status": "'superseded'", "superseded_by": "999"}, "manifest_link"),
            ({"date": "'2024-05-02'"}, "rows_misplaced"),
            ({"rows_quarantined": "1"}, "quarantine_extra"),
            ({"rows_quarantined": "3"}, "quarantine_missing"),
            ({"file_size_bytes": "5"}, "bronze_changed"),
        ],
    )
    @pytest.mark.share(2)
    def test_a_manifest_row_changed(self, lake, verified, values, kind):
        ledger = pl.read_delta(str(lake / "silver/ingest_manifest"))
        wanted = ledger.filter(status="success", rows_read=40)
        aside = pl.col("rows_quarantined") > 0
        file_id = wanted.filter(aside if "rows_quarantined" in values else ~aside)["file_id"][0]
        change_manifest(lake, file_id, **values)
        answer = verified(lake)
        assert kind in kinds(answer)
        assert {one["file"] for one in answer["findings"]} == {file_id}

    def test_a_superseded_file_said_to_be_in(self, lake, verified):
        ledger = pl.read_delta(str(lake / "silver/ingest_manifest"))
        change_manifest(lake, ledger.filter(status="superseded")["file_id"][0], status="'success'")
        assert "rows_missing" in kinds(verified(lake))

    def test_a_row_doubled(self, lake, verified):
        table = str(lake / "silver/trades")
        row = pl.read_delta(table).head(1)
        row.write_delta(table, mode="append")
        answer = verified(lake)
        assert kinds(answer) == {"rows_doubled"}
        assert answer["findings"][0]["file"] == row["file_id"][0]

    def test_a_row_in_place_of_another(self, lake, verified):
        table = DeltaTable(lake / "silver/trades")
        file_id = pl.read_delta(str(lake / "silver/trades"))["file_id"][0]
        table.update(updates={"file_seq": "1"}, predicate=f"file_id = {file_id} AND file_seq = 2")
        assert kinds(verified(lake)) == {"rows_doubled"}

    def test_a_row_of_no_file(self, lake, verified):
        table = str(lake / "silver/trades")
        pl.read_delta(table).head(1).with_columns(file_id=pl.lit(777, pl.Int64)).write_delta(table, mode="append")
        assert kinds(verified(lake)) == {"rows_without_success"}

    def test_a_bronze_file_altered(self, lake, verified):
        path = lake / "bronze" / NAMES[0]
        path.write_bytes(file_content(NAMES[0], 41))
        answer = verified(lake)
        assert kinds(answer) == {"bronze_changed"}
        assert answer["findings"][0]["path"] == NAMES[0]

    def test_a_bronze_file_altered_in_secret(self, lake, verified):
        path = lake / "bronze" / NAMES[0]
        status, content = path.stat(), bytearray(path.read_bytes())
        content[4] ^= 1  # the time in the gzip header: same rows, same size
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert verified(lake)["ok"]
        assert kinds(verified(lake, deep=True)) == {"bronze_altered"}

    def test_an_orphan_added(self, lake, examined, verified):
        part = live_parts(lake, "trades")[0]
        shutil.copy(part, part.with_name("part-stray.parquet"))
        assert verified(lake)["ok"]
        answer = examined(lake, fix=True)
        assert kinds(answer) == {"orphan"}
        assert answer["findings"][0]["path"].endswith("part-stray.parquet")
        assert part.with_name("part-stray.parquet").exists()

    def test_a_quarantined_line_changed(self, lake, verified):
        table = DeltaTable(lake / "silver/quarantine")
        table.update(updates={"raw": "'other'"}, predicate="file_seq = 3")
        assert verified(lake)["ok"]
        assert kinds(verified(lake, deep=True)) == {"quarantine_differs"}


class TestSymbols:
    """The windows of dim_symbol."""

    @pytest.fixture
    def table(self, lake) -> DeltaTable:
        add_symbols(
            lake, [("binance", "BTCUSDT", at("2024-05-01"), 0.01), ("binance", "BTCUSDT", at("2024-06-01"), 0.1)]
        )
        return DeltaTable(lake / "silver/dim_symbol")

    @pytest.mark.usefixtures("table")
    def test_sound(self, lake, verified):
        assert verified(lake)["ok"]

    @pytest.mark.parametrize(
        ("change", "check"),
        [
            ({"valid_until": "null", "is_current": "true"}, "one_current"),
            ({"valid_until": "valid_until + interval '1 day'"}, "no_overlap"),
            ({"symbol_id": "symbol_id + 1"}, "symbol_id_derived"),
        ],
    )
    def test_damaged(self, lake, verified, table, change, check):
        table.update(updates=change, predicate="not is_current")
        answer = verified(lake)
        assert kinds(answer) == {"symbol_windows", "symbol_history"}
        assert check in " ".join(one["what"] for one in answer["findings"])


@pytest.mark.parametrize("table", ["trades", "ingest_manifest", "quarantine"])
def test_a_whole_table_removed(lake, verified, table):
    shutil.rmtree(lake / "silver" / table)
    answer = verified(lake)
    assert "unreadable_table" in kinds(answer)
    assert f"silver/{table}" in {one["path"] for one in answer["findings"]}


def test_a_table_without_files_may_be_missing(lake, verified):
    shutil.rmtree(lake / "silver" / "options_chain")
    assert verified(lake)["ok"]


def test_a_ledger_behind_silver_is_named_and_mended_by_a_start(lake, verified):
    newest_entry(lake, "ingest_manifest").unlink()
    answer = verified(lake)
    assert kinds(answer) == {"manifest_behind"}
    assert "pointline run" in answer["findings"][0]["try"]


@pytest.mark.parametrize("looks", [8, pytest.param(64, marks=pytest.mark.soak)])
def test_beside_a_busy_daemon_nothing_is_found(tmp_path, verified, looks):
    """Files come and are replaced, parts are compacted; no look at it may take that for damage."""
    lake = Lake(tmp_path / "lake", maintenance__interval_seconds=0.2, maintenance__min_small_files=2)
    put_file(lake.bronze, NAMES[0], file_content(NAMES[0], 10))
    lake.start()
    lake.wait_for("file.committed", NAMES[0])
    done = threading.Event()

    def feed() -> None:
        number = 0
        while not done.wait(0.05):
            number += 1
            name = file_name("trades", f"S{number % 12}")
            put_file(lake.bronze, name, file_content(name, 50, bad=[5], issue=number))

    feeder = threading.Thread(target=feed)
    try:
        feeder.start()
        answers = []
        while len(answers) < looks or not (lake.events("partition.compacted") or len(answers) > 10 * looks):
            answers.append(verified(lake.root, deep=len(answers) % 4 == 0))
    finally:
        done.set()
        feeder.join()
        try:
            assert lake.stop(60) == 0
        finally:
            lake.kill()
    assert [one["findings"] for one in answers if not one["ok"]] == []
    assert any(one["checked"]["contents"] for one in answers), "what came just now is compared as well"
    assert lake.manifest()["status"].is_in(["superseded"]).any(), "files were replaced meanwhile"
    assert lake.events("partition.compacted"), "parts were merged meanwhile"
    ingest_again = verified(lake.root, deep=True)
    assert {one["kind"] for one in ingest_again["findings"]} <= {"bronze_changed"}  # what came after the end
