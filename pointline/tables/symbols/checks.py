"""What holds for ``dim_symbol`` at all times, as named checks. "No gap" is not among them: a gap is a delisting."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl
from msgspec import Struct

from pointline.tables.dim_symbol import ATTRIBUTES, KEY, NUMBERS, SCHEMA, symbol_ids, tradable
from pointline.tables.schema import UTC_TIME


class Violation(Struct, frozen=True, kw_only=True):
    """A check that does not hold, how many rows it concerns, and one of them."""

    check: str
    rows: int
    example: str


_EXPECTED_ID, _NOW = "_expected_id", "_now"
_ROLLS_OVER = pl.any_horizontal(
    pl.col(name).is_between(pl.col(_NOW) - pl.duration(days=1), pl.col(_NOW))
    for name in ("valid_from", "valid_until", "expiry")
).fill_null(value=False)
"""What begins or ends becomes current, or ceases to be, when the table is written or looked over the next time."""
_SAME_KEY = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in KEY).fill_null(value=False)
_PREVIOUS_END = pl.col("valid_until").shift(1)

CHECKS: Mapping[str, pl.Expr] = {
    "key_present": pl.any_horizontal(pl.col(*KEY).is_null() | (pl.col(*KEY) == "")),
    "valid_from_present": pl.col("valid_from").is_null(),
    "window_not_empty": pl.col("valid_until") <= pl.col("valid_from"),
    "current_holds": pl.col("is_current").ne_missing(tradable(pl.col(_NOW))) & ~_ROLLS_OVER,
    "one_current": pl.col("is_current").shift(1) & _SAME_KEY,
    "no_overlap": _SAME_KEY & (_PREVIOUS_END.is_null() | (pl.col("valid_from") < _PREVIOUS_END)),
    "versions_differ": _SAME_KEY
    & (pl.col("valid_from") == _PREVIOUS_END)
    & pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in ATTRIBUTES),
    "numbers_finite": pl.any_horizontal(~pl.col(name).is_finite() for name in NUMBERS),
    "symbol_id_derived": pl.col("symbol_id").ne_missing(pl.col(_EXPECTED_ID)),
    "symbol_id_unique": pl.col("symbol_id").is_duplicated(),
}
"""True for a row that breaks the check, in a table where the versions of a key stand together in order of time.

``one_current`` and ``no_overlap`` find the second of two rows: one that begins after a current version, or before the
version in front of it has ended.
"""


def violations(table: pl.DataFrame, *, now: dt.datetime | None = None) -> list[Violation]:
    """Return the checks that do not hold, in whatever order the rows stand; none for a sound table.

    ``now`` is the time at which current versions hold; None is this moment.
    """
    if dict(table.schema) != SCHEMA:
        wrong = [name for name in {**SCHEMA, **table.schema} if table.schema.get(name) != SCHEMA.get(name)]
        return [Violation(check="schema", rows=table.height, example=", ".join(wrong) or "order of the columns")]
    # Ten million rows sort by the number that the id gives the key in a tenth of the time that the key itself takes.
    ordered = table.with_columns(
        symbol_ids(table).alias(_EXPECTED_ID), pl.lit(now or dt.datetime.now(dt.UTC), UTC_TIME).alias(_NOW)
    ).sort(pl.col(_EXPECTED_ID) ^ pl.col("valid_from").to_physical(), "valid_from")
    counts = ordered.select(broken.fill_null(value=False).sum().alias(name) for name, broken in CHECKS.items())
    return [
        Violation(check=name, rows=rows, example=_example(ordered, CHECKS[name]))
        for name, rows in counts.row(0, named=True).items()
        if rows
    ]


def _example(table: pl.DataFrame, broken: pl.Expr) -> str:
    exchange, symbol, valid_from = table.filter(broken).select(*KEY, "valid_from").row(0)
    return f"{exchange} {symbol} from {valid_from}"
