"""``quotes``: best bid and ask derived from the book. Source: Tardis downloadable CSV, data type ``quotes``."""

from __future__ import annotations

from pointline.tables.checks import (
    crossed_book,
    half_level,
    locked_book,
    negative_latency,
    nonpositive_price,
    time_backwards,
)
from pointline.tables.schema import COMMON, EventTable, number

TABLE = EventTable(
    name="quotes",
    columns=(*COMMON, number("ask_amount"), number("ask_price"), number("bid_price"), number("bid_amount")),
    checks=(
        crossed_book("ask_price", "bid_price"),
        locked_book("ask_price", "bid_price"),
        nonpositive_price("bid_price"),
        half_level(("ask_price", "ask_amount"), ("bid_price", "bid_amount")),
        time_backwards(),
        negative_latency(),
    ),
)
"""A side may be empty."""
