"""The ledger is lost, or has to be made anew, and a data file is lost besides: each costs what it held, and no more.

What only one of both would have told must not be undone for the other's sake: files that are not in bronze any more
keep their rows, what was withdrawn stays out, and ids stay.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import pointline

LOST, GONE, OUT, LATE, NEW = (file_name("trades", symbol) for symbol in ("LOST", "GONE", "OUT", "LATE", "NEW"))
LONG_AGO = 1_700_000_000
ROWS = {LOST: 3, GONE: 4, OUT: 5, LATE: 2}


def make_lake(root: Path) -> dict[str, int]:
    """Ingest four files; one leaves bronze then, one is withdrawn. Return their ids."""
    for name, rows in ROWS.items():
        put_file(root / "bronze", name, file_content(name, rows))
        assert pointline(root, "run", "--once").returncode == 0
    ids = {Path(path).name: file_id for file_id, path, _ in ledger(root)}
    next((root / "bronze").rglob(GONE)).unlink()
    assert pointline(root, "withdraw", str(ids[OUT])).returncode == 0
    return ids


def ledger(root: Path) -> list[tuple[int, str, str]]:
    files = json.loads(pointline(root, "files", "--json", "--last", "0").stdout)
    return [(one["file_id"], one["bronze_file_path"], one["status"]) for one in files]


def doctor(root: Path) -> list[dict[str, str]]:
    return json.loads(pointline(root, "doctor", "--json").stdout)["findings"]


def held(root: Path) -> dict[int, int]:
    rows = pl.read_delta(str(root / "silver" / "trades")).group_by("file_id").len()
    return dict(rows.iter_rows())


def lose_part_of(root: Path, file_id: int) -> None:
    """Remove the data file that has the rows of a file, if they are alone in it."""
    (part,) = [
        path
        for path in (root / "silver" / "trades").rglob("*.parquet")
        if pl.read_parquet(path, columns=["file_id"])["file_id"].unique().to_list() == [file_id]
    ]
    part.unlink()


def lose_ledger(root: Path, way: str) -> None:
    folder = root / "silver" / "ingest_manifest"
    if way == "gone":
        shutil.rmtree(folder)
    else:  # it says a thing twice, and is made again
        write_deltalake(str(folder), pl.read_delta(str(folder)).head(1).to_arrow(), mode="append")


@pytest.mark.parametrize("mended_by", ["repair", "run"])
@pytest.mark.parametrize("way", ["gone", "doubled"])
def test_ledger_and_a_data_file(tmp_path, way, mended_by):
    ids = make_lake(tmp_path)
    before = sorted(ledger(tmp_path))
    lose_ledger(tmp_path, way)
    lose_part_of(tmp_path, ids[LOST])
    if mended_by == "run":
        started = pointline(tmp_path, "run", "--once")
        assert started.returncode == (0 if way == "gone" else 1), started.stdout
    done = pointline(tmp_path, "repair")
    assert (done.returncode, "verify --deep: no problems found" in done.stdout) == (0, True), done.stdout
    assert sorted(ledger(tmp_path)) == before
    assert held(tmp_path) == {ids[name]: ROWS[name] for name in (LOST, GONE, LATE)}


@pytest.mark.parametrize("mended_by", ["repair", "run"])
def test_what_neither_ledger_nor_log_tells_of(tmp_path, mended_by):
    """Rows in sound data files are named, by a start and by ``repair``, and their ids are not given again."""
    ids = make_lake(tmp_path)
    lose_ledger(tmp_path, "gone")
    shutil.rmtree(tmp_path / ".pointline")
    entries = sorted((tmp_path / "silver" / "trades" / "_delta_log").glob("*.json"))
    for entry in entries[-2:]:  # the withdrawal, and the file before it
        entry.unlink()
    (tmp_path / "bronze" / LATE).unlink()
    put_file(tmp_path / "bronze", NEW, file_content(NEW, 7))
    started = pointline(tmp_path, "run", "--once") if mended_by == "run" else None
    if started is not None:
        assert "2 rows of 1 file" in started.stdout
    assert "which 1 file had 2 rows" in pointline(tmp_path, "repair", "--dry-run").stdout or started is None
    done = pointline(tmp_path, "repair")
    assert (done.returncode, "which 1 file had 2 rows" in done.stdout) == (1, True), done.stdout
    after = {path: file_id for file_id, path, _ in ledger(tmp_path)}
    assert after[NEW] > max(ids.values())
    assert {name: after[name] for name in (LOST, GONE)} == {name: ids[name] for name in (LOST, GONE)}
    # nothing else has these rows: maintenance leaves them, and takes what a crash left of files that are known
    crashed = next((tmp_path / "silver" / "trades").rglob("*.parquet")).with_name("crashed.parquet")
    pl.DataFrame({"file_id": [ids[LOST]], "file_seq": [1]}, schema_overrides={"file_seq": pl.Int32}).write_parquet(
        crashed
    )
    orphans = {one["path"]: one["try"] for one in doctor(tmp_path) if one["kind"] == "orphan"}
    assert [path for path, advice in orphans.items() if "leaves it" not in advice] == [
        str(crashed.relative_to(tmp_path))
    ]
    vacuum = ("maintain", "--vacuum", "--retention-hours", "0", "--below-floor")
    assert pointline(tmp_path, *vacuum).returncode == 0
    [left] = [one["path"] for one in doctor(tmp_path) if one["kind"] == "orphan"]
    assert pl.read_parquet(tmp_path / left)["file_id"].unique().to_list() == [ids[LATE]]
    (tmp_path / left).unlink()
    assert pointline(tmp_path, "repair").returncode == 0


def test_a_replaced_file_whose_successor_is_not_known(tmp_path):
    name = LATE
    for rows in (3, 4):
        put_file(tmp_path / "bronze", name, file_content(name, rows))
        assert pointline(tmp_path, "run", "--once").returncode == 0
    table = str(tmp_path / "silver" / "ingest_manifest")
    replaced = pl.read_delta(table).filter(status="superseded")["file_id"].item()
    DeltaTable(table).update({"superseded_by": "null"}, predicate="status = 'superseded'")
    assert "manifest_link" in pointline(tmp_path, "verify").stdout
    assert f"file {replaced} is history" in pointline(tmp_path, "repair", "--dry-run").stdout
    done = pointline(tmp_path, "repair")
    assert (done.returncode, f"file {replaced} is history" in done.stdout) == (0, True), done.stdout
    assert pointline(tmp_path, "verify", "--deep").returncode == 0


def test_repair_ingests_what_bronze_has_anew(tmp_path):
    """One is enough, whether it had anything else to mend or not."""
    put_file(tmp_path / "bronze", LATE, file_content(LATE, 3))
    assert pointline(tmp_path, "run", "--once").returncode == 0
    put_file(tmp_path / "bronze", LATE, file_content(LATE, 5))
    os.utime(tmp_path / "bronze" / LATE, (LONG_AGO, LONG_AGO))
    told = "1 file in bronze to be read by an ingest"
    assert told in pointline(tmp_path, "repair", "--dry-run").stdout
    done = pointline(tmp_path, "repair")
    assert (done.returncode, told in done.stdout) == (0, True), done.stdout
    assert list(held(tmp_path).values()) == [5]
