"""``liquidations``: forced closings. Source: Tardis downloadable CSV, data type ``liquidations``."""

from __future__ import annotations

from pointline.tables.schema import EventTable
from pointline.tables.trades import TABLE as TRADES

TABLE = EventTable(name="liquidations", columns=TRADES.columns, checks=TRADES.checks)
"""The header is that of trades; only path or name tells them apart. ``buy`` means a short was liquidated."""
