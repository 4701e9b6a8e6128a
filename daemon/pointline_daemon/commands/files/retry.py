"""``pointline retry``: refused files are read again, under their ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pointline.config import Config
from pointline.errors import WrongUse
from pointline.io.ledger.reader import scan_ledger, scan_rows
from pointline.phrases import and_more, plural, printable
from pointline.services.files.identity.ledger_row import has_left, ledger_rows
from pointline.services.ingest.retry import Selection, select
from pointline.tables import ingest_manifest, quarantine
from pointline.tables.ingest_manifest import Status, with_digests
from pointline_daemon.commands.files.targets import chosen_files
from pointline_daemon.commands.shared.health import look_at_daemon
from pointline_daemon.commands.shared.known import require_rule
from pointline_daemon.commands.shared.present import print_json, print_lines
from pointline_daemon.commands.shared.settings import INGEST, settings_for
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK

SHOWN = 20
ERROR_WIDTH = 300
ACCEPT = "--accept"
"""Who is refused for something that a person may accept is told so."""
PUT_BACK = (
    "    put the file back to this path, run `pointline retry` again, and it is read; a moved one needs a scan first"
)


def retry(
    lake_root: Path | None,
    targets: Sequence[str],
    *,
    status: Status | None,
    rule: str | None,
    dry_run: bool,
    as_json: bool,
    accept: bool = False,
) -> int:
    """Put refused files back to pending; with ``dry_run`` only name them.

    Exit code 1 where files are named and none of them can be tried again.
    """
    config = settings_for(lake_root, needs=INGEST)
    if accept and not targets:
        raise WrongUse("--accept needs the files by name", hint="name a file id or a path")
    if not targets and status is None and rule is None:
        hint = "name a file id or a path, or use --status failed, or --rule ragged"
        raise WrongUse("no file is named to try again", hint=hint)
    ledger = scan_ledger(config.paths.table(ingest_manifest.NAME))
    meant = chosen_files(config, ledger, targets)
    selection = Selection(file_ids=tuple(meant or ()), status=status, rule=rule, broke_rule=_files_with(config, rule))
    columns = ["file_id", "bronze_file_path", "status", "error", "warnings"]
    entries = ledger.select(columns).collect()
    found = select(entries, selection)
    if found.is_empty() and not entries["error"].str.contains(rule or "", literal=True).any():
        require_rule(config, rule, also="; no refused file has these words in its error either")
    away = _away(config, ledger, found)
    found = found.filter(~pl.col("file_id").is_in(list(away)))
    if not dry_run and not found.is_empty():
        _put_back(config, found["file_id"].to_list(), accept=accept)
    code = EXIT_FINDINGS if found.is_empty() and targets else EXIT_OK
    if as_json:
        named = entries.filter(
            pl.col("file_id").is_in(meant or []), ~pl.col("file_id").is_in(found["file_id"].implode())
        )
        kept = named.select("file_id", "bronze_file_path", "status").to_dicts()
        print_json({"dry_run": dry_run, "files": found.to_dicts(), "not_in_bronze": list(away), "kept": kept})
        return code
    for file_id, (path, is_there) in list(away.items())[:SHOWN]:
        why = "nothing reads its path now" if is_there else "bronze does not have this version of it"
        advice = f"    `pointline explain {file_id}` says why" if is_there else PUT_BACK
        print_lines([f"file {file_id} is withdrawn, and stays so: {why}: {printable(path)}", advice])
    if not away:
        _show_none(config, ledger, entries.filter(pl.col("file_id").is_in(meant or [])), found)
    if not found.is_empty():
        daemon_runs = look_at_daemon(config.paths.lock_file, config.paths.state_file).is_alive
        _show(found, dry_run=dry_run, daemon_runs=daemon_runs, accept=accept)
    return code


def _away(config: Config, ledger: pl.LazyFrame, found: pl.DataFrame) -> dict[int, tuple[str, bool]]:
    """The withdrawn files that cannot be read as they were, and would wait for ever: path, and whether it is there."""
    return _not_in_bronze(config, ledger, found.filter(pl.col("status") == Status.WITHDRAWN)["file_id"].to_list())


def _not_in_bronze(config: Config, ledger: pl.LazyFrame, file_ids: list[int]) -> dict[int, tuple[str, bool]]:
    """Those of these files that do not lie in bronze as they were: path, and whether anything is there."""
    if not file_ids:
        return {}
    from pointline_daemon.opening.lake import open_lake  # noqa: PLC0415 - most have nothing to look for in bronze

    reader = open_lake(config).reader
    rows = with_digests(ledger.filter(pl.col("file_id").is_in(file_ids)).collect())
    found_at = {row: reader.look(row.path) for row in ledger_rows(rows)}
    return {
        row.file_id: (row.path, meta is None and reader.changed_at(row.path) is not None)
        for row, meta in found_at.items()
        if meta is None or has_left(row, reader)
    }


def _files_with(config: Config, rule: str | None) -> tuple[int, ...]:
    """The files with rows that broke a rule; their errors name only the most frequent ones."""
    if rule is None:
        return ()
    rows = scan_rows(config.paths.table(quarantine.NAME), quarantine.SCHEMA)
    return tuple(rows.filter(pl.col("rule") == rule).select("file_id").unique().collect()["file_id"])


def _put_back(config: Config, file_ids: list[int], *, accept: bool) -> None:
    from pointline_daemon.opening.lake import Lake  # noqa: PLC0415 - a dry run needs none of the writing side
    from pointline_daemon.opening.requests import Answer, Retry  # noqa: PLC0415 - as above
    from pointline_daemon.opening.writing import write_or_ask  # noqa: PLC0415 - as above

    def do(lake: Lake) -> Answer:
        service, _ = lake.ingest()
        return {"put_back": service.put_back(file_ids, accepted=accept)}

    write_or_ask(config, Retry(file_ids=tuple(file_ids), accept=accept), do, purpose="retry")


def _show_none(config: Config, ledger: pl.LazyFrame, named: pl.DataFrame, found: pl.DataFrame) -> None:
    """Say of the files that are named, and are none of those that are tried again, why that is."""
    named = named.filter(~pl.col("bronze_file_path").is_in(found["bronze_file_path"].implode()))  # older versions
    if named.is_empty() and found.is_empty():
        print_lines(["no failed, quarantined or withdrawn file matches; `pointline files` shows the status of each"])
    for file_id, path, status in named.select("file_id", "bronze_file_path", "status").head(SHOWN).iter_rows():
        print_lines([f"file {file_id} is not tried again, for its status is {status}: {printable(path)}"])
        if status != Status.SUCCESS:
            print_lines([f"    `pointline explain {file_id}` says how that came"])
    landed = named.filter(pl.col("status").cast(pl.String) == Status.SUCCESS)
    gone = _not_in_bronze(config, ledger, landed["file_id"].to_list())
    if gone:
        those = " ".join(map(str, list(gone)[:SHOWN]))
        print_lines([f"bronze does not have file {those} any more, and nothing can read it again: leave it as it is"])
    if (ids := landed.filter(~pl.col("file_id").is_in(list(gone)))["file_id"]).len():
        them = " ".join(map(str, ids.head(SHOWN)))
        one = f"`pointline withdraw {them}` and `pointline retry {them}`"
        all_of_them = "`pointline verify --deep` finds all such files, and `pointline repair` reads them again"
        print_lines(
            ["", f"to read a file again that is in silver, as after a description was corrected: {one}; {all_of_them}"]
        )


def _show(found: pl.DataFrame, *, dry_run: bool, daemon_runs: bool, accept: bool) -> None:
    for file_id, path, status, error in found.head(SHOWN).iter_rows():
        reason = printable(error or "")
        short = reason if len(reason) <= ERROR_WIDTH else f"{reason[:ERROR_WIDTH]}..."
        print_lines([f"file {file_id}, {status}: {printable(path)}", *([f"    {short}"] if short else [])])
        if accept and reason and ACCEPT not in reason:
            print_lines([f"    {ACCEPT} does not settle this: do what is said there"])
    if found.height > SHOWN:
        print_lines([and_more(found.height - SHOWN)])
    if dry_run:
        print_lines(["", f"{plural(found.height, 'file')} would be tried again"])
        return
    these = "it" if found.height == 1 else "them"
    taker = f"the running daemon reads {these} at once" if daemon_runs else f"`pointline run` reads {these}"
    print_lines(["", f"{plural(found.height, 'file')} to be read again; {taker}"])
