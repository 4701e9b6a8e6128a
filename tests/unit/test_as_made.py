"""What is told of a new table by its log alone is what delta-rs says of it; anything else is left to delta-rs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pointline.io.delta.as_made import is_as_made
from pointline.io.delta.table.repository import DeltaTableRepository

SCHEMA = {"exchange": pl.String(), "file_id": pl.Int64(), "at": pl.Datetime("us", "UTC")}
PARTITIONS = ("exchange",)
FIRST = f"_delta_log/{0:020}.json"


@pytest.fixture
def path(tmp_path) -> Path:
    DeltaTableRepository(tmp_path / "table", SCHEMA, PARTITIONS).create()
    return tmp_path / "table"


def test_a_new_table(path):
    assert is_as_made(path, SCHEMA, PARTITIONS)
    assert not is_as_made(path, {**SCHEMA, "v": pl.Int64()}, PARTITIONS)
    assert not is_as_made(path, {**SCHEMA, "at": pl.String()}, PARTITIONS)
    assert not is_as_made(path, SCHEMA, ())
    table = DeltaTableRepository(path, SCHEMA, PARTITIONS)
    assert (table.version(), table.last_batch(), table.live_parts()) == (0, -1, [])
    handle = table.table()
    assert (handle.version(), handle.file_uris()) == (0, [])


def test_its_first_rows(path):
    """What was told of it without delta-rs goes on with the commits that follow."""
    table = DeltaTableRepository(path, SCHEMA, PARTITIONS)
    assert table.live_parts() == []
    rows = pl.DataFrame({"exchange": ["a"], "file_id": [1], "at": [None]}, schema=SCHEMA)
    table.append(rows)
    DeltaTableRepository(path, SCHEMA, PARTITIONS).append(rows)  # somebody else does
    assert table.version() == 2
    assert len(table.live_parts()) == 2
    assert not is_as_made(path, SCHEMA, PARTITIONS)


def edit(old: bytes, new: bytes) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        content = (path / FIRST).read_bytes()
        assert old in content
        (path / FIRST).write_bytes(content.replace(old, new, 1))

    return write


@pytest.mark.parametrize(
    "deed",
    [
        edit(b'"partitionColumns":["exchange"]', b'"partitionColumns":[]'),
        edit(b'"minWriterVersion":2', b'"minWriterVersion":7'),
        edit(b'"createdTime":', b'"createdTime":1'),
        edit(b"\n", b""),
        edit(b"{", b""),
        lambda path: (path / FIRST).write_bytes(b""),
        lambda path: (path / FIRST).unlink(),
        lambda path: (path / FIRST).with_name(f"{1:020}.json").touch(),
        lambda path: (path / FIRST).with_name(f"{2:020}.json").touch(),
        lambda path: (path / FIRST).with_name("_last_checkpoint").touch(),
        lambda path: (path / FIRST).rename(path / "elsewhere"),
    ],
)
def test_anything_else(path, deed):
    deed(path)
    assert not is_as_made(path, SCHEMA, PARTITIONS)


def test_what_is_no_table(tmp_path):
    assert not is_as_made(tmp_path / "nothing", SCHEMA, PARTITIONS)
