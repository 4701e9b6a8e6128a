"""Parquet parts: the data files of a Delta table, written before any commit mentions them."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pointline.io.checksums import checksum_of, stem_of
from pointline.io.durable import flush_file, flush_folder, make_folder
from pointline.io.lake_links import refuse_links
from pointline.io.protocols.tables import Part
from pointline.io.translate import storage_errors

COMPRESSION = {"compression": "zstd", "compression_level": 1}
"""Level 1 is as small as the default on this data and faster."""
DELTA_ENCODED = (pa.int64(), pa.timestamp("us", "UTC"))
"""Counters and rising times shrink to a few bits a value as differences."""
LONGEST_TEXT_STATISTIC = 64
WRITTEN, COMPACTED = "part", "compacted"
"""How the names of parts begin: as ingest wrote them, or compacted for reading."""


class ParquetPartWriter:
    """Streams frames into one part, one row group per frame.

    When ``close`` returns, the file is flushed to disk and its name carries its checksum.
    """

    def __init__(
        self,
        table: Path,
        partition: Mapping[str, str],
        dictionary: Sequence[str],
        *,
        prefix: str = WRITTEN,
        unfinished: set[str] | None = None,
        bounded: Collection[str] | None = None,
        is_flushed_by_caller: bool = False,
    ) -> None:
        """``unfinished`` is told the stem of the file's name, for as long as no commit mentions it.

        ``bounded`` names the columns that get statistics, where not all do that can prune.
        """
        self._table = table
        self._partition = dict(partition)
        self._dictionary = dictionary
        folder = table.joinpath(*(f"{name}={quote(value, safe='')}" for name, value in partition.items()))
        self._path = folder / f"{prefix}-{uuid.uuid4().hex}.parquet"
        self._unfinished = set() if unfinished is None else unfinished
        self._unfinished.add(stem_of(self._path.name))  # before there is a file that a vacuum might meet
        self._bounded = bounded
        self._is_flushed_by_caller = is_flushed_by_caller
        self._writer: pq.ParquetWriter | None = None
        self._rows = 0

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows as a row group: the table's columns without the partition columns."""
        table = _to_arrow(frame, self._dictionary)
        with storage_errors(str(self._path)):
            if self._writer is None:
                refuse_links(self._table, self._path.parent)
                make_folder(self._path.parent)
                schema = frame.schema
                texts = [name for name in self._dictionary if schema.get(name) == pl.String]
                self._writer = self._open(table.schema, texts)
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._rows += table.num_rows

    def close(self) -> Part:
        """Finish the file, flush it and its name to disk, unless the caller does, and describe it."""
        assert self._writer is not None, "a part has at least one frame"
        with storage_errors(str(self._path)):
            self._writer.close()
            metadata = pq.read_metadata(self._path)
            if not self._is_flushed_by_caller:
                flush_file(self._path)
            self._name_by_content()
            if not self._is_flushed_by_caller:
                flush_folder(self._path.parent)
        return Part(
            path=self._path.relative_to(self._table).as_posix(),
            partition=self._partition,
            size_bytes=self._path.stat().st_size,
            rows=self._rows,
            stats=statistics(metadata),
        )

    def _name_by_content(self) -> None:
        named = self._path.with_name(f"{self._path.stem}-{checksum_of(self._path)}.parquet")
        self._path.rename(named)
        self._path = named

    def discard(self) -> None:
        """Remove the file."""
        with suppress(OSError, pa.ArrowException):
            if self._writer is not None:
                self._writer.close()
        with suppress(OSError):
            self._path.unlink()
        self._unfinished.discard(stem_of(self._path.name))

    def _open(self, schema: pa.Schema, texts: Sequence[str]) -> pq.ParquetWriter:
        dictionary = [name for name in self._dictionary if name in schema.names]
        deltas = [field.name for field in schema if field.name not in dictionary and field.type in DELTA_ENCODED]
        return pq.ParquetWriter(
            self._path,
            schema,
            use_dictionary=dictionary,
            column_encoding=dict.fromkeys(deltas, "DELTA_BINARY_PACKED"),
            # Bounds of prices, ids and lists prune nothing and cost a fifth of the writing; those of a choice would be
            # the bounds of what could have been chosen.
            write_statistics=[field.name for field in schema if self._has_bounds(field, texts)],
            store_schema=False,
            write_page_checksum=True,
            **COMPRESSION,
        )

    def _has_bounds(self, field: pa.Field, texts: Sequence[str]) -> bool:
        if self._bounded is not None:
            return field.name in self._bounded
        return field.name in texts or _has_order(field.type)


def written(writer: ParquetPartWriter, groups: Iterable[pl.DataFrame]) -> Part:
    """Return the part that these row groups make."""
    try:
        for rows in groups:
            writer.write(rows)
        return writer.close()
    except BaseException:
        writer.discard()
        raise


def statistics(metadata: pq.FileMetaData) -> str:
    """Return the Delta statistics of a Parquet file, as JSON, from its footer.

    Of the columns that tell one part from another only: every bound is read again whenever the table is opened.
    """
    schema = metadata.schema.to_arrow_schema()
    lowest: dict[str, object] = {}
    highest: dict[str, object] = {}
    nulls: dict[str, int] = {}
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    for position in range(metadata.num_columns):
        column = metadata.schema.column(position)
        if column.max_repetition_level:
            continue  # Delta keeps no bounds of lists
        name = column.path
        if not _prunes(name, schema.field(name).type):
            continue
        found = [group.column(position).statistics for group in groups]
        if any(one is None for one in found):
            continue
        nulls[name] = sum(one.null_count for one in found)
        bounded = [one for one in found if one.has_min_max]
        if len(bounded) == sum(one.num_values > 0 for one in found) and bounded:
            low, high = min(one.min for one in bounded), max(one.max for one in bounded)
            if _is_bound(low) and _is_bound(high):
                lowest[name], highest[name] = _as_json(low), _as_json(high)
    return json.dumps({"numRecords": metadata.num_rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls})


def bounds_in_footer(metadata: pq.FileMetaData, columns: Sequence[str]) -> Iterator[tuple[Any, Any, int | None]]:
    """Yield the lowest and the highest value of each column and the number of nulls; None where the footer lacks it."""
    places = {metadata.schema.column(place).path: place for place in range(metadata.num_columns)}
    for name in columns:
        groups = [metadata.row_group(group).column(places[name]) for group in range(metadata.num_row_groups)]
        told = [column.statistics for column in groups]
        if any(one is None for one in told):
            yield None, None, None
            continue
        nulls = sum(one.null_count for one in told)
        bounded = [one for one in told if one.has_min_max]
        if bounded and len(bounded) == sum(one.num_values > 0 for one in told):
            yield min(one.min for one in bounded), max(one.max for one in bounded), nulls
        else:
            yield None, None, nulls


def _prunes(name: str, kind: pa.DataType) -> bool:
    """Prices of two parts overlap; symbols, times and file ids mostly do not."""
    return name == "file_id" or pa.types.is_temporal(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _has_order(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind) or pa.types.is_integer(kind))


def _to_arrow(frame: pl.DataFrame, dictionary: Sequence[str]) -> pa.Table:
    """Return the frame for the writer, texts with few values as dictionaries, which it takes as they are."""
    return pa.table(
        {
            column.name: _as_dictionary(column)
            if column.name in dictionary and column.dtype == pl.String
            else column.to_arrow(compat_level=pl.CompatLevel.oldest())
            for column in frame.get_columns()
        }
    )


def _as_dictionary(texts: pl.Series) -> pa.Array:
    """Mostly they are all the same, which is cheaper to see than to look each of them up."""
    first = texts[0] if len(texts) else None
    if first is not None and (texts == first).all(ignore_nulls=False):
        values = pa.array([first], pa.large_string())
        places = pl.Series([0], dtype=pl.Int32).new_from_index(0, len(texts)).to_arrow()
        return pa.DictionaryArray.from_arrays(places, values, safe=False)  # each of them is 0
    return texts.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()


def _is_bound(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT_STATISTIC and value.isprintable()
    return isinstance(value, int | float | dt.datetime | dt.date)


def _as_json(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    return value
