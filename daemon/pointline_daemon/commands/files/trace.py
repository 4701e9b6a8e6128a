"""``pointline trace``: a silver row and the line in bronze that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct

from pointline.config import Config
from pointline.errors import UnknownValue, WrongUse
from pointline.io.descriptions import lake_tables
from pointline.io.ledger.reader import scan_ledger, scan_rows_of
from pointline.io.translate import storage_errors
from pointline.phrases import printable
from pointline.services.files.regained import days_left
from pointline.tables import ingest_manifest, quarantine
from pointline.tables.ingest_manifest import CLOSED, Status, rows_by_day, stands_at
from pointline.tables.schema import PARTITION_COLUMNS, EventTable
from pointline_daemon.commands.files.bronze_line import Line, read_line
from pointline_daemon.commands.files.targets import chosen_files, id_in
from pointline_daemon.commands.shared.known import require_table, unknown_file
from pointline_daemon.commands.shared.present import Column, print_json, print_lines, print_table
from pointline_daemon.commands.shared.settings import READING, settings_for
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK

COLUMNS = [Column(title="column", style="dim"), Column(title="in silver"), Column(title="in the file", fold=True)]
LINEAGE = ("file_id", "file_seq")
LONGEST_LINE = 400
MOST = 2**63 - 1
"""A book of a thousand levels is one line."""

Row = Mapping[str, Any]


class Trace(Struct, frozen=True, kw_only=True):
    """Where a row is: in the table, in quarantine, or (with the reason) in neither."""

    file: Row
    row: Row | None
    set_aside: Row | None
    absent: str | None
    line: Line

    def as_json(self, table: str, file_seq: int) -> dict[str, Any]:
        """Return the facts for programs."""
        return {
            "table": table,
            "file_id": self.file["file_id"],
            "file_seq": file_seq,
            "path": self.file["bronze_file_path"],
            "status": self.file["status"],
            "row": self.row,
            "set_aside": self.set_aside,
            "absent": self.absent,
            "header": list(self.line.header) or None,
            "line": self.line.decoded_from or self.line.text,
            "line_number": self.line.number,
            "problem": self.line.problem or self.line.fault or self.line.differs or None,
        }


def trace(lake_root: Path | None, table: str, file: str | int, file_seq: int, *, as_json: bool) -> int:
    """Print a row, its line, and what keeps one of them from being found. It only reads.

    ``file`` is an id, or the path of a file, of which the newest version is meant.
    """
    config = settings_for(lake_root, needs=("bronze", *READING))
    tables = lake_tables(config.paths.root)
    require_table(table, tables, config.paths)
    if file_seq < 1:
        raise WrongUse(f"FILE_SEQ is {file_seq}", hint="rows of a file are counted from 1")
    if file_seq > MOST:
        raise WrongUse(f"{file_seq} is more than any lake has", hint="give a file's id, and a row of it")
    file_id = _file_meant(config, str(file))
    found = _trace(config, tables[table], file_id, file_seq)
    if as_json:
        print_json(found.as_json(table, file_seq))
    else:
        _show(found, table, file_seq)
    is_found = (found.row is not None or found.set_aside is not None) and found.line.text is not None
    return EXIT_OK if is_found and not found.line.differs else EXIT_FINDINGS


def _file_meant(config: Config, target: str) -> int:
    """Return the id that is meant. Raises UnknownValue where no file of the ledger is."""
    if (file_id := id_in(config.paths.bronze, target)) is not None:
        return file_id
    ledger = scan_ledger(config.paths.table(ingest_manifest.NAME))
    at_path = ledger.filter(pl.col("file_id").is_in(chosen_files(config, ledger, [target]) or [])).collect()
    if at_path["bronze_file_path"].n_unique() > 1:
        raise WrongUse(f"{target} is a folder", subject=target, hint="name one file, by its path or its id")
    standing = at_path.filter(~stands_at(*CLOSED))
    return int((at_path if standing.is_empty() else standing)["file_id"].max())  # type: ignore[arg-type]


def _trace(config: Config, table: EventTable, file_id: int, file_seq: int) -> Trace:
    rows = scan_ledger(config.paths.table(ingest_manifest.NAME)).filter(pl.col("file_id") == file_id).collect()
    if rows.is_empty():
        raise unknown_file(file_id)
    file = rows.row(0, named=True)
    if file["data_type"] != table.name:
        raise UnknownValue(
            f"file {file_id} belongs to {file['data_type']}, not to {table.name}",
            hint=f"`pointline trace {file['data_type']} {file_id} {file_seq}`",
        )
    row = _silver_row(config, table, rows, file_seq)
    set_aside = None if row else _quarantined_row(config, file_id, file_seq)
    line = read_line(config, file, file_seq, row)
    if row or set_aside:
        return Trace(file=file, row=row, set_aside=set_aside, absent=None, line=line)
    if file["status"] == Status.SUCCESS and line.text is None and file_seq > (file["rows_read"] or 0):
        raise UnknownValue(
            f"file {file_id} has {file['rows_read'] or 0:,} rows: there is no row {file_seq:,}",
            subject=str(file_seq),
            hint="rows of a file are counted from 1",
        )
    return Trace(file=file, row=None, set_aside=None, absent=_why_absent(file, file_seq, line), line=line)


def _silver_row(config: Config, table: EventTable, file: pl.DataFrame, file_seq: int) -> Row | None:
    """Look in the partitions that the file has rows in; ``file`` is its row in the ledger."""
    partitions = rows_by_day(file).select(PARTITION_COLUMNS).collect()
    rows = scan_rows_of(config.paths.table(table.name), table.silver_schema, file["file_id"].to_list(), partitions)
    with storage_errors(table.name):
        found = rows.filter(pl.col("file_seq") == file_seq).collect()
    return None if found.is_empty() else found.row(0, named=True)


def _quarantined_row(config: Config, file_id: int, file_seq: int) -> Row | None:
    rows = scan_rows_of(config.paths.table(quarantine.NAME), quarantine.SCHEMA, [file_id])
    with storage_errors(quarantine.NAME):
        found = rows.filter(pl.col("file_seq") == file_seq).select("rule", "column", "raw").collect()
    return None if found.is_empty() else found.row(0, named=True)


def _why_absent(file: Row, file_seq: int, line: Line) -> str:
    file_id, by = file["file_id"], file["superseded_by"]
    if file["status"] == Status.SUPERSEDED:
        instead = f"`pointline trace {file['data_type']} {by} {file_seq}` shows that row of the other one"
        return f"file {file_id} was replaced by file {by}, so its rows left the table; {instead}"
    if file["status"] == Status.DUPLICATE:
        instead = f"`pointline trace {file['data_type']} {by} {file_seq}`"
        return f"file {file_id} is a duplicate: its rows are in the table as those of file {by}: {instead}"
    if file["status"] != Status.SUCCESS:
        return f"file {file_id} is {file['status']}: none of its rows is in the table"
    if line.is_choosy:
        which = f"`pointline vendors show {file['vendor']}` says which it takes"
        return f"the feed {file['feed']} does not take every row of a file, and it left this one out: {which}"
    if others := list(days_left(file["warnings"])):
        told = ", ".join(f"file {by} has {day}" for by, day, _ in others)
        return f"the rows of its day are in the table as those of another file: {told}"
    return f"row {file_seq} of file {file_id} is in no table: run `pointline verify`"


def _show(found: Trace, table: str, file_seq: int) -> None:
    file = found.file
    print_lines([f"file    {file['file_id']}, {file['status']}: {printable(file['bronze_file_path'])}"])
    if found.row is not None:
        print_lines([f"row     {file_seq:,}, in {table}"])
    elif found.set_aside is not None:
        aside = found.set_aside
        column = f" ({aside['column']})" if aside["column"] else ""
        print_lines([f"row     {file_seq:,}, quarantined by the rule {aside['rule']}{column}"])
    else:
        print_lines([f"row     {file_seq:,}, not found: {found.absent}"])
    line = found.line
    _show_line(line)
    if line.text is None and found.set_aside is not None:
        print_lines(["", printable(found.set_aside["raw"])])
    if found.row is not None:
        print_lines([""])
        _show_row(found.row, line)
    if line.differs:
        print_lines(["", f"differs {printable(line.differs)}"])


def _show_line(line: Line) -> None:
    if line.problem:
        print_lines([f"line    not found: {printable(line.problem)}"])
    elif line.number is None:
        print_lines(["line    a row of a Parquet file, written as CSV"])
    elif line.decoder:
        print_lines([f"line    record {line.number:,} of the file, decoded by {line.decoder} and written as CSV"])
    else:
        print_lines([f"line    {line.number:,} of the file, {_kind(line)}"])
    if line.decoded_from:
        print_lines(["", printable(_beginning(line.decoded_from))])
    if line.text is not None and line.text != line.decoded_from:
        print_lines(["", printable(line.separator.join(line.header)), printable(line.text)])


def _kind(line: Line) -> str:
    if line.fault:
        return f"no row could be made from it: {line.fault}"
    if line.decoded_from:
        return "JSON: the row below was made from it"
    return f"where the header is line {line.header_line}" if line.header_line else "which has no header"


def _beginning(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]}... ({len(line):,} characters; --json has them all)"


def _show_row(row: Row, line: Line) -> None:
    cells = line.cells
    rows = [[name, _plain(value), printable(cells.get(name, ""))] for name, value in row.items() if name not in LINEAGE]
    print_table(COLUMNS if cells else COLUMNS[:2], rows if cells else [one[:2] for one in rows])


def _plain(value: object) -> str:
    return "" if value is None else printable(str(value))
