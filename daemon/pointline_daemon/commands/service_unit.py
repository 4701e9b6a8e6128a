"""What ``pointline service`` is about: which file of which service manager, and what is filled in there."""

from __future__ import annotations

import grp
import os
import pwd
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from pointline.errors import PointlineError, WrongUse
from pointline_daemon.units import LABEL, Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for. ``into`` stands for the service manager's own folder."""

    user: bool = False
    instances: bool = False
    manager: str | None = None
    into: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One file of one service manager."""

    manager: str
    template: str
    path: Path
    user: bool
    instances: bool

    @property
    def name(self) -> str:
        """How the service manager calls it."""
        if self.manager == "launchd":
            return f"gui/$(id -u)/{LABEL}" if self.user else f"system/{LABEL}"
        return "pointline@NAME" if self.instances else "pointline"


def find_unit(wish: Wish) -> Unit:
    manager = wish.manager or _manager_of_this_machine()
    if wish.instances and (wish.user or manager == "launchd"):
        raise WrongUse(
            "one unit for several lakes is for the system's systemd alone",
            hint="leave out --instances; for a second lake copy what --print shows under another name",
        )
    if manager == "launchd":
        template = f"{LABEL}.agent.plist" if wish.user else f"{LABEL}.plist"
        folder = Path.home() / "Library/LaunchAgents" if wish.user else Path("/Library/LaunchDaemons")
        name = f"{LABEL}.plist"
    else:
        name = "pointline@.service" if wish.instances else "pointline.service"
        template = "pointline-user.service" if wish.user else name
        folder = Path.home() / ".config/systemd/user" if wish.user else Path("/etc/systemd/system")
    path = (wish.into.absolute() if wish.into else folder) / name
    return Unit(manager=manager, template=template, path=path, user=wish.user, instances=wish.instances)


def _manager_of_this_machine() -> str:
    if sys.platform == "darwin":
        return "launchd"
    if sys.platform == "linux":
        return "systemd"
    raise PointlineError(
        f"there is no unit for a service manager of {sys.platform}", hint="let yours start `pointline run`"
    )


def find_places(root: Path, wish: Wish) -> Places:
    command = Path(sysconfig.get_path("scripts")) / "pointline"
    if not os.access(command, os.X_OK):
        raise PointlineError(
            f"there is no command at {command}",
            subject=str(command),
            hint="install pointline into a virtual environment with pip, and run that environment's pointline",
        )
    if not root.is_dir():
        raise PointlineError(
            f"there is no folder {root}",
            subject=str(root),
            hint=f"make it, and give it to the user who shall run the daemon: mkdir -p {root} && chown USER: {root}",
        )
    status = root.stat()
    places = Places(
        command=command,
        lake=root.parent if wish.instances else root,
        user=_name_of_user(status.st_uid),
        group=_name_of_group(status.st_gid),
        used=(Path(sys.base_prefix),),  # a virtual environment borrows its interpreter
    )
    if not all(character.isprintable() for path in (command, root) for character in str(path)):
        raise PointlineError("a path holds a line break or the like", subject=str(root), hint="rename the folder")
    return places


def _name_of_user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _name_of_group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
