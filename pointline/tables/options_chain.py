"""``options_chain``: tickers of all options of a venue. Source: Tardis CSV, data type ``options_chain``."""

from __future__ import annotations

from pointline.tables.checks import crossed_book, locked_book, negative_latency, time_backwards
from pointline.tables.schema import COMMON, EventTable, choice, number, text, time

TABLE = EventTable(
    name="options_chain",
    columns=(
        *COMMON,
        choice("type", "put", "call", required=True),
        number("strike_price", required=True),
        time("expiration", required=True),
        number("open_interest"),
        number("last_price"),
        number("bid_price"),
        number("bid_amount"),
        number("bid_iv"),
        number("ask_price"),
        number("ask_amount"),
        number("ask_iv"),
        number("mark_price"),
        number("mark_iv"),
        text("underlying_index"),
        number("underlying_price"),
        number("delta"),
        number("gamma"),
        number("vega"),
        number("theta"),
        number("rho"),
    ),
    checks=(
        crossed_book("ask_price", "bid_price"),
        locked_book("ask_price", "bid_price"),
        time_backwards(),
        negative_latency(),
    ),
)
"""Implied volatilities are in percent. Everything after ``expiration`` may be empty."""
