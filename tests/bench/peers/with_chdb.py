"""chDB, which is ClickHouse in the process: ``INSERT ... SELECT FROM file(...)`` into a MergeTree."""

from __future__ import annotations

from pathlib import Path

import polars as pl

COLUMNS = (
    "exchange LowCardinality(String), symbol LowCardinality(String), timestamp DateTime64(6, 'UTC'), "
    "local_timestamp DateTime64(6, 'UTC'), id String, side LowCardinality(String), price Float64, amount Float64"
)
RAW = (
    "exchange String, symbol String, timestamp Int64, local_timestamp Int64, id String, side String, "
    "price Float64, amount Float64"
)
TIMES = "fromUnixTimestamp64Micro(timestamp, 'UTC'), fromUnixTimestamp64Micro(local_timestamp, 'UTC')"


def load(bronze: Path, out: Path) -> None:
    from chdb.session import Session  # noqa: PLC0415 - an optional extra

    session = Session(str(out / "clickhouse"))
    session.query(
        f"CREATE TABLE IF NOT EXISTS trades ({COLUMNS}) ENGINE = MergeTree ORDER BY (exchange, symbol, timestamp)"
    )
    session.query(
        f"INSERT INTO trades SELECT exchange, symbol, {TIMES}, id, side, price, amount "
        f"FROM file('{bronze}/**/*.csv.gz', 'CSVWithNames', '{RAW}', 'gzip')"
    )
    session.close()


def read(out: Path) -> pl.DataFrame:
    from chdb.session import Session  # noqa: PLC0415 - as above

    target = out / "rows.parquet"
    target.unlink(missing_ok=True)
    session = Session(str(out / "clickhouse"))
    session.query(f"SELECT toString(symbol) AS symbol, id, price FROM trades INTO OUTFILE '{target}' FORMAT Parquet")
    session.close()
    return pl.read_parquet(target).with_columns(pl.col("symbol", "id").cast(pl.String))
