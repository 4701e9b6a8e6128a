"""What the story of a file is told from, and a chapter of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct, field

from pointline.io.protocols.file_version import Move
from pointline.io.protocols.tables import CommitNote
from pointline.services.rows.aside import RuleBroken
from pointline.services.telling.next_steps import LedgerRow
from pointline.tables.ingest_manifest import Status


class Chapter(Struct, frozen=True, kw_only=True):
    """One thing that happened. ``at_us`` is microseconds since the epoch, UTC; None where nobody noted the time."""

    what: str
    at_us: int | None = None


class Sources(Struct, frozen=True, kw_only=True):
    """What there is to tell of one version beside its row. ``others`` are the files that it names, by id."""

    others: Mapping[int, LedgerRow] = field(default_factory=dict)
    is_only_copy: bool = False
    """Of a file whose own path in bronze is empty."""
    came_back_as: LedgerRow | None = None
    """Of a file that is gone: the file that has its content now."""
    heirs: Mapping[int, LedgerRow] = field(default_factory=dict)
    """What is now in the place of the files that days were left to, by their ids."""
    groups: Collection[str] = ()
    """Names in the place of a symbol that stand for many, beside those that always do."""
    replaced: Sequence[int] = ()
    """Older versions that gave way to this one."""
    set_aside: Sequence[RuleBroken] = ()
    commits: Sequence[CommitNote] = ()
    moves: Sequence[Move] = ()
    oldest_version: int | None = None
    """The oldest version of its table that can still be opened."""
    found_by: str | None = None

    def original_of(self, row: LedgerRow) -> LedgerRow | None:
        """Return what a duplicate is a copy of."""
        return self.others.get(row["superseded_by"]) if row["status"] == Status.DUPLICATE else None

    def path_of(self, file_id: int, row: LedgerRow) -> str:
        """Return the path of another file; that of the version itself where nothing is known of it."""
        return str(self.others.get(file_id, row)["bronze_file_path"])
