"""Parquet files in bronze, read as the CSV they stand for, so that one path types and checks every row."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.exceptions import PanicException, PolarsError

from pointline.errors import Rejected, Unfinished
from pointline.io.decode import Limits, check_expansion
from pointline.io.translate import one_line

ROWS_PER_BLOCK = 4096
NOT_IN_A_NAME = frozenset('",\r\n')
IS_PLAIN = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_decimal128,
    pa.types.is_null,
)


def parquet_blocks(file: BinaryIO, path: str, limits: Limits) -> Iterator[bytes]:
    """Yield the header line, then blocks of CSV lines. Times become integer microseconds since the epoch, UTC.

    Raises Unfinished where the file is no whole Parquet file, Rejected where its columns cannot be those of a CSV.
    """
    try:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        _check_columns(schema, path)
        yield ",".join(schema.names).encode()
        total = 0
        for batch in parquet.iter_batches(batch_size=ROWS_PER_BLOCK):
            total += batch.nbytes
            check_expansion(total, os.fstat(file.fileno()).st_size, path, limits)
            columns = [_as_plain(column) for column in batch.columns]
            frame = pl.DataFrame(pa.table(columns, names=schema.names))
            yield frame.write_csv(include_header=False).encode()
    except (pa.ArrowException, PolarsError, PanicException, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's trouble, not the file's
        raise Unfinished(
            f"{path}: not a readable Parquet file ({one_line(error)})",
            subject=path,
            hint="copy the file again; its columns must be those of the vendor's CSV",
        ) from error


def _check_columns(schema: pa.Schema, path: str) -> None:
    hint = "write the vendor's columns as numbers, text, flags and time stamps"
    for field in schema:
        if set(field.name) & NOT_IN_A_NAME:
            raise Rejected(f"{path} has column names that no CSV could have", subject=path, hint=hint)
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if not (pa.types.is_timestamp(kind) or any(is_kind(kind) for is_kind in IS_PLAIN)):
            raise Rejected(f"{path}: column {field.name[:40]} is of type {str(kind)[:80]}", subject=path, hint=hint)


def _as_plain(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    return column
