"""``dim_symbol`` as people and files change it: read, upsert, write, and once more where another was faster."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pointline.errors import CommitConflict
from pointline.io.protocols import SymbolTable
from pointline.tables.dim_symbol import KEY, Changes, apply, plan
from pointline.tables.dim_symbol_metadata import Metadata
from pointline.tables.dim_symbol_snapshot import snapshot_updates

TRIES = 8


class DimSymbolService:
    """Changes the symbols of a lake. ``max_missing_share`` as for ``snapshot_updates``."""

    def __init__(self, table: SymbolTable, *, max_missing_share: float) -> None:
        self._table = table
        self._max_missing_share = max_missing_share

    def update(self, updates: pl.DataFrame, *, dry_run: bool = False) -> Changes:
        """Upsert updates (``UPDATE_SCHEMA``) and return what that changed, or would.

        Raises Rejected for updates that cannot be used, CommitConflict where others commit all the time.
        """
        return self._change(lambda current: plan(current, updates), dry_run=dry_run)

    def take(self, metadata: Metadata, *, exchange: str = "", insist: bool = False, dry_run: bool = False) -> Changes:
        """Do the same for what a file says; a snapshot delists what it lacks, of ``exchange`` too.

        Raises SuspectSnapshot besides, unless ``insist``ed on.
        """

        def make(current: pl.DataFrame) -> Changes:
            share = self._max_missing_share
            return plan_file(current, metadata, exchange=exchange, max_missing_share=share, insist=insist)

        return self._change(make, dry_run=dry_run)

    def _change(self, make: Callable[[pl.DataFrame], Changes], *, dry_run: bool) -> Changes:
        tries = 0
        while True:
            current, version = self._table.read_version()
            changes = make(current)
            if dry_run or not changes:
                return changes
            tries += 1
            try:
                self._table.replace(in_order(apply(current, changes)), expected_version=version)
            except CommitConflict:
                if tries == TRIES:
                    raise
            else:
                return changes


def plan_file(
    current: pl.DataFrame, metadata: Metadata, *, exchange: str, max_missing_share: float, insist: bool = False
) -> Changes:
    """Find what a file changes. ``exchange``: whose symbols it tells, even where it holds none."""
    if metadata.snapshot_at is None:
        return plan(current, metadata.updates)
    updates = snapshot_updates(
        current,
        metadata.updates,
        metadata.snapshot_at,
        exchanges=[exchange] if exchange else [],
        max_missing_share=max_missing_share,
        insist=insist,
    )
    return plan(current, updates)


def in_order(versions: pl.DataFrame) -> pl.DataFrame:
    """Sort as the table is written: the same versions make the same file."""
    return versions.sort(*KEY, "valid_from")
