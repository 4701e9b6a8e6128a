"""Files whose time stamp changed and whose content did not: known, so that no restart reads them again.

The ledger keeps what was known at discovery, so this is kept beside it, and counts only for the file that it was
noted of: an older ledger may be put back, which knows another version of the path. Losing it costs time, nothing else.
"""

from __future__ import annotations

import io
import threading
from pathlib import Path

import polars as pl

from pointline.io.delta.table_path import read_data_file
from pointline.io.durable import replace_file
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.ingest.backlog import VERSION

SCHEMA = {"path": pl.String(), "file_id": pl.Int64(), **dict.fromkeys(VERSION, pl.Int64())}


class Touched:
    """Versions that are known under an older time stamp. Thread-safe."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._changed = False
        self._is_forgotten = False
        self._versions = self._load()

    def add(self, file_id: int, meta: BronzeFileMetadata) -> None:
        """Remember how the file looks now."""
        with self._lock:
            version = (file_id, meta.file_size_bytes, meta.last_modified_ts, meta.changed_us, meta.inode)
            self._versions[meta.bronze_file_path] = version
            self._changed = True

    def forget(self) -> None:
        """Write nothing down any more."""
        self._is_forgotten = True

    def frame(self) -> pl.DataFrame:
        """Return ``path, file_id`` and ``VERSION`` of all of them."""
        with self._lock:
            rows = [(path, *version) for path, version in self._versions.items()]
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")

    def save(self) -> None:
        """Write them down if there is news. A disk that cannot take it is no reason to stop."""
        if not self._changed or self._is_forgotten:
            return
        self._changed = False
        content = io.BytesIO()
        self.frame().write_parquet(content)
        try:
            replace_file(self._file, content.getvalue(), flush=False)
        except OSError:
            self._changed = True

    def _load(self) -> dict[str, tuple[int, ...]]:
        try:
            rows = read_data_file(self._file, list(SCHEMA)).rows()
        except (OSError, pl.exceptions.PolarsError):
            return {}
        return {path: tuple(version) for path, *version in rows}
