"""Dukascopy's packed ticks: 20 bytes a tick, most significant byte first, of one hour.

Milliseconds since the hour began, ask, bid as whole numbers of points, and their volumes as 32-bit floats.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

import polars as pl

from pointline.errors import Rejected
from pointline.io.decoders.decoder import Records, whole_records

TICK_BYTES = 20
NAMES = ("ms", "ask", "bid", "ask_volume", "bid_volume")
WHOLES = 3
"""Columns that are whole numbers."""
HOUR_MS = 3_600_000


def decode_bi5(chunks: Iterator[bytes], path: str) -> Records:
    """Return the ticks of an hour; ``chunks`` are decompressed."""
    ticks = whole_records(chunks, TICK_BYTES, path, "tick")
    return Records(names=NAMES, blocks=(_lines(data, path, before) for data, before in ticks))


def _lines(data: bytes, path: str, before: int) -> bytes:
    wholes, floats = array("I", data), array("f", data)
    if sys.byteorder == "little":
        wholes.byteswap()
        floats.byteswap()
    width = len(NAMES)
    _check_hour(wholes[0::width], path, before)
    columns = [wholes[place::width] if place < WHOLES else floats[place::width] for place in range(width)]
    kinds = [pl.UInt32 if place < WHOLES else pl.Float32 for place in range(width)]
    frame = pl.DataFrame(
        [pl.Series(name, column, kind) for name, column, kind in zip(NAMES, columns, kinds, strict=True)]
    )
    return frame.write_csv(include_header=False).encode()


def _check_hour(milliseconds: array[int], path: str, before: int) -> None:
    """Raise Rejected where a tick lies beyond the hour: bars of a day, and much else, would look like ticks."""
    if max(milliseconds) < HOUR_MS:
        return
    place = next(place for place, one in enumerate(milliseconds) if one >= HOUR_MS)
    raise Rejected(
        f"{path}: its tick {before + place + 1} is {milliseconds[place]} ms after the hour began, which has {HOUR_MS}",
        subject=path,
        hint="is it an hour of ticks of Dukascopy, as it was downloaded?",
    )
