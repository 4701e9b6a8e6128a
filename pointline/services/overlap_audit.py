"""No row of a day is in silver twice: files of one symbol and day must not overlap in time."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import polars as pl

from pointline.services.findings import Finding
from pointline.tables.ingest_manifest import Status, stands_at
from pointline.tables.spelling import is_group, symbol_key

SERIES = ("exchange", "data_type", "date", "key")


def audit_overlap(ledger: pl.DataFrame, groups: Collection[str]) -> Iterator[Finding]:
    """Compare the times of files of a single symbol, as the ledger has them."""
    files = ledger.filter(stands_at(Status.SUCCESS), pl.col("first_local_timestamp").is_not_null())
    names = files["symbol"].cast(pl.String).unique().to_list()
    keys = {name: symbol_key(name) for name in names if not is_group(name, groups)}
    first, last = pl.col("first_local_timestamp"), pl.col("last_local_timestamp")
    files = (
        files.filter(pl.col("symbol").cast(pl.String).is_in(list(keys)))
        .with_columns(pl.col("symbol").cast(pl.String).replace_strict(keys, return_dtype=pl.String).alias("key"))
        .sort(*SERIES, first, last, "file_id")
        .with_columns(
            last.cum_max().shift(1).over(SERIES).alias("before"),
            ((first == last).shift(1) & (first.shift(1) == first)).over(SERIES).alias("after_instant"),
            pl.col("file_id").shift(1).over(SERIES).alias("other"),
        )
    )
    shares_instant = (first == pl.col("before")) & ((first == last) | pl.col("after_instant"))
    for row in files.filter((first < pl.col("before")) | shares_instant).iter_rows(named=True):
        yield Finding(
            kind="rows_overlap",
            table=row["data_type"],
            file_id=row["file_id"],
            path=row["bronze_file_path"],
            what=f"its times of {row['symbol']} overlap those of file {row['other']}: rows may be in silver twice",
        )
