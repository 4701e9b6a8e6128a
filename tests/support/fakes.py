"""Fakes of the Protocols that services know: in memory, a few lines each, no mocks."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import polars as pl
from msgspec.structs import replace

from pointline.errors import CommitConflict
from pointline.io.protocols.file_version import LEFT_TO, BronzeFileMetadata, Discovery, Outcome
from pointline.io.protocols.tables import CommittedBatch, Part
from pointline.tables import dim_symbol, ingest_manifest, quarantine
from pointline.tables.dim_symbol import Scope
from pointline.tables.ingest_manifest import Status, rows_by_day
from pointline.tables.schema import UTC_TIME, EventTable
from pointline.tables.symbols import observations as symbol_observations
from pointline.tables.symbols.observations import Observed
from tests.support.ticks import Ticks


class MemoryTable:
    """``TableRepository``."""

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self._rows = pl.DataFrame(schema=schema)

    def read_all(self) -> pl.DataFrame:
        return self._rows

    def write_full(self, df: pl.DataFrame) -> None:
        self._rows = df.select(self._rows.columns)

    def append(self, df: pl.DataFrame) -> None:
        self._rows = pl.concat([self._rows, df.select(self._rows.columns)])

    def merge(self, df: pl.DataFrame, keys: Sequence[str]) -> None:
        self._rows = self._rows.update(df, on=list(keys), how="full", include_nulls=True)


class MemoryPartWriter:
    """``PartWriter``: hands its rows to the table when it is closed."""

    def __init__(self, table: MemoryEventTable, partition: Mapping[str, str], *, is_compacted: bool) -> None:
        self._table = table
        self._is_compacted = is_compacted
        self._partition = dict(partition)
        self._frames: list[pl.DataFrame] = []
        self._path = table.begin()

    def write(self, frame: pl.DataFrame) -> None:
        self._frames.append(frame)

    def close(self) -> Part:
        stored = self._table.store(pl.concat(self._frames), self._partition)
        self.discard()
        return replace(stored, is_compacted=self._is_compacted)

    def discard(self) -> None:
        self._frames.clear()
        self._table.begun.discard(self._path)


class MemorySymbolTable:
    """``SymbolTable``."""

    def __init__(self) -> None:
        self.rows = dim_symbol.empty()
        self.batch = -1

    def last_batch(self) -> int:
        return self.batch

    def read_all(self) -> pl.DataFrame:
        return self.rows

    def versions_of(self, scope: Scope) -> pl.DataFrame:
        return scope.of(self.rows.lazy()).sort(*dim_symbol.KEY, "valid_from").collect()

    def exchanges(self) -> list[str]:
        return self.rows["exchange"].unique().to_list()

    def not_as_of(self, now: dt.datetime) -> pl.DataFrame:
        return self.rows.filter(pl.col("is_current") != dim_symbol.tradable(pl.lit(now, UTC_TIME)))

    def replace(self, *, removed: pl.DataFrame, added: pl.DataFrame, batch: int | None) -> None:
        if batch is None or batch > self.batch:
            place = [*dim_symbol.KEY, "valid_from"]
            self.rows = pl.concat([self.rows.join(removed, on=place, how="anti"), added]).sort(place)
            self.batch = self.batch if batch is None else batch


class MemoryObservations:
    """``SymbolObservations``."""

    def __init__(self) -> None:
        self.said = Observed.join([])
        self.batches: list[CommittedBatch] = []

    def last_batch(self) -> int:
        return max((one.number for one in self.batches), default=-1)

    def batches_after(self, batch: int, file_ids: Collection[int] | None = None) -> list[CommittedBatch]:
        return [one for one in self.batches if one.number > batch]

    def exists(self) -> bool:
        return True

    def heads(self) -> pl.DataFrame:
        return self.said.rows.select(symbol_observations.HEAD)

    def of_exchanges(self, exchanges: Collection[str]) -> pl.DataFrame:
        return self.said.rows.filter(pl.col("exchange").is_in(list(exchanges)))

    def told_of(self, scope: Scope) -> Observed:
        states = scope.of(self.said.states.lazy()).collect()
        rows = self.said.rows.filter(pl.col("exchange").is_in(list(scope.exchanges)), pl.col("states").list.len() > 0)
        rows = rows.explode("states", "times").filter(pl.col("states").is_in(states["state_id"].implode()))
        told = rows.group_by(symbol_observations.HEAD).agg("states", "times").select(self.said.rows.columns)
        return Observed(rows=told, states=states)

    def states_of(self, exchanges: Collection[str]) -> pl.DataFrame:
        return self.said.states.filter(pl.col("exchange").is_in(list(exchanges)))

    def commit(
        self,
        batch: int,
        *,
        add: Observed,
        remove: Sequence[int],
        outcomes: Sequence[Outcome],
        found: Mapping[int, Discovery] | None = None,
    ) -> None:
        if batch > self.last_batch():
            kept = self.said.rows.filter(~pl.col("file_id").is_in(list(remove)))
            self.said = Observed.join([Observed(rows=kept, states=self.said.states), add])
            self.batches.append(CommittedBatch(number=batch, outcomes=tuple(outcomes)))


class MemoryEventTable(MemoryTable):
    """``EventTableRepository``: parts by path, and which of them readers see."""

    def __init__(self, table: EventTable) -> None:
        super().__init__(table.silver_schema)
        self._stored: dict[str, pl.DataFrame] = {}
        self._live: dict[str, Part] = {}
        self._were_live: set[str] = set()
        self.begun: set[str] = set()
        """Parts that are being written."""
        self._numbers = Ticks()
        self._batches: list[CommittedBatch] = []

    def read_all(self) -> pl.DataFrame:
        frames = [self._whole(part) for part in self._live.values()]
        return pl.concat([pl.DataFrame(schema=self._rows.schema), *frames])

    def write_full(self, df: pl.DataFrame) -> None:
        self._live.clear()
        self.append(df)

    def append(self, df: pl.DataFrame) -> None:
        for (exchange, date), rows in df.group_by(["exchange", "date"], maintain_order=True):
            partition = {"exchange": str(exchange), "date": str(date)}
            part = self.store(rows.drop("exchange", "date"), partition)
            self._live[part.path] = part
            self._were_live.add(part.path)

    def merge(self, df: pl.DataFrame, keys: Sequence[str]) -> None:
        self.write_full(self.read_all().update(df, on=list(keys), how="full", include_nulls=True))

    def begin(self) -> str:
        """Return the name of a part that is being written from now on."""
        name = f"begun-{next(self._numbers)}"
        self.begun.add(name)
        return name

    def store(self, rows: pl.DataFrame, partition: Mapping[str, str]) -> Part:
        path = f"part-{next(self._numbers)}"
        self._stored[path] = rows.cast({name: self._rows.schema[name] for name in rows.columns})
        first, last = (int(id_ or 0) for id_ in (rows["file_id"].min(), rows["file_id"].max()))  # type: ignore[arg-type]
        ids = {"first_file_id": first, "last_file_id": last}
        return Part(path=path, partition=partition, size_bytes=1, rows=rows.height, stats="{}", **ids)

    def part_writer(
        self, partition: Mapping[str, str], dictionary: Sequence[str], *, is_compacted: bool = False
    ) -> MemoryPartWriter:
        return MemoryPartWriter(self, partition, is_compacted=is_compacted)

    def live_parts(self, partition: Mapping[str, str] | None = None) -> list[Part]:
        return [part for part in self._live.values() if partition is None or part.partition == dict(partition)]

    def parts_of(
        self, file_ids: Sequence[int], partition: Mapping[str, str], *, without: Collection[str] = ()
    ) -> list[Part]:
        wanted = pl.col("file_id").is_in(list(file_ids))
        parts = [part for part in self.live_parts(partition) if part.path not in without]
        return [part for part in parts if self._stored[part.path].filter(wanted).height]

    def totals(self) -> pl.DataFrame:
        ids = (pl.col("file_id").min().alias("first_id"), pl.col("file_id").max().alias("last_id"))
        rows = self.read_all().with_columns(pl.col("date").cast(pl.String))
        return rows.group_by("exchange", "date").agg(pl.len().cast(pl.Int64).alias("rows"), *ids)

    def rows_of(self, part: Part, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        rows = self._stored[part.path]
        yield rows.select(columns) if columns else rows

    def rows_without(self, part: Part, file_ids: Sequence[int]) -> Iterator[pl.DataFrame]:
        yield self._stored[part.path].filter(~pl.col("file_id").is_in(list(file_ids)))

    def discard(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if part.path not in self._were_live:
                self._stored.pop(part.path, None)

    def spare(self) -> set[str]:
        """What was written, to its end or not, and has not been in any version."""
        return self._stored.keys() - self._were_live | self.begun

    def rewrite(self, *, add: Sequence[Part], remove: Sequence[Part]) -> None:
        if not {part.path for part in remove} <= self._live.keys():
            raise CommitConflict("a part was replaced meanwhile")
        for part in remove:
            del self._live[part.path]
        self._live |= {part.path: part for part in add}
        self._were_live |= {part.path for part in add}

    def commit(
        self,
        batch: int,
        *,
        add: Sequence[Part],
        remove: Sequence[Part],
        outcomes: Sequence[Outcome],
        found: Mapping[int, Discovery] | None = None,
    ) -> None:
        if batch > self.last_batch():
            self.rewrite(add=add, remove=remove)
            told = {one.file_id for one in outcomes}
            brought = {file_id: one for file_id, one in (found or {}).items() if file_id in told}
            self._batches.append(CommittedBatch(number=batch, outcomes=tuple(outcomes), found=brought))

    def last_batch(self) -> int:
        return self._batches[-1].number if self._batches else -1

    def batches_after(self, batch: int, file_ids: Collection[int] | None = None) -> list[CommittedBatch]:
        return [one for one in self._batches if one.number > batch]

    def _whole(self, part: Part) -> pl.DataFrame:
        exchange, date = pl.lit(part.partition["exchange"]), pl.lit(part.partition["date"]).str.to_date()
        rows = self._stored[part.path].with_columns(exchange.alias("exchange"), date.alias("date"))
        return rows.select(self._rows.columns)


class MemoryQuarantine(MemoryTable):
    """``QuarantineRepository``."""

    def __init__(self) -> None:
        super().__init__(quarantine.SCHEMA)
        self._last_batch = -1

    def set_aside(self, batch: int, rows: pl.DataFrame) -> None:
        if batch > self._last_batch:
            self.append(rows)
            self._last_batch = batch

    def last_batch(self) -> int:
        return self._last_batch

    def rows_per_file(self) -> pl.DataFrame:
        return self._rows.group_by("file_id").agg(pl.len().cast(pl.Int64).alias("rows"))

    def forget(self, file_ids: Sequence[int]) -> int:
        before = self._rows.height
        self._rows = self._rows.filter(~pl.col("file_id").is_in(list(file_ids)))
        return before - self._rows.height


class MemoryManifest:
    """``IngestionManifestRepository``: a list of rows, oldest first."""

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        self.rows: list[dict[str, object]] = []
        self._clock = clock or partial(next, Ticks(1))
        self._last_batch = -1

    def resolve_file_id(self, meta: BronzeFileMetadata) -> int:
        return self.resolve_file_ids([meta])[0]

    def resolve_file_ids(self, metas: Sequence[BronzeFileMetadata], *, besides: Collection[int] = ()) -> list[int]:
        return [self._find(meta, besides) or self._mint(meta) for meta in metas]

    def filter_pending(self, candidates: Sequence[BronzeFileMetadata]) -> list[BronzeFileMetadata]:
        unsettled = (Status.PENDING, *ingest_manifest.CLOSED)
        settled = {_version(row) for row in self.rows if row["status"] not in unsettled}
        return [meta for meta in candidates if _key(meta) not in settled]

    def update_status(
        self, file_id: int, status: Status, meta: BronzeFileMetadata, result: Outcome | None = None
    ) -> None:
        self.update_statuses([result or Outcome(file_id=file_id, status=status)])

    def update_statuses(self, outcomes: Iterable[Outcome], *, batch: int | None = None) -> None:
        if batch is not None and batch <= self._last_batch:
            return
        outcomes = list(outcomes)
        if not outcomes:
            return
        for outcome in outcomes:
            row = self.rows[outcome.file_id - 1]
            facts = {name: getattr(outcome, name, None) for name in ingest_manifest.CONTENT_FACTS}
            facts["first_local_timestamp"] = outcome.first_local_us
            facts["last_local_timestamp"] = outcome.last_local_us
            facts["warnings"] = None if outcome.warnings is None else json.dumps(dict(outcome.warnings))
            if facts["days"] is not None:
                facts["days"] = [
                    {"date": dt.date.fromisoformat(day), "rows": rows} for day, rows in facts["days"].items()
                ]
            row |= {name: value for name, value in facts.items() if value is not None}
            row |= {"status": outcome.status.value, "error": outcome.error, "superseded_by": outcome.superseded_by}
            row["updated_at_us"] = self._clock()
            row["attempts"] = row["attempts"] if outcome.attempts is None else outcome.attempts
        self._last_batch = self._last_batch if batch is None else batch

    def last_batch(self) -> int:
        return self._last_batch

    def entries(self) -> pl.DataFrame:
        times = ("last_modified_ts", "changed_ts", "first_local_timestamp", "last_local_timestamp")
        schema = {**ingest_manifest.SCHEMA, **dict.fromkeys(times, pl.Int64())}
        frame = pl.DataFrame(self.rows, schema=schema, orient="row")
        words = [pl.col(name).cast(pl.Categorical) for name in ("exchange", "data_type", "symbol", "status")]
        held = frame.with_columns(*words, pl.col(times).cast(ingest_manifest.SCHEMA["last_modified_ts"]))
        return ingest_manifest.with_digests(held)

    def rows_of(self, file_ids: Sequence[int]) -> pl.DataFrame:
        return ingest_manifest.with_hashes(self.entries()).filter(pl.col("file_id").is_in(list(file_ids)))

    def totals(self) -> pl.DataFrame:
        place = [pl.col(name).cast(pl.String) for name in ("data_type", "exchange", "date")]
        held = rows_by_day(self.entries().filter(pl.col("status") == "success")).collect()
        ids = (pl.col("file_id").min().alias("first_id"), pl.col("file_id").max().alias("last_id"))
        return held.group_by(place).agg(pl.col("rows_written").sum().alias("rows"), *ids)

    def with_days_left(self) -> pl.DataFrame:
        left = pl.col("warnings").str.contains(f'"{LEFT_TO}', literal=True)
        return self.entries().filter(pl.col("status") == "success", left)

    def checksums_in_doubt(self) -> pl.DataFrame:
        rows = ingest_manifest.with_hashes(self.entries())
        had_none = (pl.col("status") == "success") & (pl.col("checksum") == "missing")
        there = pl.col("status").cast(pl.String).is_in(["success", "quarantined"])
        return rows.filter(had_none | (there & (pl.col("checksum") == "mismatch")))

    def quarantined_rows(self) -> pl.DataFrame:
        entries = self.entries().filter(pl.col("rows_quarantined") > 0)
        return entries.select("file_id", pl.col("status").cast(pl.String), "rows_quarantined")

    def note_last_id(self, file_id: int) -> None:
        pass

    def restore(self, found: Mapping[int, Discovery], became: Mapping[int, Outcome] | None = None) -> None:
        for file_id, one in sorted(found.items()):
            if file_id > len(self.rows):
                assert self._mint(one.meta) == file_id
        self.update_statuses((became or {}).values())

    def relocate(self, moves: Sequence[tuple[int, BronzeFileMetadata]]) -> None:
        for file_id, meta in moves:
            row = self.rows[file_id - 1]
            row |= {"bronze_file_path": meta.bronze_file_path, "last_modified_ts": meta.last_modified_ts}
            row |= {"changed_ts": meta.changed_us or None, "inode": meta.inode or None}
            if row["status"] != "success":
                row["updated_at_us"] = self._clock()

    def _find(self, meta: BronzeFileMetadata, besides: Collection[int]) -> int | None:
        standing = [row for row in self.rows if row["status"] not in ingest_manifest.CLOSED]
        standing = [row for row in standing if row["file_id"] not in besides]
        found = [int(str(row["file_id"])) for row in standing if _version(row) == _key(meta)]
        return found[-1] if found else None

    def _mint(self, meta: BronzeFileMetadata) -> int:
        known = {name: getattr(meta, name) for name in ingest_manifest.SCHEMA if hasattr(meta, name)}
        known |= {"changed_ts": meta.changed_us or None, "inode": meta.inode or None, "feed": meta.feed or None}
        row = dict.fromkeys(ingest_manifest.SCHEMA) | known
        now = self._clock()
        row |= {"file_id": len(self.rows) + 1, "status": "pending", "attempts": 1}
        self.rows.append(row | {"created_at_us": now, "updated_at_us": now})
        return len(self.rows)


@dataclass(slots=True)
class MemoryContent:
    """``BronzeContent`` of a plain CSV."""

    data: bytes
    block_bytes: int
    content_hash: str
    warnings: Mapping[str, int] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        return None

    def first_line(self, member: str = "", decoder: str = "", skip: int = 0, separator: str = ",") -> bytes:
        return self.data.partition(b"\n")[0]

    def header(self) -> tuple[str, ...]:
        line = self.data.partition(b"\n")[0].decode()
        return tuple(line.split(",")) if line else ()

    def blocks(self, wanted: Mapping[str, str] | None = None) -> Iterator[bytes]:
        yield from self._blocks(self.data.splitlines(keepends=True)[1:])

    def lines(self, member: str = "") -> Iterator[bytes]:
        yield from self._blocks(self.data.splitlines(keepends=True))

    def beside(self, path: str) -> None:
        """Nothing lies beside it."""

    def _blocks(self, lines: list[bytes]) -> Iterator[bytes]:
        block = b""
        for line in lines:
            block += line
            if len(block) >= self.block_bytes:
                yield block
                block = b""
        if block:
            yield block


class MemoryBronze:
    """``BronzeReader`` over a dict of path to content."""

    def __init__(self, *, block_bytes: int = 4 << 20) -> None:
        self.files: dict[str, bytes] = {}
        self.metas: dict[str, BronzeFileMetadata] = {}
        self._block_bytes = block_bytes

    def drop(self, meta: BronzeFileMetadata, data: bytes) -> BronzeFileMetadata:
        """Put a file there; its metadata with the size filled in."""
        self.files[meta.bronze_file_path] = data
        self.metas[meta.bronze_file_path] = replace(meta, file_size_bytes=len(data))
        return self.metas[meta.bronze_file_path]

    def open(self, meta: BronzeFileMetadata) -> MemoryContent:
        data = self.files[meta.bronze_file_path]
        return MemoryContent(data, self._block_bytes, hashlib.sha256(data).hexdigest())

    def content_hash(self, path: str, algorithm: str = "sha256") -> str | None:
        return hashlib.new(algorithm, self.files[path]).hexdigest() if path in self.files else None

    def look(self, path: str) -> BronzeFileMetadata | None:
        return self.metas[path] if path in self.files else None

    def is_gone(self, path: str) -> bool:
        return path not in self.files

    def changed_at(self, path: str) -> int | None:
        meta = self.look(path)
        return None if meta is None else meta.changed_us or meta.last_modified_ts

    def said_by(self, path: str) -> tuple[object, ...]:
        return ()

    def beginning(self, path: str) -> bytes | None:
        return self.files.get(path)


def _key(meta: BronzeFileMetadata) -> tuple[object, ...]:
    version = meta.bronze_file_path, meta.file_size_bytes, meta.last_modified_ts
    return *version, meta.changed_us or None, meta.inode or None


def _version(row: Mapping[str, object]) -> tuple[object, ...]:
    version = row["bronze_file_path"], row["file_size_bytes"], row["last_modified_ts"]
    return *version, row["changed_ts"], row["inode"]
