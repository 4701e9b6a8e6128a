"""A part has the rows that were written to it, in their order, or is not there."""

from __future__ import annotations

import errno

import polars as pl
import pyarrow.parquet as pq
import pytest

from pointline.errors import DiskFull
from pointline.io.delta.parts import ParquetPartWriter
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.health import read_pages

PARTITION = {"exchange": "binance"}


def frames(count: int) -> list[pl.DataFrame]:
    return [pl.DataFrame({"file_id": [number] * 3, "symbol": [f"S{number}", None, "x"]}) for number in range(count)]


@pytest.fixture
def writer(tmp_path) -> ParquetPartWriter:
    return ParquetPartWriter(tmp_path, PARTITION, ["symbol"])


@pytest.mark.parametrize("count", [1, 2, 7])
def test_rows_keep_their_order_one_row_group_per_frame(writer, tmp_path, count):
    for frame in frames(count):
        writer.write(frame)
    part = writer.close()
    assert pq.read_metadata(tmp_path / part.path).num_row_groups == count
    assert part.rows == 3 * count
    assert pl.read_parquet(tmp_path / part.path, hive_partitioning=False).equals(pl.concat(frames(count)))


def test_rows_are_read_a_row_group_at_a_time(tmp_path, monkeypatch):
    """Whatever a data file holds, an audit holds one row group of it."""
    table = DeltaTableRepository(tmp_path, {"file_id": pl.Int64(), "symbol": pl.String()})
    writer = table.part_writer({})
    for frame in frames(5):
        writer.write(frame)
    part = writer.close()
    read = []
    read_row_group = pq.ParquetFile.read_row_group

    def counted(file, group, **options):
        read.append(group)
        return read_row_group(file, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    for number, rows in enumerate(table.rows_of(part, ["file_id"])):
        assert read == list(range(number + 1))
        assert rows["file_id"].to_list() == [number] * 3
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_: pytest.fail("read whole"))
    read_pages(tmp_path / part.path)
    assert read == [*range(5), *range(5)]


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_what_fails_on_the_way_is_raised_and_leaves_no_file(writer, tmp_path, monkeypatch, failing):
    """No part that lacks rows is ever described."""
    written = 0
    append = pq.ParquetWriter.write_table

    def full(self: pq.ParquetWriter, table: object, **options: object) -> None:
        nonlocal written
        written += 1
        if written == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, table, **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)

    def write_all() -> None:
        for frame in frames(3):
            writer.write(frame)
        writer.close()

    with pytest.raises(DiskFull):
        write_all()
    writer.discard()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
