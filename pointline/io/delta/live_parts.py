"""The data files of a table's newest version, by partition: listed once, then kept up with our own commits.

A listing costs the more the more data files the table has, so only what another program committed calls for one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import polars as pl
from deltalake import DeltaTable

from pointline.io.delta.parts import COMPACTED
from pointline.io.delta.table_path import data_files
from pointline.io.protocols import Part

LAST_FILE_ID = (1 << 63) - 1

Key = tuple[str, ...]
Bounds = tuple[str | None, ...]


class LiveParts:
    """What readers of the newest version see. Not thread-safe.

    ``bounded`` names columns of text of which the lowest and the highest value are kept for each data file.
    """

    def __init__(self, table: DeltaTable, partition_by: Sequence[str], bounded: Sequence[str] = ()) -> None:
        self.version = table.version()
        self.size_bytes = 0
        """Of all of them."""
        self._partition_by = tuple(partition_by)
        self._bounded = tuple(bounded)
        self._bounds: dict[str, Bounds] = {}
        self._parts: dict[Key, dict[str, Part]] = {}
        for part, bounds in _listed(data_files(table, flatten=False), self._partition_by, self._bounded):
            self._add(part, bounds)

    def follow(self, version: int, *, add: Iterable[Part], remove: Iterable[Part]) -> None:
        """Take note of what came and what went with the commit of the next version."""
        for part in remove:
            self._remove(part)
        for part in add:
            self._add(*_as_live(part, self._bounded))
        self.version = version

    @property
    def paths(self) -> list[str]:
        """Path of each, relative to the table."""
        return [path for parts in self._parts.values() for path in parts]

    def holds(self, part: Part) -> bool:
        """Tell whether readers see it."""
        return part.path in self._parts.get(self._key(part.partition), ())

    def of(self, partition: Mapping[str, str] | None) -> list[Part]:
        """Return the data files of a partition, whose columns are all named, or of the table."""
        if partition is not None:
            return list(self._parts.get(self._key(partition), {}).values())
        return [part for parts in self._parts.values() for part in parts.values()]

    def totals(self) -> pl.DataFrame:
        """Return the partition columns and ``rows, first_id, last_id`` per partition."""
        names = (*self._partition_by, "rows", "first_id", "last_id")
        rows = [
            (
                *key,
                sum(part.rows for part in parts.values()),
                min(part.first_file_id for part in parts.values()),
                max(part.last_file_id for part in parts.values()),
            )
            for key, parts in self._parts.items()
        ]
        kinds = dict.fromkeys(names, pl.Int64()) | dict.fromkeys(self._partition_by, pl.String())
        return pl.DataFrame(rows, schema=kinds, orient="row")

    def bounded(self) -> Iterator[tuple[Part, Bounds]]:
        """Yield each with the lowest and the highest text of each such column; None where the log does not tell."""
        for part in self.of(None):
            yield part, self._bounds[part.path]

    def _key(self, partition: Mapping[str, str]) -> Key:
        return tuple(partition[name] for name in self._partition_by)

    def _add(self, part: Part, bounds: Bounds) -> None:
        self._remove(part)
        self._parts.setdefault(self._key(part.partition), {})[part.path] = part
        self.size_bytes += part.size_bytes
        if self._bounded:
            self._bounds[part.path] = bounds

    def _remove(self, part: Part) -> None:
        key = self._key(part.partition)
        known = self._parts.get(key, {}).pop(part.path, None)
        if known is not None:
            self.size_bytes -= known.size_bytes
            self._bounds.pop(part.path, None)
            if not self._parts[key]:
                del self._parts[key]


def _listed(
    actions: pl.DataFrame, partition_by: Sequence[str], bounded: Sequence[str]
) -> Iterator[tuple[Part, Bounds]]:
    """Yield what a log says of each data file."""
    keys = actions.select(pl.col("partition").struct.field(name).cast(pl.String) for name in partition_by)
    partitions: dict[Key, dict[str, str]] = {}
    facts = actions.select(
        "path",
        "size_bytes",
        "num_records",
        _bound(actions, "min", "file_id", pl.Int64()).fill_null(0),
        _bound(actions, "max", "file_id", pl.Int64()).fill_null(LAST_FILE_ID),
    )
    ends = [_bound(actions, end, name, pl.String()) for name in bounded for end in ("min", "max")]
    bounds = actions.select("path", *ends).drop("path").rows() if ends else [()] * actions.height
    rows = zip(keys.iter_rows() if partition_by else [()] * facts.height, facts.iter_rows(), bounds, strict=True)
    for key, (path, size_bytes, records, first, last), texts in rows:
        part = Part(
            path=path,
            partition=partitions.setdefault(key, dict(zip(partition_by, key, strict=True))),
            size_bytes=size_bytes,
            rows=records,
            first_file_id=first,
            last_file_id=last,
            is_compacted=_is_compacted(path),
        )
        yield part, texts


def _as_live(part: Part, bounded: Sequence[str]) -> tuple[Part, Bounds]:
    """Return a part of our own as a listing would give it."""
    stats: dict[str, Any] = json.loads(part.stats) if part.stats else {}
    low, high = stats.get("minValues", {}), stats.get("maxValues", {})
    live = replace(
        part,
        stats="",
        first_file_id=low.get("file_id", 0),
        last_file_id=high.get("file_id", LAST_FILE_ID),
        is_compacted=_is_compacted(part.path),
    )
    return live, tuple(end.get(name) for name in bounded for end in (low, high))


def _is_compacted(path: str) -> bool:
    return PurePosixPath(path).name.startswith(COMPACTED)


def _bound(actions: pl.DataFrame, end: str, column: str, kind: pl.DataType) -> pl.Expr:
    ends = actions.schema.get(end)
    known = isinstance(ends, pl.Struct) and column in {field.name for field in ends.fields}
    value = pl.col(end).struct.field(column) if known else pl.lit(None, kind)
    return value.alias(f"{end}_{column}")
