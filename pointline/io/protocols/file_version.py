"""One version of a file of bronze: what is seen of it from outside, what became of it, and what warnings tell of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from pointline.tables.ingest_manifest import Status

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


_FACTS = (
    *("content_hash", "rows_read", "rows_written", "rows_quarantined", "first_local_us", "last_local_us", "symbols"),
    *("checksum", "days", "warnings"),
)
"""What an outcome may leave as the ledger has it already."""


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

    def after(self, before: Outcome | None) -> Outcome:
        """Return this outcome with the facts that it leaves as they are, where an earlier one of the file has them."""
        known = {name: getattr(before, name, None) for name in _FACTS if getattr(self, name) is None}
        return replace(self, **{name: fact for name, fact in known.items() if fact is not None})

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


class Discovery(Struct, frozen=True, kw_only=True):
    """A file version as it was when it got its id. ``created_at_us`` is microseconds since the epoch, UTC."""

    meta: BronzeFileMetadata
    created_at_us: int


class Move(Struct, frozen=True, kw_only=True):
    """A file that was found under another path, both relative to bronze. ``at_us`` as above."""

    at_us: int
    origin: str
    target: str
