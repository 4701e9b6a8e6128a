"""A lake that an earlier release wrote: it is read as it is, brought up by the first run, and goes on.

``lake-829b7c8`` was written by that commit: five files in two batches, two rows of one quarantined, one file replaced,
one that is no market data. Its ledger lacks columns, and its commits list fewer facts of a file.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from pointline_daemon.opening.lake import open_lake

import pointline
from pointline.config import load_config
from pointline.tables.ingest_manifest import SCHEMA
from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import pointline as command

KEPT = Path(__file__).parents[1] / "fixtures" / "lake-829b7c8.tar.xz"
ROWS = {"trades": 58, "quotes": 20, "quarantine": 2}
ADDED = {"symbols", "changed_ts", "inode", "feed", "receive_clock", "days", "checksum"}
BTC = file_name("trades", "BTCUSDT")


@pytest.fixture
def lake(tmp_path) -> Path:
    with tarfile.open(KEPT) as kept:
        kept.extractall(tmp_path, filter="data")
    return tmp_path / "lake"


def said(lake: Path, *arguments: str, code: int = 0) -> str:
    done = command(lake, *arguments, ingest__settle_seconds=0)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def ledger(lake: Path) -> pl.DataFrame:
    return pointline.scan("ingest_manifest", lake_root=lake).collect().sort("file_id")


def content(lake: Path) -> dict[str, bytes]:
    return {path.relative_to(lake).as_posix(): path.read_bytes() for path in lake.rglob("*") if path.is_file()}


def rows(lake: Path) -> dict[str, int]:
    return {table: pointline.scan(table, lake_root=lake).select(pl.len()).collect().item() for table in ROWS}


def test_what_reads_reads_it_as_it_is(lake):
    before = content(lake)
    assert rows(lake) == ROWS
    assert set(DeltaTable(lake / "silver/ingest_manifest").schema().to_arrow().names) == set(SCHEMA) - ADDED
    assert ledger(lake).schema == pl.Schema(SCHEMA)
    assert ledger(lake).select(ADDED).null_count().row(0) == (6,) * len(ADDED)
    assert len(json.loads(said(lake, "files", "--json"))) == 6
    for arguments in (
        ["status"],
        ["coverage"],
        ["explain", BTC],
        ["quarantine", "2"],
        ["trace", "trades", "2", "1"],
        ["retry", "1", "--dry-run"],
        ["verify"],
        ["verify", "--deep"],
    ):
        said(lake, *arguments)
    assert content(lake) == before


def test_the_first_run_brings_it_up_and_it_goes_on(lake):
    before = ledger(lake)
    name = file_name("trades", "XRPUSDT")
    put_file(lake / "bronze", name, file_content(name, 5))
    put_file(lake / "bronze", BTC, file_content(BTC, 40, issue=2))
    said(lake, "run", "--once", code=1)  # one file is quarantined, as it was
    for table in (*ROWS, "ingest_manifest"):
        columns = pointline.scan(table, lake_root=lake).collect_schema().names()
        assert set(DeltaTable(lake / "silver" / table).schema().to_arrow().names) == set(columns)
    assert rows(lake) == {"trades": 30 + 10 + 5 + 40, "quotes": 20, "quarantine": 2}
    kept = ledger(lake).filter(pl.col("file_id").is_in(before["file_id"].to_list()))
    unchanging = ["file_id", "bronze_file_path", "file_size_bytes", "last_modified_ts", "created_at_us", "content_hash"]
    assert kept.select(unchanging).equals(before.select(unchanging))
    said(lake, "verify", "--deep")
    version = DeltaTable(lake / "silver/ingest_manifest").version()
    said(lake, "run", "--once", code=1)
    assert DeltaTable(lake / "silver/ingest_manifest").version() == version
    said(lake, "maintain")
    said(lake, "verify", "--deep")
    assert rows(lake)["trades"] == 85


def test_outcomes_that_an_older_commit_lists_are_recorded(lake):
    """As after a crash of the earlier release between the commit of the rows and that of the ledger."""
    log = lake / "silver/ingest_manifest/_delta_log"
    max(log.glob("*.json")).unlink()
    assert set(ledger(lake).filter(pl.col("file_id") > 4)["status"]) == {"pending"}
    said(lake, "run", "--once", code=1)
    assert rows(lake) == ROWS
    assert ledger(lake)["status"].to_list() == ["quarantined", "success", "success", "superseded", *["success"] * 2]
    said(lake, "verify", "--deep")


def test_parts_of_an_older_table_are_rewritten_with_all_columns(lake):
    """Compaction and updates read parts that lack columns, beside parts that have them."""
    adapters = open_lake(load_config(lake, environ={}))
    adapters.create()
    repository = adapters.manifest.repository
    before = repository.read_all().sort("file_id")
    repository.update_rows(
        before.filter(pl.col("file_id") == 6)
        .select("file_id")
        .with_columns(symbols=pl.lit(["SOLUSDT"], SCHEMA["symbols"]), inode=pl.lit(7, pl.Int64))
    )
    found = repository.read_all().sort("file_id")
    assert found["symbols"].to_list() == [None] * 5 + [["SOLUSDT"]]
    assert found.drop("symbols", "inode").equals(before.drop("symbols", "inode"))
    repository.write_full(found)
    assert repository.read_all().sort("file_id").equals(found)


def test_opened_twice_it_is_upgraded_once(lake):
    for _ in range(2):
        open_lake(load_config(lake, environ={})).create()
    assert DeltaTable(lake / "silver/ingest_manifest").version() == 5
    assert DeltaTable(lake / "silver/trades").version() == 3
