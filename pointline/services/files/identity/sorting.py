"""What a file seen in bronze is to the ledger: known, touched, moved, a newer version of a known path, or new.

Content hashes settle what paths, sizes and times cannot; a file is read for that only where its size leaves a doubt.
A version has left its path when the file there is gone or is another one: so a rename is told from a copy, also where
two files have changed places.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import polars as pl
from msgspec import Struct, field

from pointline.io.protocols import BronzeFileMetadata, BronzeReader
from pointline.tables.ingest_manifest import CLOSED, DIGEST, Status, ends, stands_at, with_hashes
from pointline.tables.schema import UTC_TIME
from pointline.tables.spelling import symbol_key, which_hold_many

ContentKey: TypeAlias = tuple[str, str, str, str, str, str]
"""Content hash, data type, feed, exchange, date and the key of the symbol that the path of the *new* file claims."""

MOST_ALIKE = 1_000
REFUSED = (Status.PENDING, Status.FAILED, Status.QUARANTINED)
"""Versions without rows in silver whose path still waits for something better."""
WITHOUT_ROWS = (*REFUSED, Status.WITHDRAWN)
"""Versions that are history as soon as another one is at their path, be it an older one that is back."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A file version that shall enter the lake."""

    meta: BronzeFileMetadata
    replaces: tuple[int, ...] = ()
    """Older versions of the same path that are not history yet."""
    is_again: bool = False
    """The ledger had it as pending already: it may have left rows in quarantine."""
    is_accepted: bool = False
    """A person said to take it in spite of what it was refused for: ``pointline retry --accept``."""
    has_siblings: bool = False
    """Other files may hold rows of its symbols on the same day: times have to be compared."""
    may_be_refused: bool = False
    """Two files claim its day, so that one of them may not get in: it shares data files with such files only."""


class Move(Struct, frozen=True, kw_only=True):
    """A file that is in the lake and was at the path ``before`` until now."""

    file_id: int
    before: str
    meta: BronzeFileMetadata


class Contents:
    """Contents in the lake, and the files that brought them.

    A file that has left bronze counts only for its own symbol: for any other name, the bytes have to be read. So does
    any file whose rows do not name their symbol: of two symbols without trades the bytes are equal, and no copies.
    Where it is, is asked only when the bytes are equal: of many small files many have one size.
    """

    def __init__(
        self,
        brought: Mapping[tuple[str, ...], Sequence[LedgerRow]] = MappingProxyType({}),
        has_left: Callable[[LedgerRow], bool] = lambda _row: True,
    ) -> None:
        self._brought = brought
        self._has_left = has_left

    def get(self, key: ContentKey, *, names_symbol: bool = True) -> int | None:
        """Return the newest file that brought this content. ``names_symbol``: its rows do, not its path alone."""
        *content, symbol = key
        for row in reversed(self._brought.get(tuple(content), ())):
            if symbol_key(row.symbol) == symbol or (names_symbol and not self._has_left(row)):
                return row.file_id
        return None


class Sorted(Struct):
    """The candidates of a batch, told apart."""

    entering: list[Candidate] = field(default_factory=list)
    touched: list[tuple[int, BronzeFileMetadata]] = field(default_factory=list)
    """Known content under another time, and the version that has it."""
    moved: list[Move] = field(default_factory=list)
    known: list[BronzeFileMetadata] = field(default_factory=list)
    reopened: tuple[str, ...] = ()
    """Paths of refused files that may be read again, because of a move."""
    again: list[tuple[int, BronzeFileMetadata]] = field(default_factory=list)
    """Refused versions that were never read to their end: who opens them, or their inode, has changed."""
    settled: dict[int, int] = field(default_factory=dict)
    """Versions without rows whose path holds known content again, and the version that has it."""
    contents: Contents = field(default_factory=Contents)
    """Contents in the lake that an entering file may bring again."""
    left_behind: tuple[str, ...] = ()
    """Paths of refused files that a candidate may have been until it was renamed: are they gone?"""


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
        """Tell whether the path says of the file what it said when this version came: descriptions are corrected."""
        known = (self.exchange, self.data_type, self.feed or "", self.date, symbol_key(self.symbol))
        return known == (meta.exchange, meta.data_type, meta.feed, meta.date, symbol_key(meta.symbol))


def sort_candidates(
    metas: Sequence[BronzeFileMetadata],
    entries: pl.DataFrame,
    reader: BronzeReader,
    groups: Collection[str] = (),
    regained: Collection[int] = (),
) -> Sorted:
    """Tell the candidates apart by the ledger's ``entries``. ``regained`` versions are read again, as new ones."""
    found = Sorted()
    asked = _frame(metas)
    found.left_behind = _left_behind(asked, entries)
    entries = entries.filter(_may_matter(asked))  # of a large ledger a few rows, and only they are copied below
    standing = entries.filter(~stands_at(*CLOSED))
    history = _rows_by_position(asked.select("position", "bronze_file_path"), standing, on=["bronze_file_path"])
    moves = _find_moves(metas, asked, standing, history, reader)
    found.moved = list(moves.values())
    relocated = {move.file_id for move in found.moved}
    crowded = _crowded(asked, entries, groups)
    reaching = _reaching_beyond_a_day(asked, entries)
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
    found.contents = _contents(asked, standing.filter(~pl.col("file_id").is_in(list(leaving))), reader)
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


def is_version(meta: BronzeFileMetadata, row: LedgerRow) -> bool:
    """Tell whether the file is, as far as one can see from outside, the version of the ledger's row."""
    seen = (meta.file_size_bytes, meta.last_modified_ts) == (row.size, row.modified_us)
    return seen and _agrees(meta.changed_us, row.changed_us) and _agrees(meta.inode, row.inode)


def _agrees(now: int, known: int | None) -> bool:
    """What was never noted says nothing."""
    return not now or not known or now == known


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


def _find_moves(
    metas: Sequence[BronzeFileMetadata],
    asked: pl.DataFrame,
    standing: pl.DataFrame,
    history: Mapping[int, Sequence[LedgerRow]],
    reader: BronzeReader,
) -> dict[int, Move]:
    """Return the candidates that are files of the lake at another path, by position.

    A move keeps size and time stamp. One that does not is found by its content, when it is read; so is one of a file
    whose path says from when on its rows are.
    """
    unmoved = ["exchange", "data_type", "feed", "date", "file_size_bytes", "last_modified_ts"]
    in_lake = _with_feed(standing.filter(stands_at(Status.SUCCESS, Status.WITHDRAWN)))
    lookalikes = _rows_by_position(asked.select("position", *unmoved), in_lake, on=unmoved)
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


def _crowded(asked: pl.DataFrame, entries: pl.DataFrame, groups: Collection[str]) -> set[int]:
    """Return the positions of files that may share rows with others: of their symbol, or of a group."""
    day = ["exchange", "data_type", "date"]
    alive = entries.filter(stands_at(Status.SUCCESS, Status.PENDING)).join(asked, on=day, how="semi")
    path = pl.col("bronze_file_path").hash().alias("path")  # compared as a number, a day of many files costs little
    columns = [*day, "symbol", path, pl.col("feed").cast(pl.String)]
    files = _keyed(pl.concat([asked.select(columns), alive.select(columns)]), groups)
    of_key = files.group_by(*day, "key").agg(pl.col("path").n_unique().alias("of_key"))
    of_day = files.group_by(day).agg(
        pl.col("path").n_unique().alias("of_day"), (pl.col("key") == "").any().alias("has_group")
    )
    counted = _keyed(asked, groups).join(of_key, on=[*day, "key"]).join(of_day, on=day)
    meets = (pl.col("of_key") > 1) | (pl.col("has_group") & (pl.col("of_day") > 1))
    return set(counted.filter(meets)["position"])


def _reaching_beyond_a_day(asked: pl.DataFrame, entries: pl.DataFrame) -> set[int]:
    """Return the positions of described files that may share days with others, one of which has several days."""
    described = asked.filter(pl.col("feed") != "")
    if described.is_empty():
        return set()
    series = ["exchange", "data_type"]
    known = entries.filter(pl.col("feed").is_not_null(), stands_at(Status.SUCCESS, Status.PENDING))
    columns = [*series, "bronze_file_path", "has_days"]
    files = pl.concat([described.select(columns), known.with_columns(_has_days()).select(columns)])
    many = files.group_by(series).agg(
        pl.col("bronze_file_path").n_unique().alias("files"), pl.col("has_days").any().alias("reaches")
    )
    met = described.join(many.filter("reaches", pl.col("files") > 1), on=series, how="semi")
    return set(met["position"])


def _has_days() -> pl.Expr:
    """True for files of the ledger whose rows are of several days, or of another than they are filed under."""
    first, last = ends()
    return ((first != pl.col("date")) | (last != pl.col("date"))).fill_null(value=True).alias("has_days")


def _keyed(files: pl.DataFrame, groups: Collection[str]) -> pl.DataFrame:
    """Add the ``key`` of the symbol, empty where a file may hold many."""
    symbol = pl.col("symbol").cast(pl.String)
    names = files["symbol"].unique().cast(pl.String).to_list()
    keys = {name: symbol_key(name) for name in names if symbol_key(name) != name}
    key = pl.when(which_hold_many(files, groups)).then(pl.lit("")).otherwise(symbol.replace(keys))
    return files.with_columns(key.alias("key"))


def _frame(metas: Sequence[BronzeFileMetadata]) -> pl.DataFrame:
    schema = {
        "exchange": pl.String,
        "data_type": pl.String,
        "symbol": pl.String,
        "date": pl.Date,
        "bronze_file_path": pl.String,
        "file_size_bytes": pl.Int64,
        "last_modified_ts": pl.Int64,
        "feed": pl.String,
    }
    columns: dict[str, list[object]] = {name: [getattr(meta, name) for meta in metas] for name in schema}
    schema["has_days"] = pl.Boolean
    columns["has_days"] = [not meta.is_one_day for meta in metas]
    frame = pl.DataFrame(columns, schema=schema).with_row_index("position")
    words = [pl.col(name).cast(pl.Categorical) for name in ("exchange", "data_type", "symbol")]
    return frame.with_columns(pl.col("last_modified_ts").cast(UTC_TIME), *words)


MOST_DAYS = dt.timedelta(days=31)
"""Of a file with the longest time that others are published beside: a month."""


def _may_matter(asked: pl.DataFrame) -> pl.Expr:
    """True for versions of the same paths, and for all of the partitions that the candidates belong to, or more."""
    partition = [
        pl.col(name).is_in(asked[name].unique().cast(pl.String).to_list()) for name in ("exchange", "data_type")
    ]
    dates = asked["date"].drop_nulls()
    in_partition = pl.all_horizontal(*partition, pl.col("date").is_in(dates.unique().to_list()))
    if (asked["feed"] != "").any() and len(dates):
        near = pl.col("feed").is_not_null() & _has_days()
        if asked["has_days"].any():
            near |= pl.col("feed").is_not_null() & pl.col("date").is_between(
                pl.lit(dates.min()), pl.lit(dates.max()) + MOST_DAYS
            )
        in_partition |= pl.all_horizontal(*partition, near)
    return in_partition | pl.col("bronze_file_path").is_in(asked["bronze_file_path"].to_list())


def _contents(asked: pl.DataFrame, standing: pl.DataFrame, reader: BronzeReader) -> Contents:
    """Return the contents in the lake that a file may be a copy of, by its size."""
    same_day = ["exchange", "data_type", "feed", "date", "file_size_bytes"]
    in_lake = standing.filter(stands_at(Status.SUCCESS), pl.col(DIGEST).is_not_null())
    twins = _with_feed(in_lake).join(asked, on=same_day, how="semi").sort("file_id")
    days = twins.select(pl.col(name).cast(pl.String) for name in ("data_type", "feed", "exchange", "date"))
    brought: dict[tuple[str, ...], list[LedgerRow]] = {}
    for row, day in zip(ledger_rows(twins), days.iter_rows(), strict=True):
        assert row.content_hash is not None
        brought.setdefault((row.content_hash, *day), []).append(row)
    return Contents(brought, partial(has_left, reader=reader))


def _with_feed(entries: pl.DataFrame) -> pl.DataFrame:
    """The feed, with its series, as candidates have it: bars of another interval are another claim."""
    return entries.with_columns(pl.col("feed").cast(pl.String).fill_null(""))


def _rows_by_position(asked: pl.DataFrame, entries: pl.DataFrame, on: list[str]) -> dict[int, list[LedgerRow]]:
    """Return the ledger rows that agree with each candidate in ``on``, oldest first."""
    rows = entries.join(asked, on=on, how="inner").sort("file_id")
    by_position: dict[int, list[LedgerRow]] = {}
    for position, row in zip(rows["position"], ledger_rows(rows), strict=True):
        by_position.setdefault(position, []).append(row)
    return by_position


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
