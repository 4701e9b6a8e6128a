"""Errors of Delta, Arrow, Polars and the file system, as they are really raised, become one line for people."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from polars.exceptions import PolarsError

from pointline.errors import LakeDamaged, PointlineError, StorageTrouble
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.translate import LONGEST, one_line, storage_errors

SCHEMA = {f"column_{number}": pl.Int64() for number in range(40)}
ROWS = pl.DataFrame({name: [1, 2, 3] for name in SCHEMA})


@pytest.fixture
def table(tmp_path) -> DeltaTableRepository:
    table = DeltaTableRepository(tmp_path / "table", SCHEMA)
    table.create()
    table.append(ROWS)
    return table


def newest(table: DeltaTableRepository) -> Path:
    return max((table.path / "_delta_log").glob("*.json"))


def part(table: DeltaTableRepository) -> Path:
    return table.path / min(table.live_paths())


def torn_log(table):
    newest(table).write_text('{"add":{"path":')
    DeltaTable(table.path)


def log_of_no_actions(table):
    for entry in (table.path / "_delta_log").glob("*.json"):
        entry.write_text('{"commitInfo":{}}')
    DeltaTable(table.path)


def no_table(table):
    DeltaTable(table.path / "nowhere")


def no_such_version(table):
    DeltaTable(table.path, version=99)


def another_schema(table):
    write_deltalake(table.path, pl.DataFrame({"other": ["x"]}).to_arrow(), mode="append")


def a_bad_predicate(table):
    DeltaTable(table.path).delete("nothing = 'like this' AND")


def torn_checkpoint(table):
    DeltaTable(table.path).create_checkpoint()
    [checkpoint] = (table.path / "_delta_log").glob("*.checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    DeltaTable(table.path)


def truncated_for_polars(table):
    part(table).write_bytes(part(table).read_bytes()[:300])
    table.scan().collect()


def missing_for_polars(table):
    part(table).unlink()
    table.scan().collect()


def of_another_type_for_polars(table):
    ROWS.cast(pl.String).write_parquet(part(table))
    table.scan().collect()


def a_missing_column(table):
    table.scan().with_columns(pl.lit(1).alias("x")).select("no_such_column").collect()


def truncated_for_arrow(table):
    part(table).write_bytes(part(table).read_bytes()[:300])
    pq.read_metadata(part(table))


def flipped_for_arrow(table):
    content = bytearray(part(table).read_bytes())
    column = pq.read_metadata(part(table)).row_group(0).column(0)
    content[column.data_page_offset + column.total_compressed_size - 2] ^= 1
    part(table).write_bytes(content)
    with pq.ParquetFile(part(table), page_checksum_verification=True) as file:
        file.read()


def an_arrow_cast(table):
    pa.array(["a"]).cast(pa.int64())


def an_arrow_schema(table):
    pa.concat_tables([ROWS.to_arrow(), pa.table({"x": [1]})])


def from_the_system(table):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


REAL: list[Callable[[DeltaTableRepository], object]] = [
    torn_log,
    log_of_no_actions,
    no_table,
    no_such_version,
    another_schema,
    a_bad_predicate,
    torn_checkpoint,
    truncated_for_polars,
    missing_for_polars,
    of_another_type_for_polars,
    a_missing_column,
    truncated_for_arrow,
    flipped_for_arrow,
    an_arrow_cast,
    an_arrow_schema,
    from_the_system,
]


@pytest.mark.parametrize("fail", REAL, ids=lambda fail: fail.__name__)
def test_what_libraries_raise_is_one_line_with_its_cause(table, fail):
    with pytest.raises(PointlineError) as raised, storage_errors("silver/table"):
        fail(table)
    said = str(raised.value)
    assert "\n" not in said
    assert said.startswith("silver/table: ")
    assert len(said) <= LONGEST + 20
    assert len(said) > len("silver/table: ") + 8, "it says something"
    assert "backtrace" not in said
    assert raised.value.hint
    assert raised.value.__cause__ is not None
    assert not isinstance(raised.value.__cause__, PointlineError)


BACKTRACE = "Kernel error: no such file\n\nstack backtrace:\n   0: std::backtrace::Backtrace::create\n   1: main"
SCHEMAS = "schemas differ:\nexpected Schema { fields: [Field { name: a, type: Int64 }] }\nfound Schema { fields: [] }"
MADE = [
    (DeltaError(BACKTRACE), LakeDamaged, "x: no such file"),
    (DeltaError(f"Generic LocalFileSystem error: os error 13\n{BACKTRACE}"), StorageTrouble, None),
    (CommitFailedError(BACKTRACE), PointlineError, "another writer committed to x: no such file"),
    (
        PolarsError(SCHEMAS),
        LakeDamaged,
        "x: schemas differ: expected Schema { fields: [Field { name: a, type: Int64 }] }",
    ),
    (pa.ArrowInvalid(f"bad\n{SCHEMAS}"), LakeDamaged, "x: bad"),
    (OSError("Unexpected end of stream: Page was smaller (5) than expected (9)\n" * 9), StorageTrouble, None),
    (
        DeltaError(f"Kernel error: Generic delta kernel error: found gap: ParsedLogPath {{ {'location ' * 90}}}"),
        LakeDamaged,
        "x: found gap",
    ),
    (DeltaError(""), LakeDamaged, "x: DeltaError"),
    (DeltaError("word " * 900), LakeDamaged, None),
]


@pytest.mark.parametrize(("error", "kind", "said"), MADE)
def test_what_a_library_appends_is_cut(error, kind, said):
    with pytest.raises(kind) as raised, storage_errors("x"):
        raise error
    assert "\n" not in str(raised.value)
    assert "backtrace" not in str(raised.value)
    assert len(str(raised.value)) <= LONGEST + len("x: ")
    assert said is None or str(raised.value) == said
    assert raised.value.__cause__ is error


def test_an_error_without_words_has_a_name():
    assert one_line(ValueError()) == "ValueError"
    assert one_line(ValueError("\n \n")) == "ValueError"
