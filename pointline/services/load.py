"""Step 2 of the ingest: a worker turns a group of bronze files into parts that are not visible yet.

bytes -> blocks of lines -> typed frame -> part. Large files stream block by block into a part of their own, a block
being read, one typed and one written at the same time. Small files are decoded whole and typed together, so that the
cost of a parse and of a part is paid once for many of them.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence

import polars as pl
from polars.exceptions import PanicException

from pointline.errors import Rejected
from pointline.io.protocols import BronzeContent, BronzeReader, EventTableRepository, PartWriter
from pointline.parse import fast_path, text_path
from pointline.parse.rules import Belonging, doubtful_times, without_doubtful
from pointline.services.ahead import ahead
from pointline.services.batch import Entry, Group, Loaded, LoadedPart
from pointline.services.claims import Claims
from pointline.services.group_load import GroupLoad, unexpected
from pointline.services.header import check_header, unknown_columns, wanted_columns
from pointline.services.load_symbols import SymbolsLoad
from pointline.services.pack import Member, Pack
from pointline.services.tally import Tally
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status
from pointline.tables.schema import EventTable, Kind
from pointline.tables.spelling import is_group

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
        groups: Collection[str] = (),
        max_quarantined_share: float = 0.2,
    ) -> None:
        self._tables = tables
        self._repositories = repositories
        self._reader = reader
        self._claims = claims
        self._checks = checks
        self._groups = groups
        self._max_quarantined_share = max_quarantined_share

    def load(self, group: Group) -> Loaded:
        """Read, type, check and write a group. Trouble with a file stays with that file.

        Raises DiskFull, StorageTrouble when parts cannot be written; parts already written are removed then.
        """
        if group.table == INSTRUMENTS:
            share = self._max_quarantined_share
            load = SymbolsLoad(group, reader=self._reader, claims=self._claims, max_quarantined_share=share)
            return load.run()
        return _RowsLoad(
            group,
            table=self._tables[group.table],
            repository=self._repositories[group.table],
            reader=self._reader,
            claims=self._claims,
            checks=self._checks,
            groups=self._groups,
            max_quarantined_share=self._max_quarantined_share,
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
        groups: Collection[str],
        max_quarantined_share: float,
    ) -> None:
        super().__init__(group, reader=reader, claims=claims)
        first = group.entries[0]
        assert first.meta.date is not None
        self._table = table
        self._repository = repository
        escalated = frozenset(name for name, action in checks.items() if action == "quarantine")
        self._counted = [check for check in table.checks if checks.get(check.name, "count") == "count"]
        self._belonging = Belonging(exchange=first.meta.exchange, date=first.meta.date, escalated=escalated)
        self._groups = groups
        self._max_quarantined_share = max_quarantined_share
        self._wanted = wanted_columns(table)
        self._usual_header = tuple(self._wanted)
        self._partition = first.partition
        self._dictionary = [
            column.name
            for column in table.columns
            if column.kind is Kind.CHOICE or column.name in ("symbol", "underlying_index")
        ] + ["file_id"]
        self._pack = Pack()
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
        blocks = content.blocks(self._wanted)
        kept, more = _take(blocks, KEPT_FOR_PACK)
        is_usual = header == self._usual_header
        if (header or kept) and not is_usual:
            check_header(self._table, header, entry.meta.bronze_file_path)
        belonging = self._belonging_of(entry.meta.symbol)
        tally = Tally(entry, table=self._table, header=header, belonging=belonging, checks=self._counted)
        if not is_usual:
            tally.warn(unknown_columns(self._table, header))
        if more is not None:
            self._stream(tally, header, content, _chain([*kept, more], blocks))
        elif self._is_first(entry, content.content_hash, has_rows=bool(kept)):
            tally.warn(content.warnings)
            self._add_to_pack(Member(tally=tally, data=b"".join(kept), content_hash=content.content_hash), header)

    def _belonging_of(self, symbol: str) -> Belonging:
        shared = self._belonging
        if is_group(symbol, self._groups):
            return shared
        return Belonging(exchange=shared.exchange, date=shared.date, symbol=symbol, escalated=shared.escalated)

    # ---- small files, typed together

    def _add_to_pack(self, member: Member, header: tuple[str, ...]) -> None:
        if not member.data:
            self._finish(member.tally, member.content_hash)
            return
        pack = self._pack
        if pack.members and (pack.header != header or pack.size + len(member.data) > PACK_BYTES):
            self._flush_pack()
        self._pack.header = header
        self._pack.add(member)

    def _flush_pack(self) -> None:
        pack, self._pack = self._pack, Pack()
        if not pack.members:
            return
        started = time.perf_counter()
        typed = pack.typed(self._table, self._belonging, self._counted)
        if typed is None:
            for member in pack.members:
                self._add_alone(member, pack.header)
            return
        frame, lineage = typed
        silver = frame.select(self._silver()).hstack(lineage)
        self._parse_s += time.perf_counter() - started
        self._write_to_pack(silver, [member.tally for member in pack.members])
        for member in pack.members:
            self._finish(member.tally, member.content_hash)

    def _add_alone(self, member: Member, header: tuple[str, ...]) -> None:
        """A file of a pack that could not be typed as a whole."""
        tally = member.tally
        try:
            silver = self._parse_block(tally, header, member.data)
            tally.check_end()
            is_refused = tally.is_refused(self._max_quarantined_share)
        except Rejected as error:
            self._reject(tally.entry, error)
            return
        except (Exception, PanicException) as error:  # noqa: BLE001 - one file's boundary: no content ends the daemon
            self._reject(tally.entry, unexpected(tally.entry, error))
            return
        if not is_refused:
            self._write_to_pack(silver, [tally])
        self._finish(tally, member.content_hash)

    def _write_to_pack(self, silver: pl.DataFrame, members: Sequence[Tally]) -> None:
        if silver.is_empty():
            return
        if self._pack_writer is None:
            self._pack_writer = self._start_part()
        self._write(self._pack_writer, silver)
        self._pack_ids.update(tally.entry.file_id for tally in members)

    # ---- large files, block by block

    def _stream(self, tally: Tally, header: tuple[str, ...], content: BronzeContent, blocks: Iterator[bytes]) -> None:
        writer = self._start_part()
        written = False
        try:
            with ahead(blocks) as read, ahead(self._parse_block(tally, header, data) for data in read) as typed:
                for silver in typed:
                    if not silver.is_empty():
                        self._write(writer, silver)
                        written = True
            tally.check_end()
            # What a large file brings is known when all of it was read: the hash is that of the bytes that were parsed.
            is_first = self._is_first(tally.entry, content.content_hash, has_rows=True)
        except BaseException:
            self._discard(writer)
            raise
        if not written or not is_first or tally.is_refused(self._max_quarantined_share):
            self._discard(writer)
        else:
            self._close(writer, {tally.entry.file_id})
        if is_first:
            tally.warn(content.warnings)
            self._finish(tally, content.content_hash)

    # ---- rows

    def _parse_block(self, tally: Tally, header: Sequence[str], data: bytes) -> pl.DataFrame:
        """Type one block of one file; rows set aside go to the quarantine with their lines."""
        started = time.perf_counter()
        first_seq = tally.rows_read + 1
        frame = fast_path.parse(self._table, header, data, tally.belonging)
        if frame is not None:
            seq = pl.int_range(first_seq, pl.len() + first_seq, dtype=pl.Int64).alias("file_seq")
            numbers: Sequence[int] | pl.Series = range(first_seq, first_seq + frame.height)
        else:
            frame, bad = text_path.parse(self._table, header, data, tally.belonging)
            seq = (pl.col("row") + first_seq).alias("file_seq")
            tally.add_set_aside(bad.with_columns(seq))
            numbers = frame["row"] + first_seq
        doubtful = doubtful_times(self._table, frame)
        tally.add_frame(frame.drop("row", strict=False), numbers, doubtful)
        rows = without_doubtful(frame, doubtful)
        silver = rows.select(*self._silver(), pl.lit(tally.entry.file_id, pl.Int64).alias("file_id"), seq)
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

    def _discard(self, writer: PartWriter) -> None:
        writer.discard()
        del self._open[writer]

    def _finish(self, tally: Tally, content_hash: str) -> None:
        file_id = tally.entry.file_id
        if tally.is_refused(self._max_quarantined_share):
            self._result.outcomes[file_id] = tally.refusal(content_hash)
        else:
            self._result.outcomes[file_id] = tally.outcome(content_hash)
            self._result.spans[file_id] = tally.spans
            self._result.set_aside += tally.set_aside
        if self._result.outcomes[file_id].status is not Status.SUCCESS:
            self._claims.release([file_id])  # another file with the same content may have the right name


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
