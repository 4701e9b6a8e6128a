"""Parquet files in bronze, read as the CSV they stand for, so that one path types and checks every row."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.exceptions import PanicException, PolarsError

from pointline.errors import Rejected, Unfinished
from pointline.io.content.decode import FREE_BYTES, Limits, check_expansion
from pointline.io.protocols.bronze import LOCAL_TIMES, MOMENTS
from pointline.io.translate import one_line

ROWS_PER_BLOCK = 4096
ROWS_OF_DIFFERENCES = 256
MOST_DECODED_BYTES = 32 << 20
"""What the dictionaries of a batch may become at once. A batch that would take more is decoded in parts."""
IS_TEXT = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
IS_PLAIN = (
    *IS_TEXT,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_timestamp,
    pa.types.is_decimal128,
    pa.types.is_null,
)
ZONE_HINT = (
    'describe how the clock shows them, time = "%Y-%m-%d %H:%M:%S%.f", and its zone; or write the column with its zone'
)
WRITE_HINT = "write the vendor's columns as numbers, text, flags and time stamps"


class ParquetInput:
    """One Parquet file. ``nanoseconds_cut`` counts the stamps that lost what is finer than a microsecond."""

    def __init__(self, file: BinaryIO, path: str, limits: Limits) -> None:
        """Read the footer. Raises Unfinished where the file is no whole Parquet file."""
        self._file = file
        self._path = path
        self._limits = limits
        self._size = os.fstat(file.fileno()).st_size
        self.nanoseconds_cut = 0
        self._local: set[str] = set()
        """Columns of times by a clock of which the file does not say which."""
        with _arrow_errors(path):
            self._parquet = pq.ParquetFile(file)
            self._schema: pa.Schema = self._parquet.schema_arrow

    @property
    def names(self) -> tuple[str, ...]:
        """The column names."""
        return tuple(self._schema.names)

    def blocks(self, wanted: Mapping[str, str] | None) -> Iterator[bytes]:
        """Yield blocks of CSV lines with a cell for every column.

        Those that are not ``wanted`` (column name to what it holds in words; None: all) are empty; so are, where all
        are wanted, those that no CSV could hold. Times become integer microseconds since the epoch, UTC, or, without
        a zone, what ``LOCAL_TIMES`` says. Raises Unfinished where the file is damaged, Rejected where a wanted column
        is of no type that can be read.
        """
        read = self._columns_to_read(wanted)
        self._local = {name for name, holds in (wanted or {}).items() if holds == LOCAL_TIMES}
        total = 0
        with _arrow_errors(self._path):
            self._check_claimed_size(read)
            dictionaries, rows = self._with_dictionaries(read)
            parquet = pq.ParquetFile(self._file, read_dictionary=dictionaries)
            for batch in parquet.iter_batches(batch_size=rows, columns=read):
                for part, size in self._parts(batch):
                    total += size
                    check_expansion(total, self._size, self._path, self._limits)
                    yield self._as_csv(part)

    def _columns_to_read(self, wanted: Mapping[str, str] | None) -> list[str]:
        read = []
        for field in self._schema:
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            is_plain = any(is_kind(kind) for is_kind in IS_PLAIN)
            if wanted is not None and field.name in wanted and not is_plain:
                raise Rejected(
                    f"{self._path}: column {field.name[:40]} is of type {str(field.type)[:80]}; "
                    f"{wanted[field.name]} are wanted",
                    subject=self._path,
                    hint=WRITE_HINT,
                )
            is_naive = pa.types.is_timestamp(kind) and kind.tz is None
            if is_naive and wanted is not None and wanted.get(field.name) == MOMENTS:
                raise Rejected(
                    f"{self._path}: the time stamps of column {field.name[:40]} have no zone, and the clock of this "
                    f"feed does not show UTC; {MOMENTS} are wanted",
                    subject=self._path,
                    hint=ZONE_HINT,
                )
            if is_plain and (wanted is None or field.name in wanted):
                read.append(field.name)
        return read

    def _check_claimed_size(self, read: list[str]) -> None:
        """Raise Rejected where the file itself says that it expands beyond the limit."""
        metadata = self._parquet.metadata
        claimed = sum(
            chunk.total_uncompressed_size for chunk in _chunks(metadata) if chunk.path_in_schema in read
        )  # of each column; a page is never larger
        check_expansion(claimed, self._size, self._path, self._limits)

    def _with_dictionaries(self, read: list[str]) -> tuple[list[str], int]:
        """Return the columns of text to be read as dictionaries, and how many rows to read at once.

        What a dictionary becomes can be told before it is decoded. Arrow makes none of values that are stored as
        differences, which expand as well: of those few are read at a time.
        """
        texts = {field.name for field in self._schema if any(is_kind(field.type) for is_kind in IS_TEXT)}.intersection(
            read
        )
        differing = {
            chunk.path_in_schema
            for chunk in _chunks(self._parquet.metadata)
            if any(encoding.startswith("DELTA") for encoding in chunk.encodings)
        }
        return sorted(texts - differing), ROWS_OF_DIFFERENCES if texts & differing else ROWS_PER_BLOCK

    def _parts(self, batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Yield a batch in parts of which none decodes to much, each with its size decoded."""
        sizes = [_decoded_sizes(column, self._path, self._limits) for column in batch.columns]
        dictionaries = [size for size in sizes if size is not None]
        if not dictionaries:
            yield batch, batch.nbytes
            return
        per_row = pl.Series(sum(dictionaries[1:], start=dictionaries[0]))
        plain = batch.nbytes  # the dictionaries themselves are in it, once
        if per_row.sum() <= MOST_DECODED_BYTES:
            yield batch, plain + int(per_row.sum())
            return
        place = (per_row.cum_sum() // MOST_DECODED_BYTES).rle().struct.field("len")
        start = 0
        for length in place:
            yield batch.slice(start, length), int(per_row.slice(start, length).sum())
            start += length

    def _as_csv(self, batch: pa.RecordBatch) -> bytes:
        columns = {
            name: self._as_plain(column, is_local=name in self._local)
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
        frame = pl.DataFrame(pa.table(columns))
        empty = pl.lit(None, pl.String)
        cells = [
            (pl.col(name) if name in columns else empty).alias(str(place)) for place, name in enumerate(self.names)
        ]
        return frame.select(cells).write_csv(include_header=False).encode()

    def _as_plain(self, column: pa.Array, *, is_local: bool) -> pa.Array:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if not pa.types.is_timestamp(column.type):
            return column
        if column.type.unit == "ns":
            stamps = pl.Series(pl.from_arrow(column.cast(pa.int64())))
            self.nanoseconds_cut += int((stamps % 1000 != 0).sum())
            moments = (stamps // 1000).to_arrow()
            return _as_shown(moments) if is_local and column.type.tz is None else moments
        try:
            moments = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
        except pa.ArrowInvalid as error:
            message = f"{self._path}: its time stamps are out of range ({_first_line(error)})"
            raise Rejected(message, subject=self._path, hint="is it this vendor's file?") from error
        return _as_shown(moments) if is_local and column.type.tz is None else moments


def _as_shown(microseconds: pa.Array) -> pa.Array:
    """Return time stamps as a clock shows them."""
    stamps = pl.Series(pl.from_arrow(microseconds)).cast(pl.Datetime("us"))
    return stamps.dt.strftime("%Y-%m-%d %H:%M:%S%.6f").to_arrow()


def _chunks(metadata: pq.FileMetaData) -> Iterator[pq.ColumnChunkMetaData]:
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        yield from (row_group.column(column) for column in range(row_group.num_columns))


def _decoded_sizes(column: pa.Array, path: str, limits: Limits) -> pl.Series | None:
    """Return the bytes that each row of a dictionary becomes, None for other columns. Nothing is decoded for that."""
    if not pa.types.is_dictionary(column.type) or not any(is_kind(column.type.value_type) for is_kind in IS_TEXT):
        return None
    lengths = pl.Series(pl.from_arrow(column.dictionary.cast(pa.large_binary()))).bin.size()
    longest = lengths.max() if len(lengths) else 0
    if isinstance(longest, int) and longest > min(limits.max_line_bytes, FREE_BYTES):
        raise Rejected(
            f"{path} has a cell of {longest} bytes, which makes a line of more than {limits.max_line_bytes} bytes",
            subject=path,
            hint="if it is genuine, raise ingest.max_line_bytes and run `pointline retry --rule max_line_bytes`",
        )
    indices = pl.Series(pl.from_arrow(column.indices.cast(pa.int64())))
    return lengths.gather(indices).fill_null(0)


@contextmanager
def _arrow_errors(path: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, PolarsError, PanicException, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's trouble, not the file's
        raise Unfinished(
            f"{path}: not a readable Parquet file ({one_line(error)})",
            subject=path,
            hint="copy the file again; its columns must be those of the vendor's CSV",
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]
