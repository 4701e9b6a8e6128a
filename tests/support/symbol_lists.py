"""Dated versions of one list of symbols of many exchanges, as QuantConnect keeps it: made ones, and real ones."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import random
from dataclasses import dataclass
from pathlib import Path

from tests.support import symbol_model

SHARED = Path(os.environ.get("POINTLINE_SHARED") or Path(__file__).parents[2].parent / "shared")
REAL = SHARED / "data" / "symbols"
ABSENT = f"no real instrument tables in {REAL}; POINTLINE_SHARED names another place for what is shared"

FIRST = dt.date(2016, 1, 22)
VERSIONS = 11
COLUMNS = ["market", "symbol", "type", "description", "quote_currency", "contract_multiplier"]
LATER = ["lot_size", "market_ticker", "minimum_order_size"]
"""Columns that the header got over the years."""
MARKETS = {"binance": "crypto", "bybit": "cryptofuture", "fxcm": "forex", "usa": "future"}


@dataclass(frozen=True, kw_only=True)
class ListFile:
    """One version, and what it says: exchange to symbol to tick size; None where nobody but the product knows."""

    name: str
    day: dt.date
    content: bytes
    listing: dict[str, dict[str, str]] | None = None


def real() -> list[ListFile]:
    """The versions beside this repository, the oldest first."""
    return [
        ListFile(name=path.name, day=dt.date.fromisoformat(path.name.split("_")[1]), content=path.read_bytes())
        for path in sorted(REAL.glob("*.csv.gz"))
    ]


def made(seed: int = 11) -> list[ListFile]:
    """Eleven versions: symbols come, go and change, a market gets another name, one year half a market is missing."""
    chance = random.Random(seed)
    listing = {market: {f"{market[0].upper()}{one}USD": "0.01" for one in range(8)} for market in MARKETS}
    found = []
    for place in range(VERSIONS):
        for market, symbols in listing.items():
            symbols[f"{market[0].upper()}{place}NEWUSD"] = chance.choice(["0.1", "0.01"])
            symbols[chance.choice(list(symbols))] = chance.choice(["0.1", "0.01", "0.001"])
            if place % 3 == 1:
                del symbols[chance.choice(list(symbols))]
        if place == 5:
            listing["oanda"] = listing.pop("fxcm")
        told = {market: dict(symbols) for market, symbols in listing.items()}
        if place == 7:
            told["bybit"] = dict(list(told["bybit"].items())[::2])
        found.append(_file(place, FIRST + dt.timedelta(days=350 * place), told))
    return found


def without_a_tenth(file: ListFile) -> ListFile:
    """What a file would be that lacks every tenth row of its first market."""
    rows = gzip.decompress(file.content).decode().splitlines(keepends=True)
    first = next(row.split(",")[0] for row in rows[1:] if "," in row)
    of_first = [row for row in rows if row.startswith(f"{first},")]
    gone = set(of_first[::10])
    content = gzip.compress("".join(row for row in rows if row not in gone).encode(), mtime=0)
    listing = None
    if file.listing is not None:
        names = {tuple(row.split(",")[:2]) for row in gone}
        listing = {
            exchange: {one: tick for one, tick in symbols.items() if (exchange.partition("-")[0], one) not in names}
            for exchange, symbols in file.listing.items()
        }
    return ListFile(name=file.name, day=file.day, content=content, listing=listing)


def by_the_model(files: list[ListFile], share: float = 0.25) -> set[tuple[str, str, str, dt.date, dt.date | None]]:
    """``exchange, symbol, tick size, first day, end``, by going through the files one by one."""
    ordered = sorted(files, key=lambda file: file.day)
    said = [
        symbol_model.Said(order=place, kind="snapshot", day=place, listing=file.listing or {}, source="lean")
        for place, file in enumerate(ordered)
    ]
    days = [file.day for file in ordered]
    return {
        (exchange, symbol, tick, days[since], None if until is None else days[until])
        for exchange, symbol, tick, since, until in symbol_model.versions(said, len(said), share)
    }


def _file(place: int, day: dt.date, told: dict[str, dict[str, str]]) -> ListFile:
    tick = "pip_size" if place < 4 else "minimum_price_variation"
    later = LATER[: place // 3]
    rows = [",".join([*COLUMNS, tick, *later]), "", "# Use # signs for comments", ""]
    listing: dict[str, dict[str, str]] = {}
    for market, symbols in told.items():
        kind = MARKETS.get(market, "forex")
        exchange = market if kind == "crypto" else f"{market}-{kind}"
        listing[exchange] = dict(symbols)
        rows += [f"{market},{symbol},{kind},{symbol},USD,1,{value}" for symbol, value in symbols.items()]
    content = gzip.compress(("\n".join(rows) + "\n").encode(), mtime=0)
    return ListFile(
        name=f"symbol-properties-database_{day}_{place:02}.csv.gz", day=day, content=content, listing=listing
    )
