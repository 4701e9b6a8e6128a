"""What a person does after ``pointline service``, to the letter, and what they should know."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
from collections.abc import Mapping
from pathlib import Path

from pointline.config import invoking_user
from pointline.phrases import printable
from pointline_daemon.commands.service.unit import Unit, links_that_enable
from pointline_daemon.units import LABEL, Places

JOURNAL = "systemd-journal"
READERS = {JOURNAL, "adm", "wheel"}
"""Groups whose members journald lets read the system's journal."""
GUARDED = ("Desktop", "Documents", "Downloads", "Library/Mobile Documents")


def next_steps(unit: Unit, root: Path, *, changed: bool) -> list[str]:
    """Return the commands that make the service manager run what was written."""
    if unit.manager == "launchd":
        sudo, domain = ("", "gui/$(id -u)") if unit.user else ("sudo ", "system")
        return [
            *[f"{sudo}launchctl bootout {domain}/{LABEL}    # if it is loaded already"] * changed,
            f"{sudo}launchctl bootstrap {domain} {shlex.quote(str(unit.path))}",
            f"{sudo}launchctl print {domain}/{LABEL}    # its status",
            f"tail -f {shlex.quote(str(root / 'pointline.log'))}    # its log",
        ]
    name = f"pointline@{root.name}" if unit.instances else "pointline"
    systemctl, journalctl = ("systemctl --user", "journalctl --user") if unit.user else ("sudo systemctl", "journalctl")
    enabled = any(link.stem == name for link in links_that_enable(unit))
    return [
        f"{systemctl} daemon-reload",
        f"{systemctl} {'restart' if enabled else 'enable --now'} {name}",
        *(["loginctl enable-linger    # so that it runs while you are not logged in"] * unit.user),
        *_journal(unit),
        f"{systemctl.removeprefix('sudo ')} status {name}    # its status",
        f"{journalctl} -u {name} -o cat -f    # its log",
    ]


def _journal(unit: Unit) -> list[str]:
    """The way into the journal, for somebody who is not let in: root is, and so are members of some groups."""
    reader = invoking_user() or pwd.getpwuid(os.geteuid()).pw_name
    if unit.user or reader == "root":
        return []
    try:
        grp.getgrnam(JOURNAL)
        groups = os.getgrouplist(reader, pwd.getpwnam(reader).pw_gid)
    except KeyError:
        return []
    if READERS & {_name_of(group) for group in groups}:
        return []
    return [f"sudo usermod -aG {JOURNAL} {reader}    # to read its log without sudo, from your next login on"]


def _name_of(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return ""


def steps_after_removal(unit: Unit) -> list[str]:
    sudo = "" if unit.user else "sudo "
    if unit.manager == "launchd":
        return [f"{sudo}launchctl bootout {unit.name}"]
    return [f"{sudo}systemctl {'--user ' * unit.user}daemon-reload"]


def notes(unit: Unit, places: Places, sources: Mapping[str, str]) -> list[str]:
    """Return what is in force besides the unit, and what is not."""
    lines = []
    own = sorted(key for key, source in sources.items() if source.startswith("environment ") and key != "lake_root")
    if own:
        lines.append(f"  not kept {', '.join(own)}: set in this shell only; put them into pointline.toml in the lake")
    drop_ins = sorted(unit.path.parent.glob(f"{unit.path.name}.d/*.conf"))
    lines += [f"  kept     {printable(str(path))}: changes of your own, which stay in force" for path in drop_ins]
    guarded = [Path("/Volumes"), *(Path.home() / name for name in GUARDED)]
    if unit.manager == "launchd":
        lines += [
            f"  note     macOS keeps services out of {printable(str(path))} until you allow it: System Settings,"
            f" Privacy & Security, Full Disk Access, add {printable(str(_program(places)))}"
            for path in dict.fromkeys((places.lake, *places.elsewhere))
            if any(path.is_relative_to(one) for one in guarded)
        ]
    return lines


def _program(places: Places) -> Path:
    """The interpreter, which is what macOS asks about: the command is a script."""
    return (places.command.parent / "python").resolve()
