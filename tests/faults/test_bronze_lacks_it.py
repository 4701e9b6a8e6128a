"""A file has left bronze and silver is damaged: its rows stay, for nothing else in the world has them."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from itertools import cycle, product
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.opening.rebuild import rebuild_unreadable
from polars.testing import assert_frame_equal

import pointline
from pointline.config import load_config
from pointline.io.lock import LakeLock
from tests.support.daemon_thread import Daemon
from tests.support.kill import Moment, run_until
from tests.support.lake_check import file_content, file_name, put_file
from tests.support.process import pointline as run

LONGEST = 40
"""Entries that a repair may write."""
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


def only_the_newest_entry_and_its_file(lake: Daemon) -> None:
    """What a power cut leaves, but the file was deleted from bronze since."""
    the_newest_entry(lake)
    (lake.bronze / NAMES[2]).unlink()


def the_log_and_a_start_came_between(lake: Daemon) -> None:
    shutil.rmtree(table(lake, "trades") / "_delta_log")
    assert run(lake.root, "run", "--once").returncode == 1


def an_entry_and_repair_was_killed(lake: Daemon) -> None:
    """The table was moved away, and nothing else."""
    an_entry_in_the_middle(lake)
    moved = open_lake(load_config(lake.root))
    with LakeLock(moved.config.paths.lock_file, purpose="test"):
        assert rebuild_unreadable(moved).moved_to


def rows_are_there_twice(lake: Daemon) -> None:
    written = DeltaTable(str(table(lake, "trades")))
    again = written.to_pyarrow_table(filters=[("symbol", "=", "A")])
    write_deltalake(written, again, mode="append")


DAMAGES = [
    an_entry_in_the_middle,
    the_newest_entry,
    a_feature_that_another_program_gave_it,
    a_constraint_that_another_program_gave_it,
    a_row_of_the_ledger_is_gone,
    only_the_newest_entry_and_its_file,
    the_log_and_a_start_came_between,
    an_entry_and_repair_was_killed,
    rows_are_there_twice,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_its_rows_stay(lake, damage):
    before = rows(lake)
    damage(lake)
    assert run(lake.root, "repair", "--dry-run").returncode == 1
    done = run(lake.root, "repair")
    assert (done.returncode, "no problems found" in done.stdout) == (0, True), done.stdout + done.stderr
    assert_frame_equal(rows(lake), before)
    (again,) = pointline.files(symbol="A", lake_root=lake.root).iter_rows(named=True)
    assert (again["file_id"], again["status"], again["rows_written"]) == (1, "success", 3)


def killed_and_done_again(lake: Daemon, damage: Callable[[Daemon], None], moment: Moment) -> bool:
    """Return whether ``repair`` came to that moment; if so it was killed there, and all is there after the next one."""
    before = rows(lake)
    damage(lake)
    was_killed = run_until(lake.root, moment, "command", "repair").returncode == -signal.SIGKILL
    assert run(lake.root, "run", "--once").returncode in {0, 1}  # 1: what takes a person's word is not begun
    done = run(lake.root, "repair")
    assert done.returncode == 0, f"{moment}: {done.stdout}{done.stderr}"
    assert_frame_equal(rows(lake), before)
    return was_killed


SOME = list(zip(DAMAGES, cycle([("after", 1), ("before", 2), ("after", 2), ("after", 3)]), strict=False))


@pytest.mark.share(2)
@pytest.mark.parametrize(("damage", "moment"), SOME, ids=lambda one: getattr(one, "__name__", str(one)))
def test_its_rows_stay_though_repair_is_killed(lake, damage, moment):
    assert killed_and_done_again(lake, damage, Moment("disk.link", *moment))


@pytest.mark.soak
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_its_rows_stay_wherever_repair_is_killed(lake, damage, tmp_path):
    for number, (nth, when) in enumerate(product(range(1, LONGEST), ("before", "after"))):
        copy = Daemon(shutil.copytree(lake.root, tmp_path / f"lake-{number}"))
        if not killed_and_done_again(copy, damage, Moment("disk.link", when, nth)):
            break
    assert number > 1


def test_what_nothing_tells_of_any_more_is_named(lake):
    """Ledger and log are lost together: what bronze has comes in anew, and where the rest lies is said."""
    shutil.rmtree(table(lake, "ingest_manifest"))
    an_entry_in_the_middle(lake)
    done = run(lake.root, "repair")
    assert done.returncode == 1
    assert "which 3 files had 12 rows in" in done.stdout
    assert str(lake.root / ".pointline" / "set_aside" / "trades-") in done.stdout
    assert rows(lake)["symbol"].unique().sort().to_list() == ["B", "C"]


def test_a_data_file_that_is_damaged_gives_nothing(lake):
    """What is called lost is not made up from bytes that nobody wrote."""
    (part,) = (one for one in table(lake, "trades").rglob("*.parquet") if pl.read_parquet(one)["file_id"][0] == 1)
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 1
    an_entry_in_the_middle(lake)
    part.write_bytes(content)
    assert run(lake.root, "repair", "--dry-run").returncode == 1
    done = run(lake.root, "repair")
    assert (done.returncode, "file 1 is lost" in done.stdout) == (1, True), done.stdout + done.stderr
    assert rows(lake)["file_id"].unique().to_list() == [2, 3]
    assert run(lake.root, "run", "--once").returncode == 0


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
