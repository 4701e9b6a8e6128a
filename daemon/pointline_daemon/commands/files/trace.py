"""``pointline trace``: a silver row and the line in bronze that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct, field

from pointline.config import Config
from pointline.errors import PointlineError, UnknownValue, WrongUse
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.descriptions import lake_tables
from pointline.io.ledger.reader import scan_ledger, scan_rows_of
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.io.translate import storage_errors
from pointline.phrases import printable
from pointline.services.files.regained import days_left
from pointline.tables import ingest_manifest, quarantine
from pointline.tables.ingest_manifest import CLOSED, Status, rows_by_day, stands_at
from pointline.tables.schema import PARTITION_COLUMNS, EventTable
from pointline_daemon.commands.files.targets import chosen_files, id_in
from pointline_daemon.commands.shared.known import require_table, unknown_file
from pointline_daemon.commands.shared.present import Column, print_json, print_lines, print_table
from pointline_daemon.commands.shared.settings import READING, settings_for, warn
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK
from pointline_daemon.opening.bronze_access import make_reader, make_source

COLUMNS = [Column(title="column", style="dim"), Column(title="in silver"), Column(title="in the file", fold=True)]
LINEAGE = ("file_id", "file_seq")
LONGEST_LINE = 400
MOST = 2**63 - 1
"""A book of a thousand levels is one line."""

Row = Mapping[str, Any]


class Line(Struct, frozen=True, kw_only=True):
    """What bronze says. ``problem`` is why there is no ``text``."""

    text: str | None = None
    number: int | None = None
    header: Sequence[str] = ()
    header_line: int = 1
    """The line that names the columns; 0 where none does."""
    separator: str = ","
    decoder: str = ""
    """What made the text of a record, whose number it then is."""
    decoded_from: str = ""
    """The line itself, where ``text`` is a row that was made from it."""
    fault: str = ""
    """Why no row could be made from it."""
    is_choosy: bool = False
    """Its feed takes rows with certain values only, or of rows that are alike only the first."""
    cells: Mapping[str, str] = field(default_factory=dict)
    """By column of the table."""
    problem: str | None = None


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
            "problem": self.line.problem or self.line.fault or None,
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
    return EXIT_OK if is_found else EXIT_FINDINGS


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
    line = _read_line(config, file, file_seq)
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


def _read_line(config: Config, file: Row, file_seq: int) -> Line:
    from pointline.parse.text_path import split_cells  # noqa: PLC0415 - not before it is known to be needed
    from pointline.services.rows.block import belonging_of  # noqa: PLC0415 - as above
    from pointline.services.telling.original import find_row  # noqa: PLC0415 - as above

    path = file["bronze_file_path"]
    source = make_source(config, on_problem=warn)
    meta = source.look(path) or _as_it_came(source, file)
    if meta is None:
        return Line(problem=_why_unseen(source, path, file["file_id"]))
    reader = make_reader(config, source)
    try:
        known, now = file["content_hash"], reader.content_hash(path)
        if known and now is not None and now != known:
            return Line(problem="the file in bronze has changed since: the line that was read is not there any more")
        with reader.open(meta) as content:
            feed = source.feeds.feed(meta.data_type, meta.feed, meta.vendor)
            found = find_row(feed, content, path, file_seq)
    except PointlineError as error:
        return Line(problem=f"the file cannot be read: {error}")
    if isinstance(found, int):
        return Line(problem=f"the file has {found:,} rows: there is no row {file_seq:,}")
    belonging = belonging_of(source.feeds, meta, frozenset(), config.bronze.groups)
    cells = dict(zip(found.header, split_cells(found.text, feed.dialect), strict=False))
    return Line(
        text=found.text,
        number=None if path.lower().endswith(".parquet") else found.line,
        header=found.header,
        header_line=found.header_line,
        separator=feed.dialect.separator,
        decoder=feed.decoder,
        decoded_from=found.decoded_from,
        fault=found.fault,
        is_choosy=bool(feed.where or feed.is_distinct),
        cells={column.name: cells.get(feed.source_of(column.name, belonging), "") for column in feed.table.columns},
    )


def _as_it_came(source: FolderBronzeSource, file: Row) -> BronzeFileMetadata | None:
    """Describe a file whose path nothing reads any more by what it was read by; None where that is gone too."""
    changed_us = source.changed_at(file["bronze_file_path"])
    try:
        source.feeds.feed(file["data_type"], file["feed"] or "", file["vendor"])
    except PointlineError:
        return None
    if changed_us is None:
        return None
    from pointline.services.files.ledger_facts import described_as  # noqa: PLC0415 - as above

    modified_us = round(file["last_modified_ts"].timestamp() * 1_000_000)
    return described_as(file, size=file["file_size_bytes"], modified_us=modified_us, changed_us=changed_us)


def _why_unseen(source: FolderBronzeSource, path: str, file_id: int) -> str:
    if source.is_gone(path):
        return "the file is gone from bronze: its line cannot be shown"
    if source.changed_at(path) is not None:
        return f"nothing reads its path as it is now: `pointline explain {file_id}` says why"
    return "the file cannot be looked at: you may not read its folder, or its disk is not mounted"


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
    elif found.set_aside is not None:
        print_lines(["", printable(found.set_aside["raw"])])
    if found.row is not None:
        print_lines([""])
        _show_row(found.row, line)


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
