"""Rows in data files that no version of a table names: what is left of files that bronze does not have."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl
from deltalake.exceptions import DeltaError
from msgspec import Struct, field

from pointline.errors import PointlineError
from pointline.io.delta.table_path import data_files, open_table, scan_data_files
from pointline.io.delta_log.loose_files import orphans, part_files

ROW = ["file_id", "file_seq"]
PARTITION = ("exchange", "date")
UNREADABLE = (PointlineError, OSError, pl.exceptions.PolarsError)

DataFile = tuple[Path, str]
"""The folder of a table, or of what was one, and the path of a data file in it."""


def moved_folders(table: Path, keep_in: Path) -> list[Path]:
    """Return the folders of a table that were moved away, the newest first."""
    moved = re.compile(rf"{re.escape(table.name)}-\d+")
    found = [one for one in keep_in.glob(f"{table.name}-*") if moved.fullmatch(one.name) and one.is_dir()]
    return sorted(found, key=lambda one: int(one.name.rpartition("-")[2]), reverse=True)


def left_behind(table: Path, live: Collection[str], keep_in: Path) -> list[DataFile]:
    """Return data files that may hold rows of a table beside its ``live`` ones, the likeliest to be right first.

    Those in its folder that nothing names, then those of its folders that were moved away: what is live there where
    such a folder can still be opened as a table, else all, the newest first.
    """
    found = _newest_first(table, [file.path.split("/", 2)[2] for file in orphans(table, live)])
    for folder in moved_folders(table, keep_in):
        names = _live(folder)
        found += _newest_first(folder, [name for name, _ in part_files(folder)] if names is None else names)
    return found


def rows_per_file(folder: Path) -> pl.DataFrame:
    """Return ``file_id, rows`` of what the data files of a folder hold, as far as they can be read."""
    counts = [pl.DataFrame(schema={"file_id": pl.Int64, "rows": pl.UInt32})]
    for name, _ in part_files(folder):
        with suppress(*UNREADABLE):
            counts.append(
                scan_data_files(folder, [name], {"file_id": pl.Int64()}).group_by("file_id").len("rows").collect()
            )
    return pl.concat(counts).group_by("file_id").agg(pl.col("rows").max())


class Rows(Struct, frozen=True, kw_only=True):
    """Where rows of files were found. ``counts``: how many, by file and partition."""

    schema: Mapping[str, pl.DataType]
    counts: Mapping[tuple[int, str, str], int] = field(default_factory=dict)
    chosen: Sequence[tuple[DataFile, pl.DataFrame]] = ()

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows, of one data file at a time, sorted by file and place in it, none twice."""
        right = pl.DataFrame(
            list(self.counts), {"file_id": pl.Int64, **dict.fromkeys(PARTITION, pl.String)}, orient="row"
        )
        for (folder, name), keys in self.chosen:
            kept = keys.join(right, on=right.columns, how="semi").select(ROW)
            if not kept.is_empty():
                rows = scan_data_files(folder, [name], self.schema, PARTITION).join(kept.lazy(), on=ROW, how="semi")
                yield rows.collect().unique(ROW, keep="first").sort(ROW)


def find_rows(files: Sequence[DataFile], schema: Mapping[str, pl.DataType], wanted: pl.DataFrame) -> Rows:
    """Look for rows in data files, the first ones first, until a file has all that it should have of a partition.

    ``wanted`` has ``file_id, exchange, date, rows_written``, the last three as text and a number. Where more rows turn
    up than that, there is no telling which are right, and none is taken.
    """
    left = {(file_id, exchange, date): rows for file_id, exchange, date, rows in wanted.iter_rows()}
    counts: dict[tuple[int, str, str], int] = {}
    chosen: list[tuple[DataFile, pl.DataFrame]] = []
    for of_partition in _by_partition(files):
        seen: pl.DataFrame | None = None
        for folder, name in of_partition:
            open_ids = [key[0] for key, rows in left.items() if counts.get(key, 0) < rows]
            with suppress(*UNREADABLE):
                keys = _keys(folder, name, schema, open_ids)
                keys = keys if seen is None else keys.join(seen, on=ROW, how="anti")
                for *key, rows in keys.group_by("file_id", *PARTITION).len().iter_rows():
                    counts[tuple(key)] = counts.get(tuple(key), 0) + rows
                chosen.append(((folder, name), keys))
                seen = keys.select(ROW) if seen is None else pl.concat([seen, keys.select(ROW)])
    return Rows(
        schema=schema, counts={key: rows for key, rows in counts.items() if rows <= left.get(key, 0)}, chosen=chosen
    )


def _keys(folder: Path, name: str, schema: Mapping[str, pl.DataType], file_ids: Sequence[int]) -> pl.DataFrame:
    rows = scan_data_files(folder, [name], schema, PARTITION).filter(pl.col("file_id").is_in(file_ids))
    return rows.select(*ROW, pl.col(PARTITION).cast(pl.String)).collect().unique(ROW)


def _by_partition(files: Sequence[DataFile]) -> list[list[DataFile]]:
    found: dict[str, list[DataFile]] = {}
    for folder, name in files:
        found.setdefault(name.rpartition("/")[0], []).append((folder, name))
    return list(found.values())


def _newest_first(folder: Path, names: Sequence[str]) -> list[DataFile]:
    found = []
    for name in names:
        with suppress(OSError):
            found.append(((folder / name).stat().st_mtime_ns, name))
    return [(folder, name) for _, name in sorted(found, reverse=True)]


def _live(folder: Path) -> list[str] | None:
    try:
        return data_files(open_table(folder), flatten=True)["path"].to_list()
    except (*UNREADABLE, DeltaError, ValueError, KeyError):
        return None
