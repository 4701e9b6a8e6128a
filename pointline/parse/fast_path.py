"""The fast path: a block of CSV typed in one go, accepted only where nothing can have gone wrong.

Everything else goes to ``text_path``, which finds the rows at fault. Both agree on every block that this one accepts.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Sequence

import polars as pl

from pointline.parse import cells
from pointline.parse.feed import Feed
from pointline.parse.json_lines import BROKEN
from pointline.parse.rules import Belonging, any_broken, any_foreign


def parse(
    feed: Feed, header: Sequence[str], data: bytes, belonging: Belonging, left: Counter[str] | None = None
) -> pl.DataFrame | None:
    """Return ``data`` as columns of the feed's table, or None where a row needs a closer look.

    ``data`` holds whole lines without the header; ``header`` names the cells of a line. Columns that the feed does
    not know are left out. Where not every row is one of the table there is a column ``row``, as of ``text_path``.
    ``left`` counts values of rows that are not.
    """
    frame = parse_many(feed, header, data, belonging, left=left)
    return None if frame is None or any_foreign(frame["symbol"], belonging.owns_symbol) else frame


def parse_many(
    feed: Feed,
    header: Sequence[str],
    data: bytes,
    belonging: Belonging,
    symbols: pl.Series | None = None,
    *,
    left: Counter[str] | None = None,
) -> pl.DataFrame | None:
    """Do the same for files that lie end to end; their symbols are not looked at.

    ``symbols`` are those of the rows where the paths name them; without it the one that ``belonging`` has.
    """
    if feed.whole is not None:
        frame = parse_many(feed.whole, header, data, belonging, symbols, left=left)
        if frame is not None:
            return frame
    told = feed.dialect  # the parsers of whole blocks know numbers with a point
    if (
        told.has_decimal_comma
        or (told.is_trimmed and b" " in data)
        or (told.is_decoded and BROKEN in data)
        or _is_joined(data)
    ):
        return None
    lines = feed.with_commas(data)
    found = None if lines is None else cells.typed(feed, header, lines)
    if found is None:
        return None
    complete = feed.completed(found)
    if (unknown := feed.unknown_words()) and complete.select(pl.any_horizontal(*unknown.values()).any()).item():
        return None
    own: Counter[str] = Counter()
    frame = feed.mapped(feed.rows_of(complete, own), belonging)
    if frame is not None and symbols is not None:
        frame = frame.replace_column(frame.get_column_index("symbol"), symbols.alias("symbol"))
    if frame is None or any_broken(frame, feed.table, belonging):
        return None
    if left is not None:
        left.update(own)
    return frame


def _is_joined(data: bytes) -> bool:
    """Tell of files that were joined, and of line ends the wrong way round: texts may hold what nobody sees."""
    return (BOM_UTF8[:1] in data and BOM_UTF8 in data) or (b"\r" in data and b"\n\r" in data)
