"""What a table remembers of its removed files: in a record beside its checkpoints, and not in them.

Readers of the newest version have no use for the name of a removed file, but a checkpoint carries it for a week, and
whoever opens the table reads it (50,000 names: 60 ms). The record tells the vacuum when a part was removed, and
`doctor` a part that waits for the vacuum from one that nobody knows.

The record is kept in pieces, one for each checkpoint at first: to add to it costs what is added. A piece is joined with
the one before where that one is no longer than it, up to some length, and removed when all that it names are gone.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import polars as pl
from msgspec import Struct

from pointline.errors import LakeDamaged
from pointline.io.delta.table_path import read_data_file
from pointline.io.delta_log.checkpoint import checkpoint_files, entries_after, newest_checkpoint, removed_in
from pointline.io.durable import read_of_many, replace_file
from pointline.io.translate import one_line, storage_errors

PIECE = re.compile(r"_removed(?:-(?P<first>\d{20})-(?P<last>\d{20}))?\.parquet")
"""In the table's log, so that a copy of the table has it; first and last version that it tells of. Readers of Delta
pass over names that they do not know. An earlier release had one record without versions."""
MOST_NAMES = 20_000
"""In a piece: what is written again while the table waits has an end."""

SCHEMA = {"path": pl.String(), "removed_ms": pl.Int64()}


class _Piece(Struct, frozen=True, kw_only=True):
    path: Path
    first: int
    last: int


def removed_files(table: Path) -> dict[str, int]:
    """Return the parts that a version named and a later one removed, and when: milliseconds since the epoch, UTC.

    Paths are relative to the table. A log that cannot be read is an error: a part that counts as forgotten may go.
    """
    log = table / "_delta_log"

    def read() -> dict[str, int]:
        later = _removed_after(log, -1)  # first: what is recorded meanwhile is found in the pieces then
        return {path: at for piece in _pieces(log) for path, at in _read(piece).items()} | later

    with _reading(table):
        return read_of_many(read)


def record_removed(table: Path, version: int) -> None:
    """Record what the entries up to a version removed; on disk when this returns."""
    log = table / "_delta_log"
    pieces = _pieces(log)
    recorded = max((piece.last for piece in pieces), default=-1)
    if recorded >= version:
        return
    with _reading(table):
        removed = _removed_after(log, recorded)
        if not removed:
            return
        joined = []
        first = recorded + 1
        while pieces and pieces[-1].last >= 0:
            before = _read(pieces[-1])
            if len(before) > min(len(removed), MOST_NAMES - len(removed)):
                break
            joined.append(pieces.pop())
            removed, first = before | removed, joined[-1].first
    _write(log / f"_removed-{first:020}-{version:020}.parquet", removed)
    for piece in joined:
        piece.path.unlink(missing_ok=True)


def forget_removed(table: Path, there: Collection[str], met: Mapping[str, int]) -> None:
    """Drop the pieces of the record of which no part is ``there`` any more; note when the times in ``met`` were met."""
    for piece in _pieces(table / "_delta_log"):
        with _reading(table):
            named = _read(piece)
        if named.keys().isdisjoint(there):
            piece.path.unlink(missing_ok=True)
        elif not named.keys().isdisjoint(met):
            _write(piece.path, {path: met.get(path, at) for path, at in named.items()})


@contextmanager
def _reading(table: Path) -> Iterator[None]:
    with storage_errors(table.name):
        try:
            yield
        except pl.exceptions.PolarsError as error:
            what = f"what the log keeps of removed files cannot be read: {one_line(error)}"
            raise LakeDamaged(what, subject=table.name, hint="`pointline doctor --fix` moves it away") from error


def _pieces(log: Path) -> list[_Piece]:
    found = [(path, PIECE.fullmatch(path.name)) for path in log.glob("_removed*.parquet")]
    pieces = [
        _Piece(path=path, first=int(name["first"] or -1), last=int(name["last"] or -1)) for path, name in found if name
    ]
    return sorted(pieces, key=lambda piece: (piece.first, piece.last))


def _read(piece: _Piece) -> dict[str, int]:
    return dict(read_data_file(piece.path).iter_rows())


def _write(path: Path, removed: Mapping[str, int]) -> None:
    frame = pl.DataFrame({"path": list(removed), "removed_ms": list(removed.values())}, schema=SCHEMA)
    content = io.BytesIO()
    frame.write_parquet(content)
    replace_file(path, content.getvalue())


def _removed_after(log: Path, version: int) -> dict[str, int]:
    """Return what was removed after a version, by the newest checkpoint, where it is newer, and the entries after."""
    newest = newest_checkpoint(log)
    removed: dict[str, int] = {}
    if newest > version:  # one of ours names nothing that was removed
        for checkpoint in checkpoint_files(log, newest):
            removed |= removed_in(checkpoint)
    for entry in entries_after(log, max(newest, version)):
        removed |= _removed_by(entry)
    return removed


def _removed_by(entry: Path) -> Iterator[tuple[str, int]]:
    for line in entry.read_bytes().splitlines():
        if b'"remove"' in line[:16]:  # most lines are of parts that come, and have long statistics
            action = json.loads(line)["remove"]
            yield unquote(action["path"]), action.get("deletionTimestamp") or 0
