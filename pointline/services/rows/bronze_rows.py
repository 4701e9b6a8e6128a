"""The rows of a bronze file as its feed cuts them: what the header names, and the lines under it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from msgspec import Struct

from pointline.errors import Rejected
from pointline.io.protocols.bronze import BronzeContent
from pointline.parse import text_path
from pointline.parse.feed import Dialect, Feed
from pointline.parse.json_lines import JsonLines
from pointline.services.rows.complaint import shown
from pointline.services.rows.header import NOTHING_SAID, read_header
from pointline.services.rows.pasted import Pasted

COUNT, NAMED = "{rows}", "{named}"
NOT_WHOLE = "it is not whole: download it again"
LONGEST_LINE = 80


class BronzeRows(Struct, frozen=True, kw_only=True):
    """One opened file. ``feed`` is that of files with this header; ``blocks`` are whole lines, without the header."""

    feed: Feed
    header: tuple[str, ...]
    blocks: Iterator[bytes]
    has_header: bool = True
    """A line before the first row names the columns."""
    header_lines: int = 1
    """Lines of the file before its first row; records of a decoded file are counted as if they were lines."""


def open_rows(
    feed: Feed,
    content: BronzeContent,
    path: str,
    wanted: Mapping[str, str] | None = None,
    says: Mapping[str, str] = NOTHING_SAID,
) -> BronzeRows:
    """Look at the header and return the rows.

    ``wanted``: see ``BronzeContent``. ``says``: the fields of the path. Raises Rejected, Transient.
    """
    if feed.json_lines is not None:
        return _decoded(feed, feed.json_lines, content)
    if feed.beside is not None:
        content = Pasted(content, feed.beside, feed.dialect.separator, path)
    header, first_row = read_header(feed, content, path, says)
    if wanted is not None:  # columns of Parquet are asked for by the names that the file has
        wanted = {**wanted, **{alias: wanted[name] for alias, name in feed.aliases.items() if name in wanted}}
    blocks = content.blocks(wanted)
    if first_row:
        blocks = chain([first_row + b"\n"], blocks)
    trailer = feed.dialect.trailer
    if COUNT in trailer and header:
        blocks = _counted(blocks, feed.dialect, path, len(header))
    elif trailer:
        blocks = _without_trailer(blocks, trailer.encode(feed.dialect.encoding))
    has_header = not (first_row or feed.decoder)
    return BronzeRows(
        feed=feed.under(header),
        header=header,
        blocks=blocks,
        has_header=has_header,
        header_lines=feed.dialect.skip + has_header,
    )


def _decoded(feed: Feed, decoder: JsonLines, content: BronzeContent) -> BronzeRows:
    """Make rows of lines of another form; a block of them is decoded while the one before is typed."""
    made = (decoder.decode(lines) for lines in content.lines(feed.member))
    return BronzeRows(
        feed=feed, header=decoder.columns, blocks=(rows for rows in made if rows), has_header=False, header_lines=0
    )


def _without_trailer(blocks: Iterator[bytes], trailer: bytes) -> Iterator[bytes]:
    """Leave out the last line where it is no row. One whose first word only begins as that does is a row."""
    is_word = trailer[-1:].isalnum()
    for rows, last in _before_last_line(blocks):
        is_trailer = last.startswith(trailer) and not (is_word and last[len(trailer) : len(trailer) + 1].isalnum())
        kept = rows if is_trailer else rows + last
        if kept:
            yield kept


def _counted(blocks: Iterator[bytes], dialect: Dialect, path: str, width: int) -> Iterator[bytes]:
    """Leave out the last line, which has to count the lines before it. Raises Rejected where it does not."""
    trailer = dialect.trailer
    written = (
        re.escape(trailer).replace(re.escape(COUNT), "(?P<rows>[0-9]+)").replace(re.escape(NAMED), "(?P<named>.+?)")
    )
    pattern = re.compile(written.replace(r"\*", ".*?"))
    count = 0
    for rows, last in _before_last_line(blocks):
        count += rows.count(b"\n") if b'"' not in rows else len(text_path.split_records(rows, width, dialect))
        if last:
            line = last.rstrip(b"\r\n").decode(dialect.encoding, "backslashreplace")
            found = pattern.match(line)
            if found is None:
                what = f"{path}: it does not end with {trailer!r} but with {shown(line, LONGEST_LINE)}"
                raise Rejected(what, subject=path, hint=NOT_WHOLE)
            if int(found["rows"]) != count:
                what = f"{path}: its last line counts {int(found['rows'])} rows, there are {count}"
                raise Rejected(what, subject=path, hint=NOT_WHOLE)
            named = found["named"] if NAMED in trailer else ""
            if named not in path.rpartition("/")[2]:
                what = f"{path}: its last line says {shown(named)}, its name does not"
                raise Rejected(what, subject=path, hint="give it the name under which it was published")
        if rows:
            yield rows


def _before_last_line(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each block with nothing, the last one with its last line cut off."""
    held = b""
    for block in blocks:
        if held:
            yield held, b""
        held = block
    start = held.rfind(b"\n", 0, max(len(held) - 1, 0)) + 1
    yield held[:start], held[start:]
