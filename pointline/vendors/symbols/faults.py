"""Rows of a file of symbols that cannot be right: kept apart with their cause, so that the others go in."""

from __future__ import annotations

import json

import polars as pl

from pointline.errors import Rejected
from pointline.tables.dim_symbol import KEY
from pointline.tables.symbols.updates import PLACE, spelled

SCHEMA = dict.fromkeys((PLACE, *KEY, "rule", "column", "told", "raw"), pl.String())
"""``told`` says what is wrong with such rows, ``raw`` what was read of this one."""


class Faults:
    """What is kept apart of one file, each row once. A row is known by its place."""

    def __init__(self) -> None:
        self._found: list[pl.DataFrame] = []

    def take(self, rows: pl.DataFrame, error: Rejected, *, rule: str, column: str) -> None:
        """Keep rows apart, in whatever form; they say their ``place`` and their symbol.

        Raises the error where they do not: of nobody knows which symbol a list says nothing.
        """
        if not {PLACE, "symbol"} <= set(rows.columns) or rows.select(
            (pl.col(PLACE, "symbol").fill_null("") == "").any()
        ).row(0) != (False, False):
            raise error
        raw = [json.dumps(row, default=str) for row in rows.drop(PLACE).iter_rows(named=True)]
        known = [pl.col(name) if name in rows.columns else pl.lit(None, pl.String).alias(name) for name in KEY]
        told = [pl.lit(value).alias(name) for name, value in (("rule", rule), ("column", column), ("told", str(error)))]
        self._found.append(rows.select(PLACE, *known, *told, pl.Series("raw", raw)).cast(pl.String))

    def rest(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that are not kept apart."""
        places = [place for frame in self._found for place in frame[PLACE]]
        return rows.filter(~pl.col(PLACE).is_in(places)) if places else rows

    def rows(self, exchange: str) -> pl.DataFrame:
        """Return them, in the venue's spelling; those that name no exchange are of this one."""
        found = pl.concat([pl.DataFrame(schema=SCHEMA), *self._found]).unique(PLACE, keep="first", maintain_order=True)
        named = found.with_columns(pl.col("exchange").fill_null(exchange))
        return named.with_columns(spelled(pl.col("exchange")), spelled(pl.col("symbol")))


def keep_apart(
    rows: pl.DataFrame, broken: pl.DataFrame, error: Rejected, faults: Faults | None, *, rule: str, column: str
) -> pl.DataFrame:
    """Return ``rows`` without those that are ``broken``; raises the error where nobody keeps them apart."""
    if faults is None:
        raise error
    faults.take(broken, error, rule=rule, column=column)
    return faults.rest(rows)
