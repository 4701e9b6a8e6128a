"""A file of symbol metadata, whatever its form: Tardis or Binance JSON, CSV or Parquet."""

from __future__ import annotations

import datetime as dt

import polars as pl
from msgspec import Struct
from polars.exceptions import PanicException, PolarsError

from pointline.errors import Rejected
from pointline.tables.dim_symbol import KEY
from pointline.tables.schema import UTC_TIME
from pointline.tables.symbols.observations import Kind
from pointline.tables.symbols.updates import typed_updates
from pointline.vendors.symbols.columns import read_columns, read_csv, read_parquet, reject_overlap, with_ends
from pointline.vendors.symbols.faults import Faults
from pointline.vendors.symbols.from_json import binance_updates, parse_json, tardis_updates

OTHER_EXCHANGE = "other_exchange"
"""The rule that rows break which a file may not tell of."""
ODD = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, PolarsError, PanicException)
"""What a value makes of the code that reads it, where nobody thought of such a one."""


class Metadata(Struct, frozen=True, kw_only=True):
    """What a file says."""

    updates: pl.DataFrame
    """In ``UPDATE_SCHEMA``."""
    snapshot_at: dt.datetime | None
    """When this is all there is, so that what is missing is delisted; None where the rows tell times of their own."""
    knows_time: bool = False
    """It says itself when it holds."""
    foreign: pl.DataFrame | None = None
    """Rows of other exchanges than it may tell of, as they were read, with their ``place``."""
    bad: pl.DataFrame | None = None
    """Rows that cannot be right (``faults.SCHEMA``). A snapshot says of their symbols nothing, not even that
    they are not there."""
    is_partial: bool = False
    """Some symbols from one time on, as a person tells them."""

    @property
    def unsaid(self) -> pl.DataFrame | None:
        """Return ``exchange, symbol`` of the symbols that a snapshot names and of which it says nothing."""
        if self.snapshot_at is None or self.bad is None:
            return None
        told = self.updates.filter(pl.col("valid_from") <= pl.lit(self.snapshot_at, UTC_TIME))
        own = self.bad.filter(pl.col("rule") != OTHER_EXCHANGE)
        return own.select(KEY).unique(maintain_order=True).join(told, on=KEY, how="anti", maintain_order="left")

    @property
    def kind(self) -> Kind:
        """What the list stands for."""
        return Kind.SNAPSHOT if self.snapshot_at is not None else Kind.PARTIAL if self.is_partial else Kind.WINDOWS


class Belonging(Struct, frozen=True, kw_only=True):
    """Whose symbols a file may tell of: those of the exchange that its folder names."""

    exchange: str

    def foreign(self, cells: pl.DataFrame, *, by_market: bool) -> pl.Series:
        """Tell which rows are of another exchange.

        A file of several exchanges, none of which is the folder's, is a list, and the folder names its source. With
        ``by_market`` exchanges are named after a market and a type, ``binance-cryptofuture``.
        """
        names = cells["exchange"].str.strip_chars().str.to_lowercase()
        own = names == self.exchange.lower()
        if by_market:
            own |= names.str.starts_with(f"{self.exchange.lower()}-")
        if not own.any() and names.n_unique() > 1:
            return own
        return ~own


def read_metadata(
    data: bytes,
    *,
    exchange: str = "",
    effective_at: dt.datetime | None = None,
    belonging: Belonging | None = None,
    faults: Faults | None = None,
) -> Metadata:
    """Read a file's bytes, decompressed, by what they look like.

    ``exchange`` names the exchange of a file that does not say it: ``exchangeInfo``, or columns without ``exchange``.
    ``effective_at`` is the time of rows without one; such a file is a snapshot, and so is an ``exchangeInfo``, which
    brings its own time. With ``belonging`` rows of other exchanges are kept apart, with ``faults`` those that cannot be
    right. Raises ``Rejected``.
    """
    try:
        return _read(data, exchange, effective_at, belonging, faults)
    except ODD as error:
        what = f"it cannot be read as a list of instruments: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise Rejected(what, hint="write it as `pointline help tables` has it") from error


def _read(
    data: bytes,
    exchange: str,
    effective_at: dt.datetime | None,
    belonging: Belonging | None,
    faults: Faults | None,
) -> Metadata:
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"[", b"{"}:
        content = parse_json(data)
        if isinstance(content, dict) and "symbols" in content:
            if not exchange:
                raise Rejected("an exchangeInfo does not say its exchange", hint="name it: --exchange binance")
            updates, at = binance_updates(content, exchange, faults)
            typed = typed_updates(updates, faults)
            return Metadata(updates=typed, snapshot_at=at, knows_time=True, bad=_bad(faults, exchange))
        rows = tardis_updates(content, effective_at, faults)
        return _kept(rows, None, belonging, faults, exchange=exchange, by_market=False)
    cells = read_parquet(data) if data.startswith(b"PAR1") else read_csv(data)
    by_market = {"market", "type"} <= set(cells.columns)
    rows = read_columns(cells, known_at=effective_at, faults=faults)
    if "exchange" not in rows.columns and exchange:
        rows = rows.with_columns(exchange=pl.lit(exchange))
    if "valid_from" in rows.columns:
        return _kept(rows, None, belonging, faults, exchange=exchange, by_market=by_market)
    if effective_at is None:
        raise Rejected(
            "symbols without the column valid_from",
            hint="add it, or say since when this holds, such as --effective-at 2024-05-01; add --snapshot only if the "
            "file lists all symbols of its exchange: it delists those that the file lacks",
        )
    rows = rows.with_columns(pl.lit(effective_at, UTC_TIME).alias("valid_from"))
    if "valid_until" in rows.columns:
        rows = reject_overlap(rows, faults)
        listed = rows if "listed" in rows.columns else rows.with_columns(listed=pl.lit(value=True))
        rows = with_ends(listed)
    return _kept(rows, effective_at, belonging, faults, exchange=exchange, by_market=by_market)


def _kept(
    rows: pl.DataFrame,
    snapshot_at: dt.datetime | None,
    belonging: Belonging | None,
    faults: Faults | None,
    *,
    exchange: str,
    by_market: bool,
) -> Metadata:
    """Type what belongs, and keep apart what does not."""
    foreign, is_ours = rows.clear(), None
    if belonging is not None and "exchange" in rows.columns and rows.height:
        bad = _bad(faults, exchange)
        names = pl.concat([rows.select("exchange"), *([] if bad is None else [bad.select("exchange")])])
        is_foreign = belonging.foreign(names, by_market=by_market).fill_null(value=False)
        ours = set(names.filter(~is_foreign)["exchange"].str.strip_chars().str.to_lowercase())
        is_ours = pl.col("exchange").str.to_lowercase().is_in(list(ours))
        foreign, rows = rows.filter(is_foreign.head(rows.height)), rows.filter(~is_foreign.head(rows.height))
    updates = typed_updates(rows, faults)
    bad = _bad(faults, exchange)
    return Metadata(
        updates=updates,
        snapshot_at=snapshot_at,
        knows_time=snapshot_at is None,
        foreign=foreign if foreign.height else None,
        bad=bad
        if bad is None or is_ours is None
        else bad.with_columns(pl.when(is_ours).then("rule").otherwise(pl.lit(OTHER_EXCHANGE)).alias("rule")),
    )


def _bad(faults: Faults | None, exchange: str) -> pl.DataFrame | None:
    found = None if faults is None else faults.rows(exchange)
    return None if found is None or found.is_empty() else found
