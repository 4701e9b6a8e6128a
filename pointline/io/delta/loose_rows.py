"""Rows in the data files of a folder that is no table any more: what is left of files that bronze does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl
from deltalake.exceptions import DeltaError

from pointline.errors import PointlineError
from pointline.io.delta.table_path import data_files, open_table, scan_data_files
from pointline.io.delta_log.loose_files import part_files

ROW = ("file_id", "file_seq")
UNREADABLE = (PointlineError, OSError, pl.exceptions.PolarsError)


def rows_in_folder(folder: Path, schema: Mapping[str, pl.DataType], wanted: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield rows of silver, of one partition at a time, sorted by file and place in it, none twice.

    ``wanted`` has ``file_id, exchange, date, rows_written``: of which files, and how many rows of it a partition has.
    Where the folder can still be opened as a table, its live data files count, else all, the newest first; where more
    rows turn up than a file had, there is no telling which are right, and none is taken.
    """
    partitions = ("exchange", "date")
    for _, files in sorted(_by_partition(folder).items()):
        frames = []
        for file in files:
            with suppress(*UNREADABLE):
                rows = scan_data_files(folder, [file], schema, partitions)
                frames.append(rows.join(wanted.lazy().select("file_id").unique(), on="file_id", how="semi").collect())
        if frames:
            found = pl.concat(frames).unique(ROW, keep="first", maintain_order=True)
            counts = found.group_by("file_id", *partitions).agg(pl.len().alias("rows"))
            right = counts.join(wanted, on=["file_id", *partitions]).filter(pl.col("rows") <= pl.col("rows_written"))
            found = found.join(right, on=["file_id", *partitions], how="semi").sort(ROW)
            if not found.is_empty():
                yield found


def _by_partition(folder: Path) -> dict[str, list[str]]:
    names = _live(folder)
    if names is None:
        newest_first = sorted(part_files(folder), key=lambda one: one[1].stat().st_mtime_ns, reverse=True)
        names = [name for name, _ in newest_first]
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.rpartition("/")[0], []).append(name)
    return found


def _live(folder: Path) -> Sequence[str] | None:
    try:
        return data_files(open_table(folder), flatten=True)["path"].to_list()
    except (*UNREADABLE, DeltaError, ValueError, KeyError):
        return None
