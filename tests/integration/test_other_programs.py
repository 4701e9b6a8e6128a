"""Other programs, and people, put something else into the place of a table: found, and mended by ``repair``.

They can write whatever Delta allows. A start heals it or names ``repair``, which ends clean with the rows of before.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

import pointline as pointline_api
from tests.support.lake_check import file_name, put_file, read_manifest, read_table
from tests.support.process import pointline
from tests.support.sound_lake import copy_lake

EVENTS = ("trades", "quotes")


def over(source: str, target: str) -> Callable[[Path], None]:
    def copy(silver: Path) -> None:
        shutil.rmtree(silver / target)
        shutil.copytree(silver / source, silver / target)

    return copy


def retyped(silver: Path) -> None:
    rows = pl.read_delta(str(silver / "trades")).with_columns(pl.col("price").cast(pl.String))
    write_deltalake(
        silver / "trades", rows.to_arrow(), mode="overwrite", schema_mode="overwrite", partition_by=["exchange", "date"]
    )


def partitioned_otherwise(silver: Path) -> None:
    rows = pl.read_delta(str(silver / "trades"))
    shutil.rmtree(silver / "trades")
    write_deltalake(silver / "trades", rows.to_arrow(), partition_by=["symbol"])


def of_nobody(silver: Path) -> None:
    rows = pl.read_delta(str(silver / "trades")).head(5).with_columns(file_id=pl.lit(None, pl.Int64))
    write_deltalake(silver / "trades", rows.to_arrow(), mode="append")


def set_in_ledger(column: str, value: str) -> Callable[[Path], None]:
    return lambda silver: DeltaTable(silver / "ingest_manifest").update({column: value}, predicate="file_id = 1")


DEEDS = {
    "a column of another type": retyped,
    "other partitions": partitioned_otherwise,
    "rows of nobody": of_nobody,
    "an unknown status": set_in_ledger("status", "'nonsense'"),
    "no status": set_in_ledger("status", "null"),
    "no path": set_in_ledger("bronze_file_path", "null"),
    **{
        f"{source} over {target}": over(source, target)
        for source, target in (
            ("quarantine", "trades"),
            ("quotes", "trades"),
            ("bars", "trades"),
            ("trades", "quarantine"),
            ("symbol_states", "quarantine"),
            ("quarantine", "ingest_manifest"),
            ("trades", "ingest_manifest"),
            ("bars", "ingest_manifest"),
            ("symbol_states", "ingest_manifest"),
        )
    },
}


def rows_in(lake: Path) -> list[pl.DataFrame]:
    return [read_table(lake, name).sort("file_id", "file_seq") for name in EVENTS]


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.share(4)
def test_something_else_is_in_the_place_of_a_table(sound_lake, tmp_path, deed):
    lake = copy_lake(sound_lake, tmp_path / "lake")
    before, ids = rows_in(lake), read_manifest(lake).height
    DEEDS[deed](lake / "silver")
    audit = pointline(lake, "verify")
    assert "repair" in audit.stdout + audit.stderr
    started = pointline(lake, "run", "--once")
    assert started.returncode == 0 or "`pointline repair` does it" in started.stderr, started.stderr
    if started.returncode:
        repaired = pointline(lake, "repair")
        assert pointline(lake, "run", "--once").returncode == 0, repaired.stdout + repaired.stderr
    told = pointline(lake, "verify", "--deep")
    assert told.returncode == 0, told.stdout + told.stderr
    assert [one.equals(two) for one, two in zip(rows_in(lake), before, strict=True)] == [True, True]
    assert read_manifest(lake)["file_id"].n_unique() >= ids - 1


def test_times_are_found_after_another_program_has_compacted(tmp_path):
    """Its statistics cut times to milliseconds; the rows of the last one are there all the same."""
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    at_us = 1_714_521_600_123_456
    for number, symbol in enumerate(("BTC", "ETH")):
        row = f"binance,{symbol},{at_us + number},{at_us + number},1,buy,1.5,2\n"
        put_file(tmp_path / "bronze", file_name("trades", symbol), gzip.compress((header + row).encode()))
        assert pointline(tmp_path, "run", "--once").returncode == 0
    DeltaTable(tmp_path / "silver" / "trades").optimize.compact()
    found = pointline_api.scan("trades", start="2024-05-01T00:00:00.123400", lake_root=tmp_path).collect()
    assert sorted(found["symbol"]) == ["BTC", "ETH"]
