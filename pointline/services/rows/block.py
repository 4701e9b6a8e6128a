"""One block of a bronze file as rows of a table, each with its number in the file, and the rows that cannot be kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import polars as pl
from msgspec import Struct, field

from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.parse import fast_path, text_path
from pointline.parse.feed import CUT
from pointline.parse.rules import Belonging
from pointline.services.rows.bronze_rows import BronzeRows
from pointline.tables.spelling import EVERY_SYMBOL, is_group
from pointline.vendors.feeds import Feeds

NO_BAD_ROWS = pl.DataFrame(schema={**text_path.BAD_SCHEMA, "file_seq": pl.Int64()})


class Block(Struct, frozen=True, kw_only=True):
    """``rows`` are columns of the table with ``file_seq``; ``bad`` has ``file_seq, rule, column, raw``.

    ``lines`` are all rows of the file in the block; ``left_out`` of them are none of the table, by the feed's word.
    """

    rows: pl.DataFrame
    bad: pl.DataFrame
    lines: int
    left_out: int = 0
    words: Mapping[str, int] = field(default_factory=dict)
    """Values of rows that were left out, as ``column=value``, where the feed does not name them."""
    cut: int = 0
    """Times with digits beyond the microsecond."""


def parse_block(opened: BronzeRows, data: bytes, belonging: Belonging, lines_before: int) -> Block:
    """Type one block. ``lines_before`` are the rows of the file before it."""
    feed, header = opened.feed, opened.header
    words: Counter[str] = Counter()
    frame = fast_path.parse(feed, header, data, belonging, words)
    bad = NO_BAD_ROWS
    if frame is None:
        words.clear()
        frame, bad = text_path.parse(feed, header, data, belonging, words)
        bad = bad.with_columns(file_seq=pl.col("row") + (lines_before + 1))
    cut = int(frame.drop_in_place(CUT).sum()) if CUT in frame.columns else 0
    if "row" in frame.columns:
        rows = frame.with_columns(file_seq=pl.col("row") + (lines_before + 1)).drop("row")
    else:
        end = lines_before + 1 + frame.height
        rows = frame.hstack([pl.int_range(lines_before + 1, end, dtype=pl.Int64, eager=True).alias("file_seq")])
    counted = rows.height + bad.height
    if feed.is_plain:
        return Block(rows=rows, bad=bad, lines=counted, cut=cut)
    if feed.seen is not None:
        feed.seen.keep()
    lines = row_count(opened, data)
    return Block(rows=rows, bad=bad, lines=lines, left_out=lines - counted, words=words, cut=cut)


def row_count(opened: BronzeRows, data: bytes) -> int:
    """Return how many rows of the file a block has, those too that are none of its table."""
    if b'"' not in data:
        return data.count(b"\n")
    return len(text_path.split_records(data, len(opened.header), opened.feed.dialect))


def belonging_of(
    feeds: Feeds, meta: BronzeFileMetadata, escalated: frozenset[str], groups: Collection[str]
) -> Belonging:
    """Return what the path of a file says of its rows."""
    assert meta.date is not None
    is_many = meta.symbol == EVERY_SYMBOL if meta.feed else is_group(meta.symbol, groups)
    return feeds.belonging(
        meta.bronze_file_path,
        meta.feed,
        exchange=meta.exchange,
        symbol=None if is_many else meta.symbol,
        date=meta.date,
        escalated=escalated,
    )
