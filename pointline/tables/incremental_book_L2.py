"""``incremental_book_L2``: changes of book levels. Source: Tardis CSV, data type ``incremental_book_L2``."""

from __future__ import annotations

from pointline.tables.checks import negative_amount, negative_latency, nonpositive_price, time_backwards
from pointline.tables.schema import COMMON, EventTable, choice, flag, number

TABLE = EventTable(
    name="incremental_book_L2",
    columns=(
        *COMMON,
        flag("is_snapshot", required=True),
        choice("side", "bid", "ask", required=True),
        number("price", required=True),
        number("amount", required=True),
    ),
    checks=(nonpositive_price(), negative_amount(), time_backwards(), negative_latency()),
)
"""``amount`` is the new absolute size of the level, 0 removes it. ``is_snapshot`` true in mid-file is a reconnect."""
