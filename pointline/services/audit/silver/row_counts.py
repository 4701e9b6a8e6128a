"""Which rows of which file a table holds, counted or timed from a few columns, a row group at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

import polars as pl

from pointline.io.protocols.tables import Part
from pointline.tables.spelling import symbol_key

LINEAGE = ("file_id", "file_seq")
MOST_ROWS_AT_ONCE = 4_000_000
"""Rows of files whose numbers do not simply rise are compared in portions of so many."""

NOBODY = -1
"""The id under which rows without one are counted: another program has written them."""

COUNTS: dict[str, pl.DataType] = {
    "file_id": pl.Int64(),
    "rows": pl.Int64(),
    "seq_sum": pl.Int64(),
    "seq_min": pl.Int64(),
    "seq_max": pl.Int64(),
    "doubled": pl.Int64(),
}

SPANS: dict[str, pl.DataType] = {
    "file_id": pl.Int64(),
    "symbol": pl.String(),
    "first": pl.Int64(),
    "last": pl.Int64(),
    "rows": pl.UInt32(),
}
"""``first`` and ``last`` are microseconds of ``local_timestamp``."""


class ReadableTable(Protocol):
    """A table whose parts can be read."""

    def rows_of(self, part: Part, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows of a part in order, without the partition columns."""
        ...


class AuditedTable(ReadableTable, Protocol):
    """A table whose parts can be listed and read."""

    def live_parts(self, partition: Mapping[str, str] | None = None) -> list[Part]:
        """Return the parts that readers see, of one partition or of all."""
        ...


def time_symbols(table: ReadableTable, parts: Sequence[Part], file_ids: Collection[int]) -> pl.DataFrame:
    """Return ``SPANS`` per file and symbol, of the rows that these parts have of these files."""
    time = pl.col("local_timestamp").to_physical()
    found = [
        rows.filter(pl.col("file_id").is_in(list(file_ids)))
        .group_by("file_id", pl.col("symbol").cast(pl.String))
        .agg(time.min().alias("first"), time.max().alias("last"), pl.len().alias("rows"))
        for part in parts
        for rows in table.rows_of(part, ["file_id", "symbol", "local_timestamp"])
    ]
    if not found:
        return pl.DataFrame(schema=SPANS)
    by_file = pl.concat(found).group_by("file_id", "symbol")
    return by_file.agg(pl.col("first").min(), pl.col("last").max(), pl.col("rows").sum())


ROWS_ON: dict[str, pl.DataType] = {"symbol": pl.String(), "time": pl.Int64()}


def symbols_and_times(table: ReadableTable, parts: Sequence[Part], file_id: int) -> pl.DataFrame:
    """Return ``symbol`` (as a key) and ``time`` (microseconds since the epoch, UTC) of the rows of a file."""
    columns = [pl.col("symbol").cast(pl.String), pl.col("local_timestamp").to_physical().alias("time")]
    rows = (rows for part in parts for rows in table.rows_of(part, ["file_id", "symbol", "local_timestamp"]))
    found = [some.filter(pl.col("file_id") == file_id).select(columns) for some in rows]
    whole = pl.concat([pl.DataFrame(schema=ROWS_ON), *found])
    keys = {name: symbol_key(name) for name in whole["symbol"].unique()}
    return whole.with_columns(pl.col("symbol").replace_strict(keys, return_dtype=pl.String)) if keys else whole


def count_rows(table: AuditedTable, parts: Sequence[Part]) -> pl.DataFrame:
    """Return ``COUNTS`` per file of these parts. ``doubled`` counts rows whose number another row has too."""
    seq = pl.col("file_seq")
    segments = [
        rows.group_by(pl.col("file_id").fill_null(NOBODY)).agg(
            pl.len().cast(pl.Int64).alias("rows"),
            seq.sum().alias("seq_sum"),
            seq.min().alias("seq_min"),
            seq.max().alias("seq_max"),
            (seq.diff().min().fill_null(1) > 0).alias("rising"),
        )
        for part in parts
        for rows in table.rows_of(part, LINEAGE)
    ]
    if not segments:
        return pl.DataFrame(schema=COUNTS)
    joined = pl.concat(segments).sort("file_id", "seq_min")
    joined = joined.with_columns(
        pl.col("rising") & (pl.col("seq_min") > pl.col("seq_max").shift(1).over("file_id")).fill_null(value=True)
    )
    counts = joined.group_by("file_id").agg(
        pl.col("rows", "seq_sum").sum(), pl.col("seq_min").min(), pl.col("seq_max").max(), pl.col("rising").all()
    )
    doubled = _count_doubled(table, parts, counts.filter(~pl.col("rising")).select("file_id", "rows"))
    return counts.join(doubled, on="file_id", how="left").with_columns(pl.col("doubled").fill_null(0)).select(*COUNTS)


def _count_doubled(table: AuditedTable, parts: Sequence[Part], suspects: pl.DataFrame) -> pl.DataFrame:
    found = [pl.DataFrame(schema={"file_id": pl.Int64(), "doubled": pl.Int64()})]
    for ids in _portions(suspects):
        rows = pl.concat(
            rows.filter(pl.col("file_id").is_in(ids)) for part in parts for rows in table.rows_of(part, LINEAGE)
        )
        extra = pl.len().cast(pl.Int64) - pl.col("file_seq").n_unique().cast(pl.Int64)
        found.append(rows.group_by("file_id").agg(extra.alias("doubled")))
    return pl.concat(found)


def _portions(suspects: pl.DataFrame) -> Iterator[list[int]]:
    ids: list[int] = []
    total = 0
    for file_id, rows in suspects.sort("file_id").iter_rows():
        if ids and total + rows > MOST_ROWS_AT_ONCE:
            yield ids
            ids, total = [], 0
        ids.append(file_id)
        total += rows
    if ids:
        yield ids
