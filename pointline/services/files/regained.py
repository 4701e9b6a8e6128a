"""Days that a file left to another one of its feed, which is not in the lake any more: they are its own again.

A monthly file leaves a day to the daily file of it (``preference``). Once the rows of that daily leave silver, because
it is withdrawn or its path holds something of another day, the monthly file has to be read again for them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from pointline.io.protocols.file_version import LEFT_TO
from pointline.services.files.place.preference import RankOf, claims_all_of
from pointline.tables.ingest_manifest import CLOSED, Status, ends, stands_at
from pointline.tables.spelling import symbol_key

LEFT = re.compile(rf'"{LEFT_TO}(\d+):(\d{{4}}-\d\d-\d\d)": (\d+)')
MOST_STEPS = 100
"""From a file to what took its place, and so on."""
SERIES = ("exchange", "data_type", "feed")


def days_left(warnings: str | None) -> Iterator[tuple[int, dt.date, int]]:
    """Yield the file, the day and the number of rows of each day that a file has left to another one."""
    for file_id, date, rows in LEFT.findall(warnings or ""):
        yield int(file_id), dt.date.fromisoformat(date), int(rows)


def all_days_left(thinned: pl.DataFrame) -> Iterator[tuple[dict[str, Any], int, dt.date, int]]:
    """Yield the row of a file, the other file, the day and the number of rows of each day that was left."""
    for row in thinned.iter_rows(named=True):
        for by, date, rows in days_left(row["warnings"]):
            yield row, by, date, rows


def holders(
    by: int, date: dt.date, heirs: Mapping[int, dict[str, Any]], onward: Mapping[tuple[int, dt.date], int]
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield the file that a day was left to, and what is in its place; then the one that this left it to, and so on.

    ``onward`` has who left a day to whom, by file and day: a year left it to a month, which left it to a day's file.
    """
    for _ in range(MOST_STEPS + 1):
        heir = heirs.get(by)
        yield by, heir
        if heir is None or (after := onward.get((heir["file_id"], date))) is None:
            return
        by = after


def regained(
    thinned: pl.DataFrame,
    entries: pl.DataFrame,
    present: pl.Series,
    rank_of: RankOf = lambda _path, _feed: None,
) -> dict[int, str]:
    """Return the files that have to be read again for a day of theirs, with their paths.

    ``thinned`` are the ledger's whole rows of files that left days to others; ``present`` are the paths in bronze.
    A file whose path has a newer version waits for what becomes of that one.
    """
    told = [(row["file_id"], by, date) for row, by, date, _ in all_days_left(thinned.select("file_id", "warnings"))]
    onward = {(file_id, date): by for file_id, by, date in told}
    thinned = thinned.filter(pl.col("bronze_file_path").is_in(present.implode()))
    if thinned.is_empty():
        return {}
    standing = entries.filter(
        pl.col("bronze_file_path").is_in(thinned["bronze_file_path"].to_list()), ~stands_at(*CLOSED)
    )
    newest = dict(standing.group_by("bronze_file_path").agg(pl.col("file_id").max()).iter_rows())
    rows = [row for row in thinned.iter_rows(named=True) if newest.get(row["bronze_file_path"]) == row["file_id"]]
    first, last = ends()
    facts = [pl.col(name).cast(pl.String) for name in ("symbol", *SERIES)]
    asked: list[pl.Expr | str] = ["date", *facts, first.alias("first"), last.alias("last")]
    heirs = heirs_of({by for _, by, _ in told}, entries.lazy(), ["bronze_file_path", *asked])

    def is_held(row: Mapping[str, Any], left_to: int, date: dt.date) -> bool:
        _, *later = steps = list(holders(left_to, date, heirs, onward))
        if any(heir is not None and not _claims_all_of(heir, row, date, rank_of) for _, heir in later):
            return False  # a month left the day to one of two files that make it up
        by, heir = steps[-1]
        return _has(heir, row, date, of=by)

    return {
        row["file_id"]: row["bronze_file_path"]
        for row in rows
        if any(not is_held(row, by, date) for by, date, _ in days_left(row["warnings"]))
    }


def _claims_all_of(heir: Mapping[str, Any], row: Mapping[str, Any], date: dt.date, rank_of: RankOf) -> bool:
    ranks = [rank_of(one["bronze_file_path"], row["feed"] or "") for one in (heir, row)]
    return claims_all_of(date, *ranks)


def left_to(thinned: pl.DataFrame, file_ids: Collection[int]) -> list[tuple[Mapping[str, Any], dt.date, int]]:
    """Return the ledger rows of the files that left a day to one of these, with the day and how many rows it has."""
    return [(row, date, rows) for row, by, date, rows in all_days_left(thinned) if by in file_ids]


def heirs_of(
    file_ids: Collection[int], ledger: pl.LazyFrame, asked: Sequence[pl.Expr | str]
) -> dict[int, dict[str, Any]]:
    """Return what is now in the place of each of these files: itself, or what took its place at last.

    As rows of the ledger with ``file_id, superseded_by, status`` and what is asked beside them.
    """
    now = {file_id: file_id for file_id in file_ids}
    known: dict[int, dict[str, Any]] = {}
    for _ in range(MOST_STEPS):
        if wanted := sorted(set(now.values()) - known.keys()):
            rows = ledger.filter(pl.col("file_id").is_in(wanted))
            found = rows.select("file_id", "superseded_by", pl.col("status").cast(pl.String), *asked).collect()
            known |= {row["file_id"]: row for row in found.iter_rows(named=True)}
        after = {
            file_id: known[by]["superseded_by"]
            for file_id, by in now.items()
            if by in known and known[by]["status"] in {Status.SUPERSEDED, Status.DUPLICATE}
        }
        if not after:
            break
        now |= after
    return {file_id: known[by] for file_id, by in now.items() if by in known}


def _has(heir: Mapping[str, Any] | None, row: Mapping[str, Any], date: dt.date, *, of: int) -> bool:
    """Tell whether a file has the rows of the day; of one that is being read that is to be expected."""
    if heir is None or heir["status"] not in {Status.SUCCESS, Status.PENDING}:
        return False
    if heir["file_id"] == of or heir["status"] == Status.PENDING:
        return True
    reaches = heir["date"] == date if heir["first"] is None else heir["first"] <= date <= heir["last"]
    is_same = symbol_key(heir["symbol"]) == symbol_key(row["symbol"])
    return reaches and is_same and all(heir[name] == row[name] for name in SERIES)
