"""The parsers that the fast path may have, whichever of them it has here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from unittest.mock import patch

import polars as pl

from pointline.parse import cells, fast_path
from pointline.parse.cells import by_polars
from pointline.parse.feed import own_columns
from pointline.parse.rules import Belonging
from pointline.tables.schema import EventTable

Typed = Callable[[EventTable, Sequence[str], bytes], pl.DataFrame | None]
PARSERS: Mapping[str, Typed] = {"polars": by_polars.typed, cells.PARSER: cells.typed}


def by_every_parser(
    table: EventTable, header: Sequence[str], data: bytes, belonging: Belonging
) -> dict[str, pl.DataFrame | None]:
    """What the fast path makes of a block with each of them."""
    found = {}
    for name, typed in PARSERS.items():
        with patch.object(cells, "typed", typed):
            found[name] = fast_path.parse(own_columns(table), header, data, belonging)
    return found
