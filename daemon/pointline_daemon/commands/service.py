"""``pointline service``: put a unit for systemd or launchd in its place, or take it away.

Only files are written and removed. What makes the service manager act on them is said, for a person to do.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

from pointline.config import load_config
from pointline.errors import PointlineError
from pointline.io.durable import make_folder, replace_file
from pointline_daemon.commands.present import print_lines, printable
from pointline_daemon.commands.service_checks import check, require_disabled, require_manager, verify
from pointline_daemon.commands.service_unit import Unit, Wish, find_places, find_unit
from pointline_daemon.exit_codes import EXIT_OK
from pointline_daemon.units import LABEL, fill_plist, fill_unit, read_template


def install(lake_root: Path | None, wish: Wish, *, only_print: bool) -> int:
    """Fill in the unit, check it, put it in its place and say what to run next."""
    unit = find_unit(wish)
    config = load_config(lake_root)
    places = find_places(config.paths.root, wish)
    template = read_template(unit.template)
    text = fill_unit(template, places) if unit.manager == "systemd" else fill_plist(template, places)
    if only_print:
        print_lines(text.splitlines())
        return EXIT_OK
    require_manager(unit, wish)
    check(unit, places)
    checked = verify(unit, text)
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
    unit = find_unit(wish)
    if not unit.path.exists():
        raise PointlineError(
            f"no service is installed: there is no {unit.path}",
            subject=str(unit.path),
            hint="with --user, --instances or without, as it was installed",
        )
    if only_print:
        print_lines([f"would remove {unit.path}"])
        return EXIT_OK
    require_disabled(unit)
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
            f"{sudo}launchctl print {domain}/{LABEL}    # its status",
            f"tail -f {root}/pointline.log    # what it does",
        ]
    name = f"pointline@{root.name}" if unit.instances else "pointline"
    systemctl, journalctl = ("systemctl --user", "journalctl --user") if unit.user else ("sudo systemctl", "journalctl")
    return [
        f"{systemctl} daemon-reload",
        f"{systemctl} enable --now {name}",
        *(["loginctl enable-linger    # so that it runs while you are not logged in"] * unit.user),
        f"{systemctl.removeprefix('sudo ')} status {name}    # its status",
        f"{journalctl} -u {name} -o cat -f    # what it does",
    ]
