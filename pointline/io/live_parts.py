"""The parts of one version of a table, found by partition without a pass over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath

import polars as pl
from deltalake import DeltaTable

from pointline.io.parts import COMPACTED
from pointline.io.protocols import Part
from pointline.io.table_path import data_files

LAST_FILE_ID = (1 << 63) - 1


class LiveParts:
    """What readers of a version see. Does not change."""

    def __init__(self, table: DeltaTable, partition_by: Sequence[str]) -> None:
        self.version = table.version()
        self._actions = data_files(table, flatten=False)
        self._partition_by = partition_by
        self._parts: dict[tuple[str, ...], list[Part]] = {}

    @property
    def paths(self) -> pl.Series:
        """Path of each, relative to the table."""
        return self._actions["path"]

    def of(self, partition: Mapping[str, str] | None) -> list[Part]:
        """Return the data files of a partition, whose columns are all named, or of the table."""
        keys = self._facts if partition is None else [tuple(partition[name] for name in self._partition_by)]
        return [part for key in keys for part in self._parts_of(key)]

    @cached_property
    def totals(self) -> pl.DataFrame:
        """The partition columns, ``rows, first_id, last_id`` per partition."""
        values = [pl.col("partition").struct.field(name).cast(pl.String) for name in self._partition_by]
        ids = (self._bound_of_file_id("min"), self._bound_of_file_id("max"))
        parts = self._actions.select(*values, pl.col("num_records").cast(pl.Int64), *ids)
        return parts.group_by(self._partition_by).agg(
            pl.col("num_records").sum().alias("rows"),
            pl.col("min_file_id").min().alias("first_id"),
            pl.col("max_file_id").max().alias("last_id"),
        )

    def bounds_of(self, columns: Sequence[str]) -> list[tuple[str | None, ...]]:
        """Return the lowest and the highest text of each column, for each part; None where the log does not tell."""
        bounds = [self._bound(bound, column, pl.String()) for column in columns for bound in ("min", "max")]
        return self._actions.select("path", *bounds).drop("path").rows()

    def _parts_of(self, key: tuple[str, ...]) -> list[Part]:
        if key not in self._parts:
            self._parts[key] = [self._part(facts, key) for facts in self._facts.get(key, [])]
        return self._parts[key]

    @cached_property
    def _facts(self) -> dict[tuple[str, ...], list[tuple[str, int, int, int, int]]]:
        """Path, size, rows, lowest and highest file id of each part, by the values of the partition columns."""
        facts = self._actions.select(
            "path",
            "size_bytes",
            "num_records",
            self._bound_of_file_id("min").fill_null(0),
            self._bound_of_file_id("max").fill_null(LAST_FILE_ID),
        )
        keys = self._actions.select(
            pl.col("partition").struct.field(name).cast(pl.String) for name in self._partition_by
        )
        found: dict[tuple[str, ...], list[tuple[str, int, int, int, int]]] = {}
        for key, row in zip(keys.iter_rows() if self._partition_by else [()] * facts.height, facts.rows(), strict=True):
            found.setdefault(key, []).append(row)
        return found

    def _bound_of_file_id(self, bound: str) -> pl.Expr:
        return self._bound(bound, "file_id", pl.Int64())

    def _bound(self, bound: str, column: str, kind: pl.DataType) -> pl.Expr:
        bounds = self._actions.schema.get(bound)
        known = isinstance(bounds, pl.Struct) and column in {field.name for field in bounds.fields}
        value = pl.col(bound).struct.field(column) if known else pl.lit(None, kind)
        return value.alias(f"{bound}_{column}")

    def _part(self, facts: tuple[str, int, int, int, int], key: tuple[str, ...]) -> Part:
        path, size_bytes, rows, first, last = facts
        return Part(
            path=path,
            partition=dict(zip(self._partition_by, key, strict=True)),
            size_bytes=size_bytes,
            rows=rows,
            first_file_id=first,
            last_file_id=last,
            is_compacted=PurePosixPath(path).name.startswith(COMPACTED),
        )


def may_hold(part: Part, file_ids: Sequence[int]) -> bool:
    """Tell by its statistics whether a live part can hold rows of one of these files; one without any may."""
    return any(part.first_file_id <= file_id <= part.last_file_id for file_id in file_ids)
