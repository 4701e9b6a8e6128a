"""``book_snapshot_25``: the best 25 levels of both sides. Source: Tardis CSV, data type ``book_snapshot_25``."""

from __future__ import annotations

from pointline.tables.book_snapshot import book_snapshot

TABLE = book_snapshot("book_snapshot_25", depth=25)
