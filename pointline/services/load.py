"""Step 2 of the ingest: a worker turns a group of bronze files into parts that are not visible yet.

bytes -> blocks of lines -> typed frame -> part. Large files stream block by block into a part of their own, a block
being read, one typed and one written at the same time. Small files are decoded whole and typed together, so that the
cost of a parse and of a part is paid once for many of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
from polars.exceptions import PanicException

from pointline.io.protocols import BronzeContent, BronzeReader, EventTableRepository, PartWriter
from pointline.services.ahead import ahead
from pointline.services.batch import Entry, Group, Loaded, LoadedPart
from pointline.services.claims import Claims
from pointline.services.group_load import GroupLoad, unexpected
from pointline.services.header import check_header
from pointline.services.load_symbols import SymbolsLoad
from pointline.services.tally import Tally, facts
from pointline.tables import fast_path, text_path
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.rules import Belonging
from pointline.tables.schema import EventTable, Kind

PACK_BYTES = 4 << 20
"""Text of small files typed in one parse."""
KEPT_FOR_PACK = 8 << 20
"""A file that decodes to more is streamed on its own."""


class Loader:
    """Loads groups. One instance serves all worker threads."""

    def __init__(
        self,
        *,
        tables: Mapping[str, EventTable],
        repositories: Mapping[str, EventTableRepository],
        reader: BronzeReader,
        claims: Claims,
        checks: Mapping[str, str],
    ) -> None:
        self._tables = tables
        self._repositories = repositories
        self._reader = reader
        self._claims = claims
        self._checks = checks

    def load(self, group: Group) -> Loaded:
        """Read, type, check and write a group. Trouble with a file stays with that file.

        Raises DiskFull, StorageTrouble when parts cannot be written; parts already written are removed then.
        """
        if group.table == INSTRUMENTS:
            return SymbolsLoad(group, reader=self._reader, claims=self._claims).run()
        return _RowsLoad(
            group,
            table=self._tables[group.table],
            repository=self._repositories[group.table],
            reader=self._reader,
            claims=self._claims,
            checks=self._checks,
        ).run()


class _RowsLoad(GroupLoad):
    def __init__(
        self,
        group: Group,
        *,
        table: EventTable,
        repository: EventTableRepository,
        reader: BronzeReader,
        claims: Claims,
        checks: Mapping[str, str],
    ) -> None:
        super().__init__(group, reader=reader, claims=claims)
        first = group.entries[0]
        assert first.meta.date is not None
        self._table = table
        self._repository = repository
        escalated = frozenset(name for name, action in checks.items() if action == "quarantine")
        self._counted = [check for check in table.checks if checks.get(check.name, "count") == "count"]
        self._belonging = Belonging(exchange=first.meta.exchange, date=first.meta.date, escalated=escalated)
        self._partition = first.partition
        self._dictionary = [
            column.name
            for column in table.columns
            if column.kind is Kind.CHOICE or column.name in ("symbol", "underlying_index")
        ] + ["file_id"]
        self._pack = _Pack()
        self._pack_writer: PartWriter | None = None
        self._pack_ids: set[int] = set()
        self._open: dict[PartWriter, None] = {}

    def _end(self) -> None:
        self._flush_pack()
        if self._pack_writer is not None:
            self._close(self._pack_writer, self._pack_ids)

    def _undo(self) -> None:
        for writer in self._open:
            writer.discard()

    # ---- one file

    def _load_content(self, entry: Entry, content: BronzeContent) -> None:
        header = content.header()
        blocks = content.blocks()
        kept, more = _take(blocks, KEPT_FOR_PACK)
        if header or kept:
            check_header(self._table, header, entry.meta.bronze_file_path)
        has_rows = bool(kept) or more is not None
        if not self._is_first(entry, content.content_hash, has_rows=has_rows):
            return
        tally = Tally(entry, content.content_hash, self._counted)
        if more is None:
            self._add_to_pack(tally, header, b"".join(kept))
        else:
            self._stream(tally, header, _chain([*kept, more], blocks))

    # ---- small files, typed together

    def _add_to_pack(self, tally: Tally, header: tuple[str, ...], data: bytes) -> None:
        if not data:
            self._finish(tally)
            return
        if self._pack.members and (self._pack.header != header or self._pack.size + len(data) > PACK_BYTES):
            self._flush_pack()
        self._pack.header = header
        self._pack.members.append((tally, data))
        self._pack.size += len(data)

    def _flush_pack(self) -> None:
        pack, self._pack = self._pack, _Pack()
        if not pack.members:
            return
        rows = [data.count(b"\n") for _, data in pack.members]
        started = time.perf_counter()
        frame = fast_path.parse(self._table, pack.header, b"".join(data for _, data in pack.members), self._belonging)
        if frame is None or frame.height != sum(rows):
            for tally, data in pack.members:
                self._add_alone(tally, pack.header, data)
            return
        lineage = _lineage([tally.entry.file_id for tally, _ in pack.members], rows)
        per_file = frame.hstack(lineage.select("file_id")).group_by("file_id", maintain_order=True)
        facts_by_id = {counts["file_id"]: counts for counts in per_file.agg(facts(self._counted)).iter_rows(named=True)}
        for tally, _ in pack.members:
            tally.add_facts(facts_by_id[tally.entry.file_id])
        silver = frame.select(self._silver()).hstack(lineage)
        self._parse_s += time.perf_counter() - started
        self._write_to_pack(silver, [tally for tally, _ in pack.members])
        for tally, _ in pack.members:
            self._finish(tally)

    def _add_alone(self, tally: Tally, header: tuple[str, ...], data: bytes) -> None:
        """A file of a pack that could not be typed as a whole."""
        try:
            silver = self._parse_block(tally, header, data)
        except (Exception, PanicException) as error:  # noqa: BLE001 - one file's boundary: no content ends the daemon
            self._reject(tally.entry, unexpected(tally.entry, error))
            return
        self._write_to_pack(silver, [tally])
        self._finish(tally)

    def _write_to_pack(self, silver: pl.DataFrame, members: Sequence[Tally]) -> None:
        if silver.is_empty():
            return
        if self._pack_writer is None:
            self._pack_writer = self._start_part()
        self._write(self._pack_writer, silver)
        self._pack_ids.update(tally.entry.file_id for tally in members)

    # ---- large files, block by block

    def _stream(self, tally: Tally, header: tuple[str, ...], blocks: Iterator[bytes]) -> None:
        writer = self._start_part()
        written = False
        try:
            with ahead(blocks) as read, ahead(self._parse_block(tally, header, data) for data in read) as typed:
                for silver in typed:
                    if not silver.is_empty():
                        self._write(writer, silver)
                        written = True
        except BaseException:
            writer.discard()
            del self._open[writer]
            raise
        if written:
            self._close(writer, {tally.entry.file_id})
        else:
            del self._open[writer]
        self._finish(tally)

    # ---- rows

    def _parse_block(self, tally: Tally, header: Sequence[str], data: bytes) -> pl.DataFrame:
        """Type one block of one file; rows set aside go to the quarantine with their lines."""
        started = time.perf_counter()
        first_seq = tally.rows_read + 1
        frame = fast_path.parse(self._table, header, data, self._belonging)
        if frame is not None:
            seq = pl.int_range(first_seq, pl.len() + first_seq, dtype=pl.Int64).alias("file_seq")
        else:
            frame, bad = text_path.parse(self._table, header, data, self._belonging)
            seq = (pl.col("row") + first_seq).alias("file_seq")
            tally.add_set_aside(bad.with_columns(seq))
        tally.add_frame(frame.select(list(self._table.raw_schema)))  # the text path numbers its rows
        silver = frame.select(*self._silver(), pl.lit(tally.entry.file_id, pl.Int64).alias("file_id"), seq)
        self._parse_s += time.perf_counter() - started
        return silver

    def _silver(self) -> list[pl.Expr]:
        """A choice stays what the parser made of it: a dictionary, which the part takes as it is."""
        exprs = {expr.meta.output_name(): expr for expr in self._table.to_silver(self._table.columns)}
        exprs |= {column.name: pl.col(column.name) for column in self._table.columns if column.kind is Kind.CHOICE}
        return [expr for name, expr in exprs.items() if name not in self._partition]

    # ---- parts

    def _start_part(self) -> PartWriter:
        writer = self._repository.part_writer(self._partition, self._dictionary)
        self._open[writer] = None
        return writer

    def _write(self, writer: PartWriter, silver: pl.DataFrame) -> None:
        started = time.perf_counter()
        writer.write(silver)
        self._write_s += time.perf_counter() - started

    def _close(self, writer: PartWriter, file_ids: set[int]) -> None:
        started = time.perf_counter()
        part = writer.close()
        del self._open[writer]
        self._result.parts.append(LoadedPart(table=self._table.name, part=part, file_ids=frozenset(file_ids)))
        self._write_s += time.perf_counter() - started

    def _finish(self, tally: Tally) -> None:
        self._result.outcomes[tally.entry.file_id] = tally.outcome()
        self._result.set_aside += tally.set_aside


@dataclass(slots=True)
class _Pack:
    """Small files with the same header that wait to be typed together."""

    header: tuple[str, ...] = ()
    members: list[tuple[Tally, bytes]] = field(default_factory=list)
    size: int = 0


def _lineage(file_ids: Sequence[int], rows: Sequence[int]) -> pl.DataFrame:
    """Return ``file_id, file_seq`` of files laid end to end."""
    files = pl.DataFrame({"file_id": file_ids, "rows": rows}, schema={"file_id": pl.Int64, "rows": pl.Int64})
    seq = pl.int_ranges(1, pl.col("rows") + 1, dtype=pl.Int64).alias("file_seq")
    return files.select(pl.col("file_id").repeat_by("rows"), seq).explode("file_id", "file_seq")


def _take(blocks: Iterator[bytes], limit: int) -> tuple[list[bytes], bytes | None]:
    """Return the blocks up to ``limit`` bytes, and the block that was too much, or None where there is no more."""
    kept: list[bytes] = []
    size = 0
    for block in blocks:
        size += len(block)
        if size > limit:
            return kept, block
        kept.append(block)
    return kept, None


def _chain(first: Sequence[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from first
    yield from rest
