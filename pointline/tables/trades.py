"""``trades``: executed trades. Source: Tardis downloadable CSV, data type ``trades``."""

from __future__ import annotations

from pointline.tables.checks import equal_rows, negative_amount, negative_latency, nonpositive_price, time_backwards
from pointline.tables.schema import COMMON, EventTable, choice, number, text

TABLE = EventTable(
    name="trades",
    columns=(
        *COMMON,
        text("id"),
        choice("side", "buy", "sell", "unknown", required=True),
        number("price", required=True),
        number("amount", required=True),
    ),
    checks=(
        nonpositive_price(),
        negative_amount(),
        time_backwards(),
        negative_latency(),
        equal_rows("timestamp", "id", "side", "price", "amount"),
    ),
)
"""``side`` is the taker's. ``id`` is an integer, a UUID or empty, kept as text."""
