"""What the services ask of storage. Adapters in this folder implement it; nothing here touches a disk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Protocol, Self

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from pointline.errors import PointlineError
from pointline.tables.dim_symbol import Scope
from pointline.tables.ingest_manifest import Status
from pointline.tables.symbol_observations import Observed

ACCEPTED = "accepted"
"""Stands among the warnings of a version that a person has accepted."""
PROCESS_ENDED = "process_ended"
"""Among the warnings of a pending version: how often the process ended while it was being read."""
OTHER_IS_GONE = "other_is_gone"
"""Stands among those of a refused one: the file in whose way it is was gone from bronze already."""
ROWS_LOST = "rows_lost"
"""Among those of a version of which rows were lost after it had come in, when bronze no longer had it: how many."""
LEFT_TO = "left_to_file_"
"""How a warning begins that counts the rows of a day that another file has: ``left_to_file_7:2024-01-05``."""


class BronzeFileMetadata(Struct, frozen=True, kw_only=True):
    """One version of one file in bronze, as seen by looking at it from outside.

    ``bronze_file_path`` is relative to bronze, POSIX style. ``last_modified_ts`` (mtime) and ``changed_us`` (ctime) are
    in microseconds since the epoch, UTC. ``changed_us`` and ``inode`` are 0 where nobody looked at the file itself.
    ``problem`` says why a file that claims to be market data cannot be taken at all (its date does not exist, no table
    for its data type, ...); such a file is never opened and goes to the ledger as ``quarantined``.
    """

    exchange: str
    data_type: str
    symbol: str
    date: dt.date | None
    bronze_file_path: str
    file_size_bytes: int
    last_modified_ts: int
    changed_us: int = 0
    inode: int = 0
    vendor: str = "tardis"
    feed: str = ""
    """The description that the path is of, with its series; empty where the file has the columns of its table."""
    receive_clock: bool = True
    """Its rows say when they were received."""
    is_one_day: bool = True
    """Its path claims one UTC day, that of ``date``, for all of its rows."""
    names_symbol: bool = True
    """Its rows say of which symbol they are; else only its path does."""
    is_timed_by_path: bool = False
    """The times of its rows are counted from the one that its path says: moved, they are other rows."""
    problem: str | None = None
    found_by: str | None = None
    """What brought it to our notice, for people: ``an event``, ``a scan``."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one file version. Times are microseconds since the epoch, UTC; None where there is no row.

    ``rows_read = rows_written + rows_quarantined`` always. None in a content fact (hash, rows, times, warnings) means:
    as the ledger has it already.
    """

    file_id: int
    status: Status
    content_hash: str | None = None
    rows_read: int | None = 0
    rows_written: int | None = 0
    rows_quarantined: int | None = 0
    first_local_us: int | None = None
    last_local_us: int | None = None
    symbols: tuple[str, ...] | None = None
    """The symbols found in the rows that were kept, as the rows spell them, sorted."""
    checksum: str | None = None
    """What the file beside it says of its content: ``ok``, ``mismatch``, ``missing``; None where there is none."""
    days: Mapping[str, int] | None = None
    """How many of the rows are of each UTC date, where the path does not claim that they are all of one."""
    warnings: Mapping[str, int] | None = field(default_factory=dict)
    error: str | None = None
    superseded_by: int | None = None
    """The version that replaced this one; of a duplicate, the file that brought the content; of a refused file, the
    one in whose way it is."""
    attempts: int | None = None
    """None: as the ledger has it. An attempt is noted before it is made."""

    @classmethod
    def begun(cls, file_id: int, *, attempts: int, warnings: Mapping[str, int]) -> Outcome:
        """The version, pending before, is about to be read again."""
        return replace(cls._kept(file_id, Status.PENDING), warnings=warnings, attempts=attempts)

    @classmethod
    def reopened(cls, file_id: int, *, accepted: bool = False) -> Outcome:
        """The version is to be read again, as if it had never been tried; what is known of its content stays.

        ``accepted``: a person said to take it in spite of what it was refused for.
        """
        warnings = {ACCEPTED: 1} if accepted else None
        return replace(cls._kept(file_id, Status.PENDING), warnings=warnings, attempts=0)

    @classmethod
    def put_off(cls, file_id: int, *, error: str) -> Outcome:
        """The version waits to be read again, for a reason."""
        return replace(cls._kept(file_id, Status.PENDING), error=error)

    @classmethod
    def duplicate(cls, file_id: int, *, content_hash: str | None, of: int) -> Outcome:
        """Another file brought the same content."""
        return cls(
            file_id=file_id,
            status=Status.DUPLICATE,
            content_hash=content_hash,
            error=f"same content as file {of}",
            superseded_by=of,
        )

    @classmethod
    def left(cls, file_id: int, status: Status, *, error: str | None = None) -> Outcome:
        """The version is withdrawn or gone; what it held stays on record."""
        return replace(cls._kept(file_id, status), error=error)

    @classmethod
    def checked(cls, file_id: int, checksum: str, *, error: str | None) -> Outcome:
        """A file that is in silver, and what its checksum says, which came after it."""
        return replace(cls._kept(file_id, Status.SUCCESS), checksum=checksum, error=error)

    @classmethod
    def superseded(cls, file_id: int, by: int) -> Outcome:
        """The version gave way to a newer one of the same path; what it held stays on record."""
        return replace(cls._kept(file_id, Status.SUPERSEDED), superseded_by=by)

    @classmethod
    def _kept(cls, file_id: int, status: Status) -> Outcome:
        """A status alone: the counts and warnings stay as the ledger has them."""
        return cls(
            file_id=file_id, status=status, rows_read=None, rows_written=None, rows_quarantined=None, warnings=None
        )


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


class Discovery(Struct, frozen=True, kw_only=True):
    """A file version as it was when it got its id. ``created_at_us`` is microseconds since the epoch, UTC."""

    meta: BronzeFileMetadata
    created_at_us: int


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


class Move(Struct, frozen=True, kw_only=True):
    """A file that was found under another path, both relative to bronze. ``at_us`` as above."""

    at_us: int
    origin: str
    target: str


class BronzeSource(Protocol):
    """The folder of vendor files. Knows nothing of ingest state."""

    def list_files(self, glob_pattern: str) -> Iterator[BronzeFileMetadata]:
        """Yield the market-data files below bronze whose relative path matches."""
        ...


class BronzeContent(Protocol):
    """One opened bronze file version."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of the bytes of which rows were made. There is none before all of them were read: RuntimeError."""
        ...

    @property
    def warnings(self) -> Mapping[str, int]:
        """What is odd about the file and no reason to refuse it, with counts; complete as the hash is."""
        ...

    @property
    def says(self) -> Mapping[str, str]:
        """What a file itself says of all its rows, by the names of fields of its path.

        Decoded files do, and the named groups of a pattern for the members of an archive: see ``first_line``. It is
        known when the beginning of the file was read.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def first_line(self, member: str = "", decoder: str = "", skip: int = 0) -> bytes:
        """Return the first line as it is in the file, without its end; empty where no line has text.

        ``member``: a pattern of the name of the one file in an archive that is meant, where others lie beside it.
        ``decoder``: what reads a file that is no text; it has no first line, and the decoder names the columns.
        ``skip``: so many lines before it are no part of the content. Rejected where the file has no more than them,
        or begins with a blank line.
        """
        ...

    def header(self) -> tuple[str, ...]:
        """Return the column names, separated by commas; empty where the file holds no data at all."""
        ...

    def blocks(self, wanted: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """Yield the data rows as blocks of whole CSV lines, in file order.

        ``wanted`` names the columns that matter, with what each should hold in words; where a file allows to leave out
        the others, they are empty.
        Raises Unfinished where the file ends early, ChangedWhileRead where it is not what was opened, Rejected where
        it cannot be accepted.
        """
        ...

    def lines(self, member: str = "") -> Iterator[bytes]:
        """Yield all lines, the first one too, as blocks of whole lines of any text. Raises as ``blocks``."""
        ...

    def beside(self, path: str) -> BronzeContent | None:
        """Open a file that belongs to it; None where there is none. To be closed by who asks. Raises as ``open``."""
        ...

    def whole(self) -> bytes:
        """Return all of the content, decompressed, for files that are not lines of rows. Raises as ``blocks``."""
        ...


class BronzeReader(Protocol):
    """Opens bronze files for reading."""

    def open(self, meta: BronzeFileMetadata) -> BronzeContent:
        """Open the file. Raises ChangedWhileRead where it is not the version that was seen, Rejected, Transient."""
        ...

    def content_hash(self, path: str, algorithm: str = "sha256") -> str | None:
        """Return the hash of the file's content now, or None where it cannot be read."""
        ...

    def look(self, path: str) -> BronzeFileMetadata | None:
        """Return what is at ``path`` (relative to bronze) now; None where no market-data file can be seen."""
        ...

    def is_gone(self, path: str) -> bool:
        """Tell whether no file is at ``path`` for certain; False where that cannot be told."""
        ...

    def said_by(self, path: str) -> tuple[object, ...]:
        """Return what ``path`` says of rows beside exchange, table, symbol and first day: how far they go, and values.

        Of two paths that say different things, the same bytes are different rows. Empty where it says nothing more.
        """
        ...

    def beginning(self, path: str) -> bytes | None:
        """Return the first bytes of a small file at ``path``, whatever it is called; None where there is none."""
        ...


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

    def batches_after(self, batch: int) -> list[CommittedBatch]:
        """Return what was committed after that batch, oldest first."""
        ...


class SymbolTable(Protocol):
    """``dim_symbol``, made from the observations."""

    def last_batch(self) -> int:
        """Return the number of the newest batch of observations that it was made from, -1 where there is none."""
        ...

    def read_all(self) -> pl.DataFrame:
        """Return all versions."""
        ...

    def versions_of(self, scope: Scope) -> pl.DataFrame:
        """Return the versions that are meant, by exchange, symbol and ``valid_from``."""
        ...

    def exchanges(self) -> Collection[str]:
        """Return the exchanges that there are versions of."""
        ...

    def not_as_of(self, now: dt.datetime) -> pl.DataFrame:
        """Return the versions whose ``is_current`` is not as it is at that time."""
        ...

    def replace(self, *, removed: pl.DataFrame, added: pl.DataFrame, batch: int | None) -> None:
        """Put rows in the place of others, on disk when this returns; ``removed`` are as they were read.

        Where there are none the commit only says that the table is up to that batch. Nothing happens where the batch
        is in; without one the table is as up to date as before.
        """
        ...


class SymbolObservations(BatchTable, Protocol):
    """What files and people said of symbols, as ``tables.symbol_observations`` has it."""

    def exists(self) -> bool:
        """Tell whether there is a table."""
        ...

    def heads(self) -> pl.DataFrame:
        """Return all observations without what they hold."""
        ...

    def of_exchanges(self, exchanges: Collection[str]) -> pl.DataFrame:
        """Return what was said of these exchanges."""
        ...

    def told_of(self, scope: Scope) -> Observed:
        """Return what windows and updates say of some symbols, and their states, without the rest."""
        ...

    def states_of(self, exchanges: Collection[str]) -> pl.DataFrame:
        """Return the states of symbols of these exchanges, each once."""
        ...

    def commit(
        self,
        batch: int,
        *,
        add: Observed,
        remove: Sequence[int],
        outcomes: Sequence[Outcome],
        found: Mapping[int, Discovery] | None = None,
    ) -> None:
        """Add what was said, in the place of all that the files in ``remove`` said; on disk when this returns.

        ``add.states`` are those that are not there yet. Nothing happens where the batch is in already.
        """
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


class IngestionManifestRepository(Protocol):
    """The ledger. A ledger that cannot be read is an error, never an empty ledger."""

    def resolve_file_id(self, meta: BronzeFileMetadata) -> int:
        """Return the id of this file version, minting one, ``pending`` and with an attempt noted, where it is new."""
        ...

    def resolve_file_ids(self, metas: Sequence[BronzeFileMetadata], *, besides: Collection[int] = ()) -> list[int]:
        """Do the same for many, in one commit. ``besides``: versions that give way, though they may look the same."""
        ...

    def filter_pending(self, candidates: Sequence[BronzeFileMetadata]) -> list[BronzeFileMetadata]:
        """Return the candidates whose version is not in the ledger or still ``pending``: one batch anti-join."""
        ...

    def update_status(
        self, file_id: int, status: Status, meta: BronzeFileMetadata, result: Outcome | None = None
    ) -> None:
        """Record what became of one file."""
        ...

    def update_statuses(self, outcomes: Iterable[Outcome], *, batch: int | None = None) -> None:
        """Record what became of many, in one commit that also says up to which batch the ledger is complete."""
        ...

    def last_batch(self) -> int:
        """Return the newest batch whose outcomes are recorded, -1 where there is none."""
        ...

    def entries(self) -> pl.DataFrame:
        """Return the ledger's rows: the columns of ``ingest_manifest`` that decisions need."""
        ...

    def rows_of(self, file_ids: Sequence[int]) -> pl.DataFrame:
        """Return the whole rows of these versions, with the columns that ``entries`` leaves out."""
        ...

    def totals(self) -> pl.DataFrame:
        """Return ``data_type, exchange, date, rows, first_id, last_id`` of the files that have rows in silver."""
        ...

    def with_days_left(self) -> pl.DataFrame:
        """Return the rows of files in silver that left days to other files."""
        ...

    def checksums_in_doubt(self) -> pl.DataFrame:
        """Return the rows of files in silver that have no checksum or another one, and of those refused by one."""
        ...

    def quarantined_rows(self) -> pl.DataFrame:
        """Return ``file_id, status, rows_quarantined`` of the files that have any."""
        ...

    def note_last_id(self, file_id: int) -> None:
        """Remember that an id was given, though the ledger may not know it."""
        ...

    def restore(self, found: Mapping[int, Discovery]) -> None:
        """Bring back rows that the ledger has lost, as ``pending``; ids that it has are left alone."""
        ...

    def relocate(self, moves: Sequence[tuple[int, BronzeFileMetadata]]) -> None:
        """Note that the files of these versions were moved: same content, other path."""
        ...
