"""``index_prices``: values of an index, such as a spot or a volatility index."""

from __future__ import annotations

from pointline.tables.checks import equal_rows, time_backwards
from pointline.tables.schema import COMMON, EventTable, number

TABLE = EventTable(
    name="index_prices",
    columns=(*COMMON, number("price", required=True)),
    checks=(time_backwards(), equal_rows("timestamp", "price")),
)
"""``price`` is the value of the index, whatever it measures."""
