"""``pointline quarantine``: quarantined rows by file and rule, and their original lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pointline.errors import WrongUse
from pointline.io.ledger.reader import scan_ledger, scan_rows, scan_rows_of
from pointline.io.translate import storage_errors
from pointline.phrases import LEAVE_ONE_OUT, count, plural, printable
from pointline.services.rows.aside import RuleBroken, by_rule
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import CLOSED, Status, stands_at
from pointline.tables.quarantine import NAME, SCHEMA
from pointline_daemon.commands.files.targets import chosen_files
from pointline_daemon.commands.shared.harmless import harmless
from pointline_daemon.commands.shared.known import require_rule
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
from pointline_daemon.exit_codes import EXIT_OK

SHOWN = 20
NONE_NOW = "no file as it is now has rows of this rule; `pointline quarantine ID` shows those of older versions"
LONGEST_LINE = 200
NARROWEST_PATH = 24
COLUMNS = [
    Column(title="file", align="right", style="dim"),
    Column(title="rows", align="right"),
    Column(title="rule"),
]


def show_quarantine(
    lake_root: Path | None,
    targets: Sequence[str],
    *,
    rule: str | None,
    last: int | None,
    as_csv: bool,
    as_json: bool,
    raw: bool = False,
) -> int:
    """Print quarantined rows. Without a file or a rule only the groups; with ``as_csv`` every row.

    Rows of older versions, which another one has replaced, are shown where these are named.

    ``raw`` writes the cells of the CSV as they are, formulas and control characters too.
    """
    config = settings_for(lake_root)
    if raw and not as_csv:
        raise WrongUse("--raw is for --csv, which is not given", hint="add --csv, or leave out --raw")
    if as_csv and last is not None:
        raise WrongUse("--csv prints all rows, and --last some of them", hint=LEAVE_ONE_OUT)
    last = SHOWN if last is None else last
    if last < 0:
        raise WrongUse(f"--last is {last}", hint="give a number of lines, or 0 for all")
    if as_csv and as_json:
        raise WrongUse("--csv and --json exclude each other", hint=LEAVE_ONE_OUT)
    ledger = scan_ledger(config.paths.table(ingest_manifest.NAME))
    files = chosen_files(config, ledger, targets)
    require_rule(config, rule)
    rows = _rows_of(config.paths.table(NAME), ledger, files)
    if rule is not None:
        rows = rows.filter(pl.col("rule") == rule)
    with storage_errors(NAME):
        if as_csv:
            return _print_csv(rows, ledger, raw=raw)
        groups = by_rule(rows)
        paths = _paths(ledger, sorted({group.file_id for group in groups}))
        shows_lines = bool(targets) or rule is not None
        lines = rows.sort("file_id", "file_seq").head(min(last, MOST_SHOWN) or None) if shows_lines else rows.head(0)  # type: ignore[arg-type]
        if as_json:
            whole = _refused_whole(ledger, files or ())
            _print_json(groups, paths, lines.collect() if shows_lines else None, whole)
        elif not groups:
            none = "no quarantined rows match" if targets else "no quarantined rows" if rule is None else NONE_NOW
            print_lines([none, *_said_of(_refused_whole(ledger, files or ()))])
        else:
            _show(groups, paths, last)
            if shows_lines:
                _show_lines(lines.collect(), sum(group.rows for group in groups))
    return EXIT_OK


def _rows_of(table: Path, ledger: pl.LazyFrame, files: list[int] | None) -> pl.LazyFrame:
    """Return the rows of these files; of all versions of now where none is named."""
    if files is not None:
        return scan_rows_of(table, SCHEMA, files)
    closed = ledger.filter(stands_at(*CLOSED)).select("file_id").collect()["file_id"]
    return scan_rows(table, SCHEMA).filter(~pl.col("file_id").is_in(closed.implode()))


def _refused_whole(ledger: pl.LazyFrame, files: Sequence[int]) -> list[int]:
    """Return those of these files that were refused as a whole: no row of them is kept apart."""
    # Others break another rule than the one that was asked for.
    has_none = pl.col("rows_quarantined").fill_null(0) == 0
    refused = ledger.filter(pl.col("file_id").is_in(list(files)), pl.col("status") == Status.QUARANTINED, has_none)
    return refused.select("file_id").collect()["file_id"].sort().to_list()


def _said_of(ids: Sequence[int]) -> list[str]:
    return [f"file {one} was refused as a whole; `pointline explain {one}` names the cause" for one in ids[:SHOWN]]


def _paths(ledger: pl.LazyFrame, file_ids: Sequence[int]) -> dict[int, str]:
    found = ledger.filter(pl.col("file_id").is_in(list(file_ids))).select("file_id", "bronze_file_path")
    return dict(found.collect().iter_rows())


def _print_csv(rows: pl.LazyFrame, ledger: pl.LazyFrame, *, raw: bool) -> int:
    paths = ledger.select("file_id", path="bronze_file_path")
    named = rows.join(paths, on="file_id", how="left").sort("file_id", "file_seq")
    columns = ["file_id", "path", *(name for name in SCHEMA if name != "file_id")]
    sys.stdout.flush()
    found = named.select(columns).collect(engine="streaming")
    (found if raw else harmless(found, on_terminal=is_terminal())).write_csv(sys.stdout.buffer)
    return EXIT_OK


def _print_json(
    groups: Sequence[RuleBroken], paths: dict[int, str], lines: pl.DataFrame | None, whole: Sequence[int]
) -> None:
    by_file_and_rule = [
        {
            "file_id": group.file_id,
            "path": paths.get(group.file_id),
            "rule": group.rule,
            "column": group.column,
            "rows": group.rows,
            "first_file_seq": group.file_seq,
            "first_raw": group.raw,
        }
        for group in groups
    ]
    rows = None if lines is None else lines.select("file_id", "file_seq", "rule", "column", "raw").to_dicts()
    print_json(
        {
            "rows": sum(group.rows for group in groups),
            "groups": by_file_and_rule,
            "lines": rows,
            "refused_whole": list(whole),
        }
    )


def _show(groups: Sequence[RuleBroken], paths: dict[int, str], last: int) -> None:
    newest = sorted(groups, key=lambda group: -group.file_id)
    shown = newest[: last or None]
    cells = [[str(group.file_id), count(group.rows), group.what] for group in shown]
    used = sum(max(len(column.title), *(len(row[place]) for row in cells)) + 2 for place, column in enumerate(COLUMNS))
    width = max(NARROWEST_PATH, terminal_width() - used)
    print_table(
        [*COLUMNS, Column(title="path", fold=True)],
        [[*row, _path(paths.get(group.file_id, ""), width)] for row, group in zip(cells, shown, strict=True)],
    )
    if len(shown) < len(groups):
        rows = sum(group.rows for group in groups)
        print_lines(
            ["", f"{count(len(shown))} of {count(len(groups))} groups, {plural(rows, 'row')}; --last 0 shows all"]
        )


def _show_lines(lines: pl.DataFrame, total: int) -> None:
    print_lines([""])
    for file_id, file_seq, rule, column, raw in lines.select(
        "file_id", "file_seq", "rule", "column", "raw"
    ).iter_rows():
        what = f"{rule} ({column})" if column else rule
        print_lines([f"file {file_id}, row {file_seq:,}: {printable(what)}", f"    {_line(raw)}"])
    if lines.height < total:
        print_lines([f"... {count(lines.height)} of {plural(total, 'row')}; --last 0 shows all, --csv as a table"])


def _path(path: str, width: int) -> str:
    return shorten_path(printable(path), width) if is_terminal() else printable(path)


def _line(raw: str) -> str:
    text = printable(raw)
    if not is_terminal() or len(text) <= LONGEST_LINE:
        return text
    return f"{text[:LONGEST_LINE]}... ({len(raw):,} characters)"
