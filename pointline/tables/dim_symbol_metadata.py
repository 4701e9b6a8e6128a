"""A file of symbol metadata, whatever its form: Tardis or Binance JSON, CSV or Parquet."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from pointline.errors import Rejected
from pointline.tables.dim_symbol import typed_updates
from pointline.tables.dim_symbol_columns import read_columns, read_csv, read_parquet
from pointline.tables.dim_symbol_json import binance_updates, parse_json, tardis_updates
from pointline.tables.schema import UTC_TIME
from pointline.tables.symbol_observations import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a file says."""

    updates: pl.DataFrame
    """In ``UPDATE_SCHEMA``."""
    snapshot_at: dt.datetime | None
    """When this is all there is, so that what is missing is delisted; None where the rows tell times of their own."""
    is_partial: bool = False
    """Some symbols from one time on, as a person tells them."""

    @property
    def kind(self) -> Kind:
        """How it is meant."""
        return Kind.SNAPSHOT if self.snapshot_at is not None else Kind.PARTIAL if self.is_partial else Kind.WINDOWS


def read_metadata(data: bytes, *, exchange: str = "", effective_at: dt.datetime | None = None) -> Metadata:
    """Read a file's bytes, decompressed, by what they look like.

    ``exchange`` names the exchange of a file that does not say it: ``exchangeInfo``, or columns without ``exchange``.
    ``effective_at`` is the time of rows without one; such a file is a snapshot, and so is an ``exchangeInfo``, which
    brings its own time. Raises ``Rejected``.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"[", b"{"}:
        content = parse_json(data)
        if isinstance(content, dict) and "symbols" in content:
            if not exchange:
                raise Rejected("an exchangeInfo does not say its exchange", hint="name it")
            updates, at = binance_updates(content, exchange)
            return Metadata(updates=typed_updates(updates), snapshot_at=at)
        return Metadata(updates=typed_updates(tardis_updates(content)), snapshot_at=None)
    cells = read_columns(read_parquet(data) if data.startswith(b"PAR1") else read_csv(data))
    if "exchange" not in cells.columns and exchange:
        cells = cells.with_columns(exchange=pl.lit(exchange))
    if "valid_from" in cells.columns:
        return Metadata(updates=typed_updates(cells), snapshot_at=None)
    if effective_at is None:
        raise Rejected(
            "symbols without the column valid_from",
            hint="add it, or say when this holds: --snapshot --effective-at 2024-05-01",
        )
    at_column = pl.lit(effective_at, UTC_TIME).alias("valid_from")
    return Metadata(updates=typed_updates(cells.with_columns(at_column)), snapshot_at=effective_at)
