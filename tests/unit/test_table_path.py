"""How tables are named to libraries that misread some paths, and what becomes of that in months of running."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from pointline.errors import StorageTrouble
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta.table_path import delta_name, is_table, open_table, scan_data_files

SCHEMA = {"file_id": pl.Int64(), "v": pl.String()}


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def make(path: Path) -> DeltaTableRepository:
    table = DeltaTableRepository(path, SCHEMA)
    table.create()
    table.append(rows(1))
    return table


def rows(*ids: int) -> pl.DataFrame:
    return pl.DataFrame({"file_id": ids, "v": ["x"] * len(ids)}, schema=SCHEMA)


class TestStandIn:
    """Of a table whose path delta-rs misreads."""

    @pytest.fixture
    def table(self, tmp_path, temporary) -> DeltaTableRepository:
        table = make(tmp_path / "%41" / "table")
        delta_name(table.path)
        return table

    def test_one_and_the_same_for_all_who_open_it(self, table, temporary):
        assert delta_name(table.path) == delta_name(table.path)
        assert len(list(temporary.glob("*/*"))) == 1
        delta_name(make(table.path.with_name("other")).path)
        assert len(list(temporary.glob("*/*"))) == 2

    def test_a_plain_path_has_none(self, tmp_path, temporary):
        path = make(tmp_path / "50% [ü] #?" / "table").path
        assert delta_name(path) == str(path)
        assert not list(temporary.iterdir())

    def test_a_link_with_a_plain_name_does_not_hide_the_path(self, table, tmp_path):
        link = tmp_path / "link"
        link.symlink_to(table.path.parent)
        assert open_table(link / "table").version() == 1

    def test_temporary_files_are_cleaned_away_under_a_running_daemon(self, table, temporary):
        """Guards DeltaTableReader.table: the name is made sure of before the handle is used again."""
        table.append(rows(2))
        for folder in temporary.iterdir():
            shutil.rmtree(folder)
        table.append(rows(3))
        table.table().create_checkpoint()
        assert table.read_all()["file_id"].sort().to_list() == [1, 2, 3]
        assert list((table.path / "_delta_log").glob("*.checkpoint.parquet"))

    def test_what_others_may_write_is_not_used(self, table, temporary):
        (folder,) = temporary.iterdir()
        folder.chmod(0o777)
        with pytest.raises(StorageTrouble, match="others may write there"):
            delta_name(table.path)

    def test_a_link_in_its_place_is_not_followed(self, table, temporary):
        (folder,) = temporary.iterdir()
        folder.rename(temporary / "elsewhere")
        folder.symlink_to(temporary / "elsewhere")
        with pytest.raises(StorageTrouble, match="others may write there"):
            delta_name(table.path)

    def test_temporary_files_at_such_a_path_too(self, table, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "%41"))
        with pytest.raises(StorageTrouble, match=r"misreads '%41'") as caught:
            delta_name(table.path)
        assert "TMPDIR" in caught.value.hint


class TestIsTable:
    """Asked of folders that may be anything."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("00000000000000000000.json", True),
            ("00000000000000000007.checkpoint.parquet", True),
            ("00000000000000000007.checkpoint.0000000001.0000000002.parquet", True),
            ("_last_checkpoint", True),
            (".00000000000000000000.json.tmp", False),
            ("_commit_3f.json.tmp", False),
        ],
    )
    def test_by_what_the_log_has(self, tmp_path, name, expected):
        (tmp_path / "_delta_log").mkdir()
        (tmp_path / "_delta_log" / name).touch()
        assert is_table(tmp_path) is expected

    def test_nothing_there(self, tmp_path):
        assert not is_table(tmp_path / "nowhere")
        (tmp_path / "_delta_log").touch()
        assert not is_table(tmp_path)


class TestScan:
    """What a data file is, its folders say."""

    def test_files_of_many_partitions_below_a_folder_that_looks_like_one(self, tmp_path):
        schema = {"exchange": pl.String(), "v": pl.Int64(), "date": pl.Date()}
        table = tmp_path / "date=1999-01-01"
        files = []
        for number in range(200):
            file = f"exchange=e{number % 7}/date=2024-01-{number % 28 + 1:02}/{number}.parquet"
            (table / file).parent.mkdir(parents=True, exist_ok=True)
            pl.DataFrame({"v": [number]}).write_parquet(table / file)
            files.append(file)
        found = scan_data_files(table, files, schema, ["exchange", "date"]).collect()
        assert found.columns == list(schema)
        wanted = [(f"e{number % 7}", number, f"2024-01-{number % 28 + 1:02}") for number in range(200)]
        assert [(one, v, str(day)) for one, v, day in found.sort("v").rows()] == wanted

    @pytest.mark.parametrize("above", ["plain", "exchange=x"])
    def test_any_value_of_a_partition(self, tmp_path, above):
        """The name of its folder is encoded, and that name is encoded once more in the log."""
        values = ["a b", "a%41", "ü", "x/y", "50%", "a=b", "#?"]
        table = DeltaTableRepository(
            tmp_path / above / "table", {"exchange": pl.String(), "v": pl.Int64()}, ["exchange"]
        )
        table.create()
        written = pl.DataFrame({"exchange": values, "v": range(len(values))})
        table.append(written)
        assert table.read_all().sort("v").equals(written)
        assert sorted(part.partition["exchange"] for part in table.live_parts()) == sorted(values)
        assert all((table.path / path).is_file() for path in table.live_paths())
        table.merge(written.with_columns(pl.col("v") + 10), ["exchange"])
        assert table.read_all()["v"].sort().to_list() == [10 + number for number in range(len(values))]
        assert DeltaTable(table.path).to_pyarrow_table().num_rows == len(values)

    def test_no_files(self, tmp_path):
        assert scan_data_files(tmp_path, [], SCHEMA).collect().schema == pl.Schema(SCHEMA)
