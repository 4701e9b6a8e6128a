"""What a start over many folders does before the first file is on its way, and in all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import polars as pl
from pointline_daemon.arrival import first_files
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.arrival.linux_watches import KernelReader
from pointline_daemon.arrival.watcher import Watcher

from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.walk import BronzeWalk
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import file_content, file_name, put_file

FOLDERS = 100
SECONDS = 300.0
NAME = file_name("trades", "AAA")


def rows(scales: Sequence[int] = (1, 10, 100)) -> Iterator[dict[str, object]]:
    """Yield ``what, n, total, per_item`` for so many folders."""
    for scale in scales:
        with tempfile.TemporaryDirectory(prefix="pointline-scale-") as scratch:
            yield from _start(Path(scratch), FOLDERS * scale)


def _watches(watcher: Watcher) -> int:
    assert watcher._running is not None
    reader = watcher._running.reader
    assert isinstance(reader, KernelReader)
    assert reader.wait_placed(SECONDS)
    return len(reader._watch_for_wd)


def _start(scratch: Path, folders: int) -> Iterator[dict[str, object]]:
    daemon = Daemon(scratch / "lake")
    for number in range(folders):
        (daemon.bronze / f"{number // 100}" / f"{number % 100}").mkdir(parents=True)
    put_file(daemon.bronze, NAME, file_content(NAME, 5))
    listed = 0
    listed_before: list[int] = []
    """Folders that were listed when a file was offered."""
    listed_by: list[int] = []
    """Folders that were listed when a scan was over."""
    read_folder, put, survey = BronzeWalk._read_folder, Inbox.put, FolderBronzeSource.survey

    def counted(*args: object) -> None:
        nonlocal listed
        listed += 1
        read_folder(*args)  # type: ignore[arg-type]

    def noted(*args: object, **options: object) -> bool:
        listed_before.append(listed)
        return put(*args, **options)  # type: ignore[arg-type]

    def scanned(*args: object, **options: object) -> pl.DataFrame:
        found = survey(*args, **options)  # type: ignore[arg-type]
        listed_by.append(listed)
        return found

    with (
        patch.object(BronzeWalk, "_read_folder", counted),
        patch.object(Inbox, "put", noted),
        patch.object(FolderBronzeSource, "survey", scanned),
        patch.object(first_files, "FIRST_SECONDS", 0.0),  # as it is where the first folder takes so long
        daemon.running() as supervisor,
    ):
        daemon.wait_for("file.committed")
        daemon.wait_for("rescan.finished")
        watches = _watches(supervisor.components.watch._watcher)
    counts = {
        "folders listed before the first file is offered": listed_before[0],
        "folders listed by the first scan": listed_by[0],
        "folders watched": watches,
    }
    for what, total in counts.items():
        yield {"what": f"a start: {what}", "n": folders, "total": total, "per_item": None}
