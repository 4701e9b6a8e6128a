"""Step 2 for files of instruments: what they say of symbols is kept for the commit. They make no parts."""

from __future__ import annotations

import json
import time

import polars as pl

from pointline.errors import Rejected
from pointline.io.protocols import BronzeContent, BronzeReader, Outcome
from pointline.services.batch import Entry, Group, start_of_day
from pointline.services.claims import Claims
from pointline.services.group_load import GroupLoad
from pointline.tables import quarantine
from pointline.tables.dim_symbol import PLACE
from pointline.tables.dim_symbol_metadata import Belonging, read_metadata
from pointline.tables.ingest_manifest import Status

LEAST_BAD_ROWS = 10
"""Fewer never keep a whole file out."""
MOST_NAMES = 3


class SymbolsLoad(GroupLoad):
    """Loads files of symbol metadata. Those without times of their own hold from the day that their path names."""

    def __init__(self, group: Group, *, reader: BronzeReader, claims: Claims, max_quarantined_share: float) -> None:
        super().__init__(group, reader=reader, claims=claims)
        self._max_quarantined_share = max_quarantined_share

    def _load_content(self, entry: Entry, content: BronzeContent) -> None:
        data = content.whole()
        if not self._is_first(entry, content.content_hash, has_rows=bool(data)):
            return
        rows, bad, error = 0, 0, None
        if data:
            started = time.perf_counter()
            exchange = entry.meta.exchange
            found = read_metadata(
                data, exchange=exchange, effective_at=start_of_day(entry), belonging=Belonging(exchange=exchange)
            )
            self._parse_s += time.perf_counter() - started
            rows = found.updates.height
            if found.foreign is not None:
                bad = found.foreign.height
                error = self._keep_apart(entry, found.foreign, rows, data)
            self._result.symbols[entry.file_id] = found
        self._result.outcomes[entry.file_id] = Outcome(
            file_id=entry.file_id,
            status=Status.SUCCESS,
            content_hash=content.content_hash,
            rows_read=rows + bad,
            rows_written=rows,
            rows_quarantined=bad,
            error=error,
        )

    def _keep_apart(self, entry: Entry, foreign: pl.DataFrame, rows: int, data: bytes) -> str:
        """Put rows of other exchanges into quarantine and say so; raises Rejected where there are too many of them."""
        bad, all_rows = foreign.height, rows + foreign.height
        names = foreign["exchange"].unique().sort().to_list()
        named = ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")
        told = f"{bad:,} of {all_rows:,} rows are of {named}, and its folder says {entry.meta.exchange}"
        too_many = bad >= LEAST_BAD_ROWS and bad > self._max_quarantined_share * all_rows
        if not rows or (too_many and not entry.candidate.is_accepted):
            rest = f"; or `pointline retry {entry.file_id} --accept` takes the rest" if rows else ""
            raise Rejected(f"{entry.meta.bronze_file_path}: {told}", hint=f"move it to exchange={names[0]}{rest}")
        self._result.set_aside.append(_as_bad_rows(entry, foreign, data))
        return f"{told}: they were quarantined (other_exchange)"


def _as_bad_rows(entry: Entry, foreign: pl.DataFrame, data: bytes) -> pl.DataFrame:
    lines = data.splitlines()
    meta = entry.meta
    made = []
    for number, row in enumerate(foreign.iter_rows(named=True), 1):
        kind, _, place = (row[PLACE] or f"row {number}").partition(" ")
        raw = lines[int(place) - 1].decode(errors="replace") if kind == "line" else json.dumps(row, default=str)
        made.append({"file_seq": int(place), "raw": raw})
    return (
        pl.DataFrame(made)
        .select(
            pl.lit(entry.file_id).alias("file_id"),
            "file_seq",
            pl.lit(meta.exchange).alias("exchange"),
            pl.lit(meta.date, pl.Date).alias("date"),
            pl.lit(meta.data_type).alias("data_type"),
            pl.lit("other_exchange").alias("rule"),
            pl.lit("exchange").alias("column"),
            "raw",
        )
        .select(pl.col(name).cast(kind) for name, kind in quarantine.SCHEMA.items())
    )
