"""Updates of ``dim_symbol``: what somebody says of symbols, typed and checked before anything follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import polars as pl

from pointline.errors import Rejected
from pointline.tables.dim_symbol import ATTRIBUTES, KEY, NUMBERS
from pointline.tables.schema import UTC_TIME

STEPS = ("tick_size", "lot_size", "contract_size")
"""Numbers that cannot be zero."""

PLACE = "place"
"""A column of updates that says where in its file a row stands, for people."""
MOST_PLACES = 3

REQUIRED = tuple(ATTRIBUTES)[:6]
"""Attributes that every update has a column for; the other columns may be left out and count as null."""

UPDATE_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(KEY, pl.String()),
    **ATTRIBUTES,
    "valid_from": UTC_TIME,
    "listed": pl.Boolean(),
}
"""An update: these attributes hold from ``valid_from`` on; where ``listed`` is false the symbol is delisted then and
the attributes say nothing. ``listed`` may be left out and counts as true."""


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
