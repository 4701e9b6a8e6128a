"""What a lake is measured against: ``scan_csv -> sink_parquet``, no table, no ledger, no check, nothing flushed.

``python -m tests.bench.bare BRONZE OUT DATA_TYPE AT_A_TIME``: one Parquet file per input file, columns typed as silver
has them. Prints the seconds it took once everything was loaded. Polars and the standard library only, so that nothing
else has to be loaded.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import polars as pl
import polars.selectors as cs

COMMON = {
    "exchange": pl.String,
    "symbol": pl.String,
    "timestamp": pl.Int64,
    "local_timestamp": pl.Int64,
}
LEVELS = [(level, side, what) for level in range(25) for side in ("asks", "bids") for what in ("price", "amount")]
SCHEMAS = {
    "trades": {**COMMON, "id": pl.String, "side": pl.String, "price": pl.Float64, "amount": pl.Float64},
    "incremental_book_L2": {
        **COMMON,
        "is_snapshot": pl.Boolean,
        "side": pl.String,
        "price": pl.Float64,
        "amount": pl.Float64,
    },
    "book_snapshot_25": {**COMMON, **{f"{side}[{level}].{what}": pl.Float64 for level, side, what in LEVELS}},
}


def typed(data_type: str) -> list[pl.Expr]:
    """What turns the parser's columns into those that silver has."""
    times = pl.col("timestamp", "local_timestamp").cast(pl.Datetime("us", "UTC"))
    if data_type != "book_snapshot_25":
        return [times]
    lists = [
        pl.concat_list([f"{raw}[{level}].{what}" for level in range(25)]).alias(f"{side}_{what}")
        for side, raw in (("ask", "asks"), ("bid", "bids"))
        for what in ("price", "amount")
    ]
    return [times, *lists]


def convert(data_type: str, source: Path) -> pl.LazyFrame:
    """The rows of one file, typed as silver has them."""
    rows = pl.scan_csv(source, schema=SCHEMAS[data_type]).with_columns(typed(data_type))
    return rows.select(~cs.contains("["))


def write(data_type: str, bronze: Path, out: Path, source: Path) -> None:
    name = "_".join(source.relative_to(bronze).parts).removesuffix(".csv.gz")
    convert(data_type, source).sink_parquet(out / f"{name}.parquet", compression="zstd", compression_level=1)


def main(bronze: Path, out: Path, data_type: str, at_a_time: int) -> None:
    sources = sorted(bronze.rglob("*.csv.gz"))
    out.mkdir(parents=True)
    step = partial(write, data_type, bronze, out)
    begun = time.perf_counter()
    if at_a_time == 1:
        for source in sources:
            step(source)
    else:
        with ThreadPoolExecutor(at_a_time) as pool:
            list(pool.map(step, sources))
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
