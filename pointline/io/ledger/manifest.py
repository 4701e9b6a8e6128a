"""The ledger as a Delta table, with the columns that decisions need held in memory.

One process writes a lake, so what this process wrote is what the table holds; the frame in memory follows each commit
instead of being read again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import polars as pl

from pointline.ahead import ahead
from pointline.errors import LakeDamaged
from pointline.io.delta.id_ranges import holding
from pointline.io.delta_log.commit_log import FOUND, MOVES
from pointline.io.ledger.frame import LedgerFrame
from pointline.io.ledger.last_id import LastId
from pointline.io.ledger.rows import VERSION_KEY, outcome_rows, pending_rows, version_of, versions_of
from pointline.io.ledger.table import LedgerTable
from pointline.io.protocols.file_version import LEFT_TO, BronzeFileMetadata, Discovery, Outcome
from pointline.io.translate import REPAIR_HINT, storage_errors
from pointline.tables.ingest_manifest import (
    CLOSED,
    CONTENT_FACTS,
    SCHEMA,
    Checksum,
    Status,
    empty,
    rows_by_day,
    senseless,
    stands_at,
)

LEFT_ON_DISK = (
    *("rows_read", "rows_written", "rows_quarantined", "warnings", "error"),
    *("vendor", "symbols", "receive_clock", "days", "checksum"),
)


class DeltaManifest:
    """The ingest manifest. ``clock`` gives microseconds since the epoch, UTC; ids go on from ``last_id``."""

    def __init__(self, path: Path, clock: Callable[[], int], last_id: LastId | None = None) -> None:
        self.repository = LedgerTable(path, SCHEMA)
        self._last_id = last_id or LastId(None)
        self._clock = clock
        self._lock = threading.RLock()
        self._entries: LedgerFrame | None = None
        self._in_doubt = False

    def entries(self) -> pl.DataFrame:
        """Return the ledger in memory, rising by ``file_id``, without the columns only people read."""
        with self._lock:
            return self._held().frame

    def _held(self) -> LedgerFrame:
        if self._entries is None:
            columns = [name for name in SCHEMA if name not in LEFT_ON_DISK]
            self.repository.require_sound()  # nothing is decided, and nothing written on, by a damaged ledger
            with storage_errors("ingest_manifest"), ahead(self.repository.batches_of_rows(columns)) as rows:
                entries = LedgerFrame(rows, _schema(columns))
            if (entries.frame["file_id"].diff() == 0).any():
                raise LakeDamaged("ingest_manifest holds a file_id twice", subject="ingest_manifest", hint=REPAIR_HINT)
            _refuse_senseless(entries.frame)
            self._entries = entries
        return self._entries

    def rows_of(self, file_ids: Sequence[int]) -> pl.DataFrame:
        """Return the whole rows of these versions, read from disk."""
        wanted = list(file_ids)
        rows = [
            rows.filter(pl.col("file_id").is_in(wanted))
            for part in holding(self.repository.live_parts(), wanted)
            for rows in self.repository.rows_of(part)
        ]
        return pl.concat([empty(), *rows])

    def known_entries(self) -> pl.DataFrame | None:
        """Return the ledger in memory as it is, without waiting for a write; None where it has to be read."""
        held = self._entries
        return None if held is None else held.frame

    def forget_entries(self) -> None:
        """Drop the frame in memory: what is on disk counts."""
        with self._lock:
            self._entries = None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Around a change of the table. One that raises may have happened all the same, and not be on disk yet."""
        with self._lock:
            if self._in_doubt:
                self.repository.flush_newest()
                self._in_doubt = False
            try:
                yield
            except BaseException:
                self.forget_entries()
                self._in_doubt = True
                raise

    def note_last_id(self, file_id: int) -> None:
        """That id has been given, though the ledger may not know it: the next one is above it."""
        self._last_id.note(file_id)

    def attempts_of(self, file_ids: Sequence[int]) -> dict[int, int]:
        """Return how often each of these files was tried."""
        found = self._tail_from(min(file_ids, default=0)).filter(pl.col("file_id").is_in(list(file_ids)))
        return dict(found.select("file_id", "attempts").iter_rows())

    def _tail_from(self, file_id: int) -> pl.DataFrame:
        """Return the entries from an id on. Recent ids are at the end, so most of the ledger is not looked at."""
        entries = self.entries()
        start = entries["file_id"].search_sorted(file_id)
        return entries.slice(int(start))

    def last_batch(self) -> int:
        """Return the newest batch whose outcomes are recorded, -1 where there is none."""
        return self.repository.last_batch()

    # ---- identity

    def resolve_file_id(self, meta: BronzeFileMetadata) -> int:
        """Return the id of this file version, minting one, ``pending`` and with an attempt noted, where it is new."""
        return self.resolve_file_ids([meta])[0]

    def resolve_file_ids(self, metas: Sequence[BronzeFileMetadata], *, besides: Collection[int] = ()) -> list[int]:
        """Do the same for many, in one commit."""
        with self._writing():
            entries = self.entries()
            versions = versions_of(metas)
            same_path = pl.col("bronze_file_path").is_in(versions["bronze_file_path"].to_list())
            stays = ~pl.col("file_id").is_in(list(besides))
            known = _join_newest(versions, entries.filter(same_path, stays, ~stands_at(*CLOSED)))
            ids: list[int | None] = known["file_id"].to_list()
            newest = entries["file_id"].max()
            next_id = 1 + max(newest if isinstance(newest, int) else 0, self._last_id.read())
            minted: dict[tuple[object, ...], int] = {}
            for position, meta in enumerate(metas):
                if ids[position] is None:
                    ids[position] = minted.setdefault(version_of(meta), next_id + len(minted))
            if minted:
                first = {file_id: metas[position] for position, file_id in reversed(list(enumerate(ids)))}
                rows = pending_rows([(file_id, first[file_id]) for file_id in minted.values()], self._clock())
                told = {FOUND: _runs([(file_id, first[file_id].found_by) for file_id in minted.values()])}
                self.repository.append_pending(rows, told)
                self._held().append(rows)
                self._last_id.note(next_id + len(minted) - 1)
            return [file_id for file_id in ids if file_id is not None]

    def filter_pending(self, candidates: Sequence[BronzeFileMetadata]) -> list[BronzeFileMetadata]:
        """Return the candidates whose version is not in the ledger or still ``pending``: one batch anti-join."""
        if not candidates:
            return []
        versions = versions_of(candidates).with_row_index("position")
        settled = self.entries().lazy().filter(~stands_at(Status.PENDING, *CLOSED)).select(VERSION_KEY)
        open_versions = versions.lazy().join(settled, on=VERSION_KEY, how="anti", nulls_equal=True).collect()
        open_positions = open_versions["position"].sort()
        return [candidates[position] for position in open_positions]

    # ---- outcomes

    def update_status(
        self, file_id: int, status: Status, meta: BronzeFileMetadata, result: Outcome | None = None
    ) -> None:
        """Record what became of one file."""
        del meta  # what was known at discovery never changes
        self.update_statuses([result or Outcome(file_id=file_id, status=status)])

    def update_statuses(self, outcomes: Iterable[Outcome], *, batch: int | None = None) -> None:
        """Record what became of many, in one commit that also says up to which batch the ledger is complete."""
        with self._writing():
            if batch is not None and self.last_batch() >= batch:
                self.forget_entries()  # it is recorded already
                self.repository.flush_newest()
                return
            told = list(outcomes)
            if not told:
                return
            untold = [one.file_id for one in told if one.attempts is None]
            rows = outcome_rows(told, self.attempts_of(untold) if untold else {}, self._clock())
            self.repository.update_rows(rows, fill=CONTENT_FACTS, batch=batch)
            self._held().update(rows, fill=CONTENT_FACTS)

    def adopt(self, rows: pl.DataFrame) -> None:
        """Add whole rows, saved from a damaged ledger, of the ids that this one lacks."""
        with self._writing():
            lost = rows.filter(~pl.col("file_id").is_in(self.entries()["file_id"].to_list()))
            if not lost.is_empty():
                new = lost.unique("file_id", keep="last").sort("file_id").select(list(SCHEMA))
                self.repository.append(new)
                self.forget_entries()

    def totals(self) -> pl.DataFrame:
        """Return ``data_type, exchange, date, rows, first_id, last_id`` of the files that have rows in silver."""
        place = [pl.col(name).cast(pl.String) for name in ("data_type", "exchange", "date")]
        with storage_errors("ingest_manifest"):
            there = self.repository.scan().filter(stands_at(Status.SUCCESS))
            rows = rows_by_day(there) if self._has_described() else there.filter(pl.col("rows_written") > 0)
            return (
                rows.group_by(place)
                .agg(
                    pl.col("rows_written").sum().alias("rows"),
                    pl.col("file_id").min().alias("first_id"),
                    pl.col("file_id").max().alias("last_id"),
                )
                .collect()
            )

    def with_days_left(self) -> pl.DataFrame:
        """Return the rows of files in silver that left days to other files."""
        if not self._has_described():
            return empty()
        with storage_errors("ingest_manifest"):
            rows = self.repository.scan().filter(stands_at(Status.SUCCESS))
            return rows.filter(pl.col("warnings").str.contains(f'"{LEFT_TO}', literal=True)).collect()

    def checksums_in_doubt(self) -> pl.DataFrame:
        """Return the rows of files in silver that have no checksum or another one, and of those refused by one."""
        if not self._has_described():
            return empty()
        with storage_errors("ingest_manifest"):
            has_none = stands_at(Status.SUCCESS) & (pl.col("checksum") == Checksum.MISSING)
            disagrees = stands_at(Status.SUCCESS, Status.QUARANTINED) & (pl.col("checksum") == Checksum.MISMATCH)
            return self.repository.scan().filter(has_none | disagrees).collect()

    def _has_described(self) -> bool:
        """Tell whether any file is of a description.

        Only these may have rows of several days, leave days to others, and have checksums beside them.

        It spares a lake without such files a pass over the ledger with each scan.
        """
        feeds = self.entries()["feed"]
        return feeds.null_count() < len(feeds)

    def quarantined_rows(self) -> pl.DataFrame:
        """Return ``file_id, status, rows_quarantined`` of the files that have any."""
        with storage_errors("ingest_manifest"):
            rows = self.repository.scan().filter(pl.col("rows_quarantined") > 0)
            return rows.select("file_id", "status", "rows_quarantined").collect()

    def restore(self, found: Mapping[int, Discovery], became: Mapping[int, Outcome] | None = None) -> None:
        """Bring back rows that the ledger has lost; ids that it has are left alone.

        ``became``: what became of each of them, in the same commit; without it they are ``pending``.
        """
        with self._writing():
            known = set(self.entries().filter(pl.col("file_id").is_in(list(found)))["file_id"])
            lost = [(file_id, one) for file_id, one in sorted(found.items()) if file_id not in known]
            if lost:
                rows = pending_rows([(file_id, one.meta) for file_id, one in lost], self._clock())
                created = pl.Series("created_at_us", [one.created_at_us for _, one in lost], dtype=pl.Int64)
                rows = rows.with_columns(created, created.alias("updated_at_us"))
                if became is not None:
                    outcomes = [became[file_id] for file_id, _ in lost]
                    later = outcome_rows(outcomes, dict.fromkeys(became, 1), self._clock())
                    rows = (
                        rows.select("file_id", pl.exclude(later.columns)).join(later, on="file_id").select(list(SCHEMA))
                    )
                self.repository.append(rows)
                self.forget_entries()

    def relocate(self, moves: Sequence[tuple[int, BronzeFileMetadata]]) -> None:
        """Note that the files of these versions were moved: same content, other path.

        The one exception to "what was known at discovery never changes": without it no row of the version could be
        traced to its line again. When what is in silver was told of, which others are compared with, stays.
        """
        if not moves:
            return
        with self._writing():
            ids = [file_id for file_id, _ in moves]
            known = self.entries().filter(pl.col("file_id").is_in(ids))
            in_silver = known.filter(stands_at(Status.SUCCESS)).select("file_id", "updated_at_us")
            rows = (
                versions_of([meta for _, meta in moves])
                .select(
                    pl.Series("file_id", ids, dtype=pl.Int64),
                    "bronze_file_path",
                    "last_modified_ts",
                    "changed_ts",
                    "inode",
                )
                .join(in_silver, on="file_id", how="left", maintain_order="left")
                .with_columns(pl.col("updated_at_us").fill_null(self._clock()))
            )
            paths = dict(known.select("file_id", "bronze_file_path").iter_rows())
            told = [[file_id, paths.get(file_id), meta.bronze_file_path] for file_id, meta in moves]
            self.repository.update_rows(rows, metadata={MOVES: told})
            self._held().update(rows)


def _runs(found: Sequence[tuple[int, str | None]]) -> list[list[object]]:
    """Return ``[first id, last id, by]`` of neighbours found by the same; ids rise by one."""
    runs = []
    for by, members in groupby(found, key=lambda one: one[1]):
        ids = [file_id for file_id, _ in members]
        runs.append([ids[0], ids[-1], by])
    return runs


def _schema(columns: Iterable[str]) -> pl.Schema:
    return pl.Schema({name: SCHEMA[name] for name in columns})


def _join_newest(versions: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    newest = entries.select("file_id", *VERSION_KEY).join(versions, on=list(VERSION_KEY), how="semi", nulls_equal=True)
    newest = newest.group_by(VERSION_KEY).agg(pl.col("file_id").max())
    return versions.join(newest, on=list(VERSION_KEY), how="left", maintain_order="left", nulls_equal=True)


def _refuse_senseless(entries: pl.DataFrame) -> None:
    odd = entries.filter(senseless())
    if odd.is_empty():
        return
    file_id, status = odd.select("file_id", pl.col("status").cast(pl.String)).row(0)
    what = "a row without its path, or what it is of" if file_id is None else f"file {file_id}, with status {status}"
    raise LakeDamaged(
        f"ingest_manifest was changed by another program: it holds {what}", subject="ingest_manifest", hint=REPAIR_HINT
    )
