"""``pointline service``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pointline_daemon.cli.options import LakeRoot

service_app = typer.Typer(help="Run the daemon as a service of systemd or launchd.", no_args_is_help=True)


class ServiceManager(StrEnum):
    """What `service` writes units for."""

    SYSTEMD = "systemd"
    LAUNCHD = "launchd"


User = Annotated[bool, typer.Option("--user", help="A service for your user alone, without root.")]
Instances = Annotated[
    bool,
    typer.Option(
        "--instances",
        help="One unit for several lakes, pointline@: pointline@NAME runs the lake NAME beside the one that was named.",
    ),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Also overwrite a unit that was changed by hand, or is that of another lake.")
]
Print = Annotated[bool, typer.Option("--print", help="Only show what would be done.")]
Manager = Annotated[ServiceManager | None, typer.Option(help="Default: launchd on macOS, systemd elsewhere.")]
Into = Annotated[Path | None, typer.Option("--into", hidden=True)]


@service_app.command(
    "install", epilog="Example: sudo /opt/pointline/.venv/bin/pointline service install --lake-root /srv/lake"
)
def service_install(
    *,
    lake_root: LakeRoot = None,
    user: User = False,
    instances: Instances = False,
    replace: Replace = False,
    only_print: Print = False,
    manager: Manager = None,
    into: Into = None,
) -> None:
    """Write the unit with this lake, this command and the lake's owner filled in; say what to run next."""
    from pointline_daemon.commands.service.command import install
    from pointline_daemon.commands.service.unit import ServiceOptions

    named = manager.value if manager else None
    options = ServiceOptions(user=user, instances=instances, manager=named, into=into, replace=replace)
    raise typer.Exit(install(lake_root, options, only_print=only_print))


@service_app.command("uninstall", epilog="Example: pointline service uninstall --user")
def service_uninstall(
    *,
    user: User = False,
    instances: Instances = False,
    only_print: Print = False,
    manager: Manager = None,
    into: Into = None,
) -> None:
    """Remove the unit. The lake and its settings stay."""
    from pointline_daemon.commands.service.command import uninstall
    from pointline_daemon.commands.service.unit import ServiceOptions

    named = manager.value if manager else None
    options = ServiceOptions(user=user, instances=instances, manager=named, into=into)
    raise typer.Exit(uninstall(options, only_print=only_print))
