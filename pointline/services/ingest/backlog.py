"""The folder against the ledger: which files in bronze still have to enter the lake."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from pointline.services.files.identity.ledger_row import WITHOUT_ROWS
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


class Sieve:
    """What of a survey, piece by piece, the ledger does not know as it is: nearly always a few files.

    It may let some others through too, and does so with the paths ``besides``. Looked up by a hash of the path, a
    million names take a tenth of the memory and of the time of a join.
    """

    def __init__(self, entries: pl.DataFrame, besides: Collection[str] = ()) -> None:
        self._entries = entries
        settled = entries.select((~stands_at(Status.PENDING, *CLOSED)).arg_true()).to_series()
        hashes = _short_hash(entries["bronze_file_path"]).gather(settled)
        order = hashes.arg_sort()
        self._at, self._hashes = settled.gather(order), hashes.gather(order)
        waiting = entries.filter(stands_at(Status.PENDING))["bronze_file_path"]
        of_several = entries["bronze_file_path"].gather(self._at.filter(self._hashes == self._hashes.shift(1)))
        self._besides = pl.concat([waiting, of_several, pl.Series(list(besides), dtype=pl.String)])
        self.seen = 0
        """Files that came by."""

    def __call__(self, files: pl.DataFrame) -> pl.DataFrame:
        """Count files, and return those that do not pass as known."""
        self.seen += files.height
        return self.unknown(files)

    def unknown(self, files: pl.DataFrame) -> pl.DataFrame:
        """Return the files that do not pass as known. ``files`` has ``path`` and ``VERSION``."""
        if self._hashes.is_empty():
            return files
        places = self._hashes.search_sorted(_short_hash(files["path"]), side="left")
        at = self._at.gather(places.clip(upper_bound=len(self._at) - 1))
        is_known = pl.all_horizontal(
            (pl.col(name) == self._entries[column].gather(at).to_physical()).fill_null(value=False)
            for name, column in LEDGER_COLUMNS.items()
        )
        return files.filter(~is_known | pl.col("path").is_in(self._besides.implode()))


def _short_hash(paths: pl.Series) -> pl.Series:
    """Return four bytes of a hash: of a million paths a hundred share theirs with another, which costs little."""
    return (paths.hash() % 2**32).cast(pl.UInt32)


def backlog(
    survey: pl.DataFrame, entries: pl.DataFrame, touched: pl.DataFrame, regained: Collection[str] = ()
) -> pl.DataFrame:
    """Return ``path``, ``VERSION``, ``attempts, updated_at_us`` of versions that are new or still pending.

    ``survey`` has ``path`` and ``VERSION`` of every file in bronze, ``entries`` the ledger's rows; ``touched`` lists
    the files that have the content which the ledger knows under that id, whatever their times say. For new versions
    ``attempts`` is null, for those whose first attempt came to no end it is 0: nothing is known against them. The
    paths of ``regained`` files are read again whatever the ledger says. A version that is back where a newer one was
    refused is offered too: so the newer one is closed.
    """
    never = pl.lit(None, pl.Int64)
    if survey.is_empty():
        return survey.select("path", *VERSION, attempts=never, updated_at_us=never)
    anew = survey.filter(pl.col("path").is_in(list(regained)))
    survey = survey.filter(~pl.col("path").is_in(list(regained)))
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
    waiting = (
        waiting.sort("file_id")
        .unique("path", keep="last", maintain_order=True)
        .drop("file_id", "pending", "same", "settled_id")
    )
    back = survey.join(_overtaking(settled, entries).join(waiting, on="path", how="anti"), on="path", how="semi")
    new = pl.concat([survey.join(found.select("path"), on="path", how="anti"), back, anew])
    return pl.concat([new.with_columns(attempts=never, updated_at_us=never).select(waiting.columns), waiting])


def _overtaking(settled: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return the paths of versions that are back where a newer one has no rows and is not closed yet."""
    refused = entries.filter(stands_at(*WITHOUT_ROWS)).group_by(path="bronze_file_path")
    newest = refused.agg(refused_id=pl.col("file_id").max())
    return settled.join(newest, on="path").filter(pl.col("refused_id") > pl.col("settled_id"))


def _attempts() -> pl.Expr:
    """An attempt is noted with the id, before it is made; the ledger says no more until something comes of it."""
    is_untold = pl.col("created_at_us") == pl.col("updated_at_us")
    return pl.when(is_untold).then(pl.lit(0, pl.Int64)).otherwise("attempts").alias("attempts")
