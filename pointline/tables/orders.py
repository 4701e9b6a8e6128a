"""``orders``: single orders of a book as they come, change and go (market by order).

Sources: Databento mbo, LOBSTER.
"""

from __future__ import annotations

from pointline.tables.checks import equal_rows, negative_amount, negative_latency, time_backwards
from pointline.tables.schema import COMMON, EventTable, choice, integer, number, text

ACTIONS = ("add", "modify", "cancel", "fill", "trade", "clear", "halt", "none")

TABLE = EventTable(
    name="orders",
    columns=(
        *COMMON,
        text("order_id"),
        choice("action", *ACTIONS, required=True),
        choice("side", "buy", "sell", "unknown", required=True),
        number("price"),
        number("amount"),
        integer("flags"),
        integer("sequence"),
    ),
    checks=(
        negative_amount(),
        time_backwards(),
        negative_latency(),
        equal_rows("timestamp", "order_id", "action", "price", "amount"),
    ),
)
"""``side`` is that of the resting order; of a ``trade`` that of the taker. ``flags``, ``sequence``: the venue's."""
