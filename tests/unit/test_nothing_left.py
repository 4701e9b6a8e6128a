"""A write that fails leaves no data file behind: what is tried again on a full disk would keep it full.

The vacuum leaves alone what the running process has written and not committed, so nobody else removes it.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest

from pointline.errors import DiskFull
from pointline.io.delta.event_table import DeltaEventTable, DeltaQuarantine
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log.loose_files import part_files
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.io.ledger import table as ledger_table
from pointline.io.protocols.file_version import Outcome
from pointline.services.compaction import merge_partition, put_in_place
from pointline.services.ingest.change import Change, commit_change
from pointline.tables import quarantine
from pointline.tables.ingest_manifest import Status
from pointline.tables.registry import event_tables
from tests.support.known_ledger import KnownLedger
from tests.support.maintained import TO_ONE

SCHEMA = {"file_id": pl.Int64(), "word": pl.String()}
DAY = {"exchange": "binance", "date": "2024-05-01"}
MOST_FLUSHES = 40


class Disk:
    """Has no room at the flush that ``left`` counts down to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0

        def flush(_descriptor: int) -> None:
            self.left -= 1
            if self.left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", flush)


@pytest.fixture
def disk(monkeypatch) -> Disk:
    return Disk(monkeypatch)


Act = tuple[DeltaTableRepository, Callable[[], object]]


def words(*ids: int) -> pl.DataFrame:
    return pl.DataFrame({"file_id": ids, "word": [f"{one}" for one in ids]}, schema=SCHEMA)


def plain(folder: Path) -> DeltaTableRepository:
    table = DeltaTableRepository(folder / "plain", SCHEMA)
    table.create()
    table.append(words(1, 2))
    table.append(words(3, 4))
    return table


def ledger(folder: Path) -> KnownLedger:
    ledger = KnownLedger(folder, 20)
    for _ in range(2):
        ledger.take()
    return ledger


def trades(folder: Path) -> DeltaEventTable:
    table = DeltaEventTable(folder / "trades", event_tables()["trades"])
    table.create()
    for file_id in (1, 2, 3):
        table.append(rows(table, [file_id, file_id + 10]))
    return table


def rows(table: DeltaTableRepository, file_ids: list[int]) -> pl.DataFrame:
    facts = pl.DataFrame({"file_id": file_ids, "file_seq": [1] * len(file_ids)}).with_columns(
        exchange=pl.lit("binance"), date=dt.date(2024, 5, 1)
    )
    return facts.select(
        pl.col(name).cast(kind) if name in facts.columns else pl.lit(None, kind).alias(name)
        for name, kind in table.schema.items()
    )


def appending(folder: Path) -> Act:
    table = plain(folder)
    return table, lambda: table.append(words(5))


def replacing_all(folder: Path) -> Act:
    table = plain(folder)
    return table, lambda: table.write_full(words(5))


def merging_rows(folder: Path) -> Act:
    table = plain(folder)
    return table, lambda: table.merge(words(2, 3, 5), ["file_id"])


def minting(folder: Path) -> Act:
    known = ledger(folder)
    return known.table, known.take


def recording(folder: Path) -> Act:
    known = ledger(folder)
    gone = [Outcome.left(file_id, Status.GONE) for file_id in (1, 9, 20)]
    return known.table, lambda: known.manifest.update_statuses(gone)


def merging_a_ledger(folder: Path) -> Act:
    known = ledger(folder)
    upkeep = TableUpkeep(repository=known.table)
    return known.table, lambda: upkeep.merge_small_files(target_bytes=1 << 20, min_small_files=2)


def setting_aside(folder: Path) -> Act:
    table = DeltaQuarantine(folder / "quarantine")
    table.create()
    bad = pl.DataFrame({"file_id": [7]}).select(
        pl.col(name) if name == "file_id" else pl.lit(None, kind).alias(name)
        for name, kind in quarantine.SCHEMA.items()
    )
    return table, lambda: table.set_aside(3, bad)


def forgetting(folder: Path) -> Act:
    table, set_aside = setting_aside(folder)
    assert isinstance(table, DeltaQuarantine)
    set_aside()
    return table, lambda: table.forget([7])


def thinning(folder: Path) -> Act:
    table = trades(folder)
    leaving = {tuple(DAY.items()): [1, 2, 13]}
    return table, lambda: commit_change(table, 5, Change(leaving=leaving))


def compacting(folder: Path) -> Act:
    table = trades(folder)

    def compact() -> None:
        merged = merge_partition(table, DAY, TO_ONE, target_bytes=1 << 20)
        assert merged is not None
        with table.new_parts() as parts:  # as the compactions of a pass do it
            parts.extend(merged.add)
            put_in_place(table, [merged])

    return table, compact


ACTS = (appending, replacing_all, merging_rows, minting, recording, merging_a_ledger)
ACTS += (setting_aside, forgetting, thinning, compacting)


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(ledger_table, "ROWS_PER_FILE", 8)


def named(table: DeltaTableRepository) -> set[str]:
    """The data files that any version has."""
    lines = [line for entry in (table.path / "_delta_log").glob("*.json") for line in entry.read_text().splitlines()]
    return {unquote(action["add"]["path"]) for line in lines if "add" in (action := json.loads(line))}


def files(table: DeltaTableRepository) -> set[str]:
    return {name for name, _ in part_files(table.path)}


@pytest.mark.parametrize("make", ACTS, ids=lambda one: one.__name__)
def test_a_full_disk_keeps_nothing_of_what_did_not_happen(tmp_path, disk, make):
    """At each flush in turn, of a data file or of the log. After the name of an entry is there it has happened."""
    for number in range(1, MOST_FLUSHES):
        table, act = make(tmp_path / f"{number}")
        before = files(table)
        disk.left = number
        with suppress(OSError, DiskFull):
            act()
        is_over, disk.left = disk.left > 0, 0
        assert files(table) - before <= named(table), f"flush {number}"
        assert not any(table.is_unfinished(name) for name in files(table)), f"flush {number}"
        if is_over:
            assert number > 2
            return
    raise AssertionError("it has no end")
