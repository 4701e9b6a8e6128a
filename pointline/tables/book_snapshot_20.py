"""``book_snapshot_20``: the best 20 levels of both sides. Source: Tardis CSV, data type ``book_snapshot_20``."""

from __future__ import annotations

from pointline.tables.book_snapshot import book_snapshot

TABLE = book_snapshot("book_snapshot_20", depth=20)
