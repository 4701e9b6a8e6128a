"""``pointline repair``: what is wrong with a lake, what is done about it, and what bronze no longer has."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from msgspec.structs import replace

from pointline.config import load_config
from pointline.errors import NoAccess, WrongUse
from pointline.io.lock import LakeLock
from pointline.phrases import no_lake, plural
from pointline.services.audit.healing import Healing, plan_history, plan_rereading
from pointline.services.ingest.recovery import told_of
from pointline.services.telling.findings import BY_INGEST, READ_AGAIN, Finding
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import OUT, Status, stands_at
from pointline_daemon.commands.lake.diagnosis import Diagnosis, show
from pointline_daemon.commands.lake.verify import audit
from pointline_daemon.commands.run import keep_lake
from pointline_daemon.commands.shared.known import require_table
from pointline_daemon.commands.shared.settings import require_columns
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK
from pointline_daemon.logs import configure_logging
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.opening.left_behind import forgotten_rows, rows_left_behind, take_over
from pointline_daemon.opening.owner import require_owner
from pointline_daemon.opening.prepare import apply, find_disagreements, mend_and_recover, restore_ledger_rows, worse_now
from pointline_daemon.opening.rebuild import missing_tables, rebuild_unreadable, unreadable_tables

VERIFY_READS = "`pointline verify` writes nothing"
_RESTORED = "ledger: its rows of {files} are missing, and are brought back from what silver tells"
_TAKEN_OVER = "{table}: {rows} that bronze cannot give again {are} taken over from data files that no version names"


def repair(lake_root: Path | None, *, table: str | None, dry_run: bool, as_json: bool) -> int:
    """Make ledger, tables and bronze agree; ends with the audit ``verify --deep``."""
    config = load_config(lake_root)
    require_columns(config)
    lake = open_lake(config)
    known = [*lake.events, "ingest_manifest", "quarantine"]
    if table is not None:
        require_table(table, known)
    if not config.paths.silver.is_dir():
        raise no_lake(config.paths.root)
    require_owner(config.paths.root)
    lake.require_known_format()
    configure_logging(config.log.format, config.log.level, sys.stderr)
    if table is not None and (others := unreadable_tables(lake).keys() - {table}):
        what = f"{' and '.join(sorted(others))} cannot be read, and {table} cannot be mended alone then"
        raise WrongUse(what, subject=table, hint="`pointline repair` without --table mends all tables")
    if dry_run:
        found = _looked(lake, table)
    else:
        with LakeLock(config.paths.lock_file, purpose="repair"):
            found = _mend(lake, table)
    if dry_run:
        gone = list(found.plan.lost.values())
        done = {"dry_run": True, "lost": gone, "findings": [one.as_json() for one in found.unmended]}
        show(found, as_json=as_json, done=done, findings=found.unmended)
        return EXIT_FINDINGS if found.sentences() or found.plan.lost or found.unmended else EXIT_OK
    if not found.is_sound or _pending(lake):  # pending ones may be what an earlier repair was about to read
        keep_lake(config, once=True, stream=sys.stderr)
    lake = open_lake(config)
    findings = audit(lake, deep=True).findings
    lost = dict(found.plan.lost)
    found = _with_what_differs(found, lake, findings, table)
    if found.read_again or found.history:
        with LakeLock(config.paths.lock_file, purpose="repair"):
            lake = open_lake(config)
            again = plan_rereading(lake.manifest, lake.reader, found.read_again)
            apply(lake, again)
            if found.history:
                apply(lake, plan_history(lake.manifest, found.history))
        lost |= again.lost
    found = replace(found, waiting=sum(one.kind in BY_INGEST for one in findings))
    if found.read_again or found.history or found.waiting:
        keep_lake(config, once=True, stream=sys.stderr)
        findings = audit(open_lake(config), deep=True).findings
    done = {"dry_run": False, "findings": [one.as_json() for one in findings], "lost": list(lost.values())}
    show(found, as_json=as_json, done=done, findings=findings)
    return EXIT_FINDINGS if findings or lost or found.forgotten else EXIT_OK


def _pending(lake: Lake) -> int:
    return lake.manifest.entries().filter(stands_at(Status.PENDING)).height


def _with_what_differs(found: Diagnosis, lake: Lake, findings: Sequence[Finding], table: str | None) -> Diagnosis:
    """Add the files that are read again, those that are left alone, for they would lose rows by it, and history."""
    differing = {
        one.file_id: one.what
        for one in findings
        if one.kind in READ_AGAIN and one.file_id is not None and table in {None, one.table}
    }
    if not differing:
        return found
    rows = lake.manifest.rows_of(list(differing))
    past = rows.filter(stands_at(*OUT))["file_id"].to_list()
    stays = worse_now(lake, rows.filter(~pl.col("file_id").is_in(past)))
    return replace(
        found,
        read_again={one: why for one, why in differing.items() if one not in {*stays, *past}},
        history={one: why for one, why in differing.items() if one in past},
        stays=stays,
    )


def _looked(lake: Lake, table: str | None) -> Diagnosis:
    """Look while nobody writes. Raises NoAccess, with what looks without writing a lock."""
    try:
        with LakeLock(lake.config.paths.lock_file, purpose="repair --dry-run"):
            return _look(lake, table)
    except NoAccess as error:
        raise NoAccess(str(error), subject=error.subject, hint=f"{error.hint}; {VERIFY_READS}") from error


def _look(lake: Lake, table: str | None) -> Diagnosis:
    """Find out without changing anything."""
    wrong = [found for one in lake.repositories() for found in lake.files.wrong_kinds(one.path.name)]
    if wrong:
        return Diagnosis(mended=[f"{path} is {what}: it is moved away" for path, what in wrong])
    if torn := lake.torn_entries():
        comes_back = "it is moved away, and what it held comes back"
        return Diagnosis(mended=[f"{one.table}: {one.entry} is {one.reason}: {comes_back}" for one in torn])
    unreadable, missing = unreadable_tables(lake), missing_tables(lake)
    if unreadable or missing:
        return Diagnosis(unreadable=unreadable, missing=missing)
    plan = _plan(lake, table)
    if plan.strangers and (told := told_of(plan.strangers, lake.batch_tables).outcomes):
        return Diagnosis(mended=[_RESTORED.format(files=plural(len(told), "file"))])
    if left := rows_left_behind(lake, plan):
        taken = {file_id for of_table in left.values() for file_id in of_table}
        lost = {file_id: path for file_id, path in plan.lost.items() if file_id not in taken}
        mended = [_taken_over(name, sum(rows.values())) for name, rows in left.items()]
        return Diagnosis(mended=mended, plan=replace(plan, lost=lost))
    findings = audit(lake, deep=True).findings if plan.is_empty else ()
    found = Diagnosis(plan=plan, undescribed=_undescribed(lake, table), forgotten=forgotten_rows(lake))
    found = _with_what_differs(found, lake, findings, table)
    settled = {*found.read_again, *found.history}
    waiting = _pending(lake) + sum(one.kind in BY_INGEST for one in findings)
    rest = [one for one in findings if one.file_id not in settled and one.kind not in BY_INGEST]
    return replace(found, waiting=waiting, unmended=rest)


def _mend(lake: Lake, table: str | None) -> Diagnosis:
    missing = missing_tables(lake)
    rebuilt = rebuild_unreadable(lake)
    mended = mend_and_recover(lake)
    plan = _plan(lake, table)
    if plan.strangers and (restored := restore_ledger_rows(lake, plan.strangers)):
        mended = [*mended, _RESTORED.format(files=plural(restored, "file"))]
        plan = _plan(lake, table)
    if taken := take_over(lake, plan):
        mended += [_taken_over(name, rows) for name, rows in taken.items()]
        plan = _plan(lake, table)
    if not plan.is_empty:
        apply(lake, plan)
    undescribed = _undescribed(lake, table)
    return Diagnosis(
        unreadable=rebuilt.why,
        missing=missing,
        mended=mended,
        plan=plan,
        undescribed=undescribed,
        forgotten=forgotten_rows(lake),
    )


def _taken_over(table: str, rows: int) -> str:
    return _TAKEN_OVER.format(table=table, rows=plural(rows, "row"), are="is" if rows == 1 else "are")


def _undescribed(lake: Lake, table: str | None) -> list[str]:
    if table is not None:
        return []  # it is one that the lake knows
    files = lake.manifest.entries().filter(stands_at(Status.SUCCESS))
    return sorted({*files["data_type"].unique()} - {*lake.events, INSTRUMENTS})


def _plan(lake: Lake, table: str | None) -> Healing:
    return find_disagreements(lake, whole=True, only=table)
