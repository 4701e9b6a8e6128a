"""How the folder of a table is named to delta-rs, and its data files to Polars: here, and nowhere else.

A path is a path for both, but neither takes every path as it is (deltalake 1.6.6, polars 2.1.0):

- delta-rs decodes the path twice where it reads the log. ``per%20cent`` becomes ``per cent``, a backslash a slash; a
  control character it refuses. It resolves links, so that a link with a plain name is no way round. Such a table is
  opened in a folder of temporary files, whose log is a link to the log of the table: nothing else is used of it.
- ``file_uris`` of delta-rs are percent-encoded, and Polars takes them for paths: a blank in a folder above the table is
  then ``%20``, and no file. The paths of data files are relative and encoded once in the log; decoded here.
- Polars looks for partitions in the whole of a path: a folder ``exchange=x`` above the table counts as one.
- Polars takes ``[x]``, ``*`` and ``?`` for patterns, unless told not to.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pointline.errors import LakeDamaged, PointlineError, StorageTrouble
from pointline.io.delta_log.format_version import require_known
from pointline.io.delta_log.wrong_kinds import wrong_in_log
from pointline.io.translate import REPAIR_HINT
from pointline.tables.schema import no_rows

LOG = "_delta_log"
_NAMED = re.compile(r"\d{20}(\.json|\.checkpoint.*\.parquet)|_last_checkpoint")
"""What a log has at least one of."""
_CHECKPOINT = re.compile(r"\d{20}\.checkpoint")
_MISREAD = re.compile(r"%[0-9A-Fa-f]{2}|[\\\x00-\x1f\x7f]")
"""What delta-rs reads as something else, or not at all."""


def is_table(path: Path) -> bool:
    """Tell whether there is a Delta table."""
    try:
        with os.scandir(path / LOG) as entries:
            return any(_NAMED.fullmatch(entry.name) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False


def delta_name(path: Path) -> str:
    """Return the name of a table by which delta-rs finds its log, and see to it that it does.

    To be called again before a handle is used again: whoever cleans the folder of temporary files may have been there.
    """
    real = os.path.realpath(path)
    if not _MISREAD.search(real):
        return str(path)
    # Always the same for the same table, so that processes that are killed leave no more than one.
    ours = Path(tempfile.gettempdir()).resolve() / f"pointline-{os.geteuid()}"
    if odd := _MISREAD.search(str(ours)):
        raise StorageTrouble(
            f"delta-rs cannot open {real!r}, nor {str(ours)!r} in place of it: it misreads {odd[0]!r}",
            subject=path.name,
            hint="set TMPDIR to a folder whose path has no backslash, no control character and no % before two digits",
        )
    ours.mkdir(mode=0o700, exist_ok=True)
    status = ours.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise StorageTrouble(
            f"{ours} is needed to open {real!r}, and others may write there",
            subject=path.name,
            hint=f"remove {ours}, or set TMPDIR to another folder",
        )
    stand_in = ours / hashlib.sha256(real.encode()).hexdigest()[:32]
    stand_in.mkdir(exist_ok=True)
    with suppress(FileExistsError):
        (stand_in / LOG).symlink_to(Path(real) / LOG)
    return str(stand_in)


def forget_name(path: Path) -> None:
    """Remove what ``delta_name`` has put elsewhere for a table that is there for a moment only."""
    if (name := delta_name(path)) != str(path):
        shutil.rmtree(name, ignore_errors=True)


def open_table(path: Path, version: int | None = None) -> DeltaTable:
    """Return a handle for what the log says; data files are read and written without it.

    ``version`` is for those who read: None is the newest. Raises PointlineError where it is not there, NewerFormat
    where a later release wrote the table, and PermissionError where its log may not be read:
    delta-rs says then that there is none.
    """
    log = path / LOG
    for wrong in wrong_in_log(path):  # delta-rs says less, and waits without end at a FIFO
        shown = wrong.path.relative_to(path.parent)
        raise LakeDamaged(f"{shown} is {wrong.what}", subject=path.name, hint=REPAIR_HINT)
    if log.is_dir() and not os.access(log, os.R_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(log))
    table = DeltaTable(delta_name(path))
    require_known(path.name, table.metadata().configuration)
    if version is not None:
        _load_version(table, path, version)
    return table


def _load_version(table: DeltaTable, path: Path, version: int) -> None:
    newest, oldest = table.version(), _oldest_version(path)
    if oldest <= version <= newest:
        with suppress(DeltaError):
            table.load_as_version(version)
            return
    raise PointlineError(
        f"{path.name} has no version {version} that can be read",
        subject=path.name,
        hint=f"its newest version is {newest}, and its log reaches back to {oldest}",
    )


def _oldest_version(path: Path) -> int:
    """A version can be read from the first commit on, or from a checkpoint on where older commits were removed."""
    names = {entry.name for entry in os.scandir(path / LOG)}
    if f"{0:020}.json" in names:
        return 0
    return min((int(name[:20]) for name in names if _CHECKPOINT.match(name)), default=0)


def data_files(table: DeltaTable, *, flatten: bool) -> pl.DataFrame:
    """Return what the log says of each data file; ``path`` is relative to the table."""
    files = pl.DataFrame(table.get_add_actions(flatten=flatten))
    encoded = files["path"].str.contains("%", literal=True)
    if encoded.any():
        files = files.with_columns(pl.col("path").map_elements(unquote, return_dtype=pl.String()))
    return files


def scan_data_files(
    table: Path, files: Sequence[str], schema: Mapping[str, pl.DataType], partition_by: Collection[str] = ()
) -> pl.LazyFrame:
    """Return the rows of data files, lazily, with the columns of ``schema``; a column that a file lacks is null there.

    Partition columns are among those of ``schema``, and their values in the names of the folders.
    """
    if not files:
        return no_rows(schema).lazy()
    stored = {name: kind for name, kind in schema.items() if name not in partition_by}
    if not partition_by:
        return _scan(table, files, stored)
    partitions = {name: schema[name] for name in partition_by}
    if not any("=" in folder for folder in table.parts):
        return _scan(table, files, stored, partitions).select(list(schema))
    by_folder: dict[str, list[str]] = {}
    for file in files:
        by_folder.setdefault(file.rpartition("/")[0], []).append(file)
    frames = [
        _scan(table, of_folder, stored).with_columns(partition_columns(_values(folder), schema))
        for folder, of_folder in by_folder.items()
    ]
    return pl.concat(frames).select(list(schema))


def read_data_file(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the rows of one Parquet file, whatever it is called and wherever it lies."""
    return pl.read_parquet(path, columns=list(columns) if columns else None, glob=False, hive_partitioning=False)


def partition_columns(partition: Mapping[str, str], schema: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """Return the columns that all rows of a partition share."""
    return [
        pl.lit(dt.date.fromisoformat(value) if schema[name] == pl.Date() else value, schema[name]).alias(name)
        for name, value in partition.items()
    ]


def _scan(
    table: Path,
    files: Sequence[str],
    stored: Mapping[str, pl.DataType],
    partitions: Mapping[str, pl.DataType] | None = None,
) -> pl.LazyFrame:
    return pl.scan_parquet(
        [str(table / file) for file in files],
        schema=dict(stored),
        hive_partitioning=partitions is not None,
        hive_schema=partitions,
        glob=False,
        missing_columns="insert",
        extra_columns="ignore",
    )


def _values(folder: str) -> dict[str, str]:
    """Return the partition that a folder of a table is, as text by column."""
    return {name: unquote(value) for name, _, value in (part.partition("=") for part in folder.split("/"))}
