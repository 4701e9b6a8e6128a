"""The candidates of a batch told apart, by the versions that the ledger has of their paths."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.files.identity.candidate import Candidate, Sorted
from pointline.services.files.identity.contents import contents_in_lake
from pointline.services.files.identity.ledger_row import REFUSED, WITHOUT_ROWS, LedgerRow, is_version
from pointline.services.files.identity.lookup import as_frame, may_matter, rows_by_position
from pointline.services.files.identity.moves import find_moves
from pointline.services.files.identity.siblings import find_crowded, find_reaching_beyond_a_day
from pointline.tables.ingest_manifest import CLOSED, Status, stands_at

MOST_ALIKE = 1_000


def sort_candidates(
    metas: Sequence[BronzeFileMetadata],
    entries: pl.DataFrame,
    reader: BronzeReader,
    groups: Collection[str] = (),
    regained: Collection[int] = (),
) -> Sorted:
    """Tell the candidates apart by the ledger's ``entries``. ``regained`` versions are read again, as new ones."""
    found = Sorted()
    asked = as_frame(metas)
    found.left_behind = _left_behind(asked, entries)
    entries = entries.filter(may_matter(asked))  # of a large ledger a few rows, and only they are copied below
    standing = entries.filter(~stands_at(*CLOSED))
    history = rows_by_position(asked.select("position", "bronze_file_path"), standing, on=["bronze_file_path"])
    moves = find_moves(metas, asked, standing, history, reader)
    found.moved = list(moves.values())
    relocated = {move.file_id for move in found.moved}
    crowded = find_crowded(asked, entries, groups)
    reaching = find_reaching_beyond_a_day(asked, entries)
    for position, meta in enumerate(metas):
        versions = [row for row in history.get(position, []) if row.file_id not in relocated]
        if position in moves:
            found.settled |= {row.file_id: moves[position].file_id for row in versions if row.status in REFUSED}
            continue
        same = next((row for row in reversed(versions) if is_version(meta, row)), None)
        if same is not None and (same.file_id in regained or _is_put_back_as_another(meta, same)):
            same = twin = None
        else:
            twin = None if same is not None else _same_content(meta, versions, reader)
        if same is not None and same.status != Status.PENDING:
            found.known.append(meta)
            found.settled |= _overtaken(versions, same)
        elif twin is not None and twin.file_id not in regained:
            found.touched.append((twin.file_id, meta))
            found.settled |= _overtaken(versions, twin)
        else:
            if same is None and (same := _unread(meta, versions, reader)) is not None:
                found.again.append((same.file_id, meta))
            found.entering.append(
                Candidate(
                    meta=meta,
                    is_again=same is not None,
                    replaces=tuple(row.file_id for row in versions if row is not same),
                    has_siblings=position in crowded or position in reaching,
                    may_be_refused=position in crowded,
                )
            )
    leaving = {old for candidate in found.entering for old in candidate.replaces}
    found.contents = contents_in_lake(asked, standing.filter(~pl.col("file_id").is_in(list(leaving))), reader)
    return found


def _overtaken(versions: Sequence[LedgerRow], there: LedgerRow) -> dict[int, int]:
    """Return the newer versions without rows of a path, and in whose favour they are history: it is back there."""
    newer = [row.file_id for row in versions if row.status in WITHOUT_ROWS and row.file_id > there.file_id]
    return dict.fromkeys(newer, there.file_id)


def _left_behind(asked: pl.DataFrame, entries: pl.DataFrame) -> tuple[str, ...]:
    """Return the paths of refused files of the same sizes and times. No event tells what a rename leaves behind.

    Where many are alike, nothing: each would be looked for in bronze with each batch. The next scan finds what is gone.
    """
    seen = ["file_size_bytes", "last_modified_ts"]
    refused = entries.filter(stands_at(Status.QUARANTINED, Status.FAILED))
    alike = refused.join(asked.select(seen), on=seen, how="semi")["bronze_file_path"]
    return tuple(set(alike) - set(asked["bronze_file_path"])) if len(alike) <= MOST_ALIKE else ()


def _same_content(meta: BronzeFileMetadata, versions: Sequence[LedgerRow], reader: BronzeReader) -> LedgerRow | None:
    """Return the version of the path whose bytes the file has, whatever its times say."""
    if not versions:
        return None
    settled = [row for row in versions if row.status != Status.PENDING]
    alike = [row for row in settled if row.size == meta.file_size_bytes and row.content_hash]
    if not alike or meta.problem:
        return None
    content = reader.content_hash(meta.bronze_file_path)
    return next((row for row in reversed(alike) if row.content_hash == content), None)


def _is_put_back_as_another(meta: BronzeFileMetadata, row: LedgerRow) -> bool:
    """Tell whether a file that is to be read again belongs elsewhere now: as what it was known, it is history."""
    return row.status == Status.PENDING and not row.is_claimed_by(meta)


def _unread(meta: BronzeFileMetadata, versions: Sequence[LedgerRow], reader: BronzeReader) -> LedgerRow | None:
    """Return the newest version of the path where the file is that one, and has to be read all the same.

    It was put back, and has been touched meanwhile; or it was never read to its end, and looks the same but for ctime
    and inode.
    """
    newest = versions[-1] if versions else None
    if newest is None or newest.status not in REFUSED or newest.size != meta.file_size_bytes or meta.problem:
        return None
    if not newest.is_claimed_by(meta):
        return None
    if newest.content_hash:
        is_back = newest.status == Status.PENDING
        return newest if is_back and reader.content_hash(meta.bronze_file_path) == newest.content_hash else None
    return newest if newest.modified_us == meta.last_modified_ts else None
