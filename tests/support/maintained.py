"""Maintenance that holds nothing back, so that a lake of a few files has some of each step to do.

As a program it takes those steps: ``python -m tests.support.maintained --lake-root LAKE STEP...``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.process.maintenance.upkeep import Upkeep

from pointline.config import load_config
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.io.lock import LakeLock
from pointline.io.protocols.tables import EventTableRepository
from pointline.services.compaction import Compacted, Effort, merge_partition, put_in_place

TO_ONE = Effort(ratio=1, most=1, lay_out=True)
"""Merges all small parts of a partition, however little came since the last time."""
STEPS = ("compact", "merge", "checkpoint", "vacuum")


def tend(lake: Lake, steps: Sequence[str] = STEPS) -> None:
    """Merge all small parts, sum up every log and drop what is summed up, remove all that no version needs."""
    repositories = (lake.manifest.repository, lake.quarantine, *lake.events.values())
    tables = [TableUpkeep(repository=one) for one in repositories if one.version() > 0]  # a new table has nothing to do
    if "compact" in steps:
        upkeep = Upkeep(lake)
        compactions = upkeep.compactions()
        for partition in upkeep.partitions():
            if compactions.is_due(partition[0]):
                compactions.commit()
            compactions.merge(partition, TO_ONE)
        if compactions.table:
            compactions.commit()
    if "merge" in steps:
        for ledger in (one for one in tables if one.name in {"ingest_manifest", "quarantine"}):
            ledger.merge_small_files(target_bytes=1 << 30, min_small_files=2)
    for table in tables:
        if "checkpoint" in steps:
            age(table.repository.path / "_delta_log")
            table.checkpoint()
        if "vacuum" in steps:
            table.vacuum(0.0, dry_run=False)


def compact_partition(
    repository: EventTableRepository,
    partition: Mapping[str, str],
    effort: Effort,
    *,
    target_bytes: int,
    order_by: Sequence[str] = (),
) -> Compacted | None:
    """Merge small data files of a partition; None where there is nothing worth it, or a replacement was faster."""
    merged = merge_partition(repository, partition, effort, target_bytes=target_bytes, order_by=order_by)
    return merged.done if merged is not None and put_in_place(repository, [merged]) else None


def age(log: Path) -> None:
    """Let all of a log be past its retention."""
    long_ago = time.time() - 7200
    for entry in log.iterdir():
        os.utime(entry, (long_ago, long_ago))


def _main() -> None:
    root, steps = sys.argv[sys.argv.index("--lake-root") + 1], [one for one in sys.argv[1:] if one in STEPS]
    lake = open_lake(load_config(root, environ={}))
    with LakeLock(lake.config.paths.lock_file, purpose="maintain"):
        tend(lake, steps)


if __name__ == "__main__":
    _main()
