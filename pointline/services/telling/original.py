"""The line of a bronze file that a row came from, found by its number while the file streams by."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from pointline.io.protocols.bronze import BronzeContent
from pointline.parse import text_path
from pointline.parse.feed import Feed
from pointline.parse.json_lines import BROKEN, JsonLines
from pointline.services.audit.silver.reread import as_loaded
from pointline.services.rows.block import row_count
from pointline.services.rows.bronze_rows import open_rows


class Original(Struct, frozen=True, kw_only=True):
    """One data row as it is in the file. ``line`` is the file's line it begins on, or its record, the first being 1."""

    text: str
    line: int
    header: tuple[str, ...]
    header_line: int = 1
    """The line of the file that names the columns; 0 where none does, and ``header`` is what the feed calls them."""
    decoded_from: str = ""
    """The line itself, where ``text`` is a row that was made from it."""
    fault: str = ""
    """Why no row could be made from it."""


def find_row(feed: Feed, content: BronzeContent, path: str, file_seq: int) -> Original | int:
    """Return the data row of that number, counted as the ingest counts; else how many rows there are.

    Holds one block at a time. Raises Rejected, Transient.
    """
    if feed.json_lines is not None:
        return _find_decoded(feed.json_lines, content.lines(feed.member), file_seq)
    opened = open_rows(feed, content, path)
    header = opened.header
    rows, lines = 0, opened.header_lines
    for data in as_loaded(opened.blocks):
        records = row_count(opened, data)
        if rows + records < file_seq:
            rows += records
            lines += data.count(b"\n")
            continue
        found = text_path.split_records(data, len(header), opened.feed.dialect)
        before = sum(1 + record.count(b"\n") for record in found[: file_seq - rows - 1])
        text = text_path.readable(found[file_seq - rows - 1])
        header_line = opened.header_lines if opened.has_header else 0
        return Original(text=text, line=lines + before + 1, header=header, header_line=header_line)
    return rows


def _find_decoded(decoder: JsonLines, blocks: Iterator[bytes], file_seq: int) -> Original | int:
    rows = number = 0
    for block in blocks:
        for line in block.removesuffix(b"\n").split(b"\n"):
            number += 1
            made = decoder.decode_line(line)
            count = made.count(b"\n")
            if rows + count < file_seq:
                rows += count
                continue
            text = made.split(b"\n")[file_seq - rows - 1]
            said = text_path.readable(line.removesuffix(b"\r"))
            return Original(
                text=text_path.readable(text.removeprefix(BROKEN)),
                line=number,
                header=decoder.columns,
                header_line=0,
                decoded_from=said,
                fault=decoder.why_broken(said) if text.startswith(BROKEN) else "",
            )
    return rows
