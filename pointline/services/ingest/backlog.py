"""The folder against the ledger: which files in bronze still have to enter the lake."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from pointline.tables.ingest_manifest import CLOSED, Status, stands_at

VERSION = ("size", "mtime_us", "changed_us", "inode")


LEDGER_COLUMNS = {
    "path": "bronze_file_path",
    "size": "file_size_bytes",
    "mtime_us": "last_modified_ts",
    "changed_us": "changed_ts",
    "inode": "inode",
}
"""How the ledger calls what a survey finds."""


def backlog(
    survey: pl.DataFrame, entries: pl.DataFrame, touched: pl.DataFrame, regained: Collection[str] = ()
) -> pl.DataFrame:
    """Return ``path``, ``VERSION``, ``attempts, updated_at_us`` of versions that are new or still pending.

    ``survey`` has ``path`` and ``VERSION`` of every file in bronze, ``entries`` the ledger's rows; ``touched`` lists
    the files that have the content which the ledger knows under that id, whatever their times say. For new versions
    ``attempts`` is null, for those whose first attempt came to no end it is 0: nothing is known against them. The
    paths of ``regained`` files are read again whatever the ledger says.
    """
    anew = survey.filter(pl.col("path").is_in(list(regained)))
    survey = _open(survey, entries).filter(~pl.col("path").is_in(list(regained)))
    entries = entries.join(survey.select(bronze_file_path="path"), on="bronze_file_path", how="semi")
    # A superseded version may come back: the file was restored, with its old time stamp. It is new then.
    known = {
        "known_size": pl.col("file_size_bytes"),
        "known_mtime_us": pl.col("last_modified_ts").to_physical(),
        "known_changed_us": pl.col("changed_ts").to_physical(),
        "known_inode": pl.col("inode"),
    }
    ledger = (
        entries.lazy()
        .filter(~stands_at(*CLOSED))
        .select(
            "file_id", _attempts(), "updated_at_us", pending=stands_at(Status.PENDING), path="bronze_file_path", **known
        )
    )
    same = [
        (pl.col(name) == pl.col(f"known_{name}")).fill_null(value=True)  # what was never noted says nothing
        for name in VERSION
    ]
    one_that = ["path", "file_id", *VERSION]
    is_touched = touched.lazy().select(*one_that, is_touched=pl.lit(value=True))
    matches = survey.lazy().join(ledger, on="path", how="inner").join(is_touched, on=one_that, how="left")
    matches = matches.with_columns(pl.all_horizontal(same).alias("same")).filter(pl.col("same") | pl.col("is_touched"))
    found = matches.select("path", "file_id", *VERSION, "attempts", "updated_at_us", "pending", "same").collect()
    # Of one version under two ids the newer counts: it is read again for days that are its own again.
    settled = found.filter("same", ~pl.col("pending")).group_by("path").agg(pl.col("file_id").max().alias("settled_id"))
    waiting = found.filter("pending").join(settled, on="path", how="left")
    waiting = waiting.filter((pl.col("file_id") > pl.col("settled_id")).fill_null(value=True))
    waiting = waiting.unique("path", maintain_order=True).drop("file_id", "pending", "same", "settled_id")
    never = pl.lit(None, pl.Int64)
    new = pl.concat([survey.join(found.select("path"), on="path", how="anti"), anew])
    return pl.concat([new.with_columns(attempts=never, updated_at_us=never).select(waiting.columns), waiting])


def _open(survey: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return the files that the ledger does not know as they are: nearly always a few. It may return some others too.

    Looked up by a hash of the path, a million names take a tenth of the memory and of the time of a join.
    """
    settled = (
        entries.lazy()
        .select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("at"), "status", hash=pl.col("bronze_file_path").hash())
        .filter(~stands_at(Status.PENDING, *CLOSED))
        .select("at", "hash")
        .sort("hash")
        .collect()
    )
    if settled.is_empty():
        return survey
    places = settled["hash"].search_sorted(survey["path"].hash(), side="left").clip(upper_bound=settled.height - 1)
    at = settled["at"].gather(places)
    is_known = pl.Series([True]).new_from_index(0, survey.height)
    for name, column in LEDGER_COLUMNS.items():
        is_known &= (survey[name] == entries[column].to_physical().gather(at)).fill_null(value=False)
    waiting = entries.filter(stands_at(Status.PENDING))["bronze_file_path"]
    return survey.filter(~is_known | survey["path"].is_in(waiting.to_list()))


def _attempts() -> pl.Expr:
    """An attempt is noted with the id, before it is made; the ledger says no more until something comes of it."""
    is_untold = pl.col("created_at_us") == pl.col("updated_at_us")
    return pl.when(is_untold).then(pl.lit(0, pl.Int64)).otherwise("attempts").alias("attempts")
