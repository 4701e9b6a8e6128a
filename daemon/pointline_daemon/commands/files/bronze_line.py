"""The line of a bronze file as ``pointline trace`` shows it, and whether it still gives the row that silver has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from pointline.config import Config
from pointline.errors import PointlineError
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline_daemon.commands.shared.settings import warn
from pointline_daemon.opening.bronze_access import make_reader, make_source

CHANGED = "a description, or the file beside it, has changed since: `pointline verify --deep` finds all such files"
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
    differs: str = ""
    """In what the row of the table is not what this line gives now."""


def read_line(config: Config, file: Row, file_seq: int, row: Row | None) -> Line:
    """Return what bronze says of a row; ``row`` is what silver has of it."""
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
        differs="" if row is None else _what_differs(config, source, reader, meta, row),
        cells={column.name: cells.get(feed.source_of(column.name, belonging), "") for column in feed.table.columns},
    )


def _what_differs(
    config: Config, source: FolderBronzeSource, reader: BronzeReader, meta: BronzeFileMetadata, row: Row
) -> str:
    """Say in what a row of the table is not what its file gives now; empty where it is.

    The file has the content that it had; a file beside it, or the description by which it is read, may have changed.
    """
    from pointline.services.audit.silver.reread import Rereader  # noqa: PLC0415 - as above

    table = source.feeds.feed(meta.data_type, meta.feed, meta.vendor).table
    rereader = Rereader(table, reader, frozenset(), config.bronze.groups, source.feeds)
    try:
        now = rereader.row(meta, row["file_seq"])
    except PointlineError as error:
        return f"the file cannot be read as it was: {error}"
    if now is None:
        return f"as the file is read now, this line gives no row; {CHANGED}"
    name = next((name for name, value in now.items() if str(row[name]) != str(value)), "")
    return name and f"as the file is read now, {name} is {now[name]}, and {row[name]} in silver; {CHANGED}"


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
