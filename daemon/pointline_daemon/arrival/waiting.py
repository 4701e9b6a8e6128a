"""Files that are not finished yet, and files that are to be tried again: each with the time of its next look."""

from __future__ import annotations

import heapq

from msgspec import Struct

from pointline.io.protocols.file_version import BronzeFileMetadata


class _Watched(Struct):
    size: int
    mtime_us: int
    still_since_us: int


class WaitingRoom:
    """Decides when a file counts as finished. Used by one thread; times are microseconds by a clock that never jumps.

    A rename into place counts at once. Anything else counts when its size and mtime have not changed for
    the settle time, which is so already for a file that has been there for longer.
    """

    def __init__(self, settle_us: int) -> None:
        self._settle_us = settle_us
        self._watched: dict[str, _Watched] = {}
        self._retries: dict[str, int] = {}
        self._due: list[tuple[int, str]] = []

    def is_finished(self, meta: BronzeFileMetadata, now_us: int, *, age_us: int, finished: bool) -> bool:
        """Tell whether the file may be read; where it may not, it is looked at again later.

        ``age_us``: how long ago it was written to; 0 where its time stamp does not tell.
        """
        path = meta.bronze_file_path
        if finished:
            self._watched.pop(path, None)
            return True
        seen = self._watched.get(path)
        if seen is None or (seen.size, seen.mtime_us) != (meta.file_size_bytes, meta.last_modified_ts):
            self._watched[path] = seen = _Watched(meta.file_size_bytes, meta.last_modified_ts, now_us - age_us)
        due = seen.still_since_us + self._settle_us
        if now_us >= due:
            del self._watched[path]
            return True
        heapq.heappush(self._due, (due, path))
        return False

    def retry_at(self, path: str, due_us: int) -> None:
        """Look at the file again at that time."""
        self._retries[path] = due_us
        heapq.heappush(self._due, (due_us, path))

    def is_due(self, path: str, now_us: int) -> bool:
        """Tell whether a file that failed before may be tried now; without a schedule it may."""
        return self._retries.get(path, 0) <= now_us

    def forget(self, path: str) -> None:
        """The file is gone or got in."""
        self._watched.pop(path, None)
        self._retries.pop(path, None)

    def take_due(self, now_us: int) -> list[str]:
        """Return the paths whose time has come."""
        due = []
        while self._due and self._due[0][0] <= now_us:
            path = heapq.heappop(self._due)[1]
            if path in self._watched or self._retries.get(path, now_us + 1) <= now_us:
                due.append(path)
        return list(dict.fromkeys(due))

    def next_due_us(self) -> int | None:
        """Return when the next look is due."""
        return self._due[0][0] if self._due else None

    @property
    def unfinished(self) -> int:
        """How many files have changed too lately."""
        return len(self._watched)

    @property
    def scheduled(self) -> int:
        """How many files wait to be tried again."""
        return len(self._retries)
