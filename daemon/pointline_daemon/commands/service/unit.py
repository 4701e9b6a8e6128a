"""What ``pointline service`` is about: which file of which service manager, and what is filled in there."""

from __future__ import annotations

import sys
from pathlib import Path

from msgspec import Struct

from pointline.errors import PointlineError, WrongUse
from pointline_daemon.units import LABEL


class ServiceOptions(Struct, frozen=True, kw_only=True):
    """What was typed. ``into`` stands for the service manager's own folder."""

    user: bool = False
    instances: bool = False
    manager: str | None = None
    into: Path | None = None
    replace: bool = False


class Unit(Struct, frozen=True, kw_only=True):
    """One file of one service manager."""

    manager: str
    template: str
    path: Path
    user: bool
    instances: bool

    @property
    def flags(self) -> str:
        """What to type after ``service install`` or ``uninstall`` to mean this unit, a space first."""
        return " --user" * self.user + " --instances" * self.instances

    @property
    def name(self) -> str:
        """Its name for the service manager."""
        if self.manager == "launchd":
            return f"gui/$(id -u)/{LABEL}" if self.user else f"system/{LABEL}"
        return "pointline@NAME" if self.instances else "pointline"


def find_unit(options: ServiceOptions) -> Unit:
    manager = options.manager or _manager_of_this_machine()
    if options.instances and (options.user or manager == "launchd"):
        raise WrongUse(
            "--instances works for the system's systemd only",
            hint="leave out --instances; for a second lake copy what --print shows under another name",
        )
    if manager == "launchd":
        template = f"{LABEL}.agent.plist" if options.user else f"{LABEL}.plist"
        folder = Path.home() / "Library/LaunchAgents" if options.user else Path("/Library/LaunchDaemons")
        name = f"{LABEL}.plist"
    else:
        name = "pointline@.service" if options.instances else "pointline.service"
        template = "pointline-user.service" if options.user else name
        folder = Path.home() / ".config/systemd/user" if options.user else Path("/etc/systemd/system")
    path = (options.into.absolute() if options.into else folder) / name
    return Unit(manager=manager, template=template, path=path, user=options.user, instances=options.instances)


def _manager_of_this_machine() -> str:
    if sys.platform == "darwin":
        return "launchd"
    if sys.platform == "linux":
        return "systemd"
    raise PointlineError(
        f"pointline has no unit for {sys.platform}", hint="let your service manager start `pointline run`"
    )


def links_that_enable(unit: Unit) -> list[Path]:
    """Return the links by which systemd starts the unit, or instances of it, with the machine or the login."""
    # A pattern, though one name is meant: a link that leads nowhere is found by patterns only.
    pattern = f"{unit.path.stem}{'' if unit.instances else '.'}*"
    return sorted(unit.path.parent.glob(f"*.wants/{pattern}"))
