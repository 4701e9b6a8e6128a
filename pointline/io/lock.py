"""One process writes a lake: an exclusive lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import Self

from pointline.errors import LakeInUse
from pointline.io.durable import make_folder
from pointline.io.translate import storage_errors

PATIENCE_SECONDS = 0.5


class LakeLock:
    """The writer's lock of a lake. Use as a context manager."""

    def __init__(self, path: Path, *, purpose: str) -> None:
        self._path = path
        self._purpose = purpose
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock. Raises LakeInUse, naming the holder, where another process has it."""
        with storage_errors(str(self._path)):
            make_folder(self._path.parent)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _locked(descriptor):
            os.close(descriptor)
            raise LakeInUse(
                f"the lake is in use by {describe_holder(self._path)}",
                subject=str(self._path.parent.parent),
                hint="one process writes a lake: stop that one, or use the commands that only read",
            )
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "purpose": self._purpose, "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def _locked(descriptor: int) -> bool:
    """Take the lock. A command that looks who holds it has it for a moment; that is waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(PATIENCE_SECONDS / 10)
        else:
            return True


def holder_of(path: Path) -> dict[str, object] | None:
    """Return who holds the lock (``pid, host, purpose, since``), or None where nobody does. Takes nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(path)
    finally:
        os.close(descriptor)
    return None


def describe_holder(path: Path) -> str:
    """Return a phrase such as ``pointline run (process 4711)``."""
    holder = _read_holder(path)
    if "pid" not in holder:
        return "another process"
    return f"pointline {holder.get('purpose', '')} (process {holder['pid']} on {holder.get('host', 'this machine')})"


def _read_holder(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
