"""``dim_symbol`` as files and people change it: their word is kept, and the table computed from all that stands.

Observations are committed first, with the number of their batch and the outcomes they make true; ``dim_symbol`` follows
under the same number. A crash in between leaves it behind, and ``catch_up`` computes it at the next start.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.io.protocols.file_version import Discovery, Outcome
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.io.protocols.symbols import SymbolObservations, SymbolTable
from pointline.services.ingest.batch import Entry, Loaded
from pointline.services.ingest.verdict import Verdict
from pointline.services.symbols import holds as symbol_holds
from pointline.services.symbols.planning import Plan, Planner
from pointline.tables.dim_symbol import INSTRUMENTS, as_of
from pointline.tables.ingest_manifest import Status, stands_at
from pointline.tables.symbols.history import History
from pointline.tables.symbols.observations import (
    Kind,
    Observed,
    Origin,
    observe,
    observe_at,
    recorded,
    with_unsaid,
)
from pointline.vendors.symbols.metadata import Metadata

REFRESH = dt.timedelta(minutes=55)
"""Whoever asks does so every few minutes at most: within an hour it is done."""
STANDS = (Status.SUCCESS, Status.QUARANTINED, Status.PENDING)
"""A file of which something is held is quarantined; one that is to be read again is pending."""


class Told(Struct, frozen=True, kw_only=True):
    """What a person says with ``symbols update``. ``exchange``: whose symbols it tells, even where it holds none."""

    metadata: Metadata
    exchange: str = ""
    insist: bool = False


class Symbols:
    """The symbols of a lake. One thread at a time; numbers of batches are the caller's."""

    def __init__(
        self,
        *,
        observations: SymbolObservations,
        table: SymbolTable,
        manifest: IngestionManifestRepository,
        max_missing_share: float,
        clock: Callable[[], int],
    ) -> None:
        self._observations = observations
        self._table = table
        self._manifest = manifest
        self._max_missing_share = max_missing_share
        self.planner = Planner(observations, table, clock)
        self._lock = threading.RLock()
        self._judged: tuple[int, Plan | None, Verdict] | None = None
        self._marked: set[int] | None = None
        self._refreshed: dt.datetime | None = None

    def last_batch(self) -> int:
        """Return the number of the newest batch, -1 where there is none."""
        return self._observations.last_batch()

    # ---- files

    def judge(self, number: int, loaded: Sequence[Loaded], verdict: Verdict) -> Verdict:
        """Find what a batch of files comes to; return the verdict with what is held, of older files too.

        A batch that is in already is not judged again: it has changed what it was judged by.
        """
        with self._lock:
            if self._judged is None or self._judged[0] != number or self.last_batch() < number:
                self._judged = self._judge(number, loaded, verdict)
            return self._judged[2]

    def commit(self, number: int, outcomes: Sequence[Outcome], found: Mapping[int, Discovery]) -> None:
        """Write what was judged; nothing where the batch says nothing of symbols. ``found`` tells of its files."""
        with self._lock:
            judged = self._judged
            if judged is not None and judged[0] == number and judged[1] is not None:
                self._write(number, judged[1], outcomes, found)

    def _judge(self, number: int, loaded: Sequence[Loaded], verdict: Verdict) -> tuple[int, Plan | None, Verdict]:
        told = {file_id: metadata for group in loaded for file_id, metadata in group.symbols.items()}
        accepted = {file_id for file_id, one in verdict.outcomes.items() if one.status is Status.SUCCESS}
        coming = {file_id: metadata for file_id, metadata in told.items() if file_id in accepted}
        ended = [one.file_id for one in verdict.replaced if one.table == INSTRUMENTS]
        overtaken = symbol_files(self._observations.heads(), verdict.overtaken) if verdict.overtaken else []
        if not coming and not ended and not overtaken:
            return number, None, verdict
        add = Observed.join(self._observed(verdict.entries[file_id], metadata) for file_id, metadata in coming.items())
        plan = self.planner.plan(add, [*ended, *overtaken, *coming])
        own = self._outcomes(plan, {file_id: _as_row(verdict, file_id) for file_id in coming})
        refused = {file_id for file_id, one in own.items() if one.status is Status.QUARANTINED}
        stay = [one for one in verdict.replaced if one.by in refused]
        if stay:  # what a held file would replace stays, and stands in front of it
            plan = self.planner.plan(add, [one for one in plan.remove if one not in {gone.file_id for gone in stay}])
            own = self._outcomes(plan, {file_id: _as_row(verdict, file_id) for file_id in coming})
        others = self._others(plan, leaving_out={*coming, *plan.remove})
        judged = replace(
            verdict,
            outcomes={**verdict.outcomes, **own},
            replaced=[one for one in verdict.replaced if one not in stay],
            others=tuple(others.values()),
        )
        return number, plan, judged

    def _observed(self, entry: Entry, metadata: Metadata) -> Observed:
        origin = Origin(
            file_id=entry.file_id,
            found=entry.file_id,
            max_missing_share=self._max_missing_share,
            source=entry.meta.exchange,
            accepted=entry.candidate.is_accepted,
        )
        # A list of several exchanges has a name of its own in the place of an exchange.
        names = set(metadata.updates["exchange"])
        if metadata.unsaid is not None:
            names |= set(metadata.unsaid["exchange"])
        of = entry.meta.exchange if names <= {entry.meta.exchange} else ""
        return _said(metadata, origin, of)

    # ---- people

    def update(self, number: int, told: Told, *, dry_run: bool = False) -> Plan:
        """Keep what a person says and compute what comes of it; return that. With ``dry_run`` nothing is written."""
        with self._lock:
            heads = self._observations.heads()
            ids = heads["file_id"]
            entries = self._manifest.entries()["file_id"]
            origin = Origin(
                file_id=min(0, *ids.to_list()) - 1 if len(ids) else -1,
                found=int(str(entries.max())) if len(entries) else 0,
                max_missing_share=self._max_missing_share,
                accepted=told.insist,
            )
            metadata = told.metadata
            add = _said(metadata, origin, told.exchange)
            plan = self.planner.plan(add, [])
            if not dry_run:
                self.settle(number, plan, [])
            return plan

    # ---- taking back

    def forget(self, number: int, file_ids: Sequence[int], outcomes: Sequence[Outcome]) -> list[Outcome] | None:
        """Take back what these files said; None where they said nothing.

        ``outcomes`` is what becomes of them. Returns what becomes of other files, for the caller to record.
        """
        with self._lock:
            known = symbol_files(self._observations.heads(), file_ids)
            if not known:
                return None
            plan = self.planner.plan(Observed.join([]), known)
            others = list(self._others(plan, leaving_out=set(file_ids)).values())
            self._write(number, plan, [*outcomes, *others])
            return others

    def settle(self, number: int, plan: Plan, outcomes: Sequence[Outcome]) -> None:
        """Write a plan, and tell the ledger which files it releases or holds."""
        others = [*outcomes, *self._others(plan, leaving_out={one.file_id for one in outcomes}).values()]
        self._write(number, plan, others)
        self._manifest.update_statuses(others, batch=number)

    def catch_up(self, number: int) -> None:
        """Bring ``dim_symbol`` up to the observations, and those up to the ledger. For the start, before any batch."""
        with self._lock:
            entries = self._manifest.entries()
            heads = self._observations.heads()
            before = self._table.read_all() if heads.is_empty() else None
            if before is not None and not before.is_empty() and self.last_batch() < 0:
                self._take_over(number, before, entries)
                return
            told = entries.filter(pl.col("file_id").is_in(heads["file_id"].unique().implode()))
            gone = told.filter(~stands_at(*STANDS))["file_id"].sort().to_list()
            if gone:
                self.settle(number, self.planner.plan(Observed.join([]), gone), [])
            elif self._table.last_batch() != self.last_batch():
                whole = self.planner.plan(Observed.join([]), [], everything=True)
                self._bring_up_to(self.last_batch(), whole)
                self._manifest.update_statuses(self._others(whole, leaving_out=set()).values())

    def missing(self) -> dict[int, str]:
        """Return the files of instruments that are in and of which nothing is kept, and why."""
        files = _lists_in(self._manifest.entries())
        if files.is_empty():
            return {}
        return dict.fromkeys(sorted(set(files) - set(self.heads()["file_id"])), "what it said of symbols is not kept")

    def _take_over(self, number: int, versions: pl.DataFrame, entries: pl.DataFrame) -> None:
        """Keep what an earlier release made of files, and have those files read again, which says what they said."""
        plan = self.planner.plan(recorded(versions), [])
        self.settle(number, plan, [Outcome.reopened(file_id) for file_id in _lists_in(entries)])

    def refresh(self) -> None:
        """See to it that what has begun is current, and what has ended is not; looks once an hour."""
        with self._lock:
            now = self.planner.now()
            if self._refreshed is not None and dt.timedelta(0) <= now - self._refreshed < REFRESH:
                return  # a clock that was put back must not keep it from looking
            self._refreshed = now
            stale = self._table.not_as_of(now)
            if stale.height:
                self._table.replace(removed=stale, added=as_of(stale, now), batch=None)

    # ---- what is kept

    def exists(self) -> bool:
        """Tell whether observations are kept."""
        return self._observations.exists()

    def heads(self) -> pl.DataFrame:
        """Return all observations without what they hold."""
        return self._observations.heads()

    def compute(self) -> History:
        """Compute ``dim_symbol`` from all observations."""
        return self.planner.compute()

    def _write(
        self, number: int, plan: Plan, outcomes: Sequence[Outcome], found: Mapping[int, Discovery] | None = None
    ) -> None:
        self._observations.commit(number, add=plan.add, remove=plan.remove, outcomes=outcomes, found=found)
        self._bring_up_to(number, plan)

    def _bring_up_to(self, number: int, plan: Plan) -> None:
        removed, added = plan.changes.rows
        self._table.replace(removed=removed, added=added, batch=number)

    # ---- the ledger

    def _outcomes(self, plan: Plan, files: Mapping[int, Mapping[str, object]]) -> dict[int, Outcome]:
        """Return what the ledger has to say of these files, given their rows."""
        return {
            file_id: symbol_holds.judged(
                row, plan.heads.filter(pl.col("file_id") == file_id), plan.held_of(file_id), plan.touched
            )
            for file_id, row in files.items()
        }

    def _others(self, plan: Plan, *, leaving_out: Collection[int]) -> dict[int, Outcome]:
        """Return what becomes of files that were in before: some are held now, some are released."""
        held = {file_id for file_id in plan.held["file_id"] if file_id > 0}
        concerned = (held | self._marked_files(plan.heads)) - set(leaving_out)
        if not concerned:
            return {}
        rows = {row["file_id"]: row for row in self._manifest.rows_of(sorted(concerned)).iter_rows(named=True)}
        stands = {Status.SUCCESS.value, Status.QUARANTINED.value}
        rows = {file_id: row for file_id, row in rows.items() if str(row["status"]) in stands}
        found = self._outcomes(plan, rows)
        changed = {file_id: one for file_id, one in found.items() if not symbol_holds.says_the_same(rows[file_id], one)}
        self._marked = held | self._marked_files(plan.heads)
        return changed

    def _marked_files(self, heads: pl.DataFrame) -> set[int]:
        """Return the files that the ledger says something is held of, and perhaps more."""
        if self._marked is None:
            ids = heads.filter(pl.col("file_id") > 0, pl.col("kind") == Kind.SNAPSHOT)["file_id"].unique().to_list()
            self._marked = set(symbol_holds.marked(self._manifest.rows_of(ids))) if ids else set()
        return self._marked & set(heads["file_id"])


def _said(metadata: Metadata, origin: Origin, of: str) -> Observed:
    if metadata.snapshot_at is not None:
        updates = with_unsaid(metadata.updates, metadata.unsaid, metadata.snapshot_at)
        return observe_at(updates, metadata.snapshot_at, origin, of=of)
    return observe(metadata.updates, metadata.kind, None, origin)


def _lists_in(entries: pl.DataFrame) -> pl.Series:
    """Return the files of the ledger that are lists of instruments and are in."""
    is_list = pl.col("data_type").cast(pl.String) == INSTRUMENTS
    return entries.filter(is_list, stands_at(Status.SUCCESS))["file_id"]


def symbol_files(heads: pl.DataFrame, file_ids: Collection[int]) -> list[int]:
    """Return those of these files that said anything of symbols."""
    return sorted(set(heads["file_id"]) & set(file_ids))


def _as_row(verdict: Verdict, file_id: int) -> dict[str, object]:
    outcome, entry = verdict.outcomes[file_id], verdict.entries[file_id]
    return {
        "file_id": file_id,
        "bronze_file_path": entry.meta.bronze_file_path,
        "content_hash": outcome.content_hash,
        "rows_quarantined": outcome.rows_quarantined,
        "warnings": json.dumps(dict(outcome.warnings or {})),
        "attempts": None,
        "error_of_rows": outcome.error,
    }
