"""What silver would have of a file that is read again: rows that are there are not given up for a worse reading.

A description or a setting has changed since, or is wrong now. Whoever wants the new reading all the same withdraws the
file first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from msgspec.structs import replace

from pointline.errors import PointlineError
from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import ACCEPTED, BronzeFileMetadata
from pointline.phrases import plural
from pointline.services.loading.trial import Terms, try_file
from pointline.tables.ingest_manifest import Status, stands_at


def worse_readings(
    ledger: pl.DataFrame, reader: BronzeReader, terms: Terms, *, min_share: float
) -> Iterator[tuple[int, str]]:
    """Yield the id of each file that is in and would lose rows by being read again, and why, with a remedy.

    It cannot be read, would be refused, or would keep less than that share of its rows. Of a file that a person has
    accepted, any share of its rows may be quarantined, as before. What bronze does not have is none of them.
    """
    for row in ledger.filter(stands_at(Status.SUCCESS), pl.col("rows_written") > 0).iter_rows(named=True):
        if reader.is_gone(row["bronze_file_path"]):
            continue
        is_accepted = ACCEPTED in json.loads(row["warnings"] or "{}")
        its_terms = replace(terms, max_quarantined_share=1.0) if is_accepted else terms
        if why := _why_worse(row, reader, its_terms, min_share):
            yield row["file_id"], why


def _why_worse(row: Mapping[str, Any], reader: BronzeReader, terms: Terms, min_share: float) -> str:
    file_id, path = row["file_id"], row["bronze_file_path"]
    meta = reader.look(path)
    if meta is None:
        if reader.changed_at(path) is None:
            return "it cannot be looked at: you may not read its folder, or its disk is not mounted"
        return f"nothing reads its path now: `pointline explain {file_id}` says why"
    if meta.problem:
        return f"read again now, it would be refused: {meta.problem}"
    why = _what_it_loses(row, meta, reader, terms, min_share)
    return why and f"{why}; if you want that: `pointline withdraw {file_id}`, then `pointline retry {file_id}`"


def _what_it_loses(
    row: Mapping[str, Any], meta: BronzeFileMetadata, reader: BronzeReader, terms: Terms, min_share: float
) -> str:
    try:
        with reader.open(meta) as content:
            trial = try_file(meta, content, terms)
    except PointlineError as error:
        return f"read again now, it would be refused: {error}"
    kept = row["rows_read"] - row["rows_quarantined"]
    if trial.refusal:
        return f"read again now, it would be refused: {trial.refusal}"
    if trial.rows_kept < min_share * kept:
        return f"read again now, it would keep {trial.rows_kept:,} of its {plural(kept, 'row')}"
    return ""
