"""The data files of a table's newest version, by partition: listed once, then kept up with our own commits.

A listing costs the more the more data files the table has, so only what another program committed calls for one.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import polars as pl
from deltalake import DeltaTable
from msgspec.structs import replace

from pointline.io.delta.parts import COMPACTED
from pointline.io.delta.table_path import data_files
from pointline.io.protocols.tables import Part

LAST_FILE_ID = (1 << 63) - 1

Key = tuple[str, ...]


class Bound(NamedTuple):
    """The lowest and the highest value of a column in a data file, and how many are null; None where nobody tells."""

    low: Any
    high: Any
    nulls: int | None

    def is_known(self, rows: int) -> bool:
        """Tell whether it says what the values of so many rows lie between: where all are null, nothing does."""
        return self.nulls is not None and (self.nulls == rows or None not in (self.low, self.high))


Bounds = tuple[Bound, ...]
"""One for each column that is asked for."""


class Live(NamedTuple):
    """A data file that readers see, and the bounds of its columns."""

    part: Part
    bounds: Bounds


class LiveParts:
    """What readers of the newest version see. Not thread-safe.

    ``bounded`` gives the types of columns of texts and times whose bounds are kept for each data file.
    """

    def __init__(
        self,
        version: int,
        live: Iterable[Live],
        partition_by: Sequence[str],
        bounded: Mapping[str, pl.DataType] | None = None,
    ) -> None:
        self.version = version
        self.size_bytes = 0
        """Of all of them."""
        self._partition_by = tuple(partition_by)
        self._bounded = dict(bounded or {})
        self._live: dict[Key, dict[str, Live]] = {}
        for one in live:
            self._add(one)

    @classmethod
    def of_table(
        cls, table: DeltaTable, partition_by: Sequence[str], bounded: Mapping[str, pl.DataType] | None = None
    ) -> LiveParts:
        """List what the version of a handle has."""
        live = _listed(data_files(table, flatten=False), partition_by, bounded or {})
        return cls(table.version(), live, partition_by, bounded)

    def follow(self, version: int, *, add: Iterable[Part], remove: Iterable[Part]) -> None:
        """Take note of what came and what went with the commit of the next version."""
        for part in remove:
            self._remove(part)
        for part in add:
            self._add(_as_live(part, self._bounded))
        self.version = version

    @property
    def paths(self) -> list[str]:
        """Path of each, relative to the table."""
        return [path for files in self._live.values() for path in files]

    def holds(self, part: Part) -> bool:
        """Tell whether readers see it."""
        return part.path in self._live.get(self._key(part.partition), ())

    def of(self, partition: Mapping[str, str] | None) -> list[Part]:
        """Return the data files of a partition, whose columns are all named, or of the table."""
        if partition is not None:
            return [part for part, _ in self._live.get(self._key(partition), {}).values()]
        return [part for part, _ in self.bounded()]

    def totals(self) -> pl.DataFrame:
        """Return the partition columns and ``rows, first_id, last_id`` per partition."""
        names = (*self._partition_by, "rows", "first_id", "last_id")
        rows = [
            (
                *key,
                sum(part.rows for part, _ in files.values()),
                min(part.first_file_id for part, _ in files.values()),
                max(part.last_file_id for part, _ in files.values()),
            )
            for key, files in self._live.items()
        ]
        kinds = dict.fromkeys(names, pl.Int64()) | dict.fromkeys(self._partition_by, pl.String())
        return pl.DataFrame(rows, schema=kinds, orient="row")

    def bounded(self) -> Iterator[Live]:
        """Yield each with what the log tells of the bounds of these columns."""
        for files in self._live.values():
            yield from files.values()

    def _key(self, partition: Mapping[str, str]) -> Key:
        return tuple(partition[name] for name in self._partition_by)

    def _add(self, live: Live) -> None:
        self._live.setdefault(self._key(live.part.partition), {})[live.part.path] = live
        self.size_bytes += live.part.size_bytes

    def _remove(self, part: Part) -> None:
        files = self._live.get(key := self._key(part.partition), {})
        known = files.pop(part.path, None)
        if known is not None:
            self.size_bytes -= known.part.size_bytes
            if not files:
                del self._live[key]


def _listed(actions: pl.DataFrame, partition_by: Sequence[str], bounded: Mapping[str, pl.DataType]) -> Iterator[Live]:
    """Yield what a log says of each data file."""
    if actions.is_empty():  # as most tables of most lakes are; the columns below cost a start more than all else
        return
    columns = [pl.col("partition").struct.field(name).cast(pl.String) for name in partition_by]
    partitions: dict[Key, dict[str, str]] = {}
    facts = actions.select(
        "path",
        "size_bytes",
        "num_records",
        _told(actions, "min", "file_id", pl.Int64()).fill_null(0),
        _told(actions, "max", "file_id", pl.Int64()).fill_null(LAST_FILE_ID),
    )
    told = [
        pl.struct(
            _told(actions, "min", name, kind),
            _told(actions, "max", name, kind),
            _told(actions, "null_count", name, pl.Int64()),
        )
        .struct.rename_fields(Bound._fields)
        .alias(name)
        for name, kind in bounded.items()
    ]
    keys, bounds = (actions.select("path", *one).drop("path").iter_rows() for one in (columns, told))
    for key, (path, size_bytes, records, first, last), of_columns in zip(keys, facts.iter_rows(), bounds, strict=True):
        part = Part(
            path=path,
            partition=partitions.setdefault(key, dict(zip(partition_by, key, strict=True))),
            size_bytes=size_bytes,
            rows=records,
            first_file_id=first,
            last_file_id=last,
            is_compacted=_is_compacted(path),
        )
        yield Live(part, tuple(Bound(**one) for one in of_columns))


def _as_live(part: Part, bounded: Mapping[str, pl.DataType]) -> Live:
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
    nulls = stats.get("nullCount", {})
    bounds = (
        Bound(_value(low.get(name), kind), _value(high.get(name), kind), nulls.get(name))
        for name, kind in bounded.items()
    )
    return Live(live, tuple(bounds))


def _value(written: object, kind: pl.DataType) -> object:
    return dt.datetime.fromisoformat(str(written)) if written is not None and kind.is_temporal() else written


def _is_compacted(path: str) -> bool:
    return PurePosixPath(path).name.startswith(COMPACTED)


def _told(actions: pl.DataFrame, what: str, column: str, kind: pl.DataType) -> pl.Expr:
    """Return a statistic of a column, such as ``min``; null where nobody tells."""
    columns = actions.schema.get(what)
    known = isinstance(columns, pl.Struct) and column in {field.name for field in columns.fields}
    value = pl.col(what).struct.field(column) if known else pl.lit(None, kind)
    return value.alias(f"{what}_{column}")
