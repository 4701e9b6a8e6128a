"""A row found by its number while blocks go by: counted as the ingest counts them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import pytest

from pointline.parse.feed import own_columns
from pointline.services.loading.pack import KEPT_FOR_PACK
from pointline.services.telling.original import find_row
from pointline.tables.registry import event_tables

ROW_BYTES = 4096
FEED = own_columns(event_tables()["trades"])
ROWS = 2 * KEPT_FOR_PACK // ROW_BYTES


class Content:
    """Two columns in blocks; ``quoted`` rows hold a line feed in a cell."""

    content_hash = ""

    def __init__(self, *, quoted: bool) -> None:
        self.rows = [self._row(number, quoted=quoted and number % 3 == 0) for number in range(1, ROWS + 1)]

    @staticmethod
    def _row(number: int, *, quoted: bool) -> bytes:
        filling = b"x" * (ROW_BYTES - 20)
        return b'%d,"\n%b"' % (number, filling) if quoted else b"%d,%b" % (number, filling)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None: ...

    def header(self) -> tuple[str, ...]:
        return ("number", "filling")

    def blocks(self, wanted: object = None) -> Iterator[bytes]:
        for start in range(0, ROWS, 1000):
            yield b"".join(row + b"\n" for row in self.rows[start : start + 1000])


@pytest.mark.parametrize("quoted", [False, True])
def test_rows_of_any_block(quoted):
    content = Content(quoted=quoted)
    for seq in (1, 3, 4, 1000, 1001, ROWS // 2 + 1, ROWS - 1, ROWS):
        found = find_row(FEED, content, "a.csv", seq)
        assert found.text.encode() == content.rows[seq - 1]
        assert found.line == 2 + sum(1 + row.count(b"\n") for row in content.rows[: seq - 1])


def test_beyond_the_end():
    assert find_row(FEED, Content(quoted=True), "a.csv", ROWS + 1) == ROWS
