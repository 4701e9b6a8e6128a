"""The last id that a lake gave to a file, kept beside the ledger: whatever that has lost, no id is given twice."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from pointline.io.durable import replace_file


class LastId:
    """A number in a file, or in memory alone. Thread-safe.

    Not flushed: a power cut takes no more of it than of the ledger.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: int | None = None

    def read(self) -> int:
        """Return the last id that is known to have been given, 0 where none is."""
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known

    def note(self, file_id: int) -> None:
        """Remember that an id has been given; ids only rise. A disk that cannot take it is no reason to stop."""
        with self._lock:
            if self._known is None:
                self._known = self._read()
            if file_id > self._known:
                self._known = file_id
                with suppress(OSError):
                    if self._file is not None:
                        replace_file(self._file, f"{file_id}\n".encode(), flush=False)

    def _read(self) -> int:
        if self._file is None:
            return 0
        try:
            text = self._file.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return 0
        return int(text) if text.isdecimal() else 0
