"""The newest version of every path, by hashes: a million paths would be a hundred megabytes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import polars as pl

from pointline.services.audit.ledger.pieces import find_in
from pointline.tables.ingest_manifest import CLOSED, stands_at

COLUMNS = ("file_id", "status", "bronze_file_path", "file_size_bytes", "last_modified_ts")
"""Of the ledger: what is needed of it."""
PATH, SIZE, TIME = pl.col("bronze_file_path"), pl.col("file_size_bytes"), pl.col("last_modified_ts")
MODIFIED = TIME.dt.epoch("us")


class KnownVersions:
    """What the ledger says lies in bronze, in some twenty bytes a file, crossed off as bronze is walked."""

    def __init__(self, runs: Iterable[pl.DataFrame]) -> None:
        """``runs`` have ``COLUMNS``, and come by rising ``file_id``."""
        ids, paths, versions = [pl.Series(dtype=pl.Int64)], [pl.Series(dtype=pl.UInt64)], [pl.Series(dtype=pl.UInt64)]
        for run in runs:
            alive = run.filter(~stands_at(*CLOSED))
            ids.append(alive["file_id"])
            paths.append(alive["bronze_file_path"].hash())
            versions.append(alive.select(_version(PATH, SIZE, MODIFIED)).to_series())
        self._ids, of_path, of_version = pl.concat(ids, rechunk=True), pl.concat(paths), pl.concat(versions)
        del ids, paths, versions
        if is_older := _earlier(of_path):
            newest = ~pl.int_range(len(self._ids), eager=True).is_in(is_older)
            self._ids, of_version = self._ids.filter(newest), of_version.filter(newest)
        del of_path
        self._order = of_version.arg_sort()
        self._versions = of_version.gather(self._order)
        self._met: list[pl.Series] = [pl.Series(dtype=pl.UInt32)]
        self.files = 0
        """How many files of bronze were seen."""

    def without_known(self, files: pl.DataFrame) -> pl.DataFrame:
        """Return the files that are none of the versions, and cross the others off.

        ``files`` have ``path``, ``size`` (bytes), ``mtime_us`` (microseconds since the epoch, UTC).
        """
        self.files += files.height
        wanted = files.select(_version(pl.col("path"), pl.col("size"), pl.col("mtime_us"))).to_series()
        places, is_known = find_in(self._versions, wanted)
        self._met.append(self._order.gather(places.filter(is_known)))
        return files.filter(~is_known)

    def newest_of(self, run: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that are the newest versions of their paths, with ``was_met``: bronze has it unchanged.

        To be asked when all of bronze was seen.
        """
        places, newest = find_in(self._ids, run["file_id"])
        _, was_met = find_in(self._all_met, places.filter(newest))
        return run.filter(newest).with_columns(was_met.alias("was_met"))

    @cached_property
    def _all_met(self) -> pl.Series:
        met, self._met = pl.concat(self._met).sort(), []
        return met


def _version(path: pl.Expr, size: pl.Expr, modified_us: pl.Expr) -> pl.Expr:
    return pl.concat_str(path, size, modified_us, separator="\0", ignore_nulls=True).hash()


def _earlier(paths: pl.Series) -> list[int]:
    """Return where a path stands that stands once more further on."""
    in_order = paths.sort()
    doubled = in_order.filter((in_order == in_order.shift(1)).fill_null(value=False)).unique()
    if doubled.is_empty():
        return []
    again = pl.DataFrame({"path": paths}).with_row_index("place").filter(pl.col("path").is_in(doubled.implode()))
    return again.filter(pl.col("place") != pl.col("place").max().over("path"))["place"].to_list()
