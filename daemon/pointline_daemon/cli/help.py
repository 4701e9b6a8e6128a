"""``pointline help``."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.core import TyperGroup

help_app = typer.Typer()


def _topic_names(incomplete: str) -> list[str]:
    from pointline_daemon.commands.help import topic_names

    return topic_names(incomplete)


@help_app.command("help", epilog="Example: pointline help getting-started, or: pointline help settings | less")
def show_topic(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", autocompletion=_topic_names, help="Default: list the topics.")
    ] = None,
) -> None:
    """Print the documentation: first steps, operation, reference, troubleshooting."""
    from pointline_daemon.commands.help import show_help

    group = context.find_root().command
    assert isinstance(group, TyperGroup)
    raise typer.Exit(show_help(topic, list(group.commands)))
