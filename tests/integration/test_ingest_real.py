"""Whole files of every data type through the real program, against an independent reader of the same files."""

from __future__ import annotations

import datetime as dt
import math
import shutil
from pathlib import Path

import polars as pl
import pytest
from pointline_daemon.samples import DATA_TYPES, Sample, write_sample

from pointline.tables.registry import event_tables
from pointline.tables.schema import Kind
from tests.support.oracle import totals
from tests.support.process import Lake

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "bronze"
LEVELS = {"ask_price": "asks[{}].price", "ask_amount": "asks[{}].amount"} | {
    "bid_price": "bids[{}].price",
    "bid_amount": "bids[{}].amount",
}


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    yield lake
    lake.kill()


def silver_totals(name: str, frame: pl.DataFrame) -> dict[str, float]:
    """Count and exact sums by the vendor's column names; lists of levels are taken apart again."""
    sums: dict[str, float] = {}
    for column in event_tables()[name].columns:
        if column.kind is not Kind.NUMBER:
            continue
        values = frame[column.name] if column.name in frame.columns else _level(frame, column.name)
        sums[column.name] = math.fsum(values.drop_nulls().to_list())
    return {"count": frame.height, **sums}


def _level(frame: pl.DataFrame, raw: str) -> pl.Series:
    side, _, rest = raw.partition("[")
    level, _, what = rest.partition("].")
    return frame[f"{side.removesuffix('s')}_{what}"].list.get(int(level), null_on_oob=True)


def check(lake: Lake, paths: dict[str, list[Path]]) -> int:
    """Compare every table with its files; the number of rows in all."""
    rows = 0
    for name, files in paths.items():
        found = silver_totals(name, lake.table(name))
        expected = totals(files, [column for column in found if column != "count"])
        assert found == expected
        rows += int(found["count"])
    return rows


def check_lineage(lake: Lake, names: list[str]) -> None:
    """Every row has its number in its file, from 1 on without a gap."""
    written = dict(lake.manifest().select("file_id", "rows_written").rows())
    for name in names:
        per_file = (
            lake.table(name)
            .group_by("file_id")
            .agg(pl.len(), pl.col("file_seq").n_unique().alias("n"), pl.col("file_seq").max())
        )
        for file_id, count, distinct, last in per_file.select("file_id", "len", "n", "file_seq").rows():
            assert count == distinct == last == written[file_id]


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder with real market data is not beside this repository")
class TestRealFiles:
    """Sixteen real files: every row, every number, once."""

    def test_all_of_them(self, lake):
        shutil.copytree(REAL, lake.bronze, dirs_exist_ok=True)
        assert lake.once(120) == 0
        manifest = lake.manifest()
        assert manifest["status"].to_list() == ["success"] * 16
        assert manifest["rows_written"].sum() == manifest["rows_read"].sum() == 933_987
        by_table: dict[str, list[Path]] = {}
        for path in lake.bronze.rglob("*.csv.gz"):
            by_table.setdefault(path.parents[2].name.removeprefix("type="), []).append(path)
        assert check(lake, by_table) == 933_987
        check_lineage(lake, list(by_table))
        before = lake.versions()
        assert lake.once(60) == 0
        assert lake.versions() == before


class TestGeneratedFiles:
    """Generated files of all data types in all three layouts, and nothing changes when they are seen again."""

    def test_all_types(self, lake):
        paths: dict[str, list[Path]] = {}
        layouts = ("hive_path", "file_name", "url_path")
        for number, data_type in enumerate(DATA_TYPES):
            for day in (1, 2):
                symbol = "OPTIONS" if data_type == "options_chain" else "BTCUSDT"
                one = Sample(
                    exchange="deribit", data_type=data_type, symbol=symbol, date=dt.date(2024, 5, day), rows=700
                )
                path = lake.bronze / getattr(one, layouts[(number + day) % 3])
                write_sample(one, path)
                paths.setdefault(data_type, []).append(path)
        assert lake.once() == 0
        assert set(lake.manifest()["status"]) == {"success"}
        assert check(lake, paths) == 18 * 700
        check_lineage(lake, list(paths))
        before = lake.versions()
        assert lake.once() == 0
        assert lake.versions() == before

    def test_partitions_are_days_of_exchanges(self, lake):
        for exchange in ("binance", "deribit"):
            for day in (1, 2):
                one = Sample(exchange=exchange, data_type="quotes", symbol="BTC", date=dt.date(2024, 5, day), rows=10)
                write_sample(one, lake.bronze / one.file_name)
        assert lake.once() == 0
        quotes = lake.table("quotes")
        assert quotes.columns[-3:] == ["date", "file_id", "file_seq"]
        assert quotes.group_by("exchange", "date").len().height == 4
        assert (quotes["date"] == quotes["local_timestamp"].dt.date()).all()
