"""``dim_symbol``: what an instrument was, and when; SCD Type 2.

One row is one version: the attributes of an ``exchange, symbol`` in force from ``valid_from`` up to but not including
``valid_until``, null where there is no end. ``is_current`` says that the symbol can be traded now: the version held at
the moment it was written, and had not expired. Versions of a key never overlap, versions that touch differ in an
attribute, and between versions that do not touch the symbol was delisted. ``tables.symbols.checks`` states all of
it.
"""

from __future__ import annotations

import datetime as dt
from hashlib import blake2b

import polars as pl
from msgspec import Struct

from pointline.tables.schema import UTC_TIME, no_rows

NAME = "dim_symbol"

INSTRUMENTS = "instruments"
"""The data type of files that tell of symbols."""

KEY = ("exchange", "symbol")

ATTRIBUTES: dict[str, pl.DataType] = {
    "base_asset": pl.String(),
    "quote_asset": pl.String(),
    "market_type": pl.String(),
    "tick_size": pl.Float64(),
    "lot_size": pl.Float64(),
    "contract_size": pl.Float64(),
    "settle_asset": pl.String(),
    "min_order_size": pl.Float64(),
    "expiry": UTC_TIME,
    "strike_price": pl.Float64(),
    "option_type": pl.String(),
}
"""A change of any of these makes a version. Null is a value like any other: the source states none."""

NUMBERS = tuple(name for name, kind in ATTRIBUTES.items() if kind == pl.Float64())


SCHEMA: dict[str, pl.DataType] = {
    "symbol_id": pl.Int64(),
    **dict.fromkeys(KEY, pl.String()),
    **ATTRIBUTES,
    "valid_from": UTC_TIME,
    "valid_until": UTC_TIME,
    "is_current": pl.Boolean(),
}


def empty() -> pl.DataFrame:
    """Return a table without versions."""
    return no_rows(SCHEMA)


class Changes(Struct, frozen=True, kw_only=True):
    """What becomes of a table: rows that go, rows that come. A row whose window changes is in both."""

    removed: pl.DataFrame
    added: pl.DataFrame
    after: pl.DataFrame
    """All versions of the exchanges concerned as they will be, by exchange, symbol and ``valid_from``."""
    aged: pl.DataFrame
    """Rows of which only ``is_current`` is not what it was, as they will be."""

    @property
    def rows(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """What to remove from the table and what to add."""
        return pl.concat([self.removed, self.aged]), pl.concat([self.added, self.aged])

    def __bool__(self) -> bool:
        return bool(self.removed.height or self.added.height)


class Scope(Struct, frozen=True, kw_only=True):
    """Which versions are meant: all of some exchanges, or of some symbols only."""

    exchanges: frozenset[str]
    keys: pl.DataFrame | None = None
    """``exchange, symbol``, each once; None for all symbols of the exchanges."""

    def of(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows that are meant."""
        if self.keys is None:
            return rows.filter(pl.col("exchange").is_in(list(self.exchanges)))
        # The look at one column alone leaves few rows for the exact one.
        near = rows.filter(pl.col("symbol").is_in(self.keys["symbol"].unique().implode()))
        return near.join(self.keys.lazy(), on=KEY, how="semi")


def changes_between(before: pl.DataFrame, after: pl.DataFrame) -> Changes:
    """Compare the versions of some exchanges as they were and as they will be."""
    added = _not_in(before, after)
    aged = after.join(before, on=[*KEY, "valid_from", "is_current"], how="anti").join(
        added, on=[*KEY, "valid_from"], how="anti"
    )
    return Changes(removed=_not_in(after, before), added=added, after=after, aged=aged)


def in_force(at: pl.Expr) -> pl.Expr:
    """Tell whether a version holds at a time."""
    return (pl.col("valid_from") <= at) & (pl.col("valid_until").is_null() | (at < pl.col("valid_until")))


def tradable(at: pl.Expr) -> pl.Expr:
    """Tell whether a version holds at a time and has not expired."""
    return in_force(at) & (pl.col("expiry").is_null() | (at < pl.col("expiry")))


def as_of(table: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    """Return versions with ``is_current`` as it is at that time: true for those that hold then and have not expired."""
    return table.with_columns(tradable(pl.lit(now, UTC_TIME)).alias("is_current"))


def symbol_ids(versions: pl.DataFrame) -> pl.Series:
    """Return the ``symbol_id`` that belongs to each row's key and ``valid_from``.

    63 bits of the BLAKE2b hash of the key, XOR ``valid_from`` in microseconds: the same on every machine and with every
    version of every library, and never the same for two versions of one key. Two keys share an id by chance only:
    with ten million versions once in a hundred thousand tables.
    """
    keys = versions.select(KEY).unique()
    hashes = [
        int.from_bytes(blake2b(f"{exchange}\0{symbol}".encode(), digest_size=8).digest()) >> 1
        for exchange, symbol in keys.iter_rows()
    ]
    hashed = keys.with_columns(pl.Series("key_hash", hashes, pl.Int64()))
    return (
        versions.lazy()
        .select(*KEY, "valid_from")
        .join(hashed.lazy(), on=KEY, how="left", maintain_order="left")
        .select((pl.col("key_hash") ^ pl.col("valid_from").to_physical()).alias("symbol_id"))
        .collect()
        .to_series()
    )


def _not_in(others: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of ``versions`` that ``others`` does not hold with the same window and attributes."""
    if not others.height:
        return versions
    compared = ("valid_until", *ATTRIBUTES)
    found = versions.join(others, on=[*KEY, "valid_from"], how="left", suffix="_other", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_other")) for name in compared)
    return found.filter(~(same & pl.col("symbol_id_other").is_not_null())).select(list(SCHEMA))
