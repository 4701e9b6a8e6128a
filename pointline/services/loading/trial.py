"""A file read as the ingest reads it, for a look at what would become of it. Nothing is written."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from pointline.errors import Rejected
from pointline.io.protocols.bronze import BronzeContent
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.parse import text_path
from pointline.parse.rules import counted, doubtful_times, quarantining, without_doubtful
from pointline.services.files.identity.candidate import Candidate
from pointline.services.ingest.batch import Entry
from pointline.services.rows.block import belonging_of, parse_block
from pointline.services.rows.bronze_rows import BronzeRows, open_rows
from pointline.services.rows.header import check_header, unknown_columns, wanted_columns
from pointline.services.rows.tally import Tally
from pointline.tables.ingest_manifest import Status
from pointline.vendors.feeds import Feeds
from pointline.vendors.headers import told_by_header

SHOWN = 3
NO_FILE = 0
"""The id of a file that is tried: none."""


class Terms(Struct, frozen=True, kw_only=True):
    """What decides beside the file: the descriptions and the settings that a lake reads its files under."""

    feeds: Feeds
    checks: Mapping[str, str]
    groups: Collection[str] = ()
    max_quarantined_share: float = 0.2


class Trial(Struct, kw_only=True):
    """What a file holds and what would become of it."""

    header: tuple[str, ...] = ()
    has_header: bool = True
    separator: str = ","
    first_line: str = ""
    """The text of the first line, where nothing could be read of it."""
    decoder: str = ""
    """What made rows of its records."""
    lines: list[str] = field(default_factory=list)
    """The first rows as they stand in the file."""
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Rows as silver would have them, with ``file_seq``: the first ones, or all where that was asked for."""
    rows_read: int = 0
    rows_kept: int = 0
    quarantined: dict[tuple[str, str], int] = field(default_factory=dict)
    """Rows by the rule that they break and its column."""
    days: Counter[dt.date] = field(default_factory=Counter)
    first_us: int | None = None
    last_us: int | None = None
    symbols: tuple[str, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    refusal: str = ""
    """Why nothing of the file would get in; empty where it would."""
    advice: str = ""
    remark: str = ""
    """What is said of the rows that cannot be kept, in a file that gets in."""


def try_file(meta: BronzeFileMetadata, content: BronzeContent, terms: Terms, *, shown: int | None = SHOWN) -> Trial:
    """Read a file to its end. ``shown``: how many rows to return, None for all. Raises Transient."""
    trial = Trial()
    try:
        _read(trial, meta, content, terms, shown)
    except Rejected as error:
        trial.refusal = str(error)
        trial.advice = told_by_header(error, terms.feeds, meta.bronze_file_path).hint
    return trial


def _read(trial: Trial, meta: BronzeFileMetadata, content: BronzeContent, terms: Terms, shown: int | None) -> None:
    feed = terms.feeds.feed(meta.data_type, meta.feed, meta.vendor)
    trial.decoder, trial.separator = feed.decoder, feed.dialect.separator
    wanted = wanted_columns(feed)
    belonging = belonging_of(terms.feeds, meta, quarantining(terms.checks), terms.groups)
    if feed.headers and feed.json_lines is None and feed.beside is None:
        line = content.first_line(feed.member, feed.decoder, feed.dialect.skip, feed.dialect.separator)
        trial.first_line = line.decode(feed.dialect.encoding, "replace")
    opened = open_rows(feed, content, meta.bronze_file_path, wanted, belonging.says)
    opened = replace(opened, feed=opened.feed.across_blocks())
    trial.first_line = ""
    trial.header, trial.has_header = opened.header, opened.has_header
    checks = counted(feed.table, terms.checks)
    entry = Entry(file_id=NO_FILE, candidate=Candidate(meta=meta))
    tally = Tally(entry, feed=opened.feed, header=opened.header, belonging=belonging, checks=checks)
    is_usual = bool(feed.headers) or opened.header == tuple(wanted)
    kept: list[pl.DataFrame] = []
    for number, data in enumerate(opened.blocks):
        if len(trial.lines) < SHOWN:
            trial.lines += _first_lines(opened, data, SHOWN - len(trial.lines))
        if not number and not is_usual:
            check_header(feed.table, opened.header, meta.bronze_file_path)
            tally.warn(unknown_columns(feed.table, opened.header))
        block = parse_block(opened, data, belonging, tally.lines)
        tally.add_block(block)
        doubtful = doubtful_times(feed.table, block.rows)
        tally.add_frame(block.rows.drop("file_seq"), block.rows["file_seq"], doubtful)
        rows = without_doubtful(block.rows, doubtful)
        days = rows["local_timestamp"].cast(pl.Datetime("us")).dt.date().value_counts()
        trial.days.update(dict(days.iter_rows()))
        if shown is None or sum(frame.height for frame in kept) < shown:
            kept.append(rows.select(*feed.table.to_silver(feed.table.columns), "file_seq").head(shown or rows.height))
    tally.check_end()
    if kept:
        trial.rows = pl.concat(kept).head(shown or sum(frame.height for frame in kept))
    elif opened.header and not is_usual:
        check_header(feed.table, opened.header, meta.bronze_file_path)
    tally.warn(content.warnings)
    _judge(trial, tally, content, terms)


def _judge(trial: Trial, tally: Tally, content: BronzeContent, terms: Terms) -> None:
    outcome = tally.outcome(content.content_hash)
    trial.rows_read, trial.rows_kept = outcome.rows_read or 0, outcome.rows_written or 0
    trial.first_us, trial.last_us = outcome.first_local_us, outcome.last_local_us
    trial.symbols, trial.warnings = outcome.symbols or (), outcome.warnings or {}
    if tally.set_aside:
        counts = pl.concat(tally.set_aside).group_by("rule", "column").len().sort("len", "rule", descending=True)
        trial.quarantined = {(rule, column): rows for rule, column, rows in counts.iter_rows()}
    if tally.is_refused(terms.max_quarantined_share):
        trial.refusal = tally.why_refused()
    elif outcome.status is not Status.SUCCESS:
        trial.refusal = outcome.error or ""
    else:
        trial.remark = outcome.error or ""


def _first_lines(opened: BronzeRows, data: bytes, count: int) -> list[str]:
    end = -1
    for _ in range(count * text_path.MOST_LINES_OF_A_ROW):
        end = data.find(b"\n", end + 1)
        if end < 0:
            break
    few = data if end < 0 else data[: end + 1]
    records = text_path.split_records(few, len(opened.header), opened.feed.dialect)
    return [text_path.readable(record) for record in records[:count]]
