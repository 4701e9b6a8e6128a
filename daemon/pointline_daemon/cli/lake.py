"""Commands about a lake as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointline_daemon import completion
from pointline_daemon.cli.options import Json, LakeRoot

lake_app = typer.Typer()


@lake_app.command(epilog="Example: pointline coverage --exchange deribit --from 2024-05-01 --html coverage.html")
def coverage(
    *,
    lake_root: LakeRoot = None,
    table: Annotated[str | None, typer.Option(autocompletion=completion.event_tables, help="Only this table.")] = None,
    exchange: Annotated[
        str | None,
        typer.Option(autocompletion=completion.exchanges, help="Only this exchange."),
    ] = None,
    symbol: Annotated[str | None, typer.Option(autocompletion=completion.symbols, help="Only this symbol.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="From this day on.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Up to this day.")] = None,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the maps as a PNG picture; Pillow draws it.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the maps as one web page.")] = None,
    json: Json = False,
) -> None:
    """Map which days of which symbol are in the lake, and list the gaps."""
    from pointline_daemon.commands.coverage.command import CoverageOptions, show_coverage

    chosen = CoverageOptions(table=table, exchange=exchange, symbol=symbol, first=first, last=last, png=png, html=html)
    raise typer.Exit(show_coverage(lake_root, chosen, as_json=json))


@lake_app.command(epilog="Example: pointline maintain --dry-run, or: pointline maintain --compact --table trades")
def maintain(
    *,
    lake_root: LakeRoot = None,
    compact: Annotated[bool, typer.Option("--compact", help="Only compact and checkpoint.")] = False,
    vacuum: Annotated[bool, typer.Option("--vacuum", help="Only remove data files that no version needs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    table: Annotated[str | None, typer.Option(autocompletion=completion.all_tables, help="Only this table.")] = None,
    partition: Annotated[
        str | None, typer.Option(autocompletion=completion.partitions, help="Only this partition, as exchange/date.")
    ] = None,
    retention_hours: Annotated[
        float | None,
        typer.Option(
            metavar="HOURS", help="How long to keep data files that no version needs, at least 1. Default: the setting."
        ),
    ] = None,
    below_floor: Annotated[
        bool, typer.Option("--below-floor", help="Allow less than 1 hour; only while nothing reads or writes the lake.")
    ] = False,
    json: Json = False,
) -> None:
    """Run maintenance now: compact small files, checkpoint logs, vacuum."""
    from pointline_daemon.commands.lake.maintain import maintain as run_pass
    from pointline_daemon.opening.requests import Maintain

    request = Maintain(
        compact=compact or not vacuum,
        vacuum=vacuum or not compact,
        dry_run=dry_run,
        table=table,
        partition=partition,
        retention_hours=retention_hours,
        below_floor=below_floor,
    )
    raise typer.Exit(run_pass(lake_root, request, as_json=json))


@lake_app.command(epilog="Example: pointline verify --deep --json | jq .findings")
def verify(
    *,
    lake_root: LakeRoot = None,
    data: Annotated[bool, typer.Option("--data", help="Read every data file whole; bronze is not needed.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read bronze again and compare every value; includes --data.")
    ] = False,
    json: Json = False,
) -> None:
    """Audit the lake: compare bronze, ledger and silver. Exit code 1 with findings."""
    from pointline_daemon.commands.lake.verify import verify_lake

    raise typer.Exit(verify_lake(lake_root, data=data, deep=deep, as_json=json))


@lake_app.command(epilog="Example: pointline repair --dry-run, or: pointline repair --table trades")
def repair(
    *,
    lake_root: LakeRoot = None,
    table: Annotated[str | None, typer.Option(autocompletion=completion.all_tables, help="Only this table.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only show what is wrong and what would be done. Beside a daemon use `pointline verify`, which only "
            "reads.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Repair ledger and tables: what is lost or damaged is ingested again from bronze."""
    from pointline_daemon.commands.lake.repair import repair as make_whole

    raise typer.Exit(make_whole(lake_root, table=table, dry_run=dry_run, as_json=json))


@lake_app.command(epilog="Example: pointline doctor --fix")
def doctor(
    *,
    lake_root: LakeRoot = None,
    fix: Annotated[bool, typer.Option("--fix", help="Fix what can be fixed safely, and say what was done.")] = False,
    json: Json = False,
) -> None:
    """Check the machine and the files of the lake. Exit code 1 with findings."""
    from pointline_daemon.commands.lake.doctor import examine

    raise typer.Exit(examine(lake_root, fix=fix, as_json=json))
