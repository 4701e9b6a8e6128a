"""``book_snapshot_10``: the best 10 levels of both sides. Source: Tardis CSV, data type ``book_snapshot_10``."""

from __future__ import annotations

from pointline.tables.book_snapshot import book_snapshot

TABLE = book_snapshot("book_snapshot_10", depth=10)
