"""``pointline help``."""

from __future__ import annotations

from typing import Annotated

import typer

help_app = typer.Typer()


def _topic_names(incomplete: str) -> list[str]:
    from pointline_daemon.commands.help import topic_names

    return topic_names(incomplete)


@help_app.command("help", epilog="Example: pointline help getting-started, or: pointline help settings | less")
def show_topic(
    topic: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", autocompletion=_topic_names, help="Default: list the topics.")
    ] = None,
) -> None:
    """Print the documentation: first steps, operation, reference, troubleshooting."""
    from pointline_daemon.cli.app import command_names
    from pointline_daemon.commands.help import show_help

    raise typer.Exit(show_help(topic, command_names()))
