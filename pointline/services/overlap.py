"""Parts of one day: files of the same exchange, type, symbol and date go in side by side unless their times overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pointline.io.protocols import Outcome
from pointline.services.batch import Entry
from pointline.tables.ingest_manifest import Status, stands_at


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    file_id: int
    path: str
    first_us: int
    last_us: int


def find_overlaps(
    entries: Mapping[int, Entry], outcomes: Mapping[int, Outcome], ledger: pl.DataFrame
) -> dict[int, Outcome]:
    """Return new outcomes of the files whose time range meets that of a file already in, or of one before them.

    Counting a day twice in silence is the worst outcome, so ranges that share one instant meet.
    """
    refused: dict[int, Outcome] = {}
    taken: dict[tuple[str, ...], list[_Range]] = {}
    for file_id in sorted(entries):
        entry, outcome = entries[file_id], outcomes.get(file_id)
        if outcome is None or not entry.candidate.has_siblings or outcome.status is not Status.SUCCESS:
            continue
        if outcome.first_local_us is None or outcome.last_local_us is None:
            continue
        key = (entry.meta.exchange, entry.meta.data_type, entry.meta.symbol, str(entry.meta.date))
        if key not in taken:
            replaced = {
                old
                for newer, other in entries.items()
                for old in other.candidate.replaces
                if newer in outcomes and outcomes[newer].status is Status.SUCCESS
            }
            taken[key] = _ranges_in(ledger, entry, leaving_out=replaced)
        mine = _Range(
            file_id=file_id,
            path=entry.meta.bronze_file_path,
            first_us=outcome.first_local_us,
            last_us=outcome.last_local_us,
        )
        met = next((other for other in taken[key] if _meet(mine, other)), None)
        if met is None:
            taken[key].append(mine)
        else:
            refused[file_id] = Outcome(
                file_id=file_id,
                status=Status.QUARANTINED,
                content_hash=outcome.content_hash,
                error=f"its times overlap those of file {met.file_id} ({met.path}), which is in the lake for the same "
                "exchange, type, symbol and date; remove one of the two, or set ingest.overlap to allow and run "
                "`pointline retry`",
            )
    return refused


def _ranges_in(ledger: pl.DataFrame, entry: Entry, *, leaving_out: set[int]) -> list[_Range]:
    meta = entry.meta
    rows = ledger.filter(
        pl.col("exchange") == meta.exchange,
        pl.col("data_type") == meta.data_type,
        pl.col("symbol") == meta.symbol,
        pl.col("date") == meta.date,
        stands_at(Status.SUCCESS),
        pl.col("first_local_timestamp").is_not_null(),
        ~pl.col("file_id").is_in(sorted(leaving_out)),
    ).select(
        "file_id",
        "bronze_file_path",
        pl.col("first_local_timestamp").to_physical(),
        pl.col("last_local_timestamp").to_physical(),
    )
    return [
        _Range(file_id=file_id, path=path, first_us=first, last_us=last) for file_id, path, first, last in rows.rows()
    ]


def _meet(one: _Range, other: _Range) -> bool:
    return one.first_us <= other.last_us and other.first_us <= one.last_us
