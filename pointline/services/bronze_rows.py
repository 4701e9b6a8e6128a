"""The rows of a bronze file as its feed cuts them: what the header names, and the lines under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from pointline.io.protocols import BronzeContent
from pointline.parse.feed import Feed
from pointline.services.header import read_header


@dataclass(frozen=True, slots=True, kw_only=True)
class BronzeRows:
    """One opened file. ``feed`` is that of files with this header; ``blocks`` are whole lines, without the header."""

    feed: Feed
    header: tuple[str, ...]
    blocks: Iterator[bytes]
    header_lines: int = 1
    """Lines of the file before its first row."""


def open_rows(feed: Feed, content: BronzeContent, path: str, wanted: Mapping[str, str] | None = None) -> BronzeRows:
    """Look at the header and return the rows. ``wanted``: see ``BronzeContent``. Raises Rejected, Transient."""
    header, first_row = read_header(feed, content, path)
    blocks = content.blocks(wanted)
    if first_row:
        blocks = chain([first_row + b"\n"], blocks)
    if feed.dialect.trailer:
        blocks = _without_trailer(blocks, feed.dialect.trailer.encode())
    return BronzeRows(feed=feed.under(header), header=header, blocks=blocks, header_lines=0 if first_row else 1)


def _without_trailer(blocks: Iterator[bytes], trailer: bytes) -> Iterator[bytes]:
    """Leave out the last line where it is no row."""
    held = b""
    for block in blocks:
        if held:
            yield held
        held = block
    start = held.rfind(b"\n", 0, max(len(held) - 1, 0)) + 1
    if held[start:].startswith(trailer):
        held = held[:start]
    if held:
        yield held
