"""The whole of the command line, in the order in which ``pointline --help`` lists it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Annotated

import typer
from typer.main import get_command_name
from typer.models import CommandInfo

from pointline_daemon.cli.config import config_app
from pointline_daemon.cli.daemon import daemon_app
from pointline_daemon.cli.files import files_app
from pointline_daemon.cli.help import help_app
from pointline_daemon.cli.lake import lake_app
from pointline_daemon.cli.service import service_app
from pointline_daemon.cli.symbols import symbols_app
from pointline_daemon.cli.vendors import vendors_app

app = typer.Typer(
    name="pointline",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(daemon_app)
app.add_typer(files_app)
app.add_typer(lake_app)
app.add_typer(help_app)
app.add_typer(config_app, name="config")
app.add_typer(symbols_app, name="symbols")
app.add_typer(vendors_app, name="vendors")
app.add_typer(service_app, name="service")


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if asked:
        from importlib.metadata import version

        print(f"pointline {version('pointline')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the program an error was raised; works with every command.")
    ] = False,
) -> None:
    """Turn a folder of market-data files into Delta tables, each file exactly once."""


def command_line(arguments: Sequence[str]) -> typer.Typer:
    """Return the command line, of which only the command that is asked for is made: all of them take 30 ms."""
    asked = arguments[0] if arguments else ""
    narrow = copy(app)
    narrow.registered_groups = [group for group in app.registered_groups if group.name == asked]
    narrow.registered_commands = [command for command in _plain_commands() if _name_of(command) == asked]
    return narrow if narrow.registered_groups or narrow.registered_commands else app


def command_names() -> list[str]:
    """Return the first words of all commands."""
    named = [group.name for group in app.registered_groups if isinstance(group.name, str)]
    return [*named, *map(_name_of, _plain_commands())]


def _plain_commands() -> Iterator[CommandInfo]:
    """Yield the commands of one word."""
    for group in app.registered_groups:
        if group.typer_instance is not None and not isinstance(group.name, str):
            yield from group.typer_instance.registered_commands


def _name_of(command: CommandInfo) -> str:
    return command.name or (get_command_name(command.callback.__name__) if command.callback is not None else "")
