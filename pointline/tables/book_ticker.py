"""``book_ticker``: the venue's own best bid and ask stream. Source: Tardis CSV, data type ``book_ticker``."""

from __future__ import annotations

from pointline.tables.quotes import TABLE as QUOTES
from pointline.tables.schema import EventTable

TABLE = EventTable(name="book_ticker", columns=QUOTES.columns, checks=QUOTES.checks)
