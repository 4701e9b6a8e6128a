"""Step 2 for files of instruments: what they say of symbols is kept for the commit. They make no parts."""

from __future__ import annotations

import json
import time

import polars as pl

from pointline.errors import Rejected
from pointline.io.protocols.bronze import BronzeContent, BronzeReader
from pointline.io.protocols.file_version import Outcome
from pointline.services.files.claims import Claims
from pointline.services.ingest.batch import Entry, Group, start_of_day
from pointline.services.loading.group_load import GroupLoad
from pointline.tables import quarantine
from pointline.tables.dim_symbol import KEY
from pointline.tables.ingest_manifest import Status
from pointline.tables.symbols.updates import PLACE
from pointline.vendors.symbols.faults import SCHEMA as BAD_ROWS
from pointline.vendors.symbols.faults import Faults
from pointline.vendors.symbols.metadata import OTHER_EXCHANGE, Belonging, Metadata, read_metadata

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
            faults = Faults()
            found = read_metadata(
                data,
                exchange=exchange,
                effective_at=start_of_day(entry),
                belonging=Belonging(exchange=exchange),
                faults=faults,
            )
            self._parse_s += time.perf_counter() - started
            rows = found.updates.height
            if (aside := _quarantined(found)).height:
                bad = aside.height
                error = self._keep_apart(entry, aside, rows, data)
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

    def _keep_apart(self, entry: Entry, aside: pl.DataFrame, rows: int, data: bytes) -> str:
        """Put rows into quarantine and say so; raises Rejected where there are too many of them."""
        bad, all_rows = aside.height, rows + aside.height
        told, hint = _said_of(aside, all_rows, entry.meta.exchange)
        too_many = bad >= LEAST_BAD_ROWS and bad > self._max_quarantined_share * all_rows
        if not rows or (too_many and not entry.candidate.is_accepted):
            rest = f"; or `pointline retry {entry.file_id} --accept` takes the rest" if rows else ""
            raise Rejected(f"{entry.meta.bronze_file_path}: {told}", hint=f"{hint}{rest}")
        self._result.set_aside.append(_as_bad_rows(entry, aside, data))
        rules = ", ".join(aside["rule"].unique().sort())
        return f"{told}: they were quarantined ({rules})"


def _quarantined(found: Metadata) -> pl.DataFrame:
    """Return the rows that cannot be kept (``vendors.symbols.faults.SCHEMA``): of other exchanges, and bad ones."""
    aside = [pl.DataFrame(schema=BAD_ROWS)]
    if found.bad is not None:
        aside.append(found.bad)
    if found.foreign is not None:
        foreign = found.foreign
        places = foreign[PLACE] if PLACE in foreign.columns else pl.Series(PLACE, [None] * foreign.height, pl.String)
        numbered = places.fill_null(pl.select(pl.format("row {}", pl.int_range(1, foreign.height + 1))).to_series())
        raw = [json.dumps(row, default=str) for row in foreign.iter_rows(named=True)]
        aside.append(
            foreign.select(
                numbered.alias(PLACE),
                *(pl.col(name) if name in foreign.columns else pl.lit(None, pl.String).alias(name) for name in KEY),
                pl.lit(OTHER_EXCHANGE).alias("rule"),
                pl.lit("exchange").alias("column"),
                pl.lit("").alias("told"),
                pl.Series("raw", raw, pl.String),
            )
        )
    return pl.concat(aside).unique(PLACE, keep="first", maintain_order=True)


def _said_of(aside: pl.DataFrame, all_rows: int, exchange: str) -> tuple[str, str]:
    """Say what is wrong with rows that cannot be kept, and what to do."""
    foreign = aside.filter(pl.col("rule") == OTHER_EXCHANGE)
    said, hint = [], "fetch it again, or correct these rows"
    if foreign.height:
        names = foreign["exchange"].unique().sort().to_list()
        named = ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")
        said.append(f"{foreign.height:,} of {all_rows:,} rows are of {named}, and its folder says {exchange}")
        hint = f"move it to exchange={names[0]}"
    bad = aside.filter(pl.col("rule") != OTHER_EXCHANGE)
    if bad.height:
        told = bad["told"].unique(maintain_order=True)
        more = f"; and {len(told) - MOST_NAMES} more kinds" if len(told) > MOST_NAMES else ""
        rows = "the only row" if all_rows == 1 else f"{bad.height:,} of {all_rows:,} rows"
        said.append(f"{rows} cannot be right: {'; '.join(told[:MOST_NAMES])}{more}")
    return "; ".join(said), hint


def _as_bad_rows(entry: Entry, aside: pl.DataFrame, data: bytes) -> pl.DataFrame:
    lines = data.splitlines()
    meta = entry.meta
    kinds = aside[PLACE].str.split(" ").list
    numbers = kinds.get(1).cast(pl.Int64)
    raw = [
        lines[number - 1].decode(errors="replace") if kind == "line" else text
        for kind, number, text in zip(kinds.get(0), numbers, aside["raw"], strict=True)
    ]
    return aside.select(
        pl.lit(entry.file_id).alias("file_id"),
        numbers.alias("file_seq"),
        pl.lit(meta.exchange).alias("exchange"),
        pl.lit(meta.date, pl.Date).alias("date"),
        pl.lit(meta.data_type).alias("data_type"),
        "rule",
        "column",
        pl.Series("raw", raw, pl.String),
    ).select(pl.col(name).cast(kind) for name, kind in quarantine.SCHEMA.items())
