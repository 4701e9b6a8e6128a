"""``pointline symbols``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointline_daemon import completion
from pointline_daemon.cli.options import Json, LakeRoot

symbols_app = typer.Typer(help="Show or update the symbols: what they were, and when.", no_args_is_help=True)


@symbols_app.command(
    "update",
    epilog="Example: pointline symbols update all.csv --snapshot --effective-at 2024-05-01 --exchange okex --dry-run",
)
def symbols_update(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Tardis instruments or Binance exchangeInfo as JSON, CSV or Parquet.")
    ],
    *,
    lake_root: LakeRoot = None,
    snapshot: Annotated[
        bool,
        typer.Option(
            "--snapshot",
            help="The file lists all symbols of its exchange: others are delisted. An exchangeInfo always does.",
        ),
    ] = False,
    effective_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="The time from which the file is valid, where it does not say: 2024-05-01, UTC."
        ),
    ] = None,
    exchange: Annotated[
        str, typer.Option(autocompletion=completion.exchanges, help="The exchange, where the file does not say.")
    ] = "",
    insist: Annotated[
        bool,
        typer.Option(
            "--insist", help="Accept a snapshot that lacks many symbols, or a new exchange named like a known one."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    json: Json = False,
) -> None:
    """Update dim_symbol from a file, and show the changes."""
    from pointline_daemon.commands.symbols.update import Source, update

    source = Source(file=file, snapshot=snapshot, effective_at=effective_at, exchange=exchange)
    raise typer.Exit(update(lake_root, source, insist=insist, dry_run=dry_run, as_json=json))


@symbols_app.command("show", epilog="Example: pointline symbols show BTCUSDT, or: ... show --at 2024-05-01")
def symbols_show(
    symbol: Annotated[
        str | None,
        typer.Argument(
            autocompletion=completion.described_symbols,
            metavar="[SYMBOL]",
            help="Show all versions of this symbol. Default: the current version of each symbol.",
        ),
    ] = None,
    *,
    lake_root: LakeRoot = None,
    exchange: Annotated[
        str | None,
        typer.Option(autocompletion=completion.described_exchanges, help="Only this exchange."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Show the versions valid at this time, as 2024-05-01T12:00, UTC.")
    ] = None,
    json: Json = False,
) -> None:
    """Show symbols as they are, or as they were at a time."""
    from pointline_daemon.commands.symbols.show import show as show_symbols

    raise typer.Exit(show_symbols(lake_root, symbol, exchange=exchange, at=at, as_json=json))
