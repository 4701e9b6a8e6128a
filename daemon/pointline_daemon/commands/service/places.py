"""Where the parts of a lake really are: bronze and silver may be links to other disks, and so may folders in bronze."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from pointline.config import Config
from pointline.errors import PointlineError
from pointline_daemon.units import Places


def find_places(config: Config, *, instances: bool) -> Places:
    """Return what a unit is filled in with. Raises PointlineError where there is no command or no lake."""
    root = config.paths.root
    command = Path(sysconfig.get_path("scripts")) / "pointline"
    if not os.access(command, os.X_OK):
        raise PointlineError(
            f"there is no command at {command}",
            subject=str(command),
            hint="install pointline into a virtual environment with pip, and run that environment's pointline",
        )
    if not root.is_dir():
        quoted = shlex.quote(str(root))
        raise PointlineError(
            f"there is no folder {root}",
            subject=str(root),
            hint=f"create it for the user who is to run the daemon: mkdir -p {quoted} && chown USER: {quoted}",
        )
    status = root.stat()
    places = Places(
        command=command,
        lake=root.parent if instances else root,
        user=_name_of_user(status.st_uid),
        group=_name_of_group(status.st_gid),
        used=(Path(sys.base_prefix),),  # a virtual environment borrows its interpreter
        bronze=tuple(_bronze_elsewhere(config)),
        silver=_elsewhere(config.paths.silver, root),
    )
    for path in (command, root, *places.elsewhere):
        if not str(path).isprintable():
            raise PointlineError(
                f"the path {str(path)!r} contains a line break or another control character",
                subject=str(path),
                hint="rename the folder",
            )
    return places


def _bronze_elsewhere(config: Config) -> Iterator[Path]:
    """Yield each folder outside the lake from which files of bronze are read."""
    root, bronze = config.paths.root, config.paths.bronze
    if found := _elsewhere(bronze, root):
        yield found
    if config.bronze.follow_links:
        known = [root, bronze.resolve()]
        for folder in sorted(set(_targets_of_links(bronze))):
            if not any(folder.is_relative_to(one) for one in known):
                known.append(folder)
                yield folder


def _elsewhere(folder: Path, root: Path) -> Path | None:
    """Return where a folder of the lake leads to, even if nothing is there now; None where that is in the lake."""
    real = folder.resolve()
    return None if real.is_relative_to(root) else real


def _targets_of_links(bronze: Path) -> Iterator[Path]:
    """Yield the folders that links in bronze lead to; of a link to a file the folder in which it is."""
    for folder, folders, files in os.walk(bronze):
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink():
                target = path.resolve()
                yield target if name in folders else target.parent


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
