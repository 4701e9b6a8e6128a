"""What is in a lake, as Polars frames: its tables, its symbols, its files and its days."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from pointline.asked import Names, Time, exchange_ids, lake_paths, require, window, words
from pointline.config import LakePaths
from pointline.io.delta.table_size import table_size
from pointline.io.descriptions import lake_tables, periods
from pointline.io.ledger.reader import require_known_ledger, scan_rows
from pointline.naming import require_known
from pointline.reading import other_tables
from pointline.services.coverage.asked import SERIES, Selection
from pointline.services.coverage.claims import claimed_spans
from pointline.services.coverage.days import known_sum, survey
from pointline.tables import ingest_manifest
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status, ends, rows_in_quarantine, stands_at

TABLES = {
    "table": pl.String(),
    "rows": pl.Int64(),
    "rows_quarantined": pl.Int64(),
    "files": pl.Int64(),
    "exchanges": pl.Int64(),
    "symbols": pl.Int64(),
    "first": pl.Date(),
    "last": pl.Date(),
    "data_files": pl.Int64(),
    "size_bytes": pl.Int64(),
    "version": pl.Int64(),
}
DAY = dt.timedelta(days=1)
JUST_BEFORE = dt.timedelta(microseconds=1)
COVERAGE = (
    "first",
    "last",
    "days",
    "state",
    "is_covered",
    "files",
    "rows",
    "rows_quarantined",
    "usual",
    "file_id",
    "error",
)


def tables(*, lake_root: str | Path | None = None) -> pl.DataFrame:
    """Return the tables of a lake, those with the most rows first.

    >>> import pointline
    >>> pointline.tables().filter(pl.col("rows") > 0)  # doctest: +SKIP

    ``files`` are those of bronze whose rows are in the table; ``rows_quarantined`` are the rows in ``quarantine``, of
    these files and of those that are refused now.
    ``first`` and ``last`` are UTC dates. ``version`` is the newest, and null where the table does not exist yet.
    """
    paths = lake_paths(lake_root)
    ledger = scan_rows(paths.table(ingest_manifest.NAME), ingest_manifest.SCHEMA)
    landed = stands_at(Status.SUCCESS)
    counted = ledger.group_by(table="data_type").agg(
        files=landed.sum().cast(pl.Int64),
        rows_quarantined=rows_in_quarantine(),
        symbols=pl.col("symbols").filter(landed).explode(empty_as_null=False).drop_nulls().n_unique().cast(pl.Int64),
    )
    names = [*lake_tables(paths.root), *other_tables()]
    sizes = [{"table": name, **table_size(paths.table(name))} for name in names]
    found = pl.DataFrame(sizes, schema={name: kind for name, kind in TABLES.items() if name not in _COUNTED})
    found = found.join(counted.collect(), on="table", how="left")
    return found.select(list(TABLES)).sort("rows", "table", descending=[True, False])


_COUNTED = ("files", "rows_quarantined", "symbols")


def symbols(
    table: str | None = None,
    *,
    exchange: Names | None = None,
    symbol: Names | None = None,
    lake_root: str | Path | None = None,
) -> pl.DataFrame:
    """Return the symbols that have rows in a lake: one row per exchange, symbol and table.

    >>> import pointline
    >>> pointline.symbols("trades", exchange="deribit")  # doctest: +SKIP

    ``first`` and ``last`` are UTC dates. ``rows`` is null where a file holds several symbols: the ledger keeps the rows
    of a file, not of each symbol in it; and such a file counts for each of its symbols on all of its days. What a
    symbol *was*, its tick size for example, is in ``dim_symbol``: ``pointline.scan("dim_symbol")``.
    """
    paths = lake_paths(lake_root)
    ledger, chosen = _chosen(paths, table, exchange, symbol)
    first, last = ends()
    count = pl.col("symbols").list.len()
    each = (
        ledger.filter(stands_at(Status.SUCCESS), count > 0)
        .select(
            "exchange", "data_type", "symbols", rows=pl.when(count == 1).then("rows_written"), first=first, last=last
        )
        .explode("symbols", empty_as_null=False)
        .rename({"symbols": "symbol", "data_type": "table"})
    )
    if chosen is not None:
        each = each.filter(pl.col("symbol").is_in(chosen))
    found = each.group_by("exchange", "symbol", "table").agg(
        files=pl.len().cast(pl.Int64),
        rows=known_sum(pl.col("rows")),
        first=pl.col("first").min(),
        last=pl.col("last").max(),
    )
    return found.sort("exchange", "symbol", "table").collect()


def files(
    table: str | None = None,
    *,
    exchange: Names | None = None,
    symbol: Names | None = None,
    status: Names | None = None,
    start: Time | None = None,
    end: Time | None = None,
    lake_root: str | Path | None = None,
) -> pl.DataFrame:
    """Return the ledger: one row per file version, in the order in which the files were found.

    >>> import pointline
    >>> pointline.files(status="quarantined").select("file_id", "bronze_file_path", "error")  # doctest: +SKIP

    ``status`` is one of pending, success, failed, quarantined, superseded, duplicate, withdrawn and gone, or several.
    ``start`` and ``end``, half open, choose the files of these days: by their rows, or by their name where they have
    none. ``rows_read = rows_written + rows_quarantined``.
    """
    paths = lake_paths(lake_root)
    ledger, chosen = _chosen(paths, table, exchange, symbol)
    statuses = words(status)
    if statuses is not None:
        require("status", statuses, [one.value for one in Status])
        ledger = ledger.filter(pl.col("status").is_in(statuses))
    if chosen is not None:
        found = pl.col("symbols").list.eval(pl.element().is_in(chosen)).list.any().fill_null(value=False)
        ledger = ledger.filter(pl.col("symbol").is_in(chosen) | found)
    days = _days(start, end)
    if days.first is None and days.last is None:
        return ledger.sort("file_id").collect()
    first, last = (pl.coalesce(one, "date") for one in ends())
    is_unread = pl.col("first_local_timestamp").is_null()
    found_rows = ledger.filter(is_unread | days.reach(first, last)).sort("file_id").collect()
    claimed = claimed_spans(found_rows.filter(is_unread), periods(paths.root))
    return (
        found_rows.join(claimed, on="file_id", how="left", maintain_order="left")
        .filter(days.reach(pl.coalesce("claims_first", first), pl.coalesce("claims_last", last)))
        .drop("claims_first", "claims_last")
    )


def coverage(
    table: str | None = None,
    *,
    exchange: Names | None = None,
    symbol: Names | None = None,
    start: Time | None = None,
    end: Time | None = None,
    lake_root: str | Path | None = None,
) -> pl.DataFrame:
    """Return which days of each symbol are in the lake, and which are missing between them.

    >>> import pointline
    >>> days = pointline.coverage("trades", symbol="BTCUSDT", start="2024-05-01")
    >>> days.filter(pl.col("state") == "missing")  # doctest: +SKIP

    One row per exchange, table, symbol and day with a file (``first`` equals ``last``, ``days`` is 1), and one per run
    of days without. ``state`` is present, empty (the vendor had no data), few (far fewer rows than ``usual``), pending,
    missing, quarantined or failed; of several files of a day the one with the worst status is named by ``file_id``, and
    ``is_covered`` says whether any of them is in.
    A file of several symbols and days counts for each of its symbols on all of its days; its ``rows`` are null.
    """
    paths = lake_paths(lake_root)
    ledger, chosen = _chosen(paths, table, exchange, symbol)
    days = _days(start, end)
    found = survey(ledger.filter(pl.col("data_type") != INSTRUMENTS), days, periods(paths.root))
    came = found.days.with_columns(first="date", last="date", days=pl.lit(1, pl.Int64)).drop("date")
    never = found.gaps.filter(pl.col("file_id").is_null())
    whole = pl.concat([came, never], how="diagonal").with_columns(pl.col("is_covered").fill_null(value=False))
    if chosen is not None:
        whole = whole.filter(pl.col("symbol").is_in(chosen))
    return whole.sort(*SERIES, "first").select(*SERIES, *COVERAGE).rename({"data_type": "table"})


def _days(start: Time | None, end: Time | None) -> Selection:
    """Return the UTC days of a half-open window."""
    first, last = window(start, end)
    return Selection(
        first=None if first is None else first.date(), last=None if last is None else (last - JUST_BEFORE).date()
    )


def _chosen(
    paths: LakePaths, table: str | None, exchange: Names | None, symbol: Names | None
) -> tuple[pl.LazyFrame, list[str] | None]:
    """Return the ledger of a table and of exchanges, and the symbols that are asked for.

    Raises PointlineError for names that the lake does not know.
    """
    require_known_ledger(paths.table(ingest_manifest.NAME))
    ledger = scan_rows(paths.table(ingest_manifest.NAME), ingest_manifest.SCHEMA)
    if table is not None:
        require("table", [table], [*lake_tables(paths.root), INSTRUMENTS])
        ledger = ledger.filter(pl.col("data_type") == table)
    ids, names = exchange_ids(exchange), words(symbol)
    if ids or names:
        require_known(paths.silver, words(exchange) or (), names or ())
    if ids is not None:
        ledger = ledger.filter(pl.col("exchange").is_in(ids))
    return ledger, names
