"""DuckDB into a table of its own file, with a table of the names that are in already."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.bench.peers.peer import sources

COLUMNS = {
    "exchange": "VARCHAR",
    "symbol": "VARCHAR",
    "timestamp": "BIGINT",
    "local_timestamp": "BIGINT",
    "id": "VARCHAR",
    "side": "VARCHAR",
    "price": "DOUBLE",
    "amount": "DOUBLE",
}
TIMES = "make_timestamp(timestamp) AS timestamp, make_timestamp(local_timestamp) AS local_timestamp"


def load(bronze: Path, out: Path) -> None:
    import duckdb  # noqa: PLC0415 - an optional extra

    with duckdb.connect(str(out / "lake.duckdb")) as database:
        database.execute("CREATE TABLE IF NOT EXISTS loaded (path VARCHAR)")
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items()).replace(
            "stamp BIGINT", "stamp TIMESTAMP"
        )
        database.execute(f"CREATE TABLE IF NOT EXISTS trades ({columns})")
        known = {path for (path,) in database.execute("SELECT path FROM loaded").fetchall()}
        new = [str(path) for path in sources(bronze) if str(path) not in known]
        if not new:
            return
        database.execute("BEGIN")
        database.execute(
            f"INSERT INTO trades SELECT * REPLACE ({TIMES}) FROM read_csv(?, columns = {COLUMNS}, header = true)", [new]
        )
        database.executemany("INSERT INTO loaded VALUES (?)", [[path] for path in new])
        database.execute("COMMIT")


def read(out: Path) -> pl.DataFrame:
    import duckdb  # noqa: PLC0415 - as above

    target = out / "rows.parquet"
    with duckdb.connect(str(out / "lake.duckdb"), read_only=True) as database:
        database.execute(f"COPY (SELECT symbol, id, price FROM trades) TO '{target}' (FORMAT parquet)")
    return pl.read_parquet(target)
