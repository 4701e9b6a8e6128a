"""Refuse a service that could not run, with the cause and what to try, before anything is written."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pointline.errors import PointlineError
from pointline_daemon.commands.service.unit import ServiceOptions, Unit, links_that_enable
from pointline_daemon.units import Places

VERIFY_SECONDS = 60
INSTANCE = re.compile(r"[A-Za-z0-9:_.-]+")
ACCESS_LIST = "system.posix_acl_access"


def check(unit: Unit, places: Places, root: Path) -> None:
    """Raise PointlineError where the user who is to run it cannot."""
    if unit.instances and not INSTANCE.fullmatch(root.name):
        raise PointlineError(
            f"an instance cannot have the name {root.name!r}: letters, digits and . _ : - only, as systemd has it",
            subject=str(root),
            hint="rename the lake's folder, or leave out --instances",
        )
    if unit.user:
        _check_own(places, root)
        return
    if places.user in {"root", "0"}:
        lake = shlex.quote(str(root))
        raise PointlineError(
            f"the lake {root} belongs to root, and the service must not run as root",
            subject=str(root),
            hint=f"give it to a user: sudo useradd --system pointline; sudo chown -R pointline: {lake}",
        )
    for path in (places.command, *places.used, *places.elsewhere):
        if shut := _shut_for(path, places.user):
            hint = "install pointline where every user can read it, such as /opt/pointline, or use --user"
            if path in places.elsewhere:
                hint = f"let the user in: sudo setfacl -m u:{places.user}:x {shlex.quote(str(shut))}"
            raise PointlineError(
                f"{places.user}, who owns the lake, may not enter {shut}, which holds {path}",
                subject=str(shut),
                hint=hint,
            )
    for path in places.elsewhere:
        wanted = "rwx" if path == places.silver else "rx"
        if path.is_dir() and not _lets(path, places.user, wanted):
            raise PointlineError(
                f"{places.user}, who owns the lake, may not {'write' if path == places.silver else 'read'} {path}",
                subject=str(path),
                hint=f"let the user in: sudo setfacl -m u:{places.user}:{wanted} {shlex.quote(str(path))}",
            )


def _check_own(places: Places, root: Path) -> None:
    read_and_written = (root, *([places.silver] if places.silver else []))
    for path in (*read_and_written, *places.bronze):
        wanted = os.R_OK | os.X_OK | (os.W_OK if path in read_and_written else 0)
        if path.exists() and not os.access(path, wanted):
            raise PointlineError(
                f"you may not {'write' if wanted & os.W_OK else 'read'} {path}",
                subject=str(path),
                hint=f"give it to yourself: sudo chown $USER: {shlex.quote(str(path))}",
            )


def _shut_for(path: Path, user: str) -> Path | None:
    """Return the first folder on the way that a user may not enter; None where all are open."""
    return next((one for one in reversed(path.resolve().parents) if one.exists() and not _lets(one, user, "x")), None)


def _lets(folder: Path, user: str, wanted: str) -> bool:
    """Whether the mode of a folder lets a user in; an access list, which says more, is not read: then it does."""
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return True
    if ACCESS_LIST in _attributes(folder):
        return True
    status = folder.stat()
    groups = os.getgrouplist(user, account.pw_gid)
    shift = 6 if status.st_uid == account.pw_uid else 3 if status.st_gid in groups else 0
    bits = sum({"r": 4, "w": 2, "x": 1}[letter] for letter in wanted)
    return (status.st_mode >> shift) & bits == bits


def _attributes(folder: Path) -> list[str]:
    try:
        return os.listxattr(folder) if sys.platform == "linux" else []
    except OSError:  # a file system without
        return []


def refuse_sudo(unit: Unit, caller: str) -> None:
    """Raise PointlineError where a service of one's own is asked for by sudo: it would be root's own."""
    if unit.user and caller and caller != "root":
        raise PointlineError("--user with sudo means a service of root, not of you", hint="run it without sudo")


def require_manager(unit: Unit, options: ServiceOptions) -> None:
    """Raise PointlineError where the service manager is not the one of this machine."""
    if options.into is None and unit.manager == "systemd" and not Path("/run/systemd/system").is_dir():
        raise PointlineError(
            "systemd is not running on this machine",
            hint="`pointline service install --print` shows the unit; let your service manager start `pointline run`",
        )


def verify(unit: Unit, text: str) -> str:
    """Have the service manager's own tool read the unit, where there is one; return what to say about it."""
    if unit.manager == "launchd":
        tool, arguments = "plutil", ["-lint"]
    else:
        tool, arguments = "systemd-analyze", ["verify", "--man=no", "--recursive-errors=no"]
    found = shutil.which(tool)
    if found is None:
        return f"; {tool} is not installed, so the unit is unchecked"
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / unit.path.name
        draft.write_text(text, encoding="utf-8")
        answer = subprocess.run(  # noqa: S603 - the tool of this machine, on a file of ours
            [found, *arguments, str(draft)], capture_output=True, text=True, timeout=VERIFY_SECONDS, check=False
        )
    if answer.returncode:
        said = " | ".join((answer.stderr or answer.stdout).strip().splitlines()[:3])
        raise PointlineError(
            f"{tool} refuses the unit: {said}",
            subject=str(unit.path),
            hint="nothing was written; `pointline service install --print` shows the unit",
        )
    return f", and so is the unit ({tool})"


def require_disabled(unit: Unit) -> None:
    """An enabled unit that is removed leaves a link to nowhere, and a daemon that runs on."""
    if unit.manager == "launchd":
        return  # its plist is all there is
    if links := links_that_enable(unit):
        names = " ".join(link.stem for link in links)
        prefix = "systemctl --user" if unit.user else "sudo systemctl"
        raise PointlineError(
            f"the service is enabled, as {names}", subject=str(unit.path), hint=f"run `{prefix} disable --now {names}`"
        )
