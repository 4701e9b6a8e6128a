"""Bronze read again and held against silver: every value of every row, in a pass over each side.

Both sides are reduced to one number per file, so that neither has to be held; only where these differ is the first row
at fault looked up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.io.protocols.bronze import BronzeContent, BronzeReader
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.io.protocols.tables import Part
from pointline.parse.rules import doubtful_times, without_doubtful
from pointline.services.audit.silver.row_counts import AuditedTable
from pointline.services.files.companion import late_checksums
from pointline.services.loading.pack import KEPT_FOR_PACK
from pointline.services.rows.block import belonging_of, parse_block, row_count
from pointline.services.rows.bronze_rows import open_rows
from pointline.services.rows.header import wanted_columns
from pointline.tables.schema import PARTITION_COLUMNS, EventTable
from pointline.vendors.feeds import Feeds

ASIDE: dict[str, pl.DataType] = {
    "file_seq": pl.Int64(),
    "rule": pl.String(),
    "column": pl.String(),
    "raw": pl.String(),
}
MASK = (1 << 64) - 1
Digests = dict[int, int]


class Reread(Struct, frozen=True, kw_only=True):
    """What a bronze file holds now. ``silver`` and ``aside`` are digests of the rows it should have given."""

    content_hash: str
    silver: int
    aside: int


class Rereader:
    """Reads files of one table the way they were ingested, with the same checks set to quarantine rows."""

    def __init__(
        self,
        table: EventTable,
        reader: BronzeReader,
        escalated: frozenset[str],
        groups: Collection[str] = (),
        feeds: Feeds | None = None,
    ) -> None:
        self._table = table
        self._feeds = feeds or Feeds({table.name: table})
        self._groups = groups
        self._reader = reader
        self._escalated = escalated
        self._schema = {
            name: dtype for name, dtype in table.silver_schema.items() if name not in (*PARTITION_COLUMNS, "file_id")
        }

    def reread(self, meta: BronzeFileMetadata, dates: Collection[str] | None = None) -> Reread:
        """Read a file and return its digests, of rows of these UTC dates only. Raises Rejected, Transient."""
        with self._reader.open(meta) as content:
            silver = aside = 0
            for good, bad in self._rows(meta, content, dates):
                silver += _digest(good)
                aside += _digest(bad)
            return Reread(content_hash=content.content_hash, silver=silver & MASK, aside=aside & MASK)

    def row(self, meta: BronzeFileMetadata, file_seq: int) -> dict[str, object] | None:
        """Return a row as the file gives it now, None where it gives none there. Raises Rejected, Transient."""
        with self._reader.open(meta) as content:
            for good, _ in self._rows(meta, content, since=file_seq):
                found = good.filter(pl.col("file_seq") == file_seq)
                return found.row(0, named=True) if found.height else None
        return None

    def checksums_that_differ(self, were_right: pl.DataFrame) -> Iterator[tuple[int, str, str]]:
        """Yield ``file_id, path, what is wrong`` of files whose checksums agreed once, and are others now."""
        for file_id, path, _, wrong in late_checksums(were_right, self._reader, self._feeds.feed):
            yield file_id, path, wrong

    def digest_silver(self, table: AuditedTable, parts: Sequence[Part], file_ids: Sequence[int]) -> Digests:
        """Return the digest of what silver holds of each file."""
        return _digests(table, parts, self._schema, file_ids)

    def first_difference(
        self,
        meta: BronzeFileMetadata,
        table: AuditedTable,
        parts: Sequence[Part],
        file_id: int,
        dates: Collection[str] | None = None,
    ) -> str:
        """Say in which row and column silver differs from the file."""
        with self._reader.open(meta) as content:
            for good, bad in self._rows(meta, content, dates):
                if good.is_empty():
                    continue
                seqs = pl.concat([good["file_seq"], bad["file_seq"]])
                low, high = seqs.min(), seqs.max()
                held = [
                    rows.filter(pl.col("file_id") == file_id, pl.col("file_seq").is_between(low, high))
                    for part in parts
                    for rows in table.rows_of(part)
                ]
                none = pl.DataFrame(schema=self._schema)
                found = pl.concat([none, *(_shaped(rows, self._schema) for rows in held)]).sort("file_seq")
                if not found.equals(good):
                    return _describe(found, good)
        return "silver holds rows beyond the end of the file"

    def _rows(
        self, meta: BronzeFileMetadata, content: BronzeContent, dates: Collection[str] | None = None, *, since: int = 1
    ) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield rows and bad rows of a block after the other, from the one that has the row ``since``."""
        feed = self._feeds.feed(self._table.name, meta.feed, meta.vendor)
        belonging = belonging_of(self._feeds, meta, self._escalated, self._groups)
        opened = open_rows(feed, content, meta.bronze_file_path, wanted_columns(feed))
        opened = replace(opened, feed=opened.feed.across_blocks())
        lines = 0
        for data in as_loaded(opened.blocks):
            if since > 1 and lines + (count := row_count(opened, data)) < since:
                lines += count
                continue
            block = parse_block(opened, data, belonging, lines)
            lines += block.lines
            bad = _shaped(block.bad, ASIDE)
            good = without_doubtful(block.rows, doubtful_times(self._table, block.rows))
            rows = _shaped(good.select(*self._table.to_silver(self._table.columns), "file_seq"), self._schema)
            if dates is not None:
                rows = rows.filter(pl.col("local_timestamp").dt.date().cast(pl.String).is_in(list(dates)))
            yield rows, bad


def digest_aside(table: AuditedTable, parts: Sequence[Part], file_ids: Sequence[int]) -> Digests:
    """Return the digest of what quarantine holds of each file."""
    return _digests(table, parts, ASIDE, file_ids)


def _digests(
    table: AuditedTable, parts: Sequence[Part], schema: Mapping[str, pl.DataType], file_ids: Sequence[int]
) -> Digests:
    found: Digests = dict.fromkeys(file_ids, 0)
    wanted = list(file_ids)
    for part in parts:
        for rows in table.rows_of(part, ["file_id", *schema]):
            held = rows.filter(pl.col("file_id").is_in(wanted))
            hashes = _shaped(held, schema).hash_rows().alias("hash")
            sums = pl.DataFrame([held["file_id"], hashes]).group_by("file_id").agg(pl.col("hash").sum())
            for file_id, digest in sums.iter_rows():
                found[file_id] = (found[file_id] + digest) & MASK
    return found


def _digest(rows: pl.DataFrame) -> int:
    return int(rows.hash_rows().sum()) if rows.height else 0


def _shaped(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def as_loaded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Small files are typed whole, large ones block by block: where a block ends decides about broken quoting."""
    kept: list[bytes] = []
    size = 0
    for block in blocks:
        size += len(block)
        kept.append(block)
        if size > KEPT_FOR_PACK:
            yield from kept
            yield from blocks
            return
    if kept:
        yield b"".join(kept)


def _describe(found: pl.DataFrame, good: pl.DataFrame) -> str:
    if lacking := sorted(set(good["file_seq"]) - set(found["file_seq"])):
        return f"row {lacking[0]} is not in silver"
    if extra := sorted(set(found["file_seq"]) - set(good["file_seq"])):
        return f"row {extra[0]} is in silver and should not be"
    if found.height != good.height:
        return "a row is there twice"
    columns = [name for name in good.columns if not found[name].equals(good[name], null_equal=True)]
    pairs = zip(found["file_seq"], found[columns[0]], good[columns[0]], strict=True)
    seq, here, there = next((seq, here, there) for seq, here, there in pairs if repr(here) != repr(there))
    return f"row {seq}, {', '.join(columns)}: {here} in silver, {there} in bronze"
