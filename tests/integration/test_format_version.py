"""Format versions: what an earlier release wrote is upgraded by a start, what a later one wrote is refused by all.

``lake-e0ba0e8`` was written by that commit, which gave its tables no version and listed facts by their place: four
files in two batches, two rows of one quarantined, one file replaced, and a checkpoint between the batches.
"""

from __future__ import annotations

import json
import shutil
import signal
import tarfile
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from pointline_daemon.opening.lake import CREATED_AT_ONCE, open_lake
from polars.testing import assert_frame_equal

import pointline
from pointline.config import load_config
from pointline.errors import NewerFormat
from pointline.io.delta_log.format_version import FORMAT_VERSION, PROPERTY
from tests.support.kill import Moment, run_until
from tests.support.lake_check import (
    assert_exact,
    expect,
    file_content,
    file_name,
    ids_by_version,
    put_file,
    read_manifest,
)
from tests.support.maintained import tend
from tests.support.process import pointline as command

KEPT = Path(__file__).parents[1] / "fixtures"
LATER = str(FORMAT_VERSION + 1)
BTC, XRP = file_name("trades", "BTCUSDT"), file_name("trades", "XRPUSDT")
STATUSES = ["success", "superseded", "success", "success", "success"]
COMMANDS = [
    ("run", "--once"),
    ("status",),
    ("status", "--json"),
    ("files",),
    ("files", "--json"),
    ("files", "--unrecognised"),
    ("explain", BTC),
    ("trace", "trades", "2", "1"),
    ("quarantine",),
    ("quarantine", "3"),
    ("retry", "3", "--dry-run"),
    ("retry", "3"),
    ("withdraw", "3", "--dry-run"),
    ("withdraw", "3"),
    ("coverage",),
    ("repair",),
    ("repair", "--dry-run"),
    ("repair", "--table", "trades"),
    ("maintain",),
    ("maintain", "--dry-run"),
    ("verify",),
    ("verify", "--deep"),
    ("doctor",),
    ("doctor", "--fix"),
    ("symbols", "show"),
    ("symbols", "update", "listed.csv", "--exchange", "okx", "--effective-at", "2024-05-01"),
]
WRITING = [arguments for arguments in COMMANDS if arguments[0] in {"run", "doctor", "verify", "repair"}]


@pytest.fixture(scope="module", params=["829b7c8", "e0ba0e8"])
def older(request, tmp_path_factory) -> Path:
    return unpacked(request.param, tmp_path_factory.mktemp("older"))


@pytest.fixture(scope="module")
def positional(tmp_path_factory) -> Path:
    return unpacked("e0ba0e8", tmp_path_factory.mktemp("positional"))


def unpacked(commit: str, folder: Path) -> Path:
    with tarfile.open(KEPT / f"lake-{commit}.tar.xz") as kept:
        kept.extractall(folder, filter="data")
    lake = folder / "lake"
    (lake / "pointline.toml").write_text("[ingest]\nsettle_seconds = 0\n")
    return lake


def copied(lake: Path, to: Path) -> Path:
    return Path(shutil.copytree(lake, to / "lake"))


def start(lake: Path, *, code: int = 0) -> str:
    done = command(lake, "run", "--once")
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def tables(lake: Path) -> dict[str, DeltaTable]:
    logs = [path for path in (lake / "silver").glob("*/_delta_log") if any(path.glob("*.json"))]  # made and not begun
    return {path.parent.name: DeltaTable(path.parent) for path in logs}


def format_versions(lake: Path) -> set[str | None]:
    return {table.metadata().configuration.get(PROPERTY) for table in tables(lake).values()}


def commits(lake: Path) -> dict[str, int]:
    return {name: table.version() for name, table in tables(lake).items()}


def content(lake: Path) -> dict[str, bytes]:
    return {path.relative_to(lake).as_posix(): path.read_bytes() for path in lake.rglob("*") if path.is_file()}


def in_silver(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: one for name, one in files.items() if name.startswith("silver/")}


def set_version(lake: Path, value: str, *names: str) -> None:
    """Commit a format version as a later release would."""
    for name, table in tables(lake).items():
        if not names or name in names:
            metadata = table.metadata()
            told = {
                "id": str(metadata.id),
                "format": {"provider": "parquet", "options": {}},
                "schemaString": table.schema().to_json(),
                "partitionColumns": metadata.partition_columns,
                "createdTime": metadata.created_time,
                "configuration": {**metadata.configuration, PROPERTY: value},
            }
            entry = lake / "silver" / name / "_delta_log" / f"{table.version() + 1:020}.json"
            info = {"timestamp": 1, "operation": "UPGRADE", "pointline_added": 0, "pointline_removed": 0}
            entry.write_text("\n".join(json.dumps(one) for one in ({"commitInfo": info}, {"metaData": told})))


@pytest.fixture(scope="module")
def later(positional: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = copied(positional, tmp_path_factory.mktemp("later"))
    start(lake)
    set_version(lake, LATER)
    return lake


def test_a_new_lake_has_the_version_of_this_release(tmp_path):
    start(tmp_path)
    assert format_versions(tmp_path) == {str(FORMAT_VERSION)}


def test_a_start_upgrades_and_does_so_once(older, tmp_path):
    lake = copied(older, tmp_path)
    assert format_versions(lake) == {None}
    ids = ids_by_version(lake)
    code = command(lake, "run", "--once").returncode
    assert format_versions(lake) == {str(FORMAT_VERSION)}
    kept = {table.metadata().configuration["delta.logRetentionDuration"] for table in tables(lake).values()}
    assert kept == {"interval 1 hours"}
    before = commits(lake)
    start(lake, code=code)
    assert commits(lake) == before
    assert ids.items() <= ids_by_version(lake).items()
    said = command(lake, "verify", "--deep")
    assert said.returncode == 0, said.stdout


def statuses(lake: Path) -> list[str]:
    return pointline.scan("ingest_manifest", lake_root=lake).collect().sort("file_id")["status"].to_list()


def test_a_ledger_is_made_again_from_facts_that_are_told_by_place_and_by_name(positional, tmp_path):
    """From commits of the earlier release, from its records of dropped entries, and from both after an upgrade."""
    lake = copied(positional, tmp_path)
    ids = ids_by_version(lake)
    shutil.rmtree(lake / "silver/ingest_manifest")
    start(lake)
    assert statuses(lake) == STATUSES
    assert {file_id: key[0] for key, file_id in ids_by_version(lake).items()} == {
        file_id: key[0] for key, file_id in ids.items()
    }
    put_file(lake / "bronze", BTC, file_content(BTC, 30, issue=3))
    start(lake)
    ids = ids_by_version(lake)
    checkpoint(lake)
    shutil.rmtree(lake / "silver/ingest_manifest")
    start(lake)
    assert ids_by_version(lake) == ids
    assert_exact(lake, expect(lake / "bronze"), ids)


def checkpoint(lake: Path) -> None:
    tend(open_lake(load_config(lake, environ={})), ["checkpoint"])
    assert not list((lake / "silver/trades/_delta_log").glob("*0.json"))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_refuses_a_later_one_with_one_sentence(arguments, later, tmp_path):
    (tmp_path / "listed.csv").write_text("symbol,tick_size\nBTC-USDT,0.1\n")
    before = content(later)
    done = command(later, *(str(tmp_path / one) if one == "listed.csv" else one for one in arguments))
    assert done.returncode == 1, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert f"format version {LATER}" in said, said
    assert said.count("format version") == 1, said
    assert "Traceback" not in said
    if "--json" in arguments:
        assert f"format version {LATER}" in json.loads(done.stdout)["error"]
    else:
        assert [line[:6] for line in done.stderr.splitlines()] == ["error:", "try:  "], said
    after = content(later)
    assert in_silver(after) == in_silver(before)


def test_python_refuses_a_later_one(later):
    for table in ("trades", "ingest_manifest", "dim_symbol"):
        with pytest.raises(NewerFormat, match=f"format version {LATER}"):
            pointline.scan(table, lake_root=later)
    rows = pl.LazyFrame(
        schema={"exchange": pl.String, "symbol": pl.String, "local_timestamp": pl.Datetime("us", "UTC")}
    )
    with pytest.raises(NewerFormat, match=f"format version {LATER}"):
        pointline.with_symbols(rows, lake_root=later)


@pytest.mark.parametrize("value", [LATER, "2.1", "", "-1"])
@pytest.mark.parametrize("table", ["ingest_manifest", "trades", "dim_symbol"])
@pytest.mark.share(3)
def test_one_later_table_is_enough_for_those_who_write(table, value, positional, tmp_path):
    lake = copied(positional, tmp_path)
    set_version(lake, value, table)
    before = content(lake)
    for arguments in WRITING:
        done = command(lake, *arguments)
        assert done.returncode == 1, done.stdout
        assert f"{table} has format version {value}" in done.stdout + done.stderr
    assert in_silver(content(lake)) == in_silver(before)


@pytest.mark.parametrize("summed_up", [False, True])
def test_a_later_one_that_is_torn_is_not_mended(summed_up, positional, tmp_path):
    """What looks torn to this release may be whole to the one that wrote it."""
    lake = copied(positional, tmp_path)
    set_version(lake, LATER, "trades")
    trades = lake / "silver/trades"
    if summed_up:
        DeltaTable(trades).create_checkpoint()
    torn = trades / f"_delta_log/{DeltaTable(trades).version() + 1:020}.json"
    torn.write_text('{"commitInfo":{"what')
    done = command(lake, "run", "--once")
    assert done.returncode == 1
    assert f"trades has format version {LATER}" in done.stdout + done.stderr
    assert torn.exists()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 5, 12])
@pytest.mark.share(2)
def test_killed_while_it_upgrades(when, nth, positional, tmp_path):
    """Each table is upgraded by one commit, the ledger first: a start takes it up where another was killed."""
    lake = copied(positional, tmp_path)
    ids = ids_by_version(lake)
    ran = run_until(lake, Moment("disk.link", when, nth))
    assert ran.returncode == -signal.SIGKILL, ran.stdout + ran.stderr
    done = [table.metadata().configuration.get(PROPERTY) for table in tables(lake).values()]
    beside = CREATED_AT_ONCE - 1  # others that had come to their commit, and were not through it
    assert done.count(str(FORMAT_VERSION)) >= nth - (when == "before") - beside
    ledger = tables(lake)["ingest_manifest"].metadata().configuration
    assert (PROPERTY in ledger) is ((when, nth) != ("before", 1))
    start(lake)
    assert format_versions(lake) == {str(FORMAT_VERSION)}
    assert_exact(lake, expect(lake / "bronze"), ids)


@pytest.mark.parametrize("summed_up", [False, True])
def test_the_order_of_facts_is_free(summed_up, tmp_path, positional):
    """A commit of another release may list the facts in another order, with some that nobody here knows.

    So may the record that stays when a checkpoint stands for it.
    """
    lake = copied(positional, tmp_path)
    start(lake)
    put_file(lake / "bronze", BTC, file_content(BTC, 30, issue=3))
    start(lake)
    ids = ids_by_version(lake)
    facts = pl.exclude("attempts", "changed_ts", "inode", "receive_clock", "updated_at_us")
    before = read_manifest(lake).filter(status="success").select(facts)
    entry = max((lake / "silver/trades/_delta_log").glob("*.json"))
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    info = next(line["commitInfo"] for line in lines if "commitInfo" in line)
    del info["engineInfo"], info["pointline_crc32"]
    names = info["pointline_fields"]
    order = [0, 1, *reversed(range(2, len(names)))]
    info["pointline_fields"] = [*(names[place] for place in order), "weather"]
    info["pointline_outcomes"] = [
        [*(dict(enumerate(told)).get(place) for place in order), "fair"] for told in info["pointline_outcomes"]
    ]
    entry.write_text("\n".join(json.dumps(line) for line in lines))
    if summed_up:
        put_file(lake / "bronze", XRP, file_content(XRP, 3))
        start(lake)
        ids = ids_by_version(lake)
        before = read_manifest(lake).filter(status="success").select(facts)
        checkpoint(lake)
        assert not entry.exists()
    shutil.rmtree(lake / "silver/ingest_manifest")
    start(lake)
    assert ids_by_version(lake) == ids
    assert_exact(lake, expect(lake / "bronze"), ids)
    assert_frame_equal(read_manifest(lake).filter(status="success").select(facts), before)
