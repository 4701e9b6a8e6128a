"""Symbols as people and vendors spell them: which spellings mean the same, and which names stand for many symbols."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import polars as pl

GROUPS = ("SPOT", "FUTURES", "PERPETUALS", "OPTIONS")
"""Names of files that hold all symbols of a kind. Source: Tardis, grouped symbols."""

EVERY_SYMBOL = "*"
"""What stands for the symbol of a described file that may hold many: ``ALL`` and ``SPOT`` are tickers of shares."""
EARLIER = "ALL"
"""How earlier releases wrote that in the ledger. A feed is of many symbols or of one, so it is no share as well."""

_AS_IN_NAMES = str.maketrans("/:", "--")


@lru_cache(maxsize=65_536)
def symbol_key(text: str) -> str:
    """Return what equal symbols have in common: file names cannot hold ``/`` and ``:``, and case says nothing."""
    if text == EVERY_SYMBOL:
        return EARLIER
    return text.upper().translate(_AS_IN_NAMES)


def is_group(symbol: str, groups: Collection[str] = ()) -> bool:
    """Tell whether a name stands for many symbols; ``groups`` are names beyond those that Tardis uses."""
    return symbol_key(symbol) in _group_keys(tuple(groups))


@lru_cache(maxsize=8)
def _group_keys(groups: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(symbol_key, (*GROUPS, *groups)))


def holds_many(symbol: str, feed: str | None, groups: Collection[str] = ()) -> bool:
    """Tell whether a file may hold many symbols: its description says so, or its name where no description reads it.

    Of a described file ``ALL`` may be a share: then its rows are looked at, and tell that they are of one symbol.
    """
    return symbol in (EVERY_SYMBOL, EARLIER) if feed else is_group(symbol, groups)


def is_same_claim(known: str, claimed: str) -> bool:
    """Tell whether the symbol that the ledger has of a described file is the one that its path says now."""
    return known == claimed or (claimed == EVERY_SYMBOL and known == EARLIER)


def which_hold_many(files: pl.DataFrame, groups: Collection[str] = ()) -> pl.Expr:
    """Return :func:`holds_many` as an expression over the columns ``symbol`` and ``feed`` of these files."""
    symbol, feed = (pl.col(name).cast(pl.String) for name in ("symbol", "feed"))
    keys = _group_keys(tuple(groups))
    names = [name for name in files["symbol"].unique().cast(pl.String).to_list() if symbol_key(name) in keys]
    return pl.when(feed.fill_null("") == "").then(symbol.is_in(names)).otherwise(symbol.is_in([EVERY_SYMBOL, EARLIER]))
