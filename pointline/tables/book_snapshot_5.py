"""``book_snapshot_5``: the best 5 levels of both sides. Source: Tardis CSV, data type ``book_snapshot_5``."""

from __future__ import annotations

from pointline.tables.book_snapshot import book_snapshot

TABLE = book_snapshot("book_snapshot_5", depth=5)
