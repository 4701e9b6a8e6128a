"""Folders of bronze that are disks of their own, and which of them are not mounted now.

Such a folder looks empty then, as if all of its files had been deleted. Which ones there were is remembered beside the
lake's state; one that is removed from bronze is forgotten. Only Linux says what is mounted.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from pathlib import Path

from pointline.io.bronze.spelled_path import spelled_path, written_path
from pointline.io.durable import replace_file
from pointline.io.mount_table import MOUNTS, mounted


class Mounts:
    """Of one bronze. ``memory`` is the file in which they are kept; None: nothing is remembered. Thread-safe."""

    def __init__(self, bronze: Path, memory: Path | None = None, mounts: Path = MOUNTS) -> None:
        self._bronze = bronze
        self._memory = memory
        self._mounts = mounts
        self._lock = threading.Lock()
        self._known: set[str] | None = None

    def missing(self) -> list[str]:
        """Return the folders that were disks of their own and are none now, by their paths from bronze."""
        with self._lock:
            known = self._remembered()
            if not known:
                return []
            root = os.path.realpath(self._bronze)
            there = {one for one in known if Path(f"{root}/{spelled_path(root, one)}").is_dir()}
            return sorted(there - self._now())

    def note(self) -> None:
        """Remember what is mounted now. For the process that writes the lake."""
        missing = self.missing()
        with self._lock:
            now = self._now() | set(missing)
            if now != self._remembered() and self._memory is not None:
                with suppress(OSError):  # it is noted again by the next scan
                    replace_file(self._memory, json.dumps(sorted(now)).encode(), flush=False)
                    self._known = now

    def _remembered(self) -> set[str]:
        if self._known is None:
            self._known = set()
            if self._memory is not None:
                with suppress(OSError, ValueError):
                    found = json.loads(self._memory.read_bytes())
                    self._known = {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()
        return self._known

    def _now(self) -> set[str]:
        root = os.path.realpath(self._bronze).rstrip("/") + "/"
        try:
            points = [one.point for one in mounted(self._mounts)]
        except OSError:
            return set()
        return {written_path(point[len(root) :]) for point in points if point.startswith(root) and point != root}
