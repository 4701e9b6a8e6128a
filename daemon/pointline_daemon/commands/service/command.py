"""``pointline service``: put a unit for systemd or launchd in its place, or take it away.

Only files are written and removed. What makes the service manager act on them is said, for a person to do.
"""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

from pointline.config import invoking_user, load_config
from pointline.errors import PointlineError
from pointline.phrases import printable
from pointline_daemon.commands.service.checks import check, refuse_sudo, require_disabled, require_manager, verify
from pointline_daemon.commands.service.files import UnitFile, Written, not_writable, remove, write
from pointline_daemon.commands.service.places import find_places
from pointline_daemon.commands.service.steps import next_steps, notes, steps_after_removal
from pointline_daemon.commands.service.unit import ServiceOptions, Unit, find_unit
from pointline_daemon.commands.shared.present import print_lines
from pointline_daemon.exit_codes import EXIT_OK
from pointline_daemon.units import Places, drop_in, fill_plist, fill_unit, read_template


def install(lake_root: Path | None, options: ServiceOptions, *, only_print: bool) -> int:
    """Fill in the unit, check it, put it in its place and say what to run next."""
    unit = find_unit(options)
    config = load_config(lake_root)
    root = config.paths.root
    places = find_places(config, instances=unit.instances)
    files = _fill_in(unit, places, root)
    if only_print:
        print_lines(files[0].text.splitlines())
        for file in filter(attrgetter("text"), files[1:]):
            print_lines(["", f"# {file.path}", *file.text.splitlines()])
        return EXIT_OK
    refuse_sudo(unit, invoking_user())
    require_manager(unit, options)
    check(unit, places, root)
    checked = verify(unit, files[0].text)
    try:
        written = [write(file, replace=options.replace) for file in files]
    except OSError as error:
        raise not_writable(unit, error, "install", root) from error
    for one in written:
        print_lines([*one.difference, *[""] * bool(one.difference)])
    print_lines(
        [
            *(one.said for one in written if one.said),
            f"  lake     {printable(str(places.lake))}{'/NAME' if unit.instances else ''}",
            *(f"  bronze   {printable(str(folder))}" for folder in places.bronze),
            *([f"  silver   {printable(str(places.silver))}"] if places.silver else []),
            f"  command  {printable(str(places.command))} run",
            f"  runs as  {'you' if unit.user else places.user}",
            f"  checked  the settings are good{checked}",
            *notes(unit, places, config.sources),
        ]
    )
    changed = any(one.what is not Written.ALREADY for one in written)
    print_lines(["", "now run:", *(f"  {line}" for line in next_steps(unit, root, changed=changed))])
    return EXIT_OK


def _fill_in(unit: Unit, places: Places, root: Path) -> list[UnitFile]:
    template = read_template(unit.template)
    if unit.manager == "launchd":
        return [UnitFile(path=unit.path, text=fill_plist(template, places), lake=str(root))]
    if not unit.instances:
        return [UnitFile(path=unit.path, text=fill_unit(template, places), lake=str(root))]
    own = unit.path.parent / f"pointline@{root.name}.service.d" / "places.conf"
    return [
        UnitFile(path=unit.path, text=fill_unit(template, places.without_elsewhere()), lake=f"{root.parent}/%i"),
        UnitFile(path=own, text=drop_in(places), lake=str(root)),
    ]


def uninstall(options: ServiceOptions, *, only_print: bool) -> int:
    """Remove the unit. Lake and settings stay."""
    unit = find_unit(options)
    if not unit.path.exists() and not unit.path.is_symlink():
        raise PointlineError(
            f"no service is installed: there is no {unit.path}",
            subject=str(unit.path),
            hint="pass --user, --instances or neither, as when it was installed",
        )
    if only_print:
        print_lines([f"would remove {unit.path}"])
        return EXIT_OK
    require_disabled(unit)
    try:
        removed = remove(unit)
    except OSError as error:
        raise not_writable(unit, error, "uninstall", None) from error
    print_lines([*(f"removed {path}" for path in removed), "the lake and its settings are unchanged", "", "now run:"])
    print_lines([f"  {line}" for line in steps_after_removal(unit)])
    return EXIT_OK
