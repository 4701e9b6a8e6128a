"""``agg_trades``: fills of one taker order at one price, put together by the venue. Source: Binance public data.

They are the same trades as those in ``trades``: never add the two.
"""

from __future__ import annotations

from pointline.tables.checks import equal_rows, negative_amount, negative_latency, nonpositive_price, time_backwards
from pointline.tables.schema import COMMON, EventTable, choice, integer, number, text

TABLE = EventTable(
    name="agg_trades",
    columns=(
        *COMMON,
        text("id"),
        integer("first_trade_id"),
        integer("last_trade_id"),
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
"""``side`` is the taker's. The ids are those of the first and last trade of the fill."""
