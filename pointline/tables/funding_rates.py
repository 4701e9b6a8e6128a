"""``funding_rates``: what holders of perpetual contracts paid each other, at each settlement."""

from __future__ import annotations

from pointline.tables.checks import equal_rows, time_backwards
from pointline.tables.schema import COMMON, EventTable, number

TABLE = EventTable(
    name="funding_rates",
    columns=(*COMMON, number("funding_rate", required=True), number("interval_hours"), number("mark_price")),
    checks=(time_backwards(), equal_rows("timestamp", "funding_rate")),
)
"""``timestamp`` is when the rate was settled; 0.0001 is a rate of 0.01 % for the interval that ended."""
