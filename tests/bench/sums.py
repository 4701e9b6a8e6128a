"""Count and sums of rows: of what was generated, and of what is in a table. Equal or the benchmark has failed.

Numbers are summed in whole thousandths, which is exact and the same in every order; text as the sum of its hashes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tests.bench.process import BenchmarkFailed

SCALE = 1000
HASH_SEED = 7
WRAP = 2**64
SIDES = {"ask": "asks", "bid": "bids"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """``files`` counts those with rows; ``columns`` holds a sum per silver column, vendor's columns only."""

    files: int
    rows: int
    file_seq: int
    columns: dict[str, int]

    @classmethod
    def of_raw(cls, frame: pl.DataFrame, files: int) -> Sums:
        """The sums that silver must have for equal files laid end to end: known from the input alone."""
        each = frame.height // files
        lists: dict[str, list[str]] = {}
        for name in frame.columns:
            lists.setdefault(_silver_name(name), []).append(name)
        found = frame.select(_sum(name, frame.schema[name]) for name in frame.columns).row(0, named=True)
        columns = {silver: sum(found[name] for name in names) % WRAP for silver, names in lists.items()}
        return cls(files=files, rows=frame.height, file_seq=files * each * (each + 1) // 2, columns=columns)

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            files=self.files + other.files,
            rows=self.rows + other.rows,
            file_seq=self.file_seq + other.file_seq,
            columns={name: (total + other.columns[name]) % WRAP for name, total in self.columns.items()},
        )

    @classmethod
    def total(cls, parts: Iterable[Sums]) -> Sums:
        first, *rest = parts
        for part in rest:
            first += part
        return first

    def times(self, copies: int) -> Sums:
        """The sums of so many copies of the rows, under the ids they had."""
        columns = {name: total * copies % WRAP for name, total in self.columns.items()}
        return Sums(files=self.files, rows=self.rows * copies, file_seq=self.file_seq * copies, columns=columns)


def check_table(table: Path, expected: Sums) -> None:
    """Read a Delta table with Polars alone and compare. Raises BenchmarkFailed with every difference."""
    rows = pl.scan_delta(str(table))
    schema = rows.collect_schema()
    lineage = [pl.len().alias("rows"), pl.col("file_id").n_unique().alias("files"), pl.col("file_seq").sum()]
    columns = [_sum(name, schema[name]) for name in expected.columns]
    found = rows.select(*lineage, *columns).collect(engine="streaming").row(0, named=True)
    wanted = {"rows": expected.rows, "files": expected.files, "file_seq": expected.file_seq, **expected.columns}
    wrong = [f"{name}: {found[name]} in place of {value}" for name, value in wanted.items() if found[name] != value]
    if wrong:
        raise BenchmarkFailed(f"{table.name} is not what went in: {'; '.join(wrong)}")


def check_rows(rows: int, expected: int, what: str) -> None:
    if rows != expected:
        raise BenchmarkFailed(f"{what} has {rows:,} rows in place of {expected:,}")


def _silver_name(raw: str) -> str:
    """``asks[3].price`` is part of ``ask_price``."""
    side, bracket, rest = raw.partition("[")
    if not bracket:
        return raw
    return next(f"{name}_{rest.partition('.')[2]}" for name, vendor in SIDES.items() if vendor == side)


def _sum(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.List):
        column, dtype = column.list.explode(), dtype.inner
    match dtype:
        case pl.Float64():
            whole = (column * SCALE).round().cast(pl.Int64)
        case pl.String():
            whole = column.hash(HASH_SEED)
        case pl.Boolean():
            whole = column.cast(pl.String).hash(HASH_SEED)  # the vendor writes a word
        case _:
            whole = column.to_physical().cast(pl.Int64)
    return whole.sum().cast(pl.Int128).mod(WRAP).alias(name)
