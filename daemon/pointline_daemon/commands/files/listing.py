"""``pointline files``: the ledger, what changed last first."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from pointline.errors import WrongUse
from pointline.io.ledger.reader import scan_ledger
from pointline.phrases import count, printable
from pointline.services.files.companion import DISPUTED, is_disputed
from pointline.services.telling.next_steps import LedgerRow, same_content, why_without_rows
from pointline.services.telling.oddities import is_odd, oddities
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import Status, stands_at
from pointline.unknown import no_such
from pointline_daemon.commands.shared.known import known_exchange, require_file_table, require_symbol
from pointline_daemon.commands.shared.present import (
    MOST_SHOWN,
    Column,
    is_terminal,
    print_json,
    print_lines,
    print_table,
    shorten_path,
    terminal_width,
)
from pointline_daemon.commands.shared.settings import settings_for
from pointline_daemon.commands.shared.unread import SHOWN, list_unread
from pointline_daemon.exit_codes import EXIT_OK

NARROWEST_PATH = 24
COLOURS: Final[Mapping[Status, str]] = {
    Status.PENDING: "yellow",
    Status.SUCCESS: "",
    Status.FAILED: "bold red",
    Status.QUARANTINED: "red",
    Status.SUPERSEDED: "dim",
    Status.DUPLICATE: "dim",
    Status.WITHDRAWN: "dim",
    Status.GONE: "dim",
}
COLUMNS = [
    Column(title="id", align="right", style="dim"),
    Column(title="status"),
    Column(title="rows", align="right"),
    Column(title="quarantined", align="right"),
]
"""Before the path; on a pipe the table follows too, and on both the error."""


def list_files(
    lake_root: Path | None,
    *,
    status: str | None,
    table: str | None,
    exchange: str | None,
    symbol: str | None,
    last: int | None,
    as_json: bool,
    unrecognised: bool = False,
    warnings: bool = False,
) -> int:
    """Print the file versions that fit all filters, those that changed last first; or what is not read at all."""
    config = settings_for(lake_root)
    if table is not None:
        require_file_table(table, config)
    _require_use(status, last, filters_unread=unrecognised and bool(status or table or exchange or symbol or warnings))
    if unrecognised:
        return list_unread(config, last=last, as_json=as_json)
    last = SHOWN if last is None else last
    everything = scan_ledger(config.paths.table(ingest_manifest.NAME))
    wanted = {"status": status, "data_type": table, "exchange": known_exchange(everything, exchange)}
    chosen = [pl.col(name) == value for name, value in wanted.items() if value is not None]
    if symbol is not None:
        chosen.append((pl.col("symbol") == symbol) | pl.col("symbols").list.contains(symbol).fill_null(value=False))
    if warnings:
        chosen.append(is_odd())
    require_symbol(everything, symbol)
    ledger = everything.filter(*chosen)
    matching = ledger.select(pl.len()).collect().item()
    newest_first = ledger.sort("updated_at_us", "file_id", descending=True)
    files = (newest_first.head(min(last, MOST_SHOWN)) if last else newest_first).collect()
    is_cut = matching > files.height
    cut = f"{files.height:,} of {matching:,} files; --last 0 shows all"
    if as_json:
        print_json([_as_json(row) for row in files.iter_rows(named=True)])
    elif files.is_empty():
        print_lines(
            [
                "no file of the ledger matches"
                if chosen
                else "the ledger is empty: no market-data file was seen in bronze yet"
            ]
        )
    else:
        tell = partial(_error, originals=_originals(everything, files), groups=config.bronze.groups)
        _show(files, _what_is_odd if warnings else tell)
        if is_cut and is_terminal():
            print_lines([f"\n{cut}"])
    if is_cut and not is_terminal():  # who counts the lines of a pipe has to know
        print(f"note: {cut}", file=sys.stderr)
    return EXIT_OK


def _require_use(status: str | None, last: int | None, *, filters_unread: bool) -> None:
    """Raise WrongUse for what cannot be."""
    if filters_unread:
        raise WrongUse(
            "a file that is not recognised has no status, table, exchange, symbol or warnings",
            hint="give --unrecognised by itself",
        )
    statuses = [one.value for one in Status]
    if status is not None and status not in statuses:
        raise no_such("status", status, statuses)
    if last is not None and last < 0:
        raise WrongUse(f"--last is {last}", hint="give a number of files, or 0 for all")


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "warnings": json.loads(row["warnings"] or "{}")}


def _originals(ledger: pl.LazyFrame, files: pl.DataFrame) -> dict[int, LedgerRow]:
    """Return what the duplicates among files are copies of, by id."""
    named = files.filter(stands_at(Status.DUPLICATE))["superseded_by"].to_list()
    if not named:
        return {}
    originals = ledger.filter(pl.col("file_id").is_in(named)).collect()
    return {row["file_id"]: row for row in originals.iter_rows(named=True)}


def _show(files: pl.DataFrame, error_of: Callable[[LedgerRow], str]) -> None:
    rows = [
        (
            [
                str(row["file_id"]),
                row["status"],
                count(row["rows_written"]),
                count(row["rows_quarantined"]),
            ],
            row,
        )
        for row in files.iter_rows(named=True)
    ]
    if not is_terminal():
        columns = [*COLUMNS, Column(title="table"), Column(title="path"), Column(title="error")]
        print_table(
            columns,
            [
                [*cells, row["data_type"], printable(row["bronze_file_path"]), printable(error_of(row))]
                for cells, row in rows
            ],
        )
        return
    used = sum(
        max(len(column.title), *(len(cells[position]) for cells, _ in rows)) + 2
        for position, column in enumerate(COLUMNS)
    )
    width = max(NARROWEST_PATH, terminal_width() - used)
    print_table(
        [*COLUMNS, Column(title="path", fold=True)],
        [[*cells, _path_and_error(row, error_of(row), width)] for cells, row in rows],
        styles=[COLOURS[Status(row["status"])] for _, row in rows],
    )


def _path_and_error(row: LedgerRow, error: str, width: int) -> str:
    path = shorten_path(printable(row["bronze_file_path"]), width)
    for stands_beside in (f"{row['bronze_file_path']}: ", f"{row['bronze_file_path']} "):
        error = error.removeprefix(stands_beside)
    return f"{path}\n{printable(error)}" if error else path


def _what_is_odd(row: LedgerRow) -> str:
    return "; ".join(oddities(row["warnings"]))


def _error(row: LedgerRow, *, originals: Mapping[int, LedgerRow], groups: Collection[str]) -> str:
    if row["status"] == Status.DUPLICATE:
        return same_content(row, originals.get(row["superseded_by"]), groups)
    if is_disputed(row):
        return DISPUTED
    return row["error"] or why_without_rows(row)
