"""What silver would have of a file that is read again: rows that are there are not given up for a worse reading.

A description or a setting has changed since, or is wrong now. Whoever wants the new reading all the same withdraws the
file first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl

from pointline.errors import PointlineError
from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import ACCEPTED
from pointline.phrases import plural
from pointline.services.loading.trial import Terms, try_file
from pointline.tables.ingest_manifest import Status, stands_at


def worse_readings(
    ledger: pl.DataFrame, reader: BronzeReader, terms: Terms, *, min_share: float
) -> Iterator[tuple[int, str]]:
    """Yield the id of each file that is in and would lose rows by being read again, and what would become of it.

    It would be refused, or keep less than that share of its rows. What a person has accepted is read as it was.
    """
    for row in ledger.filter(stands_at(Status.SUCCESS), pl.col("rows_written") > 0).iter_rows(named=True):
        kept = row["rows_read"] - row["rows_quarantined"]
        meta = reader.look(row["bronze_file_path"])
        if meta is None or ACCEPTED in json.loads(row["warnings"] or "{}"):
            continue
        try:
            with reader.open(meta) as content:
                trial = try_file(meta, content, terms)
        except PointlineError:
            continue  # it is tried again, as others are
        if trial.refusal:
            yield row["file_id"], f"it would be refused now: {trial.refusal}"
        elif trial.rows_kept < min_share * kept:
            yield row["file_id"], f"{trial.rows_kept:,} of its {plural(kept, 'row')} would be kept now"
