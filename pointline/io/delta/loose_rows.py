"""Rows in data files that no version of a table names: what is left of files that bronze does not have."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
from deltalake.exceptions import DeltaError

from pointline.errors import NoAccess, PointlineError
from pointline.io.checksums import checksum_in_name, checksum_of
from pointline.io.delta.table_path import data_files, open_table, scan_data_files
from pointline.io.delta_log.loose_files import orphans, part_files
from pointline.io.health import read_pages

ROW = ["file_id", "file_seq"]
PARTITION = ("exchange", "date")
CONTENT = "__content"
_MOVED = re.compile(r"[a-zA-Z0-9_]+-(\d+)")
SHUT = (NoAccess, PermissionError)
"""What may not be read may be sound: it is no reason to call rows lost."""
UNREADABLE = (PointlineError, OSError, pl.exceptions.PolarsError, pa.ArrowException)

DataFile = tuple[Path, str]
"""The folder of a table, or of what was one, and the path of a data file in it."""


def moved_folders(table: Path, keep_in: Path) -> list[Path]:
    """Return the folders of a table that were moved away, the newest first."""
    found = [one for one in keep_in.glob(f"{table.name}-*") if _moved_at_us(one) is not None and one.is_dir()]
    return sorted(found, key=lambda one: _moved_at_us(one) or 0, reverse=True)


def _moved_at_us(folder: Path) -> int | None:
    """Return when a folder was moved away, by its name; None for one that was not."""
    match = _MOVED.fullmatch(folder.name)
    return None if match is None else int(match[1]) // 1000


def left_behind(table: Path, live: Collection[str], folders: Sequence[Path]) -> list[DataFile]:
    """Return data files that may hold rows of a table beside its ``live`` ones.

    Those in its folder that nothing names, and those of folders that were moved away: what is live there, or named by
    nothing, where such a folder can still be opened as a table, else all.
    """
    found = [(table, name) for name in _orphans(table, live)]
    for folder in folders:
        names = _live(folder)
        all_of = [name for name, _ in part_files(folder)] if names is None else [*names, *_orphans(folder, names)]
        found += [(folder, name) for name in all_of]
    return found


def rows_per_file(files: Iterable[DataFile]) -> pl.DataFrame:
    """Return ``file_id, rows`` of what data files hold, as far as they can be read."""
    seen = [pl.DataFrame(schema={"file_id": pl.Int64, "file_seq": pl.Int64})]
    for folder, name in files:
        with suppress(*UNREADABLE):
            seen.append(scan_data_files(folder, [name], dict.fromkeys(ROW, pl.Int64())).collect())
    return pl.concat(seen).unique().group_by("file_id").len("rows")


def file_ids_in(file: DataFile) -> set[int]:
    """Return the files that a data file has rows of; none where it cannot be read."""
    folder, name = file
    with suppress(*UNREADABLE):
        ids = scan_data_files(folder, [name], {"file_id": pl.Int64()}).select(pl.col("file_id").unique()).collect()
        return set(ids["file_id"])
    return set()


def all_files(folder: Path) -> list[DataFile]:
    """Return the data files of a folder."""
    return [(folder, name) for name, _ in part_files(folder)]


class Found(NamedTuple):
    """Rows of files in one partition. ``counts``: how many, by file; ``chosen``: the data files, with which rows."""

    exchange: str
    date: str
    counts: Mapping[int, int]
    chosen: Sequence[tuple[DataFile, pl.DataFrame]]

    def frames(self, schema: Mapping[str, pl.DataType]) -> Iterator[pl.DataFrame]:
        """Yield the rows, of one data file at a time, sorted by file and place in it, none twice."""
        for (folder, name), keys in self.chosen:
            kept = keys.filter(pl.col("file_id").is_in(list(self.counts))).lazy()
            rows = scan_data_files(folder, [name], schema, PARTITION).join(kept, on=ROW, how="semi").collect()
            if not rows.is_empty():
                yield rows.unique(ROW, keep="first").sort(ROW)


def find_rows(files: Sequence[DataFile], schema: Mapping[str, pl.DataType], wanted: pl.DataFrame) -> Iterator[Found]:
    """Look for rows in data files, a partition at a time.

    ``wanted`` has ``file_id, exchange, date, rows_written, first, last, since_us``: how many rows a file should have of
    a partition, the times, as in silver, within which all of its rows are, and since when it stands as it does: what
    was moved away before may be of an earlier reading. Of a file of which more rows turn up than
    that, or rows in two forms, as of two readings, nothing is taken: there is no telling which are right. A data file
    that is not what its checksum says counts as none. Raises NoAccess or PermissionError where one may not be read.
    """
    by_partition: dict[str, list[DataFile]] = {}
    for folder, name in files:
        by_partition.setdefault(name.rpartition("/")[0], []).append((folder, name))
    asked = dict(wanted.group_by(*PARTITION))
    for of_partition in by_partition.values():
        rows: list[tuple[DataFile, pl.DataFrame]] = []
        for file in of_partition:
            try:
                if _is_sound(file) and not (keys := _keys(file, schema, wanted)).is_empty():
                    rows.append((file, keys))
            except SHUT:
                raise
            except UNREADABLE:
                continue
        if not rows:
            continue
        place = rows[0][1].row(0, named=True)
        all_keys = pl.concat([keys.select(*ROW, CONTENT) for _, keys in rows]).unique()
        should = asked[place["exchange"], place["date"]].select("file_id", "rows_written")
        per_file = all_keys.group_by("file_id").agg(
            pl.len().alias("forms"), pl.col("file_seq").n_unique().alias("rows")
        )
        right = per_file.join(should, on="file_id").filter(
            pl.col("forms") == pl.col("rows"), pl.col("rows") <= pl.col("rows_written")
        )
        if not right.is_empty():
            counts = dict(right.select("file_id", "rows").iter_rows())
            yield Found(place["exchange"], place["date"], counts, _each_once(rows))


def _each_once(rows: Sequence[tuple[DataFile, pl.DataFrame]]) -> list[tuple[DataFile, pl.DataFrame]]:
    chosen: list[tuple[DataFile, pl.DataFrame]] = []
    seen: pl.DataFrame | None = None
    for file, keys in rows:
        new = keys.select(ROW).unique()
        new = new if seen is None else new.join(seen, on=ROW, how="anti")
        if not new.is_empty():
            chosen.append((file, new))
            seen = new if seen is None else pl.concat([seen, new])
    return chosen


def _is_sound(file: DataFile) -> bool:
    """Tell whether a data file is as it was written: by its checksum, else by decoding all of it."""
    path = file[0] / file[1]
    wanted = checksum_in_name(path.name)
    if wanted is None:
        read_pages(path)
        return True
    return checksum_of(path) == wanted


def _keys(file: DataFile, schema: Mapping[str, pl.DataType], wanted: pl.DataFrame) -> pl.DataFrame:
    """Return which rows of the wanted files a data file has, with a hash of what they hold."""
    rows = scan_data_files(file[0], [file[1]], schema, PARTITION).with_columns(pl.col(PARTITION).cast(pl.String))
    moved_at_us = _moved_at_us(file[0])
    standing = wanted if moved_at_us is None else wanted.filter(pl.col("since_us") <= moved_at_us)
    asked = standing.select("file_id", *PARTITION, "first", "last").lazy()
    here = rows.join(asked, on=["file_id", *PARTITION], how="inner")
    time = pl.col("local_timestamp")
    fits = time.is_between(pl.col("first"), pl.col("last")).fill_null(value=True)
    content = pl.struct([name for name in schema if name not in {*ROW, *PARTITION}]).hash().alias(CONTENT)
    return here.filter(fits).select(*ROW, *PARTITION, content).collect()


def _orphans(folder: Path, live: Collection[str]) -> list[str]:
    return [one.path.split("/", 2)[2] for one in orphans(folder, live)]


def _live(folder: Path) -> list[str] | None:
    try:
        return data_files(open_table(folder), flatten=True)["path"].to_list()
    except (*UNREADABLE, DeltaError, ValueError, KeyError):
        return None
