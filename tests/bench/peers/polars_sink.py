"""Polars from all files at once into Parquet, partitioned by exchange and day: the whole folder anew each time."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.bench.bare import SCHEMAS, typed
from tests.bench.peers.peer import sources


def load(bronze: Path, out: Path) -> None:
    rows = pl.scan_csv(sources(bronze), schema=SCHEMAS["trades"]).with_columns(typed("trades"))
    target = pl.PartitionBy(
        out / "trades", key=[pl.col("exchange"), pl.col("local_timestamp").dt.date().alias("date")], include_key=True
    )
    rows.sink_parquet(target, compression="zstd", compression_level=1, mkdir=True)


def read(out: Path) -> pl.DataFrame:
    return pl.read_parquet(out / "trades" / "**/*.parquet", columns=["symbol", "id", "price"], hive_partitioning=False)
