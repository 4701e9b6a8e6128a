"""``pointline withdraw``: the rows of files leave silver and quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from pointline.config import Config
from pointline.io.descriptions import lake_tables
from pointline.io.ledger.reader import scan_ledger
from pointline.io.protocols.file_version import LEFT_TO
from pointline.phrases import and_more, plural, printable
from pointline.services.files.regained import left_to
from pointline.services.ingest.withdrawal import Withdrawal, plan_withdrawal
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import CLOSED, Status, stands_at
from pointline_daemon.commands.files.targets import chosen_files
from pointline_daemon.commands.shared.present import print_json, print_lines
from pointline_daemon.commands.shared.settings import INGEST, settings_for
from pointline_daemon.exit_codes import EXIT_OK
from pointline_daemon.opening.bronze_access import place_in_bronze
from pointline_daemon.opening.lake import Lake
from pointline_daemon.opening.requests import Answer, Withdraw
from pointline_daemon.opening.writing import write_or_ask

SHOWN = 20


def withdraw(lake_root: Path | None, targets: Sequence[str], *, dry_run: bool, as_json: bool) -> int:
    """Take files out of the lake, here or in the running daemon; with ``dry_run`` only name them."""
    config = settings_for(lake_root, needs=INGEST)
    ledger = scan_ledger(config.paths.table(ingest_manifest.NAME))
    named = chosen_files(config, ledger, targets) or []
    entries = ledger.collect()
    meant = entries.filter(pl.col("file_id").is_in(named), ~stands_at(*CLOSED))
    standing = meant.filter(~stands_at(Status.WITHDRAWN))
    if standing.is_empty() and not meant.is_empty():
        if not dry_run:
            _do(config, meant["file_id"].to_list())  # passes over them, and mends what the earlier try left
        _say_done(meant.height, dry_run=dry_run, as_json=as_json)
        return EXIT_OK
    plan = plan_withdrawal(entries, standing["file_id"].to_list() or named, lake_tables(config.paths.root))
    if not dry_run:
        _do(config, plan.file_ids)
    rows = plan.rows.select("file_id", "bronze_file_path", "status", "rows_written")
    rows = rows.with_columns(in_bronze=_in_bronze(config, plan.rows))
    if as_json:
        print_json({"dry_run": dry_run, "files": rows.to_dicts()})
    else:
        _show(rows, named, dry_run=dry_run)
        print_lines(list(_days_again(config, ledger, plan)))
    return EXIT_OK


def _do(config: Config, file_ids: Sequence[int]) -> None:
    def do(lake: Lake) -> Answer:
        service, _ = lake.ingest()
        return {"withdrawn": service.withdraw(file_ids)}

    write_or_ask(config, Withdraw(file_ids=tuple(file_ids)), do, purpose="withdraw")


def _in_bronze(config: Config, rows: pl.DataFrame) -> pl.Series:
    """Tell of each whether bronze has it still, by its size: only then can it be read again."""
    facts = rows.select("bronze_file_path", "file_size_bytes").iter_rows()
    return pl.Series([_size_of(place_in_bronze(config, path)) == size for path, size in facts], dtype=pl.Boolean)


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _days_again(config: Config, ledger: pl.LazyFrame, plan: Withdrawal) -> Iterator[str]:
    """Say what becomes of days that other files had left to these."""
    stays = ~pl.col("file_id").is_in(plan.file_ids)
    thinned = ledger.filter(stands_at(Status.SUCCESS), stays, pl.col("warnings").str.contains(LEFT_TO)).collect()
    for row, date, rows in left_to(thinned, plan.file_ids):
        path = row["bronze_file_path"]
        what = f"{plural(rows, 'row')} of {date}"
        if place_in_bronze(config, path).exists():
            yield f"{what} come back from file {row['file_id']} ({printable(path)}), which is read again"
        else:
            yield (
                f"file {row['file_id']} had {what} too, but it is not in bronze any more: put {printable(path)} back, "
                "and they are read"
            )


def _say_done(files: int, *, dry_run: bool, as_json: bool) -> None:
    """An earlier try got that far, whether or not it lived to say so."""
    if as_json:
        print_json({"dry_run": dry_run, "files": []})
    else:
        print_lines([f"nothing to do: {plural(files, 'file')} withdrawn already"])


def _show(rows: pl.DataFrame, named: Sequence[int], *, dry_run: bool) -> None:
    for file_id, path, status, written, is_there in rows.head(SHOWN).iter_rows():
        what = plural(written or 0, "row") if status == Status.SUCCESS else f"{status}, no rows in silver"
        copy = "" if file_id in named else ", a copy of one that was named"
        print_lines([f"file {file_id}: {what}{copy}: {printable(path)}"])
        if not is_there:
            print_lines(["    bronze does not have this version of it: nothing can read its rows again"])
    if rows.height > SHOWN:
        print_lines([and_more(rows.height - SHOWN)])
    done = "would be withdrawn" if dry_run else "withdrawn"
    kept = "; the files in bronze stay where they are; `pointline retry ID` ingests one again"
    print_lines(["", f"{plural(rows.height, 'file')} {done}{kept if rows['in_bronze'].any() else ''}"])
