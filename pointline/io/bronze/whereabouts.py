"""What a path is in bronze right now, and why the daemon looks at it or not: for people who ask about one path."""

from __future__ import annotations

import errno
import os
import stat
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from pointline.io.bronze.file_system import microseconds
from pointline.io.bronze.links import REMOVE, follow, is_inside, kind_of
from pointline.io.bronze.paths.foreign import why_ignored
from pointline.io.bronze.paths.layout import Layout, Refused
from pointline.io.bronze.paths.unrecognised import describe_foreign
from pointline.io.bronze.spelled_path import ESCAPED_BYTE, NOT_UTF8, spelled_path, written_path

LONGEST_NAME = 255
"""Bytes of a name on the usual file systems."""


class Place(StrEnum):
    """What was found at a path."""

    TAKEN = "taken"
    """A market-data file that the daemon takes."""
    REFUSED = "refused"
    """A file whose name claims to be market data and cannot be."""
    FOREIGN = "foreign"
    """A file that fits no layout."""
    IGNORED = "ignored"
    """A name that is left alone."""
    NOT_A_FILE = "not a file"
    """A folder, a link that is not followed, a pipe, ..."""
    UNREADABLE = "unreadable"
    MISSING = "missing"
    OUTSIDE = "outside bronze"


class Whereabouts(Struct, frozen=True, kw_only=True):
    """``path`` is relative to bronze and as tables write it, or absolute where it is outside.

    ``what`` goes on with a sentence that began with "it". Size and modification time (microseconds since the epoch,
    UTC) only of files.
    """

    path: str
    place: Place
    what: str
    size: int = 0
    mtime_us: int = 0
    advice: str = ""
    """What to do, where the path itself tells."""
    is_shut: bool = False
    """This process may not read the file."""


def find_path(bronze: Path, asked: str) -> str:
    """Return the path relative to bronze that a person means, as tables write it; absolute where it is outside.

    Absolute paths, paths relative to bronze, and paths relative to the working directory are understood.
    """
    root = os.path.realpath(bronze)
    if Path(asked).is_absolute():
        return _relative(root, asked) or written_path(os.path.normpath(asked))
    inside = os.path.normpath(asked)
    leads_up = f"{inside}/".startswith("../")
    if not leads_up and os.path.lexists(f"{root}/{spelled_path(root, inside)}"):
        return written_path(inside)
    here = str(Path.cwd() / asked)
    if os.path.lexists(here) or leads_up:
        return _relative(root, here) or written_path(os.path.normpath(here))
    return written_path(inside)


def look_closer(bronze: Path, layout: Layout, path: str, *, follow_links: bool = False) -> Whereabouts:
    """Look at one path, as ``find_path`` returns it. Opens nothing."""
    root = os.path.realpath(bronze)
    if Path(path).is_absolute():
        return Whereabouts(path=path, place=Place.OUTSIDE, what=f"is outside bronze, which is {root}")
    try:
        status, fault, advice = _status(root, spelled_path(root, path), follow_links=follow_links)
    except OSError as error:
        return _not_reached(path, error)
    if status is None:
        return Whereabouts(path=path, place=Place.NOT_A_FILE, what=fault, advice=advice)
    place, what = _judge_name(path, layout)
    advice = describe_foreign(path, layout.feeds).next_step if place is Place.FOREIGN else ""
    is_shut = not os.access(f"{root}/{spelled_path(root, path)}", os.R_OK)
    return Whereabouts(
        path=path,
        place=place,
        what=what,
        size=status.st_size,
        mtime_us=microseconds(status.st_mtime_ns),
        advice=advice,
        is_shut=is_shut,
    )


def _relative(root: str, path: str) -> str | None:
    """The path as seen from bronze; through links above bronze, but not through links inside it."""
    plain = os.path.normpath(path)
    if plain.startswith(f"{root}/"):
        return written_path(plain.removeprefix(f"{root}/"))
    folder, _, name = plain.rpartition("/")
    real = f"{os.path.realpath(folder)}/{name}"
    return written_path(real.removeprefix(f"{root}/")) if real.startswith(f"{root}/") else None


def _status(root: str, path: str, *, follow_links: bool) -> tuple[os.stat_result | None, str, str]:
    """The status of a regular file, or None, what is there instead, and advice if any. Raises OSError for nothing."""
    *folders, name = path.split("/")
    above = root
    for folder in folders:
        above = f"{above}/{folder}"
        if stat.S_ISLNK(os.lstat(above).st_mode):
            if not follow_links:
                link = written_path(os.path.relpath(above, root))
                return None, f"lies behind the symbolic link {link!r}, and folders behind links are not entered", ""
            real = os.path.realpath(above)
            if real == root or is_inside(root, real):
                return None, f"is read at its own place: {written_path(os.path.relpath(real, root))!r} is in bronze", ""
    status = os.lstat(f"{above}/{name}")
    if stat.S_ISLNK(status.st_mode):
        target = follow(root, f"{above}/{name}", follow_links=follow_links)
        if target.fault:
            return None, target.fault, target.advice
        status = target.status or status
    kind = kind_of(status.st_mode)
    if kind:
        return None, f"is {kind}, not a file", "" if stat.S_ISDIR(status.st_mode) else REMOVE
    return status, "", ""


def _judge_name(path: str, layout: Layout) -> tuple[Place, str]:
    if ignored := why_ignored(path, layout):
        return Place.IGNORED, f"is left alone: {ignored}"
    found = layout.recognise(path)
    if found is None:
        said = describe_foreign(path, layout.feeds)
        guess = f"; it may be {said.looks_like.removeprefix('perhaps ')}" if said.looks_like else ""
        return Place.FOREIGN, f"fits no layout: {said.reason}{guess}"
    if ESCAPED_BYTE.search(path):
        return Place.REFUSED, f"cannot be ingested: {NOT_UTF8}"
    if isinstance(found, Refused):
        return Place.REFUSED, f"cannot be ingested: {found.reason}"
    facts = f"{found.data_type} of {found.exchange}, {found.symbol}, {found.date}"
    return Place.TAKEN, f"is market data by its name: {facts}"


def _not_reached(path: str, error: OSError) -> Whereabouts:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Whereabouts(path=path, place=Place.MISSING, what="is not in bronze")
    if max(len(os.fsencode(name)) for name in path.split("/")) > LONGEST_NAME:
        return Whereabouts(path=path, place=Place.MISSING, what="is not in bronze: no file has so long a name")
    if error.errno == errno.ENAMETOOLONG:
        return Whereabouts(
            path=path, place=Place.UNREADABLE, what="cannot be reached: its path is longer than the system allows"
        )
    return Whereabouts(
        path=path, place=Place.UNREADABLE, what=f"cannot be looked at: {error.strerror} for {_refusing(error)}"
    )


def _refusing(error: OSError) -> str:
    return f"the folder {written_path(str(Path(error.filename).parent))!r}" if error.filename else "its folder"
