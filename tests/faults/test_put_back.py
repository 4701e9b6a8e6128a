"""A table is put back from a copy while a daemon writes it: nothing is written on top of what is not its own log."""

from __future__ import annotations

import shutil

import pytest
from pointline_daemon.exit_codes import EXIT_OK

from tests.support.daemon_thread import Daemon
from tests.support.lake_check import file_content, file_name, put_file


@pytest.mark.parametrize("lacks", [1, 2])
@pytest.mark.parametrize("longer", [0, 1, 3])
def test_it_is_noticed(tmp_path, lacks, longer):
    """However long the log of the copy is."""
    lake = Daemon(tmp_path / "lake")
    put(lake, "A")
    lake.once()
    copy = Daemon(shutil.copytree(lake.root, tmp_path / "copy"))
    for number in range(lacks + longer):
        put(copy, f"Z{number}")
        copy.once()
    with lake.running():
        for number in range(lacks):
            put(lake, f"B{number}")
            lake.wait_for("file.committed", times=number + 1)
        table = lake.root / "silver" / "trades"
        shutil.rmtree(table)
        shutil.copytree(copy.root / "silver" / "trades", table)
        put(lake, "C")
        assert lake.wait_for_end() != EXIT_OK
    assert "replaced by another copy" in lake.log_text()


def put(lake: Daemon, symbol: str) -> None:
    name = file_name("trades", symbol)
    put_file(lake.bronze, name, file_content(name, 3))
