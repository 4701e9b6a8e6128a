"""Whatever reports success is on disk: also where an earlier try failed behind its commit, or found it done already.

The disk model is the strictest: a name is there when its folder was flushed after it came, a content when its file was.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pointline.errors import PointlineError
from pointline.io import durable
from pointline.io.delta.table import writer
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log import entries as delta_log
from pointline.io.ledger.manifest import DeltaManifest
from pointline.io.protocols.file_version import Outcome
from pointline.tables.ingest_manifest import Status
from tests.unit.test_verdict import META

SCHEMA = {"file_id": pl.Int64(), "word": pl.String()}


class Disk:
    """Which log entries would survive a power cut; the next flushes of a log's folder may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures = 0
        self.named: set[Path] = set()
        for module, name in ((durable, "flush_folder"), (delta_log, "flush_folder"), (writer, "flush_folder")):
            monkeypatch.setattr(module, name, self._flush_folder(getattr(module, name)))

    def _flush_folder(self, real: Callable[[Path], None]) -> Callable[[Path], None]:
        def flush(path: Path) -> None:
            if path.name == "_delta_log":
                if self.failures:
                    self.failures -= 1
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                self.named |= set(path.glob("*.json"))
            real(path)

        return flush

    def lost(self, table: Path) -> set[str]:
        """Entries that a power cut would take."""
        return {entry.name for entry in (table / "_delta_log").glob("*.json") if entry not in self.named}


@pytest.fixture
def disk(monkeypatch) -> Disk:
    return Disk(monkeypatch)


def frame(*ids: int) -> pl.DataFrame:
    return pl.DataFrame({"file_id": list(ids), "word": [f"{one}" for one in ids]}, schema=SCHEMA)


def committing(folder: Path) -> tuple[Path, Callable[[], None]]:
    table = DeltaTableRepository(folder / "t", SCHEMA)
    table.create()
    parts = table.write_parts(frame(1))
    return table.path, lambda: table.commit_parts(add=parts, remove=(), batch=5)


def minting(folder: Path) -> tuple[Path, Callable[[], None]]:
    manifest = DeltaManifest(folder / "m", lambda: 7)
    manifest.repository.create()
    with manifest.repository.exclusive():
        pass  # what another process may have left is flushed once, before anything is written
    return manifest.repository.path, lambda: manifest.resolve_file_ids([META])  # type: ignore[return-value]


def recording(folder: Path) -> tuple[Path, Callable[[], None]]:
    manifest = DeltaManifest(folder / "m", lambda: 7)
    manifest.repository.create()
    manifest.resolve_file_ids([META])
    outcome = Outcome(file_id=1, status=Status.SUCCESS)
    return manifest.repository.path, lambda: manifest.update_statuses([outcome], batch=5)


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
@pytest.mark.parametrize("make", [committing, minting, recording], ids=lambda one: one.__name__)
def test_what_reports_success_survives_a_power_cut(tmp_path, disk, make, failures):
    table, write = make(tmp_path)
    disk.failures = failures
    tries = 0
    while True:
        tries += 1
        try:
            write()
        except (PointlineError, OSError):
            assert tries <= failures
            continue
        break
    assert disk.lost(table) == set()
    assert disk.failures == 0


@pytest.mark.parametrize("make", [committing, recording], ids=lambda one: one.__name__)
def test_a_batch_that_is_in_already_is_on_disk_when_that_is_said(tmp_path, disk, make):
    """Guards the flush before "nothing happens": an earlier process may have died between the name and its flush."""
    table, write = make(tmp_path)
    write()
    disk.named.clear()
    write()
    newest = max(entry.name for entry in (table / "_delta_log").glob("*.json"))
    assert newest not in disk.lost(table)


def test_a_ledger_in_doubt_is_flushed_before_anything_else_is_done_with_it(tmp_path, disk):
    table, write = minting(tmp_path)
    disk.failures = 1
    with pytest.raises((PointlineError, OSError)):
        write()
    assert disk.lost(table) != set()
    write()  # it finds its id there, and writes nothing
    assert disk.lost(table) == set()
