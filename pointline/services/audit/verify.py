"""Bronze = manifest = silver: the audit. It only reads, and works beside a daemon that writes.

The ledger is read first, then the tables, each as one version. What a table took in after the batch up to which the
ledger was complete, its commits say themselves; those files, and the pending ones, are in flight and left out. What is
found all the same is looked at once more before it is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import polars as pl
from msgspec.structs import replace

from pointline.errors import Transient
from pointline.io.protocols.file_version import Outcome
from pointline.services.audit.audited import Parties
from pointline.services.audit.bronze_audit import audit_bronze
from pointline.services.audit.ledger.ledger_audit import audit_counts, audit_ledger, audit_quarantine
from pointline.services.audit.ledger.ledger_index import with_next
from pointline.services.audit.ledger.ledger_version import LedgerVersion
from pointline.services.audit.look import UNREADABLE, Look, first_line, unreadable
from pointline.services.audit.overlap_audit import audit_overlap
from pointline.services.audit.silver.contents import compare_contents
from pointline.services.audit.silver.data_files import audit_files, audit_small_table
from pointline.services.audit.silver.file_counts import FileCounts
from pointline.services.audit.silver.row_counts import SPANS, time_symbols
from pointline.services.audit.silver.snapshot import Snapshot, take_quarantine, take_snapshot
from pointline.services.audit.symbol_audit import audit_history, audit_observations, audit_symbols
from pointline.services.files.place.overlap import Day
from pointline.services.telling.findings import Checked, Finding, Report
from pointline.tables import dim_symbol, ingest_manifest
from pointline.tables.ingest_manifest import Status, stands_at

Snapshots = Mapping[str, Snapshot | None]


def verify(
    parties: Parties, *, data: bool = False, deep: bool, on_step: Callable[[Checked], None] = lambda _checked: None
) -> Report:
    """Audit the lake. What only a commit in between explains is not reported.

    ``data`` reads every data file whole, ``deep`` every bronze file as well.
    ``on_step`` is told again and again how much was looked at: all of it may take an hour.
    """
    data = data or deep
    first = _audit(Look(parties=parties, data=data, deep=deep, only=None, on_step=on_step))
    if first.ok:
        return first
    tables = {finding.table for finding in first.findings}
    again = _audit(Look(parties=parties, data=data, deep=deep, only=tables, on_step=on_step))
    confirmed = {finding.key for finding in again.findings}
    return Report(checked=first.checked, findings=[one for one in first.findings if one.key in confirmed])


def _audit(look: Look) -> Report:
    to, checked = look.parties, look.checked
    had_writer = to.has_writer()
    audit_files(look)
    try:
        ledger = LedgerVersion(to.ledger)
    except UNREADABLE as error:
        return Report(checked=checked, findings=[*look.findings, unreadable(ingest_manifest.NAME, error)])
    told: dict[int, Outcome] = {}
    counts = FileCounts()
    snapshots = {
        name: take_snapshot(look, name, table, ledger, told=told, counts=counts) for name, table in to.tables.items()
    }
    look.findings += _undescribed(look, ledger)
    aside = take_quarantine(look)
    ahead = {file_id for file_id, one in told.items() if one.status is not Status.PENDING}
    behind_doors = ledger.files_in(look.shut) if look.shut else set()
    flying = ahead | ledger.index.pending
    checked.files = ledger.index.height
    checked.in_flight = len(flying)
    try:
        if ahead and not had_writer and not to.has_writer():
            look.findings += _behind(ledger, told, ahead)
        left_out = ahead | behind_doors
        readable = [name for name, one in snapshots.items() if one is not None]
        instruments = _audit_rows(look, ledger, counts, aside, ahead=left_out, readable=readable)
        look.findings += _audit_overlap(look, ledger, snapshots, left_out)
    except UNREADABLE as error:
        return Report(checked=checked, findings=[*look.findings, unreadable(ingest_manifest.NAME, error)])
    look.findings += _audit_symbols(look, instruments)
    _audit_bronze(look, ledger, snapshots, left_out, flying | behind_doors)
    return Report(checked=checked, findings=[one for one in look.findings if look.wants(one.table)])


def _undescribed(look: Look, ledger: LedgerVersion) -> list[Finding]:
    """The ledger has files of tables that the lake does not know any more: their rows were not looked at."""
    unknown = ledger.tables - set(look.parties.tables) - {dim_symbol.INSTRUMENTS}
    what = "it has files, and no description of this lake says what its columns are: its rows were not checked"
    return [Finding(kind="table_undescribed", table=name, what=what) for name in sorted(unknown)]


def _behind(ledger: LedgerVersion, told: Mapping[int, Outcome], ahead: set[int]) -> Iterator[Finding]:
    known = ledger.rows_of(ahead).select("file_id", "data_type", "bronze_file_path", "status")
    rows = {file_id: rest for file_id, *rest in known.iter_rows()}
    for file_id in sorted(ahead):
        table, path, status = rows.get(file_id, ("", "", "nothing"))
        what = f"silver says {told[file_id].status.value}, the ledger {status}"
        yield Finding(
            kind="manifest_behind", table=table or ingest_manifest.NAME, file_id=file_id, path=path, what=what
        )


def _audit_overlap(look: Look, ledger: LedgerVersion, snapshots: Snapshots, ahead: set[int]) -> list[Finding]:
    def read_spans(day: Day, file_ids: Sequence[int]) -> pl.DataFrame:
        exchange, name, date = day
        snapshot = snapshots.get(name)
        parts = snapshot.parts.get((exchange, date), []) if snapshot is not None else []
        try:
            return time_symbols(look.parties.tables[name], parts, file_ids)
        except UNREADABLE as error:
            what = f"the times of its symbols cannot be read: {first_line(error)}"
            path = f"silver/{name}/exchange={exchange}/date={date}"
            look.findings.append(Finding(kind="part_unreadable", table=name, path=path, what=what))
            return pl.DataFrame(schema=SPANS)

    groups = look.parties.groups
    if groups is None:
        return []
    found = [one for some in ledger.some_days(groups, without=ahead) for one in audit_overlap(some, groups, read_spans)]
    paths = ledger.rows_of([one.file_id for one in found if one.file_id is not None]) if found else None
    named = {} if paths is None else dict(paths.select("file_id", "bronze_file_path").iter_rows())
    return [replace(one, path=named.get(one.file_id, "")) for one in found]


def _audit_rows(
    look: Look,
    ledger: LedgerVersion,
    found: FileCounts,
    aside: FileCounts | None,
    *,
    ahead: set[int],
    readable: Sequence[str],
) -> list[int]:
    """Compare the ledger with what was counted; return the lists of instruments that have rows.

    What was counted is taken from ``found`` and ``aside``.
    """
    look.checked.rows = found.rows
    of_ledger: list[Finding] = []
    of_counts: list[Finding] = []
    of_quarantine: list[Finding] = []
    lists: list[int] = []
    in_flight = pl.Series(sorted(ahead), dtype=pl.Int64).implode()
    for run, until in with_next(ledger.runs()):
        look.on_step(look.checked)
        still = run.filter(~pl.col("file_id").is_in(in_flight))
        of_ledger += audit_ledger(still, ledger.index)
        here = None if aside is None else aside.take_before(until)
        of_counts += audit_counts(still, run, found.take_before(until), here, readable)
        if here is not None:
            of_quarantine += audit_quarantine(still, run, here)
        told = still.filter(stands_at(Status.SUCCESS), pl.col("data_type") == dim_symbol.INSTRUMENTS)
        lists += told.filter(pl.col("rows_written") > 0)["file_id"].to_list()
    if aside is not None:
        look.checked.quarantined_rows = aside.rows
    look.findings += [*of_ledger, *of_counts, *of_quarantine]
    return lists


def _audit_symbols(look: Look, files: Sequence[int]) -> Iterable[Finding]:
    symbols, observed = look.parties.symbols, look.parties.observed
    if not (files or symbols.exists()):
        return []
    audit_small_table(look, dim_symbol.NAME, symbols.live_parts)
    try:
        versions = symbols.read_all()
        if not observed.exists():
            return list(audit_symbols(versions))
        heads = observed.heads()
        if versions.is_empty() and heads.is_empty():  # most lakes have no lists of symbols
            return list(audit_observations(heads, files))
        found = [*audit_symbols(versions), *audit_history(versions, observed.compute().versions)]
        return [*found, *audit_observations(heads, files)]
    except UNREADABLE as error:
        return [unreadable(dim_symbol.NAME, error)]


def _audit_bronze(look: Look, ledger: LedgerVersion, snapshots: Snapshots, ahead: set[int], flying: set[int]) -> None:
    to = look.parties
    settled = to.settled_before_us() if to.has_writer() else None
    # Afresh: bronze is looked at later than silver, and reading its files may take hours.
    read = to.ledger.batches_of_rows
    try:
        for changed, there in audit_bronze(to, read, flying, look.checked, settled_before_us=settled):
            look.findings += changed
            if look.deep:
                still = there.filter(~pl.col("file_id").is_in(list(ahead)))
                was_in = (ledger.index.status_of(still["file_id"]) == Status.SUCCESS.value).fill_null(value=False)
                compare_contents(look, still.filter(was_in), snapshots)
    except Transient:
        if look.deep or not look.data:
            raise
        look.checked.bronze_unread = 1  # data files can be read without it
