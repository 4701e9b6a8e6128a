"""The program with files that end it when they are opened: ``python -m tests.support.poison LAKE run|--once PATH…``."""

from __future__ import annotations

import os
import signal
import sys

from msgspec.structs import replace
from pointline_daemon.logs import configure_logging
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.process.supervisor import Supervisor

from pointline.config import load_config
from pointline.io.lock import LakeLock
from pointline.io.protocols.bronze import BronzeContent
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.ingest import schedule


class DeadlyReader:
    """``BronzeReader`` round another one: to open one of ``paths`` ends the process like the kernel out of memory."""

    def __init__(self, inner: object, paths: list[str]) -> None:
        self._inner = inner
        self._paths = paths

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def open(self, meta: BronzeFileMetadata) -> BronzeContent:
        if meta.bronze_file_path in self._paths:
            os.kill(os.getpid(), signal.SIGKILL)
        content: BronzeContent = self._inner.open(meta)  # type: ignore[attr-defined]
        return content


def _main() -> int:
    schedule.FIRST_SECONDS = 0.05  # the waits between tries double, and nothing here is about their length
    root, how, *paths = sys.argv[1:]
    config = load_config(root, environ=os.environ)
    configure_logging("json", "info")
    lake: Lake = open_lake(config)
    lake = replace(lake, reader=DeadlyReader(lake.reader, paths))  # type: ignore[arg-type]
    with LakeLock(config.paths.lock_file, purpose="run") as lock:
        return Supervisor(lake, lock=lock, once=how == "--once").run()


if __name__ == "__main__":
    raise SystemExit(_main())
