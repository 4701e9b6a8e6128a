"""What columns of a file may be, by what they are called and what stands in them: proposed, and decided by a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from pointline.vendors.drafts.undecided import MARK

SAMPLES = 3
EPOCH = re.compile(r"\d{10}|\d{13}|\d{16}|\d{19}")
RECEIVED = re.compile(r"local|recei|recv")
DOTTED = re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}(?: (\d{1,2}:\d{2}(:\d{2})?)(\.\d+)?)?")
"""Day, month and year; with slashes nobody could tell which of them is the month."""
WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}([ T])\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
LIKELY = {
    "id": ("id", "tradeid", "tradeidentifier", "trdmatchid", "aggtradeid"),
    "price": ("price", "px", "p", "lastprice", "rate"),
    "amount": ("amount", "qty", "quantity", "size", "volume", "vol", "q"),
    "side": ("side", "direction", "takerside", "isbuyermaker"),
    "symbol": ("symbol", "ticker", "instrument", "instrumentname", "instid", "market", "pair"),
    "bid_price": ("bid", "bidprice", "bidpx"),
    "ask_price": ("ask", "askprice", "askpx"),
    "bid_amount": ("bidsize", "bidqty", "bidsz", "bidvolume"),
    "ask_amount": ("asksize", "askqty", "asksz", "askvolume"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
}
"""Columns of tables and what vendors call them, without case and signs."""


def proposal(name: str, cells: Sequence[str], *, is_bar: bool = False) -> str:
    """Return the line of a map that a column may be meant for, by its name and its cells; empty where none is seen.

    ``is_bar``: the file has bars, which have a volume where trades have an amount.
    """
    source = quoted(name)
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    clock = "local_timestamp" if RECEIVED.match(plain) else "timestamp"
    if name == "ms":
        return f'timestamp = {{ from = {source}, time = "since start", unit = "ms" }}'
    if cells and all(EPOCH.fullmatch(cell) for cell in cells):
        return f'{clock} = {{ from = {source}, time = "epoch" }}'
    written = WRITTEN.fullmatch(cells[0]) if cells else None
    if written is not None:
        offset = "" if written[3] is None else "Z" if written[3] == "Z" else "%z"
        format_ = f"%Y-%m-%d{written[1]}%H:%M:%S{'%.f' if written[2] else ''}{offset}"
        return f"{clock} = {{ from = {source}, time = {quoted(format_)} }}"
    dotted = DOTTED.fullmatch(cells[0]) if cells else None
    if dotted is not None:
        clock_format = (" %H:%M:%S" if dotted[2] else " %H:%M") if dotted[1] else ""
        format_ = f"%d.%m.%Y{clock_format}{'%.f' if dotted[3] else ''}"
        return f"{clock} = {{ from = {source}, time = {quoted(format_)} }}"
    target = next((target for target, names in LIKELY.items() if plain in names), "")
    if target == "side":
        words = ", ".join(f'{quoted(word)} = "{MARK}"' for word in sorted(set(cells))[:SAMPLES])
        return f"side = {{ from = {source}, words = {{ {words} }} }}"
    if is_bar and target == "amount":
        target = "volume"
    return f"{target} = {source}" if target else ""


def names_no_zone(cells: Iterable[str]) -> bool:
    """Tell whether times are among these cells that a clock on a wall shows."""
    found = (WRITTEN.fullmatch(cell) or DOTTED.fullmatch(cell) for cell in cells)
    return any(one is not None and (one.re is DOTTED or not one[3]) for one in found)


def quoted(text: str) -> str:
    """Write a text as TOML does."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
