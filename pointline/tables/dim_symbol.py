"""``dim_symbol``: what an instrument was, and when; SCD Type 2.

One row is one version: the attributes of an ``exchange, symbol`` in force from ``valid_from`` up to but not including
``valid_until``, null where there is no end. ``is_current`` says that the symbol can be traded now: the version held at
the moment it was written, and had not expired. Versions of a key never overlap, versions that touch differ in an
attribute, and between versions that do not touch the symbol was delisted. ``tables.symbols.checks`` states all of
it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol

import polars as pl
from msgspec import Struct

from pointline.errors import Rejected
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

STEPS = ("tick_size", "lot_size", "contract_size")
"""Numbers that cannot be zero."""

PLACE = "place"
"""A column of updates that says where in its file a row stands, for people."""
MOST_PLACES = 3

REQUIRED = tuple(ATTRIBUTES)[:6]
"""Attributes that every update has a column for; the other columns may be left out and count as null."""

SCHEMA: dict[str, pl.DataType] = {
    "symbol_id": pl.Int64(),
    **dict.fromkeys(KEY, pl.String()),
    **ATTRIBUTES,
    "valid_from": UTC_TIME,
    "valid_until": UTC_TIME,
    "is_current": pl.Boolean(),
}

UPDATE_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(KEY, pl.String()),
    **ATTRIBUTES,
    "valid_from": UTC_TIME,
    "listed": pl.Boolean(),
}
"""An update: these attributes hold from ``valid_from`` on; where ``listed`` is false the symbol is delisted then and
the attributes say nothing. ``listed`` may be left out and counts as true."""


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


class KeepsApart(Protocol):
    """Takes rows that cannot be right (``vendors.symbols.faults.Faults``)."""

    def take(self, rows: pl.DataFrame, error: Rejected, *, rule: str, column: str) -> None:
        """Keep rows apart; raises the error where it cannot."""
        ...

    def rest(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that are not kept apart."""
        ...


def _how_to_add(missing: Sequence[str]) -> str:
    """Say what columns that a file of symbols lacks have to hold."""
    filled = [name for name in (*KEY, "valid_from") if name in missing]
    empty = [name for name in missing if name not in filled]
    ways = [f"add {', '.join(filled)} with a value in each row" if filled else ""]
    ways += ["or name the exchange with --exchange" if "exchange" in filled else ""]
    ways += [f"add {', '.join(empty)}; cells without a value may be empty" if empty else ""]
    return "; ".join(filter(None, ways))


def typed_updates(updates: pl.DataFrame, faults: KeepsApart | None = None) -> pl.DataFrame:
    """Return ``updates`` in ``UPDATE_SCHEMA``, equal rows once; times without a zone count as UTC.

    Where one window ends as the next begins, the delisting gives way to the listing.

    Raises ``Rejected`` where a column or key is missing, a value has another type or is not finite, or two updates
    state different things of a symbol for one time. With ``faults`` rows whose values are wrong are kept apart instead.
    """
    missing = [name for name in (*KEY, *REQUIRED, "valid_from") if name not in updates.columns]
    if missing:
        columns = "column" if len(missing) == 1 else "columns"
        raise Rejected(
            f"symbol updates without the {columns} {', '.join(missing)}",
            hint=_how_to_add(missing),
        )
    place = [pl.col(PLACE)] if PLACE in updates.columns else [pl.lit(None, pl.String).alias(PLACE)]
    given = updates.select(
        *place,
        *(        pl.lit(value=True).alias(name) if name not in updates.columns and name == "listed" else
        pl.lit(None).alias(name) if name not in updates.columns else pl.col(name)
        for name in UPDATE_SCHEMA)
    )  # fmt: skip
    try:
        frame = given.select(
            PLACE, *(_cast(name, given.schema[name], wanted) for name, wanted in UPDATE_SCHEMA.items())
        )
    except pl.exceptions.PolarsError as error:
        raise Rejected(
            f"symbol updates with a value of another type: {str(error).splitlines()[0]}",
            hint=f"wanted are {', '.join(f'{name} {kind}' for name, kind in UPDATE_SCHEMA.items())}",
        ) from error
    _reject_where(
        frame,
        pl.any_horizontal(pl.col(*KEY).is_null() | (pl.col(*KEY) == ""), pl.col("valid_from", "listed").is_null()),
        "without exchange, symbol, valid_from or listed",
        "fill these cells",
    )
    frame = _reject_where(
        frame,
        pl.any_horizontal(~pl.col(name).is_finite().fill_null(value=True) for name in NUMBERS),
        "with a number that is not finite",
        "leave the cell empty where there is no value",
        faults,
        rule="not_finite",
    )
    frame = frame.with_columns(spelled(pl.col("exchange")), spelled(pl.col("symbol")))
    frame = _reject_where(
        frame,
        pl.col("listed") & pl.any_horizontal((pl.col(name) <= 0).fill_null(value=False) for name in STEPS),
        f"with a zero or negative {', '.join(STEPS[:-1])} or {STEPS[-1]}",
        "leave the cell empty where there is no value",
        faults,
        rule="not_positive",
        column=STEPS[0],
    )
    # What a delisting says of attributes counts for nothing, nor can two of them contradict each other over it.
    frame = frame.with_columns(pl.when("listed").then(pl.col(name)).alias(name) for name in ATTRIBUTES).unique(
        list(UPDATE_SCHEMA), keep="first", maintain_order=True
    )
    gone = frame.filter(~pl.col("listed"))
    if gone.height:
        stated = frame.filter("listed")
        frame = pl.concat([stated, gone.join(stated, on=[*KEY, "valid_from"], how="anti")])
    frame = _reject_where(
        frame,
        pl.struct(*KEY, "valid_from").is_duplicated(),
        "that contradict each other",
        "keep one row per exchange, symbol and valid_from",
        faults,
        rule="contradiction",
        column="symbol",
    )
    return frame.drop(PLACE)


def spelled(name: pl.Expr) -> pl.Expr:
    """Return an exchange in lower case, and a symbol in the venue's spelling: streams write some all in lower case."""
    text = name.str.strip_chars()
    if name.meta.output_name() == "exchange":
        return text.str.to_lowercase()
    return in_venue_case(text)


def in_venue_case(symbol: pl.Expr) -> pl.Expr:
    """Return a symbol in capitals where it is all in lower case."""
    return pl.when(symbol == symbol.str.to_lowercase()).then(symbol.str.to_uppercase()).otherwise(symbol)


def _cast(name: str, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(given, pl.Datetime) and given.time_zone is None and wanted == UTC_TIME:
        column = column.dt.replace_time_zone("UTC")
    return column.cast(wanted)


def _reject_where(
    frame: pl.DataFrame,
    broken: pl.Expr,
    what: str,
    hint: str,
    faults: KeepsApart | None = None,
    *,
    rule: str = "",
    column: str = "",
) -> pl.DataFrame:
    """Return the frame without rows that are broken; raises where nobody keeps them apart."""
    found = frame.filter(broken)
    if found.is_empty():
        return frame
    exchange, symbol, valid_from = found.select(*KEY, "valid_from").row(0)
    places = ", ".join(found[PLACE].drop_nulls().head(MOST_PLACES))
    where = f" ({places}{', ...' if found.height > MOST_PLACES else ''})" if places else ""
    example = f"{exchange or '?'} {symbol or '?'} from {valid_from or '?'}"
    error = Rejected(f"{found.height} symbol updates {what}{where}, one is {example}", hint=hint)
    if faults is None:
        raise error
    faults.take(found, error, rule=rule, column=column)
    return faults.rest(frame)


def _not_in(others: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of ``versions`` that ``others`` does not hold with the same window and attributes."""
    if not others.height:
        return versions
    compared = ("valid_until", *ATTRIBUTES)
    found = versions.join(others, on=[*KEY, "valid_from"], how="left", suffix="_other", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_other")) for name in compared)
    return found.filter(~(same & pl.col("symbol_id_other").is_not_null())).select(list(SCHEMA))
