"""The small lake that the help topics show: ten files of bronze with some of everything, the same on every run."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Final

from pointline_daemon.samples import Sample, csv_bytes, gzip_bytes, sample_frame, write_sample

DAY: Final = dt.date(2024, 5, 1)
SYMBOL: Final = "BTC-PERPETUAL"
MTIME: Final = 1_715_000_000
"""Seconds since the epoch: old enough that nothing waits for a file to settle."""
INSTRUMENT: Final = {
    "id": SYMBOL,
    "exchange": "deribit",
    "baseCurrency": "BTC",
    "quoteCurrency": "USD",
    "type": "perpetual",
    "availableSince": "2018-08-14T00:00:00.000Z",
    "priceIncrement": 0.1,
}
BINANCE: Final = "BTCUSDT-trades-2024-05-01"
BINANCE_LINES: Final = (
    "3564316790,60672.00000000,0.00100000,60.67200000,1714521600002,True,True\n"
    "3564316791,60672.01000000,0.00400000,242.68804000,1714521600011,False,True\n"
    "3564316792,60672.01000000,0.01000000,606.72010000,1714521600345,False,True\n"
)


def write_examples(home: Path) -> Path:
    """Fill ``home/lake/bronze``, and put a file beside the lake that a topic drops; return the lake's folder."""
    bronze = home / "lake/bronze"
    for data_type, symbol in (("trades", SYMBOL), ("quotes", SYMBOL), ("trades", "ETH-PERPETUAL")):
        for day in range(3 if data_type == "trades" else 1):
            sample = _sample(data_type, symbol, day)
            if (symbol, day) != ("ETH-PERPETUAL", 1):  # a gap
                write_sample(sample, bronze / sample.file_name)
    spoilt = _sample("trades", "SOL-PERPETUAL", 0)
    lines = csv_bytes(sample_frame(spoilt)).splitlines(keepends=True)
    lines[47] = lines[47].replace(b",buy,", b",maybe,").replace(b",sell,", b",maybe,")
    (bronze / spoilt.file_name).write_bytes(gzip_bytes(b"".join(lines)))
    cut = _sample("trades", "XRP-PERPETUAL", 0)
    (bronze / cut.file_name).write_bytes(gzip_bytes(csv_bytes(sample_frame(cut)))[:-200])
    folder = bronze / f"tardis/exchange=deribit/type=instruments/date={DAY}"
    folder.mkdir(parents=True)
    (folder / "all.json").write_text(json.dumps([INSTRUMENT]))
    published = bronze / "data/spot/daily/trades/BTCUSDT"
    published.mkdir(parents=True)
    (home / f"{BINANCE}.zip").write_bytes(zipped := _zip())
    (published / f"{BINANCE}.zip").write_bytes(zipped)
    (published / f"{BINANCE}.zip.CHECKSUM").write_text(f"{hashlib.sha256(zipped).hexdigest()}  {BINANCE}.zip\n")
    (bronze / "BTCUSDT-trades-2024-01-01.csv").write_text(BINANCE_LINES)
    (bronze / "notes.txt").write_text("to do: ask the vendor for ETH of 2 May\n")
    for path in bronze.rglob("*"):
        os.utime(path, (MTIME, MTIME))
    return home / "lake"


def _sample(data_type: str, symbol: str, day: int) -> Sample:
    return Sample(exchange="deribit", data_type=data_type, symbol=symbol, date=DAY + dt.timedelta(days=day), rows=200)


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{BINANCE}.csv", (2024, 5, 2, 0, 0, 0)), BINANCE_LINES)
    return content.getvalue()
