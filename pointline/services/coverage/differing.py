"""Days of which two files of one feed were published, and the one that was left out has more rows than the other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, Final

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.io.protocols.file_version import LEFT_TO
from pointline.services.coverage.asked import SERIES
from pointline.services.files.regained import all_days_left, days_left, heirs_of, holders
from pointline.tables.ingest_manifest import Status, rows_by_day, stands_at

OF_ONE_FEED: Final = (*SERIES, "feed")
Place = tuple[str, str, str, str | None, dt.date]
"""Exchange, table, symbol, feed and day."""
ASKED: Final = ("date", "days", "rows_written", "warnings")


class Differing(Struct, frozen=True, kw_only=True):
    """One day. ``file_id`` left ``rows`` of it to another file, in whose place is ``by``.

    ``rows_there``: what that one has of the day, and others of its feed that have a part of it.
    """

    exchange: str
    data_type: str
    symbol: str
    date: dt.date
    file_id: int
    rows: int
    by: int
    rows_there: int


def differing_days(ledger: pl.LazyFrame) -> list[Differing]:
    """Return the days of files that are in, by series and date. Raises as the ledger does."""
    left = ledger.filter(stands_at(Status.SUCCESS), pl.col("warnings").str.contains(f'"{LEFT_TO}', literal=True))
    thinned = left.select("file_id", *(pl.col(name).cast(pl.String) for name in OF_ONE_FEED), "warnings").collect()
    told = list(all_days_left(thinned))
    heirs = heirs_of({by for _, by, _, _ in told}, ledger, ASKED)
    onward = {(row["file_id"], date): by for row, by, date, _ in told}
    found: list[tuple[str | None, Differing]] = []
    for row, left_to, date, rows in told:
        *_, (_, heir) = holders(left_to, date, heirs, onward)
        there = rows_on(heir, date)
        if heir is not None and there is not None and there < rows:
            series = {name: row[name] for name in SERIES}
            by = heir["file_id"]
            one = Differing(**series, date=date, file_id=row["file_id"], rows=rows, by=by, rows_there=there)
            found.append((row["feed"], one))
    totals = _rows_in(ledger, {_place(one, feed) for feed, one in found})
    whole = [replace(one, rows_there=totals.get(_place(one, feed), one.rows_there)) for feed, one in found]
    fewer = [one for one in whole if one.rows_there < one.rows]
    return sorted(fewer, key=lambda one: (one.exchange, one.data_type, one.symbol, one.date))


def _place(one: Differing, feed: str | None) -> Place:
    return one.exchange, one.data_type, one.symbol, feed, one.date


def _rows_in(ledger: pl.LazyFrame, days: Collection[Place]) -> dict[Place, int]:
    """Return how many rows all files of a feed together have of these days: two may make up one."""
    if not days:
        return {}
    symbols = list({place[2] for place in days})
    files = ledger.filter(stands_at(Status.SUCCESS), pl.col("symbol").cast(pl.String).is_in(symbols))
    names = [pl.col(name).cast(pl.String) for name in OF_ONE_FEED]
    sums = rows_by_day(files.select(*names, "date", "days", "rows_written")).group_by(*OF_ONE_FEED, "date").sum()
    rows = sums.select(*OF_ONE_FEED, "date", "rows_written").collect().iter_rows()
    return {row[:-1]: row[-1] for row in rows if row[:-1] in days}


def rows_on(row: Mapping[str, Any] | None, date: dt.date) -> int | None:
    """Return how many rows a file of the ledger has of a day.

    None where it is not in, where that is not known, and where it left the day to yet another file.
    More rows than another one may have a file that is of more of the day; fewer of them say that rows are missing.
    """
    if row is None or row["status"] != Status.SUCCESS or date in {left for _, left, _ in days_left(row["warnings"])}:
        return None
    if row["days"] is not None:
        return next((int(one["rows"]) for one in row["days"] if one["date"] == date), 0)
    return int(row["rows_written"]) if row["date"] == date else None
