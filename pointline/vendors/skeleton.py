"""The beginning of a description of files that nothing describes yet: what was seen in one of them, and what to decide.

It proposes and decides nothing: every column stands in ``decide``, and what the file cannot say is a ``?``.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence

from msgspec import Struct

from pointline.vendors.undecided import MARK
from pointline.vendors.values import is_number

SEPARATORS = (",", ";", "\t", "|")
SAMPLES = 3
LONGEST_SAMPLE = 28
DATES = (
    (re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)"), "{date:%Y-%m-%d}"),
    (re.compile(r"(?<!\d)\d{4}/\d{2}/\d{2}(?!\d)"), "{date:%Y/%m/%d}"),
    (re.compile(r"(?<!\d)(?:19|20)\d{2}[01]\d[0-3]\d(?!\d)"), "{date:%Y%m%d}"),
    (re.compile(r"(?<!\d)\d{4}-\d{2}(?!\d)"), "{date:%Y-%m}"),
)
DECODERS = {".dbn": "dbn", ".dbn.zst": "dbn", ".bi5": "bi5"}
"""What reads files with these endings, which are no text."""
BI5 = re.compile(r"[^/]+/\d{4}/\d{2}/\d{2}/\d{1,2}(?=h_ticks\.bi5$)")
EPOCH = re.compile(r"\d{10}|\d{13}|\d{16}|\d{19}")
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


class _Seen(Struct, frozen=True, kw_only=True):
    separator: str
    header: str
    """What the first line seems to be, as a feed says it."""
    columns: Sequence[str]
    cells: Sequence[Sequence[str]]


def decoder_of(path: str) -> str:
    """Return what reads a file that is no text, by its name; empty for text."""
    return next((decoder for ending, decoder in DECODERS.items() if path.lower().endswith(ending)), "")


def skeleton(path: str, lines: Sequence[str], decoder: str = "") -> str:
    """Return a description to complete, from the path of a file and its first lines.

    ``decoder``: what made them of a file that is no text; the first of them names the columns.
    """
    seen = _look(lines)
    columns = [f"    {_quoted(name)}," for name in seen.columns]
    places = {name: place for place, name in reversed(list(enumerate(seen.columns)))}
    decide = [f"{_quoted(name)} = {_quoted(_said(name, seen, place))}" for name, place in reversed(places.items())]
    return "\n".join(
        [
            "# Begun by `pointline vendors try --new`. Decide each ? and each entry of [feed.decide]:",
            "# `pointline vendors check FILE` says what is left, `pointline vendors help` what may be written.",
            f'vendor = "{MARK}"',
            'title = ""',
            "",
            "[[feed]]",
            f'name = "{MARK}"',
            f'table = "{MARK}"',
            f'exchange = "{MARK}"',
            f"# The file was {_comment(path)}; perhaps:",
            f"# path = {_quoted(_template(path))}",
            f'path = "{MARK}"',
            *([f"decoder = {_quoted(decoder)}"] if decoder else _header(seen)),
            *([] if seen.separator == "," else [f"separator = {_quoted(seen.separator)}"]),
            "columns = [",
            *columns,
            "]",
            "drop = []",
            "",
            "[feed.map]",
            "",
            "# Each column: map it above or name it in drop, then take it out of here.",
            "[feed.decide]",
            *decide,
            "",
        ]
    )


def _header(seen: _Seen) -> list[str]:
    return [
        f"# Its first line {'looks like a row' if seen.header == 'absent' else 'looks like a header'}; perhaps:",
        f'# header = "{seen.header}"',
        f'header = "{MARK}"',
    ]


def _look(lines: Sequence[str]) -> _Seen:
    first = lines[0] if lines else ""
    separator = max(SEPARATORS, key=lambda one: (first.count(one), -SEPARATORS.index(one)))
    cells = list(csv.reader(lines, delimiter=separator))
    names = [name.strip() for name in cells[0]] if cells else []
    has_header = bool(names) and not any(is_number(name) or not name or WRITTEN.match(name) for name in names)
    if has_header:
        return _Seen(separator=separator, header="required", columns=names, cells=cells[1:])
    columns = [f"column_{number}" for number in range(1, len(names) + 1)]
    return _Seen(separator=separator, header="absent", columns=columns, cells=cells)


def _said(name: str, seen: _Seen, place: int) -> str:
    cells = [row[place].strip() for row in seen.cells if place < len(row)]
    given = [cell for cell in cells if cell]
    samples = ", ".join(cell[:LONGEST_SAMPLE] for cell in given[:SAMPLES]) or "empty"
    proposal = _proposal(name, given)
    return f"{samples}; perhaps {proposal}" if proposal else samples


def _proposal(name: str, cells: Sequence[str]) -> str:
    source = _quoted(name)
    if name == "ms":
        return f'timestamp = {{ from = {source}, time = "since start", unit = "ms" }}'
    if cells and all(EPOCH.fullmatch(cell) for cell in cells):
        return f'timestamp = {{ from = {source}, time = "epoch" }}'
    written = WRITTEN.fullmatch(cells[0]) if cells else None
    if written is not None:
        offset = "" if written[3] is None else "Z" if written[3] == "Z" else "%z"
        format_ = f"%Y-%m-%d{written[1]}%H:%M:%S{'%.f' if written[2] else ''}{offset}"
        return f"timestamp = {{ from = {source}, time = {_quoted(format_)} }}"
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    target = next((target for target, names in LIKELY.items() if plain in names), "")
    if target == "side":
        words = ", ".join(f'{_quoted(word)} = "{MARK}"' for word in sorted(set(cells))[:SAMPLES])
        return f"side = {{ from = {source}, words = {{ {words} }} }}"
    return f"{target} = {source}" if target else ""


def _template(path: str) -> str:
    """Write the date that a path names as a field, and the name before it as the symbol."""
    if BI5.search(path):
        return BI5.sub("{symbol}/{year:%Y}/{month:%0m}/{day:%d}/{hour:%H}", path)
    folder, slash, name = path.rpartition("/")
    for pattern, field in DATES:
        if pattern.search(f"{folder}/{name}"):
            name = pattern.sub(field, name)
            folder = pattern.sub(field, folder)
            break
    found = re.match(r"[A-Za-z0-9]+(?=[-_.{])", name)
    symbol = "" if found is None else found[0]
    if symbol:
        name = f"{{symbol}}{name[len(symbol) :]}"
        folder = "/".join("{symbol}" if one == symbol else one for one in folder.split("/"))
    return f"{folder}{slash}{name}"


def _quoted(text: str) -> str:
    """Write a text as TOML does."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
