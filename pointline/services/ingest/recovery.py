"""What start-up does before anything is ingested: bring the manifest up to what silver says is in.

Silver is the truth about what is in, because its commits are atomic. The manifest says up to which batch it is
complete; every silver commit after that carries the outcomes it made true. Recovery may itself be cut short at any
point: each of its steps can be repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl
from msgspec import Struct, field

from pointline.io.protocols.file_version import Discovery, Outcome
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.io.protocols.tables import BatchTable, QuarantineRepository
from pointline.tables.ingest_manifest import Status, stands_at


class Recovered(Struct, frozen=True, kw_only=True):
    """What recovery found. ``outcomes`` were in silver but not in the manifest."""

    outcomes: tuple[Outcome, ...]
    forgotten: int
    """Rows that stood in quarantine though their file had not got in."""


class Told(Struct, frozen=True, kw_only=True):
    """What commits of silver tell of files, by file id: what became of them in the end, and how they were found."""

    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    discovered: Mapping[int, Discovery] = field(default_factory=dict)
    newest: int = -1
    """The number of the newest of these batches."""


def recover(
    manifest: IngestionManifestRepository,
    quarantine: QuarantineRepository,
    repositories: Mapping[str, BatchTable],
) -> Recovered:
    """Make manifest, silver and quarantine agree. To be called before the first batch."""
    complete = manifest.last_batch()
    told = _told_after(complete, repositories)
    found, newest = told.outcomes, max(complete, told.newest)
    manifest.restore(told.discovered)
    found = _known(found, manifest.entries())
    pending = manifest.entries().filter(stands_at(Status.PENDING))["file_id"]
    not_in = sorted(set(pending) - set(found))
    # The rows set aside of a batch are written before its files get in. Those of files that did not are written again
    # when the files are read again.
    withdrawn = [outcome.file_id for outcome in found.values() if outcome.status is Status.WITHDRAWN]
    forgotten = quarantine.forget([*not_in, *withdrawn])
    if found:  # else the ledger would be read anew
        manifest.update_statuses(found.values(), batch=newest)
    manifest.update_statuses(_overtaken(manifest.entries()))
    manifest.update_statuses(_orphaned_copies(manifest.entries()))
    manifest.update_statuses(_copies_of_withdrawn(manifest.entries()))
    return Recovered(outcomes=tuple(found.values()), forgotten=forgotten)


def told_of(file_ids: Collection[int], repositories: Mapping[str, BatchTable]) -> Told:
    """Return what the logs of silver tell of files that the ledger does not know."""
    told = _told_after(-1, repositories, file_ids)
    known = {one for one in file_ids if one in told.discovered and one in told.outcomes}
    return Told(
        outcomes={one: told.outcomes[one] for one in known}, discovered={one: told.discovered[one] for one in known}
    )


def bring_back(manifest: IngestionManifestRepository, told: Told) -> None:
    """Give rows of the ledger back that it has lost, with what became of the files."""
    manifest.restore(told.discovered, told.outcomes)


def _told_after(complete: int, repositories: Mapping[str, BatchTable], file_ids: Collection[int] | None = None) -> Told:
    batches = [batch for repository in repositories.values() for batch in repository.batches_after(complete, file_ids)]
    outcomes: dict[int, Outcome] = {}
    discovered: dict[int, Discovery] = {}
    for batch in sorted(batches, key=lambda one: one.number):
        outcomes |= {one.file_id: one.after(outcomes.get(one.file_id)) for one in batch.outcomes}
        discovered |= batch.found
    newest = max((batch.number for batch in batches), default=-1)
    return Told(outcomes=outcomes, discovered=discovered, newest=newest)


def _known(found: Mapping[int, Outcome], entries: pl.DataFrame) -> dict[int, Outcome]:
    """Leave out what became of files whose discovery nobody told of: only their going is known."""
    known = set(entries.filter(pl.col("file_id").is_in(list(found)))["file_id"])
    return {file_id: outcome for file_id, outcome in found.items() if file_id in known}


def _overtaken(entries: pl.DataFrame) -> list[Outcome]:
    """Versions that never got in, and whose path a newer version has taken into the lake since."""
    open_ = entries.filter(stands_at(Status.PENDING, Status.FAILED, Status.QUARANTINED))
    if open_.is_empty():
        return []
    same_path = pl.col("bronze_file_path").is_in(open_["bronze_file_path"].to_list())
    is_in = entries.filter(same_path, stands_at(Status.SUCCESS, Status.DUPLICATE))
    newer = is_in.group_by("bronze_file_path").agg(pl.col("file_id").max().alias("newer"))
    rows = open_.join(newer, on="bronze_file_path").filter(pl.col("newer") > pl.col("file_id"))
    return [Outcome.superseded(file_id, by=by) for file_id, by in rows.select("file_id", "newer").iter_rows()]


def _copies_of_withdrawn(entries: pl.DataFrame) -> list[Outcome]:
    """Duplicates of a file that a person took out: they go with it."""
    gone = entries.filter(stands_at(Status.WITHDRAWN)).select(pl.col("file_id").alias("superseded_by"))
    copies = entries.filter(stands_at(Status.DUPLICATE)).join(gone, on="superseded_by", how="semi")
    return [Outcome.left(file_id, Status.WITHDRAWN) for file_id in copies["file_id"]]


def _orphaned_copies(entries: pl.DataFrame) -> list[Outcome]:
    """Duplicates whose original is not in silver: now their own rows have to come."""
    there = (Status.SUCCESS, Status.PENDING, Status.WITHDRAWN)
    gone = entries.filter(~stands_at(*there)).select(pl.col("file_id").alias("superseded_by"))
    copies = entries.filter(stands_at(Status.DUPLICATE)).join(gone, on="superseded_by", how="semi")
    return [Outcome.reopened(file_id) for file_id in copies["file_id"]]
