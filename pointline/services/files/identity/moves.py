"""Files of the lake that were renamed: a candidate is one if it has the content of a file that has left its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.files.identity.candidate import Move
from pointline.services.files.identity.ledger_row import REFUSED, LedgerRow, has_left, is_version
from pointline.services.files.identity.lookup import rows_by_position, with_feed
from pointline.tables.ingest_manifest import Status, stands_at
from pointline.tables.spelling import symbol_key


def find_moves(
    metas: Sequence[BronzeFileMetadata],
    asked: pl.DataFrame,
    standing: pl.DataFrame,
    history: Mapping[int, Sequence[LedgerRow]],
    reader: BronzeReader,
) -> dict[int, Move]:
    """Return the candidates that are files of the lake at another path, by position.

    A move keeps size and time stamp, and what the path says of the rows. One that does not is found by its content,
    when it is read; so is one of a file whose path says from when on its rows are.
    """
    unmoved = ["exchange", "data_type", "feed", "date", "file_size_bytes", "last_modified_ts"]
    in_lake = with_feed(standing.filter(stands_at(Status.SUCCESS, Status.WITHDRAWN)))
    lookalikes = rows_by_position(asked.select("position", *unmoved), in_lake, on=unmoved)
    moves: dict[int, Move] = {}
    taken: set[int] = set()
    for position, rows in lookalikes.items():
        meta = metas[position]
        known = history.get(position, [])
        if (
            meta.problem
            or meta.is_timed_by_path
            or any(is_version(meta, row) and row.status != Status.PENDING for row in known)
        ):
            continue
        key = symbol_key(meta.symbol)
        origins = [
            row
            for row in rows
            if row.path != meta.bronze_file_path
            and row.file_id not in taken
            and symbol_key(row.symbol) == key
            and has_left(row, reader)
            and (not meta.feed or reader.said_by(row.path) == reader.said_by(meta.bronze_file_path))
        ]
        if origins and not _is_content_of(known, content := reader.content_hash(meta.bronze_file_path)):
            origin = next((row for row in origins if row.content_hash == content), None)
            if origin is not None:
                moves[position] = Move(file_id=origin.file_id, before=origin.path, meta=meta)
                taken.add(origin.file_id)
    return _onto_free_paths(moves, history)


def _onto_free_paths(moves: dict[int, Move], history: Mapping[int, Sequence[LedgerRow]]) -> dict[int, Move]:
    """Leave out moves onto a path whose own rows stay: these have to leave silver, which takes a commit."""
    while True:
        leaving = {move.file_id for move in moves.values()}
        onto_rows = [
            position
            for position in moves
            if any(row.status not in REFUSED and row.file_id not in leaving for row in history.get(position, []))
        ]
        if not onto_rows:
            return moves
        for position in onto_rows:
            del moves[position]


def _is_content_of(known: Sequence[LedgerRow], content: str | None) -> bool:
    return any(row.content_hash == content for row in known if row.status not in REFUSED)
