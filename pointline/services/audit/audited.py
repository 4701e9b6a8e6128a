"""What an audit asks of storage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import polars as pl
from msgspec import Struct

from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.io.protocols.tables import CommittedBatch, Part
from pointline.services.audit.silver.reread import Rereader
from pointline.services.audit.silver.row_counts import AuditedTable
from pointline.tables.symbols.history import History


class AuditedEventTable(AuditedTable, Protocol):
    """An event table, with what its commits say of themselves."""

    def batches_after(self, batch: int, file_ids: Collection[int] | None = None) -> list[CommittedBatch]:
        """Return what was committed after that batch, oldest first."""
        ...


class AuditedLedger(Protocol):
    """The manifest as it is on disk."""

    def last_batch(self) -> int:
        """Return the newest batch whose outcomes are recorded, -1 where there is none."""
        ...

    def batches_of_rows(self, columns: Sequence[str], parts: Sequence[Part] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows of these data files, or else of those of now, in runs by rising ``file_id``."""
        ...

    def live_parts(self) -> list[Part]:
        """Return its data files."""
        ...


class AuditedSymbols(Protocol):
    """What the symbols were, and when."""

    def exists(self) -> bool:
        """Tell whether there is a table."""
        ...

    def read_all(self) -> pl.DataFrame:
        """Return all rows."""
        ...

    def live_parts(self) -> list[Part]:
        """Return its data files."""
        ...


class AuditedObservations(Protocol):
    """What was said of symbols, and what comes of it."""

    def exists(self) -> bool:
        """Tell whether observations are kept; a lake of an earlier release has none before its first start."""
        ...

    def heads(self) -> pl.DataFrame:
        """Return all observations without what they hold."""
        ...

    def compute(self) -> History:
        """Compute ``dim_symbol`` from all observations."""
        ...


class LeftOut(Protocol):
    """Something in bronze that is no file, or cannot be read."""

    @property
    def path(self) -> str:
        """Where it is, from bronze."""
        ...

    @property
    def reason(self) -> str:
        """Why it is left out."""
        ...

    @property
    def advice(self) -> str:
        """What to do about it."""
        ...

    @property
    def is_unreadable(self) -> bool:
        """Tell whether there may be files in it."""
        ...


class PartFiles(Protocol):
    """The files behind parts."""

    def fault_of(self, table: str, part: Part) -> tuple[str, str] | None:
        """Return ``(kind, what)`` where the file is not the one that was committed; reads its footer only."""
        ...

    def content_fault_of(self, table: str, part: Part) -> tuple[str, str] | None:
        """Return ``(kind, what)`` where the file does not hold what was written; reads all of it."""
        ...

    def has_checksum(self, part: Part) -> bool:
        """Tell whether reading all of the file proves that it holds what was written."""
        ...

    def log_faults(self, table: str) -> Iterable[tuple[str, str]]:
        """Yield ``(name, reason)`` of the files of a table's log that are not as they were written."""
        ...

    def wrong_kinds(self, table: str) -> Iterable[tuple[str, str]]:
        """Yield ``(path, what)`` of what is a folder in the place of a file of a table, or the other way round."""
        ...

    def links(self) -> Iterable[tuple[str, str]]:
        """Yield ``(path, target)`` of the symbolic links in the lake, the path relative to the lake."""
        ...


class BronzeFolder(Protocol):
    """What lies in bronze."""

    def survey(
        self,
        folder: str = "",
        left_out: list[Any] | None = None,
        *,
        keep: Callable[[pl.DataFrame], pl.DataFrame] = ...,
    ) -> pl.DataFrame:
        """Return every file: ``path, size, mtime_us, changed_us, inode``.

        What is no file is added to ``left_out``, each a ``LeftOut``. ``keep`` is given the files piece by piece and
        says which of them are returned.
        """
        ...

    def describe(
        self, path: str, size: int, mtime_us: int, changed_us: int = 0, inode: int = 0
    ) -> BronzeFileMetadata | None:
        """Return what the path tells about a file; None where it is no market data."""
        ...


class Parties(Struct, frozen=True, kw_only=True):
    """Everything an audit asks. ``settled_before_us``: a bronze file modified later may still be on its way in."""

    ledger: AuditedLedger
    tables: Mapping[str, AuditedEventTable]
    quarantine: AuditedTable
    symbols: AuditedSymbols
    observed: AuditedObservations
    parts: PartFiles
    bronze: BronzeFolder
    reader: BronzeReader
    rereaders: Mapping[str, Rereader]
    has_writer: Callable[[], bool]
    settled_before_us: Callable[[], int]
    groups: Collection[str] | None = ()
    """Names of files that hold many symbols, beyond the usual ones; None where files may overlap."""
