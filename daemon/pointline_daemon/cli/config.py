"""``pointline config``."""

from __future__ import annotations

import typer

from pointline_daemon.cli.options import Json, LakeRoot

config_app = typer.Typer(help="Show or check the settings.", no_args_is_help=True)


@config_app.command("show", epilog="Example: pointline config show --json")
def config_show(*, lake_root: LakeRoot = None, json: Json = False) -> None:
    """Show every setting, its value and where it came from."""
    from pointline_daemon.commands.config import show

    raise typer.Exit(show(lake_root, as_json=json))


@config_app.command("check", epilog="Example: pointline config check && pointline run")
def config_check(*, lake_root: LakeRoot = None, json: Json = False) -> None:
    """Check the settings; name all problems at once."""
    from pointline_daemon.commands.config import check

    raise typer.Exit(check(lake_root, as_json=json))
