"""What a file seen in bronze is to the ledger: known, new, touched, moved, a newer version of a known path.

Content hashes settle what paths, sizes and times cannot; a file is read for that only where its size leaves a doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import polars as pl

from pointline.io.protocols import BronzeFileMetadata, BronzeReader
from pointline.tables.ingest_manifest import Status, stands_at
from pointline.tables.schema import UTC_TIME

ContentKey: TypeAlias = tuple[str, str, str, str]
"""Content hash, data type, exchange and date: equal bytes are the same content only within one partition of a table."""

WORDS = ("exchange", "data_type", "symbol", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file version that shall enter the lake."""

    meta: BronzeFileMetadata
    replaces: tuple[int, ...] = ()
    """Older versions of the same path that are not superseded yet."""
    is_again: bool = False
    """The ledger had it as pending already: it may have left rows in quarantine."""
    is_accepted: bool = False
    """A person said to take it in spite of what it was refused for: ``pointline retry --accept``."""
    has_siblings: bool = False
    """Other files of the same exchange, type, symbol and date exist: their time ranges have to be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A file that is in the lake and was at the path ``before`` until now."""

    file_id: int
    before: str
    meta: BronzeFileMetadata


@dataclass(slots=True)
class Sorted:
    """The candidates of a batch, told apart."""

    entering: list[Candidate] = field(default_factory=list)
    touched: list[BronzeFileMetadata] = field(default_factory=list)
    moved: list[Move] = field(default_factory=list)
    known: list[BronzeFileMetadata] = field(default_factory=list)
    contents: dict[ContentKey, int] = field(default_factory=dict)
    """Contents in the lake that an entering file may bring again, by its size, and the file that brought them."""


class _LedgerRow(NamedTuple):
    """What the ledger knows of a file version."""

    file_id: int
    path: str
    size: int
    modified_us: int
    content_hash: str | None
    status: str


def sort_candidates(metas: Sequence[BronzeFileMetadata], entries: pl.DataFrame, reader: BronzeReader) -> Sorted:
    """Tell the candidates apart by the ledger's ``entries``."""
    found = Sorted()
    if not metas:
        return found
    asked = _frame(metas)
    entries = entries.filter(_may_matter(asked))  # of a large ledger a few rows, and only they are copied below
    standing = entries.filter(~stands_at(Status.SUPERSEDED))
    history = _rows_by_position(asked.select("position", "bronze_file_path"), standing, on=["bronze_file_path"])
    in_lake = entries.filter(stands_at(Status.SUCCESS))
    found.contents = _contents(asked, in_lake)
    # A move keeps size and time stamp. A copy whose original was deleted is found by its content, when it is read.
    unmoved = ["exchange", "data_type", "date", "file_size_bytes", "last_modified_ts"]
    lookalikes = _rows_by_position(asked.select("position", *unmoved), in_lake, on=unmoved)
    of_day = ["exchange", "data_type", "symbol", "date"]
    in_batch = asked.group_by(of_day).len().filter(pl.col("len") > 1)
    alive = entries.filter(stands_at(Status.SUCCESS, Status.PENDING))
    siblings = _rows_by_position(asked.select("position", *of_day), alive, on=of_day)
    crowded = set(asked.join(in_batch, on=of_day, how="semi")["position"])
    found_again: set[int] = set()
    for position, meta in enumerate(metas):
        versions = history.get(position, [])
        is_again = False
        newest = versions[-1] if versions else None
        if newest is not None and _is_version(meta, newest):
            if newest.status != Status.PENDING:
                found.known.append(meta)
                continue
            versions, is_again = versions[:-1], True
        elif newest is not None and _same_content(meta, newest, reader):
            found.touched.append(meta)
            continue
        others = [row for row in lookalikes.get(position, []) if row.path != meta.bronze_file_path]
        others = [row for row in others if row.file_id not in found_again]
        if newest is None and (origin := _moved_from(meta, others, reader)) is not None:
            found.moved.append(Move(file_id=origin.file_id, before=origin.path, meta=meta))
            found_again.add(origin.file_id)
            continue
        found.entering.append(
            Candidate(
                meta=meta,
                is_again=is_again,
                replaces=tuple(row.file_id for row in versions),
                has_siblings=position in crowded
                or any(row.path != meta.bronze_file_path for row in siblings.get(position, [])),
            )
        )
    leaving = {old for candidate in found.entering for old in candidate.replaces}
    found.contents = {key: file_id for key, file_id in found.contents.items() if file_id not in leaving}
    return found


def _is_version(meta: BronzeFileMetadata, row: _LedgerRow) -> bool:
    return (meta.file_size_bytes, meta.last_modified_ts) == (row.size, row.modified_us)


def _same_content(meta: BronzeFileMetadata, row: _LedgerRow, reader: BronzeReader) -> bool:
    """The time stamp changed, the bytes did not."""
    if row.size != meta.file_size_bytes or not row.content_hash or meta.problem:
        return False
    return reader.content_hash(meta.bronze_file_path) == row.content_hash


def _moved_from(meta: BronzeFileMetadata, rows: Sequence[_LedgerRow], reader: BronzeReader) -> _LedgerRow | None:
    """Return the version that was at another path until now."""
    gone = [row for row in rows if not reader.exists(row.path)]
    if not gone or meta.problem:
        return None
    content = reader.content_hash(meta.bronze_file_path)
    for row in gone:
        if row.content_hash == content:
            return row
    return None


def _frame(metas: Sequence[BronzeFileMetadata]) -> pl.DataFrame:
    schema = {
        "exchange": pl.String,
        "data_type": pl.String,
        "symbol": pl.String,
        "date": pl.Date,
        "bronze_file_path": pl.String,
        "file_size_bytes": pl.Int64,
        "last_modified_ts": pl.Int64,
    }
    columns = {name: [getattr(meta, name) for meta in metas] for name in schema}
    frame = pl.DataFrame(columns, schema=schema).with_row_index("position")
    frame = frame.with_columns(pl.col("last_modified_ts").cast(UTC_TIME))
    return frame.with_columns(pl.col(name).cast(pl.Categorical) for name in WORDS if name in frame.columns)


def _may_matter(asked: pl.DataFrame) -> pl.Expr:
    """True for versions of the same paths, and for all of the partitions that the candidates belong to, or more."""
    partition = [
        pl.col(name).is_in(asked[name].unique().cast(pl.String).to_list()) for name in ("exchange", "data_type")
    ]
    in_partition = pl.all_horizontal(*partition, pl.col("date").is_in(asked["date"].unique().to_list()))
    return in_partition | pl.col("bronze_file_path").is_in(asked["bronze_file_path"].to_list())


def _contents(asked: pl.DataFrame, in_lake: pl.DataFrame) -> dict[ContentKey, int]:
    same_size = in_lake.join(asked, on=["exchange", "data_type", "date", "file_size_bytes"], how="semi")
    facts = same_size.select(
        "content_hash", *(pl.col(name).cast(pl.String) for name in ("data_type", "exchange", "date")), "file_id"
    )
    return {(content, table, exchange, date): file_id for content, table, exchange, date, file_id in facts.iter_rows()}


def _rows_by_position(asked: pl.DataFrame, entries: pl.DataFrame, on: list[str]) -> dict[int, list[_LedgerRow]]:
    """Return the ledger rows that agree with each candidate in ``on``, oldest first."""
    rows = entries.join(asked, on=on, how="inner").sort("file_id")
    by_position: dict[int, list[_LedgerRow]] = {}
    facts = rows.select(
        "position",
        "file_id",
        "bronze_file_path",
        "file_size_bytes",
        pl.col("last_modified_ts").to_physical().alias("modified_us"),
        "content_hash",
        pl.col("status").cast(pl.String),
    )
    for position, *row in facts.iter_rows():
        by_position.setdefault(position, []).append(_LedgerRow(*row))
    return by_position
