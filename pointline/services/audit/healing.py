"""A lake whose parts do not agree is made whole: rows leave that have no place, and files are read again.

Bronze holds the truth, so whatever silver lacks is read again under the ids that the files have. What bronze no longer
has stays as far as it is there, and what is lost of it is said. Steps 3 and 4 of the ingest, with a batch number of its
own for each table: a crash in between is mended like that of any other batch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import polars as pl
from msgspec import Struct, field

from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import Outcome
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.io.protocols.tables import EventTableRepository, QuarantineRepository
from pointline.phrases import plural
from pointline.services.audit.lost_rows import ByBronze, gone, sort_by_bronze, what_is_left
from pointline.services.audit.reconcile import Disagreement, DisagreementAside
from pointline.services.ingest.change import Change, Partition, commit_change, places_of
from pointline.tables.ingest_manifest import OUT, Status, stands_at

NO_SUCCESSOR = "it was replaced, and the ledger does not know any more by which file"
NOTHING_ASIDE = DisagreementAside()


class Healing(Struct, frozen=True, kw_only=True):
    """What will be done. By file id; ``reread`` and ``lost`` are paths."""

    tables: Mapping[str, Disagreement]
    quarantine_extra: Sequence[int] = ()
    reread: Mapping[int, str] = field(default_factory=dict)
    """Files that are read again."""
    copied: Mapping[int, int] = field(default_factory=dict)
    """Files whose copy is read again in their place, and the copy."""
    lost: Mapping[int, str] = field(default_factory=dict)
    """Files that should be, but bronze has no such version of them any more."""
    left: Mapping[int, Outcome] = field(default_factory=dict)
    """Where these stand then, and files whose path holds a version that is still to be read: what is left stays."""
    stays: Mapping[int, str] = field(default_factory=dict)
    """Files of which rows are missing, and that would lose others by being read again now; and why, with a remedy."""
    reasons: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Nothing is to be done."""
        if self.quarantine_extra or self.reread or self.left or self.lost:
            return False
        return all(
            one.reread and not one.broken and one.reread.keys() <= self.stays.keys() and not self._leaving(one)
            for one in self.tables.values()
        )

    def _leaving(self, one: Disagreement) -> set[int]:
        return {file_id for ids in one.leaving.values() for file_id in ids} - self.stays.keys()

    @property
    def strangers(self) -> set[int]:
        """Files that have rows, and that the ledger does not know."""
        return {file_id for one in self.tables.values() for file_id in one.strangers}

    @property
    def doubts(self) -> list[str]:
        """What cannot be proven, and needs a person's word."""
        found = []
        if self.strangers:
            found.append(
                f"silver has rows of {plural(len(self.strangers), 'file')} that neither the ledger nor the logs know"
            )
        if self.lost:
            it = "that version of it" if len(self.lost) == 1 else "those versions"
            found.append(f"rows of {plural(len(self.lost), 'file')} are lost, and bronze no longer has {it}")
        return found


def plan_healing(
    manifest: IngestionManifestRepository,
    reader: BronzeReader,
    tables: Mapping[str, Disagreement],
    aside: DisagreementAside = NOTHING_ASIDE,
    unsaid: Mapping[int, str] = MappingProxyType({}),
    *,
    worse: Callable[[pl.DataFrame], Mapping[int, str]] = lambda _rows: {},
) -> Healing:
    """Say what has to be done about what disagrees. ``unsaid``: files of which nothing is kept of symbols.

    ``worse`` tells of rows of the ledger which files would lose rows by being read again; those that have some keep
    them.
    """
    reasons = {file_id: why for one in tables.values() for file_id, why in one.reread.items()}
    reasons |= {**aside.lacking, **unsaid}
    if not reasons:
        return Healing(tables=tables, quarantine_extra=aside.extra)
    rows = manifest.rows_of(list(reasons))
    found = sort_by_bronze(rows, manifest, reader)
    held = {file_id: days for one in tables.values() for file_id, days in one.held.items()}
    left: dict[int, Outcome] = {}
    having = [row["file_id"] for row in rows.iter_rows(named=True) if _has_some(row, held)]
    with_rows = rows.filter(pl.col("file_id").is_in(having), ~pl.col("file_id").is_in(list(unsaid)))
    _leave_worse_copies(found, with_rows, worse)
    again = with_rows.filter(pl.col("file_id").is_in(list(found.reread)))
    stays = {} if again.is_empty() else worse(again)
    for row in rows.filter(pl.col("file_id").is_in([*found.lost, *found.replaced])).iter_rows(named=True):
        file_id = row["file_id"]
        is_all_lost = file_id in unsaid
        left[file_id] = (
            gone(file_id) if is_all_lost else what_is_left(row, held.get(file_id, {}), aside.held.get(file_id))
        )
    return Healing(
        tables=tables,
        quarantine_extra=aside.extra,
        reread={file_id: path for file_id, path in found.reread.items() if file_id not in stays},
        stays=stays,
        copied=found.copied,
        lost=found.lost,
        left=left,
        reasons=reasons,
    )


def _has_some(row: Mapping[str, Any], held: Mapping[int, Mapping[dt.date, int]]) -> bool:
    """Tell whether any rows of a file are there, as far as is known: only days of which some are missing are listed."""
    listed = held.get(row["file_id"], {})
    days = {one["date"] for one in row["days"] or ()} or {row["date"]}
    return any(listed.values()) or bool(days - listed.keys())


def _leave_worse_copies(
    found: ByBronze, rows: pl.DataFrame, worse: Callable[[pl.DataFrame], Mapping[int, str]]
) -> None:
    """Call a file lost whose copy would bring less than what is there of it."""
    for file_id in [one for one in rows["file_id"] if one in found.copied]:
        path = found.reread[found.copied[file_id]]
        row = rows.filter(pl.col("file_id") == file_id)
        if worse(row.with_columns(bronze_file_path=pl.lit(path))):
            found.reread.pop(found.copied.pop(file_id))
            found.lost[file_id] = row["bronze_file_path"].item()


def plan_rereading(manifest: IngestionManifestRepository, reader: BronzeReader, reasons: Mapping[int, str]) -> Healing:
    """Say what has to be done so that these files are read again. Whoever lies in another's path is left alone.

    So is what bronze no longer has: rows that cannot be read again are not taken out.
    """
    rows = manifest.rows_of(list(reasons)).filter(stands_at(Status.SUCCESS, Status.QUARANTINED, Status.DUPLICATE))
    found = sort_by_bronze(rows, manifest, reader)
    return Healing(tables={}, reread=found.reread, copied=found.copied, lost=found.lost, reasons=reasons)


def plan_history(manifest: IngestionManifestRepository, file_ids: Collection[int]) -> Healing:
    """Say what has to be done about files that are history, and of which an audit has found something.

    What quarantine has of them goes, and one whose successor is not known any more is ``gone``. Others are left alone.
    """
    rows = manifest.rows_of(list(file_ids)).filter(stands_at(*OUT))
    replaced = rows.filter(stands_at(Status.SUPERSEDED))
    known = manifest.rows_of(replaced["superseded_by"].drop_nulls().to_list())["file_id"].implode()
    lost = replaced.filter(~pl.col("superseded_by").is_in(known).fill_null(value=False))["file_id"]
    left = {file_id: Outcome.left(file_id, Status.GONE, error=NO_SUCCESSOR) for file_id in lost}
    return Healing(tables={}, quarantine_extra=rows["file_id"].to_list(), left=left)


def heal(
    plan: Healing,
    manifest: IngestionManifestRepository,
    quarantine: QuarantineRepository,
    repositories: Mapping[str, EventTableRepository],
) -> None:
    """Do it. May be cut short at any point, and then be planned and done again."""
    outcomes = [Outcome.reopened(file_id) for file_id in plan.reread]
    outcomes += [_given_over(file_id, copy) for file_id, copy in plan.copied.items()]
    outcomes += plan.left.values()
    # A file that is read again is read as a whole: what is left of it on other days, and elsewhere, goes too.
    rest = _places(plan, manifest)
    for name, repository in repositories.items():
        one = plan.tables.get(name, Disagreement())
        leaving = _leaving(one, {*plan.left, *plan.stays}, rest.get(name, ()))
        if leaving or one.broken:
            number = 1 + _newest_batch(manifest, quarantine, repositories)
            told = [outcome for outcome in outcomes if outcome.file_id in one.reread]
            commit_change(repository, number, Change(leaving=leaving, broken=one.broken, outcomes=told))
    closed = [file_id for file_id, outcome in plan.left.items() if outcome.status == Status.GONE]
    quarantine.forget([*plan.quarantine_extra, *plan.reread, *plan.copied, *closed])
    manifest.update_statuses(outcomes, batch=1 + _newest_batch(manifest, quarantine, repositories))


def _given_over(file_id: int, copy: int) -> Outcome:
    return Outcome.left(file_id, Status.GONE, error=f"its rows were lost; its copy, file {copy}, is read again")


def _leaving(
    one: Disagreement, left: Collection[int], rest: Sequence[tuple[Partition, int]]
) -> dict[Partition, list[int]]:
    """Return the files whose rows go, by partition. Sound rows of a file that is not read again stay."""
    leaving: dict[Partition, list[int]] = {}
    for partition, ids in one.leaving.items():
        date = dt.date.fromisoformat(dict(partition)["date"])
        leaving[partition] = [file_id for file_id in ids if file_id not in left or not one.held[file_id][date]]
    for partition, file_id in rest:
        if file_id not in leaving.setdefault(partition, []):
            leaving[partition].append(file_id)
    return {partition: ids for partition, ids in leaving.items() if ids}


def _places(plan: Healing, manifest: IngestionManifestRepository) -> dict[str, list[tuple[Partition, int]]]:
    """Where the files that are read again, or their copies, may have rows."""
    rows = manifest.entries().filter(pl.col("file_id").is_in([*plan.reread, *plan.copied]), stands_at(Status.SUCCESS))
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
