"""An independent reader of vendors' cells, to check the lake by: csv, datetime, decimal; none of the product."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
PER_SECOND = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}


def read_cells(
    data: bytes, columns: Sequence[str] = (), *, separator: str = ",", encoding: str = "utf-8"
) -> list[dict[str, str]]:
    """Return the rows as text. ``columns`` name the cells where the file has no header."""
    rows = list(csv.reader(io.StringIO(data.decode(encoding, "replace"), newline=""), delimiter=separator))
    names, rows = (list(columns), rows) if columns else (rows[0], rows[1:])
    return [dict(zip(names, row, strict=True)) for row in rows if row]


def epoch_us(text: str) -> int:
    """Microseconds from an epoch whose number of digits tells its unit; finer ones are cut."""
    return int(text) * 10**6 // PER_SECOND[len(text)]


def seconds_us(text: str) -> int:
    """Microseconds from seconds with decimals."""
    return int(Decimal(text) * 10**6)


def written_us(text: str, format_: str, zone: str = "UTC") -> int:
    """Microseconds from a time on the wall of a zone; decimals of a second, however many, follow what is formatted."""
    text = text.removesuffix("Z")
    whole, dot, decimals = text.rpartition(".") if text.rpartition(".")[2].isdigit() and "." in text else (text, "", "")
    moment = dt.datetime.strptime(whole if dot else text, format_).replace(tzinfo=ZoneInfo(zone))
    return us_of(moment) + int((decimals + "000000")[:6] if dot else 0)


def us_of(moment: dt.datetime) -> int:
    """Microseconds since the epoch, exactly."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
