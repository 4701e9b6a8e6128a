"""Files in Databento's own encoding, packed here field by field from the raw CSV of the same records."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields

from tests.support.databento_files import RAW, form
from tests.support.vendor_files import Form

SCHEMAS = {
    "mbo": 0,
    "mbp-1": 1,
    "mbp-10": 2,
    "tbbo": 3,
    "trades": 4,
    "ohlcv-1s": 5,
    "ohlcv-1m": 6,
    "ohlcv-1h": 7,
    "ohlcv-1d": 8,
    "definition": 9,
    "bbo-1s": 18,
    "bbo-1m": 19,
}
SEVERAL_SCHEMAS = 0xFFFF
LEVEL = "qqIIII"
TRADE = ("price", "size", "action", "side", "flags", "depth", "ts_recv", "ts_in_delta", "sequence")
TRADE_KINDS = "qIccBBQiI"
BODIES = {
    "trades": (TRADE_KINDS, TRADE, 0),
    "tbbo": (TRADE_KINDS, TRADE, 1),
    "mbp-1": (TRADE_KINDS, TRADE, 1),
    "mbp-10": (TRADE_KINDS, TRADE, 10),
    "mbo": (
        "QqIBBccQiI",
        ("order_id", "price", "size", "flags", "channel_id", "action", "side", "ts_recv", "ts_in_delta", "sequence"),
        0,
    ),
    "bbo-1s": ("qIxcBxQ4xI", ("price", "size", "side", "flags", "ts_recv", "sequence"), 1),
    "ohlcv-1m": ("qqqqQ", ("open", "high", "low", "close", "volume"), 0),
}
"""Of each schema: how its fields are packed after the common header, which they are, and how many levels follow."""
RTYPES = {"trades": 0, "tbbo": 1, "mbp-1": 1, "mbp-10": 10, "mbo": 160, "bbo-1s": 195, "ohlcv-1m": 33}
HEADER_KINDS = "<BBHIQ"
UNDEFINED = 2**64 - 1


def record(schema: str, cells: dict[str, str], instrument: int) -> bytes:
    """One record from the cells of raw CSV."""
    kinds, names, depth = BODIES[schema]
    levels = [f"{side}_{what}_{n:02}" for n in range(depth) for what in ("px", "sz", "ct") for side in ("bid", "ask")]
    values = [_value(cells[name]) for name in (*names, *levels)]
    body = struct.pack(f"<{kinds}{LEVEL * depth}", *values)
    size = struct.calcsize(HEADER_KINDS) + len(body)
    assert size % 4 == 0
    return struct.pack(HEADER_KINDS, size // 4, RTYPES[schema], 1, instrument, int(cells["ts_event"])) + body


def _value(cell: str) -> int | bytes:
    return cell.encode("latin-1") if cell.isalpha() else int(cell)


def metadata(
    schema: str,
    symbols: Sequence[str],
    day: dt.date,
    *,
    version: int = 3,
    dataset: str = "GLBX.MDP3",
    is_mapped: bool = True,
    several: bool = False,
) -> bytes:
    """The beginning of a file; the instruments are numbered by their symbols."""
    width = 22 if version == 1 else 71

    def text(value: str) -> bytes:
        return value.encode().ljust(width, b"\0")

    code = SEVERAL_SCHEMAS if several else SCHEMAS[schema]
    fixed = struct.pack("<16sHQQQ", dataset.encode(), code, 0, UNDEFINED, 0)
    if version == 1:
        fixed += struct.pack("<QBBB47x", 0, 1, 0, 0)
    else:
        fixed += struct.pack("<BBBH53x", 1, 0, 0, width)
    counted = [struct.pack("<I", 0), struct.pack("<I", len(symbols)), *map(text, symbols), struct.pack("<II", 0, 0)]
    counted.append(struct.pack("<I", len(symbols) if is_mapped else 0))
    first, end = (int(f"{one:%Y%m%d}") for one in (day - dt.timedelta(days=1), day + dt.timedelta(days=3)))
    for number, symbol in enumerate(symbols if is_mapped else (), 1):
        counted += [text(symbol), struct.pack("<III", 1, first, end), text(str(number))]
    whole = fixed + b"".join(counted)
    whole += b"\0" * (-len(whole) % 8)
    return b"DBN" + bytes([version]) + struct.pack("<I", len(whole)) + whole


@dataclass(frozen=True, kw_only=True, repr=False)
class DbnForm(Form):
    """How the records of a schema are packed; ``file`` takes the cells of their raw CSV."""

    schema: str
    version: int = 3

    def file(self, lines: Sequence[Sequence[str]], header: Sequence[str] | None = None) -> bytes:
        assert header is None
        return self.packed(lines)

    def packed(
        self,
        lines: Sequence[Sequence[str]],
        *,
        dataset: str = "GLBX.MDP3",
        is_mapped: bool = True,
        several: bool = False,
    ) -> bytes:
        rows = [dict(zip(self.columns, line, strict=True)) for line in lines]
        symbols = list(dict.fromkeys(row["symbol"] for row in rows))
        records = [record(self.schema, row, symbols.index(row["symbol"]) + 1) for row in rows]
        start = metadata(
            self.schema,
            symbols,
            self.day,
            version=self.version,
            dataset=dataset,
            is_mapped=is_mapped,
            several=several,
        )
        return start + b"".join(records)


def dbn_form(schema: str) -> DbnForm:
    """The packed form of what ``databento_files.form`` writes as raw CSV."""
    plain = form(schema, RAW)
    said = {one.name: getattr(plain, one.name) for one in fields(plain)}
    said |= {"feed": f"{plain.feed}-dbn", "path": plain.path.replace(".csv", ".dbn")}
    return DbnForm(**said, schema=schema)
