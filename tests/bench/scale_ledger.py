"""What the ledger costs at 1, 10 and 100 times as many known files: bytes, flushes, data files and memory, no times.

``python -m tests.bench.scale_ledger`` prints the rows. A row has ``what``, ``n`` (known files), ``total`` and
``per_item`` of the actions named in ``what``: it must not rise with ``n``, except where it is per known file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

from pointline.io.clock import Clock
from pointline.io.delta_log.loose_files import part_files
from pointline.io.delta_log.upkeep import TableUpkeep
from tests.support.known_ledger import KnownLedger, written_since

SCALES = (1, 10, 100)
FEWEST = 10_000
"""Files that the ledger knows at scale 1."""
TAKEN = 100
PASS_EVERY = 60
"""A pass of maintenance a minute beside one file a second."""

Row = dict[str, object]


def rows(scales: Sequence[int] = SCALES) -> Iterator[Row]:
    """Yield what was counted at each scale."""
    for known in (FEWEST * scale for scale in scales):
        with tempfile.TemporaryDirectory() as folder:
            yield from _actions(Path(folder), known)
        with tempfile.TemporaryDirectory() as folder:
            yield from _steady(Path(folder), known)
        yield from _memory(known)


def _actions(folder: Path, known: int) -> Iterator[Row]:
    """One file at a time: new ones, then new ones in the place of old ones, far apart."""
    ledger = KnownLedger(folder, known)
    ledger.take()
    flushed: list[int] = []
    real = os.fsync
    with mock.patch.object(os, "fsync", lambda descriptor: (flushed.append(descriptor), real(descriptor))):
        before = ledger.sizes()
        for _ in range(TAKEN):
            ledger.take()
    yield _row("a new file, bytes written", known, written_since(before, ledger), TAKEN)
    yield _row("a new file, flushes", known, len(flushed), TAKEN)
    before = ledger.sizes()
    for number in range(TAKEN):
        ledger.take(replaces=1 + number * (known // TAKEN))
    yield _row("a re-issued file, bytes written", known, written_since(before, ledger), TAKEN)
    largest = max(part.size_bytes for part in ledger.table.live_parts())
    yield _row("the largest data file, bytes", known, largest, 1)


def _steady(folder: Path, known: int) -> Iterator[Row]:
    """Ten minutes of one file a second, a pass of maintenance a minute, then the vacuum of an hour later."""
    passed = [0.0]
    began = time.time()
    ledger = KnownLedger(folder, known, Clock(wall=lambda: began + passed[0], steady=lambda: passed[0]))
    upkeep = TableUpkeep(repository=ledger.table)
    upkeep.checkpoint()
    live_before = _live_bytes(ledger)
    written = 0
    files = 10 * PASS_EVERY
    for number in range(1, files + 1):
        before = ledger.sizes() if number % PASS_EVERY == 0 else {}
        ledger.take()
        passed[0] += 1
        if number % PASS_EVERY == 0:
            upkeep.merge_small_files(target_bytes=4 << 20, min_small_files=16)
            if upkeep.is_long():
                upkeep.checkpoint()
            written += written_since(before, ledger)
    whole = sum(size for size, _ in ledger.sizes().values())
    yield _row("ten minutes of a file a second, bytes beside what is live", known, whole - live_before, files)
    yield _row("maintenance of it, bytes written", known, written, files)
    passed[0] += 3_700
    upkeep.vacuum(1.0, dry_run=False)
    dead = len({name for name, _ in part_files(ledger.path)} - ledger.table.live_paths())
    yield _row("dead data files after an hour", known, dead, files)


def _memory(known: int) -> Iterator[Row]:
    """The process that holds the ledger in memory and takes files, beside one of ten."""
    peak = _peak_bytes(known)
    yield _row("memory at most, bytes", known, peak, known)


def _peak_bytes(known: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        KnownLedger(Path(folder), known)
        command = [sys.executable, "-m", "tests.bench.scale_ledger", folder, str(known)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _hold(folder: Path, known: int) -> None:
    """Take some files in a process of its own and print its peak."""
    import resource  # noqa: PLC0415 - not on every system

    ledger = KnownLedger(folder, 0)
    for number in range(20):
        ledger.take(replaces=1 + number * (known // 20) if number % 2 else None)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _live_bytes(ledger: KnownLedger) -> int:
    return sum(part.size_bytes for part in ledger.table.live_parts())


def _row(what: str, known: int, total: int, items: int) -> Row:
    return {"what": f"ledger: {what}", "n": known, "total": total, "per_item": total / items}


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _hold(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        for one in rows():
            print(one, flush=True)
