"""``bars``: open, high, low and close of an interval; also called klines, candles, aggregates, OHLCV."""

from __future__ import annotations

from pointline.tables.checks import equal_rows, negative_amount, nonpositive_price, ohlc_order, time_backwards
from pointline.tables.schema import COMMON, EventTable, choice, integer, number, text

PRICE_TYPES = ("trade", "mark", "index", "premium", "bid", "ask", "mid")

TABLE = EventTable(
    name="bars",
    columns=(
        *COMMON,
        text("interval", required=True),
        choice("price_type", *PRICE_TYPES, required=True),
        number("open", required=True),
        number("high", required=True),
        number("low", required=True),
        number("close", required=True),
        number("volume"),
        number("quote_volume"),
        integer("trade_count"),
        number("taker_buy_volume"),
        number("taker_buy_quote_volume"),
    ),
    checks=(
        ohlc_order(),
        nonpositive_price("close"),
        negative_amount("volume"),
        time_backwards(),
        equal_rows("timestamp", "interval", "price_type"),
    ),
    series=("interval", "price_type"),
)
"""``timestamp`` is when the interval opens, ``interval`` its length: ``1m``, ``4h``, ``1d``, ``1mo``; a premium may
be negative. Volumes are in the base asset, or in contracts where the venue counts those."""
