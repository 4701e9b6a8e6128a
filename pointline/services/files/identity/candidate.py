"""A file version on its way into the lake, and the candidates of a batch told apart."""

from __future__ import annotations

from msgspec import Struct, field

from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.files.identity.contents import Contents


class Candidate(Struct, frozen=True, kw_only=True):
    """A file version that shall enter the lake."""

    meta: BronzeFileMetadata
    replaces: tuple[int, ...] = ()
    """Older versions of the same path that are not history yet."""
    is_again: bool = False
    """The ledger had it as pending already: it may have left rows in quarantine."""
    is_accepted: bool = False
    """A person said to take it in spite of what it was refused for: ``pointline retry --accept``."""
    has_siblings: bool = False
    """Other files may hold rows of its symbols on the same day: times have to be compared."""
    may_be_refused: bool = False
    """Two files claim its day, so that one of them may not get in: it shares data files with such files only."""


class Move(Struct, frozen=True, kw_only=True):
    """A file that is in the lake and was at the path ``before`` until now."""

    file_id: int
    before: str
    meta: BronzeFileMetadata


class Sorted(Struct):
    """The candidates of a batch, told apart."""

    entering: list[Candidate] = field(default_factory=list)
    touched: list[tuple[int, BronzeFileMetadata]] = field(default_factory=list)
    """Known content under another time, and the version that has it."""
    moved: list[Move] = field(default_factory=list)
    known: list[BronzeFileMetadata] = field(default_factory=list)
    reopened: tuple[str, ...] = ()
    """Paths of refused files that may be read again, because of a move."""
    again: list[tuple[int, BronzeFileMetadata]] = field(default_factory=list)
    """Refused versions that were never read to their end: who opens them, or their inode, has changed."""
    settled: dict[int, int] = field(default_factory=dict)
    """Versions without rows whose path holds known content again, and the version that has it."""
    contents: Contents = field(default_factory=Contents)
    """Contents in the lake that an entering file may bring again."""
    left_behind: tuple[str, ...] = ()
    """Paths of refused files that a candidate may have been until it was renamed: are they gone?"""
