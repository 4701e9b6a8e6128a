"""``TableUpkeep.checkpoint``: what those meet who read the log meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log import checkpoint
from pointline.io.delta_log.checkpoint import ASIDE, POINTER
from pointline.io.delta_log.upkeep import TableUpkeep


@pytest.fixture
def table(tmp_path) -> DeltaTableRepository:
    table = DeltaTableRepository(tmp_path / "table", {"file_id": pl.Int64()})
    table.create()
    for number in range(4):
        table.append(pl.DataFrame({"file_id": [number]}))
    live = table.live_parts()
    table.commit_parts(add=table.write_parts(pl.DataFrame({"file_id": list(range(4))})), remove=live)
    return table


def rows_of(path: Path) -> list[int]:
    return sorted(DeltaTable(path).to_pyarrow_table()["file_id"].to_pylist())


def checkpoints(log: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in log.glob("*.checkpoint*.parquet")}


def moments(monkeypatch, log: Path) -> list[dict[str, bytes]]:
    """Return a list that fills with the checkpoints there are before and after each call that changes names."""
    seen: list[dict[str, bytes]] = []

    def around(call):
        def watched(*arguments, **options):
            seen.append(checkpoints(log))
            done = call(*arguments, **options)
            seen.append(checkpoints(log))
            return done

        return watched

    for owner, names in ((os, ("replace", "rename", "link", "unlink")), (DeltaTable, ("create_checkpoint",))):
        for name in names:
            monkeypatch.setattr(owner, name, around(getattr(owner, name)))
    return seen


def test_a_checkpoint_comes_once_and_stays_as_it_came(table, monkeypatch):
    """Who was told its size reads it by that size, and fails where it has become another."""
    log = table.path / "_delta_log"
    seen = moments(monkeypatch, log)
    for number in range(4, 7):
        TableUpkeep(repository=table).checkpoint()
        TableUpkeep(repository=table).checkpoint()
        table.append(pl.DataFrame({"file_id": [number]}))
    came: dict[str, set[bytes]] = {}
    for moment in seen:
        for name, content in moment.items():
            came.setdefault(name, set()).add(content)
    assert len(came) == 3
    assert all(len(contents) == 1 for contents in came.values())
    assert not (table.path / ASIDE).exists()
    assert rows_of(table.path) == list(range(7))


def test_it_names_no_removed_file_and_the_pointer_names_it(table):
    version = TableUpkeep(repository=table).checkpoint()
    (file,) = checkpoint.checkpoint_files(table.path / "_delta_log", version)
    assert checkpoint.removed_in(file) == {}
    assert f'"version":{version},' in (table.path / "_delta_log" / POINTER).read_text()
    assert list(checkpoint.altered_files(table.path / "_delta_log")) == []


def test_what_a_killed_process_left_aside_is_in_nobodys_way(table):
    left = table.path / ASIDE / "_delta_log" / f"{7:020}.json"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    TableUpkeep(repository=table).checkpoint()
    assert not left.exists()
    assert rows_of(table.path) == list(range(4))


def test_a_file_system_without_hard_links(table, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    TableUpkeep(repository=table).checkpoint()
    assert len(checkpoints(table.path / "_delta_log")) == 1
    assert rows_of(table.path) == list(range(4))
