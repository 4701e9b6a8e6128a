"""Commands about single files and their rows."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pointline_daemon import completion
from pointline_daemon.cli.options import Json, LakeRoot

files_app = typer.Typer()


class Retriable(StrEnum):
    """Statuses that `retry` puts back."""

    FAILED = "failed"
    QUARANTINED = "quarantined"


@files_app.command(epilog="Example: pointline files --status quarantined, or: pointline files --unrecognised")
def files(
    *,
    lake_root: LakeRoot = None,
    status: Annotated[
        str | None,
        typer.Option(
            autocompletion=completion.statuses,
            help="Only files of this status: `pointline help files`.",
        ),
    ] = None,
    table: Annotated[
        str | None, typer.Option(autocompletion=completion.file_tables, help="Only files of this table.")
    ] = None,
    exchange: Annotated[
        str | None,
        typer.Option(autocompletion=completion.exchanges, help="Only files of this exchange."),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(autocompletion=completion.symbols, help="Only files of this symbol.")
    ] = None,
    unrecognised: Annotated[
        bool, typer.Option("--unrecognised", help="List the files in bronze that are not read: why, and what to do.")
    ] = False,
    warnings: Annotated[
        bool, typer.Option("--warnings", help="Only files in the lake of which something is odd, and what it is.")
    ] = False,
    last: Annotated[
        int | None, typer.Option(help="Number of files, last changed first; 0 for all. Default: 50.")
    ] = None,
    json: Json = False,
) -> None:
    """List the ledger: every file version with its status, rows and error."""
    from pointline_daemon.commands.files.listing import list_files

    raise typer.Exit(
        list_files(
            lake_root,
            status=status,
            table=table,
            exchange=exchange,
            symbol=symbol,
            last=last,
            as_json=json,
            unrecognised=unrecognised,
            warnings=warnings,
        )
    )


@files_app.command(epilog="Example: pointline explain 17, or: pointline explain deribit_trades_2024-05-01_BTC.csv.gz")
def explain(
    targets: Annotated[
        list[str],
        typer.Argument(
            autocompletion=completion.files,
            metavar="PATH|FILE_ID ...",
            help="Files that are in bronze, or were: by path, or by id.",
        ),
    ],
    *,
    lake_root: LakeRoot = None,
    json: Json = False,
) -> None:
    """Explain a file: what happened to it, why, and what to do next."""
    from pointline_daemon.commands.files.explain import explain as tell

    raise typer.Exit(tell(lake_root, targets, as_json=json))


@files_app.command(epilog="Example: pointline trace trades 14 3")
def trace(
    table: Annotated[
        str, typer.Argument(autocompletion=completion.event_tables, help="The table of the row, such as trades.")
    ],
    file: Annotated[
        str, typer.Argument(metavar="FILE_ID", autocompletion=completion.file_ids, help="Its file_id, or a path.")
    ],
    file_seq: Annotated[int, typer.Argument(help="Its file_seq, counted from 1.")],
    *,
    lake_root: LakeRoot = None,
    json: Json = False,
) -> None:
    """Show a silver row and the original line in bronze that it came from."""
    from pointline_daemon.commands.files.trace import trace as trace_row

    raise typer.Exit(trace_row(lake_root, table, file, file_seq, as_json=json))


@files_app.command(epilog="Example: pointline quarantine 17 --csv > bad.csv, or: pointline quarantine --rule ragged")
def quarantine(
    targets: Annotated[
        list[str] | None,
        typer.Argument(autocompletion=completion.files, metavar="[PATH|FILE_ID ...]", help="Only rows of these files."),
    ] = None,
    *,
    lake_root: LakeRoot = None,
    rule: Annotated[
        str | None,
        typer.Option(autocompletion=completion.rules, help="Only rows that broke this rule, such as ragged."),
    ] = None,
    last: Annotated[int | None, typer.Option(help="Number of groups or lines; 0 for all. Default: 20.")] = None,
    csv: Annotated[
        bool,
        typer.Option(
            "--csv", help="Print all rows as CSV, with ' before cells that a spreadsheet would run as formulas."
        ),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="With --csv: cells as they are, formulas and control characters too.")
    ] = False,
    json: Json = False,
) -> None:
    """Show quarantined rows by file and rule; with a file or a rule, their original lines."""
    from pointline_daemon.commands.files.quarantine import show_quarantine

    raise typer.Exit(show_quarantine(lake_root, targets or [], rule=rule, last=last, as_csv=csv, raw=raw, as_json=json))


@files_app.command(epilog="Example: pointline retry --status failed, or: pointline retry 17 --accept")
def retry(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=completion.files,
            metavar="[PATH|FILE_ID ...]",
            help="File ids, or paths of files or folders in bronze.",
        ),
    ] = None,
    *,
    lake_root: LakeRoot = None,
    status: Annotated[Retriable | None, typer.Option(help="Files of this status.")] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            autocompletion=completion.rules, help="Refused files whose rows broke this rule, or whose error names it."
        ),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Ingest them despite many bad rows, fewer rows than they replace, a wrong checksum, bars of another "
            "interval, or a list of symbols that lacks many.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which files.")] = False,
    json: Json = False,
) -> None:
    """Try failed or quarantined files again, under the same ids; withdrawn ones where they are named."""
    from pointline.tables.ingest_manifest import Status
    from pointline_daemon.commands.files.retry import retry as put_back

    chosen = None if status is None else Status(status.value)
    options = {"dry_run": dry_run, "as_json": json, "accept": accept}
    raise typer.Exit(put_back(lake_root, targets or [], status=chosen, rule=rule, **options))


@files_app.command(epilog="Example: pointline withdraw 17 --dry-run, or: pointline withdraw binance/2024-05-01")
def withdraw(
    targets: Annotated[
        list[str],
        typer.Argument(
            autocompletion=completion.files,
            metavar="PATH|FILE_ID ...",
            help="File ids, or paths of files or folders in bronze.",
        ),
    ],
    *,
    lake_root: LakeRoot = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which files.")] = False,
    json: Json = False,
) -> None:
    """Remove the rows of files from silver and quarantine; the files stay in bronze."""
    from pointline_daemon.commands.files.withdraw import withdraw as take_out

    raise typer.Exit(take_out(lake_root, targets, dry_run=dry_run, as_json=json))
