"""What the ledger, the quarantine and the logs of the tables tell of the versions of a path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from pointline.config import Config
from pointline.io.delta_log.commit_log import found_by, moves_of, notes_on, oldest_entry
from pointline.io.descriptions import lake_tables
from pointline.io.ledger.reader import scan_rows_of
from pointline.io.translate import storage_errors
from pointline.services.coverage.differing import ASKED
from pointline.services.files.regained import days_left, heirs_of
from pointline.services.rows.aside import by_rule
from pointline.services.telling.chapter import Sources
from pointline.services.telling.next_steps import LedgerRow
from pointline.tables import ingest_manifest, quarantine
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import CLOSED, Status
from pointline.tables.symbols import observations as symbol_observations
from pointline_daemon.opening.bronze_access import place_in_bronze


def versions_at(
    config: Config, ledger: pl.LazyFrame, paths: Sequence[str]
) -> dict[str, list[tuple[LedgerRow, Sources]]]:
    """Return the versions of each path, oldest first, each with what there is to tell of it."""
    rows = ledger.filter(pl.col("bronze_file_path").is_in(paths)).sort("file_id").collect().rows(named=True)
    ids = [row["file_id"] for row in rows]
    named = [row["superseded_by"] for row in rows if row["superseded_by"] is not None]
    heirs = heirs_of({one for row in rows for one, _, _ in days_left(row["warnings"])}, ledger, ASKED)
    named += [heir["file_id"] for heir in heirs.values()]
    left = [row for row in rows if row["status"] == Status.GONE and row["rows_read"]]  # one without rows is any other
    gone = [row["content_hash"] for row in left if row["content_hash"]]
    is_related = pl.col("superseded_by").is_in(ids) | pl.col("file_id").is_in(named)
    if gone:
        is_related |= pl.col("content_hash").is_in(gone)
    relatives = ledger.filter(is_related).sort("file_id").collect()  # whole rows: a story may ask for anything
    others = {other["file_id"]: other for other in relatives.iter_rows(named=True)}
    older: dict[int, list[int]] = {}
    for file_id, other in others.items():
        if other["status"] == Status.SUPERSEDED and other["superseded_by"] is not None:
            older.setdefault(other["superseded_by"], []).append(file_id)
    with_bad_rows = [row["file_id"] for row in rows if row["rows_quarantined"]]
    with storage_errors(quarantine.NAME):
        broken = by_rule(scan_rows_of(config.paths.table(quarantine.NAME), quarantine.SCHEMA, with_bad_rows))
    found: dict[str, list[tuple[LedgerRow, Sources]]] = {}
    tables = {*lake_tables(config.paths.root), symbol_observations.NAME}
    for row in rows:
        file_id = row["file_id"]
        name = symbol_observations.NAME if row["data_type"] == INSTRUMENTS else row["data_type"]
        table = config.paths.table(name) if name in tables else None
        is_in = table is not None and bool(row["rows_written"])
        original = others.get(row["superseded_by"]) if row["status"] == Status.DUPLICATE else None
        sources = Sources(
            others=others,
            is_only_copy=original is not None and not place_in_bronze(config, original["bronze_file_path"]).exists(),
            came_back_as=_successor(row, others.values()),
            heirs=heirs,
            groups=config.bronze.groups,
            replaced=older.get(file_id, []),
            set_aside=[one for one in broken if one.file_id == file_id],
            commits=notes_on(table, file_id) if table is not None and is_in else [],
            moves=moves_of(config.paths.table(ingest_manifest.NAME), file_id),
            oldest_version=oldest_entry(table) if table is not None and is_in else None,
            found_by=found_by(config.paths.table(ingest_manifest.NAME), file_id),
        )
        found.setdefault(row["bronze_file_path"], []).append((row, sources))
    return found


def _successor(row: LedgerRow, others: Iterable[LedgerRow]) -> LedgerRow | None:
    """Return the newest file with the content of one that is gone."""
    if row["status"] != Status.GONE or not row["content_hash"]:
        return None
    same = (one for one in others if one["content_hash"] == row["content_hash"] and one["file_id"] > row["file_id"])
    return next((one for one in reversed(list(same)) if one["status"] not in CLOSED), None)
