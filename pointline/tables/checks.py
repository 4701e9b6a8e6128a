"""Checks that several event tables share. Each is counted by default; a setting of the same name escalates it."""

from __future__ import annotations

import polars as pl

from pointline.tables.schema import Check


def time_backwards() -> Check:
    """Exchange time is earlier than in the row before, where that is of the same symbol."""
    return Check(
        name="time_backwards",
        column="timestamp",
        found=pl.col("timestamp") < pl.col("timestamp").shift(1),
        looks_back=True,
    )


def negative_latency() -> Check:
    """The row arrived before the exchange says it happened: one of the two clocks is off."""
    return Check(
        name="negative_latency",
        column="local_timestamp",
        found=pl.col("local_timestamp") < pl.col("timestamp"),
    )


def equal_rows(*columns: str) -> Check:
    """The row equals the one before, of its symbol, in all of ``columns``; legal where two fills share price and size.

    The next of many symbols may well have the same time, as bars of a whole market have.
    """
    same = [pl.col(column).eq_missing(pl.col(column).shift(1)) for column in columns]
    return Check(
        name="equal_rows",
        column=columns[-1],
        # The first row has no predecessor; without this guard empty columns would make it equal to nothing.
        found=pl.all_horizontal(same) & pl.col("local_timestamp").shift(1).is_not_null(),
        looks_back=True,
    )


def nonpositive_price(column: str = "price") -> Check:
    """A price of zero or below."""
    return Check(name="nonpositive_price", column=column, found=pl.col(column) <= 0)


def negative_amount(column: str = "amount") -> Check:
    """An amount below zero."""
    return Check(name="negative_amount", column=column, found=pl.col(column) < 0)


def ohlc_order() -> Check:
    """High is below, or low above, one of the other prices of the bar."""
    high, low = pl.col("high"), pl.col("low")
    is_wrong = [high < pl.col(name) for name in ("open", "close", "low")] + [
        low > pl.col(name) for name in ("open", "close")
    ]
    return Check(name="ohlc_order", column="high", found=pl.any_horizontal(is_wrong))


def crossed_book(ask: str, bid: str) -> Check:
    """The best bid is above the best ask."""
    return Check(name="crossed_book", column=ask, found=pl.col(ask) < pl.col(bid))


def locked_book(ask: str, bid: str) -> Check:
    """The best bid equals the best ask."""
    return Check(name="locked_book", column=ask, found=pl.col(ask) == pl.col(bid))


def half_level(*levels: tuple[str, str]) -> Check:
    """A level, given by its columns of price and amount, with a price but no amount, or the reverse.

    Not of a row without any amount: some feeds are of prices alone.
    """
    halves = [pl.col(price).is_null() != pl.col(amount).is_null() for price, amount in levels]
    has_amounts = pl.any_horizontal(pl.col(amount).is_not_null() for _, amount in levels)
    return Check(name="half_level", column=levels[0][0], found=pl.any_horizontal(halves) & has_amounts)
