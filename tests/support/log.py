"""A log of JSON lines, read as it grows."""

from __future__ import annotations

import json
from pathlib import Path

from pointline_daemon.event_fields import unknown_fields


class Log:
    """The lines of a log file, each parsed once. A file that was begun anew is read anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lines: list[dict[str, object]] = []
        self._read = 0

    def text(self) -> str:
        return self._file.read_text()

    def events(self, *names: str) -> list[dict[str, object]]:
        """Complete lines of these events, oldest first."""
        with self._file.open("rb") as file:
            if file.seek(0, 2) < self._read:
                self._lines, self._read = [], 0
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        new = [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]
        for line in new:  # the documentation names them all
            assert not unknown_fields(line), line
        self._lines += new
        return [line for line in self._lines if line["event"] in names]
