"""``pointline run``, ``demo`` and ``status``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pointline_daemon.cli.options import Json, LakeRoot

daemon_app = typer.Typer()


class DemoVendor(StrEnum):
    """Whose files `demo` makes."""

    TARDIS = "tardis"
    BINANCE = "binance"


@daemon_app.command(epilog="Example: LAKE_ROOT=~/lake pointline run --once")
def run(
    *,
    lake_root: LakeRoot = None,
    once: Annotated[bool, typer.Option("--once", help="Ingest the files that are in bronze now, then exit.")] = False,
) -> None:
    """Watch bronze and ingest its files into silver until stopped."""
    from pointline_daemon.lean_imports import import_structlog
    from pointline_daemon.memory import keep_freed_memory

    keep_freed_memory()
    import_structlog()
    from pointline_daemon.commands.run import run_lake

    raise typer.Exit(run_lake(lake_root, once=once))


@daemon_app.command(epilog="Example: pointline demo /tmp/demo-lake, or: pointline demo --examples")
def demo(
    directory: Annotated[
        Path | None,
        typer.Argument(
            help="The folder of the lake. Default: pointline-demo, or the next free name. With --examples the lake is "
            "DIRECTORY/lake, by default pointline-examples/lake."
        ),
    ] = None,
    *,
    vendor: Annotated[DemoVendor, typer.Option(help="The vendor whose files are generated.")] = DemoVendor.TARDIS,
    examples: Annotated[
        bool, typer.Option("--examples", help="Make the small lake that the help topics show, and start no daemon.")
    ] = False,
) -> None:
    """Make a lake with generated data, watch it fill, and see what came out."""
    from pointline_daemon.commands.demo.command import make_examples, run_demo

    if examples:
        raise typer.Exit(make_examples(directory, vendor.value))
    raise typer.Exit(run_demo(directory, vendor.value))


@daemon_app.command(epilog="Example: pointline status --watch, or: pointline status --json | jq .files")
def status(
    *,
    lake_root: LakeRoot = None,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh the status in place until Ctrl-C.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit code 0 where the health is healthy or degraded, else 1.")
    ] = False,
    json: Json = False,
) -> None:
    """Show health, files by table and status, what is in flight, the last commits and errors."""
    from pointline_daemon.commands.status import show_status

    if check:
        from pointline_daemon.commands.status import check_status

        raise typer.Exit(check_status(lake_root, watch=watch, as_json=json))
    if watch:
        from pointline_daemon.commands.watch import watch as refresh

        raise typer.Exit(refresh(lambda: show_status(lake_root, as_json=json), as_json=json))
    raise typer.Exit(show_status(lake_root, as_json=json))
