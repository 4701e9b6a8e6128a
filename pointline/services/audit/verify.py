"""Bronze = manifest = silver: the audit. It only reads, and works beside a daemon that writes.

The ledger is read first, then the tables, each as one version. What a table took in after the batch up to which the
ledger was complete, its commits say themselves; those files, and the pending ones, are in flight and left out. What is
found all the same is looked at once more before it is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from pointline.errors import ChangedWhileRead, LakeDamaged, NoAccess, PointlineError, Rejected, Transient, Unfinished
from pointline.io.protocols import BronzeFileMetadata, Outcome, Part
from pointline.services.audit import overlap_audit
from pointline.services.audit.audited import AuditedEventTable, Parties
from pointline.services.audit.bronze_audit import as_found, audit_bronze
from pointline.services.audit.ledger_audit import audit_counts, audit_ledger, audit_quarantine
from pointline.services.audit.ledger_index import LedgerIndex, Sorted, with_next
from pointline.services.audit.silver.reread import digest_aside
from pointline.services.audit.silver.row_counts import COUNTS, SPANS, AuditedTable, count_rows, time_symbols
from pointline.services.audit.symbol_audit import audit_history, audit_observations, audit_symbols
from pointline.services.files.overlap import Day
from pointline.services.telling.findings import Checked, Finding, Report
from pointline.tables import dim_symbol, ingest_manifest, quarantine, symbol_observations
from pointline.tables.ingest_manifest import Status, stands_at

UNREADABLE = (PointlineError, OSError, ValueError, pl.exceptions.PolarsError)
"""What reading a damaged part may raise, whichever library meets the damage."""
OF_CONTENT = (Rejected, Unfinished)
"""What is wrong with the content of a bronze file, whoever may read it; the error says what to do."""


def verify(
    parties: Parties, *, data: bool = False, deep: bool, on_step: Callable[[Checked], None] = lambda _checked: None
) -> Report:
    """Audit the lake. What only a commit in between explains is not reported.

    ``data`` reads every data file whole, ``deep`` every bronze file as well.
    ``on_step`` is told again and again how much was looked at: all of it may take an hour.
    """
    data = data or deep
    first = _Look(parties, data=data, deep=deep, only=None, on_step=on_step).run()
    if first.ok:
        return first
    tables = {finding.table for finding in first.findings}
    again = _Look(parties, data=data, deep=deep, only=tables, on_step=on_step).run()
    confirmed = {finding.key for finding in again.findings}
    return Report(checked=first.checked, findings=[one for one in first.findings if one.key in confirmed])


class _Snapshot(Struct):
    """One version of a table: its readable parts by partition, and the files it is ahead of the ledger by."""

    parts: dict[tuple[str, str], list[Part]] = field(default_factory=dict)
    counts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTS))


class _Look:
    def __init__(
        self,
        parties: Parties,
        *,
        data: bool,
        deep: bool,
        only: set[str] | None,
        on_step: Callable[[Checked], None],
    ) -> None:
        self._to = parties
        self._data = data
        self._on_step = on_step
        self._deep = deep
        self._only = only
        self._checked = Checked()
        self._findings: list[Finding] = []
        self._told: dict[int, Outcome] = {}

    def run(self) -> Report:
        had_writer = self._to.has_writer()
        self._audit_files()
        try:
            recorded = self._to.ledger.last_batch()
            self._ledger_parts = self._to.ledger.live_parts()
            self._index_ledger()
        except UNREADABLE as error:
            self._findings.append(_unreadable(ingest_manifest.NAME, error))
            return Report(checked=self._checked, findings=self._findings)
        snapshots = {
            name: self._take(name, table, recorded, known=name in self._tables_with_files)
            for name, table in self._to.tables.items()
        }
        self._findings += self._undescribed()
        aside = self._take_quarantine()
        ahead = {file_id for file_id, one in self._told.items() if one.status is not Status.PENDING}
        flying = ahead | self._index.pending
        if ahead and not had_writer and not self._to.has_writer():
            self._findings += _behind(self._rows_of(ahead), self._told, ahead)
        self._checked.files = self._index.height
        self._checked.in_flight = len(flying)
        overlapping = self._audit_overlap(ahead, snapshots)
        try:
            told = self._audit_rows(ahead, snapshots, aside, overlapping)
        except UNREADABLE as error:
            self._findings.append(_unreadable(ingest_manifest.NAME, error))
            return Report(checked=self._checked, findings=self._findings)
        self._findings += self._audit_symbols(told)
        self._audit_bronze(flying, ahead, snapshots)
        kept = [one for one in self._findings if self._wants(one.table)]
        return Report(checked=self._checked, findings=kept)

    # ---- the ledger, a run of rows at a time: all of it would be a gigabyte where it knows a million files

    def _ledger(self, columns: Sequence[str] = tuple(ingest_manifest.SCHEMA)) -> Iterator[pl.DataFrame]:
        """Yield the rows of the version that was there at first."""
        return self._to.ledger.batches_of_rows(columns, self._ledger_parts)

    def _index_ledger(self) -> None:
        tables: set[str] = set()
        times = None if self._to.groups is None else overlap_audit.FileTimes(self._to.groups)

        def statuses() -> Iterator[pl.DataFrame]:
            for run in self._ledger(overlap_audit.COLUMNS):
                tables.update(run.filter(stands_at(Status.SUCCESS))["data_type"])
                if times is not None:
                    times.add(run)
                yield run

        self._index = LedgerIndex(statuses())
        self._tables_with_files, self._times = tables, times

    def _rows_of(self, file_ids: Collection[int]) -> pl.DataFrame:
        wanted = pl.Series(sorted(file_ids), dtype=pl.Int64).implode()
        rows = [run.filter(pl.col("file_id").is_in(wanted)) for run in self._ledger()]
        return pl.concat([ingest_manifest.empty(), *rows])

    def _audit_rows(
        self,
        ahead: set[int],
        snapshots: Mapping[str, _Snapshot | None],
        aside: pl.DataFrame | None,
        overlapping: Sequence[Finding],
    ) -> list[int]:
        """Compare the ledger with what was counted; return the lists of instruments that have rows."""
        readable = {name: one for name, one in snapshots.items() if one is not None}
        found, quarantined = Sorted(_take_counts(readable)), None if aside is None else Sorted(aside)
        self._checked.rows = found.total("rows")
        of_ledger: list[Finding] = []
        of_counts: list[Finding] = []
        of_quarantine: list[Finding] = []
        lists: list[int] = []
        in_flight = pl.Series(sorted(ahead), dtype=pl.Int64).implode()
        for run, until in with_next(self._ledger()):
            self._on_step(self._checked)
            still = run.filter(~pl.col("file_id").is_in(in_flight))
            of_ledger += audit_ledger(still, self._index)
            rows = found.take_until(until).with_columns(pl.col("exchange", "date", "table").cast(pl.String))
            here = None if quarantined is None else quarantined.take_until(until)
            of_counts += audit_counts(still, run, rows, here, list(readable))
            if here is not None:
                of_quarantine += audit_quarantine(still, run, here)
            told = still.filter(stands_at(Status.SUCCESS), pl.col("data_type") == dim_symbol.INSTRUMENTS)
            lists += told.filter(pl.col("rows_written") > 0)["file_id"].to_list()
        if aside is not None:
            self._checked.quarantined_rows = int(aside["rows"].sum())
        self._findings += [*of_ledger, *overlapping, *of_counts, *of_quarantine]
        return lists

    def _audit_bronze(self, flying: set[int], ahead: set[int], snapshots: Mapping[str, _Snapshot | None]) -> None:
        settled = self._to.settled_before_us() if self._to.has_writer() else None
        # Afresh: bronze is looked at later than silver, and reading its files may take hours.
        read = self._to.ledger.batches_of_rows
        try:
            for changed, there in audit_bronze(self._to, read, flying, self._checked, settled_before_us=settled):
                self._findings += changed
                if self._deep:
                    self._compare_all(there.filter(~pl.col("file_id").is_in(list(ahead))), snapshots)
        except Transient:
            if self._deep or not self._data:
                raise
            self._checked.bronze_unread = 1  # data files can be read without it

    def _compare_all(self, there: pl.DataFrame, snapshots: Mapping[str, _Snapshot | None]) -> None:
        was_in = there.filter((self._index.status_of(there["file_id"]) == Status.SUCCESS.value).fill_null(value=False))
        was_in = was_in.filter(~pl.col("file_id").is_in(self._claimed_anew(was_in)))
        files = {row["file_id"]: as_found(row) for row in was_in.iter_rows(named=True)}
        for name, snapshot in snapshots.items():
            if snapshot is not None and name in self._to.rereaders:
                self._compare(name, snapshot, was_in, files)

    def _claimed_anew(self, was_in: pl.DataFrame) -> list[int]:
        """Note the files of which a description says something else than when they came, and return them."""
        found = []
        for row in was_in.filter(pl.col("feed") != "").iter_rows(named=True):
            path = row["bronze_file_path"]
            meta = self._to.bronze.describe(
                path, *(row[name] for name in ("size", "mtime_us", "changed_us", "inode_now"))
            )
            before = (row["exchange"], row["data_type"], row["symbol"])
            if meta is None or before == (now := (meta.exchange, meta.data_type, meta.symbol)):
                continue
            what = f"its description says now {' '.join(now)}, and it came as {' '.join(before)}"
            file_id = row["file_id"]
            self._findings.append(
                Finding(kind="claim_differs", table=row["data_type"], file_id=file_id, path=path, what=what)
            )
            found.append(file_id)
        return found

    def _wants(self, table: str) -> bool:
        return self._only is None or table in self._only

    # ---- files

    def _audit_files(self) -> None:
        """What can be told without a table being opened, and the ledger before it is believed."""
        for path, target in self._to.parts.links():
            what = f"a symbolic link to {target}: nothing is written or removed through it"
            self._findings.append(Finding(kind="symbolic_link", table="", path=path, what=what))
        small = (ingest_manifest.NAME, quarantine.NAME, dim_symbol.NAME)
        for name in (*small, symbol_observations.NAME, symbol_observations.STATES_NAME, *self._to.tables):
            for path, what in self._to.parts.wrong_kinds(name):
                self._findings.append(Finding(kind="wrong_kind", table=name, path=path, what=what))
        for name in (*small, *self._to.tables):
            for entry, reason in self._log_faults(name):
                path, what = f"silver/{name}/_delta_log/{entry}", f"this file of the log is {reason}"
                self._findings.append(Finding(kind="commit_altered", table=name, path=path, what=what))
        self._audit_small(ingest_manifest.NAME, self._to.ledger.live_parts)

    def _log_faults(self, table: str) -> list[tuple[str, str]]:
        try:
            return list(self._to.parts.log_faults(table))
        except PermissionError:
            return []  # said by whoever needs its rows

    def _audit_small(self, name: str, live_parts: Callable[[], list[Part]]) -> None:
        """Read the data files of a small table whole."""
        try:
            parts = live_parts()
        except UNREADABLE:
            return  # said by whoever needs its rows
        for _ in self._sound(name, parts, whole=True):
            pass

    # ---- tables

    def _take(self, name: str, table: AuditedEventTable, recorded: int, *, known: bool) -> _Snapshot | None:
        try:
            live = table.live_parts() if self._wants(name) else []
            for batch in table.batches_after(recorded):
                self._told |= {outcome.file_id: outcome for outcome in batch.outcomes}
        except UNREADABLE as error:
            if known or not isinstance(error, LakeDamaged):  # a table of a newer version is made at the next start
                self._findings.append(_unreadable(name, error))
            return None
        if not self._wants(name):
            return None
        snapshot = _Snapshot()
        for part in self._sound(name, live):
            key = part.partition.get("exchange", ""), part.partition.get("date", "")
            snapshot.parts.setdefault(key, []).append(part)
        self._checked.tables += 1
        counts = []
        for (exchange, date), parts in snapshot.parts.items():
            self._on_step(self._checked)
            counted = self._count(name, table, parts)
            counts.append(counted.with_columns(_word(exchange, "exchange"), _word(date, "date")))
        snapshot.counts = pl.concat(counts) if counts else _none().drop("table")
        return snapshot

    def _undescribed(self) -> list[Finding]:
        """The ledger has files of tables that the lake does not know any more: their rows were not looked at."""
        unknown = self._tables_with_files - set(self._to.tables) - {dim_symbol.INSTRUMENTS}
        what = "it has files, and no description of this lake says what its columns are: its rows were not checked"
        return [Finding(kind="table_undescribed", table=name, what=what) for name in sorted(unknown)]

    def _take_quarantine(self) -> pl.DataFrame | None:
        try:
            live = self._to.quarantine.live_parts()
        except UNREADABLE as error:
            self._findings.append(_unreadable(quarantine.NAME, error))
            return None
        self._checked.tables += 1
        sound = list(self._sound(quarantine.NAME, live, whole=True))
        return self._count(quarantine.NAME, self._to.quarantine, sound)

    def _sound(self, name: str, parts: Sequence[Part], *, whole: bool = False) -> Iterator[Part]:
        """Yield the parts whose rows can be counted, and note what is wrong with any."""
        for part in parts:
            self._checked.parts += 1
            self._on_step(self._checked)
            fault = self._to.parts.fault_of(name, part)
            if whole or self._data:
                self._checked.parts_without_checksum += not self._to.parts.has_checksum(part)
                if fault is None or fault[0] == "part_replaced":
                    fault = self._to.parts.content_fault_of(name, part) or fault
            else:
                self._checked.parts_unread += 1
                self._checked.bytes_unread += part.size_bytes
            if fault is not None:
                path = f"silver/{name}/{part.path}"
                self._findings.append(Finding(kind=fault[0], table=name, path=path, what=fault[1]))
            if fault is None or fault[0] in {"part_replaced", "part_damaged"}:
                yield part

    def _count(self, name: str, table: AuditedTable, parts: list[Part]) -> pl.DataFrame:
        try:
            return count_rows(table, parts)
        except UNREADABLE:
            sound = []
            for part in parts:  # which of them is it?
                try:
                    count_rows(table, [part])
                except UNREADABLE as error:
                    self._note_unreadable(name, part, error)
                else:
                    sound.append(part)
            parts[:] = sound
            return count_rows(table, sound)

    def _audit_overlap(self, ahead: set[int], snapshots: Mapping[str, _Snapshot | None]) -> list[Finding]:
        def read_spans(day: Day, file_ids: Sequence[int]) -> pl.DataFrame:
            exchange, name, date = day
            snapshot = snapshots.get(name)
            parts = snapshot.parts.get((exchange, date), []) if snapshot is not None else []
            try:
                return time_symbols(self._to.tables[name], parts, file_ids)
            except UNREADABLE as error:
                what = f"the times of its symbols cannot be read: {_first_line(error)}"
                path = f"silver/{name}/exchange={exchange}/date={date}"
                self._findings.append(Finding(kind="part_unreadable", table=name, path=path, what=what))
                return pl.DataFrame(schema=SPANS)

        if self._to.groups is None or self._times is None:
            return []
        groups = self._to.groups
        days = self._times.some_days(without=ahead)
        found = [one for some in days for one in overlap_audit.audit_overlap(some, groups, read_spans)]
        paths = self._rows_of([one.file_id for one in found if one.file_id is not None]) if found else None
        named = {} if paths is None else dict(paths.select("file_id", "bronze_file_path").iter_rows())
        return [replace(one, path=named.get(one.file_id, "")) for one in found]

    def _audit_symbols(self, files: Sequence[int]) -> Iterable[Finding]:
        if not (files or self._to.symbols.exists()):
            return []
        self._audit_small(dim_symbol.NAME, self._to.symbols.live_parts)
        try:
            versions, observed = self._to.symbols.read_all(), self._to.observed
            if not observed.exists():
                return list(audit_symbols(versions))
            found = [*audit_symbols(versions), *audit_history(versions, observed.compute().versions)]
            return [*found, *audit_observations(observed.heads(), files)]
        except UNREADABLE as error:
            return [_unreadable(dim_symbol.NAME, error)]

    # ---- contents

    def _compare(
        self, name: str, snapshot: _Snapshot, ledger: pl.DataFrame, bronze: dict[int, BronzeFileMetadata]
    ) -> None:
        rows = ledger.filter(stands_at(Status.SUCCESS), pl.col("data_type") == name)
        of_days, rows = rows.filter(pl.col("days").is_not_null()), rows.filter(pl.col("days").is_null())
        for (exchange, date), group in rows.group_by("exchange", "date", maintain_order=True):
            parts = snapshot.parts.get((str(exchange), str(date)), [])
            hashes = {
                one: digest for one, digest in group.select("file_id", "content_hash").iter_rows() if one in bronze
            }
            ids = list(hashes)
            silver = self._digest(name, parts, ids)
            aside = digest_aside(self._to.quarantine, self._aside_parts(), ids)
            for file_id in ids:
                facts = _Compared(file_id, hashes[file_id], (silver[file_id], aside[file_id]), parts)
                self._compare_file(name, bronze[file_id], facts)
        for row in of_days.filter(pl.col("file_id").is_in(list(bronze))).iter_rows(named=True):
            file_id, exchange = row["file_id"], str(row["exchange"])
            dates = [str(one["date"]) for one in row["days"]]
            parts = [part for date in dates for part in snapshot.parts.get((exchange, date), [])]
            silver = self._digest(name, parts, [file_id])
            aside = digest_aside(self._to.quarantine, self._aside_parts(), [file_id])
            facts = _Compared(file_id, row["content_hash"], (silver[file_id], aside[file_id]), parts, frozenset(dates))
            self._compare_file(name, bronze[file_id], facts)

    def _digest(self, name: str, parts: list[Part], file_ids: Sequence[int]) -> Mapping[int, int]:
        """Return what these data files hold of files; those that cannot be read are named and left out of ``parts``."""
        table, rereader = self._to.tables[name], self._to.rereaders[name]
        try:
            return rereader.digest_silver(table, parts, file_ids)
        except UNREADABLE:
            sound = []
            for part in parts:  # which of them is it?
                try:
                    rereader.digest_silver(table, [part], file_ids)
                except UNREADABLE as error:
                    self._note_unreadable(name, part, error)
                else:
                    sound.append(part)
            parts[:] = sound
            return rereader.digest_silver(table, sound, file_ids)

    def _note_unreadable(self, name: str, part: Part, error: Exception) -> None:
        path = f"silver/{name}/{part.path}"
        if path not in {finding.path for finding in self._findings}:
            what = f"its rows cannot be read: {_first_line(error)}"
            self._findings.append(Finding(kind="part_unreadable", table=name, path=path, what=what))

    def _aside_parts(self) -> list[Part]:
        parts = self._to.quarantine.live_parts()
        return [part for part in parts if self._to.parts.fault_of(quarantine.NAME, part) is None]

    def _compare_file(self, name: str, meta: BronzeFileMetadata, held: _Compared) -> None:
        def report(kind: str, what: str, hint: str = "") -> None:
            path = meta.bronze_file_path
            found = Finding(kind=kind, table=name, file_id=held.file_id, path=path, what=what, hint=hint)
            self._findings.append(found)

        rereader = self._to.rereaders[name]
        self._checked.contents += 1
        self._on_step(self._checked)
        try:
            now = rereader.reread(meta, held.dates)
            if now.content_hash != held.content_hash:
                report("bronze_altered", "the content is not the one that was ingested, though size and time agree")
                return
            if now.silver != held.digests[0]:
                table = self._to.tables[name]
                found = rereader.first_difference(meta, table, held.parts, held.file_id, held.dates)
                report("content_differs", found)
            if now.aside != held.digests[1]:
                report("quarantine_differs", "the quarantined lines are not those of the file")
        except ChangedWhileRead:
            return
        except UNREADABLE as error:
            report("bronze_unreadable", _first_line(error), error.hint if isinstance(error, OF_CONTENT) else "")


class _Compared(NamedTuple):
    """A file of the ledger, digests of what silver and quarantine hold of it, and where; ``dates``: only these days."""

    file_id: int
    content_hash: str
    digests: tuple[int, int]
    parts: list[Part]
    dates: frozenset[str] | None = None


def _behind(ledger: pl.DataFrame, told: Mapping[int, Outcome], ahead: set[int]) -> Iterator[Finding]:
    known = ledger.filter(pl.col("file_id").is_in(sorted(ahead))).select(
        "file_id", "data_type", "bronze_file_path", "status"
    )
    rows = {file_id: rest for file_id, *rest in known.iter_rows()}
    for file_id in sorted(ahead):
        table, path, status = rows.get(file_id, ("", "", "nothing"))
        what = f"silver says {told[file_id].status.value}, the ledger {status}"
        yield Finding(
            kind="manifest_behind", table=table or ingest_manifest.NAME, file_id=file_id, path=path, what=what
        )


def _take_counts(snapshots: Mapping[str, _Snapshot]) -> pl.DataFrame:
    """Return the counts of all tables; the snapshots are without them then."""
    counts = [_placed(name, one.counts) for name, one in snapshots.items()]
    for one in snapshots.values():
        one.counts = pl.DataFrame()
    return pl.concat(counts or [_none()])


def _none() -> pl.DataFrame:
    return pl.DataFrame(schema={**COUNTS, **dict.fromkeys(("exchange", "date", "table"), pl.Categorical())})


def _word(value: str, name: str) -> pl.Expr:
    """A column of one word, as a category: there is a row for every file."""
    return pl.lit(value).cast(pl.Categorical).alias(name)


def _placed(name: str, counts: pl.DataFrame) -> pl.DataFrame:
    return counts.with_columns(_word(name, "table")).select(_none().columns)


def _unreadable(table: str, error: Exception) -> Finding:
    hint = error.hint if isinstance(error, NoAccess) else ""  # else what mends damage
    return Finding(kind="unreadable_table", table=table, path=f"silver/{table}", what=_first_line(error), hint=hint)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
