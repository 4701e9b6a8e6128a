"""Who may share rows with whom, known before anything is read: files of one symbol and day, or of several days."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from pointline.services.files.identity.lookup import has_days
from pointline.tables.ingest_manifest import Status, stands_at
from pointline.tables.spelling import symbol_key, which_hold_many


def find_crowded(asked: pl.DataFrame, entries: pl.DataFrame, groups: Collection[str]) -> set[int]:
    """Return the positions of files that may share rows with others: of their symbol, or of a group."""
    day = ["exchange", "data_type", "date"]
    alive = entries.filter(stands_at(Status.SUCCESS, Status.PENDING)).join(asked, on=day, how="semi")
    path = pl.col("bronze_file_path").hash().alias("path")  # compared as a number, a day of many files costs little
    columns = [*day, "symbol", path, pl.col("feed").cast(pl.String)]
    files = _keyed(pl.concat([asked.select(columns), alive.select(columns)]), groups)
    of_key = files.group_by(*day, "key").agg(pl.col("path").n_unique().alias("of_key"))
    of_day = files.group_by(day).agg(
        pl.col("path").n_unique().alias("of_day"), (pl.col("key") == "").any().alias("has_group")
    )
    counted = _keyed(asked, groups).join(of_key, on=[*day, "key"]).join(of_day, on=day)
    meets = (pl.col("of_key") > 1) | (pl.col("has_group") & (pl.col("of_day") > 1))
    return set(counted.filter(meets)["position"])


def find_reaching_beyond_a_day(asked: pl.DataFrame, entries: pl.DataFrame) -> set[int]:
    """Return the positions of described files that may share days with others, one of which has several days."""
    described = asked.filter(pl.col("feed") != "")
    if described.is_empty():
        return set()
    series = ["exchange", "data_type"]
    known = entries.filter(pl.col("feed").is_not_null(), stands_at(Status.SUCCESS, Status.PENDING))
    columns = [*series, "bronze_file_path", "has_days"]
    files = pl.concat([described.select(columns), known.with_columns(has_days()).select(columns)])
    many = files.group_by(series).agg(
        pl.col("bronze_file_path").n_unique().alias("files"), pl.col("has_days").any().alias("reaches")
    )
    met = described.join(many.filter("reaches", pl.col("files") > 1), on=series, how="semi")
    return set(met["position"])


def _keyed(files: pl.DataFrame, groups: Collection[str]) -> pl.DataFrame:
    """Add the ``key`` of the symbol, empty where a file may hold many."""
    symbol = pl.col("symbol").cast(pl.String)
    names = files["symbol"].unique().cast(pl.String).to_list()
    keys = {name: symbol_key(name) for name in names if symbol_key(name) != name}
    key = pl.when(which_hold_many(files, groups)).then(pl.lit("")).otherwise(symbol.replace(keys))
    return files.with_columns(key.alias("key"))
