"""What people put into bronze, and what DESIGN §2 makes of one such file: plain Python, none of the product's code.

A content is bytes; what it should give is computed from these bytes and from the path they lie at.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

EXCHANGE = "binance"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
GROUP = "SPOT"
GROUPS = frozenset({"SPOT", "FUTURES", "PERPETUALS", "OPTIONS"})
TABLES = ("trades", "liquidations", "quotes")
DAYS = ("2024-05-01", "2024-05-02")
COMMON = "exchange,symbol,timestamp,local_timestamp"
TRADES = f"{COMMON},id,side,price,amount"
QUOTES = f"{COMMON},ask_amount,ask_price,bid_price,bid_amount"
HEADERS = {"trades": TRADES, "liquidations": TRADES, "quotes": QUOTES}
"""Trades and liquidations share one: only the path tells them apart."""
DAY_US = 86_400_000_000
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
MOST_BAD_SHARE = 0.2
FEWEST_BAD = 10

HIVE = re.compile(r"(?:.*/)?exchange=([^/]+)/type=([^/]+)/date=([^/]+)/symbol=([^/]+)/[^/]+\.csv\.gz")
CLIENT = re.compile(r"(?:.*/)?([^_/]+)_([a-z_]+?)_(\d{4}-\d\d-\d\d)_([^/]+)\.csv\.gz")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a path says of the file."""

    exchange: str
    table: str
    symbol: str
    day: str

    @property
    def key(self) -> str:
        return symbol_key(self.symbol)

    @property
    def place(self) -> tuple[str, str, str]:
        """The partition: contents are compared within one."""
        return self.exchange, self.table, self.day


@dataclass(frozen=True, slots=True)
class Row:
    """A data row as it is written."""

    exchange: str
    symbol: str
    exchange_us: int
    local_us: int
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is in a file, whatever it is called. ``trouble``: ``half`` or ``zero``, where it is not whole."""

    header: str = ""
    rows: tuple[Row, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a content gives under a claim: rows by their number, or the reason why it is refused."""

    kept: Mapping[int, Row] = field(default_factory=dict)
    aside: Mapping[int, frozenset[str]] = field(default_factory=dict)
    found: frozenset[str] = frozenset()
    """Symbols of all rows, as keys."""
    refused: str = ""
    accepted: bool = False
    """``retry --accept`` helps."""

    def ranges(self) -> dict[str, tuple[int, int]]:
        """First and last time of the kept rows, by symbol."""
        times: dict[str, list[int]] = {}
        for row in self.kept.values():
            times.setdefault(symbol_key(row.symbol), []).append(row.local_us)
        return {symbol: (min(those), max(those)) for symbol, those in times.items()}


def symbol_key(symbol: str) -> str:
    return symbol.upper().replace("/", "-").replace(":", "-")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def claim_of(path: str) -> Claim:
    """Read one of the two layouts that people use here. Folders win over names, but neither contradicts the other."""
    found = HIVE.fullmatch(path)
    if found is not None:
        return Claim(found[1].lower(), found[2], found[4], found[3])
    found = CLIENT.fullmatch(path)
    assert found is not None, path
    return Claim(found[1].lower(), found[2], found[4], found[3])


def hive(table: str, symbol: str, day: str, part: int) -> str:
    return f"exchange={EXCHANGE}/type={table}/date={day}/symbol={symbol}/part-{part}.csv.gz"


def client(table: str, symbol: str, day: str, folder: str = "down") -> str:
    return f"{folder}/{EXCHANGE}_{table}_{day}_{symbol}.csv.gz"


def midnight_us(day: str) -> int:
    return int(dt.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * SECOND_US


# ---- making contents


def make_content(
    table: str,
    symbols: tuple[str, ...],
    day: str,
    *,
    first: float = 1.0,
    last: float = 2.0,
    rows: int = 8,
    issue: int = 1,
    stray: str = "",
) -> bytes:
    """Rows spread evenly from hour ``first`` to hour ``last``, ends included, the symbols taking turns.

    Issues differ in values alone, so that two of them have one size. ``stray`` is the symbol of one more row.
    """
    begin, end = (midnight_us(day) + int(hour * HOUR_US) for hour in (first, last))
    lines = [HEADERS[table]]
    for number in range(rows):
        at = begin + (end - begin) * number // max(rows - 1, 1)
        lines.append(_line(table, symbols[number % len(symbols)], at, number, issue))
    if stray:
        lines.append(_line(table, stray, end, rows, issue))
    # Stored, not deflated: contents of as many rows are of one size.
    return gzip.compress("\n".join([*lines, ""]).encode(), compresslevel=0, mtime=0)


def _line(table: str, symbol: str, at: int, number: int, issue: int) -> str:
    price = f"{1000 + issue}.{number:02}"
    facts = ("2.5", price, "999.5", "1.5") if table == "quotes" else (f"{issue:04}-{number:02}", "buy", price, "0.25")
    return ",".join((EXCHANGE, symbol, str(at - 100), str(at), *facts))


# ---- judging one file


@lru_cache(maxsize=4096)
def read(data: bytes) -> Reading:
    """What is in the bytes of a ``.csv.gz``."""
    if not data:
        return Reading(trouble="zero")
    unpacked = zlib.decompressobj(31)
    try:
        text = unpacked.decompress(data).decode()
    except zlib.error:
        return Reading(trouble="half")
    if not unpacked.eof:
        return Reading(trouble="half")
    header, *lines = text.splitlines() or [""]
    return Reading(header, tuple(_row(line.split(",")) for line in lines))


def _row(cells: list[str]) -> Row:
    return Row(cells[0], cells[1], int(cells[2]), int(cells[3]), tuple(cells[4:]))


@lru_cache(maxsize=16384)
def expect(data: bytes, claim: Claim) -> Expected:
    """What the content gives under the claim."""
    reading = read(data)
    if reading.trouble:
        return Expected(refused=reading.trouble)
    if reading.header and reading.header != HEADERS[claim.table]:
        return Expected(refused="the header of another table")
    if not reading.rows:
        return Expected()
    kept, aside = {}, {}
    for seq, row in enumerate(reading.rows, 1):
        rules = _broken(row, claim)
        if rules:
            aside[seq] = rules
        else:
            kept[seq] = row
    found = frozenset(symbol_key(row.symbol) for row in reading.rows)
    if not kept:
        return Expected(aside=aside, found=found, refused="no row can be kept")
    if len(aside) >= FEWEST_BAD and len(aside) > MOST_BAD_SHARE * len(reading.rows):
        return Expected(kept, aside, found, refused="too many rows cannot be kept", accepted=True)
    return Expected(kept, aside, found)


def _broken(row: Row, claim: Claim) -> frozenset[str]:
    """The rules that a row breaks by not being what the path says."""
    begin = midnight_us(claim.day)
    broken = {
        "other_exchange": row.exchange.lower() != claim.exchange,
        "other_symbol": claim.key not in GROUPS and symbol_key(row.symbol) != claim.key,
        "outside_day": not begin <= row.local_us < begin + DAY_US,
    }
    return frozenset(rule for rule, is_broken in broken.items() if is_broken)


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Two ranges of times of one series share more than the one instant at which one ends and the other begins."""
    if one[0] == one[1]:
        return other[0] <= one[0] <= other[1]
    if other[0] == other[1]:
        return one[0] <= other[0] <= one[1]
    return one[0] < other[1] and other[0] < one[1]
