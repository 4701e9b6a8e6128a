"""Who reads the ledger meets each row once, whatever is merged, changed or added while it is read."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest

from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.io.ledger import frame as ledger_frame
from pointline.io.ledger import table as ledger_table
from pointline.io.ledger.manifest import DeltaManifest
from pointline.io.protocols.file_version import Outcome
from pointline.tables.ingest_manifest import Status
from tests.support.known_ledger import NOW_US, KnownLedger


@pytest.fixture
def ledger(tmp_path, monkeypatch) -> Iterator[KnownLedger]:
    """Twenty files, then twelve that came one by one; a data file has few rows, and a run of reading too."""
    monkeypatch.setattr(ledger_table, "ROWS_PER_FILE", 8)
    monkeypatch.setattr(ledger_table, "ROWS_PER_READ", 6)
    ledger = KnownLedger(tmp_path, 20)
    for _ in range(12):
        ledger.take()
    return ledger


def merge(ledger: KnownLedger) -> None:
    TableUpkeep(repository=ledger.table).merge_small_files(target_bytes=1 << 20, min_small_files=2)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.share(2)
def test_a_row_is_met_once_while_data_files_are_merged(ledger, seed):
    """Guards the seam between two runs: a merge puts rows of both sides of it into one data file."""
    rng = random.Random(seed)
    met: list[int] = []
    there = ledger.manifest.entries()["file_id"].to_list()
    for run in ledger.table.batches_of_rows(["file_id"]):
        met += run["file_id"].to_list()
        if rng.random() < 0.7:
            ledger.take(replaces=rng.choice(there))
        if rng.random() < 0.7:
            merge(ledger)
    assert met[: len(there)] == there
    assert met == sorted(set(met))


class Interrupted:
    """Polars, but for ``concat``: once, something happens before its caller gets on."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile: Callable[[], object] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(pl, name)

    def concat(self, *arguments: Any, **options: Any) -> pl.DataFrame:
        whole = pl.concat(*arguments, **options)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            writer = threading.Thread(target=meanwhile)
            writer.start()
            writer.join()
        return whole


def changes(ledger: KnownLedger) -> dict[str, Callable[[], object]]:
    return {
        "a file enters": ledger.take,
        "a file is replaced": lambda: ledger.take(replaces=3),
        "an outcome": lambda: ledger.manifest.update_statuses([Outcome.left(5, Status.GONE)]),
    }


@pytest.mark.parametrize("change", ["a file enters", "a file is replaced", "an outcome"])
def test_who_asks_for_the_ledger_without_waiting_keeps_nothing_old(ledger, monkeypatch, change):
    """Guards what is decided by: the metrics ask for the ledger just when the committer changes it."""
    ledger.take()
    monkeypatch.setattr(ledger_frame, "pl", Interrupted(changes(ledger)[change]))
    shown = ledger.manifest.known_entries()
    assert shown is not None
    assert shown["file_id"].to_list() == list(range(1, shown.height + 1))
    assert ledger.manifest.entries().equals(DeltaManifest(ledger.path, lambda: NOW_US).entries())
