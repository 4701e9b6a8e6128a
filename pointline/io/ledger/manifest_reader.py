"""The ledger as it is read: the columns that decisions need are held in memory, the others stay on disk.

One process writes a lake, so what this process wrote is what the table holds; the frame in memory follows each commit
instead of being read again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from pointline.ahead import ahead
from pointline.errors import LakeDamaged
from pointline.io.delta.id_ranges import holding
from pointline.io.ledger.frame import LedgerFrame
from pointline.io.ledger.last_id import LastId
from pointline.io.ledger.table import LedgerTable
from pointline.io.protocols.file_version import LEFT_TO
from pointline.io.translate import REPAIR_HINT, storage_errors
from pointline.tables.ingest_manifest import (
    SCHEMA,
    Checksum,
    Status,
    empty,
    rows_by_day,
    senseless,
    stands_at,
)

LEFT_ON_DISK = (
    *("rows_read", "rows_written", "rows_quarantined", "warnings", "error"),
    *("vendor", "symbols", "receive_clock", "days", "checksum"),
)


class ManifestReader:
    """The ingest manifest, read. ``clock`` gives microseconds since the epoch, UTC; ids go on from ``last_id``."""

    def __init__(self, path: Path, clock: Callable[[], int], last_id: LastId | None = None) -> None:
        self.repository = LedgerTable(path, SCHEMA)
        self._last_id = last_id or LastId(None)
        self._clock = clock
        self._lock = threading.RLock()
        self._entries: LedgerFrame | None = None
        self._in_doubt = False

    def entries(self) -> pl.DataFrame:
        """Return the ledger in memory, rising by ``file_id``, without the columns only people read."""
        with self._lock:
            return self._held().frame

    def _held(self) -> LedgerFrame:
        if self._entries is None:
            columns = [name for name in SCHEMA if name not in LEFT_ON_DISK]
            self.repository.require_sound()  # nothing is decided, and nothing written on, by a damaged ledger
            with storage_errors("ingest_manifest"), ahead(self.repository.batches_of_rows(columns)) as rows:
                entries = LedgerFrame(rows, _schema(columns))
            if (entries.frame["file_id"].diff() == 0).any():
                raise LakeDamaged("ingest_manifest holds a file_id twice", subject="ingest_manifest", hint=REPAIR_HINT)
            _refuse_senseless(entries.frame)
            self._entries = entries
        return self._entries

    def rows_of(self, file_ids: Sequence[int]) -> pl.DataFrame:
        """Return the whole rows of these versions, read from disk."""
        wanted = list(file_ids)
        rows = [
            rows.filter(pl.col("file_id").is_in(wanted))
            for part in holding(self.repository.live_parts(), wanted)
            for rows in self.repository.rows_of(part)
        ]
        return pl.concat([empty(), *rows])

    def known_entries(self) -> pl.DataFrame | None:
        """Return the ledger in memory as it is, without waiting for a write; None where it has to be read."""
        held = self._entries
        return None if held is None else held.frame

    def forget_entries(self) -> None:
        """Drop the frame in memory: what is on disk counts."""
        with self._lock:
            self._entries = None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Around a change of the table. One that raises may have happened all the same, and not be on disk yet."""
        with self._lock:
            if self._in_doubt:
                self.repository.flush_newest()
                self._in_doubt = False
            try:
                yield
            except BaseException:
                self.forget_entries()
                self._in_doubt = True
                raise

    def note_last_id(self, file_id: int) -> None:
        """That id has been given, though the ledger may not know it: the next one is above it."""
        self._last_id.note(file_id)

    def attempts_of(self, file_ids: Sequence[int]) -> dict[int, int]:
        """Return how often each of these files was tried."""
        found = self._tail_from(min(file_ids, default=0)).filter(pl.col("file_id").is_in(list(file_ids)))
        return dict(found.select("file_id", "attempts").iter_rows())

    def _tail_from(self, file_id: int) -> pl.DataFrame:
        """Return the entries from an id on. Recent ids are at the end, so most of the ledger is not looked at."""
        entries = self.entries()
        start = entries["file_id"].search_sorted(file_id)
        return entries.slice(int(start))

    def last_batch(self) -> int:
        """Return the newest batch whose outcomes are recorded, -1 where there is none."""
        return self.repository.last_batch()

    # ---- identity

    def totals(self) -> pl.DataFrame:
        """Return ``data_type, exchange, date, rows, first_id, last_id`` of the files that have rows in silver."""
        place = [pl.col(name).cast(pl.String) for name in ("data_type", "exchange", "date")]
        with storage_errors("ingest_manifest"):
            there = self.repository.scan().filter(stands_at(Status.SUCCESS))
            rows = rows_by_day(there) if self._has_described() else there.filter(pl.col("rows_written") > 0)
            return (
                rows.group_by(place)
                .agg(
                    pl.col("rows_written").sum().alias("rows"),
                    pl.col("file_id").min().alias("first_id"),
                    pl.col("file_id").max().alias("last_id"),
                )
                .collect()
            )

    def with_days_left(self) -> pl.DataFrame:
        """Return the rows of files in silver that left days to other files."""
        if not self._has_described():
            return empty()
        with storage_errors("ingest_manifest"):
            rows = self.repository.scan().filter(stands_at(Status.SUCCESS))
            return rows.filter(pl.col("warnings").str.contains(f'"{LEFT_TO}', literal=True)).collect()

    def checksums_in_doubt(self) -> pl.DataFrame:
        """Return the rows of files in silver that have no checksum or another one, and of those refused by one."""
        if not self._has_described():
            return empty()
        with storage_errors("ingest_manifest"):
            has_none = stands_at(Status.SUCCESS) & (pl.col("checksum") == Checksum.MISSING)
            disagrees = stands_at(Status.SUCCESS, Status.QUARANTINED) & (pl.col("checksum") == Checksum.MISMATCH)
            return self.repository.scan().filter(has_none | disagrees).collect()

    def _has_described(self) -> bool:
        """Tell whether any file is of a description.

        Only these may have rows of several days, leave days to others, and have checksums beside them.

        It spares a lake without such files a pass over the ledger with each scan.
        """
        feeds = self.entries()["feed"]
        return feeds.null_count() < len(feeds)

    def quarantined_rows(self) -> pl.DataFrame:
        """Return ``file_id, status, rows_quarantined`` of the files that have any."""
        with storage_errors("ingest_manifest"):
            rows = self.repository.scan().filter(pl.col("rows_quarantined") > 0)
            return rows.select("file_id", "status", "rows_quarantined").collect()


def _schema(columns: Iterable[str]) -> pl.Schema:
    return pl.Schema({name: SCHEMA[name] for name in columns})


def _refuse_senseless(entries: pl.DataFrame) -> None:
    odd = entries.filter(senseless())
    if odd.is_empty():
        return
    file_id, status = odd.select("file_id", pl.col("status").cast(pl.String)).row(0)
    what = "a row without its path, or what it is of" if file_id is None else f"file {file_id}, with status {status}"
    raise LakeDamaged(
        f"ingest_manifest was changed by another program: it holds {what}", subject="ingest_manifest", hint=REPAIR_HINT
    )
