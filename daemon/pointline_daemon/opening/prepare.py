"""What everybody who writes a lake does first: mend what a power cut left, create what is missing, recover, compare.

The ledger is held against the tables at every start. What can be proven is mended and said: rows that are not there and
whose files are in bronze are read again, rows that the ledger knows to be out leave. What cannot is refused, and
``pointline repair`` is named.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import polars as pl
import structlog

from pointline.errors import LakeDamaged
from pointline.io.delta.live_parts import LAST_FILE_ID
from pointline.io.lake_links import refuse_links
from pointline.io.translate import REPAIR_HINT
from pointline.phrases import plural
from pointline.services.audit.healing import Healing, heal, plan_healing
from pointline.services.audit.reconcile import DisagreementAside, FaultOf, compare_quarantine, compare_tables, describe
from pointline.services.audit.silver.second_reading import worse_readings
from pointline.services.ingest.recovery import bring_back, recover, told_of
from pointline.tables import quarantine
from pointline_daemon import events
from pointline_daemon.opening.bronze_access import make_terms
from pointline_daemon.opening.lake import Lake
from pointline_daemon.opening.left_behind import forgotten_rows, last_unnamed_id

log = structlog.get_logger()


def prepare(lake: Lake) -> None:
    """Bring a lake into the state that ingest starts from. For the holder of the writer's lock.

    Raises LakeDamaged where ledger and tables disagree in a way that takes a person's word.
    """
    had_ledger = lake.manifest.repository.exists()
    mend_and_recover(lake)
    if not had_ledger:
        _say_forgotten(lake)
    plan = find_disagreements(lake)
    if plan.strangers and restore_ledger_rows(lake, plan.strangers):
        plan = find_disagreements(lake)
    for file_id, why in plan.stays.items():
        log.warning(events.LAKE_HEALED, what=[f"file {file_id}: {plan.reasons[file_id]}; it stays as it is: {why}"])
    if plan.is_empty:
        return
    if plan.doubts:
        raise LakeDamaged(
            "; ".join([*plan.doubts, *describe(plan.tables)]),
            subject=str(lake.config.paths.silver),
            hint=REPAIR_HINT,
        )
    apply(lake, plan)


def _say_forgotten(lake: Lake) -> None:
    """Name rows that lie in data files and that neither a log nor the ledger, which is made again, tells of."""
    for one in forgotten_rows(lake):
        rows, files = plural(one.rows, "row"), plural(one.files, "file")
        what = f"{one.table}: {rows} of {files} that the ledger does not know lie in {one.kept_at}"
        log.error(events.LAKE_HEALED, what=[what], hint="`pointline repair` says more")


def restore_ledger_rows(lake: Lake, strangers: Collection[int]) -> int:
    """Give the ledger its rows of files back that it has lost and the logs of silver know; return how many."""
    told = told_of(strangers, lake.batch_tables)
    if told.outcomes:
        bring_back(lake.manifest, told)
        log.warning(events.RECOVERY_FINISHED, brought_up=len(told.outcomes), forgotten=0)
    return len(told.outcomes)


def mend_and_recover(lake: Lake) -> list[str]:
    """Mend what a crash or a power cut left, and bring the ledger up to what the commits of silver tell; say what."""
    state = lake.config.paths.state
    refuse_links(state, state / "set_aside")
    mended = lake.mend()
    for found in mended:
        log.error(
            events.COMMIT_SET_ASIDE,
            table=found.table,
            file=found.file,
            reason=found.reason,
            kept_at=str(found.kept_at),
            hint="nothing to do: what it held is ingested again",
        )
    lake.create()
    recovered = recover(lake.manifest, lake.quarantine, lake.batch_tables)
    lake.observations.require_states()
    symbols = lake.symbol_service()
    symbols.catch_up(lake.next_batch())
    symbols.refresh()
    if recovered.outcomes or recovered.forgotten:
        log.warning(events.RECOVERY_FINISHED, brought_up=len(recovered.outcomes), forgotten=recovered.forgotten)
    is_told = lake.config.paths.last_id_file.exists()
    lake.manifest.note_last_id(max(_last_id_in(lake), 0 if is_told else last_unnamed_id(lake)))
    said = [f"{found.table}: {found.file} was {found.reason}, and is moved away" for found in mended]
    brought_up = len(recovered.outcomes)
    return [*said, *([f"ledger: {plural(brought_up, 'file')} brought up to what silver tells"] if brought_up else [])]


def find_disagreements(lake: Lake, *, whole: bool = False, only: str | None = None) -> Healing:
    """Hold the ledger against the tables; say what has to be done where they disagree.

    With ``whole`` every data file is read, not only looked for; ``only`` names one table.
    """
    fault_of: FaultOf = lake.files.damage_of if whole else lake.files.absence_of
    chosen = {name: table for name, table in lake.events.items() if only in {None, name}}
    tables = compare_tables(lake.manifest, chosen, fault_of)
    is_asked = only in {None, quarantine.NAME}
    aside = compare_quarantine(lake.manifest, lake.quarantine) if is_asked else DisagreementAside()
    unsaid = lake.symbol_service().missing() if only is None else {}
    return plan_healing(lake.manifest, lake.reader, tables, aside, unsaid, worse=partial(worse_now, lake))


def worse_now(lake: Lake, rows: pl.DataFrame) -> dict[int, str]:
    """Return those of these files of the ledger that would lose rows by being read again now, and why."""
    terms = make_terms(lake.config, lake.source.feeds)
    return dict(worse_readings(rows, lake.reader, terms, min_share=lake.config.ingest.min_replacement_share))


def apply(lake: Lake, plan: Healing) -> None:
    """Do what was planned, and say so."""
    heal(plan, lake.manifest, lake.quarantine, lake.events)
    log.warning(
        events.LAKE_HEALED,
        what=[*describe(plan.tables), *_of_quarantine(plan), *plan.doubts],
        read_again=len(plan.reread),
        lost=len(plan.lost),
        hint="nothing to do: what bronze has is ingested again"
        if not plan.lost
        else f"{plural(len(plan.lost), 'file')} of these cannot be read again, for bronze has them no more: "
        "`pointline files --status gone` names them",
    )


def _of_quarantine(plan: Healing) -> list[str]:
    """Say what is not about the rows of an event table."""
    counted = {file_id for one in plan.tables.values() for file_id in one.reread}
    rest = len(plan.reread.keys() - counted)
    extra = len(plan.quarantine_extra)
    found = [f"quarantine: rows of {plural(extra, 'file')} must not be there"] if extra else []
    if rest:
        found.append(f"{plural(rest, 'file')} will be read again, for what is kept of them is not what they hold")
    return found


def _last_id_in(lake: Lake) -> int:
    """Return the highest file id that has rows anywhere."""
    ids = [lake.quarantine.rows_per_file()["file_id"].max()]
    ids += [part.last_file_id for table in lake.events.values() for part in table.live_parts()]
    return max((one for one in ids if isinstance(one, int) and one < LAST_FILE_ID), default=0)
