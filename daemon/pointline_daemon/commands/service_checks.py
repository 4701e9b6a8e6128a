"""Refuse a service that could not run, with the cause and what to try, before anything is written."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from pointline.errors import PointlineError
from pointline_daemon.commands.service_unit import Unit, Wish
from pointline_daemon.units import Places

VERIFY_SECONDS = 60


def check(unit: Unit, places: Places) -> None:
    """Raise PointlineError where the user who is to run it cannot."""
    lake = places.lake
    if unit.user:
        if not os.access(lake, os.R_OK | os.W_OK | os.X_OK):
            raise PointlineError(
                f"you may not write {lake}", subject=str(lake), hint=f"give it to yourself: sudo chown $USER: {lake}"
            )
        return
    if places.user in {"root", "0"}:
        raise PointlineError(
            "the lake belongs to root, and nothing here needs root",
            subject=str(lake),
            hint=f"give it to a user: sudo useradd --system pointline; sudo chown -R pointline: {lake}",
        )
    for path in (places.command, *places.used):
        if shut := _shut_for(path, places.user):
            raise PointlineError(
                f"{places.user}, to whom the lake belongs, may not enter {shut}, where {path} lies",
                subject=str(shut),
                hint="install pointline where every user may read, such as /opt/pointline, or use --user",
            )


def _shut_for(path: Path, user: str) -> Path | None:
    """Return the first folder on the way that a user may not enter; None where all are open."""
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return None
    groups = os.getgrouplist(user, account.pw_gid)
    for folder in reversed(path.resolve().parents):
        status = folder.stat()
        mine = 0o100 if status.st_uid == account.pw_uid else 0o010 if status.st_gid in groups else 0o001
        if not status.st_mode & mine:
            return folder
    return None


def require_manager(unit: Unit, wish: Wish) -> None:
    """Raise PointlineError where the service manager is not the one of this machine."""
    if wish.into is None and unit.manager == "systemd" and not Path("/run/systemd/system").is_dir():
        raise PointlineError(
            "systemd does not run on this machine",
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
        return f"; {tool} is not here to check the unit"
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
    # A pattern, though one name is meant: a link that leads nowhere is found by patterns alone.
    pattern = f"{unit.path.stem}{'' if unit.instances else '.'}*"
    links = sorted(unit.path.parent.glob(f"*.wants/{pattern}"))
    if links:
        names = " ".join(link.stem for link in links)
        prefix = "systemctl --user" if unit.user else "sudo systemctl"
        raise PointlineError(
            f"the service is enabled ({names})", subject=str(unit.path), hint=f"run `{prefix} disable --now {names}`"
        )
