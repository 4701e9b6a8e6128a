"""Files that were refused are put back: same id, same creation time, as if they had never been tried."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from msgspec import Struct

from pointline.io.protocols.file_version import Outcome
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.services.symbols.holds import IS_MARKED
from pointline.tables.ingest_manifest import Status, stands_at

RETRIABLE = (Status.FAILED, Status.QUARANTINED)
BY_NAME = (*RETRIABLE, Status.WITHDRAWN)
"""A file that a person took out comes back only where it is named."""
HELD_IN_PART = stands_at(Status.SUCCESS) & IS_MARKED.fill_null(value=False)
"""A list of instruments that is in, but not what it says of some exchange."""


class Selection(Struct, frozen=True, kw_only=True):
    """Which refused files to put back. Empty criteria do not restrict."""

    file_ids: tuple[int, ...] = ()
    status: Status | None = None
    rule: str | None = None
    """A rule that rows of the file broke, or a phrase of its error."""
    broke_rule: tuple[int, ...] = ()
    """The files of which quarantine holds rows that broke that rule."""


def select(entries: pl.DataFrame, selection: Selection) -> pl.DataFrame:
    """Return ``file_id, bronze_file_path, status, error`` of the refused files that are meant, by rising id."""
    by_default = BY_NAME if selection.file_ids else RETRIABLE
    statuses = by_default if selection.status is None else (selection.status,)
    is_meant = stands_at(*statuses)
    wanted = [is_meant | HELD_IN_PART if selection.file_ids and selection.status is None else is_meant]
    if selection.file_ids:
        wanted.append(pl.col("file_id").is_in(selection.file_ids))
    if selection.rule is not None:
        named = pl.col("error").str.contains(selection.rule, literal=True)
        wanted.append(named | pl.col("file_id").is_in(selection.broke_rule))
    found = entries.filter(wanted).select("file_id", "bronze_file_path", "status", "error")
    return found.with_columns(pl.col("status").cast(pl.String)).sort("file_id")


def put_back(manifest: IngestionManifestRepository, file_ids: Sequence[int], *, accepted: bool = False) -> int:
    """Put files back to ``pending``; return how many. What they left in quarantine goes when they are read again.

    Files that are not refused any more, because something newer came meanwhile, are left alone. With ``accepted`` they
    are taken in spite of a share of bad rows, of leaving too few rows of what they replace, or of lacking many symbols.
    """
    refused = manifest.rows_of(file_ids).filter(stands_at(*BY_NAME) | HELD_IN_PART)["file_id"].sort()
    manifest.update_statuses(Outcome.reopened(file_id, accepted=accepted) for file_id in refused)
    return len(refused)
