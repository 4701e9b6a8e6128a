"""A lake whose parts do not agree is made whole: rows leave that have no place, and files are read again.

Bronze holds the truth, so whatever silver lacks is read again under the ids that the files have. Steps 3 and 4 of the
ingest, with a batch number of its own for each table: a crash in between is mended like that of any other batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import polars as pl
from msgspec import Struct, field

from pointline.io.protocols import (
    BronzeReader,
    EventTableRepository,
    IngestionManifestRepository,
    Outcome,
    QuarantineRepository,
)
from pointline.phrases import plural
from pointline.services.audit.reconcile import Disagreement
from pointline.services.ingest.change import Change, Partition, commit_change, places_of
from pointline.tables.ingest_manifest import Status, stands_at

LOST = "its rows were lost, and its file is no longer in bronze"


class Healing(Struct, frozen=True, kw_only=True):
    """What will be done. Paths by file id, but ``reasons``."""

    tables: Mapping[str, Disagreement]
    quarantine_extra: Sequence[int] = ()
    reread: Mapping[int, str] = field(default_factory=dict)
    """Files that are read again."""
    lost: Mapping[int, str] = field(default_factory=dict)
    """Files that should be, but bronze has them no more."""
    reasons: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Nothing is to be done."""
        return not (self.tables or self.quarantine_extra or self.reread or self.lost)

    @property
    def doubts(self) -> list[str]:
        """What cannot be proven, and needs a person's word."""
        strangers = sum(len(one.strangers) for one in self.tables.values())
        found = []
        if strangers:
            found.append(f"silver has rows of {plural(strangers, 'file')} that neither the ledger nor the logs know")
        if self.lost:
            files, them = plural(len(self.lost), "file"), "this file" if len(self.lost) == 1 else "these files"
            found.append(f"the rows of {files} are lost, and bronze has {them} no more")
        return found


def plan_healing(
    manifest: IngestionManifestRepository,
    reader: BronzeReader,
    tables: Mapping[str, Disagreement],
    quarantine: tuple[Mapping[int, str], Sequence[int]] = ({}, ()),
    unsaid: Mapping[int, str] = MappingProxyType({}),
) -> Healing:
    """Say what has to be done about what disagrees. ``unsaid``: files of which nothing is kept of symbols."""
    lacking, extra = quarantine
    reasons = {file_id: why for one in tables.values() for file_id, why in one.reread.items()}
    reasons |= {**lacking, **unsaid}
    rows = manifest.entries().filter(pl.col("file_id").is_in(list(reasons))).select("file_id", "bronze_file_path")
    paths = dict(rows.iter_rows())
    lost = {file_id: path for file_id, path in paths.items() if reader.is_gone(path)}
    return Healing(
        tables=tables,
        quarantine_extra=extra,
        reread={file_id: path for file_id, path in paths.items() if file_id not in lost},
        lost=lost,
        reasons=reasons,
    )


def plan_rereading(manifest: IngestionManifestRepository, reader: BronzeReader, reasons: Mapping[int, str]) -> Healing:
    """Say what has to be done so that these files are read again. Whoever lies in another's path is left alone."""
    known = pl.col("file_id").is_in(list(reasons))
    rows = manifest.entries().filter(known, stands_at(Status.SUCCESS, Status.QUARANTINED, Status.DUPLICATE))
    paths = dict(rows.select("file_id", "bronze_file_path").iter_rows())
    lost = {file_id: path for file_id, path in paths.items() if reader.is_gone(path)}
    reread = {file_id: path for file_id, path in paths.items() if file_id not in lost}
    return Healing(tables={}, reread=reread, lost=lost, reasons=reasons)


def heal(
    plan: Healing,
    manifest: IngestionManifestRepository,
    quarantine: QuarantineRepository,
    repositories: Mapping[str, EventTableRepository],
) -> None:
    """Do it. May be cut short at any point, and then be planned and done again."""
    outcomes = [Outcome.reopened(file_id) for file_id in plan.reread]
    outcomes += [Outcome.left(file_id, Status.GONE, error=LOST) for file_id in plan.lost]
    # What is left of a file in another table than that it lacks rows in goes too: it is read again as a whole.
    rest = _left_overs(plan, manifest)
    for name, repository in repositories.items():
        one = plan.tables.get(name, Disagreement())
        leaving = {partition: list(ids) for partition, ids in one.leaving.items()}
        for partition, file_id in rest.get(name, ()):
            if file_id not in leaving.setdefault(partition, []):
                leaving[partition].append(file_id)
        if leaving or one.broken:
            number = 1 + _newest_batch(manifest, quarantine, repositories)
            told = [outcome for outcome in outcomes if outcome.file_id in one.reread]
            commit_change(repository, number, Change(leaving=leaving, broken=one.broken, outcomes=told))
    quarantine.forget([*plan.quarantine_extra, *plan.reread, *plan.lost])
    manifest.update_statuses(outcomes, batch=1 + _newest_batch(manifest, quarantine, repositories))


def _left_overs(plan: Healing, manifest: IngestionManifestRepository) -> dict[str, list[tuple[Partition, int]]]:
    """Where the files that are read again have their rows: quarantine alone may lack some of theirs."""
    counted = {file_id for one in plan.tables.values() for file_id in one.reread}
    ids = [file_id for file_id in [*plan.reread, *plan.lost] if file_id not in counted]
    rows = manifest.entries().filter(pl.col("file_id").is_in(ids), stands_at(Status.SUCCESS))
    found: dict[str, list[tuple[Partition, int]]] = {}
    for file_id, table, partition in places_of(rows):
        found.setdefault(table, []).append((partition, file_id))
    return found


def _newest_batch(
    manifest: IngestionManifestRepository,
    quarantine: QuarantineRepository,
    repositories: Mapping[str, EventTableRepository],
) -> int:
    tables = (repository.last_batch() for repository in repositories.values())
    return max(manifest.last_batch(), quarantine.last_batch(), *tables)
