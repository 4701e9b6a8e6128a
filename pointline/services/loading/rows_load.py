"""Step 2 of the ingest: a worker turns a group of bronze files into parts that are not visible yet.

bytes -> blocks of lines -> typed frame -> part. Large files stream block by block into a part of their own, a block
being read, one typed and one written at the same time. Small files are decoded whole and typed together, so that the
cost of a parse and of a part is paid once for many of them.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from itertools import chain

import polars as pl
from msgspec.structs import replace
from polars.exceptions import PanicException

from pointline.ahead import ahead
from pointline.errors import PointlineError, Rejected
from pointline.io.protocols.bronze import BronzeContent, BronzeReader
from pointline.io.protocols.tables import EventTableRepository, PartWriter
from pointline.parse.feed import Feed
from pointline.parse.rules import counted, doubtful_times, quarantining, without_doubtful
from pointline.services.files.claims import Claims
from pointline.services.files.companion import check_companion
from pointline.services.ingest.batch import Entry, Group, LoadedPart
from pointline.services.loading.days import Days
from pointline.services.loading.group_load import GroupLoad, unexpected
from pointline.services.loading.pack import KEPT_FOR_PACK, PACK_BYTES, Member, Pack, first_blocks
from pointline.services.rows.block import belonging_of, parse_block
from pointline.services.rows.bronze_rows import BronzeRows, open_rows
from pointline.services.rows.header import check_header, unknown_columns, wanted_columns
from pointline.services.rows.tally import Tally
from pointline.tables.ingest_manifest import NO_ROWS, Status
from pointline.tables.schema import Kind
from pointline.vendors.feeds import Feeds
from pointline.vendors.headers import told_by_header


class RowsLoad(GroupLoad):
    """One group of files with rows of one feed and day. Used by one worker."""

    def __init__(
        self,
        group: Group,
        *,
        feeds: Feeds,
        feed: Feed,
        repository: EventTableRepository,
        reader: BronzeReader,
        claims: Claims,
        checks: Mapping[str, str],
        groups: Collection[str],
        max_quarantined_share: float,
        most_open: int,
    ) -> None:
        self._most_open = most_open
        super().__init__(group, reader=reader, claims=claims)
        meta = group.entries[0].meta
        self._feeds = feeds
        self._feed = feed
        self._table = self._feed.table
        self._repository = repository
        self._escalated = quarantining(checks)
        self._counted = counted(self._table, checks)
        self._groups = groups
        self._max_quarantined_share = max_quarantined_share
        self._wanted = wanted_columns(self._feed)
        self._usual_header = tuple(self._wanted)
        self._exchange, self._date = meta.exchange, str(meta.date)
        self._dictionary = [
            column.name
            for column in self._table.columns
            if column.kind is Kind.CHOICE or column.name in ("symbol", "underlying_index", "interval")
        ] + ["file_id"]
        self._pack = Pack()
        self._packed = self._start_days()
        self._open: dict[PartWriter, None] = {}

    def _end(self) -> None:
        self._flush_pack()
        self._close(self._packed)

    def _undo(self) -> None:
        for writer in self._open:
            writer.discard()

    # ---- one file

    def _reject(self, entry: Entry, error: PointlineError) -> None:
        super()._reject(entry, told_by_header(error, self._feeds, entry.meta.bronze_file_path))

    def _load_content(self, entry: Entry, content: BronzeContent) -> None:
        path = entry.meta.bronze_file_path
        belonging = belonging_of(self._feeds, entry.meta, self._escalated, self._groups)
        opened = open_rows(self._feed, content, path, self._wanted, belonging.says)
        kept, more = first_blocks(opened.blocks, KEPT_FOR_PACK)
        is_usual = bool(self._feed.headers) or opened.header == self._usual_header
        if (opened.header or kept) and not is_usual:
            check_header(self._table, opened.header, path)
        tally = Tally(entry, feed=opened.feed, header=opened.header, belonging=belonging, checks=self._counted)
        if not is_usual:
            tally.warn(unknown_columns(self._table, opened.header))
        if more is not None:
            blocks = chain([*kept, more], opened.blocks)
            self._stream(tally, content, replace(opened, feed=opened.feed.across_blocks(), blocks=blocks))
        elif self._is_first(entry, content.content_hash, has_rows=bool(kept)):
            tally.checksum = self._check_companion(entry, content.content_hash)
            tally.warn(content.warnings)
            if not kept and not _says_no_data(path, content):
                tally.warn({NO_ROWS: 1})
            member = Member(tally=tally, data=b"".join(kept), content_hash=content.content_hash)
            self._add_to_pack(member, opened)

    def _is_first(self, entry: Entry, content_hash: str, *, has_rows: bool) -> bool:
        """Where the path says when its rows were, the same bytes are other rows; of a copy the times tell."""
        return self._feed.is_timed_by_path or super()._is_first(entry, content_hash, has_rows=has_rows)

    def _check_companion(self, entry: Entry, content_hash: str) -> str | None:
        path = entry.meta.bronze_file_path
        accept = None if entry.candidate.is_accepted else f"`pointline retry {entry.file_id} --accept`"
        return check_companion(self._feed, self._reader, path, content_hash, accept=accept)

    # ---- small files, typed together

    def _add_to_pack(self, member: Member, opened: BronzeRows) -> None:
        if not member.data:
            self._finish(member.tally, member.content_hash, self._packed)
            return
        if not self._pack.takes(member, opened, PACK_BYTES):
            self._flush_pack()
        self._pack.add(member, opened)

    def _flush_pack(self) -> None:
        pack, self._pack = self._pack, Pack()
        if not pack.members:
            return
        started = time.perf_counter()
        silver = self._typed(pack)
        if silver is None:
            for member in pack.members:
                self._add_alone(member, pack.opened)
            return
        self._parse_s += time.perf_counter() - started
        self._write(self._packed, silver, *(member.tally for member in pack.members))
        for member in pack.members:
            self._finish(member.tally, member.content_hash, self._packed)

    def _typed(self, pack: Pack) -> pl.DataFrame | None:
        """Return what silver gets of the files of a pack, or None where each has to be looked at alone."""
        try:
            typed = pack.typed(self._counted)
            return typed if typed is None else typed.select(*self._silver(), "file_id", "file_seq")
        except (Exception, PanicException):  # noqa: BLE001 - alone, the file at fault is found and refused by itself
            return None

    def _add_alone(self, member: Member, opened: BronzeRows) -> None:
        """A file of a pack that could not be typed as a whole."""
        tally = member.tally
        try:
            silver = self._parse(tally, opened, member.data)
            tally.check_end()
            is_refused = tally.is_refused(self._max_quarantined_share)
        except Rejected as error:
            self._reject(tally.entry, error)
            return
        except (Exception, PanicException) as error:  # noqa: BLE001 - one file's boundary: no content ends the daemon
            self._reject(tally.entry, unexpected(tally.entry, error))
            return
        if not is_refused:
            self._write(self._packed, silver, tally)
        self._finish(tally, member.content_hash, self._packed)

    # ---- large files, block by block

    def _stream(self, tally: Tally, content: BronzeContent, opened: BronzeRows) -> None:
        days = self._start_days()
        try:
            with ahead(opened.blocks) as read, ahead(self._parse(tally, opened, data) for data in read) as typed:
                for silver in typed:
                    self._write(days, silver, tally)
            tally.check_end()
            # What a large file brings is known when all of it was read: the hash is that of the bytes that were parsed.
            is_first = self._is_first(tally.entry, content.content_hash, has_rows=True)
            tally.checksum = self._check_companion(tally.entry, content.content_hash)
        except BaseException:
            self._discard(days)
            raise
        if not is_first or tally.is_refused(self._max_quarantined_share):
            self._discard(days)
        else:
            self._close(days)
        if is_first:
            tally.warn(content.warnings)
            self._finish(tally, content.content_hash, days)

    # ---- rows

    def _parse(self, tally: Tally, opened: BronzeRows, data: bytes) -> pl.DataFrame:
        """Type one block of one file; rows that cannot be kept go to the quarantine with their lines."""
        started = time.perf_counter()
        block = parse_block(opened, data, tally.belonging, tally.lines)
        tally.add_block(block)
        doubtful = doubtful_times(self._table, block.rows)
        told = block.rows.clone()
        tally.add_frame(told, told.drop_in_place("file_seq"), doubtful)
        rows = without_doubtful(block.rows, doubtful)
        silver = rows.select(*self._silver(), pl.lit(tally.entry.file_id, pl.Int64).alias("file_id"), "file_seq")
        self._parse_s += time.perf_counter() - started
        return silver

    def _silver(self) -> list[pl.Expr]:
        """A choice stays what the parser made of it: a dictionary, which the data file takes as it is."""
        exprs = {expr.meta.output_name(): expr for expr in self._table.to_silver(self._table.columns)}
        exprs |= {column.name: pl.col(column.name) for column in self._table.columns if column.kind is Kind.CHOICE}
        return [expr for name, expr in exprs.items() if name != "exchange"]

    # ---- data files, one for each day that rows are of

    def _start_days(self) -> Days:
        return Days(self._start, self._date, self._most_open)

    def _start(self, date: str) -> PartWriter:
        writer = self._repository.part_writer({"exchange": self._exchange, "date": date}, self._dictionary)
        self._open[writer] = None
        return writer

    def _write(self, days: Days, silver: pl.DataFrame, first: Tally, *more: Tally) -> None:
        started = time.perf_counter()
        leaving = {tally.entry.file_id: tally.entry.days_to_leave for tally in (first, *more)}
        days.write(silver, leaving, is_one_day=first.belonging.is_one_day)
        self._write_s += time.perf_counter() - started

    def _close(self, days: Days) -> None:
        started = time.perf_counter()
        for part, writer, file_ids in days.close():
            del self._open[writer]
            self._result.parts.append(LoadedPart(table=self._table.name, part=part, file_ids=frozenset(file_ids)))
        self._write_s += time.perf_counter() - started

    def _discard(self, days: Days) -> None:
        for writer in days.discard():
            del self._open[writer]

    def _finish(self, tally: Tally, content_hash: str, days: Days) -> None:
        file_id = tally.entry.file_id
        if tally.is_refused(self._max_quarantined_share):
            self._result.outcomes[file_id] = tally.refusal(content_hash)
        else:
            self._result.outcomes[file_id] = tally.outcome(content_hash, days.rows_by_day(file_id))
            self._result.spans[file_id] = tally.spans
            self._result.set_aside += tally.set_aside
        if self._result.outcomes[file_id].status is not Status.SUCCESS:
            self._claims.release([file_id])  # another file with the same content may have the right name


def _says_no_data(path: str, content: BronzeContent) -> bool:
    """An empty gzip is how a vendor says that there was no data, and an empty bi5; no other file without rows does."""
    return path.lower().endswith(".bi5") or (
        path.lower().endswith(".gz") and content.is_packed and not content.header()
    )
