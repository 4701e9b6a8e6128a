"""A file has left bronze and silver is damaged: its rows stay, for nothing else in the world has them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

import pointline
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import pointline as run

NAMES = [file_name("trades", symbol) for symbol in ("A", "B", "C")]


@pytest.fixture
def lake(tmp_path) -> Daemon:
    """Three files by a commit each; the first is not in bronze any more."""
    daemon = Daemon(tmp_path / "lake")
    for place, name in enumerate(NAMES):
        put_file(daemon.bronze, name, file_content(name, 3 + place))
        daemon.once()
    (daemon.bronze / NAMES[0]).unlink()
    return daemon


def rows(lake: Daemon) -> pl.DataFrame:
    return pointline.scan("trades", lake_root=lake.root).collect().sort("file_id", "file_seq")


def table(lake: Daemon, name: str) -> Path:
    return lake.root / "silver" / name


def an_entry_in_the_middle(lake: Daemon) -> None:
    (table(lake, "trades") / "_delta_log" / f"{2:020}.json").write_text("{garbage\n")


def the_newest_entry(lake: Daemon) -> None:
    newest = max((table(lake, "trades") / "_delta_log").glob("*.json"))
    newest.write_bytes(newest.read_bytes()[:-40])


def a_feature_that_another_program_gave_it(lake: Daemon) -> None:
    alter = DeltaTable(str(table(lake, "trades"))).alter
    alter.set_table_properties({"delta.enableDeletionVectors": "true"}, raise_if_not_exists=False)


def a_constraint_that_another_program_gave_it(lake: Daemon) -> None:
    DeltaTable(str(table(lake, "trades"))).alter.add_constraint({"dear": "price > 0"})


def a_row_of_the_ledger_is_gone(lake: Daemon) -> None:
    DeltaTable(str(table(lake, "ingest_manifest"))).delete("file_id = 1")


DAMAGES = [
    an_entry_in_the_middle,
    the_newest_entry,
    a_feature_that_another_program_gave_it,
    a_constraint_that_another_program_gave_it,
    a_row_of_the_ledger_is_gone,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_its_rows_stay(lake, damage):
    before = rows(lake)
    damage(lake)
    run(lake.root, "repair", "--dry-run")
    done = run(lake.root, "repair")
    assert (done.returncode, "no problems found" in done.stdout) == (0, True), done.stdout + done.stderr
    assert_frame_equal(rows(lake), before)
    (again,) = pointline.files(symbol="A", lake_root=lake.root).iter_rows(named=True)
    assert (again["file_id"], again["status"], again["rows_written"]) == (1, "success", 3)


def test_what_was_withdrawn_stays_so_when_the_ledger_is_made_again(lake):
    """The commits of silver tell of its content too: it is known again whatever its times are."""
    assert run(lake.root, "withdraw", NAMES[1]).returncode == 0
    for file in sorted(table(lake, "ingest_manifest").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    table(lake, "ingest_manifest").rmdir()
    assert run(lake.root, "repair").returncode == 0
    (lake.bronze / NAMES[1]).touch()
    assert run(lake.root, "run", "--once").returncode == 0
    known = pointline.files(lake_root=lake.root)
    assert known.select("file_id", "status").rows() == [(1, "success"), (2, "withdrawn"), (3, "success")]
    assert known["content_hash"].null_count() == 0
    assert rows(lake)["file_id"].unique().to_list() == [1, 3]
