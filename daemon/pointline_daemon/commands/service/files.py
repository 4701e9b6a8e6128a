"""The files that ``pointline service`` writes: a new one, one in place of its own older one, none over another's."""

from __future__ import annotations

import os
import shlex
import sysconfig
from enum import Enum, auto
from pathlib import Path

from msgspec import Struct

from pointline.errors import PointlineError
from pointline.io.durable import make_folder, replace_file
from pointline.phrases import printable
from pointline_daemon.commands.service.hint import lake_of
from pointline_daemon.commands.service.stamp import difference, is_as_written, stamped
from pointline_daemon.commands.service.unit import Unit
from pointline_daemon.commands.shared.present import print_lines

MASK = Path(os.devnull)


class UnitFile(Struct, frozen=True, kw_only=True):
    """What is to be at ``path``; without text nothing is. ``lake`` is the one that it names."""

    path: Path
    text: str
    lake: str


class Written(Enum):
    """What became of a file."""

    NEW = auto()
    REPLACED = auto()
    ALREADY = auto()


class Outcome(Struct, frozen=True, kw_only=True):
    """What was done about one file, in words, and the lines that differ where it took the place of an older one."""

    what: Written
    said: str = ""
    difference: tuple[str, ...] = ()


def write(file: UnitFile, *, replace: bool) -> Outcome:
    """Write one file; with ``replace`` also over what a person made there. Raises OSError where it cannot be."""
    path = file.path
    old = _read(path)
    if not file.text:
        if old is None or not is_as_written(old):
            return Outcome(what=Written.ALREADY)
        path.unlink()
        return Outcome(what=Written.REPLACED, said=f"removed {path}: all of this lake is in one folder")
    text = stamped(file.text)
    if old == text and not path.is_symlink():
        return Outcome(what=Written.ALREADY, said=f"unchanged: {path} is already as it should be")
    differs = tuple(map(printable, difference(old or "", text, path)))
    if not replace:
        _require_ours(file, old, differs)
    make_folder(path.parent)
    replace_file(path, text.encode())
    path.chmod(0o644)
    if old is None:
        return Outcome(what=Written.NEW, said=f"written: {path}")
    return Outcome(what=Written.REPLACED, said=f"replaced: {path}", difference=differs)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "" if path.is_symlink() else None


def _require_ours(file: UnitFile, old: str | None, differs: tuple[str, ...]) -> None:
    """Raise PointlineError where the file that is there is a person's (and show what differs), or another lake's."""
    path = file.path
    if path.is_symlink():
        target = path.readlink()
        if target == MASK:
            what, way = f"{path.stem} is masked: {path} is a link to {MASK}", f"unmask {path.stem} first, or "
        else:
            what, way = f"{path} is a symbolic link to {target}, which pointline did not make", ""
        raise PointlineError(
            what, subject=str(path), hint=f"{way}put the unit in place of the link: the same command with --replace"
        )
    if old is None or not differs:
        return
    if not is_as_written(old):
        print_lines([*differs, ""])
        raise PointlineError(
            f"{path} was changed by hand since `pointline service install` wrote it, or something else wrote it",
            subject=str(path),
            hint=f"to lose the lines marked - run the same command with --replace; {_own_changes(path)}",
        )
    kept = lake_of(path)
    if kept and kept != file.lake:
        raise PointlineError(
            f"{path} is the service of another lake, {kept}",
            subject=str(path),
            hint=f"run the same command with --replace to leave {shlex.quote(kept)} without a service",
        )


def _own_changes(path: Path) -> str:
    if path.suffix == ".plist":
        return "launchd has no other place for changes of your own, so copy them first"
    return f"changes of your own are kept if they are made by `systemctl edit {path.stem.removesuffix('@')}`"


def remove(unit: Unit) -> list[Path]:
    """Remove the unit, and what was written for single instances; return what was removed."""
    found = [unit.path]
    if unit.instances:
        found += [
            path
            for path in sorted(unit.path.parent.glob("pointline@*.service.d/places.conf"))
            if is_as_written(path.read_text(encoding="utf-8", errors="replace"))
        ]
    for path in found:
        path.unlink()
        if path != unit.path and not any(path.parent.iterdir()):
            path.parent.rmdir()
    return found


def not_writable(unit: Unit, error: OSError, command: str, root: Path | None) -> PointlineError:
    """Return the error that says what to type where the folder of units cannot be written."""
    itself = shlex.quote(str(Path(sysconfig.get_path("scripts")) / "pointline"))
    lake = f" --lake-root {shlex.quote(str(root))}" if root else ""
    typed = f"{itself} service {command}{unit.flags}{lake}"
    hint = f"check the mode and the owner of {unit.path.parent}" if unit.user else f"run `sudo {typed}`"
    if not unit.user and not unit.instances:
        hint += ", or pass --user for a service of your own"
    return PointlineError(f"{unit.path} cannot be written: {error.strerror}", subject=str(unit.path), hint=hint)
