"""``derivative_ticker``: funding, open interest and reference prices. Source: Tardis CSV, ``derivative_ticker``."""

from __future__ import annotations

from pointline.tables.checks import negative_latency, nonpositive_price, time_backwards
from pointline.tables.schema import COMMON, EventTable, number, time

TABLE = EventTable(
    name="derivative_ticker",
    columns=(
        *COMMON,
        time("funding_timestamp"),
        number("funding_rate"),
        number("predicted_funding_rate"),
        number("open_interest"),
        number("last_price"),
        number("index_price"),
        number("mark_price"),
    ),
    checks=(nonpositive_price("mark_price"), time_backwards(), negative_latency()),
)
"""Any column after the common four may be empty; rates may be negative."""
