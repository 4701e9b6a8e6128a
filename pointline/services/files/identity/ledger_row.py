"""What the ledger knows of a file version, and whether a file in bronze is that version."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import polars as pl

from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.tables.ingest_manifest import DIGEST, Status, stands_at, with_hashes
from pointline.tables.spelling import is_same_claim, symbol_key

REFUSED = (Status.PENDING, Status.FAILED, Status.QUARANTINED)
"""Versions without rows in silver whose path still waits for something better."""
WITHOUT_ROWS = (*REFUSED, Status.WITHDRAWN)
"""Versions that are history as soon as another one is at their path, be it an older one that is back."""


class LedgerRow(NamedTuple):
    """What the ledger knows of a file version."""

    file_id: int
    path: str
    size: int
    modified_us: int
    changed_us: int | None
    inode: int | None
    content_hash: str | None
    status: str
    symbol: str
    exchange: str
    data_type: str
    feed: str | None
    date: dt.date | None

    def is_claimed_by(self, meta: BronzeFileMetadata) -> bool:
        """Tell whether the path says of the file what it said when this version came: descriptions are corrected.

        The same symbol in another spelling is something else: rows have the spelling that the ledger has.
        """
        known = (self.exchange, self.data_type, self.feed or "", self.date)
        is_same = known == (meta.exchange, meta.data_type, meta.feed, meta.date)
        return is_same and is_same_claim(self.symbol, meta.symbol)


def ledger_rows(entries: pl.DataFrame) -> list[LedgerRow]:
    """Return the rows of a piece of the ledger."""
    facts = entries.select(
        "file_id",
        "bronze_file_path",
        "file_size_bytes",
        pl.col("last_modified_ts").to_physical().alias("modified_us"),
        pl.col("changed_ts").to_physical().alias("changed_us"),
        "inode",
        DIGEST,
        pl.col("status").cast(pl.String),
        *(pl.col(name).cast(pl.String) for name in ("symbol", "exchange", "data_type", "feed")),
        "date",
    )
    return [LedgerRow(*row) for row in with_hashes(facts).iter_rows()]


def is_version(meta: BronzeFileMetadata, row: LedgerRow) -> bool:
    """Tell whether the file is, as far as one can see from outside, the version of the ledger's row."""
    seen = (meta.file_size_bytes, meta.last_modified_ts) == (row.size, row.modified_us)
    return seen and _agrees(meta.changed_us, row.changed_us) and _agrees(meta.inode, row.inode)


def _agrees(now: int, known: int | None) -> bool:
    """What was never noted says nothing."""
    return not now or not known or now == known


def has_left(row: LedgerRow, reader: BronzeReader) -> bool:
    """Tell whether the version is no longer at its path: nothing is there, or something else."""
    meta = reader.look(row.path)
    if meta is None:
        return reader.is_gone(row.path)
    if is_version(meta, row):
        return False
    if meta.file_size_bytes != row.size:
        return True
    content = reader.content_hash(row.path)
    return content is not None and content != row.content_hash


def path_in_bronze(row: LedgerRow, entries: pl.DataFrame, reader: BronzeReader) -> str | None:
    """Return where the content of a version is in bronze: at its path is anything, or a copy of it is; None if not.

    ``entries`` of the ledger have all copies of it.
    """
    if not reader.is_gone(row.path):
        return row.path
    copies = entries.filter(pl.col("superseded_by") == row.file_id, stands_at(Status.DUPLICATE))
    same = (one.path for one in ledger_rows(copies) if symbol_key(one.symbol) == symbol_key(row.symbol))
    return next((path for path in same if not reader.is_gone(path)), None)
