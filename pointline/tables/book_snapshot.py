"""What the book snapshot tables share: the vendor's level columns and the four lists they become."""

from __future__ import annotations

import polars as pl

from pointline.tables.checks import (
    crossed_book,
    half_level,
    locked_book,
    negative_latency,
    nonpositive_price,
    time_backwards,
)
from pointline.tables.schema import COMMON, Column, EventTable, number

SIDES = (("ask", "asks"), ("bid", "bids"))


def _levels(depth: int) -> tuple[Column, ...]:
    return tuple(
        number(f"{side}[{level}].{what}")
        for level in range(depth)
        for side in ("asks", "bids")
        for what in ("price", "amount")
    )


def _to_silver(columns: tuple[Column, ...]) -> list[pl.Expr]:
    depth = (len(columns) - len(COMMON)) // 4
    lists = [  # by way of arrays, which Polars puts together twenty times as fast as lists
        pl.concat_arr([f"{raw}[{level}].{what}" for level in range(depth)]).arr.to_list().alias(f"{side}_{what}")
        for side, raw in SIDES
        for what in ("price", "amount")
    ]
    return [*(column.silver for column in COMMON), *lists]


def book_snapshot(name: str, depth: int) -> EventTable:
    """Build the table of a ``depth``-level snapshot.

    ``ask_price, ask_amount, bid_price, bid_amount`` are lists of ``depth`` values, best level first; a level that the
    venue did not have is null, so that the same index means the same level in all four.
    """
    return EventTable(
        name=name,
        columns=(*COMMON, *_levels(depth)),
        to_silver=_to_silver,
        checks=(
            crossed_book("asks[0].price", "bids[0].price"),
            locked_book("asks[0].price", "bids[0].price"),
            nonpositive_price("bids[0].price"),
            half_level(
                *((f"{raw}[{level}].price", f"{raw}[{level}].amount") for _, raw in SIDES for level in range(depth))
            ),
            time_backwards(),
            negative_latency(),
        ),
    )
