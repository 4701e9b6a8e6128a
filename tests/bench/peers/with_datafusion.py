"""DataFusion from the folder's CSV into a Parquet table that is appended to."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("timestamp", pa.int64()),
        ("local_timestamp", pa.int64()),
        ("id", pa.string()),
        ("side", pa.string()),
        ("price", pa.float64()),
        ("amount", pa.float64()),
    ]
)
TIMES = ", ".join(
    f"arrow_cast({name}, 'Timestamp(Microsecond, Some(\"UTC\"))') AS {name}"
    for name in ("timestamp", "local_timestamp")
)


def load(bronze: Path, out: Path) -> None:
    from datafusion import SessionConfig, SessionContext  # noqa: PLC0415 - an optional extra

    context = SessionContext(SessionConfig().set("datafusion.execution.listing_table_ignore_subdirectory", "false"))
    context.register_csv("files", bronze, schema=SCHEMA, file_extension=".csv.gz", file_compression_type="gzip")
    (out / "trades").mkdir(exist_ok=True)
    rows = f"SELECT exchange, symbol, {TIMES}, id, side, price, amount FROM files"
    context.sql(rows).write_parquet(out / "trades", "zstd", 1)


def read(out: Path) -> pl.DataFrame:
    return pl.read_parquet(out / "trades" / "**/*.parquet", columns=["symbol", "id", "price"], hive_partitioning=False)
