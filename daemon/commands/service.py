"""``pointline service``: put a unit for systemd or launchd in its place, or take it away.

Only files are written and removed. What makes the service manager act on them is said, for a person to do.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from daemon.commands.present import print_lines, printable
from daemon.exit_codes import EXIT_OK
from daemon.units import LABEL, Places, fill_plist, fill_unit, read_template
from pointline.config import load_config
from pointline.errors import PointlineError
from pointline.io.durable import make_folder, replace_file

VERIFY_SECONDS = 60


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


def install(lake_root: Path | None, wish: Wish, *, only_print: bool) -> int:
    """Fill in the unit, check it, put it in its place and say what to run next."""
    unit = _unit(wish)
    config = load_config(lake_root)
    places = _places(config.paths.root, wish)
    template = read_template(unit.template)
    text = fill_unit(template, places) if unit.manager == "systemd" else fill_plist(template, places)
    if only_print:
        print_lines(text.splitlines())
        return EXIT_OK
    _require_running(unit, wish)
    _check(unit, places)
    checked = _verify(unit, text)
    said = _write(unit, text, config.paths.root)
    owner = "you" if unit.user else places.user
    print_lines(
        [
            f"{said} {unit.path}",
            f"  lake     {printable(str(places.lake))}{'/NAME' if unit.instances else ''}",
            f"  command  {printable(str(places.command))} run",
            f"  runs as  {owner}",
            f"  checked  the settings are good{checked}",
            *_left_out(config.sources),
            "",
            "now run:",
            *(f"  {line}" for line in _next_steps(unit, config.paths.root)),
        ]
    )
    return EXIT_OK


def uninstall(wish: Wish, *, only_print: bool) -> int:
    """Remove the unit. Lake and settings stay."""
    unit = _unit(wish)
    if not unit.path.exists():
        raise PointlineError(
            f"no service is installed: there is no {unit.path}",
            subject=str(unit.path),
            hint="with --user, --instances or without, as it was installed",
        )
    if only_print:
        print_lines([f"would remove {unit.path}"])
        return EXIT_OK
    _require_disabled(unit)
    try:
        unit.path.unlink()
    except OSError as error:
        raise _not_writable(unit, error, "uninstall") from error
    print_lines([f"removed {unit.path}; the lake and its settings are as they were", "", "now run:"])
    sudo = "" if unit.user else "sudo "
    if unit.manager == "launchd":
        print_lines([f"  {sudo}launchctl bootout {unit.name}"])
    else:
        print_lines([f"  {sudo}systemctl {'--user ' * unit.user}daemon-reload"])
    return EXIT_OK


# ---- what and where


def _unit(wish: Wish) -> Unit:
    manager = wish.manager or _manager_of_this_machine()
    if wish.instances and (wish.user or manager == "launchd"):
        raise PointlineError(
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


def _places(root: Path, wish: Wish) -> Places:
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


# ---- checks


def _check(unit: Unit, places: Places) -> None:
    """Refuse what could not run, with cause and remedy."""
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


def _require_running(unit: Unit, wish: Wish) -> None:
    if wish.into is None and unit.manager == "systemd" and not Path("/run/systemd/system").is_dir():
        raise PointlineError(
            "systemd does not run on this machine",
            hint="`pointline service install --print` shows the unit; let your service manager start `pointline run`",
        )


def _verify(unit: Unit, text: str) -> str:
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


def _require_disabled(unit: Unit) -> None:
    """An enabled unit that is removed leaves a link to nowhere, and a daemon that runs on."""
    links = sorted(unit.path.parent.glob(f"*.wants/{unit.path.stem}*.service")) if unit.manager == "systemd" else []
    if links:
        names = " ".join(link.stem for link in links)
        prefix = "systemctl --user" if unit.user else "sudo systemctl"
        raise PointlineError(
            f"the service is enabled ({names})", subject=str(unit.path), hint=f"run `{prefix} disable --now {names}`"
        )


# ---- effects


def _write(unit: Unit, text: str, root: Path) -> str:
    try:
        if unit.path.exists():
            if unit.path.read_text(encoding="utf-8") == text:
                return "nothing to do, this is there already:"
            raise PointlineError(
                f"another {unit.path.name} is there already: {unit.path}",
                subject=str(unit.path),
                hint=f"`pointline service uninstall{' --user' * unit.user}{' --instances' * unit.instances}` first;"
                " changes of your own are kept by `systemctl edit`",
            )
        make_folder(unit.path.parent)
        replace_file(unit.path, text.encode())
        unit.path.chmod(0o644)
    except OSError as error:
        raise _not_writable(unit, error, f"install --lake-root {root}") from error
    return "written:"


def _not_writable(unit: Unit, error: OSError, command: str) -> PointlineError:
    itself = Path(sysconfig.get_path("scripts")) / "pointline"
    return PointlineError(
        f"{unit.path} cannot be written: {error.strerror}",
        subject=str(unit.path),
        hint=f"sudo {itself} service {command}, or --user for a service of your own",
    )


def _left_out(sources: dict[str, str]) -> list[str]:
    """Settings of this shell, which the service will not have."""
    own = sorted(key for key, source in sources.items() if source.startswith("environment ") and key != "lake_root")
    if not own:
        return []
    return [f"  not kept {', '.join(own)}: set in this shell only; put them into pointline.toml in the lake"]


def _next_steps(unit: Unit, root: Path) -> list[str]:
    if unit.manager == "launchd":
        sudo, domain = ("", "gui/$(id -u)") if unit.user else ("sudo ", "system")
        return [
            f"{sudo}launchctl bootstrap {domain} {unit.path}",
            f"{sudo}launchctl print {domain}/{LABEL}    # how it is",
            f"tail -f {root}/pointline.log    # what it does",
        ]
    name = f"pointline@{root.name}" if unit.instances else "pointline"
    systemctl, journalctl = ("systemctl --user", "journalctl --user") if unit.user else ("sudo systemctl", "journalctl")
    return [
        f"{systemctl} daemon-reload",
        f"{systemctl} enable --now {name}",
        *(["loginctl enable-linger    # so that it runs while you are not logged in"] * unit.user),
        f"{systemctl.removeprefix('sudo ')} status {name}    # how it is",
        f"{journalctl} -u {name} -o cat -f    # what it does",
    ]
