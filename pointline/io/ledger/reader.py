"""The ledger for those who only read it: commands that answer at once, beside a running daemon or without one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from pointline.errors import PointlineError
from pointline.io.delta.table_path import data_files, is_table, open_table, scan_data_files
from pointline.io.translate import storage_errors
from pointline.phrases import no_lake, plural
from pointline.tables.ingest_manifest import NAME, SCHEMA
from pointline.tables.schema import no_rows


def scan_ledger(path: Path) -> pl.LazyFrame:
    """Return the manifest's newest version, lazily, one row per file version.

    Reads the parts themselves: Polars' own Delta reader would first load pyarrow, which takes longer than the answer.
    Raises PointlineError where there is no lake, or one that lost its ledger.
    """
    with storage_errors(NAME):
        if not is_table(path):
            raise no_ledger(path)
        return _scan_all(path, SCHEMA)


def no_ledger(path: Path) -> PointlineError:
    """Return the error for a lake whose ledger is not there: because there is no lake, or because it was lost."""
    root, others = path.parent.parent, tables_beside(path)
    if not others:
        return no_lake(root)
    what = f"the ledger of the lake at {root} is gone: silver has {plural(len(others), 'other table')}, no {path.name}"
    repair = f"`pointline repair --lake-root {shlex.quote(str(root))}`"
    hint = f"end the daemon if one runs; then {repair} makes the ledger again from silver"
    return PointlineError(what, subject=str(root), hint=hint)


def tables_beside(path: Path) -> list[str]:
    """Return the other tables of silver; a lake has its ledger before it has any of them."""
    return sorted(one.name for one in path.parent.glob("*") if one != path and is_table(one))


def require_known_ledger(path: Path) -> None:
    """Raise NewerFormat where a later release wrote the lake, PointlineError where it lost its ledger.

    For what answers without the ledger, and where there is none yet.
    """
    with storage_errors(NAME):
        if is_table(path):
            open_table(path)
        elif tables_beside(path):
            raise no_ledger(path)


def scan_rows(path: Path, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Return the rows of an unpartitioned table's newest version, lazily; none where there is no table."""
    with storage_errors(path.name):
        return _scan_all(path, schema) if is_table(path) else no_rows(schema).lazy()


def scan_rows_of(
    path: Path, schema: Mapping[str, pl.DataType], file_ids: list[int], partitions: pl.DataFrame | None = None
) -> pl.LazyFrame:
    """Return the rows of these files, and of no others, in a table's newest version.

    Opens only parts that can hold such rows, by the bounds of their ids and by ``partitions``, whose columns are what a
    table is partitioned by and whose rows are where to look. Empty where there is no table.
    """
    partition_by = [] if partitions is None else partitions.columns
    with storage_errors(path.name):
        if not file_ids or not is_table(path):
            return no_rows(schema).lazy()
        parts = data_files(open_table(path), flatten=True)
        if "min.file_id" in parts.columns:  # else there is no part at all, or none with bounds
            low, high = pl.col("min.file_id"), pl.col("max.file_id")
            parts = parts.filter(low.is_null() | ((low <= max(file_ids)) & (high >= min(file_ids))))
        if partitions is not None and not parts.is_empty():
            there = partitions.select(pl.all().cast(pl.String).name.prefix("partition."))
            parts = parts.with_columns(pl.col(there.columns).cast(pl.String)).join(there, on=there.columns, how="semi")
        rows = scan_data_files(path, parts["path"].to_list(), schema, partition_by)
        return rows.filter(pl.col("file_id").is_in(file_ids))


def _scan_all(path: Path, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    return scan_data_files(path, data_files(open_table(path), flatten=False)["path"].to_list(), schema)
