"""What the commits of a table told of files, kept beside its log when maintenance drops old entries.

Silver carries what is needed to make the ledger again: each commit lists the outcomes that it made true. Entries that a
checkpoint stands for are dropped after an hour; what they told stays here, in pieces that are never written again
unless as much again has come: a piece is joined with the one before where that one is no longer than it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec
import polars as pl
from msgspec import Raw, Struct, field

from pointline.io.delta.table_path import read_data_file
from pointline.io.delta_log.commit_log import FIELDS, OUTCOMES, outcomes_in
from pointline.io.delta_log.entries import BATCH, entry_name
from pointline.io.durable import flush_folder, read_of_many, replace_file
from pointline.io.translate import storage_errors

_ID = r"^\[(\d+),"
"""What is told of one file is a list that begins with its id."""
PIECE = re.compile(r"_told-(\d{20})-(\d{20})\.parquet")
"""First and last version that a piece tells of. Readers of Delta pass over names that they do not know."""
SCHEMA = {
    "version": pl.Int64(),
    "batch": pl.Int64(),
    "file_id": pl.Int64(),
    "told": pl.String(),
    "fields": pl.Categorical(),
}
"""``told`` is an outcome as the commit lists it, and ``fields`` the names of its values; both JSON.

Pieces of format version 0 have no ``fields``: the place of a value says what it is.
"""


NOTHING = Raw()


class _Told(Struct, frozen=True):
    """What a commit says of files; each is left as the text that it is."""

    batch: int | None = field(name=BATCH, default=None)
    fields: Raw = field(name=FIELDS, default=NOTHING)
    outcomes: list[Raw] = field(name=OUTCOMES, default_factory=list)


class _Commit(Struct, frozen=True):
    info: _Told = field(name="commitInfo")


def record_told(table: Path, version: int) -> None:
    """Record what the entries up to a version told; on disk when this returns."""
    log = table / "_delta_log"
    pieces = _pieces(log)
    first = pieces[-1][1] + 1 if pieces else 0
    if first > version:
        return
    told = [one for number in range(first, version + 1) for one in _told_by(log / entry_name(number), number)]
    frame = pl.concat([pl.DataFrame(schema=SCHEMA), *told])
    joined = []
    while pieces and pieces[-1][2].stat().st_size <= max(1, frame.estimated_size()):
        start, _, path = pieces.pop()
        frame, first = pl.concat([_read(path), frame]), start
        joined.append(path)
    content = io.BytesIO()
    frame.write_parquet(content)
    replace_file(log / f"_told-{first:020}-{version:020}.parquet", content.getvalue())
    for path in joined:
        path.unlink(missing_ok=True)
    flush_folder(log)


def recorded_after(
    table: Path, batch: int, file_ids: Collection[int] | None = None
) -> dict[int, list[Mapping[str, object]]]:
    """Return the facts that the batches after that one told, by batch, as far as they are on record.

    ``file_ids``: what was told of these only.
    """
    wanted = pl.lit(value=True) if file_ids is None else pl.col("told").str.extract(_ID).is_in([*map(str, file_ids)])
    found: dict[int, list[Mapping[str, object]]] = {}
    with storage_errors(table.name):
        pieces = read_of_many(lambda: [_read(path).filter(wanted) for _, _, path in _pieces(table / "_delta_log")])
    for piece in pieces:
        rows = piece.filter(pl.col("batch") > batch).sort("version", maintain_order=True)
        for number, told, fields in rows.select("batch", "told", "fields").iter_rows():
            info = {OUTCOMES: [json.loads(told)]} | ({} if fields is None else {FIELDS: json.loads(fields)})
            found.setdefault(number, []).extend(outcomes_in(info))
    return found


def _read(piece: Path) -> pl.DataFrame:
    rows = read_data_file(piece)
    missing = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in rows.columns]
    return rows.with_columns(missing).select(list(SCHEMA))


def _pieces(log: Path) -> list[tuple[int, int, Path]]:
    """First version, last version and path, oldest first; without those that a crash left beside their union."""
    named = [(int(name[1]), int(name[2]), path) for path in log.iterdir() if (name := PIECE.fullmatch(path.name))]
    whole: list[tuple[int, int, Path]] = []
    for piece in sorted(named, key=lambda one: (one[0], -one[1])):
        if not whole or piece[1] > whole[-1][1]:
            whole.append(piece)
    return whole


def _told_by(entry: Path, version: int) -> Iterator[pl.DataFrame]:
    try:
        lines = entry.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        if not line.startswith(b'{"commitInfo"'):
            continue
        info = msgspec.json.decode(line, type=_Commit).info
        if info.batch is None:
            continue
        fields = bytes(info.fields).decode() or None
        told = pl.DataFrame({"told": [bytes(one).decode() for one in info.outcomes]}, schema={"told": pl.String()})
        yield told.select(
            pl.lit(version, pl.Int64).alias("version"),
            pl.lit(info.batch, pl.Int64).alias("batch"),
            pl.col("told").str.extract(_ID).cast(pl.Int64).alias("file_id"),
            "told",
            pl.lit(fields, pl.Categorical()).alias("fields"),
        )
