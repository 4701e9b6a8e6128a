"""The fast path: a block of CSV typed in one go, accepted only where nothing can have gone wrong.

Everything else goes to ``text_path``, which finds the rows at fault. Both agree on every block that this one accepts.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pointline.parse import cells
from pointline.parse.rules import Belonging, any_broken, any_foreign
from pointline.tables.schema import EventTable


def parse(table: EventTable, header: Sequence[str], data: bytes, belonging: Belonging) -> pl.DataFrame | None:
    """Return the typed raw columns of ``data`` in vendor order, or None where a row needs a closer look.

    ``data`` holds whole lines without the header; ``header`` names the cells of a line. Columns that the table does
    not know are left out.
    """
    frame = parse_many(table, header, data, belonging)
    return None if frame is None or any_foreign(frame["symbol"], belonging.owns_symbol) else frame


def parse_many(table: EventTable, header: Sequence[str], data: bytes, belonging: Belonging) -> pl.DataFrame | None:
    """Do the same for files that lie end to end; their symbols are not looked at."""
    frame = cells.typed(table, header, data)
    return None if frame is None or any_broken(frame, table, belonging) else frame
