"""What the services ask of the tables that files become, and of those beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Protocol

import polars as pl
from msgspec import Struct, field

from pointline.errors import PointlineError
from pointline.io.protocols.file_version import Discovery, Outcome


class Part(Struct, frozen=True, kw_only=True):
    """A finished Parquet file in a table's folder, one of a version or yet to be. ``path`` is relative to the table."""

    path: str
    partition: Mapping[str, str]
    size_bytes: int
    rows: int
    stats: str = ""
    """Delta statistics of a new part: a JSON object with ``numRecords, minValues, maxValues, nullCount``."""
    first_file_id: int = 0
    """Lowest ``file_id`` in a part of a version: parts in this order hold the rows in the order they came."""
    last_file_id: int = 0
    is_compacted: bool = False
    """Its row groups end where files end, as far as that is worth it."""


class CommittedBatch(Struct, frozen=True, kw_only=True):
    """What a silver commit says about itself: its batch number and the outcomes it made true.

    ``found`` are the files that it brought, by id: with them the ledger can be made again.
    """

    number: int
    outcomes: tuple[Outcome, ...]
    found: Mapping[int, Discovery] = field(default_factory=dict)


class CommitNote(Struct, frozen=True, kw_only=True):
    """What one commit of an event table says of one file. ``at_us`` is microseconds since the epoch, UTC."""

    version: int
    at_us: int
    status: str


class PartWriter(Protocol):
    """Streams rows of one partition into one Parquet file."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows: the table's columns without the partition columns. A text column may come as an enum."""
        ...

    def close(self) -> Part:
        """Finish the file, flush it to disk and describe it."""
        ...

    def discard(self) -> None:
        """Remove the file."""
        ...


class TableRepository(Protocol):
    """One Delta table."""

    def read_all(self) -> pl.DataFrame:
        """Return all rows. A table that cannot be read is an error, never an empty frame."""
        ...

    def write_full(self, df: pl.DataFrame) -> None:
        """Replace all rows: for deterministic rebuilds."""
        ...

    def append(self, df: pl.DataFrame) -> None:
        """Add rows."""
        ...

    def merge(self, df: pl.DataFrame, keys: Sequence[str]) -> None:
        """Update the rows that agree with ``df`` in ``keys`` and insert the rest."""
        ...


class BatchTable(Protocol):
    """A table whose commits carry the number of their batch and the outcomes they made true."""

    def last_batch(self) -> int:
        """Return the number of the newest batch in this table, -1 where there is none."""
        ...

    def batches_after(self, batch: int, file_ids: Collection[int] | None = None) -> list[CommittedBatch]:
        """Return what was committed after that batch, oldest first; ``file_ids``: what was told of these only."""
        ...


class KeepsParts(Protocol):
    """A table whose parts are written before a commit names them."""

    def discard(self, parts: Sequence[Part]) -> None:
        """Remove parts that were written and that no commit names."""
        ...


@contextmanager
def new_parts(table: KeepsParts) -> Iterator[list[Part]]:
    """Around the writing of parts and their commit: where it does not come to that, those listed are removed again.

    Whoever tries again writes others, and the vacuum leaves what this process has written alone: a disk that is full
    would be filled by what each try leaves.
    """
    parts: list[Part] = []
    with ExitStack() as on_trouble:
        on_trouble.callback(_discard, table, parts)
        yield parts
        on_trouble.pop_all()


def _discard(table: KeepsParts, parts: Sequence[Part]) -> None:
    with suppress(PointlineError):
        table.discard(parts)


class EventTableRepository(TableRepository, BatchTable, KeepsParts, Protocol):
    """A partitioned table that takes finished parts, many in one commit."""

    def part_writer(
        self, partition: Mapping[str, str], dictionary: Sequence[str], *, is_compacted: bool = False
    ) -> PartWriter:
        """Start a part. ``dictionary`` names the columns with few distinct values."""
        ...

    def parts_of(
        self, file_ids: Sequence[int], partition: Mapping[str, str], *, without: Collection[str] = ()
    ) -> list[Part]:
        """Return a partition's data files that hold rows of these files; those at some paths are not looked at."""
        ...

    def live_parts(self, partition: Mapping[str, str]) -> list[Part]:
        """Return the data files of a partition that readers see."""
        ...

    def rows_of(self, part: Part, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows of a part in order, without the partition columns."""
        ...

    def rewrite(self, *, add: Sequence[Part], remove: Sequence[Part]) -> None:
        """Put parts in the place of others that hold the same rows.

        Raises CommitConflict, and changes nothing, where one of those is no longer live.
        """
        ...

    def rows_without(self, part: Part, file_ids: Sequence[int]) -> Iterator[pl.DataFrame]:
        """Yield the rows of a live part that belong to other files, in order."""
        ...

    def commit(
        self,
        batch: int,
        *,
        add: Sequence[Part],
        remove: Sequence[Part],
        outcomes: Sequence[Outcome],
        found: Mapping[int, Discovery] | None = None,
    ) -> None:
        """Make ``add`` visible and ``remove`` invisible at once, on disk when this returns.

        Nothing happens where the batch is in already. ``found`` tells of the files that come.
        """
        ...

    def totals(self) -> pl.DataFrame:
        """Return ``exchange, date, rows, first_id, last_id`` per partition, by what the log says of its parts."""
        ...


class QuarantineRepository(TableRepository, Protocol):
    """Quarantined rows."""

    def set_aside(self, batch: int, rows: pl.DataFrame) -> None:
        """Add the rows of a batch. Nothing happens where the batch is in already."""
        ...

    def last_batch(self) -> int:
        """Return the number of the newest batch in this table, -1 where there is none."""
        ...

    def forget(self, file_ids: Sequence[int]) -> int:
        """Remove the rows of files that did not get in after all; return how many there were."""
        ...

    def rows_per_file(self) -> pl.DataFrame:
        """Return ``file_id, rows``."""
        ...
