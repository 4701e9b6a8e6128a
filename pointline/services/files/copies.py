"""Which files of a batch have the content of another one: what moved here, what is a copy, which copies lose theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import polars as pl

from pointline.io.protocols.file_version import Outcome
from pointline.services.files.place.overlap import day_of
from pointline.services.files.silver_facts import SilverFacts
from pointline.services.ingest.batch import Entry
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status, stands_at, with_hashes
from pointline.tables.spelling import symbol_key

ContentOfDay: TypeAlias = tuple[str | None, str, str, str, str]
"""A content hash, exchange, table and date; and the key of a symbol, or nothing: rows may name their symbol."""


def moved_here(
    entries: Mapping[int, Entry], outcomes: Mapping[int, Outcome], ledger: pl.DataFrame, facts: SilverFacts
) -> dict[int, list[int]]:
    """Return the files in silver with the content of one that gets in, and that are no longer at their own paths."""
    by_content: dict[str, list[int]] = {}
    for file_id, outcome in outcomes.items():
        if outcome.status is Status.SUCCESS and outcome.content_hash and outcome.rows_written:
            by_content.setdefault(outcome.content_hash, []).append(file_id)
    sizes = {entries[file_id].meta.file_size_bytes for ids in by_content.values() for file_id in ids}
    if not sizes:
        return {}
    rows = (
        _in_silver(ledger, sizes, by_content)
        .filter(pl.col("first_local_timestamp").is_not_null() | (pl.col("data_type") == INSTRUMENTS))
        .select("file_id", "content_hash", pl.col("symbol").cast(pl.String), pl.col("last_modified_ts").to_physical())
    )
    found: dict[int, list[int]] = {}
    for old, content, symbol, modified_us in rows.iter_rows():
        new = min(by_content[content])
        meta = entries[new].meta
        # What names no symbol may have the bytes of another one: it is that file only where it has its time, too.
        is_of_symbol = meta.names_symbol or symbol_key(symbol) == symbol_key(meta.symbol)
        is_it = is_of_symbol or modified_us == meta.last_modified_ts
        if is_it and old not in entries and facts.has_left_bronze(old):
            found.setdefault(new, []).append(old)
    return found


def _in_silver(ledger: pl.DataFrame, sizes: Collection[int], contents: Collection[str]) -> pl.DataFrame:
    """Return the ingested files that have one of these contents. A size is compared faster than a hash."""
    of_size = ledger.filter(pl.col("file_size_bytes").is_in(list(sizes)), stands_at(Status.SUCCESS))
    return with_hashes(of_size).filter(pl.col("content_hash").is_in(list(contents)))


def copies_among(
    entries: Mapping[int, Entry],
    outcomes: Mapping[int, Outcome],
    *,
    old: Mapping[int, tuple[int, ...]],
    ledger: pl.DataFrame,
    replaced: Collection[int],
    facts: SilverFacts,
) -> dict[int, Outcome]:
    """A refused file whose bytes are in, or get in, from another path is a copy, and nothing is wrong with it.

    One that takes the place of ``old`` files is that only where nothing but its original is in its way.
    """
    quarantined = {file_id: one for file_id, one in outcomes.items() if one.status is Status.QUARANTINED}
    refused = {file_id: one.content_hash for file_id, one in quarantined.items() if one.content_hash}
    if not refused:
        return {}
    brought = _in_silver_since(entries, refused, ledger, replaced, facts) | {
        (outcome.content_hash, *day_of(meta), symbol): file_id
        for file_id, outcome in outcomes.items()
        if outcome.status is Status.SUCCESS and outcome.rows_written
        for meta in [entries[file_id].meta]
        for symbol in ("", symbol_key(meta.symbol))
    }
    in_the_way = [one.superseded_by for one in quarantined.values() if one.superseded_by is not None]
    for key, other in _by_content(with_hashes(ledger.filter(pl.col("file_id").is_in(in_the_way)))):
        brought.setdefault(key, other)
    return {
        file_id: Outcome.duplicate(file_id, content_hash=content, of=original)
        for file_id, content in refused.items()
        if (original := brought.get((content, *_claim(entries[file_id])))) is not None
        and (file_id not in old or (original not in old[file_id] and original == quarantined[file_id].superseded_by))
    }


def _claim(entry: Entry) -> tuple[str, str, str, str]:
    """Return what the original of a copy has to be of: where the rows do not say so, of the same symbol too."""
    return *day_of(entry.meta), "" if entry.meta.names_symbol else symbol_key(entry.meta.symbol)


def _in_silver_since(
    entries: Mapping[int, Entry],
    refused: Mapping[int, str],
    ledger: pl.DataFrame,
    replaced: Collection[int],
    facts: SilverFacts,
) -> dict[ContentOfDay, int]:
    """Return the contents of refused files that are in silver: another batch may have brought them since ``begin``."""
    sizes = {entries[file_id].meta.file_size_bytes for file_id in refused}
    rows = _in_silver(ledger, sizes, set(refused.values())).filter(pl.col("first_local_timestamp").is_not_null())
    return {
        key: file_id
        for key, file_id in _by_content(rows)
        if file_id not in replaced and file_id not in entries and not facts.has_left_bronze(file_id)
    }


def _by_content(rows: pl.DataFrame) -> Iterator[tuple[ContentOfDay, int]]:
    """Yield what each of these files of the ledger holds, and of which day, with its id."""
    day = [pl.col(name).cast(pl.String) for name in ("exchange", "data_type", "date", "symbol")]
    for content, exchange, table, date, symbol, file_id in rows.select("content_hash", *day, "file_id").iter_rows():
        yield (content, exchange, table, date, ""), file_id
        yield (content, exchange, table, date, symbol_key(symbol)), file_id


def copies_of(ledger: pl.DataFrame, originals: Iterable[int], *, leaving_out: Sequence[int]) -> dict[int, str]:
    """Return the duplicates of these files, with their paths."""
    wanted = list(originals)
    if not wanted:
        return {}
    copies = ledger.filter(
        stands_at(Status.DUPLICATE),
        pl.col("superseded_by").is_in(wanted),
        ~pl.col("file_id").is_in(leaving_out),
    )
    return dict(copies.select("file_id", "bronze_file_path").iter_rows())
