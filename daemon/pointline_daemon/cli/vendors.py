"""``pointline vendors``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointline_daemon import completion
from pointline_daemon.cli.options import Json, LakeRoot

vendors_app = typer.Typer(help="List, show, try and check the descriptions of vendors.", no_args_is_help=True)


@vendors_app.command("list", epilog="Example: pointline vendors list")
def vendors_list(*, lake_root: LakeRoot = None, json: Json = False) -> None:
    """List the vendors whose files are read: those that ship, and those in the lake's folder vendors."""
    from pointline_daemon.commands.vendors.command import list_vendors

    raise typer.Exit(list_vendors(lake_root, as_json=json))


@vendors_app.command(
    "show", epilog="Example: pointline vendors show binance, or: pointline vendors show binance --toml > mine.toml"
)
def vendors_show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="VENDOR", autocompletion=completion.vendors, help="A name from `pointline vendors list`."
        ),
    ],
    *,
    lake_root: LakeRoot = None,
    toml: Annotated[bool, typer.Option("--toml", help="Print the description's TOML.")] = False,
    json: Json = False,
) -> None:
    """Show a vendor's feeds: paths, table, and what each column becomes."""
    from pointline_daemon.commands.vendors.command import show_vendor

    raise typer.Exit(show_vendor(lake_root, name, as_toml=toml, as_json=json))


@vendors_app.command(
    "try",
    epilog="Example: pointline vendors try BTCUSDT-trades-2024-01-02.zip "
    "--as data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-02.zip",
)
def vendors_try(
    files: Annotated[list[Path], typer.Argument(metavar="FILE ...", help="Files, in bronze or not.")],
    *,
    lake_root: LakeRoot = None,
    vendor_file: Annotated[
        Path | None, typer.Option("--vendor-file", metavar="FILE.toml", help="Use this description too.")
    ] = None,
    path: Annotated[
        str | None, typer.Option("--as", metavar="PATH", help="The path below bronze that the file would have.")
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Print the beginning of a description of such files, for you to complete.")
    ] = False,
    json: Json = False,
) -> None:
    """Show which feed a file belongs to, why no other, and what its rows would become. Changes nothing."""
    from pointline_daemon.commands.vendors.try_file import begin_description, try_files

    if new:
        raise typer.Exit(begin_description(lake_root, files, path, vendor_file=vendor_file, as_json=json))
    raise typer.Exit(try_files(lake_root, files, vendor_file=vendor_file, path=path, as_json=json))


@vendors_app.command("check", epilog="Example: pointline vendors check mine.toml")
def vendors_check(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="A description, in the lake or not.")],
    *,
    lake_root: LakeRoot = None,
    json: Json = False,
) -> None:
    """Check a description: name its problems, and read its examples. Exit code 1 with findings."""
    from pointline_daemon.commands.vendors.check import check_description

    raise typer.Exit(check_description(lake_root, file, as_json=json))


@vendors_app.command("help", epilog="Example: pointline vendors help | less")
def vendors_help() -> None:
    """Print the reference of descriptions: every key, with examples."""
    from pointline_daemon.commands.vendors.command import show_language

    raise typer.Exit(show_language())
