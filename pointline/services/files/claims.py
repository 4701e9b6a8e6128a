"""Contents on their way into the lake: two files with the same bytes must not both enter, whichever worker is first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from pointline.services.ingest.batch import Entry
from pointline.tables.spelling import symbol_key

BATCHES_REMEMBERED = 8
"""More than can be between ``begin`` and ``commit`` at once."""


class Claims:
    """Who brings which content. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: dict[tuple[object, ...], int] = {}
        self._keys: dict[int, tuple[object, ...]] = {}
        self._retired: deque[tuple[int, ...]] = deque()

    def claim(self, entry: Entry, content_hash: str, says: tuple[object, ...] | None = None) -> int:
        """Return the id that brings this content: the entry's own, or that of the file that was first.

        Equal bytes are the same content only within one table, feed, day and symbol: a file of trades says something
        else when it is named liquidations, and bars when they are named those of another interval; every "no data" day
        has the same empty gzip, and under the name of another symbol the same bytes may be refused. ``says``: what the
        path says of its rows beside these.
        """
        meta = entry.meta
        key = (content_hash, meta.data_type, meta.feed, meta.exchange, str(meta.date), symbol_key(meta.symbol), says)
        with self._lock:
            holder = self._holders.setdefault(key, entry.file_id)
            if holder == entry.file_id:
                self._keys[entry.file_id] = key
            return holder

    def retire(self, file_ids: Iterable[int]) -> None:
        """These files are in the ledger now. They are forgotten some batches later.

        A file may have been compared with the ledger before that commit and be read after it.
        """
        self._retired.append(tuple(file_ids))
        while len(self._retired) > BATCHES_REMEMBERED:
            self.release(self._retired.popleft())

    def release(self, file_ids: Iterable[int]) -> None:
        """Forget these files: they did not get in."""
        with self._lock:
            for file_id in file_ids:
                key = self._keys.pop(file_id, None)
                if key is not None:
                    del self._holders[key]
